"""What local days make of the airings that there are: some are cancelled, some air at another time, some come in.

1. Each airing is looked at by places: its targets, and every unit below them that has a local day of its own. A place
   has its own local days and those of the units above it, its own first; `calendars.settle` says what it hears.
2. Where nothing changes the airing stays as it is. Else it is cancelled with the reason "local-day", and replaced by
   one for the places where it airs as planned, and by one for each local day that lets it air at another time. Those
   carry the local day's id, and so do the airings that a replaced day brings.
3. When a local day is changed or taken back the same is done again: what is not as it should be is cancelled, and what
   is missing is made. What is on air or over stays, and so does what a hand withdrew or moved.
4. An airing that a hand moved keeps its time: only a day that skips silences it, the day on which it would sound.

Whoever calls holds the locks of the schedules. Nothing here commits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from core import units
from core.events import Actor
from schedules.calendars import LocalDay, Settled, Start, settle
from schedules.expansion import BY_HAND, cancel_row, locked, rule_of, successor, values_of
from schedules.localtime import instant_of
from schedules.reach import Resolver, receivers
from schedules.recurrence import occurrences
from schedules.tables import Airing, Schedule
from schedules.targets import Targets

_MARGIN = timedelta(hours=16)  # a local day begins at most so far from the UTC one
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Heard:
    """What an airing comes to: where it airs as planned (None: nowhere), and by local day when and where else."""

    planned: Targets | None
    moved: Mapping[str, tuple[datetime, Targets]]  # local day → naive local time, places


class Places:
    """The tree of one date, and the local days of its units. A receiver is a leaf of that tree."""

    def __init__(self, session: Session, day: date, local_days: Sequence[LocalDay], resolver: Resolver) -> None:
        self._session, self._day, self._resolver = session, day, resolver
        self._links = dict(units.links(session, on=day))
        self._boxes: set[str] = set()
        self._days: dict[str, list[LocalDay]] = defaultdict(list)
        for one in local_days:
            for unit in units.followed(session, [one.unit_id], on=day):
                self._days[unit].append(one)

    def hears(self, start: Start, targets: Targets, *, only_skip: bool = False) -> Heard:
        """What the local days make of an airing at these targets."""
        heads = self._heads(targets)
        groups: dict[str, list[str]] = defaultdict(list)
        times: dict[str, datetime] = {}
        for head in heads:
            days = [one for one in self._over(head) if not only_skip or one.effect == "skip"]
            settled = settle([start], days)[0]
            key = settled.because.id if settled.because is not None else ""
            groups[key].append(head)
            if settled.airs is not None:
                times[key] = settled.airs.at
        touched = [head for key, held in groups.items() if key for head in held]
        moved = {key: (at, self._some(targets, groups[key], heads)) for key, at in times.items() if key}
        if not touched:
            return Heard(targets, moved)
        return Heard(self._less(targets, touched) if "" in groups else None, moved)

    def brought(self) -> Iterator[tuple[LocalDay, Start, Targets]]:
        """The airings that replaced days bring."""
        for unit, own in self._days.items():
            whole = Targets(units=(unit,))
            heads = self._heads(whole)
            heard: dict[str, list[Settled]] = {head: settle([], self._over(head)) for head in heads}
            for one in own:
                for planned in one.timetable if one.effect == "replace" else ():
                    start = Start(planned.schedule_id, datetime.combine(self._day, planned.at.time()))
                    held = [head for head in heads if Settled(start, start, one) in heard[head]]
                    if held:
                        yield one, start, self._some(whole, held, heads)

    def _above(self, head: str) -> tuple[str, ...]:
        return units.path(head, self._links)

    def _over(self, head: str) -> list[LocalDay]:
        return [one for above in self._above(head) for one in self._days.get(above, ())]

    def _heads(self, targets: Targets) -> list[str]:
        """The places of these targets that are looked at one by one."""
        reach = self._resolver.reach(targets, on=self._day)
        unknown = reach.receivers - self._boxes
        if unknown:
            where = select(receivers.c.id, receivers.c.unit_id).where(receivers.c.id.in_(unknown))
            for box, unit in self._session.execute(where):
                self._links[box] = (unit, "below")
                self._boxes.add(box)
        tops = [*sorted(reach.units), *sorted(reach.receivers - reach.except_receivers)]
        below = [unit for unit in self._days if not reach.units.isdisjoint(self._above(unit)[1:])]
        found = dict.fromkeys([*tops, *below])
        return [head for head in found if reach.except_units.isdisjoint(self._above(head))]

    def _less(self, targets: Targets, heads: Sequence[str]) -> Targets:
        """What was meant, less these places."""
        return replace(
            targets,
            except_units=(*targets.except_units, *(head for head in heads if head not in self._boxes)),
            except_receivers=(*targets.except_receivers, *(head for head in heads if head in self._boxes)),
        )

    def _some(self, targets: Targets, held: Sequence[str], heads: Sequence[str]) -> Targets:
        """These places with all that is below them, but for the other ones that are looked at by themselves."""
        nearest = {head: next((over for over in self._above(head)[1:] if over in heads), None) for head in heads}
        tops = [head for head in held if nearest[head] not in held]
        some = Targets(
            units=tuple(head for head in tops if head not in self._boxes),
            receivers=tuple(head for head in tops if head in self._boxes),
            except_units=targets.except_units,
            except_receivers=targets.except_receivers,
        )
        return self._less(some, [head for head in heads if head not in held and nearest[head] in held])


class Settling:
    """One round of it over some schedules."""

    def __init__(
        self, session: Session, days: Mapping[date, Sequence[LocalDay]], *, now: datetime, until: datetime, actor: Actor
    ) -> None:
        """`days` has every date that is looked at, with its local days: none, where one was taken back."""
        self._session, self._days, self._now, self._until, self._actor = session, days, now, until, actor
        self._resolver = Resolver(session)
        self._places: dict[date, Places] = {}
        self.cancelled: list[Airing] = []
        self.made: list[Airing] = []

    def settle(self, schedules: Sequence[Schedule]) -> None:
        """Put the airings of these schedules right; see `cancelled` and `made` for what that took."""
        wanted = {schedule.id: schedule for schedule in schedules}
        rows: dict[tuple[str, datetime], list[Airing]] = defaultdict(list)
        ordered = list(wanted)
        for start in range(0, len(ordered), _CHUNK):
            held = select(Airing).where(Airing.schedule_id.in_(ordered[start : start + _CHUNK]), self._spans())
            for row in self._session.scalars(locked(held.order_by(Airing.original_start, Airing.generation))):
                rows[row.schedule_id, row.original_start].append(row)
        brought: dict[tuple[str, datetime], dict[str, tuple[datetime, Targets]]] = defaultdict(dict)
        for day in self._days:
            for local_day, start_, targets in self._at(day).brought():
                schedule = wanted.get(start_.schedule_id)
                if schedule is not None and schedule.status == "active":
                    instant = instant_of(start_.at, schedule.timezone)
                    if self._now < instant < self._until:
                        brought[schedule.id, instant][local_day.id] = (instant, targets)
        for key in sorted(rows.keys() | brought.keys()):
            self._one(wanted[key[0]], key[1], rows.get(key, []), brought.get(key, {}))
        self._session.flush()
        self._session.add_all(self.made)
        self._session.flush()

    def _at(self, day: date) -> Places:
        if day not in self._places:
            self._places[day] = Places(self._session, day, self._days.get(day, ()), self._resolver)
        return self._places[day]

    def _spans(self) -> ColumnElement[bool]:
        """Airings of these dates, by their occurrence or by when they sound."""
        spans = [
            (datetime.combine(day, time(), UTC) - _MARGIN, datetime.combine(day, time(), UTC) + _DAY + _MARGIN)
            for day in self._days
        ]
        return or_(
            *(
                and_(column_ >= begins, column_ < ends)
                for begins, ends in spans
                for column_ in (Airing.original_start, Airing.starts_at)
            )
        )

    def _one(
        self,
        schedule: Schedule,
        original: datetime,
        rows: Sequence[Airing],
        brought: Mapping[str, tuple[datetime, Targets]],
    ) -> None:
        """One occurrence of a schedule, with all airings that it ever came to."""
        numbers = count(max((row.generation for row in rows), default=0) + 1)
        latest = next((row for row in reversed(rows) if row.local_day_id is None), None)
        wanted = dict(brought)
        decided = latest is not None and latest.cancel_reason == "withdrawn"
        begun = False
        others: dict[str, list[Airing]] = defaultdict(list)
        for row in rows:
            if row.local_day_id is not None:
                others[row.local_day_id].append(row)
        if latest is not None and not decided:
            zone = ZoneInfo(schedule.timezone)
            if not self._days.keys() & {_local(at, zone).date() for at in (original, latest.starts_at)}:
                return
            if latest.status != "cancelled" or (latest.cancel_reason == "local-day" and _occurs(schedule, original)):
                by_hand = latest.starts_at != latest.original_start
                heard = (self._moved if by_hand else self._unmoved)(schedule, latest, zone, others)
                wanted |= heard.moved
                latest = self._main(latest, heard.planned, numbers)
                begun = latest.status != "cancelled" and latest.starts_at <= self._now
        for local_day, (starts_at, targets) in wanted.items():
            new = None if begun and local_day not in brought else _Made(schedule, original, latest, local_day)
            self._other(others.pop(local_day, []), starts_at, targets, new, numbers)
        if not decided:
            for held in others.values():
                self._cancel(self._ahead(held))

    def _unmoved(
        self, schedule: Schedule, latest: Airing, zone: ZoneInfo, _others: Mapping[str, Sequence[Airing]]
    ) -> Heard:
        at = _local(latest.original_start, zone)
        heard = self._at(at.date()).hears(Start(schedule.id, at), schedule.targets)
        return Heard(
            heard.planned, {key: (instant_of(when, zone), where) for key, (when, where) in heard.moved.items()}
        )

    def _moved(
        self, schedule: Schedule, latest: Airing, zone: ZoneInfo, others: Mapping[str, Sequence[Airing]]
    ) -> Heard:
        """One that a hand moved. What local days had taken out of it before goes on as they say."""
        held = {key: rows for key, rows in others.items() if self._ahead(rows)}
        kept = {key: (rows[-1].starts_at, rows[-1].targets) for key, rows in held.items()}
        if _local(latest.original_start, zone).date() in self._days:
            still = self._unmoved(schedule, latest, zone, others).moved
            kept = {key: still[key] for key in held if key in still}
        targets = latest.targets if kept else schedule.targets
        at = _local(latest.starts_at, zone)
        if at.date() not in self._days:  # nothing is known of that day here: it stays as it is
            return Heard(None if latest.status == "cancelled" else targets, kept)
        return Heard(self._at(at.date()).hears(Start(schedule.id, at), targets, only_skip=True).planned, kept)

    def _main(self, latest: Airing, planned: Targets | None, numbers: Iterator[int]) -> Airing:
        """The airing of the places where it airs as planned."""
        if latest.starts_at <= self._now or latest.status == "closed":
            return latest
        standing = latest.status == "scheduled"
        if standing and latest.targets == planned:
            return latest
        if standing:
            self._cancel([latest])
        if planned is None:
            return latest
        row = successor(latest, starts_at=latest.starts_at)
        row.targets, row.generation = planned, next(numbers)
        self.made.append(row)
        return row

    def _other(
        self, held: Sequence[Airing], starts_at: datetime, targets: Targets, new: _Made | None, numbers: Iterator[int]
    ) -> None:
        """The airing that a local day lets sound at another time, or brings."""
        if any(row.cancel_reason in BY_HAND or self._begun(row) for row in held):
            return
        ahead = self._ahead(held)
        fits = [row for row in ahead if new is None or new.fits(row, starts_at, targets)]
        stale = [row for row in ahead if row not in fits[:1]]
        self._cancel(stale)
        if not fits and new is not None and starts_at > self._now:
            row = new.row(starts_at, targets, next(numbers))
            if stale:
                row.replaces_id = stale[-1].id
            self.made.append(row)

    def _begun(self, row: Airing) -> bool:
        return row.status != "cancelled" and row.starts_at <= self._now

    def _ahead(self, rows: Sequence[Airing]) -> list[Airing]:
        return [row for row in rows if row.status == "scheduled" and row.starts_at > self._now]

    def _cancel(self, rows: Sequence[Airing]) -> None:
        self.cancelled += [cancel_row(row, "local-day", now=self._now, actor=self._actor) for row in rows]


@dataclass(frozen=True, slots=True)
class _Made:
    """What an airing of a local day is made of: the occurrence, and the airing that would have been heard."""

    schedule: Schedule
    original: datetime
    latest: Airing | None
    local_day: str

    def fits(self, row: Airing, starts_at: datetime, targets: Targets) -> bool:
        source = self.latest or self.schedule
        return (row.starts_at, row.targets, row.programme_id, row.duration_ms) == (
            starts_at,
            targets,
            source.programme_id,
            source.duration_ms,
        )

    def row(self, starts_at: datetime, targets: Targets, generation: int) -> Airing:
        if self.latest is not None:
            row = successor(self.latest, starts_at=starts_at)
            row.replaces_id = self.latest.id if self.latest.status == "cancelled" else self.latest.replaces_id
        else:
            row = Airing(**(values_of(self.schedule, self.original) | {"starts_at": starts_at}))
        row.targets, row.generation, row.local_day_id = targets, generation, self.local_day
        return row


def _local(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def _occurs(schedule: Schedule, original: datetime) -> bool:
    """Whether the schedule still has an occurrence then."""
    return schedule.status == "active" and any(
        True for _ in occurrences(rule_of(schedule), original, original + _SECOND)
    )
