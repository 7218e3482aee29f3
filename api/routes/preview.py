"""What will be heard, looked at before a schedule is saved."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Depends
from pydantic import Field
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router, rule_gate
from api.routes.rules import ViolationOut
from api.routes.schedule_bodies import ScheduleIn
from api.routes.schedule_bodies import rule_of as rule_in
from api.routes.schemas import DurationMs, Identifier, Instant, Out
from api.routes.sessions import SessionIn
from broadcast import drafts, programmes, rule_look, slots
from broadcast import preview as room
from broadcast.heard import beyond_horizon
from broadcast.preview_options import OptionKind
from core.units import date_of
from schedules import foresight, sessions, timetable
from schedules.conflicts import Why
from schedules.expansion import rule_of
from schedules.reach import default_owner, require_known
from schedules.slot_tables import Slot
from schedules.slots import checked, require_apart
from schedules.tables import Schedule

router = api_router("schedules")

Planner = Annotated[Principal, Depends(Needs(Right.WRITE_SCHEDULES))]


class PreviewIn(ScheduleIn):
    schedule_id: Identifier | None = Field(None, description="The schedule that it would change; null: a new one")


class SessionPreviewIn(SessionIn):
    schedule_id: Identifier | None = Field(None, description="The session that it would change; null: a new one")


class OutcomeOut(Out):
    """What comes of a schedule at some places at one local time, alike on all these days."""

    schedule_id: str | None = Field(description="Null: the one that is looked at")
    slot: int | None = Field(description="Of a session: which of its slots, from 0")
    title: str
    fate: room.SlotFate = Field(description="What comes of it; open: the slot waits for its programme")
    why: Why | None
    local_time: str = Field(description="Its own time")
    heard_from: str | None = Field(description="When it would be heard; null: it would not")
    heard_until: str | None
    clashes_with: str | None = Field(description="The schedule that it gives way to; null: none, or the one looked at")
    clashes_title: str | None
    told: str = Field(description="The same as a Vietnamese sentence")
    units: list[str] = Field(description="The communes")
    unit_names: list[str] = Field(description="Of the first 20 of them")
    receivers: int
    days: list[date]


class OptionOut(Out):
    kind: OptionKind
    told: str
    local_time: str | None = Field(description="When to begin instead")
    shift_ms: int = Field(description="So much later than its own time; negative: earlier")
    duration_ms: DurationMs | None = Field(description="For shorten: how long it may be")
    clashes_with: str | None = Field(description="For order: the schedule that a commune may put behind it")


class PreviewOut(Out):
    occurrences: int = Field(description="Airings that were looked at: those of two weeks from the next one on")
    first: Instant | None
    last: Instant | None
    receivers: int
    clashes: bool
    outcomes: list[OutcomeOut] = Field(description="Of what is looked at, slot by slot, the worst first")
    displaced: list[OutcomeOut] = Field(description="Of others, because of it")
    options: list[OptionOut] = Field(description="Ways out that are free at all places and that the rules allow")
    warnings: list[str] = Field(
        [], description="In Vietnamese: beyond the horizon the airings of others aren't made yet, and may still change"
    )


class SessionPreviewOut(PreviewOut):
    violations: list[ViolationOut] = Field(description="Each rule of sound that it would break in the coming weeks")


@router.post("/schedules/preview", summary="What will be heard if it is saved", responses=responses(404))
def preview(context: Ctx, _who: Planner, body: PreviewIn) -> PreviewOut:
    """Nothing is changed. The same function decides here that decides what plans hold."""
    with context.db.reading() as session:
        programmes.require_usable(session, body.programme_id)
        duration_ms = programmes.duration_ms(session, body.programme_id)
        draft = _drafted(session, context, body, programme_id=body.programme_id, duration_ms=duration_ms)
        return _looked_at(session, context, draft)


@router.post("/sessions/preview", summary="What will be heard if a session is saved", responses=responses(404))
def preview_session(context: Ctx, _who: Planner, body: SessionPreviewIn) -> SessionPreviewOut:
    """Slot by slot: what each brings at each place, what waits for its programme, and which rules it would break.

    For a change of its slots name the session, and the slots that stay by their ids: what they are filled with counts.
    """
    now, settings = context.clock.now(), context.settings
    with context.db.reading() as session:
        specs = [slots.measured(session, one.spec) for one in body.slots]
        for spec in specs:
            if spec.id:
                sessions.get_slot(session, body.schedule_id or "", spec.id)
        schedule, rows = _drafted(session, context, body, slots=checked(specs))
        require_apart(rule_of(schedule), schedule.duration_ms, now)
        found = _looked_at(session, context, (schedule, rows))
        drafted = drafts.drafted(
            session, schedule, now, rule_look.FORESEEN, rule_look.STARTS_MOST, slots=rows, with_items=True
        )
        draft = rule_look.Draft(drafted.frame, schedule_id=body.schedule_id)
        breaches = rule_look.look(session, settings, draft, now)
        broken = rule_gate.told(session, breaches, date_of(now))
        return SessionPreviewOut(**found.model_dump(), violations=[ViolationOut.model_validate(one) for one in broken])


def _drafted(
    session: Session, context: Context, body: PreviewIn | SessionPreviewIn, **content: Any
) -> tuple[Schedule, list[Slot]]:
    if body.schedule_id is not None:
        timetable.get(session, body.schedule_id)
    targets = require_known(session, body.targets)
    return foresight.drafted(
        title=body.title,
        rule=rule_in(body.rule, context),
        targets=targets,
        owner_id=body.owner_id or default_owner(session, targets, on=date_of(context.clock.now())),
        schedule_id=body.schedule_id,
        **content,
    )


def _looked_at(session: Session, context: Context, draft: tuple[Schedule, list[Slot]]) -> PreviewOut:
    now, settings = context.clock.now(), context.settings
    found = PreviewOut.model_validate(room.look(session, *draft, now=now, settings=settings))
    if found.last is not None:
        found.warnings = beyond_horizon(found.last.astimezone(settings.zone).date(), now, settings)
    return found
