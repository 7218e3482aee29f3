"""Deciding about a whole session on one of its days: it doesn't air, or it airs at another time, with all its slots.

The decision is a row of `day_decisions`; `sessions.sync` makes of it what there is of airings, now and when the
horizon comes to that day. So a day can be decided about that lies far ahead, and a commune that joins the session
later is cancelled or moved with the others. What its slots are filled with stays, and airs again once the decision is
taken back. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from core import events
from core.clock import Clock
from core.events import Actor
from schedules import sessions
from schedules.airings import require_movable
from schedules.errors import AiringBegun, InThePast
from schedules.expansion import CancelReason
from schedules.localtime import told
from schedules.slot_tables import DayDecision
from schedules.tables import Airing, Schedule


def cancel(
    session: Session, schedule: Schedule, original_start: datetime, *, actor: Actor, clock: Clock
) -> list[Airing]:
    """Let the session not air on that day; of one that has begun, let nothing more of it air. [] where it didn't."""
    now = clock.now()
    held = decision(session, schedule, original_start)
    if held is not None and held.starts_at is None:
        return []
    begins = original_start if held is None or held.starts_at is None else held.starts_at
    if begins + timedelta(milliseconds=schedule.duration_ms) <= now:
        raise AiringBegun(at=told(begins, schedule.timezone))
    _decide(session, schedule, original_start, held, None, actor, now)
    changed = _sync(session, schedule, original_start, "occurrence", actor, now)
    _record(session, schedule, "day-cancelled", original_start, changed, actor, now)
    return changed


def move(
    session: Session,
    schedule: Schedule,
    original_start: datetime,
    *,
    starts_at: datetime,
    actor: Actor,
    clock: Clock,
) -> list[Airing]:
    """Let the session of that day begin at another instant; one that was cancelled airs then."""
    now = clock.now()
    held = decision(session, schedule, original_start)
    begins = original_start if held is None else held.starts_at
    if begins == starts_at:
        return []
    if begins is not None and begins <= now:
        raise AiringBegun(at=told(begins, schedule.timezone))
    require_movable(starts_at, now, schedule.timezone)
    if starts_at == original_start:
        return restore(session, schedule, original_start, actor=actor, clock=clock)
    _decide(session, schedule, original_start, held, starts_at, actor, now)
    changed = _sync(session, schedule, original_start, "moved", actor, now)
    _record(session, schedule, "day-moved", original_start, changed, actor, now, starts_at=starts_at.isoformat())
    return changed


def restore(
    session: Session, schedule: Schedule, original_start: datetime, *, actor: Actor, clock: Clock
) -> list[Airing]:
    """Take the decision about that day back; [] where there is none."""
    now = clock.now()
    held = decision(session, schedule, original_start)
    if held is None:
        return []
    if original_start <= now:
        raise InThePast(at=told(original_start, schedule.timezone), now=told(now, schedule.timezone))
    if held.starts_at is not None and held.starts_at <= now:
        raise AiringBegun(at=told(held.starts_at, schedule.timezone))
    held.ended_at, held.ended_by = now, actor.id
    session.flush()
    changed = _sync(session, schedule, original_start, "moved", actor, now)
    _record(session, schedule, "day-restored", original_start, changed, actor, now)
    return changed


def decision(session: Session, schedule: Schedule, original_start: datetime) -> DayDecision | None:
    """What holds for that day of the session."""
    return session.scalar(
        select(DayDecision).where(
            DayDecision.schedule_id == schedule.id,
            DayDecision.original_start == original_start,
            DayDecision.ended_at.is_(None),
        )
    )


def moved(
    session: Session, schedule_id: str, of: Collection[datetime], since: datetime, until: datetime
) -> list[tuple[datetime, datetime]]:
    """(original start, start) of those that a hand moved: among these, or into this time."""
    held = select(DayDecision.original_start, DayDecision.starts_at).where(
        DayDecision.schedule_id == schedule_id, DayDecision.ended_at.is_(None), DayDecision.starts_at.is_not(None)
    )
    into = and_(DayDecision.starts_at >= since, DayDecision.starts_at < until)
    found = session.execute(held.where(or_(DayDecision.original_start.in_(of), into)))
    return [(original, start) for original, start in found if start is not None]


def shifts(session: Session, of: Collection[tuple[str, datetime]]) -> dict[tuple[str, datetime], timedelta]:
    """By (session, original start), of those that a hand moved as a whole: how much later than planned they begin."""
    if not of:
        return {}
    held = select(DayDecision.schedule_id, DayDecision.original_start, DayDecision.starts_at).where(
        DayDecision.schedule_id.in_({schedule for schedule, _ in of}),
        DayDecision.original_start.in_({start for _, start in of}),
        DayDecision.ended_at.is_(None),
        DayDecision.starts_at.is_not(None),
    )
    return {(row.schedule_id, row.original_start): row.starts_at - row.original_start for row in session.execute(held)}


def _decide(
    session: Session,
    schedule: Schedule,
    original_start: datetime,
    held: DayDecision | None,
    starts_at: datetime | None,
    actor: Actor,
    now: datetime,
) -> None:
    if held is not None:
        held.ended_at, held.ended_by = now, actor.id
    session.add(
        DayDecision(
            schedule_id=schedule.id,
            original_start=original_start,
            starts_at=starts_at,
            decided_by=actor.id,
            decided_at=now,
        )
    )
    session.flush()


def _sync(
    session: Session, schedule: Schedule, original_start: datetime, because: CancelReason, actor: Actor, now: datetime
) -> list[Airing]:
    until = sessions.horizon_of(session, schedule, now)
    cancelled, made = sessions.sync(
        session, [schedule], now=now, until=until, actor=actor, only=original_start, because=because
    )
    return [*cancelled, *made]


def _record(
    session: Session,
    schedule: Schedule,
    action: str,
    original_start: datetime,
    changed: list[Airing],
    actor: Actor,
    at: datetime,
    **data: Any,
) -> None:
    source = "system" if actor.is_system else "user"
    events.record(
        session,
        f"{source}:session:{action}",
        actor=actor,
        at=at,
        subject=("schedule", schedule.id),
        original_start=original_start.isoformat(),
        cancelled=[one.id for one in changed if one.status == "cancelled"],
        made={one.id: one.replaces_id for one in changed if one.status != "cancelled"},
        **data,
    )
