"""Sessions in the database: their slots, and the airings that each slot comes to by day and by commune.

A part of a session is a slot, or one commune's share of a slot that each commune fills. `sync` brings the airings of a
session in line with its rule, its slots and what these are filled with; it does so whenever one of them changed, and
when the horizon moves on. The rules of `schedules.timetable` hold for each part:

1. What stands and still fits is left alone; what doesn't is cancelled and replaced, of the same part on the same day.
2. What a hand withdrew or moved stays so.
3. An occurrence of another time on the same local day is the same occurrence: fillings and decisions go with it.

4. Where a slot's fallback was to close, nothing more of that day's session airs at its place; relays do.
5. A local day that skips it, or replaces the day, silences the whole session at its unit. None moves a session.

An airing of status "open" waits for a programme; it is in no plan. Whoever calls holds the lock of the schedule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import units
from core.events import Actor
from core.ids import new_id
from core.units import Unit
from schedules import local_days
from schedules.errors import ScheduleCancelled, ScheduleNotFound
from schedules.expansion import cancel_row, is_moved, locked, rule_of
from schedules.reach import NearBy, Resolver, receivers
from schedules.recurrence import Rule, occurrences
from schedules.slot_errors import NoSlotsHere, SlotNotFound
from schedules.slot_tables import Filling, Slot
from schedules.slots import Content, SlotSpec, checked, content, offsets
from schedules.tables import Airing, Schedule
from schedules.targets import Targets, columns_of

_NEAR = timedelta(days=3)
_BATCH = 500

Key = tuple[str, str, datetime]  # slot, place ("": all), start of the session


def slots_of(session: Session, schedule_id: str) -> list[Slot]:
    """Its slots in order; none for a schedule of one programme."""
    wanted = select(Slot).where(Slot.schedule_id == schedule_id, ~Slot.retired).order_by(Slot.position)
    return list(session.scalars(wanted))


def get_slot(session: Session, schedule_id: str, slot_id: str) -> Slot:
    slot = session.get(Slot, slot_id)
    if slot is None or slot.retired or slot.schedule_id != schedule_id:
        raise SlotNotFound(id=slot_id)
    return slot


def lock(session: Session, schedule_id: str) -> Schedule:
    """The session, locked. Raises `ScheduleNotFound`, `ScheduleCancelled`, `NoSlotsHere`."""
    schedule = session.scalar(locked(select(Schedule).where(Schedule.id == schedule_id)))
    if schedule is None:
        raise ScheduleNotFound(id=schedule_id)
    if schedule.status != "active":
        raise ScheduleCancelled(title=schedule.title)
    if schedule.programme_id is not None:
        raise NoSlotsHere(title=schedule.title)
    return schedule


def offset_of(session: Session, slot: Slot) -> int:
    """When the slot begins, in milliseconds after its session."""
    held = slots_of(session, slot.schedule_id)
    return offsets([one.length_ms for one in held])[slot.position]


def spec_of(slot: Slot) -> SlotSpec:
    """A slot's row as plain data."""
    return SlotSpec(**{name: getattr(slot, name) for name in SlotSpec.__dataclass_fields__})


def set_slots(session: Session, schedule: Schedule, specs: Sequence[SlotSpec]) -> None:
    """Let these be the session's slots, in this order. Those named by their id are changed, the others are new."""
    held = {slot.id: slot for slot in slots_of(session, schedule.id)}
    checked(specs)
    for position, spec in enumerate(specs):
        values = {name: getattr(spec, name) for name in SlotSpec.__dataclass_fields__ if name != "id"}
        if spec.id:
            slot = held.pop(spec.id, None)
            if slot is None:
                raise SlotNotFound(id=spec.id)
            slot.position = position
            for name, value in values.items():
                setattr(slot, name, value)
        else:
            session.add(Slot(schedule_id=schedule.id, position=position, **values))
    for slot in held.values():
        slot.retired = True
    schedule.programme_id = None
    schedule.duration_ms = sum(spec.length_ms for spec in specs)
    session.flush()


def hand_over(session: Session, specs: Sequence[SlotSpec], to: Schedule, *, since: datetime) -> None:
    """Another session goes on from one, with slots made of these: what they are filled with from then on is its own.

    The occurrences keep their starts; `sync` finds those of another time on the same day.
    """
    for spec, slot in zip(specs, slots_of(session, to.id), strict=True):
        if spec.id:
            ahead = Filling.slot_id == spec.id, Filling.original_start >= since, Filling.ended_at.is_(None)
            for filling in session.scalars(select(Filling).where(*ahead)):
                filling.schedule_id, filling.slot_id = to.id, slot.id
    session.flush()


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


def sync(
    session: Session,
    schedules: Iterable[Schedule],
    *,
    now: datetime,
    until: datetime,
    actor: Actor,
    only: datetime | None = None,
) -> tuple[list[Airing], list[Airing]]:
    """Bring the airings of these sessions in (now, until) in line, or of `only` one start: (cancelled, made)."""
    resolver = Resolver(session)
    cancelled: list[Airing] = []
    made: list[Airing] = []
    for schedule in schedules:
        gone, new = _sync(session, schedule, resolver, now, until, actor, only)
        cancelled += gone
        made += new
    return cancelled, made


def horizon_of(session: Session, schedule: Schedule, now: datetime) -> datetime:
    """How far the session has its airings."""
    wanted = select(Airing.original_start).where(Airing.schedule_id == schedule.id)
    last = session.scalar(wanted.order_by(Airing.original_start.desc()).limit(1))
    return max(now, last + timedelta(seconds=1)) if last is not None else now


def closed(session: Session, schedule: Schedule, slot: Slot, place_id: str | None, instant: datetime) -> bool:
    """Whether an earlier slot of that day closed the session at this place."""
    shut = session.execute(
        select(Slot.position, Filling.place_id)
        .join(Slot, Slot.id == Filling.slot_id)
        .where(
            Filling.schedule_id == schedule.id,
            Filling.original_start == instant,
            Filling.source == "close",
            Filling.ended_at.is_(None),
        )
    )
    return any(position < slot.position and place in {None, place_id} for position, place in shut)


def places(session: Session, targets: Targets, *, on: date, resolver: Resolver | None = None) -> dict[str, Targets]:
    """The communes that these targets lie in on a date, by id, each with its share of them."""
    reach = (resolver or Resolver(session)).reach(targets, on=on)
    below = units.below(session, sorted(reach.units), on=on)
    rows = session.execute(select(receivers.c.id, receivers.c.unit_id).where(receivers.c.id.in_(reach.receivers)))
    at = {row.id: row.unit_id for row in rows}
    paths = units.paths(session, sorted({*reach.units, *below, *at.values()}), on=on)
    over = {one for path in paths.values() for one in path}
    communes = {
        one
        for start in range(0, len(over), _BATCH)
        for one in session.scalars(
            select(Unit.id).where(Unit.id.in_(sorted(over)[start : start + _BATCH]), Unit.kind == "commune")
        )
    }
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


def _sync(
    session: Session,
    schedule: Schedule,
    resolver: Resolver,
    now: datetime,
    until: datetime,
    actor: Actor,
    only: datetime | None,
) -> tuple[list[Airing], list[Airing]]:
    rule = rule_of(schedule)
    instants = list(occurrences(rule, now - _NEAR, until))
    books = books_of(session, schedule, rule, instants, now)
    for (_slot, _place, instant), filling in books.fillings.items():
        filling.original_start = instant
    cancelled: list[Airing] = []
    made: list[Airing] = []
    parts = parts_of(session, schedule, books, resolver, [one for one in instants if only in {None, one}], now)
    for slot, key, targets in parts:
        old, new = settle_part(schedule, books, slot, key, targets, now)
        if old is not None:
            cancelled.append(cancel_row(old, "edited" if new else "unfilled", now=now, actor=actor))
        if new is not None:
            made.append(new)
    # What is left belongs to no part any more; beyond the horizon nothing was looked at.
    for key, row in books.standing.items():
        if key[2] < until and only in {None, key[2]}:
            cancelled.append(cancel_row(row, "edited", now=now, actor=actor))
    session.flush()
    session.add_all(made)
    session.flush()
    return cancelled, made


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
        if instant + timedelta(milliseconds=schedule.duration_ms) <= now:
            continue
        day = units.date_of(instant)
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
    starts_at = key[2] + timedelta(milliseconds=books.starts[slot.id])
    old = books.standing.pop(key, None)
    if old is None and (key in books.decided or starts_at <= now):
        return None, None
    wanted = content(slot, books.fillings.get(key))
    shut = {place for since, place in books.closed.get(key[2], ()) if since < books.starts[slot.id]}
    if wanted is None or (slot.kind == "programme" and not shut.isdisjoint({"", key[1]})):
        return old, None
    if slot.kind == "programme":
        for place in sorted(shut):
            targets = targets.without(place)
    if old is not None and is_moved(old):
        starts_at = old.starts_at
    values = values_of(schedule, slot, key, targets, wanted, offset_ms=books.starts[slot.id], starts_at=starts_at)
    if old is not None and all(getattr(old, name) == value for name, value in values.items()):
        return None, None
    generation = books.generations.get(key, -1) + 1
    books.generations[key] = generation
    return old, Airing(id=new_id(), planned=False, generation=generation, replaces_id=old.id if old else None, **values)


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
    slots: Sequence[Slot] | None = None,
    to_change: bool = True,
) -> Books:
    """What there is of a session from `now` on. With `slots` as if it had these; to look at only: without locks."""
    held = slots_of(session, schedule.id) if slots is None else list(slots)
    starts = dict(zip((slot.id for slot in held), offsets([slot.length_ms for slot in held]), strict=True))
    books = Books(held, starts)
    wanted = (
        select(Airing)
        .where(Airing.schedule_id == schedule.id, Airing.original_start > now - _NEAR)
        .order_by(Airing.original_start, Airing.generation)
    )
    rows = session.scalars(locked(wanted) if to_change else wanted).all()
    fillings = session.scalars(
        select(Filling).where(
            Filling.schedule_id == schedule.id, Filling.ended_at.is_(None), Filling.original_start > now - _NEAR
        )
    ).all()
    same = matched(rule, {row.original_start for row in rows} | {one.original_start for one in fillings}, instants)
    for row in rows:
        key = (row.slot_id, row.place_id, row.original_start)
        books.generations[key] = max(row.generation, books.generations.get(key, -1))
        key = (row.slot_id, row.place_id, same.get(row.original_start, row.original_start))
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
