"""What will be, or was, heard at a place on a day."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Depends, Query
from pydantic import BeforeValidator, Field

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.problems import responses
from api.routes import api_router
from api.routes.schemas import DateIn, DurationMs, Instant, Out
from broadcast import heard as room
from broadcast import heard_items
from core.errors import Invalid
from schedules.foresight import is_foreseen

router = api_router("heard")

Reader = Annotated[Principal, Depends(Needs(Right.READ_SCHEDULES))]


def _made(airing_id: str) -> str | None:
    return None if is_foreseen(airing_id) else airing_id


class HeardItemOut(Out):
    kind: str = Field(description="airing, or command: played at once")
    id: Annotated[str | None, BeforeValidator(_made)] = Field(
        description="Of the airing, or of the command; null: the airing isn't made yet, so far ahead it is"
    )
    schedule_id: str | None
    title: str
    class_: str = Field(serialization_alias="class", description="emergency, priority or ordinary")
    starts_at: Instant = Field(description="When it is planned here")
    ends_at: Instant
    timetable_at: Instant | None = Field(
        description="Its own time in the timetable, from which a clash may have moved it"
    )
    state: heard_items.State = Field(
        description="A state of a playout; or cancelled, gives_way, against_rules, declined, unanswered: not heard here"
    )
    planned_ms: DurationMs
    played_ms: DurationMs = Field(description="What is proven")
    started_at: Instant | None
    ended_at: Instant | None
    told: str = Field(description="The same as a Vietnamese sentence")
    warnings: list[str]
    receivers: int = Field(description="At how many receivers it is so")


class HeardOut(Out):
    receiver_id: str | None
    unit_id: str | None
    day: date
    timezone: str
    receivers: int
    planned_ms: DurationMs
    played_ms: DurationMs
    items: list[HeardItemOut]
    warnings: list[str] = Field(
        description="In Vietnamese: beyond the horizon airings aren't made yet, and what is told may still change"
    )


@router.get("/heard", summary="What will be, or was, heard at a receiver or a unit on a day", responses=responses(404))
def heard(
    context: Ctx,
    _who: Reader,
    receiver: Annotated[str | None, Query(max_length=26)] = None,
    unit: Annotated[
        str | None, Query(max_length=26, description="All receivers at or below it, alike ones together")
    ] = None,
    date: Annotated[DateIn | None, Query(description="Local day; without it: today")] = None,
) -> HeardOut:
    """The past by what is proven, the future by what plans are made of, and what won't be heard there, with why."""
    if (receiver is None) == (unit is None):
        raise Invalid(what="hãy ghi một trong hai: receiver hoặc unit / give one of receiver and unit")
    now, settings = context.clock.now(), context.settings
    day = date or now.astimezone(settings.zone).date()
    with context.db.reading() as session:
        if receiver is not None:
            found = room.at_receiver(session, receiver, day, now=now, settings=settings)
        else:
            found = room.at_unit(session, unit or "", day, now=now, settings=settings)
        return HeardOut(
            receiver_id=receiver,
            unit_id=unit,
            day=day,
            timezone=settings.timezone,
            receivers=found.receivers,
            planned_ms=found.planned_ms,
            played_ms=found.played_ms,
            items=[HeardItemOut.model_validate(item) for item in found.items],
            warnings=room.beyond_horizon(day, now, settings),
        )
