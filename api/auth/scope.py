"""Where a person may do what: the one place that makes their grants into units on a date.

`Scope.reach(right)` is where the person holds a right: everywhere, or the units of their grants with all below them by
the tree of the day (a unit that was merged leads on to what took over from it; a group to its members). What a thing
belongs to, and who may therefore see or change it, stands in `api.auth.things`.

Who holds a right everywhere is told so without a look at the tree, so nothing costs them more than it would without
places.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, false, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from api.auth.grants import Held
from api.auth.rights import RIGHTS, Right
from core import units
from core.database import Database
from devices.tables import Receiver

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reach:
    """The units at which a right is held.

    `tops` are those that it was given at; `over` is what stands above them: what is said and ruled there holds for
    them too. `spine` is what all tops and their paths have in common. `groups` have a member among units or `over`.
    """

    everywhere: bool = False
    units: frozenset[str] = _NONE
    tops: tuple[str, ...] = ()
    over: frozenset[str] = _NONE
    spine: frozenset[str] = _NONE
    groups: frozenset[str] = _NONE

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.units)

    def covers(self, *unit_ids: str | None) -> bool:
        """Whether the right is held at all of these; None stands for the root unit."""
        return self.everywhere or all(one in self.units for one in unit_ids)

    def at(self, column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None]) -> ColumnElement[bool]:
        """That this column names a unit within reach."""
        return true() if self.everywhere else column.in_(self.units) if self.units else false()

    @property
    def around(self) -> frozenset[str]:
        """Within reach or above it: what is meant for one of these concerns the person."""
        return self.units | self.over

    def named(self, session: Session) -> set[str]:
        """Every id by which something may be meant for a place within reach: units, groups, receivers."""
        boxes = session.scalars(select(Receiver.id).where(self.at(Receiver.unit_id)))
        return {*self.around, *self.groups, *boxes}


EVERYWHERE = Reach(everywhere=True)
NOWHERE = Reach()


class Scope:
    """What one person holds on one date. Reaches are worked out when they are first asked for."""

    def __init__(self, held: list[Held], on: date, db: Database) -> None:
        self._held, self._on, self._db = held, on, db
        self._known: dict[frozenset[tuple[str | None, str | None]], Reach] = {}

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(one.role for one in self._held)

    def reach(self, right: Right, *, own: bool = False) -> Reach:
        """Where the right is held; with `own`, what a substitute holds for another left out."""
        places = frozenset(
            (one.unit_id, one.group_id)
            for one in self._held
            if right in RIGHTS.get(one.role, ()) and not (own and one.stands_for)  # type: ignore[call-overload]
        )
        if (None, None) in places:
            return EVERYWHERE
        if not places:
            return NOWHERE
        if places not in self._known:
            with self._db.reading() as session:
                self._known[places] = _reach(session, places, self._on)
        return self._known[places]

    def stands_for(self, right: Right, *unit_ids: str | None) -> str | None:
        """In whose name the person uses this right there: None is their own."""
        if self.reach(right, own=True).covers(*unit_ids):
            return None
        return next((one.stands_for for one in self._held if one.stands_for and right in RIGHTS[one.role]), None)  # type: ignore[index]


def _reach(session: Session, places: frozenset[tuple[str | None, str | None]], on: date) -> Reach:
    named = [unit for unit, _ in places if unit is not None]
    grouped = [group for _, group in places if group is not None]
    if grouped:
        named += units.members(session, grouped, on=on)
    tops = units.followed(session, named, on=on)
    if not tops:
        return NOWHERE
    within = frozenset(units.below(session, tops, on=on))
    paths = [frozenset(path) for path in units.paths(session, tops, on=on).values()]
    around = within.union(*paths)
    groups = frozenset(group for group, who in units.memberships(session, on=on).items() if not around.isdisjoint(who))
    return Reach(
        units=within,
        tops=tuple(sorted(tops)),
        over=around - within,
        spine=frozenset.intersection(*paths),
        groups=groups,
    )
