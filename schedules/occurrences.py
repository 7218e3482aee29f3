"""Deciding about one occurrence of a schedule, which may lie beyond the horizon: by its schedule and original start.

1. Of a schedule of one programme its airing is made at once, and cancelled, moved or changed like any other. The row is
   the decision: expansion, when it comes there, finds the occurrence decided, and later edits keep it, day by day.
2. Of a session the whole day is decided about (`schedules.session_days`). What its slots bring is filled, not changed.
3. Taken back, the occurrence airs as its schedule says.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import Clock
from core.events import Actor
from schedules import airings, local_days, session_days
from schedules.airings import FURTHEST_MOVE, require_movable
from schedules.errors import InThePast, NotAnOccurrence, ScheduleCancelled, ScheduleNotFound, TooFarAhead
from schedules.expansion import locked, rule_of, values_of
from schedules.localtime import told
from schedules.recurrence import occurrences
from schedules.slot_errors import HasSlots
from schedules.tables import Airing, Schedule


def cancel(session: Session, schedule_id: str, original_start: datetime, *, actor: Actor, clock: Clock) -> list[Airing]:
    """Let this occurrence not air; returns what changed."""
    now = clock.now()
    schedule = _lock(session, schedule_id)
    if schedule.programme_id is None:
        _require(session, schedule, original_start, now)
        return session_days.cancel(session, schedule, original_start, actor=actor, clock=clock)
    airing = _airing(session, schedule, original_start, now)
    return [airings.cancel(session, airing.id, actor=actor, clock=clock)]


def move(
    session: Session,
    schedule_id: str,
    original_start: datetime,
    *,
    starts_at: datetime,
    actor: Actor,
    clock: Clock,
) -> list[Airing]:
    """Let this occurrence air at another instant: what was planned, cancelled, and what replaces it; or []."""
    now = clock.now()
    schedule = _lock(session, schedule_id)
    require_movable(starts_at, now, schedule.timezone)  # before a row is made for nothing
    if schedule.programme_id is None:
        _require(session, schedule, original_start, now)
        return session_days.move(session, schedule, original_start, starts_at=starts_at, actor=actor, clock=clock)
    airing = _airing(session, schedule, original_start, now)
    return airings.move(session, airing.id, starts_at=starts_at, actor=actor, clock=clock)


def change(
    session: Session,
    schedule_id: str,
    original_start: datetime,
    *,
    programme_id: str,
    duration_ms: int,
    actor: Actor,
    clock: Clock,
) -> list[Airing]:
    """Let this occurrence have another programme, or another length of it. Raises `HasSlots` for a session."""
    schedule = _lock(session, schedule_id)
    if schedule.programme_id is None:
        raise HasSlots(title=schedule.title)
    airing = _airing(session, schedule, original_start, clock.now())
    return airings.change(
        session, airing.id, programme_id=programme_id, duration_ms=duration_ms, actor=actor, clock=clock
    )


def restore(
    session: Session, schedule_id: str, original_start: datetime, *, actor: Actor, clock: Clock
) -> list[Airing]:
    """Take back what hands decided about this occurrence: [] where nothing was."""
    local_days.hold(session)
    schedule = _lock(session, schedule_id)
    if schedule.programme_id is None:
        return session_days.restore(session, schedule, original_start, actor=actor, clock=clock)
    airing = _latest(session, schedule, original_start)
    return [] if airing is None else airings.restore(session, airing.id, actor=actor, clock=clock)


def _lock(session: Session, schedule_id: str) -> Schedule:
    schedule = session.scalar(locked(select(Schedule).where(Schedule.id == schedule_id)))
    if schedule is None:
        raise ScheduleNotFound(id=schedule_id)
    if schedule.status != "active":
        raise ScheduleCancelled(title=schedule.title)
    return schedule


def _airing(session: Session, schedule: Schedule, original_start: datetime, now: datetime) -> Airing:
    """The newest airing of the occurrence; it is made where there is none yet."""
    airing = _latest(session, schedule, original_start)
    if airing is not None:
        return airing
    _require(session, schedule, original_start, now)
    airing = Airing(**values_of(schedule, original_start))
    session.add(airing)
    session.flush()
    return airing


def _latest(session: Session, schedule: Schedule, original_start: datetime) -> Airing | None:
    return session.scalar(
        select(Airing)
        .where(Airing.schedule_id == schedule.id, Airing.original_start == original_start)
        .where(Airing.local_day_id.is_(None))
        .order_by(Airing.generation.desc())
        .limit(1)
    )


def _require(session: Session, schedule: Schedule, original_start: datetime, now: datetime) -> None:
    """Raises `NotAnOccurrence`, `InThePast`, `TooFarAhead`; of a session one that is on air, or moved, may be meant."""
    zone = schedule.timezone
    framed = schedule.programme_id is None
    decided = session_days.decision(session, schedule, original_start) if framed else None
    ends = original_start + timedelta(milliseconds=schedule.duration_ms if framed else 0)
    if decided is None and ends <= now:
        raise InThePast(at=told(original_start, zone), now=told(now, zone))
    if original_start > now + FURTHEST_MOVE:
        raise TooFarAhead(at=told(original_start, zone), days=FURTHEST_MOVE.days)
    if original_start not in occurrences(rule_of(schedule), original_start, original_start + timedelta(seconds=1)):
        raise NotAnOccurrence(at=told(original_start, zone))
