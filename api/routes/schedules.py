"""Schedules: made, changed for all of their airings, and ended."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import Depends, Query
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router, rule_gate
from api.routes.schedule_bodies import (
    ScheduleChange,
    ScheduleIn,
    ScheduleOut,
    TargetsIn,
    edits_of,
    materialise,
    require_receivers,
    rule_of,
    tell_receivers,
)
from api.routes.schemas import After, Limit, Out, Page, page_of
from broadcast import programmes
from core import units
from schedules import timetable
from schedules.reach import default_owner, receivers_of, require_known, silent_parts
from schedules.tables import Schedule

router = api_router("schedules")

On = Annotated[date | None, Query(description="As of this local date; without it: of today")]
Reader = Annotated[Principal, Depends(Needs(Right.READ_SCHEDULES))]
Planner = Annotated[Principal, Depends(Needs(Right.WRITE_SCHEDULES))]


class ReachOut(Out):
    """What targets come to on a date."""

    on: date
    owner_id: str | None = Field(description="Whose schedule it is if nobody says otherwise")
    receivers: int = Field(description="How many receivers in use are meant")
    silent_unit_ids: list[str] = Field(description="Targets without a receiver in use: nothing sounds there")
    silent_group_ids: list[str]
    silent_receiver_ids: list[str]


@router.get("/schedules", summary="Schedules, newest first")
def list_schedules(
    context: Ctx,
    who: Reader,
    status: Annotated[Literal["active", "cancelled"] | None, Query()] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[ScheduleOut]:
    wanted = select(Schedule).order_by(Schedule.id.desc()).limit(limit + 1)
    if status:
        wanted = wanted.where(Schedule.status == status)
    if after:
        wanted = wanted.where(Schedule.id < after)
    with context.db.reading() as session:
        wanted = wanted.where(who.sees(session, "schedule"))
        return page_of(session.scalars(wanted).all(), limit, ScheduleOut.model_validate, lambda one: one.id)


@router.post("/schedules/targets", summary="What targets come to", responses=responses())
def preview_targets(context: Ctx, _who: Reader, body: TargetsIn, on: On = None) -> ReachOut:
    """Before saving: how many receivers would play, and which of the targets would stay silent."""
    day = on or units.date_of(context.clock.now())
    with context.db.reading() as session:
        targets = require_known(session, body.targets)
        silent = silent_parts(session, targets, on=day)
        return ReachOut(
            on=day,
            owner_id=default_owner(session, targets, on=day),
            receivers=len(receivers_of(session, targets, on=day)),
            silent_unit_ids=list(silent.units),
            silent_group_ids=list(silent.groups),
            silent_receiver_ids=list(silent.receivers),
        )


@router.post("/schedules", summary="Schedule a programme", status_code=201, responses=responses(404, 409))
def create_schedule(context: Ctx, who: Planner, body: ScheduleIn) -> ScheduleOut:
    with context.db.writing() as session:
        return ScheduleOut.model_validate(scheduled(session, context, who, body))


def scheduled(session: Session, context: Context, who: Principal, body: ScheduleIn) -> Schedule:
    """A schedule of what `body` says, if the rules let it air and somebody hears it; receivers are told."""
    programmes.require_usable(session, body.programme_id)
    schedule = timetable.add(
        session,
        title=body.title,
        programme_id=body.programme_id,
        rule=rule_of(body.rule, context),
        targets=body.targets,
        owner_id=body.owner_id,
        duration_ms=programmes.duration_ms(session, body.programme_id),
        actor=who.actor,
        clock=context.clock,
    )
    rule_gate.require_schedule(session, context, who, schedule, body.override_reason)
    if not body.without_receivers:
        require_receivers(session, body.targets, units.date_of(context.clock.now()))
    tell_receivers(session, context, materialise(session, context, schedule.id))
    return schedule


@router.get("/schedules/{schedule_id}", summary="One schedule", responses=responses(404))
def get_schedule(context: Ctx, _who: Reader, schedule_id: str) -> ScheduleOut:
    with context.db.reading() as session:
        return ScheduleOut.model_validate(timetable.get(session, schedule_id))


@router.patch("/schedules/{schedule_id}", summary="Change a schedule", responses=responses(404, 409))
def edit_schedule(context: Ctx, who: Planner, schedule_id: str, body: ScheduleChange) -> ScheduleOut:
    """Changes what lies ahead. Airings that receivers already know of are cancelled and replaced, never re-timed."""
    with context.db.writing() as session:
        edits = edits_of(session, context, body, timetable.get(session, schedule_id))
        changed = timetable.edit(session, schedule_id, actor=who.actor, clock=context.clock, **edits)
        schedule = timetable.get(session, schedule_id)
        if body.rule is not None or body.programme_id is not None or edits["targets"] is not None:
            rule_gate.require_schedule(session, context, who, schedule, body.override_reason, changed=True)
        changed += materialise(session, context, schedule_id)
        tell_receivers(session, context, changed)
        return ScheduleOut.model_validate(schedule)


@router.post("/schedules/{schedule_id}/cancel", summary="End a schedule", responses=responses(404, 409))
def cancel_schedule(context: Ctx, who: Planner, schedule_id: str) -> ScheduleOut:
    """Cancels every airing that lies ahead. What is on air goes on: stop it by itself."""
    with context.db.writing() as session:
        changed = timetable.cancel(session, schedule_id, actor=who.actor, clock=context.clock)
        tell_receivers(session, context, changed)
        return ScheduleOut.model_validate(timetable.get(session, schedule_id))
