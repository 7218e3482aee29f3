"""Single occurrences of a schedule, also those that lie beyond what the timetable has made."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from pydantic import Field

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.problems import responses
from api.routes import api_router, rule_gate
from api.routes.schedules import AiringOut, OverrideReason, tell_receivers
from api.routes.schemas import In, InstantIn
from schedules import occurrences

router = api_router("schedules")
Planner = Annotated[Principal, Depends(Needs(Right.WRITE_SCHEDULES))]


class OccurrenceIn(In):
    original_start: InstantIn = Field(description="When the schedule's rule lets it air; at most 366 days ahead")


class OccurrenceMove(OccurrenceIn):
    starts_at: InstantIn = Field(description="When it shall air instead")
    override_reason: OverrideReason = None


@router.post(
    "/schedules/{schedule_id}/occurrences/cancel", summary="Cancel one occurrence", responses=responses(404, 409)
)
def cancel_occurrence(context: Ctx, who: Planner, schedule_id: str, body: OccurrenceIn) -> AiringOut:
    """Like cancelling an airing, for one that may not be there yet. Later edits of the schedule keep it cancelled."""
    with context.db.writing() as session:
        airing = occurrences.cancel(session, schedule_id, body.original_start, actor=who.actor, clock=context.clock)
        tell_receivers(session, context, [airing])
        return AiringOut.model_validate(airing)


@router.post("/schedules/{schedule_id}/occurrences/move", summary="Move one occurrence", responses=responses(404, 409))
def move_occurrence(context: Ctx, who: Planner, schedule_id: str, body: OccurrenceMove) -> AiringOut:
    """Like moving an airing, for one that may not be there yet; the answer is the airing that holds."""
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
        tell_receivers(session, context, changed)
        return AiringOut.model_validate(changed[-1])
