"""Airings: single ones cancelled, moved, changed and brought back; and a series changed from one of them on."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Query
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router, rule_gate
from api.routes.commands import CommandOut, StopIn, shown, stop_airing
from api.routes.schedule_bodies import (
    AiringOut,
    OneAiringChange,
    OverrideReason,
    ScheduleChange,
    ScheduleOut,
    edits_of,
    materialise,
    programme_of,
    require_usable,
    tell_receivers,
)
from api.routes.schemas import In, InstantIn
from core.errors import Invalid
from schedules import airings, series, timetable
from schedules.errors import NothingToChange
from schedules.tables import Airing

router = api_router("airings")

Reader = Annotated[Principal, Depends(Needs(Right.READ_SCHEDULES))]
Planner = Annotated[Principal, Depends(Needs(Right.WRITE_SCHEDULES))]
OnDuty = Annotated[Principal, Depends(Needs(Right.STOP_SOUND))]

LONGEST_LIST = timedelta(days=92)


class Moved(In):
    starts_at: InstantIn
    override_reason: OverrideReason = None


@router.get("/airings", summary="Airings of a span of time, by their start", responses=responses(404))
def list_airings(
    context: Ctx,
    who: Reader,
    since: Annotated[InstantIn, Query(description="Sounding at this instant or later")],
    until: Annotated[InstantIn, Query(description="Beginning before this instant, at most 92 days later")],
    unit_id: Annotated[
        list[str] | None, Query(max_length=100, description="With a target at, above or below one of these")
    ] = None,
) -> list[AiringOut]:
    if not timedelta() < until - since <= LONGEST_LIST:
        raise Invalid(what="khoảng thời gian phải từ 1 giây đến 92 ngày / the span must be 1 second to 92 days")
    with context.db.reading() as session:
        found = who.only(session, "airing", timetable.between(session, since, until, unit_id))
        return [AiringOut.model_validate(one) for one in found]


@router.get("/airings/{airing_id}", summary="One airing", responses=responses(404))
def get_airing(context: Ctx, _who: Reader, airing_id: str) -> AiringOut:
    with context.db.reading() as session:
        return AiringOut.model_validate(airings.get(session, airing_id))


@router.post("/airings/{airing_id}/cancel", summary="Cancel one airing", responses=responses(404, 409))
def cancel_airing(context: Ctx, who: Planner, airing_id: str) -> AiringOut:
    """For one that lies ahead; one on air is to be stopped."""
    with context.db.writing() as session:
        airing = airings.cancel(session, airing_id, actor=who.actor, clock=context.clock)
        tell_receivers(session, context, [airing])
        return AiringOut.model_validate(airing)


@router.post("/airings/{airing_id}/move", summary="Move one airing", responses=responses(404, 409))
def move_airing(context: Ctx, who: Planner, airing_id: str, body: Moved) -> AiringOut:
    """The airing is cancelled and another one replaces it; the answer is the one that holds."""
    with context.db.writing() as session:
        changed = airings.move(session, airing_id, starts_at=body.starts_at, actor=who.actor, clock=context.clock)
        return _held(session, context, who, airing_id, changed, body.override_reason)


@router.post("/airings/{airing_id}/edit", summary="Another programme for one airing", responses=responses(404, 409))
def edit_airing(context: Ctx, who: Planner, airing_id: str, body: OneAiringChange) -> AiringOut:
    """The airing is cancelled and another one replaces it, which is the answer; its siblings stay as they are.

    Of a session: fill its slot on that day.
    """
    if body.programme_id is None and body.duration_ms is None:
        raise NothingToChange
    with context.db.writing() as session:
        before = airings.get(session, airing_id)
        programme_id, duration_ms = programme_of(session, body, before.programme_id)
        changed = airings.change(
            session,
            airing_id,
            programme_id=programme_id,
            duration_ms=duration_ms,
            actor=who.actor,
            clock=context.clock,
        )
        return _held(session, context, who, airing_id, changed, body.override_reason)


@router.post(
    "/airings/{airing_id}/restore", summary="Take back what was decided about one airing", responses=responses(404, 409)
)
def restore_airing(context: Ctx, who: Planner, airing_id: str) -> AiringOut:
    """Cancelled, moved or changed, it airs again as its schedule says; the answer is the airing that holds."""
    with context.db.writing() as session:
        changed = airings.restore(session, airing_id, actor=who.actor, clock=context.clock)
        require_usable(session, changed)
        return _held(session, context, who, airing_id, changed, None)


def _held(
    session: Session, context: Context, who: Principal, airing_id: str, changed: list[Airing], reason: str | None
) -> AiringOut:
    """The airing that holds now, if the rules let it air; receivers are told."""
    rule_gate.require_airings(session, context, who, changed, reason)
    tell_receivers(session, context, changed)
    standing = [one for one in changed if one.status != "cancelled"]
    return AiringOut.model_validate(standing[-1] if standing else airings.get(session, airing_id))


@router.post(
    "/airings/{airing_id}/edit-following",
    summary="Change a series from this airing on",
    status_code=201,
    responses=responses(404, 409),
)
def edit_following(context: Ctx, who: Planner, airing_id: str, body: ScheduleChange) -> ScheduleOut:
    """The series ends before this airing and another schedule, which is the answer, goes on from it."""
    with context.db.writing() as session:
        before = timetable.get(session, airings.get(session, airing_id).schedule_id)
        edits = edits_of(session, context, body, before)
        schedule, changed = series.edit_following(session, airing_id, actor=who.actor, clock=context.clock, **edits)
        rule_gate.require_schedule(session, context, who, schedule, body.override_reason)
        changed += materialise(session, context, schedule.id)
        tell_receivers(session, context, changed)
        return ScheduleOut.model_validate(schedule)


@router.post("/airings/{airing_id}/stop", summary="Stop what is on air", responses=responses(404, 409))
def stop(context: Ctx, who: OnDuty, airing_id: str, body: StopIn | None = None) -> list[CommandOut]:
    """Silences this airing at once, everywhere or at one unit. Anyone on duty may, alone; the reason can follow."""
    with context.db.writing() as session:
        given = stop_airing(
            session,
            airing_id,
            unit_id=body.unit_id if body else None,
            reason=body.reason if body else "",
            who=who,
            clock=context.clock,
        )
        return [shown(session, command) for command in given]
