"""What receivers are told to do at once. A web process only writes a command down; the leader signs and sends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from fastapi import Depends, Query
from pydantic import Field, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router
from api.routes.schemas import After, Identifier, In, Instant, InstantIn, Limit, Out, Page, page_of
from broadcast import commands as room
from broadcast import pauses
from broadcast.tables import CommandAnswer, IssuedCommand
from core import units
from core.clock import Clock
from core.errors import Conflict, Invalid, NotFound
from devices.tables import Receiver
from schedules import airings
from schedules.reach import NearBy

router = api_router("commands")
Reader = Annotated[Principal, Depends(Needs(Right.READ_TODAY))]
OnDuty = Annotated[Principal, Depends(Needs(Right.STOP_SOUND))]
Operator = Annotated[Principal, Depends(Needs(Right.WRITE_SCHEDULES))]

TONE_LEAST_MS, TONE_MOST_MS = 500, 10_000
MUTED_MOST = room.LIFE_MAX


class StopIn(In):
    unit_id: Identifier | None = Field(None, description="Only at or below this unit; null: everywhere it airs")
    reason: str = Field("", max_length=500, description="May be left empty and told afterwards")


class StopAnything(In):
    """Names a unit or a receiver, not both."""

    unit_id: Identifier | None = None
    receiver_id: Identifier | None = None
    reason: str = Field("", max_length=500)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.unit_id is None) == (self.receiver_id is None):
            raise ValueError("unit_id or receiver_id, one of them")
        return self


class AnswerOut(Out):
    receiver_id: str
    result: str = Field(description="accepted or refused")
    reason: str | None
    answered_at: Instant


class CommandOut(Out):
    id: str
    audience: str = Field(description="rx/{receiver} or area/{unit}", examples=["area/01K0Q3V5K8E2Z6W7RBN4T9XYSD"])
    name: str = Field(examples=["stop"])
    airing_id: str | None
    reason: str | None
    issued_by: str
    issued_at: Instant
    expires_at: Instant
    published_at: Instant | None = Field(description="When it was sent; null: it waits to be signed and sent")
    answers: list[AnswerOut] = Field(description="What receivers said; one that isn't here has not answered")


def shown(session: Session, command: IssuedCommand, who: Principal | None = None) -> CommandOut:
    """A command with the answers of the receivers that a person sees; just given: with all there are, which is none."""
    wanted = select(CommandAnswer).where(CommandAnswer.command_id == command.id).order_by(CommandAnswer.answered_at)
    if who is not None and not who.reach(Right.READ_TODAY).everywhere:
        boxes = select(Receiver.id).where(who.sees(session, "receiver"))
        wanted = wanted.where(CommandAnswer.receiver_id.in_(boxes))
    answers = session.scalars(wanted)
    held = {name: getattr(command, name) for name in CommandOut.model_fields if name != "answers"}
    return CommandOut(**held, answers=[AnswerOut.model_validate(answer) for answer in answers])


def stop_airing(
    session: Session, airing_id: str, *, unit_id: str | None, reason: str, who: Principal, clock: Clock
) -> list[IssuedCommand]:
    """Stop an airing at and below one unit; without one, wherever the person is on duty: all of it, or their places.

    Raises `NotFound`, and `Conflict` where it is over or doesn't sound there.
    """
    now, actor = clock.now(), who.actor
    places = [unit_id] if unit_id is not None else who.places(Right.STOP_SOUND)
    if places is None:
        return room.stop_airing(session, airing_id, actor=actor, now=now, reason=reason)
    airing = airings.get(session, airing_id)
    ends_at = room.must_sound_yet(session, airing, now)
    today = units.date_of(airing.starts_at)
    meant = [
        one for one in places if NearBy(session, [units.get(session, one).id], [today]).meant(airing.targets, on=today)
    ]
    if not meant:
        raise Conflict(what="lần phát này không phát ở đơn vị đó / this airing is not for that unit")
    life = max(ends_at - now + timedelta(minutes=1), room.NAMED_STOP_LIFE)
    return [
        room.issue(
            session,
            "stop",
            actor=actor,
            now=now,
            life=min(life, room.LIFE_MAX),
            unit_id=one,
            reason=reason,
            airing_id=airing_id,
            stops_airing=airing_id,
        )
        for one in meant
    ]


@router.get("/commands", summary="Commands, newest first")
def list_commands(
    context: Ctx,
    who: Reader,
    airing_id: Annotated[str | None, Query(description="Only those that stop this airing")] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[CommandOut]:
    wanted = select(IssuedCommand).where(IssuedCommand.copy_of_id.is_(None)).order_by(IssuedCommand.id.desc())
    if airing_id:
        wanted = wanted.where(IssuedCommand.airing_id == airing_id)
    if after:
        wanted = wanted.where(IssuedCommand.id < after)
    with context.db.reading() as session:
        found = session.scalars(wanted.where(who.sees(session, "command")).limit(limit + 1)).all()
        return page_of(found, limit, lambda command: shown(session, command, who), lambda command: command.id)


@router.get("/commands/{command_id}", summary="One command and its answers", responses=responses(404))
def get_command(context: Ctx, who: Reader, command_id: str) -> CommandOut:
    with context.db.reading() as session:
        command = session.get(IssuedCommand, command_id)
        if command is None:
            raise NotFound(what="lệnh / command", id=command_id)
        return shown(session, command, who)


@router.post("/commands/stop", summary="Stop whatever sounds at a place", status_code=201, responses=responses(404))
def stop(context: Ctx, who: OnDuty, body: StopAnything) -> CommandOut:
    """Silences what sounds there now and nothing that comes later. To stop one airing, use `/airings/{id}/stop`."""
    with context.db.writing() as session:
        command = room.stop(
            session,
            actor=who.actor,
            now=context.clock.now(),
            receiver_id=body.receiver_id,
            unit_id=body.unit_id,
            reason=body.reason,
        )
        return shown(session, command)


class ToneIn(In):
    duration_ms: int = Field(3000, ge=TONE_LEAST_MS, le=TONE_MOST_MS)


class VolumeIn(In):
    volume: int = Field(ge=0, le=100, description="Per cent of full scale; the caps of its plan hold")


class MuteIn(In):
    until: InstantIn | None = Field(description="Silent until then, at most 7 days ahead; null: no longer")
    reason: str = Field("", max_length=500)


@router.post(
    "/receivers/{receiver_id}/test-tone", summary="Sound a test tone", status_code=201, responses=responses(404)
)
def test_tone(context: Ctx, who: Operator, receiver_id: str, body: ToneIn) -> CommandOut:
    """Within two minutes or not at all. Quiet hours hold for it; the answer of the box says whether it sounded."""
    with context.db.writing() as session:
        now = context.clock.now()
        return shown(session, room.test_tone(session, receiver_id, body.duration_ms, actor=who.actor, now=now))


@router.post("/receivers/{receiver_id}/volume", summary="Set the volume", status_code=201, responses=responses(404))
def set_volume(context: Ctx, who: Operator, receiver_id: str, body: VolumeIn) -> CommandOut:
    with context.db.writing() as session:
        now = context.clock.now()
        return shown(session, room.set_volume(session, receiver_id, body.volume, actor=who.actor, now=now))


@router.post("/receivers/{receiver_id}/mute", summary="Silence a receiver", status_code=201, responses=responses(404))
def mute(context: Ctx, who: OnDuty, receiver_id: str, body: MuteIn) -> CommandOut:
    """Emergencies still sound. Anyone on duty may, alone; the reason can follow."""
    return _mute(context, who, body, receiver_id=receiver_id)


def _mute(context: Context, who: Principal, body: MuteIn, **to: str) -> CommandOut:
    now = context.clock.now()
    if body.until is not None and not now < body.until <= now + MUTED_MOST:
        raise Invalid(what="chỉ tắt tiếng được đến một lúc trong 7 ngày tới / a time within the next 7 days")
    with context.db.writing() as session:
        command = room.mute(session, until=body.until, actor=who.actor, now=now, reason=body.reason, **to)
        return shown(session, command)


class PauseOut(Out):
    until: Instant
    command: CommandOut
    receivers: int = Field(description="In use at and below the unit")
    obeyed: int = Field(description="Those that have said so; the others follow when they are connected")


@router.post("/units/{unit_id}/pause", summary="Pause a place", status_code=201, responses=responses(404))
def pause(context: Ctx, who: OnDuty, unit_id: str, body: MuteIn) -> CommandOut:
    """All receivers at and below it fall silent at once, until then; `until` null takes it back. Emergencies still
    sound. What was cut off isn't played again.
    """
    return _mute(context, who, body, unit_id=unit_id)


@router.get("/units/{unit_id}/pause", summary="Whether a place is paused", responses=responses(404))
def get_pause(context: Ctx, who: Reader, unit_id: str) -> PauseOut | None:
    """Null: it isn't. A pause of a unit above it counts."""
    with context.db.reading() as session:
        found = pauses.of(session, unit_id, context.clock.now())
        if found is None:
            return None
        command = shown(session, found.command, who)
        return PauseOut(until=found.until, command=command, receivers=found.receivers, obeyed=found.obeyed)


@router.post("/units/{unit_id}/volume", summary="Set the volume of a place", status_code=201, responses=responses(404))
def set_unit_volume(context: Ctx, who: Operator, unit_id: str, body: VolumeIn) -> list[CommandOut]:
    """One command for each receiver in use at and below the unit."""
    with context.db.writing() as session:
        now = context.clock.now()
        given = pauses.set_volume(session, unit_id, body.volume, actor=who.actor, now=now)
        return [shown(session, command) for command in given]
