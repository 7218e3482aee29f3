"""The parts of sessions: what a session comes to by day, by slot and by commune, beside what is there.

A part of a session is a slot, or one commune's share of a slot that each commune fills. The rules of
`schedules.timetable` hold for each part:

1. What stands and still fits is left alone; what doesn't is cancelled and replaced, of the same part on the same day.
2. What a hand withdrew or moved stays so.
3. An occurrence of another time on the same local day is the same occurrence: fillings and decisions go with it.

4. Where a slot's fallback was to close, nothing more of that day's session airs at its place; relays do.
5. A local day that skips it, or replaces the day, silences the whole session at its unit. None moves a session.
6. A hand may cancel or move all of it on one day (`schedules.session_days`); what is filled stays, and what was
   decided about one of its slots before holds.

An airing of status "open" waits for a programme; it is in no plan. Whoever calls holds the lock of the schedule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from core import units
from core.ids import new_id
from core.units import Unit
from schedules import local_days
from schedules.expansion import is_moved, locked
from schedules.reach import NearBy, Resolver, receivers
from schedules.recurrence import Rule, occurrences
from schedules.slot_tables import DayDecision, Filling, Slot
from schedules.slots import Content, content, offsets
from schedules.tables import Airing, Schedule
from schedules.targets import Targets, columns_of

NEAR = timedelta(days=3)  # an occurrence and its local day lie within this span of each other
Key = tuple[str, str, datetime]  # slot, place ("": all), start of the session


@dataclass(slots=True)
class Books:
    """What there is of one session: airings by what they are of, fillings, and the days' communes."""

    slots: list[Slot]
    starts: dict[str, int]  # of each slot, in ms after the session
    standing: dict[Key, Airing] = field(default_factory=dict)
    decided: set[Key] = field(default_factory=set)
    generations: dict[Key, int] = field(default_factory=dict)
    fillings: dict[Key, Filling] = field(default_factory=dict)
    closed: dict[datetime, list[tuple[int, str]]] = field(default_factory=dict)  # from when on, in ms, and where
    days: dict[datetime, DayDecision] = field(default_factory=dict)  # what a hand decided about whole days
    latest: dict[Key, Airing] = field(default_factory=dict)
    restored: set[Key] = field(default_factory=set)  # what was decided about these parts holds no more

    def begins(self, instant: datetime) -> datetime | None:
        """When the session of this original start airs; None: a hand cancelled it."""
        decision = self.days.get(instant)
        return instant if decision is None else decision.starts_at

    def instants(self, among: Iterable[datetime], since: datetime, until: datetime) -> list[datetime]:
        """These original starts, and those that were moved into this time from elsewhere."""
        moved = {
            one for one, held in self.days.items() if held.starts_at is not None and since < held.starts_at < until
        }
        return sorted({*among, *moved})


def places(session: Session, targets: Targets, *, on: date, resolver: Resolver | None = None) -> dict[str, Targets]:
    """The communes that these targets lie in on a date, by id, each with its share of them."""
    reach = (resolver or Resolver(session)).reach(targets, on=on)
    below = units.below(session, sorted(reach.units), on=on)
    rows = session.execute(select(receivers.c.id, receivers.c.unit_id).where(receivers.c.id.in_(reach.receivers)))
    at = {row.id: row.unit_id for row in rows}
    paths = units.paths(session, sorted({*reach.units, *below, *at.values()}), on=on)
    communes = set(session.scalars(select(Unit.id).where(Unit.kind == "commune")))
    shares: dict[str, dict[str, list[str]]] = defaultdict(lambda: {"units": [], "receivers": []})
    for unit in sorted(below):
        path = paths[unit]
        standing = path[:1] == (unit,) and unit in communes
        if standing and reach.except_units.isdisjoint(path) and not reach.units.isdisjoint(path):
            shares[unit]["units"] = [unit]
    for unit in sorted(reach.units):
        commune = next((one for one in paths[unit] if one in communes), None)
        spoken = commune is not None and reach.except_units.isdisjoint(paths[unit])
        if commune is not None and spoken and commune not in shares[commune]["units"]:
            shares[commune]["units"].append(unit)
    for receiver, unit in at.items():
        commune = next((one for one in paths[unit] if one in communes), None)
        if commune is not None and reach.except_units.isdisjoint(paths[unit]):
            shares[commune]["receivers"].append(receiver)
    return {
        commune: Targets(
            tuple(share["units"]),
            receivers=tuple(sorted(share["receivers"])),
            except_units=targets.except_units,
            except_receivers=targets.except_receivers,
        )
        for commune, share in shares.items()
        if share["units"] or share["receivers"]
    }


def parts_of(
    session: Session,
    schedule: Schedule,
    books: Books,
    resolver: Resolver,
    instants: Iterable[datetime],
    now: datetime,
) -> Iterator[tuple[Slot, Key, Targets]]:
    """Every part of the session on each of these starts, and whom it is for."""
    heard: dict[date, tuple[Targets | None, dict[str, Targets]]] = {}
    for instant in instants:
        begins = books.begins(instant)
        if begins is None or begins + timedelta(milliseconds=schedule.duration_ms) <= now:
            continue
        day = units.date_of(begins)
        if day not in heard:
            whole = _heard(session, schedule, resolver, day)
            each = whole is not None and any(slot.each_commune for slot in books.slots)
            heard[day] = whole, places(session, whole, on=day, resolver=resolver) if whole and each else {}
        whole, communes = heard[day]
        for slot in books.slots:
            parts = communes if slot.each_commune else {"": whole}
            for place, targets in parts.items():
                if targets is not None:
                    yield slot, (slot.id, place, instant), targets


def _heard(session: Session, schedule: Schedule, resolver: Resolver, day: date) -> Targets | None:
    """Its targets less the units where a local day silences it; None: it is silent everywhere."""
    targets = schedule.targets
    silent = {
        row.unit_id
        for row, _dates in local_days.between(session, day, day + timedelta(days=1))
        if row.effect == "replace"
        or (row.effect == "skip" and (row.schedule_ids is None or schedule.id in row.schedule_ids))
    }
    if not silent:
        return targets
    reach = resolver.reach(targets, on=day)
    below = units.below(session, silent, on=day)
    if reach.units <= below and not reach.receivers:
        return None
    near = NearBy(session, sorted(silent), {day})
    if not near.meant(targets, on=day):
        return targets
    return replace(targets, except_units=(*targets.except_units, *sorted(silent)))


def settle_part(
    schedule: Schedule, books: Books, slot: Slot, key: Key, targets: Targets, now: datetime
) -> tuple[Airing | None, Airing | None]:
    """One part on one day: (the airing that doesn't fit any more, the one that is to be)."""
    starts_at = (books.begins(key[2]) or key[2]) + timedelta(milliseconds=books.starts[slot.id])
    offset_ms = round((starts_at - key[2]) / timedelta(milliseconds=1))
    anew = key in books.restored
    old = books.standing.pop(key, None)
    if old is None and ((key in books.decided and not anew) or starts_at <= now):
        return None, None
    wanted = content(slot, books.fillings.get(key))
    shut = {place for since, place in books.closed.get(key[2], ()) if since < books.starts[slot.id]}
    if wanted is None or (slot.kind == "programme" and not shut.isdisjoint({"", key[1]})):
        return old, None
    if slot.kind == "programme":
        for place in sorted(shut):
            targets = targets.without(place)
    if old is not None and is_moved(old) and not anew:
        starts_at = old.starts_at
    values = values_of(schedule, slot, key, targets, wanted, offset_ms=offset_ms, starts_at=starts_at)
    if old is not None and all(getattr(old, name) == value for name, value in values.items()):
        return None, None
    before = old or books.latest.get(key)
    # What a hand had cancelled is replaced by what it brings back.
    back = before is not None and (before is old or before.cancel_reason in {"withdrawn", "occurrence"})
    generation = books.generations.get(key, -1) + 1
    books.generations[key] = generation
    replaces = before.id if before is not None and back else None
    return old, Airing(
        id=new_id(), planned=False, own_programme=False, generation=generation, replaces_id=replaces, **values
    )


def values_of(
    schedule: Schedule,
    slot: Slot,
    key: Key,
    targets: Targets,
    wanted: Content,
    *,
    offset_ms: int,
    starts_at: datetime,
) -> dict[str, Any]:
    """The columns of the airing of a part."""
    _slot, place, instant = key
    return {
        "schedule_id": schedule.id,
        "slot_id": slot.id,
        "place_id": place,
        "original_start": instant,
        "offset_ms": offset_ms,
        "starts_at": starts_at,
        "fill_by": starts_at - timedelta(minutes=slot.fill_by_min) if slot.kind == "programme" else None,
        "programme_id": wanted.programme_id,
        "duration_ms": wanted.duration_ms,
        "status": wanted.status,
        **columns_of(targets),
    }


def books_of(
    session: Session,
    schedule: Schedule,
    rule: Rule,
    instants: Sequence[datetime],
    now: datetime,
    *,
    slots: Sequence[Slot],
    to_change: bool = True,
    only: datetime | None = None,
) -> Books:
    """What there is of a session with these `slots` from `now` on, or around `only` one start.

    To look at only: without locks.
    """
    starts = dict(zip((slot.id for slot in slots), offsets([slot.length_ms for slot in slots]), strict=True))
    books = Books(list(slots), starts)
    decisions = _decisions(session, schedule, now)
    near = [one.original_start for one in decisions]
    wanted = (
        select(Airing)
        .where(Airing.schedule_id == schedule.id)
        .where(or_(_around(Airing.original_start, now, only), Airing.original_start.in_(near)))
        .order_by(Airing.original_start, Airing.generation)
    )
    rows = session.scalars(locked(wanted) if to_change else wanted).all()
    fillings = session.scalars(
        select(Filling).where(
            Filling.schedule_id == schedule.id,
            Filling.ended_at.is_(None),
            or_(_around(Filling.original_start, now, only), Filling.original_start.in_(near)),
        )
    ).all()
    old = {row.original_start for row in rows} | {one.original_start for one in fillings} | set(near)
    around = {found for one in near for found in occurrences(rule, one - NEAR, one + NEAR)}
    same = matched(rule, old, {*instants, *around})
    books.days = {same[one.original_start]: one for one in decisions if one.original_start in same}
    for row in rows:
        key = (row.slot_id, row.place_id, row.original_start)
        books.generations[key] = max(row.generation, books.generations.get(key, -1))
        key = (row.slot_id, row.place_id, same.get(row.original_start, row.original_start))
        books.latest[key] = row
        if row.status in {"scheduled", "open"} and row.starts_at > now:
            books.standing[key] = row
            books.decided.discard(key)
        elif row.status in {"scheduled", "closed"} or row.cancel_reason == "withdrawn":
            books.decided.add(key)
    for filling in fillings:
        instant = same.get(filling.original_start, filling.original_start)
        books.fillings[filling.slot_id, filling.place_id or "", instant] = filling
        if filling.source == "close" and filling.slot_id in starts:
            books.closed.setdefault(instant, []).append((starts[filling.slot_id], filling.place_id or ""))
    return books


def _around(start: Any, now: datetime, only: datetime | None) -> ColumnElement[bool]:
    if only is None:
        return cast("ColumnElement[bool]", start > now - NEAR)
    return and_(start > only - NEAR, start < only + NEAR)


def _decisions(session: Session, schedule: Schedule, now: datetime) -> list[DayDecision]:
    """What hands decided about whole days that lie ahead, or were moved there."""
    decision = DayDecision
    held = select(decision).where(decision.schedule_id == schedule.id, decision.ended_at.is_(None))
    ahead = or_(decision.original_start > now - NEAR, decision.starts_at > now - NEAR)
    return list(session.scalars(held.where(ahead).order_by(decision.original_start)))


def matched(rule: Rule, old: Iterable[datetime], new: Iterable[datetime]) -> Mapping[datetime, datetime]:
    """To each earlier start the occurrence that it is now: the same instant, else in order within its local day."""
    wanted = set(new)
    pairs = {instant: instant for instant in old if instant in wanted}
    free: dict[date, list[datetime]] = defaultdict(list)
    for instant in sorted(wanted - pairs.keys()):
        free[rule.local_day(instant)].append(instant)
    for instant in sorted(set(old) - pairs.keys()):
        day = free[rule.local_day(instant)]
        if day:
            pairs[instant] = day.pop(0)
    return pairs
