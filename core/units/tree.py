"""Reading the tree as it stood on a date.

A unit that stands no more leads on to what took over from it: receivers, schedules and rights of the old unit are
found below, and over, the new one from that date on, while history stays where it was.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.units.forest import forest
from core.units.tables import Unit, UnitLink, UnitName

# The dates of units are the law's: dates in Viet Nam, wherever the server stands.
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_BATCH = 500  # identifiers in one statement: far below what either database takes


def date_of(instant: datetime) -> date:
    """The local date that an instant falls on, for the `on` of everything here."""
    return instant.astimezone(ZONE).date()


@dataclass(frozen=True, slots=True)
class Placed:
    """A unit as it stood on a date: its name then, and what it stood below."""

    id: str
    parent_id: str | None
    kind: str
    name: str
    official_code: str | None
    valid_from: date
    valid_to: date


def get(session: Session, unit_id: str) -> Unit:
    unit = session.get(Unit, unit_id)
    if unit is None:
        raise NotFound(what="đơn vị / unit", id=unit_id)
    return unit


def below(session: Session, unit_ids: Collection[str], *, on: date) -> set[str]:
    """The given units and everything below them on this date, as ids.

    A given unit that stands no more counts as what took over from it. Units that are merged into one of these are
    among the ids, because what was at them is now there.
    """
    stand = forest(session).on(on)
    start = followed(session, unit_ids, on=on)
    return stand.below(unit for unit in start if unit in forest(session).kinds)


def below_query(session: Session, unit_ids: Collection[str], *, on: date) -> Select[str]:
    """`below` as a query, for use inside another one."""
    tree = select(Unit.id).where(Unit.id.in_(followed(session, unit_ids, on=on))).cte("tree", recursive=True)
    step = (
        select(UnitLink.unit_id)
        .join(tree, UnitLink.parent_id == tree.c.id)
        .where(UnitLink.relation != "also", valid(UnitLink, on))
    )
    return select(tree.union(step).c.id)


def above(session: Session, unit_id: str, *, on: date) -> list[str]:
    """The unit and what stood over it on this date, nearest first, as ids.

    For one that stands no more it begins with what took over from it.
    """
    return list(paths(session, [unit_id], on=on)[unit_id])


def paths(session: Session, unit_ids: Collection[str], *, on: date) -> dict[str, tuple[str, ...]]:
    """`above` of each of these."""
    stand = forest(session).on(on)
    return {unit: stand.path(unit) for unit in unit_ids}


def path(unit_id: str, held: Mapping[str, tuple[str | None, str]]) -> tuple[str, ...]:
    """The unit and what is over it by these links, nearest first; without those that stand no more."""
    over: list[str] = []
    current: str | None = unit_id
    while current is not None and current not in over:
        parent, relation = held.get(current, (None, "below"))
        if relation == "below":
            over.append(current)
        current = parent
    return tuple(over)


def followed(session: Session, unit_ids: Iterable[str], *, on: date) -> list[str]:
    """These units, and for each that stands no more on this date all that took over from it, in their order."""
    return follow(unit_ids, successions(session, on=on))


def successions(session: Session, *, on: date) -> Mapping[str, Sequence[str]]:
    """What took over from each unit that stands no more on this date, for whoever follows many; `follow` reads it."""
    return forest(session).on(on).successions


def follow(unit_ids: Iterable[str], after: Mapping[str, Sequence[str]]) -> list[str]:
    """`followed`, by the successions of a date."""
    result: dict[str, None] = {}
    for unit in dict.fromkeys(unit_ids):
        _follow(unit, after, result)
    return list(result)


def _follow(unit: str, after: Mapping[str, Sequence[str]], result: dict[str, None]) -> None:
    if unit not in after:
        result[unit] = None
    for successor in after.get(unit, ()):
        _follow(successor, after, result)


def change_dates(session: Session, since: date, until: date) -> list[date]:
    """The dates in (since, until] on which the tree changes, in order: there are few."""
    days = forest(session).change_dates
    return days[bisect_right(days, since) : bisect_right(days, until)]


def kinds(session: Session, unit_ids: Collection[str]) -> dict[str, str]:
    """The kind of each of these that there is."""
    held = forest(session).kinds
    return {unit: held[unit] for unit in unit_ids if unit in held}


def children(session: Session, unit_id: str, *, on: date) -> list[str]:
    """What stands directly below the unit on this date."""
    below_it = UnitLink.parent_id == unit_id, UnitLink.relation == "below", valid(UnitLink, on)
    return list(session.scalars(select(UnitLink.unit_id).where(*below_it).order_by(UnitLink.unit_id)))


def links(session: Session, *, on: date) -> dict[str, tuple[str | None, str]]:
    """Every unit's (parent, relation) on this date, for whoever looks at the whole tree; `path` reads it."""
    columns = UnitLink.unit_id, UnitLink.parent_id, UnitLink.relation
    wanted = select(*columns).where(UnitLink.relation != "also", valid(UnitLink, on))
    return {unit: (parent, relation) for unit, parent, relation in session.execute(wanted)}


def name(session: Session, unit_id: str, *, on: date) -> str:
    """What the unit was called on this date; outside of the dates that are known, its nearest name."""
    return names(session, [unit_id], on=on)[unit_id]


def names(session: Session, unit_ids: Collection[str], *, on: date) -> dict[str, str]:
    """`name` of each of these; those that there are not are left out."""
    held = forest(session)
    return {unit: held.name(unit, on) for unit in unit_ids if unit in held.kinds}


def standing(session: Session, *, on: date, unit_ids: Collection[str] | None = None) -> list[Placed]:
    """The units that stood on this date (or those among these), as they stood, by id."""
    rows: list[tuple[Unit, UnitLink]] = []
    wanted = (
        select(Unit, UnitLink)
        .join(UnitLink, UnitLink.unit_id == Unit.id)
        .where(UnitLink.relation == "below", valid(UnitLink, on))
    )
    if unit_ids is None:
        rows += [(unit, link) for unit, link in session.execute(wanted)]
    else:
        for batch in _batches(unit_ids):
            rows += [(unit, link) for unit, link in session.execute(wanted.where(Unit.id.in_(batch)))]
    called = names(session, [unit.id for unit, _ in rows], on=on)
    placed = [
        Placed(
            id=unit.id,
            parent_id=link.parent_id,
            kind=unit.kind,
            name=called[unit.id],
            official_code=unit.official_code,
            valid_from=link.valid_from,
            valid_to=link.valid_to,
        )
        for unit, link in rows
    ]
    return sorted(placed, key=lambda unit: unit.id)


def history(session: Session, unit_id: str) -> tuple[list[UnitName], list[UnitLink]]:
    """Everything that a unit was called, and everywhere that it stood or went, each in order of time."""
    names_of = select(UnitName).where(UnitName.unit_id == unit_id).order_by(UnitName.valid_from)
    links_of = select(UnitLink).where(UnitLink.unit_id == unit_id)
    ordered = links_of.order_by(UnitLink.valid_from, UnitLink.relation.desc(), UnitLink.id)
    return list(session.scalars(names_of)), list(session.scalars(ordered))


def valid(table: type[UnitLink | UnitName], on: date) -> ColumnElement[bool]:
    """That a row of this table holds on this date."""
    return and_(table.valid_from <= on, table.valid_to > on)


def _batches(unit_ids: Collection[str]) -> Iterable[list[str]]:
    ordered = list(dict.fromkeys(unit_ids))
    return (ordered[start : start + _BATCH] for start in range(0, len(ordered), _BATCH))
