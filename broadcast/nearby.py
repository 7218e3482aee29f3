"""Airings found by where they sound, out of thousands of schedules: what the heard day and the look before saving read.

The index `schedule_targets` says which schedules name a place. A place is also named by the groups that it is in and by
the units that were merged into it, so these are asked for too. What is found is then looked at exactly.

Airings are made up to a horizon. Where more than that is asked for, what will be made beyond it is foreseen by the same
schedules (`schedules.foresight`), up to a year ahead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, bindparam, literal, or_, select, union_all
from sqlalchemy.orm import Session

from broadcast import facts
from broadcast.planning import AiringFacts
from core import units
from core.database import one_of, plain_rows
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

_FINISHING = select(Airing.id).where(one_of(Airing.id, "ids"), facts.finishing())


def named_by(session: Session, targets: Collection[str], days: Iterable[date]) -> set[str]:
    """All ids by which a schedule may mean these units and receivers on any of these days."""
    names = set(targets)
    for day in days:
        after = units.successions(session, on=day)
        names |= {old for old in after if not names.isdisjoint(units.follow([old], after))}
        members = units.memberships(session, on=day)
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
    ends = {f"{name}_{number}": at for number, span in enumerate(spans) for name, at in _edges(*span).items()}
    naming = plain_rows(session, _naming(len(spans), reach_back), {"names": names, **ends})
    schedules = {schedule for schedule, is_named in naming if is_named}
    found_by = {schedule for schedule, _ in naming}
    rows = plain_rows(session, _wanted(len(spans), reach_back), {"schedules": found_by, **ends}) if found_by else ()
    beyond = _beyond(spans, now, settings, reach_back=reach_back)
    foreseen: tuple[AiringFacts, ...] = ()
    gone: frozenset[str] = frozenset()
    if beyond and (schedules_most is None or len(schedules) <= schedules_most):
        foreseen, gone = _foreseen(session, schedules, beyond, with_items=with_items)
    contents = facts.contents(session, {row.programme_id for row in rows})
    silent = _silent(session, rows, now, contents.unapproved) | gone
    found = {row.id: row for row in rows if row.id not in silent}
    ordered = sorted(found.values(), key=lambda row: (row.starts_at, row.id))
    made = facts.airing_facts(session, ordered, with_items=with_items, known=contents)
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
    unapproved = facts.contents(session, {one.programme_id for one in airings}).unapproved
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


@cache
def _naming(spans: int, reach_back: bool) -> CompoundSelect[Any]:  # noqa: FBT001 - private, and named where it is called
    """The schedules that name a place; and (marked 0) those that a local day lets air where they don't name it."""
    named = select(ScheduleTarget.schedule_id, literal(1)).where(one_of(ScheduleTarget.target_id, "names"))
    of_local_days = select(Airing.schedule_id, literal(0)).where(Airing.local_day_id.is_not(None))
    return union_all(named, of_local_days.where(_in_time(spans, reach_back)))


@cache
def _wanted(spans: int, reach_back: bool) -> Select[Any]:  # noqa: FBT001 - as above
    """The airings of some schedules that begin in so many spans."""
    of_them = facts.airing_rows().where(one_of(Airing.schedule_id, "schedules"), one_of(Schedule.id, "schedules"))
    return of_them.where(_in_time(spans, reach_back))


def _in_time(spans: int, reach_back: bool) -> ColumnElement[bool]:  # noqa: FBT001 - as above
    begins = _bears_on if reach_back else _begins_in
    return or_(*(begins(number) for number in range(spans)))


def _edges(since: datetime, until: datetime) -> dict[str, datetime]:
    """The values of what `_begins_in` and `_bears_on` are asked with."""
    recent = since - facts.LOOK_BACK - _SHORT
    return {"since": since, "until": until, "long": since - facts.LONGEST_AIRING, "recent": recent}


def _begins_in(span: int) -> ColumnElement[bool]:
    return and_(Airing.starts_at >= bindparam(f"since_{span}"), Airing.starts_at < bindparam(f"until_{span}"))


def _bears_on(span: int) -> ColumnElement[bool]:
    long = Airing.duration_ms > _SHORT // timedelta(milliseconds=1)
    return and_(
        Airing.starts_at > bindparam(f"long_{span}"),
        Airing.starts_at < bindparam(f"until_{span}"),
        or_(Airing.starts_at >= bindparam(f"recent_{span}"), long),
    )


def _silent(session: Session, rows: Sequence[Any], now: datetime, unapproved: Collection[str]) -> set[str]:
    """Ids of those that were cancelled before they aired, or come with a bulletin that isn't approved."""
    silent = {row.id for row in rows if row.status not in {"scheduled", "closed"}}
    # By their ids alone: asked for a status too, SQLite reads every airing that has it.
    cancelled = {row.id for row in rows if row.status == "cancelled"}
    alive = {row[0] for row in plain_rows(session, _FINISHING, {"ids": cancelled})} if cancelled else set()
    left_out = {row.id for row in rows if row.starts_at > now and row.programme_id in unapproved}
    return left_out | (silent - alive)


def _batches(ids: list[str]) -> Iterable[list[str]]:
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))
