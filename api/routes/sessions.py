"""Sessions (buổi phát): frames of slots."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import Depends
from pydantic import Field
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.problems import responses
from api.routes import api_router, rule_gate
from api.routes.schedule_bodies import (
    OverrideReason,
    RuleIn,
    ScheduleOut,
    TargetsIn,
    materialise,
    require_receivers,
    rule_of,
    tell_receivers,
)
from api.routes.schemas import DurationMs, Identifier, In, Out
from broadcast import slots as room
from core import units
from core.errors import NotFound
from schedules import airings, series, sessions, timetable
from schedules.slots import MOST_SLOTS, Fallback, SlotKind, SlotSpec, offsets
from schedules.tables import Schedule

router = api_router("sessions")
Reader = Annotated[Principal, Depends(Needs(Right.READ_SCHEDULES))]
Planner = Annotated[Principal, Depends(Needs(Right.WRITE_SCHEDULES))]


class SlotIn(In):
    id: Identifier | None = Field(None, description="When slots are changed: the one that stays; null: a new one")
    kind: SlotKind
    title: str = Field(min_length=1, max_length=200, examples=["Bản tin của xã"])
    length_ms: DurationMs = Field(examples=[300_000])
    owner_id: Identifier | None = Field(None, description="The unit that fills it")
    each_commune: bool = Field(False, description="Each commune of the targets fills its own")
    fill_by_min: int = Field(0, ge=0, description="So many minutes before its start it has to be filled")
    fallback: Fallback = Field(
        "silence", description="Of one that isn't filled: what filled it last, music, silence, or the session closes"
    )
    music_id: Identifier | None = Field(None, description="For music: this programme")
    programme_id: Identifier | None = Field(None, description="Stands in it whenever nobody fills it")
    source: str | None = Field(None, max_length=200, description="For relay: the pinned source", examples=["vov1"])

    @property
    def spec(self) -> SlotSpec:
        return SlotSpec(**self.model_dump(exclude={"id"}), id=self.id or "")


Slots = Annotated[list[SlotIn], Field(min_length=1, max_length=MOST_SLOTS)]


class SessionIn(TargetsIn):
    title: str = Field(min_length=1, max_length=300, examples=["Buổi sáng"])
    rule: RuleIn
    owner_id: Identifier | None = Field(None, description="The unit whose session it is; as with a schedule")
    without_receivers: bool = Field(False, description="Save it though no receiver is at its targets yet")
    slots: Slots
    override_reason: OverrideReason = None


class SlotsChange(In):
    slots: Slots
    override_reason: OverrideReason = None
    since_airing_id: Identifier | None = Field(
        None, description="From this airing's day on only: another session, which is the answer, goes on from there"
    )
    version: int | None = Field(None, description="The version this change was made on; another one is refused")


class SlotOut(Out):
    id: str
    position: int
    offset_ms: DurationMs = Field(description="When it begins, after the session's start")
    kind: str
    title: str
    length_ms: DurationMs
    owner_id: str | None
    each_commune: bool
    fill_by_min: int
    fallback: str
    music_id: str | None
    programme_id: str | None
    source: str | None


class SessionOut(ScheduleOut):
    slots: list[SlotOut]


@router.post("/sessions", summary="Set a session up", status_code=201, responses=responses(404, 409))
def create_session(context: Ctx, who: Planner, body: SessionIn) -> SessionOut:
    """A standing frame: when, where, and its slots in order. A schedule of one programme is its short form."""
    with context.db.writing() as session:
        schedule = timetable.add(
            session,
            title=body.title,
            rule=rule_of(body.rule, context),
            targets=body.targets,
            owner_id=body.owner_id,
            slots=_specs(session, body.slots),
            actor=who.actor,
            clock=context.clock,
        )
        rule_gate.require_schedule(session, context, who, schedule, body.override_reason)
        if not body.without_receivers:
            require_receivers(session, body.targets, units.date_of(context.clock.now()))
        tell_receivers(session, context, materialise(session, context, schedule.id))
        return _shown(session, schedule)


@router.get("/sessions/{schedule_id}", summary="A session with its slots", responses=responses(404))
def get_session(context: Ctx, _who: Reader, schedule_id: str) -> SessionOut:
    """Of a schedule of one programme it lists none. Title, rule and targets are changed as those of a schedule."""
    with context.db.reading() as session:
        return _shown(session, timetable.get(session, schedule_id))


@router.put("/sessions/{schedule_id}/slots", summary="Change a session's slots", responses=responses(404, 409))
def change_slots(context: Ctx, who: Planner, schedule_id: str, body: SlotsChange) -> SessionOut:
    """All slots, in their order; one that is left out is taken out. What they are filled with stays, where it fits."""
    with context.db.writing() as session:
        specs = _specs(session, body.slots)
        actor, clock, version = who.actor, context.clock, body.version
        if body.since_airing_id is None:
            changed = timetable.edit(
                session, schedule_id, slots=specs, expected_version=version, actor=actor, clock=clock
            )
            schedule = timetable.get(session, schedule_id)
        else:
            since = airings.get(session, body.since_airing_id)
            if since.schedule_id != schedule_id:
                raise NotFound(what="lần phát của buổi này / airing of this session", id=since.id)
            schedule, changed = series.edit_following(
                session, since.id, slots=specs, expected_version=version, actor=actor, clock=clock
            )
        rule_gate.require_schedule(session, context, who, schedule, body.override_reason, changed=True)
        changed += materialise(session, context, schedule.id)
        tell_receivers(session, context, changed)
        return _shown(session, schedule)


def _specs(session: Session, given: Iterable[SlotIn]) -> list[SlotSpec]:
    return [room.measured(session, one.spec) for one in given]


def _shown(session: Session, schedule: Schedule) -> SessionOut:
    held = sessions.slots_of(session, schedule.id)
    begins = offsets([slot.length_ms for slot in held])
    fields = [name for name in SlotOut.model_fields if name != "offset_ms"]
    shown = [
        SlotOut(**{name: getattr(slot, name) for name in fields}, offset_ms=begin)
        for slot, begin in zip(held, begins, strict=True)
    ]
    return SessionOut(**ScheduleOut.model_validate(schedule).model_dump(), slots=shown)
