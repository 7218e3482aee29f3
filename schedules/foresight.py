"""What schedules come to where their airings aren't made, or not saved, yet: the look ahead. Nothing is written.

What comes out is what `timetable.materialise` would make once the horizon came there, as rows that belong to no
database session, beside what is there already:

1. Each occurrence of a rule, each part of a session with what it is filled with; local days act on them.
2. What a hand decided about a day beyond the horizon stands: withdrawn it is left out, moved it has its row.
3. A schedule that is being made or changed is looked at as a `drafted` one: its own airings give way to those that it
   would have, but for what hands decided about single days.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core import units
from schedules import local_days, parts, sessions
from schedules.calendars import LocalDay, Start
from schedules.expansion import columns_of_rule, is_moved, rule_of, successor, taken, values_of
from schedules.local_days import FURTHEST_MOVE
from schedules.localtime import instant_of
from schedules.reach import Resolver
from schedules.recurrence import Rule, occurrences
from schedules.settling import Places
from schedules.slot_tables import Slot
from schedules.slots import SlotSpec
from schedules.tables import Airing, Schedule
from schedules.targets import Targets, columns_of

NEW = "~"  # the id of a schedule that isn't saved: it sorts behind whatever is
Span = tuple[datetime, datetime]

_DAY = timedelta(days=1)
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Airings by their start, scheduled and open ones; and ids of those that stand but won't, or not so."""

    airings: list[Airing] = field(default_factory=list)
    gone: frozenset[str] = frozenset()


def drafted(
    *,
    title: str,
    rule: Rule,
    targets: Targets,
    owner_id: str | None,
    programme_id: str | None = None,
    duration_ms: int = 0,
    slots: Sequence[SlotSpec] = (),
    schedule_id: str | None = None,
) -> tuple[Schedule, list[Slot]]:
    """A schedule, with its slots, that is not saved (yet); with `schedule_id` a change of that one."""
    schedule = Schedule(
        id=schedule_id or NEW,
        title=title,
        programme_id=None if slots else programme_id,
        duration_ms=sum(spec.length_ms for spec in slots) if slots else duration_ms,
        **columns_of(targets),
        **columns_of_rule(rule),
        owner_id=owner_id,
        status="active",
    )
    rows = [
        Slot(
            id=spec.id or f"~{position}",
            schedule_id=schedule.id,
            position=position,
            retired=False,
            **{name: getattr(spec, name) for name in SlotSpec.__dataclass_fields__ if name != "id"},
        )
        for position, spec in enumerate(slots)
    ]
    return schedule, rows


def foresee(session: Session, schedules: Sequence[Schedule], spans: Sequence[Span]) -> Foreseen:
    """What these schedules will have, beside the airings that are there, in spans that lie ahead, in order."""
    looking = _Looking(session, spans)
    return looking.found([one for one in schedules if one.status == "active"], {})


def foresee_anew(
    session: Session, schedule: Schedule, *, since: datetime, until: datetime, slots: Sequence[Slot] | None = None
) -> list[Airing]:
    """All airings that this schedule would have in [since, until) as it is now, or as it was `drafted`."""
    looking = _Looking(session, [(since, until)], anew=True)
    return looking.found([schedule], {} if slots is None else {schedule.id: slots}).airings


def is_foreseen(airing_id: str) -> bool:
    """Whether this is the id of an airing that isn't made yet."""
    return " " in airing_id


class _Looking:
    """One look ahead. `anew`: instead of the airings that there are, not beside them."""

    def __init__(self, session: Session, spans: Sequence[Span], *, anew: bool = False) -> None:
        self._session, self._spans, self._anew = session, spans, anew
        since, until = self._since, self._until = spans[0][0], spans[-1][1]
        self._resolver = Resolver(session)
        held = local_days.between(session, units.date_of(since) - _DAY, units.date_of(until) + 2 * _DAY)
        self._local_days: Mapping[date, Sequence[LocalDay]] = local_days.by_date(held)
        self._places: dict[date, Places] = {}
        self._found: list[Airing] = []
        self._gone: set[str] = set()

    def found(self, schedules: Sequence[Schedule], slots: Mapping[str, Sequence[Slot]]) -> Foreseen:
        simple = {one.id: one for one in schedules if one.programme_id is not None}
        self._simple(simple)
        for schedule in schedules:
            if schedule.programme_id is None:
                self._framed(schedule, slots.get(schedule.id))
        inside = [one for one in self._found if any(since <= one.starts_at < until for since, until in self._spans)]
        ordered = sorted(inside, key=lambda one: (one.starts_at, one.id))
        return Foreseen(ordered, frozenset(self._gone))

    def _simple(self, schedules: Mapping[str, Schedule]) -> None:
        around = FURTHEST_MOVE
        there = taken(self._session, list(schedules.values()), self._since - around, self._until + around)
        by_hand = self._by_hand(schedules)
        for schedule in schedules.values():
            rule, held = rule_of(schedule), there[schedule.id]
            if self._anew:
                held.starts = set()
            left = held.starts | held.matched(rule, self._since - around, self._until + around)
            for instant in self._occurrences(rule):
                if instant not in left:
                    self._on_its_day(schedule, Airing(**self._named(values_of(schedule, instant))))
        for row in by_hand:
            self._moved(schedules[row.schedule_id], row)
        self._brought(schedules)

    def _occurrences(self, rule: Rule) -> Iterator[datetime]:
        # A local day may move it into a span from elsewhere.
        around = FURTHEST_MOVE if self._local_days else timedelta()
        done = self._since - around
        for since, until in self._spans:
            yield from occurrences(rule, max(done, since - around), until + around)
            done = until + around

    def _named(self, values: dict[str, object]) -> dict[str, object]:
        return values | {"id": f"{values['schedule_id']} {values['original_start']:%Y%m%d%H%M%S}"}

    def _on_its_day(self, schedule: Schedule, row: Airing) -> None:
        """The airing where it airs as planned, and those of the local days that let it air at another time."""
        zone = ZoneInfo(schedule.timezone)
        at = row.original_start.astimezone(zone).replace(tzinfo=None, fold=0)
        if at.date() not in self._local_days:
            self._found.append(row)
            return
        heard = self._at(at.date()).hears(Start(schedule.id, at), schedule.targets)
        for local_day, (when, targets) in heard.moved.items():
            self._found.append(self._copy(row, instant_of(when, zone), targets, local_day))
        if heard.planned is not None:
            row.targets = heard.planned
            self._found.append(row)

    def _by_hand(self, schedules: Collection[str]) -> list[Airing]:
        """What hands have moved into this time, or given a programme of its own, of these schedules."""
        ordered = sorted(schedules)
        rows = [
            row
            for start in range(0, len(ordered), _BATCH)
            for row in self._session.scalars(
                select(Airing)
                # By status too, the databases would read whatever is scheduled in this time.
                .where(Airing.schedule_id.in_(ordered[start : start + _BATCH]))
                .where(Airing.starts_at >= self._since, Airing.starts_at < self._until)
                .where(Airing.local_day_id.is_(None))
                .where(or_(Airing.starts_at != Airing.original_start, Airing.own_programme))
            )
        ]
        return [row for row in rows if row.status == "scheduled" and (is_moved(row) or row.own_programme)]

    def _moved(self, schedule: Schedule, row: Airing) -> None:
        """It keeps its time; only a day that skips silences it."""
        at = row.starts_at.astimezone(ZoneInfo(schedule.timezone)).replace(tzinfo=None, fold=0)
        planned: Targets | None = schedule.targets if self._anew else row.targets
        if at.date() in self._local_days and planned is not None:
            planned = self._at(at.date()).hears(Start(schedule.id, at), planned, only_skip=True).planned
        if not self._anew and planned == row.targets:
            return
        self._gone.add(row.id)
        if planned is not None:
            copy = self._copy(row, row.starts_at, planned, None)
            if self._anew and not row.own_programme:
                copy.programme_id, copy.duration_ms = schedule.programme_id, schedule.duration_ms
            self._found.append(copy)

    def _brought(self, schedules: Mapping[str, Schedule]) -> None:
        """What replaced days bring, where it isn't there yet."""
        if not any(one.timetable for days in self._local_days.values() for one in days):
            return
        held = select(Airing.schedule_id, Airing.original_start, Airing.local_day_id).where(
            Airing.local_day_id.is_not(None), Airing.starts_at >= self._since, Airing.starts_at < self._until
        )
        there = set() if self._anew else {tuple(row) for row in self._session.execute(held)}
        for day in sorted(self._local_days):
            for local_day, start, targets in self._at(day).brought():
                schedule = schedules.get(start.schedule_id)
                if schedule is None:
                    continue
                instant = instant_of(start.at, schedule.timezone)
                if self._since <= instant < self._until and (schedule.id, instant, local_day.id) not in there:
                    row = Airing(**self._named(values_of(schedule, instant)))
                    self._found.append(self._copy(row, instant, targets, local_day.id))

    def _copy(self, row: Airing, starts_at: datetime, targets: Targets, local_day: str | None) -> Airing:
        copy = successor(row, starts_at=starts_at)
        copy.id = f"{row.id} {local_day or ''}"
        copy.targets, copy.local_day_id = targets, local_day
        copy.replaces_id = None
        return copy

    def _at(self, day: date) -> Places:
        if day not in self._places:
            days = self._local_days.get(day, ())
            self._places[day] = Places(self._session, day, days, self._resolver)
        return self._places[day]

    def _within(self, books: parts.Books, since: datetime, instant: datetime) -> bool:
        begins = books.begins(instant)
        return begins is not None and since <= begins < self._until

    def _framed(self, schedule: Schedule, slots: Sequence[Slot] | None) -> None:
        """A session: what `sessions.sync` would leave standing, and what it would make."""
        # Its airings of a day begin up to its own length after the day's start.
        begins = self._since - timedelta(milliseconds=schedule.duration_ms)
        rule = rule_of(schedule)
        instants = list(occurrences(rule, begins, self._until))
        held = sessions.slots_of(self._session, schedule.id) if slots is None else slots
        books = parts.books_of(self._session, schedule, rule, instants, self._since, slots=held, to_change=False)
        # One that a hand moved away is none of this time, one that it moved here is.
        instants = [one for one in books.instants(instants, begins, self._until) if self._within(books, begins, one)]
        every = parts.parts_of(self._session, schedule, books, self._resolver, instants, self._since)
        for slot, key, targets in every:
            standing = books.standing.get(key)
            old, new = parts.settle_part(schedule, books, slot, key, targets, self._since)
            if old is not None:
                self._gone.add(old.id)
            if new is not None:
                new.id = f"{schedule.id} {slot.id} {key[1]} {key[2]:%Y%m%d%H%M%S}"
                new.replaces_id = None
                self._found.append(new)
            elif standing is not None and old is None and self._anew:
                self._found.append(standing)
        # What is left belongs to no part any more.
        self._gone |= {row.id for key, row in books.standing.items() if begins <= key[2] < self._until}
