"""What targets come to on a date: the one place that follows merged units, looks groups up and finds receivers.

See `schedules.targets` for what targets mean.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import ColumnElement, column, or_, select, table
from sqlalchemy.orm import Session

from core import units
from core.units import Unit, UnitGroup
from schedules.errors import NoTargets, UnknownGroups, UnknownReceivers, UnknownUnits
from schedules.targets import Reach, Targets

UNKNOWN_NAMED = 10
_BATCH = 500

# The craft of receivers stands beside this room: of a receiver only where it is, and whether it is in use, is known.
receivers = table("receivers", column("id"), column("unit_id"), column("status"))


class Resolver:
    """Resolves targets as of dates, for whoever looks at many."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._days: dict[date, tuple[Mapping[str, Sequence[str]], Mapping[str, Sequence[str]]]] = {}
        self._known: dict[tuple[Targets, date], Reach] = {}

    def reach(self, targets: Targets, *, on: date) -> Reach:
        held = self._known.get((targets, on))
        if held is None:
            after, members = self._day(on)
            named = [*targets.units, *(unit for group in targets.groups for unit in members.get(group, ()))]
            held = self._known[targets, on] = Reach(
                frozenset(units.follow(named, after)),
                frozenset(targets.receivers),
                frozenset(units.follow(targets.except_units, after)),
                frozenset(targets.except_receivers),
            )
        return held

    def _day(self, on: date) -> tuple[Mapping[str, Sequence[str]], Mapping[str, Sequence[str]]]:
        if on not in self._days:
            self._days[on] = units.successions(self._session, on=on), units.memberships(self._session, on=on)
        return self._days[on]


def reach_of(session: Session, targets: Targets, *, on: date) -> Reach:
    """What these targets come to on this date."""
    return Resolver(session).reach(targets, on=on)


def receivers_of(session: Session, targets: Targets, *, on: date) -> list[str]:
    """Ids of the active receivers that these targets mean on this date, in order."""
    reach = reach_of(session, targets, on=on)
    but = units.below(session, reach.except_units, on=on) if reach.except_units else set()
    wanted = select(receivers.c.id, receivers.c.unit_id).where(receivers.c.status == "active")
    rows = session.execute(wanted.where(_meant(session, reach, on)).order_by(receivers.c.id))
    return [id_ for id_, unit in rows if unit not in but and id_ not in reach.except_receivers]


def receivers_touched(session: Session, many: Iterable[Targets], *, on: date) -> list[str]:
    """Ids of the active receivers that any of these may mean, exceptions not looked at: for who only asks to look."""
    resolver = Resolver(session)
    reaches = [resolver.reach(targets, on=on) for targets in set(many)]
    whole = Reach(
        frozenset[str]().union(*(reach.units for reach in reaches)),
        frozenset[str]().union(*(reach.receivers for reach in reaches)),
    )
    wanted = select(receivers.c.id).where(receivers.c.status == "active", _meant(session, whole, on))
    return list(session.scalars(wanted.order_by(receivers.c.id)))


def silent_parts(session: Session, targets: Targets, *, on: date) -> Targets:
    """The targets that no active receiver stands behind on this date: nothing of it would sound there."""
    heard = set(receivers_of(session, targets, on=on))
    at = set(session.scalars(select(receivers.c.unit_id).where(receivers.c.id.in_(heard))))
    reached = {unit for path in units.paths(session, at, on=on).values() for unit in path}
    resolver = Resolver(session)

    def silent(part: Targets) -> bool:
        return resolver.reach(part, on=on).units.isdisjoint(reached)

    return Targets(
        tuple(one for one in targets.units if silent(Targets(units=(one,)))),
        tuple(one for one in targets.groups if silent(Targets(groups=(one,)))),
        tuple(one for one in targets.receivers if one not in heard),
    )


def require_known(session: Session, targets: Targets) -> Targets:
    """The targets, if there is one and all that they name is there; raises a subclass of `Invalid`."""
    if not targets:
        raise NoTargets
    checks = (
        (Unit.id, (*targets.units, *targets.except_units), UnknownUnits),
        (UnitGroup.id, targets.groups, UnknownGroups),
        (receivers.c.id, (*targets.receivers, *targets.except_receivers), UnknownReceivers),
    )
    for column_, named, error in checks:
        known: set[str] = set()
        for start in range(0, len(named), _BATCH):
            known.update(session.scalars(select(column_).where(column_.in_(named[start : start + _BATCH]))))
        unknown = [one for one in named if one not in known]
        if unknown:
            more = f" … (+{len(unknown) - UNKNOWN_NAMED})" if len(unknown) > UNKNOWN_NAMED else ""
            raise error(ids=", ".join(unknown[:UNKNOWN_NAMED]) + more)
    return targets


def default_owner(session: Session, targets: Targets, *, on: date) -> str | None:
    """Whose schedule with these targets is, where nobody says: the one commune that they all lie in, else the lowest
    unit above them all. None: no unit stands above all of them.
    """
    reach = reach_of(session, targets, on=on)
    at = session.scalars(select(receivers.c.unit_id).where(receivers.c.id.in_(reach.receivers))).all()
    paths = list(units.paths(session, sorted({*reach.units, *at}), on=on).values())
    if not paths or any(not path for path in paths):
        return None
    common = [one for one in paths[0] if all(one in path for path in paths[1:])]
    kinds = units.kinds(session, common)
    return next((one for one in common if kinds[one] != "village"), None)


class NearBy:
    """What is meant at, above or below some units, by the trees of some days: what changes is near by each."""

    def __init__(self, session: Session, unit_ids: Collection[str], days: Collection[date]) -> None:
        self._resolver = Resolver(session)
        self._places: list[
            tuple[set[str], set[str], set[str]]
        ] = []  # units around, those at and above, receivers below
        for unit in unit_ids:
            below = set[str]().union(*(units.below(session, [unit], on=day) for day in days))
            path = set[str]().union(*(units.above(session, unit, on=day) for day in days))
            there = session.scalars(select(receivers.c.id).where(receivers.c.unit_id.in_(below)))
            self._places.append((below | path, path, set(there)))

    def meant(self, targets: Targets, *, on: date) -> bool:
        reach = self._resolver.reach(targets, on=on)
        return any(
            reach.except_units.isdisjoint(path)
            and not (reach.units.isdisjoint(around) and (reach.receivers - reach.except_receivers).isdisjoint(boxes))
            for around, path, boxes in self._places
        )


def _meant(session: Session, reach: Reach, on: date) -> ColumnElement[bool]:
    below = receivers.c.unit_id.in_(units.below_query(session, sorted(reach.units), on=on))
    return or_(below, receivers.c.id.in_(sorted(reach.receivers)))
