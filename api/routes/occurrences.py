"""Single occurrences of a schedule or session, also those that lie beyond what the timetable has made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends
from pydantic import Field
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router, rule_gate
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
from api.routes.schemas import In, InstantIn, Out
from schedules import occurrences, series, timetable
from schedules.errors import NothingToChange
from schedules.tables import Airing

router = api_router("schedules")
Planner = Annotated[Principal, Depends(Needs(Right.WRITE_SCHEDULES))]


class OccurrenceIn(In):
    original_start: InstantIn = Field(description="When the schedule's rule lets it air; at most 366 days ahead")


class OccurrenceMove(OccurrenceIn):
    starts_at: InstantIn = Field(description="When it shall air instead")
    override_reason: OverrideReason = None


class OccurrenceEdit(OneAiringChange, OccurrenceIn):
    pass


class OccurrenceEditFollowing(ScheduleChange, OccurrenceIn):
    pass


class OccurrenceOut(Out):
    """What became of it: of a session an airing for each of its parts, none yet where it lies beyond the horizon."""

    cancelled: list[AiringOut]
    made: list[AiringOut] = Field(description="What airs; each `replaces_id` what was in a plan, or stood, before")


@router.post(
    "/schedules/{schedule_id}/occurrences/cancel", summary="Cancel one occurrence", responses=responses(404, 409)
)
def cancel_occurrence(context: Ctx, who: Planner, schedule_id: str, body: OccurrenceIn) -> OccurrenceOut:
    """Like cancelling an airing, for one that may not be there yet; of a session all of its slots on that day.

    Later edits of the schedule keep it cancelled.
    """
    with context.db.writing() as session:
        changed = occurrences.cancel(session, schedule_id, body.original_start, actor=who.actor, clock=context.clock)
        return _told(session, context, changed)


@router.post("/schedules/{schedule_id}/occurrences/move", summary="Move one occurrence", responses=responses(404, 409))
def move_occurrence(context: Ctx, who: Planner, schedule_id: str, body: OccurrenceMove) -> OccurrenceOut:
    """Like moving an airing, for one that may not be there yet; a session moves with all of its slots."""
    with context.db.writing() as session:
        changed = occurrences.move(
            session,
            schedule_id,
            body.original_start,
            starts_at=body.starts_at,
            actor=who.actor,
            clock=context.clock,
        )
        rule_gate.require_airings(session, context, who, changed, body.override_reason)
        return _told(session, context, changed)


@router.post(
    "/schedules/{schedule_id}/occurrences/edit",
    summary="Another programme for one occurrence",
    responses=responses(404, 409),
)
def edit_occurrence(context: Ctx, who: Planner, schedule_id: str, body: OccurrenceEdit) -> OccurrenceOut:
    """Only this one; the others of the series stay as they are. Of a session: fill its slot on that day."""
    if body.programme_id is None and body.duration_ms is None:
        raise NothingToChange
    with context.db.writing() as session:
        schedule = timetable.get(session, schedule_id)
        programme_id, duration_ms = programme_of(session, body, schedule.programme_id)
        changed = occurrences.change(
            session,
            schedule_id,
            body.original_start,
            programme_id=programme_id,
            duration_ms=duration_ms,
            actor=who.actor,
            clock=context.clock,
        )
        rule_gate.require_airings(session, context, who, changed, body.override_reason)
        return _told(session, context, changed)


@router.post(
    "/schedules/{schedule_id}/occurrences/restore",
    summary="Take back what was decided about one occurrence",
    responses=responses(404, 409),
)
def restore_occurrence(context: Ctx, who: Planner, schedule_id: str, body: OccurrenceIn) -> OccurrenceOut:
    """Cancelled, moved or changed, it airs again as its schedule says; where nothing was decided nothing changes."""
    with context.db.writing() as session:
        changed = occurrences.restore(session, schedule_id, body.original_start, actor=who.actor, clock=context.clock)
        require_usable(session, changed)
        rule_gate.require_airings(session, context, who, changed, None)
        return _told(session, context, changed)


@router.post(
    "/schedules/{schedule_id}/occurrences/edit-following",
    summary="Change a series from one occurrence on",
    status_code=201,
    responses=responses(404, 409),
)
def edit_following_occurrences(
    context: Ctx, who: Planner, schedule_id: str, body: OccurrenceEditFollowing
) -> ScheduleOut:
    """Like changing it from an airing on, for one that may not be there yet."""
    with context.db.writing() as session:
        edits = edits_of(session, context, body, timetable.get(session, schedule_id))
        schedule, changed = series.edit_since(
            session, schedule_id, body.original_start, actor=who.actor, clock=context.clock, **edits
        )
        rule_gate.require_schedule(session, context, who, schedule, body.override_reason)
        changed += materialise(session, context, schedule.id)
        tell_receivers(session, context, changed)
        return ScheduleOut.model_validate(schedule)


def _told(session: Session, context: Context, changed: Sequence[Airing]) -> OccurrenceOut:
    tell_receivers(session, context, changed)
    return OccurrenceOut(
        cancelled=[AiringOut.model_validate(one) for one in changed if one.status == "cancelled"],
        made=[AiringOut.model_validate(one) for one in changed if one.status != "cancelled"],
    )
