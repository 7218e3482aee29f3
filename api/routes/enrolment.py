"""Enrolling: places and codes for those who manage receivers, and the two doors for boxes.

The doors are open to all: a box proves itself by its code or its key, and its answer is signed for it alone. An
address from which many are refused waits, longer each time (`throttle`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated

import msgspec
from fastapi import Depends, Request
from pydantic import Field

from api import enrolling
from api.auth import throttle
from api.auth.guard import Ctx, Needs, Principal, address_of, public
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router
from api.routes.places import ReceiverOut
from api.routes.schemas import Checked, Identifier, In, Instant, Out, Sha256
from broadcast import delivery
from core import units as tree
from core.errors import TruyenThanhError
from core.profiles import Profile
from devices import enrolment, registry
from devices.keyring import Keyring
from devices.protocol.enrolment import EnrolCall, RenewCall

router = api_router("receivers")
Manager = Annotated[Principal, Depends(Needs(Right.MANAGE_RECEIVERS))]

_PUBLIC = [Depends(public)]


class PlaceIn(In):
    unit_id: Identifier
    name: str = Field(min_length=1, max_length=200, examples=["Nhà văn hóa thôn Đồng Bùi"])
    clusters: int = Field(1, ge=1, le=registry.CLUSTERS_MAX, description="Loudspeaker clusters behind the box")
    profile: Profile | None = Field(None, description="null: horn where there is one cluster, else full")


class CodesIn(In):
    places: list[PlaceIn] = Field([], max_length=enrolment.CODES_MAX, description="New places")
    receiver_ids: list[Identifier] = Field(
        [], max_length=enrolment.CODES_MAX, description="Places that are there: a box that is replaced, or enrols again"
    )
    days: int = Field(30, ge=1, le=enrolment.CODE_LIFE_MAX.days, description="For how long the codes work")


class CodeOut(Out):
    receiver: ReceiverOut
    code: str = Field(description="Shown this once, kept nowhere", examples=["K7QF-2M9X-TR4D-8WZN-3475-0F98-…"])
    expires_at: Instant


class CodesOut(Out):
    fingerprint: str = Field(description="Of the root key: the last 32 digits of each code")
    codes: list[CodeOut]


class EnrolIn(Checked):
    key: Sha256 = Field(description="The box's public Ed25519 key, 32 raw bytes in hexadecimal")
    request: str = Field(max_length=20_000, description="JWS `enrol`")


class RenewIn(Checked):
    receiver: Identifier
    request: str = Field(max_length=20_000, description="JWS `renew`")


class AnswerOut(Out):
    root: str = Field(description="The root's public key")
    enrolment: str = Field(description="JWS `enrolment`")


@router.post("/receivers/codes", summary="Make one-time codes", status_code=201, responses=responses(404))
def make_codes(context: Ctx, who: Manager, body: CodesIn) -> CodesOut:
    """For new places, and for those whose box is replaced or enrols again. Earlier codes of these places are void; the
    box that stands there goes on until another one comes with the code.
    """
    root = Keyring.load(context.settings.keys, ()).issuer
    with context.db.writing() as session:
        receivers = [registry.get(session, one) for one in dict.fromkeys(body.receiver_ids)]
        for new in body.places:
            made = registry.place(
                session,
                unit=tree.get(session, new.unit_id),
                name=new.name,
                clusters=new.clusters,
                profile=new.profile,
                clock=context.clock,
                actor=who.actor,
            )
            receivers.append(made)
        codes = enrolment.make_codes(
            session, receivers, root=root, clock=context.clock, actor=who.actor, life=timedelta(days=body.days)
        )
        return CodesOut(
            fingerprint=root,
            codes=[
                CodeOut(
                    receiver=ReceiverOut.model_validate(one.receiver), code=one.code.text, expires_at=one.expires_at
                )
                for one in codes
            ],
        )


@contextmanager
def _door(context: Context, request: Request) -> Iterator[None]:
    """What one box asks. Raises `TooManyRefused`; counts it where the box is refused."""
    address = address_of(request)
    with context.db.reading() as session:
        throttle.admit(session, address=address, clock=context.clock)
    try:
        yield
    except TruyenThanhError as error:
        if error.status < 500:
            with context.db.writing() as session:
                throttle.refused(session, address=address, clock=context.clock)
        raise


@router.post("/enrolment", summary="For boxes: enrol with a code", dependencies=_PUBLIC, responses=responses(403, 429))
def enrol(context: Ctx, request: Request, body: EnrolIn) -> AnswerOut:
    """See docs/receiver-protocol.md, section 2."""
    office = enrolling.office(context.settings, context.clock, context.broker_port)
    with _door(context, request), context.db.writing() as session:
        answer, receiver = office.enrol(session, EnrolCall(key=body.key, request=body.request))
        delivery.request(session, [receiver.id], context.clock.now())
    return AnswerOut.model_validate(msgspec.to_builtins(answer))


@router.post(
    "/renewal", summary="For receivers: fresh certificates", dependencies=_PUBLIC, responses=responses(403, 429)
)
def renew(context: Ctx, request: Request, body: RenewIn) -> AnswerOut:
    """See docs/receiver-protocol.md, section 2."""
    office = enrolling.office(context.settings, context.clock, context.broker_port)
    try:
        with _door(context, request), context.db.writing() as session:
            answer = office.renew(session, RenewCall(receiver=body.receiver, request=body.request))
    except enrolment.AnotherMachine:
        with context.db.writing() as session:
            registry.alarm(session, body.receiver, "cloned-card", clock=context.clock)
        raise
    return AnswerOut.model_validate(msgspec.to_builtins(answer))
