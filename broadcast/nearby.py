"""Airings found by where they sound, out of thousands of schedules: what the heard day and the look before saving read.

The index `schedule_targets` says which schedules name a place. A place is also named by the groups that it is in and by
the units that were merged into it, so these are asked for too. What is found is then looked at exactly.
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
from schedules.tables import Airing, ScheduleTarget

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
    spans: Collection[tuple[datetime, datetime]],
    *,
    reach_back: bool = False,
    with_items: bool = False,
) -> list[AiringFacts]:
    """The airings of these targets that begin in one of these spans, by start.

    Scheduled and closed ones, and those cancelled while on air: the same that plans are made of. With `reach_back`
    also what began before a span and may bear on what is heard in it; not what is over so long that it can't.
    """
    # First the schedules, then their airings, then what those are: asked for all at once, SQLite reads every airing of
    # the span, or of that status.
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
        for row in session.execute(wanted.where(Airing.schedule_id.in_(batch)))
    ]
    # A local day lets a schedule air at a place that it doesn't name.
    rows += session.execute(wanted.where(Airing.local_day_id.is_not(None))).all()
    silent = _silent(session, rows, now)
    found = {row.id: row for row in rows if row.id not in silent}
    ordered = sorted(found.values(), key=lambda row: (row.starts_at, row.id))
    return list(facts.airing_facts(session, ordered, with_items=with_items))


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
