"""The local days that there are, and what becomes of the timetable when one is set, changed or taken back.

Only the days concerned, and only schedules that air near the unit on them, are touched; the rules are those of
`schedules.settling`. Nothing here commits. What is returned are the airings whose receivers need a new plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, cast

from sqlalchemy import and_, or_, select, text
from sqlalchemy.orm import Session

from core import events, units
from core.clock import Clock
from core.events import SYSTEM, Actor
from core.units import Unit
from schedules.calendar_tables import LocalDayRow
from schedules.calendars import Days, DaysKind, Effect, LocalDay, Start
from schedules.errors import (
    BadLocalDay,
    LocalDayChanged,
    LocalDayNotFound,
    UnknownSchedules,
    UnknownUnits,
)
from schedules.expansion import locked
from schedules.reach import NearBy
from schedules.settling import Settling
from schedules.tables import Airing, Schedule
from schedules.targets import AIMED, targets_of

FURTHEST_MOVE = timedelta(hours=12)
FURTHEST = timedelta(days=10 * 366)  # a 29 February comes every eight years at the latest
TIMETABLE_MOST = 100
_MARGIN = timedelta(hours=16)
_DAY = timedelta(days=1)
_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A local day as somebody wants it. `timetable` has (time of day, schedule) for "replace"."""

    unit_id: str
    name: str
    reason: str
    days: Days
    effect: Effect
    schedule_ids: tuple[str, ...] | None = None
    move_by: timedelta | None = None
    timetable: tuple[tuple[time, str], ...] = ()


def hold(session: Session, *, to_change: bool = False) -> None:
    """Keep the local days as they are until the transaction ends, or keep others from relying on them meanwhile.

    To be called before any schedule is locked. On SQLite a writer is alone anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"LOCK TABLE local_days IN {'EXCLUSIVE' if to_change else 'ROW SHARE'} MODE"))


def days_of(row: LocalDayRow) -> Days:
    """Which days the row is."""
    kind = cast("DaysKind", row.days)
    return Days(kind, row.first_date, row.last_date, row.month, row.day, row.length_days, row.holiday or "")


def get(session: Session, local_day_id: str) -> LocalDayRow:
    """The local day, also one that was taken back; raises `LocalDayNotFound`."""
    row = session.get(LocalDayRow, local_day_id)
    if row is None:
        raise LocalDayNotFound(id=local_day_id)
    return row


def between(session: Session, since: date, until: date) -> list[tuple[LocalDayRow, list[date]]]:
    """The local days that hold, each with its dates in [since, until); those without any are left out."""
    rows = session.scalars(
        select(LocalDayRow)
        .where(LocalDayRow.status == "active", LocalDayRow.first_date < until)
        .where(or_(LocalDayRow.last_date.is_(None), LocalDayRow.last_date >= since))
        .order_by(LocalDayRow.first_date, LocalDayRow.id)
    )
    found = [(row, days_of(row).within(since, until)) for row in rows]
    return [(row, days) for row, days in found if days]


def add(
    session: Session, wish: Wish, *, until: datetime, actor: Actor, clock: Clock
) -> tuple[LocalDayRow, list[Airing]]:
    """Set a local day; with the airings that it cancelled and made, up to the timetable's horizon `until`."""
    hold(session, to_change=True)
    now = clock.now()
    row = LocalDayRow(created_by=actor.id, created_at=now, status="active", version=1)
    _apply(row, _checked(session, wish, now))
    session.add(row)
    session.flush()
    changed = _act(session, [row], dates=_dates(row, now, until), now=now, until=until, actor=actor)
    _record(session, row, "set", actor, now, changed, **_told(row))
    return row, changed


def change(
    session: Session,
    local_day_id: str,
    wish: Wish,
    *,
    expected_version: int | None = None,
    until: datetime,
    actor: Actor,
    clock: Clock,
) -> tuple[LocalDayRow, list[Airing]]:
    """Make it another one; raises `LocalDayChanged` where someone else has changed it meanwhile."""
    hold(session, to_change=True)
    now = clock.now()
    row = _active(session, local_day_id)
    if expected_version is not None and expected_version != row.version:
        raise LocalDayChanged(name=row.name, version=row.version)
    before = _told(row)
    near, dates = [_copy(row)], _dates(row, now, until)
    _apply(row, _checked(session, wish, now))
    after = _told(row)
    if after == before:
        return row, []
    row.version += 1
    session.flush()
    changed = _act(session, [*near, row], dates=dates | _dates(row, now, until), now=now, until=until, actor=actor)
    changes = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    _record(session, row, "changed", actor, now, changed, changes=changes)
    return row, changed


def cancel(
    session: Session, local_day_id: str, *, until: datetime, actor: Actor, clock: Clock
) -> tuple[LocalDayRow, list[Airing]]:
    """Take it back: what lies ahead airs again as its schedules say."""
    hold(session, to_change=True)
    now = clock.now()
    row = _active(session, local_day_id)
    row.status = "cancelled"
    row.version += 1
    session.flush()
    changed = _act(session, [row], dates=_dates(row, now, until), now=now, until=until, actor=actor)
    _record(session, row, "cancelled", actor, now, changed, name=row.name)
    return row, changed


def settle(
    session: Session, schedules: Sequence[Schedule], *, now: datetime, until: datetime, actor: Actor = SYSTEM
) -> list[Airing]:
    """Let the local days act on the airings of these schedules, which are locked; call `hold` before locking them."""
    held = between(session, units.date_of(now) - _DAY, units.date_of(until) + 2 * _DAY)
    if not held:
        return []
    settling = Settling(session, by_date(held), now=now, until=until, actor=actor)
    settling.settle(schedules)
    return [*settling.cancelled, *settling.made]


def brought(session: Session, now: datetime, until: datetime) -> set[str]:
    """The schedules that a replaced day of that time brings, whatever their own rules say."""
    held = between(session, units.date_of(now) - _DAY, units.date_of(until) + 2 * _DAY)
    return {one.schedule_id for row, _ in held for one in _timetable(row, row.first_date)}


def _act(
    session: Session,
    rows: Collection[LocalDayRow],
    *,
    dates: Collection[date],
    now: datetime,
    until: datetime,
    actor: Actor,
) -> list[Airing]:
    """Settle the schedules that air on these dates near these local days, and those that their timetables name."""
    if not dates:
        return []
    touched = _near(session, {row.unit_id for row in rows}, dates)
    touched |= {one.schedule_id for row in rows for one in _timetable(row, row.first_date)}
    ordered = sorted(touched)
    schedules: list[Schedule] = []
    for start in range(0, len(ordered), _CHUNK):
        # Those of one programme; a session looks at its local days by itself.
        held = Schedule.id.in_(ordered[start : start + _CHUNK]), Schedule.programme_id.is_not(None)
        wanted = select(Schedule).where(*held).order_by(Schedule.id)
        schedules += session.scalars(locked(wanted)).all()
    days = by_date(between(session, min(dates), max(dates) + _DAY))
    settling = Settling(session, {day: days.get(day, []) for day in sorted(dates)}, now=now, until=until, actor=actor)
    settling.settle(schedules)
    return [*settling.cancelled, *settling.made]


def _near(session: Session, unit_ids: Collection[str], dates: Collection[date]) -> set[str]:
    """The schedules that have airings on these dates and are meant at, above or below these units."""
    spans = [(_utc(day) - _MARGIN, _utc(day) + _DAY + _MARGIN) for day in dates]
    airs = or_(*(and_(Airing.starts_at >= a, Airing.starts_at < b) for a, b in spans))
    held = select(Airing.schedule_id).where(Airing.status.in_(("scheduled", "cancelled")), airs)
    there = sorted(session.scalars(held.distinct()))
    near = NearBy(session, unit_ids, dates)
    columns = (Schedule.id, *(getattr(Schedule, name) for name in AIMED))
    found: set[str] = set()
    for start in range(0, len(there), _CHUNK):
        for row in session.execute(select(*columns).where(Schedule.id.in_(there[start : start + _CHUNK]))):
            targets = targets_of(row)
            if any(near.meant(targets, on=day) for day in dates):
                found.add(row.id)
    return found


def _utc(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def by_date(held: Iterable[tuple[LocalDayRow, list[date]]]) -> dict[date, list[LocalDay]]:
    found: dict[date, list[LocalDay]] = {}
    for row, days in held:
        for day in days:
            found.setdefault(day, []).append(_pure(row, day))
    return found


def _pure(row: LocalDayRow, day: date) -> LocalDay:
    return LocalDay(
        row.name,
        row.unit_id,
        day,
        day,
        cast("Effect", row.effect),
        None if row.schedule_ids is None else frozenset(row.schedule_ids),
        timedelta(milliseconds=row.move_by_ms or 0),
        _timetable(row, day),
        row.id,
    )


def _timetable(row: LocalDayRow, day: date) -> tuple[Start, ...]:
    entries = (entry.split(" ") for entry in row.timetable or ())
    return tuple(Start(schedule, datetime.combine(day, time.fromisoformat(at))) for at, schedule in entries)


def _dates(row: LocalDayRow, now: datetime, until: datetime) -> set[date]:
    """Its days that airings may have been made for."""
    return set(days_of(row).within(units.date_of(now) - _DAY, units.date_of(until) + 2 * _DAY))


def _active(session: Session, local_day_id: str) -> LocalDayRow:
    row = session.scalar(locked(select(LocalDayRow).where(LocalDayRow.id == local_day_id)))
    if row is None or row.status != "active":
        raise LocalDayNotFound(id=local_day_id)
    return row


def _checked(session: Session, wish: Wish, now: datetime) -> Wish:
    if not wish.name.strip() or not wish.reason.strip():
        raise BadLocalDay(why="cần tên và lý do / it needs a name and a reason")
    if session.get(Unit, wish.unit_id) is None:
        raise UnknownUnits(ids=wish.unit_id)
    by = wish.move_by
    if (by is not None) is not (wish.effect == "move") or (
        by is not None and not timedelta() < abs(by) <= FURTHEST_MOVE
    ):
        raise BadLocalDay(why="dời giờ thì cần dời sớm hoặc muộn hơn, nhiều nhất 12 giờ / moving needs up to 12 hours")
    if bool(wish.timetable) is not (wish.effect == "replace") or len(wish.timetable) > TIMETABLE_MOST:
        raise BadLocalDay(
            why=f"thay lịch thì cần lịch của ngày, nhiều nhất {TIMETABLE_MOST} lần phát"
            f" / replacing needs the day's timetable, at most {TIMETABLE_MOST} airings"
        )
    if wish.schedule_ids is not None and (not wish.schedule_ids or wish.effect == "replace"):
        raise BadLocalDay(
            why="hãy chọn lịch phát, hoặc để trống là mọi lịch; thay cả ngày thì không chọn"
            " / choose schedules or leave it out for all; a replaced day takes none"
        )
    named = {*(wish.schedule_ids or ()), *(schedule for _, schedule in wish.timetable)}
    known = set(session.scalars(select(Schedule.id).where(Schedule.id.in_(named), Schedule.status == "active")))
    if named - known:
        raise UnknownSchedules(ids=", ".join(sorted(named - known)))
    today = units.date_of(now)
    if not wish.days.within(today, min(today + FURTHEST, date(2199, 12, 31))):
        raise BadLocalDay(why="không có ngày nào từ hôm nay trở đi / none of its days lies ahead")
    return wish


def _apply(row: LocalDayRow, wish: Wish) -> None:
    row.unit_id, row.name, row.reason = wish.unit_id, wish.name.strip(), wish.reason.strip()
    days = wish.days
    row.days, row.first_date, row.last_date = days.kind, days.first, days.last
    row.month, row.day, row.length_days, row.holiday = days.month, days.day, days.length, days.holiday or None
    row.effect = wish.effect
    row.schedule_ids = None if wish.schedule_ids is None else sorted(wish.schedule_ids)
    row.move_by_ms = None if wish.move_by is None else int(wish.move_by / timedelta(milliseconds=1))
    row.timetable = [f"{at.isoformat()} {schedule}" for at, schedule in sorted(wish.timetable)] or None


def _copy(row: LocalDayRow) -> LocalDayRow:
    """The row as it was, for looking at only."""
    return LocalDayRow(**{column.key: getattr(row, column.key) for column in LocalDayRow.__table__.columns})


def _told(row: LocalDayRow) -> dict[str, Any]:
    """What an event tells of a local day."""
    return {
        "unit_id": row.unit_id,
        "name": row.name,
        "reason": row.reason,
        "days": row.days,
        "first_date": row.first_date.isoformat(),
        "last_date": row.last_date.isoformat() if row.last_date else None,
        "month": row.month,
        "day": row.day,
        "length_days": row.length_days,
        "holiday": row.holiday,
        "effect": row.effect,
        "schedule_ids": row.schedule_ids,
        "move_by_ms": row.move_by_ms,
        "timetable": row.timetable,
    }


def _record(
    session: Session,
    row: LocalDayRow,
    action: Literal["set", "changed", "cancelled"],
    actor: Actor,
    at: datetime,
    airings: Sequence[Airing],
    **data: Any,
) -> None:
    source = "system" if actor.is_system else "user"
    gone = [airing.id for airing in airings if airing.status == "cancelled"]
    made = {airing.id: airing.replaces_id for airing in airings if airing.status == "scheduled"}
    subject = ("local-day", row.id)
    events.record(
        session, f"{source}:local-day:{action}", actor=actor, at=at, subject=subject, cancelled=gone, made=made, **data
    )
