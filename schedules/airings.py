"""Deciding about one airing: it is cancelled, moved, or has another programme; and such a decision is taken back.

These are different facts, and stay so. What stands is never rewritten: it is cancelled with the reason ("withdrawn",
"moved", "changed") and, but for one withdrawn, replaced. Taken back, what the schedule says replaces it in its turn.
`schedules.expansion` keeps the decision through later edits.

Each function locks the schedule first. None commits. What is returned are the airings whose receivers need a new plan.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import events
from core.clock import Clock
from core.events import Actor
from schedules import local_days, sessions
from schedules.errors import (
    AiringBegun,
    AiringNotFound,
    AiringNotScheduled,
    AiringReplaced,
    InThePast,
    NotAnOccurrence,
    ScheduleCancelled,
    TooFarAhead,
)
from schedules.expansion import cancel_row, is_moved, locked, rule_of, successor, values_of
from schedules.localtime import told
from schedules.recurrence import occurrences
from schedules.slot_errors import HasSlots
from schedules.tables import Airing, Schedule

FURTHEST_MOVE = timedelta(days=366)
_DAY = timedelta(days=1)


def get(session: Session, airing_id: str) -> Airing:
    """The airing; raises `AiringNotFound`."""
    airing = session.get(Airing, airing_id)
    if airing is None:
        raise AiringNotFound(id=airing_id)
    return airing


def cancel(session: Session, airing_id: str, *, actor: Actor, clock: Clock) -> Airing:
    """Withdraw this one airing; one that is cancelled already stays as it is.

    Raises `AiringBegun`, and `AiringReplaced` where another one stands for it: to say "cancelled" would leave that on.
    """
    now = clock.now()
    airing, schedule = _lock(session, airing_id)
    if airing.status == "cancelled":
        last = _last_successor(session, airing)
        if last.status != "cancelled":
            zone = schedule.timezone
            raise AiringReplaced(at=told(airing.starts_at, zone), successor=told(last.starts_at, zone))
        return airing
    _must_lie_ahead(airing, now, schedule)
    cancel_row(airing, "withdrawn", now=now, actor=actor)
    session.flush()
    _record(session, airing, "cancelled", actor, now, starts_at=airing.starts_at.isoformat())
    return airing


def move(session: Session, airing_id: str, *, starts_at: datetime, actor: Actor, clock: Clock) -> list[Airing]:
    """Let this one airing start at another instant: [the old one, cancelled, the new one]; [] where nothing changes."""
    now = clock.now()
    airing, schedule = _lock(session, airing_id)
    _must_stand(airing, now, schedule)
    if starts_at == airing.starts_at:
        return []
    require_movable(starts_at, now, schedule.timezone)
    moved = successor(cancel_row(airing, "moved", now=now, actor=actor), starts_at=starts_at)
    session.add(moved)
    session.flush()
    _record(session, airing, "moved", actor, now, replaced_by=moved.id, starts_at=starts_at.isoformat())
    return [airing, moved]


def change(
    session: Session, airing_id: str, *, programme_id: str, duration_ms: int, actor: Actor, clock: Clock
) -> list[Airing]:
    """Let this one airing have another programme, or length of it: [the old one, cancelled, the new one]; or [].

    Raises `HasSlots` for a part of a session: that is filled.
    """
    now = clock.now()
    airing, schedule = _lock(session, airing_id)
    if airing.slot_id:
        raise HasSlots(title=schedule.title)
    _must_stand(airing, now, schedule)
    if (programme_id, duration_ms) == (airing.programme_id, airing.duration_ms):
        return []
    changed = successor(cancel_row(airing, "changed", now=now, actor=actor), starts_at=airing.starts_at)
    changed.programme_id, changed.duration_ms, changed.own_programme = programme_id, duration_ms, True
    session.add(changed)
    session.flush()
    facts = {"programme": [airing.programme_id, programme_id], "duration_ms": [airing.duration_ms, duration_ms]}
    _record(session, airing, "changed", actor, now, replaced_by=changed.id, **facts)
    return [airing, changed]


def restore(session: Session, airing_id: str, *, actor: Actor, clock: Clock) -> list[Airing]:
    """Take back what hands decided about this airing's occurrence, or part of a session: it airs as planned again.

    [] where nothing was decided. Raises `AiringBegun`, `InThePast`, and `NotAnOccurrence` where the schedule has
    nothing on that day any more.
    """
    now = clock.now()
    local_days.hold(session)
    airing, schedule = _lock(session, airing_id)
    if schedule.status != "active":
        raise ScheduleCancelled(title=schedule.title)
    last = _last_successor(session, airing)
    withdrawn = last.status == "cancelled" and last.cancel_reason == "withdrawn"
    if not (withdrawn or last.own_programme or is_moved(last)):
        return []
    if not withdrawn:
        _must_stand(last, now, schedule)
    changed = (_restore_part if last.slot_id else _restore)(session, schedule, last, now, actor)
    new = next((one.id for one in changed if one.status != "cancelled"), None)
    _record(session, last, "restored", actor, now, replaced_by=new)
    return changed


def require_movable(starts_at: datetime, now: datetime, zone: str) -> None:
    """Raises `InThePast`, `TooFarAhead`."""
    if starts_at <= now:
        raise InThePast(at=told(starts_at, zone), now=told(now, zone))
    if starts_at > now + FURTHEST_MOVE:
        raise TooFarAhead(at=told(starts_at, zone), days=FURTHEST_MOVE.days)


def _restore(session: Session, schedule: Schedule, last: Airing, now: datetime, actor: Actor) -> list[Airing]:
    instant = _occurrence_of(schedule, last.original_start)
    if instant <= now:
        raise InThePast(at=told(instant, schedule.timezone), now=told(now, schedule.timezone))
    if last.status != "cancelled":
        reason = "moved" if is_moved(last) else "changed"
        cancel_row(last, reason, now=now, actor=actor)  # type: ignore[arg-type] # both are reasons
    of_it = select(func.max(Airing.generation)).where(
        Airing.schedule_id == schedule.id, Airing.original_start == instant
    )
    held = session.scalar(of_it)
    values = values_of(schedule, instant) | {"generation": 0 if held is None else held + 1}
    new = Airing(**values, replaces_id=last.id)
    session.add(new)
    session.flush()
    settled = local_days.settle(session, [schedule], now=now, until=instant + _DAY, actor=actor)
    return list({one.id: one for one in (last, new, *settled)}.values())


def _occurrence_of(schedule: Schedule, original: datetime) -> datetime:
    """The schedule's occurrence that an earlier one is now: of the same instant, else the nearest of its local day."""
    rule = rule_of(schedule)
    near = list(occurrences(rule, original - 2 * _DAY, original + 2 * _DAY))
    same_day = [one for one in near if rule.local_day(one) == rule.local_day(original)]
    if original in near:
        return original
    if not same_day:
        raise NotAnOccurrence(at=told(original, schedule.timezone))
    return min(same_day, key=lambda one: abs(one - original))


def _restore_part(session: Session, schedule: Schedule, last: Airing, now: datetime, actor: Actor) -> list[Airing]:
    until = sessions.horizon_of(session, schedule, now)
    cancelled, made = sessions.sync(
        session,
        [schedule],
        now=now,
        until=until,
        actor=actor,
        only=last.original_start,
        because="moved",
        restored=(last.slot_id, last.place_id, last.original_start),
    )
    return [*cancelled, *made]


def _lock(session: Session, airing_id: str) -> tuple[Airing, Schedule]:
    """The airing, and its schedule, which is locked first."""
    schedule_id = get(session, airing_id).schedule_id
    schedule = session.scalars(locked(select(Schedule).where(Schedule.id == schedule_id))).one()
    return session.scalars(locked(select(Airing).where(Airing.id == airing_id))).one(), schedule


def _last_successor(session: Session, airing: Airing) -> Airing:
    """The airing that stands for this one after all moves and edits; itself where none does."""
    of_schedule = select(Airing).where(Airing.schedule_id == airing.schedule_id, Airing.slot_id == airing.slot_id)
    while (
        following := session.scalar(
            locked(of_schedule.where(Airing.replaces_id == airing.id).order_by(Airing.generation.desc()).limit(1))
        )
    ) is not None:
        airing = following
    return airing


def _must_stand(airing: Airing, now: datetime, schedule: Schedule) -> None:
    if airing.status != "scheduled":
        raise AiringNotScheduled(at=told(airing.starts_at, schedule.timezone))
    _must_lie_ahead(airing, now, schedule)


def _must_lie_ahead(airing: Airing, now: datetime, schedule: Schedule) -> None:
    if airing.status not in {"scheduled", "open"} or airing.starts_at <= now:
        raise AiringBegun(at=told(airing.starts_at, schedule.timezone))


def _record(session: Session, airing: Airing, action: str, actor: Actor, at: datetime, **data: Any) -> None:
    source = "system" if actor.is_system else "user"
    subject = ("airing", airing.id)
    events.record(
        session, f"{source}:airing:{action}", actor=actor, at=at, subject=subject, schedule=airing.schedule_id, **data
    )
