"""Filling the slots of sessions by date: with a programme, with what a fallback gives, and back again.

What a slot is filled with is a row of `fillings`; `sessions.sync` turns it into an airing. So a slot can be filled
weeks ahead of its airing. The rules:

1. The filling that is not ended holds. Another one takes its place; undone, the one before it holds again.
2. What is longer than the slot is refused, unless it may be cut at the slot's end.
3. Up to its start a slot can be filled, also after its fill-by: the fallback then gives way.
4. A slot that a hand withdrew for a day isn't filled on it.

None commits. What is returned are the airings whose receivers need a new plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import events
from core.clock import Clock
from core.events import Actor
from core.ids import new_id
from schedules import session_days, sessions
from schedules.expansion import rule_of
from schedules.localtime import told
from schedules.recurrence import occurrences
from schedules.slot_errors import FillingNotFound, NotOnThatDay, SlotBegun, WhichAiring
from schedules.slot_tables import Filling, Slot
from schedules.tables import Airing, Schedule

Source = Literal["owner", "previous", "music", "silence", "close"]
Why = Literal["missing", "overlong", "withdrawn"]

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ToFill:
    """A slot that waits for a programme: `why`, and by when."""

    airing: Airing
    slot: Slot
    title: str  # of the session
    why: Why


def occurrence(session: Session, schedule: Schedule, on: date, at: time | None) -> datetime:
    """The original start of the session that airs on a local day, at this local time where there are several.

    What a hand moved is named by when it airs now, as people see it; where nothing airs so, by when it was to air.
    Raises `NotOnThatDay`, `WhichAiring`.
    """
    rule, zone = rule_of(schedule), ZoneInfo(schedule.timezone)
    noon = datetime.combine(on, time(12), zone)
    planned = {one: one for one in occurrences(rule, noon - 2 * _DAY, noon + 2 * _DAY) if rule.local_day(one) == on}
    moved = dict(session_days.moved(session, schedule.id, planned, noon - 2 * _DAY, noon + 2 * _DAY))
    airs = {one: start for one, start in planned.items() if one not in moved}
    airs |= {one: start for one, start in moved.items() if start.astimezone(zone).date() == on}
    for starts in (airs, {one: start for one, start in planned.items() if one in moved}):
        times = {one: start.astimezone(zone) for one, start in starts.items()}
        found = [one for one, start in times.items() if at is None or start.time() == at]
        if len(found) == 1:
            return found[0]
        if found:
            raise WhichAiring(
                day=on, times=", ".join(f"{times[one]:%H:%M}" for one in sorted(found, key=times.__getitem__))
            )
    raise NotOnThatDay(title=schedule.title, when=f"{on:%d/%m/%Y}" + (f" {at:%H:%M}" if at else ""))


def put(
    session: Session,
    slot: Slot,
    place_id: str | None,
    instant: datetime,
    *,
    source: Source,
    programme_id: str | None,
    programme_ms: int,
    cut: bool,
    actor: Actor,
    now: datetime,
) -> Filling:
    """A new filling in the place of the one that holds; its airing follows by `apply`."""
    filling = replace(
        session,
        slot,
        place_id,
        instant,
        held=holding(session, slot.id, place_id, instant),
        source=source,
        programme_id=programme_id,
        programme_ms=programme_ms,
        cut=cut,
        actor=actor,
        now=now,
    )
    session.flush()
    return filling


def apply(session: Session, schedule: Schedule, instant: datetime, *, actor: Actor, now: datetime) -> list[Airing]:
    """Bring the airings of the session on this day in line with what its slots are filled with now."""
    # Beyond the horizon its airing is made when the horizon comes to it.
    until = sessions.horizon_of(session, schedule, now)
    cancelled, made = sessions.sync(session, [schedule], now=now, until=until, actor=actor, only=instant)
    return [*cancelled, *made]


def undo(session: Session, filling_id: str, *, actor: Actor, clock: Clock) -> tuple[Filling, list[Airing]]:
    """Take a filling back; what it had replaced holds again. Raises `FillingNotFound`, `SlotBegun`."""
    now = clock.now()
    filling = session.get(Filling, filling_id)
    if filling is None or filling.ended_at is not None or filling.source != "owner":
        raise FillingNotFound(id=filling_id)
    schedule = sessions.lock(session, filling.schedule_id)
    slot = sessions.get_slot(session, schedule.id, filling.slot_id)
    decision = session_days.decision(session, schedule, filling.original_start)
    moved_to = decision.starts_at if decision is not None else None
    begins = (moved_to or filling.original_start) + timedelta(milliseconds=sessions.offset_of(session, slot))
    require_ahead(schedule, slot, begins, now)
    _end(filling, "undone", now)
    before = session.get(Filling, filling.replaces_id) if filling.replaces_id else None
    if before is not None and before.end_reason == "replaced" and before.source == "owner":
        before.ended_at = before.end_reason = None
    session.flush()
    changed = apply(session, schedule, filling.original_start, actor=actor, now=now)
    record(session, "filling-undone", filling, actor, now, programme=filling.programme_id)
    return filling, changed


def empty(session: Session, filling: Filling, *, actor: Actor, now: datetime) -> list[Airing]:
    """Its programme may not air any more: the slot waits for another one."""
    schedule = sessions.lock(session, filling.schedule_id)
    _end(filling, "withdrawn", now)
    session.flush()
    changed = apply(session, schedule, filling.original_start, actor=actor, now=now)
    record(session, "emptied", filling, actor, now, programme=filling.programme_id)
    return changed


def holding(session: Session, slot_id: str, place_id: str | None, instant: datetime) -> Filling | None:
    """The filling that holds for a part on a day."""
    wanted = select(Filling).where(
        Filling.slot_id == slot_id, Filling.original_start == instant, Filling.ended_at.is_(None)
    )
    return session.scalar(
        wanted.where(Filling.place_id.is_(None) if place_id is None else Filling.place_id == place_id)
    )


def last_filled(session: Session, slot_id: str, place_id: str | None, before: datetime) -> list[Filling]:
    """What owners filled this part with on earlier days, the latest first."""
    wanted = select(Filling).where(
        Filling.slot_id == slot_id,
        Filling.original_start < before,
        Filling.source == "owner",
        Filling.ended_at.is_(None),
        Filling.place_id.is_(None) if place_id is None else Filling.place_id == place_id,
    )
    return list(session.scalars(wanted.order_by(Filling.original_start.desc()).limit(10)))


def to_fill(session: Session, *, now: datetime, until: datetime) -> list[ToFill]:
    """The slots beginning before `until` that wait for a programme, by their fill-by."""
    rows = session.execute(
        select(Airing, Slot, Schedule.title)
        .join(Slot, Slot.id == Airing.slot_id)
        .join(Schedule, Schedule.id == Airing.schedule_id)
        .where(Airing.status == "open", Airing.starts_at > now, Airing.starts_at < until)
        .order_by(Airing.fill_by, Airing.starts_at, Airing.id)
    ).all()
    return [ToFill(airing, slot, title, why_open(session, airing)) for airing, slot, title in rows]


def why_open(session: Session, airing: Airing) -> Why:
    """Why an open airing has no programme."""
    held = holding(session, airing.slot_id, airing.place_id or None, airing.original_start)
    if held is not None:
        return "overlong"
    withdrawn = select(Filling.id).where(
        Filling.slot_id == airing.slot_id,
        Filling.original_start == airing.original_start,
        Filling.end_reason == "withdrawn",
        Filling.place_id == airing.place_id if airing.place_id else Filling.place_id.is_(None),
    )
    return "withdrawn" if session.scalar(withdrawn.limit(1)) is not None else "missing"


def record(session: Session, action: str, filling: Filling, actor: Actor, now: datetime, **data: Any) -> None:
    source = "system" if actor.is_system else "user"
    events.record(
        session,
        f"{source}:slot:{action}",
        actor=actor,
        at=now,
        subject=("slot", filling.slot_id),
        filling=filling.id,
        schedule=filling.schedule_id,
        place=filling.place_id,
        session_start=filling.original_start.isoformat(),
        **data,
    )


def replace(
    session: Session,
    slot: Slot,
    place_id: str | None,
    instant: datetime,
    *,
    held: Filling | None,
    source: Source,
    programme_id: str | None,
    programme_ms: int,
    cut: bool,
    actor: Actor,
    now: datetime,
) -> Filling:
    """A new filling in the place of the one that is known to hold, if there is one."""
    if held is not None:
        _end(held, "replaced", now)
    filling = Filling(
        id=new_id(),
        schedule_id=slot.schedule_id,
        slot_id=slot.id,
        place_id=place_id,
        original_start=instant,
        programme_id=programme_id,
        programme_ms=programme_ms,
        cut=cut,
        source=source,
        replaces_id=held.id if held is not None else None,
        filled_by=actor.id,
        filled_at=now,
    )
    session.add(filling)
    return filling


def _end(filling: Filling, reason: str, now: datetime) -> None:
    filling.ended_at = now
    filling.end_reason = reason


def require_ahead(schedule: Schedule, slot: Slot, starts_at: datetime, now: datetime) -> None:
    """Raises `SlotBegun`."""
    if starts_at <= now:
        raise SlotBegun(title=slot.title, at=told(starts_at, schedule.timezone))
