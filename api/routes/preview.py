"""What will be heard, looked at before a schedule is saved."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Depends
from pydantic import Field

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.problems import responses
from api.routes import api_router
from api.routes.schedules import ScheduleIn, rule_of
from api.routes.schemas import DurationMs, Identifier, Instant, Out
from broadcast import facts, planning, programmes
from broadcast import preview as room
from broadcast.heard import beyond_horizon
from core.units import date_of
from schedules import timetable
from schedules.conflicts import Fate, Why
from schedules.reach import default_owner, require_known

router = api_router("schedules")

Planner = Annotated[Principal, Depends(Needs(Right.WRITE_SCHEDULES))]


class PreviewIn(ScheduleIn):
    schedule_id: Identifier | None = Field(None, description="The schedule that it would change; null: a new one")


class OutcomeOut(Out):
    """What comes of a schedule at some places at one local time, alike on all these days."""

    schedule_id: str | None = Field(description="Null: the one that is looked at")
    title: str
    fate: Fate
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
    kind: room.OptionKind
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
    outcomes: list[OutcomeOut] = Field(description="Of the schedule that is looked at, the worst first")
    displaced: list[OutcomeOut] = Field(description="Of others, because of it")
    options: list[OptionOut] = Field(description="Ways out that are free at all places and that the rules allow")
    warnings: list[str] = Field(
        [], description="What was not looked at, in Vietnamese: beyond the horizon the airings of others aren't made"
    )


@router.post("/schedules/preview", summary="What will be heard if it is saved", responses=responses(404))
def preview(context: Ctx, _who: Planner, body: PreviewIn) -> PreviewOut:
    """Nothing is changed. The same function decides here that decides what plans hold."""
    now = context.clock.now()
    rule = rule_of(body.rule, context)
    with context.db.reading() as session:
        if body.schedule_id is not None:
            timetable.get(session, body.schedule_id)
        programmes.require_usable(session, body.programme_id)
        require_known(session, body.targets)
        classes, campaigns, _ = facts.programme_bulletins(session, {body.programme_id})
        draft = room.Draft(
            title=body.title,
            class_=planning.highest(classes[body.programme_id]),
            duration_ms=programmes.duration_ms(session, body.programme_id),
            rule=rule,
            targets=body.targets,
            owner_id=body.owner_id or default_owner(session, body.targets, on=date_of(now)),
            campaigns=campaigns[body.programme_id],
            schedule_id=body.schedule_id,
        )
        found = PreviewOut.model_validate(room.look(session, draft, now=now, settings=context.settings))
        if found.last is not None:
            last = found.last.astimezone(context.settings.zone).date()
            found.warnings = beyond_horizon(last, now, context.settings)
        return found
