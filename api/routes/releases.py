"""Software for receivers: which releases there are, and rolling one out in stages."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from pydantic import Field
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.problems import responses
from api.routes import api_router
from api.routes.schemas import Identifier, In, Instant, Out
from broadcast import releases as room
from broadcast.release_tables import SoftwareRelease
from core.clock import Clock

router = api_router("releases")
Manager = Annotated[Principal, Depends(Needs(Right.MANAGE_RECEIVERS, everywhere=True))]


class ReleaseOut(Out):
    id: str
    version: str
    sha256: str
    bytes: int
    health_s: int = Field(description="Within how many seconds a receiver that tries it must prove itself")
    added_at: Instant
    halted_at: Instant | None
    counts: dict[str, int] = Field(description="Receivers by state", examples=[{"running": 12, "offered": 3}])


class ReleaseProgress(Out):
    receiver_id: str
    name: str
    state: str = Field(description="offered, refused, accepted, failed, running or expired")
    reason: str
    offered_at: Instant


class ReleaseDetail(ReleaseOut):
    receivers: list[ReleaseProgress]


class StageIn(In):
    """Whom it is offered: any of these."""

    percent: int = Field(0, ge=0, le=100, description="Of all receivers; a larger share holds the smaller one")
    receiver_ids: list[Identifier] = Field([], max_length=5_000)
    unit_ids: list[Identifier] = Field([], max_length=500, description="With all units below")


class HaltIn(In):
    reason: str = Field("", max_length=500)


@router.get("/releases", summary="Releases of the receivers' software, newest first")
def list_releases(context: Ctx, _who: Manager) -> list[ReleaseOut]:
    with context.db.reading() as session:
        return [_shown(session, row, context.clock) for row in room.every(session)]


@router.get("/releases/{release_id}", summary="A release, and what became of it", responses=responses(404))
def get_release(context: Ctx, _who: Manager, release_id: str) -> ReleaseDetail:
    with context.db.reading() as session:
        return _detail(session, room.get(session, release_id), context.clock)


@router.post("/releases/{release_id}/roll", summary="Offer a release to a stage", responses=responses(404, 409))
def roll_out(context: Ctx, who: Manager, release_id: str, body: StageIn) -> ReleaseDetail:
    """Refused while it has failed on a receiver. Offered again is who was offered it, and hasn't answered in time."""
    stage = room.Stage(percent=body.percent, receivers=body.receiver_ids, units=body.unit_ids)
    with context.db.writing() as session:
        row = room.get(session, release_id)
        room.roll(session, row, stage, actor=who.actor, clock=context.clock)
        session.flush()
        return _detail(session, row, context.clock)


@router.post("/releases/{release_id}/halt", summary="Offer a release to nobody more", responses=responses(404, 409))
def halt(context: Ctx, who: Manager, release_id: str, body: HaltIn) -> ReleaseDetail:
    with context.db.writing() as session:
        row = room.get(session, release_id)
        room.halt(session, row, reason=body.reason, actor=who.actor, clock=context.clock)
        session.flush()
        return _detail(session, row, context.clock)


def _shown(session: Session, row: SoftwareRelease, clock: Clock) -> ReleaseOut:
    held = {name: getattr(row, name) for name in ReleaseOut.model_fields if name != "counts"}
    return ReleaseOut(**held, counts=room.counts(room.progress(session, row, clock.now())))


def _detail(session: Session, row: SoftwareRelease, clock: Clock) -> ReleaseDetail:
    found = room.progress(session, row, clock.now())
    return ReleaseDetail(
        **_shown(session, row, clock).model_dump(),
        receivers=[
            ReleaseProgress(
                receiver_id=one.receiver.id,
                name=one.receiver.name,
                state=one.state,
                reason=one.reason,
                offered_at=one.offered_at,
            )
            for one in found
        ],
    )
