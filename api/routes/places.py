"""Receivers."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Depends, Query
from pydantic import Field
from sqlalchemy import select

from api import enrolling
from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.problems import responses
from api.routes import api_router
from api.routes.schemas import After, Identifier, In, Instant, Limit, Out, Page, page_of
from broadcast import delivery, receiver_profiles
from core import units as tree
from core.profiles import Profile
from devices import registry
from devices.keyring import Keyring
from devices.tables import Receiver

receivers = api_router("receivers")

Reader = Annotated[Principal, Depends(Needs(Right.READ_RECEIVERS))]
Manager = Annotated[Principal, Depends(Needs(Right.MANAGE_RECEIVERS))]


class ReceiverIn(In):
    unit_id: Identifier
    name: str = Field(min_length=1, max_length=200, examples=["Nhà văn hóa thôn Đồng Bùi"])
    clusters: int = Field(1, ge=1, le=1000, description="Loudspeaker clusters behind the box")
    profile: Profile | None = Field(
        None,
        description="horn: it drives its own horns; full: it feeds an amplifier or transmitter;"
        " null: horn where there is one cluster, else full",
    )
    machine: str = Field("", max_length=500, description="Digest of the one machine that it may run on; empty: any")


class ReceiverOut(Out):
    id: str
    unit_id: str
    name: str
    clusters: int
    profile: Profile = Field(description="Of the sounds that it plays: full or horn")
    status: str = Field(description="waiting (its place has no box yet), active or revoked")
    enrolled_at: Instant
    online: bool
    heard_at: Instant | None = Field(description="When anything was last heard from it")
    held_revision: int = Field(description="The plan that it last said to hold; 0: none")
    software: str | None
    last_status: dict[str, Any] | None = Field(description="Its last status, as it said it")


class Enrolled(Out):
    receiver: ReceiverOut
    identity: dict[str, Any] = Field(
        description="The identity file for the box with its private key and password: shown this once, kept nowhere"
    )


class ProfileIn(In):
    profile: Profile = Field(description="horn: it drives its own horns; full: it feeds an amplifier or transmitter")


class Revocation(In):
    reason: str = Field(min_length=1, max_length=500, examples=["Bộ thu bị mất trộm"])


@receivers.get("/receivers", summary="Receivers and their presence")
def list_receivers(
    context: Ctx,
    who: Reader,
    unit_id: Annotated[str | None, Query(description="At or below this unit")] = None,
    online: Annotated[bool | None, Query(description="Whether it is connected now")] = None,
    status: Annotated[str | None, Query(pattern="^(waiting|active|revoked)$")] = "active",
    after: After = None,
    limit: Limit = 100,
) -> Page[ReceiverOut]:
    wanted = select(Receiver).order_by(Receiver.id).limit(limit + 1)
    if status:
        wanted = wanted.where(Receiver.status == status)
    if online is not None:
        wanted = wanted.where(Receiver.online == online)
    if after:
        wanted = wanted.where(Receiver.id > after)
    with context.db.reading() as session:
        wanted = wanted.where(who.sees(session, "receiver"))
        if unit_id:
            today = tree.date_of(context.clock.now())
            wanted = wanted.where(
                Receiver.unit_id.in_(tree.below_query(session, [tree.get(session, unit_id).id], on=today))
            )
        found = session.scalars(wanted).all()
        return page_of(found, limit, ReceiverOut.model_validate, lambda receiver: receiver.id)


@receivers.get("/receivers/{receiver_id}", summary="One receiver", responses=responses(404))
def get_receiver(context: Ctx, _who: Reader, receiver_id: str) -> ReceiverOut:
    with context.db.reading() as session:
        return ReceiverOut.model_validate(registry.get(session, receiver_id))


@receivers.post("/receivers", summary="Make an identity file", status_code=201, responses=responses(404))
def enrol(context: Ctx, who: Manager, body: ReceiverIn) -> Enrolled:
    """For simulated receivers and boxes that can't make keys of their own; others enrol themselves with a code.

    The answer holds what goes onto the box, this once. If it is lost, revoke the receiver and enrol it anew.
    """
    keyring = Keyring.load(context.settings.keys, ())
    with context.db.writing() as session:
        receiver, identity = registry.enrol(
            session,
            unit=tree.get(session, body.unit_id),
            name=body.name,
            clusters=body.clusters,
            profile=body.profile,
            keyring=keyring,
            broker=enrolling.broker_address(context.settings, context.broker_port),
            authority=enrolling.authority(context.settings),
            clock=context.clock,
            actor=who.actor,
            machine=body.machine,
        )
        delivery.request(session, [receiver.id], context.clock.now())
        shown = ReceiverOut.model_validate(receiver)
    return Enrolled(receiver=shown, identity=msgspec.to_builtins(identity))


@receivers.post("/receivers/{receiver_id}/profile", summary="Change its profile", responses=responses(404, 409))
def set_profile(context: Ctx, who: Manager, receiver_id: str, body: ProfileIn) -> ReceiverOut:
    """Which rendition of each sound it plays. It gets a new plan and fetches the sounds that it names; until then it
    plays by the plan that it holds.
    """
    with context.db.writing() as session:
        receiver = receiver_profiles.change(session, receiver_id, body.profile, actor=who.actor, clock=context.clock)
        return ReceiverOut.model_validate(receiver)


@receivers.post("/receivers/{receiver_id}/revoke", summary="Revoke a receiver", responses=responses(404, 409))
def revoke(context: Ctx, who: Manager, receiver_id: str, body: Revocation) -> ReceiverOut:
    """From now on it can't log in at the broker and nothing that it signs counts. The only way back is to enrol."""
    with context.db.writing() as session:
        receiver = registry.revoke(session, receiver_id, reason=body.reason, clock=context.clock, actor=who.actor)
        return ReceiverOut.model_validate(receiver)
