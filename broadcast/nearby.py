"""Airings found by where they sound, out of thousands of schedules: what the heard day and the look before saving read.

The index `schedule_targets` says which schedules name a place. A place is also named by the groups that it is in and by
the units that were merged into it, so these are asked for too. What is found is then looked at exactly.

Airings are made up to a horizon. Where more than that is asked for, what will be made beyond it is foreseen by the same
schedules (`schedules.foresight`), up to a year ahead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from broadcast import facts
from broadcast.planning import AiringFacts
from core import units
from core.settings import Settings
from schedules import foresight, local_days
from schedules.slot_tables import Slot
from schedules.tables import Airing, Schedule, ScheduleTarget

Span = tuple[datetime, datetime]

FURTHEST = timedelta(days=366)
# The horizon is moved on by the hour; a day of leading late is looked past.
_SLACK = timedelta(days=1)
_BATCH = 500
_SHORT = timedelta(minutes=45)


def named_by(session: Session, targets: Collection[str], days: Iterable[date]) -> set[str]:
    """All ids by which a schedule may mean these units and receivers on any of these days."""
    names = set(targets)
    successions, memberships = units.succession_history(session), units.membership_history(session)
    for day in days:
        after = successions(day)
        names |= {old for old in after if not names.isdisjoint(units.follow([old], after))}
        members = memberships(day)
        names |= {group for group, there in members.items() if not names.isdisjoint(units.follow(there, after))}
    return names


def airings(
    session: Session,
    names: Collection[str],
    now: datetime,
    spans: Sequence[Span],
    *,
    settings: Settings,
    reach_back: bool = False,
    with_items: bool = False,
    schedules_most: int | None = None,
) -> list[AiringFacts]:
    """The airings of these targets that begin in one of these spans, which are in order, by start.

    Of more schedules than `schedules_most` only the airings that are made are looked at. Scheduled and closed ones,
    and those cancelled while on air: the same that plans are made of. With `reach_back` also what began before a span
    and may bear on what is heard in it; not what is over so long that it can't.
    """
    # First the schedules, then their airings, then what those are: asked for all at once, SQLite reads every airing of
    # the span, or of that status. Schedules are named a second time, or else PostgreSQL reads all of them for the join.
    schedules: set[str] = set()
    for batch in _batches(sorted(names)):
        named = select(ScheduleTarget.schedule_id).where(ScheduleTarget.target_id.in_(batch))
        schedules.update(session.scalars(named))
    begins = _bears_on if reach_back else _begins_in
    in_time = or_(*(begins(since, until) for since, until in spans))
    wanted = facts.airing_rows().where(in_time)
    rows = [
        row
        for batch in _batches(sorted(schedules))
        for row in session.execute(wanted.where(Airing.schedule_id.in_(batch), Schedule.id.in_(batch)))
    ]
    # A local day lets a schedule air at a place that it doesn't name.
    rows += session.execute(wanted.where(Airing.local_day_id.is_not(None))).all()
    beyond = _beyond(spans, now, settings, reach_back=reach_back)
    foreseen: tuple[AiringFacts, ...] = ()
    gone: frozenset[str] = frozenset()
    if beyond and (schedules_most is None or len(schedules) <= schedules_most):
        foreseen, gone = _foreseen(session, schedules, beyond, with_items=with_items)
    silent = _silent(session, rows, now) | gone
    found = {row.id: row for row in rows if row.id not in silent}
    ordered = sorted(found.values(), key=lambda row: (row.starts_at, row.id))
    made = facts.airing_facts(session, ordered, with_items=with_items)
    return sorted((*made, *foreseen), key=lambda one: (one.starts_at, one.id)) if foreseen else list(made)


def _beyond(spans: Sequence[Span], now: datetime, settings: Settings, *, reach_back: bool) -> list[Span]:
    """The parts of these spans for which airings aren't made yet."""
    made = now + timedelta(days=settings.airing_days) - _SLACK
    back = facts.LONGEST_AIRING if reach_back else timedelta()
    found: list[Span] = []
    for since, until in spans:
        begins, ends = max(since - back, made, found[-1][1] if found else made), min(until, now + FURTHEST)
        if begins < ends:
            found.append((begins, ends))
    return found


def _foreseen(
    session: Session, schedule_ids: Collection[str], spans: Sequence[Span], *, with_items: bool
) -> tuple[tuple[AiringFacts, ...], frozenset[str]]:
    """What will be made of these schedules, and the ids of what is there and won't be so."""
    # A local day lets a schedule air at a place that it doesn't name.
    wanted = sorted({*schedule_ids, *local_days.brought(session, spans[0][0], spans[-1][1])})
    schedules = {
        one.id: one
        for batch in _batches(wanted)
        for one in session.scalars(select(Schedule).where(Schedule.id.in_(batch)))
    }
    found = foresight.foresee(session, list(schedules.values()), spans)
    airings = [one for one in found.airings if one.status == "scheduled"]
    ids = sorted({one.slot_id for one in airings if one.slot_id})
    slots = {one.id: one for batch in _batches(ids) for one in session.scalars(select(Slot).where(Slot.id.in_(batch)))}
    programmes = sorted({one.programme_id for one in airings if one.programme_id})
    unapproved = {one for batch in _batches(programmes) for one in session.scalars(facts.unapproved(batch))}
    airs = [one for one in airings if one.programme_id not in unapproved]
    return facts.foreseen(session, airs, schedules, slots, with_items=with_items), found.gone


def joined(spans: Sequence[Span]) -> list[Span]:
    """Spans in order, those that touch as one."""
    found: list[Span] = []
    for since, until in spans:
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((since, until))
    return found


def _begins_in(since: datetime, until: datetime) -> ColumnElement[bool]:
    return and_(Airing.starts_at >= since, Airing.starts_at < until)


def _bears_on(since: datetime, until: datetime) -> ColumnElement[bool]:
    long = Airing.duration_ms > _SHORT // timedelta(milliseconds=1)
    recent = Airing.starts_at >= since - facts.LOOK_BACK - _SHORT
    return and_(Airing.starts_at > since - facts.LONGEST_AIRING, Airing.starts_at < until, or_(recent, long))


def _silent(session: Session, rows: Sequence[Any], now: datetime) -> set[str]:
    """Ids of those that were cancelled before they aired, or come with a bulletin that isn't approved."""
    silent = [row.id for row in rows if row.status not in {"scheduled", "closed"}]
    # By their ids alone: asked for a status too, SQLite reads every airing that has it.
    cancelled = [row.id for row in rows if row.status == "cancelled"]
    alive: set[str] = set()
    for batch in _batches(cancelled):
        alive.update(session.scalars(select(Airing.id).where(Airing.id.in_(batch), facts.finishing())))
    programmes = sorted({row.programme_id for row in rows if row.starts_at > now})
    unapproved: set[str] = set()
    for batch in _batches(programmes):
        unapproved.update(session.scalars(facts.unapproved(batch)))
    left_out = {row.id for row in rows if row.starts_at > now and row.programme_id in unapproved}
    return left_out | (set(silent) - alive)


def _batches(ids: list[str]) -> Iterable[list[str]]:
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))
