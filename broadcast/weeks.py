"""The timetable of one unit over some days, as a sheet for people and as an iCalendar for their telephones.

What stands here is what the timetable holds, not what was heard: airings with a target at, above or below the unit.
One that was moved stands at its new time only, and says from where; one that was changed says that it has a programme
of its own; one that was cancelled, withdrawn or skipped is told with the reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select
from sqlalchemy.orm import Session
from ulid import ULID

from broadcast import facts, planning
from broadcast.tables import Programme
from core import units
from devices.protocol.plan import BroadcastClass
from schedules import local_days, session_days, timetable
from schedules.calendar_tables import LocalDayRow
from schedules.calendars import CalendarDay, calendar
from schedules.reach import Resolver
from schedules.slot_tables import Slot
from schedules.tables import Airing, Schedule

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One airing at the unit. `part`: where in it, if not everywhere; `because`: the local day that made it so."""

    airing_id: str
    schedule_id: str
    original_start: datetime
    uid: str
    sequence: int
    changed_at: datetime
    title: str
    starts_at: datetime
    duration_ms: int
    class_: BroadcastClass
    cancelled: bool
    part: tuple[str, ...]
    because: str | None
    # Of a session: which part it is, what fills it, and whether it still waits for that or is a relay.
    slot: str | None = None
    programme: str | None = None
    open: bool = False
    relay: bool = False
    moved_from: datetime | None = None  # by hand or by a local day
    changed: bool = False  # a hand chose another programme for it alone
    replaced: bool = False  # what airs in its place stands here by itself

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(milliseconds=self.duration_ms)


@dataclass(frozen=True, slots=True)
class SheetDay:
    """A day of the sheet: what it is, and what airs on it in order."""

    about: CalendarDay
    local_days: tuple[str, ...]
    entries: tuple[Entry, ...]

    @property
    def total_ms(self) -> int:
        """Of what airs."""
        return sum(entry.duration_ms for entry in self.entries if not entry.cancelled)


def week(
    session: Session, unit_id: str, first: date, zone: ZoneInfo, *, days: int = 7, receiver_id: str | None = None
) -> list[SheetDay]:
    """The unit's days from the local date `first` on; with a receiver that stands there, what is for that one."""
    until = first + days * _DAY
    held = entries(session, unit_id, _begin(first, zone), _begin(until, zone), receiver_id)
    by_day: dict[date, list[Entry]] = defaultdict(list)
    # What was brought back to a day that has another time by now is another occurrence; a telephone is told of both.
    for entry in (one for one in held if not one.replaced):
        by_day[entry.starts_at.astimezone(zone).date()].append(entry)
    own = set(units.above(session, unit_id, on=first))
    named: dict[date, list[str]] = defaultdict(list)
    for row, dates in local_days.between(session, first, until):
        if not own.isdisjoint(units.followed(session, [row.unit_id], on=first)):
            for day in dates:
                named[day].append(row.name)
    return [SheetDay(one, tuple(named[one.day]), _gathered(by_day[one.day])) for one in calendar(first, until)]


def entries(
    session: Session, unit_id: str, start: datetime, until: datetime, receiver_id: str | None = None
) -> list[Entry]:
    """The airings at a unit that begin in [start, until), in order. Of an occurrence the last word counts."""
    found = [one for one in timetable.between(session, start, until, [unit_id]) if start <= one.starts_at < until]
    if receiver_id is not None:
        resolver = Resolver(session)
        path = units.above(session, unit_id, on=units.date_of(start))
        found = [
            one
            for one in found
            if resolver.reach(one.targets, on=units.date_of(one.starts_at)).holds(receiver_id, path)
        ]
    newest: dict[str, Airing] = {}
    for airing in sorted(found, key=lambda one: one.generation):
        newest[_uid(airing)] = airing
    airings = sorted(newest.values(), key=lambda one: (one.starts_at, one.id))
    replaced = {airing.replaces_id for airing in airings}
    titles = _titles(session, {airing.schedule_id for airing in airings})
    slots = _slots(session, {airing.slot_id for airing in airings if airing.slot_id})
    programmes = _programmes(session, {airing.programme_id for airing in airings if airing.slot_id})
    classes = facts.programme_classes(session, {airing.programme_id for airing in airings})
    reasons = _reasons(session, airings)
    shifts = session_days.shifts(session, {(one.schedule_id, one.original_start) for one in airings if one.slot_id})
    parts = _parts(session, unit_id, airings)
    return [
        Entry(
            airing_id=airing.id,
            schedule_id=airing.schedule_id,
            original_start=airing.original_start,
            uid=_uid(airing),
            # A withdrawn airing is the same row: its being cancelled is one change more.
            sequence=2 * airing.generation + (airing.status == "cancelled"),
            changed_at=airing.cancelled_at or ULID.from_str(airing.id).datetime.astimezone(UTC),
            title=titles[airing.schedule_id],
            starts_at=airing.starts_at,
            duration_ms=airing.duration_ms,
            class_=planning.highest(classes[airing.programme_id]),
            cancelled=airing.status == "cancelled",
            part=parts.get(airing.id, ()),
            because=reasons.get(airing.id),
            slot=slots[airing.slot_id].title if airing.slot_id else None,
            programme=programmes.get(airing.programme_id or "") if airing.slot_id else None,
            open=airing.status == "open",
            relay=bool(airing.slot_id) and slots[airing.slot_id].kind == "relay",
            moved_from=_moved_from(airing, shifts),
            changed=airing.own_programme and airing.status != "cancelled",
            replaced=_is_cancelled_by_hand(airing) and airing.id in replaced,
        )
        for airing in airings
    ]


def _gathered(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """For the sheet of many communes: what each of them airs in one slot stands there once, with all of their names."""
    alike: dict[object, list[Entry]] = defaultdict(list)
    for one in entries:
        same = (one.title, one.slot, one.starts_at, one.cancelled, one.open, one.because, one.moved_from, one.changed)
        alike[same if one.slot and one.part else one.uid].append(one)
    return tuple(
        replace(
            those[0],
            duration_ms=max(one.duration_ms for one in those),
            class_=planning.highest(one.class_ for one in those),
            programme=those[0].programme if len({one.programme for one in those}) == 1 else None,
            part=tuple(sorted({name for one in those for name in one.part})),
        )
        for those in alike.values()
    )


def _is_cancelled_by_hand(airing: Airing) -> bool:
    return airing.status == "cancelled" and airing.cancel_reason != "local-day"


def _moved_from(airing: Airing, shifts: Mapping[tuple[str, datetime], timedelta]) -> datetime | None:
    due = airing.original_start + timedelta(milliseconds=airing.offset_ms)
    due -= shifts.get((airing.schedule_id, airing.original_start), timedelta())
    return due if due != airing.starts_at and airing.status != "cancelled" else None


def _begin(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _uid(airing: Airing) -> str:
    """The same for everything that an occurrence ever comes to, of one slot and commune; what a local day makes of it
    is another one.
    """
    aside = [one for one in (airing.slot_id, airing.place_id, airing.local_day_id) if one]
    return "-".join([airing.schedule_id, f"{airing.original_start.astimezone(UTC):%Y%m%dT%H%M%SZ}", *aside])


def _titles(session: Session, schedule_ids: Iterable[str]) -> dict[str, str]:
    rows = session.execute(select(Schedule.id, Schedule.title).where(Schedule.id.in_(list(schedule_ids))))
    return {row.id: row.title for row in rows}


def _slots(session: Session, slot_ids: Iterable[str]) -> dict[str, Row[str, str, str]]:
    """Id, title and kind of each, those that an edit left out too."""
    rows = session.execute(select(Slot.id, Slot.title, Slot.kind).where(Slot.id.in_(list(slot_ids))))
    return {row.id: row for row in rows}


def _programmes(session: Session, programme_ids: Iterable[str | None]) -> dict[str, str]:
    known = [one for one in programme_ids if one]
    rows = session.execute(select(Programme.id, Programme.title).where(Programme.id.in_(known)))
    return {row.id: row.title for row in rows}


def _reasons(session: Session, airings: Sequence[Airing]) -> dict[str, str]:
    """By airing: the name of the local day that moved or brought it, or why it doesn't air."""
    ids = {airing.local_day_id for airing in airings if airing.local_day_id}
    names = {row.id: row.name for row in session.scalars(select(LocalDayRow).where(LocalDayRow.id.in_(ids)))}
    words = {
        "withdrawn": "đã rút",
        "occurrence": "cả buổi phát đã hủy",
        "changed": "chương trình đã đổi",
        "moved": "đã dời sang lúc khác",
        "edited": "lịch đã đổi",
        "unfilled": "không có chương trình",
        "schedule": "lịch đã ngừng",
        "local-day": "ngày riêng của địa phương",
    }
    return {
        airing.id: names[airing.local_day_id]
        if airing.local_day_id and airing.status != "cancelled"
        else words.get(airing.cancel_reason or "", "đã hủy")
        for airing in airings
        if airing.local_day_id or airing.status == "cancelled"
    }


def _parts(session: Session, unit_id: str, airings: Sequence[Airing]) -> dict[str, tuple[str, ...]]:
    """By airing that is not for all of the unit: the names of the units below it that it is for."""
    resolver = Resolver(session)
    held: dict[str, tuple[str, ...]] = {}
    paths: dict[date, set[str]] = {}
    for airing in airings:
        day = units.date_of(airing.starts_at)
        if day not in paths:
            paths[day] = set(units.above(session, unit_id, on=day))
        reach = resolver.reach(airing.targets, on=day)
        if reach.units.isdisjoint(paths[day]):
            below = units.below(session, [unit_id], on=day) & reach.units
            held[airing.id] = tuple(sorted(units.names(session, below, on=day).values())) or ("một số bộ thu",)
    return held
