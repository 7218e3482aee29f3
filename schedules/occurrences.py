"""Deciding about one occurrence of a schedule that may lie beyond the horizon: by its schedule and original start.

Its airing is made at once, and cancelled or moved like any other. The row is the decision: expansion, when it comes
there, finds the occurrence decided, and later edits of the schedule keep it, day by day.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import Clock
from core.events import Actor
from schedules import timetable
from schedules.errors import InThePast, NotAnOccurrence, ScheduleCancelled, ScheduleNotFound, TooFarAhead
from schedules.expansion import locked, rule_of, values_of
from schedules.recurrence import occurrences
from schedules.slot_errors import HasSlots
from schedules.tables import Airing, Schedule

FURTHEST = timedelta(days=366)


def cancel(session: Session, schedule_id: str, original_start: datetime, *, actor: Actor, clock: Clock) -> Airing:
    """Let this occurrence not air; returns its airing, cancelled."""
    airing = _airing(session, schedule_id, original_start, clock.now())
    return timetable.cancel_airing(session, airing.id, actor=actor, clock=clock)


def move(
    session: Session,
    schedule_id: str,
    original_start: datetime,
    *,
    starts_at: datetime,
    actor: Actor,
    clock: Clock,
) -> list[Airing]:
    """Let this occurrence air at another instant: [the planned airing, cancelled, the new one]; [] for no change."""
    now = clock.now()
    if not now < starts_at <= now + FURTHEST:  # before a row is made for nothing
        zone = timetable.get(session, schedule_id).timezone
        raise _outside(starts_at, now, zone)
    airing = _airing(session, schedule_id, original_start, now)
    return timetable.move_airing(session, airing.id, starts_at=starts_at, actor=actor, clock=clock)


def _airing(session: Session, schedule_id: str, original_start: datetime, now: datetime) -> Airing:
    """The newest airing of the occurrence; it is made where there is none yet."""
    schedule = session.scalar(locked(select(Schedule).where(Schedule.id == schedule_id)))
    if schedule is None:
        raise ScheduleNotFound(id=schedule_id)
    if schedule.status != "active":
        raise ScheduleCancelled(title=schedule.title)
    if schedule.programme_id is None:
        raise HasSlots(title=schedule.title)
    airing = session.scalar(
        select(Airing)
        .where(Airing.schedule_id == schedule_id, Airing.original_start == original_start)
        .where(Airing.local_day_id.is_(None))
        .order_by(Airing.generation.desc())
        .limit(1)
    )
    if airing is not None:
        return airing
    if not now < original_start <= now + FURTHEST:
        raise _outside(original_start, now, schedule.timezone)
    if original_start not in occurrences(rule_of(schedule), original_start, original_start + timedelta(seconds=1)):
        raise NotAnOccurrence(at=_told(original_start, schedule.timezone))
    airing = Airing(**values_of(schedule, original_start))
    session.add(airing)
    session.flush()
    return airing


def _outside(at: datetime, now: datetime, zone: str) -> InThePast | TooFarAhead:
    if at <= now:
        return InThePast(at=_told(at, zone), now=_told(now, zone))
    return TooFarAhead(at=_told(at, zone), days=FURTHEST.days)


def _told(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%H:%M %d/%m/%Y")
