"""How the rows of a schedule come about: making those that are missing, and replacing those that no longer fit.

See `schedules.timetable` for the rules that this carries out. Whoever calls holds the lock of the schedule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any, Literal, TypeVar, cast

from sqlalchemy import Select, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core import events
from core.database import Base
from core.events import SYSTEM, Actor
from core.ids import new_id
from schedules.localtime import read_exdate
from schedules.recurrence import Kind, Rule, occurrences
from schedules.tables import Airing, Schedule
from schedules.targets import AIMED, columns_of

CancelReason = Literal["withdrawn", "occurrence", "moved", "changed", "edited", "unfilled", "schedule", "local-day"]
BY_HAND = ("withdrawn", "moved", "changed")  # what was decided about a single airing

# An occurrence and its local day lie within this span of each other, whatever the zone and its clock changes.
_NEAR = timedelta(days=3)
_CHUNK = 500
_T = TypeVar("_T")


def locked(statement: Select[_T]) -> Select[_T]:
    """Lock the rows until the transaction ends, and see them as they are now. On SQLite a writer is alone anyway."""
    # "No key": rows that point to these may still be added meanwhile.
    return statement.with_for_update(key_share=True).execution_options(populate_existing=True)


def rule_of(schedule: Schedule) -> Rule:
    """The rule that a schedule's row holds."""
    return Rule(
        cast("Kind", schedule.kind),
        schedule.first_date,
        schedule.last_date,
        schedule.local_time,
        schedule.timezone,
        tuple(schedule.weekdays or ()),
        schedule.rrule or "",
        tuple(datetime.fromisoformat(text) for text in schedule.rdates or ()),
        tuple(read_exdate(text, schedule.timezone) for text in schedule.exdates or ()),
    )


def columns_of_rule(rule: Rule) -> dict[str, Any]:
    """The columns of a schedule's row that hold this rule."""
    return {
        "kind": rule.kind,
        "first_date": rule.first_date,
        "last_date": rule.last_date,
        "local_time": rule.local_time,
        "timezone": rule.zone,
        "weekdays": list(rule.weekdays) or None,
        "rrule": rule.rrule or None,
        "rdates": [at.isoformat() for at in rule.rdates] or None,
        "exdates": [at.isoformat() for at in rule.exdates] or None,
    }


def cancel_row(airing: Airing, reason: CancelReason, *, now: datetime, actor: Actor) -> Airing:
    """Mark the airing cancelled; returns it."""
    airing.status = "cancelled"
    airing.cancelled_at = now
    airing.cancelled_by = actor.id
    airing.cancel_reason = reason
    return airing


def successor(airing: Airing, *, starts_at: datetime) -> Airing:
    """The airing that stands in for this one, of the same occurrence."""
    return Airing(
        id=new_id(),
        schedule_id=airing.schedule_id,
        programme_id=airing.programme_id,
        slot_id=airing.slot_id,
        place_id=airing.place_id,
        original_start=airing.original_start,
        offset_ms=airing.offset_ms,
        fill_by=airing.fill_by,
        generation=airing.generation + 1,
        starts_at=starts_at,
        duration_ms=airing.duration_ms,
        **columns_of(airing.targets),
        status="scheduled",
        planned=False,
        replaces_id=airing.id,
        local_day_id=airing.local_day_id,
        own_programme=airing.own_programme,
    )


def is_moved(airing: Airing) -> bool:
    """Whether a hand gave it another start than its schedule says."""
    due = airing.original_start + timedelta(milliseconds=airing.offset_ms)
    return airing.status != "cancelled" and airing.starts_at != due


def expand(session: Session, schedules: Sequence[Schedule], *, now: datetime, until: datetime) -> list[Airing]:
    """Make the missing airings of (now, until) of these schedules."""
    there = taken(session, schedules, now, until)
    rows: list[dict[str, Any]] = []
    for schedule in schedules:
        rule = rule_of(schedule)
        held = there[schedule.id]
        decided = held.matched(rule, now, until)
        rows.extend(
            values_of(schedule, instant)
            for instant in occurrences(rule, now, until)
            if instant > now and instant not in held.starts and instant not in decided
        )
    if not rows:
        return []
    made = _insert(session, rows)
    counts: dict[str, list[Airing]] = defaultdict(list)
    for airing in made:
        counts[airing.schedule_id].append(airing)
    told = (
        (
            ("schedule", schedule_id),
            {
                "airings": len(airings),
                "first": airings[0].starts_at.isoformat(),
                "last": airings[-1].starts_at.isoformat(),
            },
        )
        for schedule_id, airings in counts.items()
    )
    events.record_all(session, "system:schedule:materialised", actor=SYSTEM, at=now, facts=told)
    return made


def replace(session: Session, schedule: Schedule, *, now: datetime, actor: Actor) -> tuple[list[Airing], list[Airing]]:
    """Cancel the coming airings that don't fit the schedule as it is now, and make those that do: (cancelled, made)."""
    rule = rule_of(schedule)
    rows = session.scalars(
        locked(
            select(Airing)
            # Asked for by status, PostgreSQL would read whatever is scheduled in the time to come.
            .where(Airing.schedule_id == schedule.id, or_(Airing.original_start > now - _NEAR, Airing.starts_at > now))
            .order_by(Airing.original_start, Airing.generation)
        )
    ).all()
    rows = [row for row in rows if row.original_start > now - _NEAR or row.status == "scheduled"]
    generations: dict[datetime, int] = {row.original_start: row.generation for row in rows}  # the highest of each
    # What a local day made of it is settled after this.
    rows = [row for row in rows if row.local_day_id is None]
    if not rows:
        return [], []
    standing, decided = _held(rows, now)
    cancelled: list[Airing] = []
    made: list[Airing] = []
    wanted = _wanted(rule, rows, now)
    pairs = matched(rule, wanted, standing.keys(), decided, now)
    for instant in wanted:
        before = pairs.get(instant)
        if instant <= now or before in decided:
            continue
        old = standing.pop(before) if before is not None else None
        start = original = instant
        if old is not None:
            if is_moved(old) and (rule.kind != "once" or old.original_start == instant):
                start, original = old.starts_at, old.original_start
            if (old.starts_at, old.original_start) == (start, original) and _fits(old, schedule):
                continue
            cancelled.append(cancel_row(old, "edited", now=now, actor=actor))
        generations[original] = generations.get(original, -1) + 1
        values = values_of(schedule, original) | {"starts_at": start, "generation": generations[original]}
        if old is not None and old.own_programme:
            values |= {name: getattr(old, name) for name in ("own_programme", "programme_id", "duration_ms")}
        made.append(Airing(**values, replaces_id=old.id if old else None))
    cancelled.extend(cancel_row(row, "edited", now=now, actor=actor) for row in standing.values())
    session.flush()
    session.add_all(made)
    session.flush()
    return cancelled, made


def _held(rows: Sequence[Airing], now: datetime) -> tuple[dict[datetime, Airing], set[datetime]]:
    """The airings that stand ahead, by their original start; and the occurrences that a hand decided about for good."""
    decided: set[datetime] = set()
    standing: dict[datetime, Airing] = {}
    replaced = {row.replaces_id for row in rows}
    for row in rows:
        if row.status == "scheduled" and row.starts_at > now:
            standing[row.original_start] = row
        elif (row.cancel_reason == "withdrawn" and row.id not in replaced) or is_moved(row):
            decided.add(row.original_start)
    return standing, decided


@dataclass(slots=True)
class Held:
    """The occurrences of one schedule that need no airing any more: they have one, or a hand decided about them."""

    starts: set[datetime] = field(default_factory=set)
    decided: set[datetime] = field(default_factory=set)

    def matched(self, rule: Rule, now: datetime, until: datetime) -> set[datetime]:
        """The occurrences that a decision about an earlier form of the rule holds for."""
        if not self.decided:
            return set()
        # Whole days, so that each decision finds its own occurrence, also one that has passed.
        free = [instant for instant in occurrences(rule, now - _NEAR, until + _NEAR) if instant not in self.starts]
        return set(matched(rule, free, (), self.decided, now))


def matched(
    rule: Rule,
    wanted: Sequence[datetime],
    standing: Collection[datetime],
    decided: Collection[datetime],
    now: datetime,
) -> dict[datetime, datetime]:
    """To each occurrence of the rule the original start of the airing that it takes the place of.

    That of the same instant; else, within the local day, those nearest to each other. Of a schedule that airs once
    another day is the same airing, but another time is another decision than the one that a hand took before.
    """
    pairs = {instant: instant for instant in wanted if instant in standing or instant in decided}
    if rule.kind == "once":
        left = sorted(set(standing) - pairs.keys())
        return pairs | dict(zip((one for one in wanted if one not in pairs), left, strict=False))
    days: dict[date, list[datetime]] = defaultdict(list)
    for instant in wanted:
        if instant not in pairs:
            days[rule.local_day(instant)].append(instant)
    near = sorted(
        (abs(instant - old), old, instant)
        for old in {*standing, *decided} - pairs.keys()
        for instant in days.get(rule.local_day(old), ())
        if instant > now or old in decided
    )
    used: set[datetime] = set()
    for _, old, instant in near:
        if old not in used and instant not in pairs:
            used.add(old)
            pairs[instant] = old
    return pairs


def taken(session: Session, schedules: Sequence[Schedule], now: datetime, until: datetime) -> dict[str, Held]:
    """What there is of these schedules between two instants that expansion leaves alone, by schedule."""
    held: dict[str, Held] = defaultdict(Held)
    columns = (
        Airing.schedule_id,
        Airing.original_start,
        Airing.starts_at,
        Airing.status,
        Airing.cancel_reason,
        Airing.own_programme,
        Airing.id,
        Airing.replaces_id,
    )
    for ids in _chunks(schedule.id for schedule in schedules):
        rows = session.execute(
            select(*columns).where(
                Airing.schedule_id.in_(ids),
                Airing.local_day_id.is_(None),
                Airing.original_start > now - _NEAR,
                Airing.original_start < until + _NEAR,
            )
        ).all()
        replaced = {row.replaces_id for row in rows}
        for row in rows:
            standing = row.status != "cancelled"
            by_hand = standing and (row.own_programme or row.starts_at != row.original_start)
            if by_hand or (row.cancel_reason == "withdrawn" and row.id not in replaced):
                held[row.schedule_id].decided.add(row.original_start)
            else:
                held[row.schedule_id].starts.add(row.original_start)
    return held


def _wanted(rule: Rule, rows: Sequence[Airing], now: datetime) -> list[datetime]:
    """The occurrences of the local days that were expanded already, those of today's past too; later ones are
    `expand`'s.
    """
    if rule.kind == "once":
        return [instant for instant in [rule.instant(rule.first_date)] if instant > now]
    # Of what lies further ahead there is only what a hand decided: those days are looked at by themselves.
    decided = {row.original_start for row in rows if row.cancel_reason in BY_HAND}
    horizon = max((row.original_start for row in rows if row.original_start not in decided), default=now)
    last = rule.local_day(horizon)
    wanted = {instant for instant in occurrences(rule, now - _NEAR, horizon + _NEAR) if rule.local_day(instant) <= last}
    for day in {rule.local_day(one) for one in decided if one > horizon}:
        around = datetime.combine(day, time(), UTC)
        wanted.update(one for one in occurrences(rule, around - _NEAR, around + _NEAR) if rule.local_day(one) == day)
    return sorted(wanted)


def _fits(airing: Airing, schedule: Schedule) -> bool:
    brings = airing if airing.own_programme else schedule
    return (airing.programme_id, airing.duration_ms, airing.targets) == (
        brings.programme_id,
        brings.duration_ms,
        schedule.targets,
    )


def values_of(schedule: Schedule, instant: datetime) -> dict[str, Any]:
    """The columns of an airing of this schedule's occurrence."""
    return {
        "id": new_id(),
        "schedule_id": schedule.id,
        "programme_id": schedule.programme_id,
        "original_start": instant,
        "generation": 0,
        "starts_at": instant,
        "duration_ms": schedule.duration_ms,
        **{name: getattr(schedule, name) for name in AIMED},
        "status": "scheduled",
        "planned": False,
        "own_programme": False,
    }


def _insert(session: Session, rows: list[dict[str, Any]]) -> list[Airing]:
    """Insert what isn't there; returns what was new, in order of start."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    airings_table = Base.metadata.tables[Airing.__tablename__]
    statement = insert(airings_table).on_conflict_do_nothing(
        index_elements=["schedule_id", "original_start", "slot_id", "place_id", "generation"]
    )
    session.flush()
    # Straight to the table and without what is null: of a hundred thousand rows, half of the time.
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        held = {name: value for name, value in row.items() if value is not None}
        alike[tuple(held)].append(held)
    for same in alike.values():
        for chunk in _chunks(same):
            session.connection().execute(statement, chunk)
    airings: list[Airing] = []
    for ids in _chunks(row["id"] for row in rows):  # what was not inserted isn't there under its new id
        airings.extend(session.scalars(select(Airing).where(Airing.id.in_(ids))))
    return sorted(airings, key=lambda airing: (airing.starts_at, airing.id))


def _chunks(things: Iterable[_T]) -> Iterator[list[_T]]:
    iterator = iter(things)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk
