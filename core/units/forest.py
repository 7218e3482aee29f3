"""The dated tree in memory, as it is in the database at this moment.

Units, their links and names and their groups change a few times a year, and every look at a timetable asks for them
again and again. So a process reads them once, and keeps them for as long as the database's token is the same:

1. `unit_tree` holds one random token. Triggers of the database put a new one there with every change of a unit, a link,
   a name, a group or a member, in the transaction that changes it: whoever makes the change, in whichever process.
2. A session asks for the token first, and again once it has written anything itself: a tree that has changed is never
   looked at as it was. That is one small statement instead of many.
3. A token is random, not a number: what was read inside a transaction that is taken back can't be mistaken for what the
   next one makes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.database import plain_rows, remembered
from core.units.tables import ALWAYS, Unit, UnitGroup, UnitGroupMember, UnitLink, UnitName, UnitTree

_KEPT_MOST = 4  # a transaction that changes the tree reads its own beside the one that everybody else sees
_DOWN = {"below", "successor"}  # the links on which what is below is found

_LINKS = select(
    UnitLink.unit_id, UnitLink.parent_id, UnitLink.relation, UnitLink.valid_from, UnitLink.valid_to
).order_by(UnitLink.relation.desc(), UnitLink.id)
_UNITS = select(Unit.id, Unit.kind, Unit.name)
_NAMES = select(UnitName.unit_id, UnitName.valid_from, UnitName.name).order_by(UnitName.valid_from)
_MEMBERS = (
    select(
        UnitGroupMember.group_id,
        UnitGroupMember.unit_id,
        UnitGroupMember.valid_from,
        UnitGroupMember.valid_to,
        UnitGroup.valid_to.label("ends"),
    )
    .join(UnitGroup, UnitGroup.id == UnitGroupMember.group_id)
    .order_by(UnitGroupMember.id)
)
_TOKEN = select(UnitTree.token)


class Link(NamedTuple):
    unit_id: str
    parent_id: str | None
    relation: str
    valid_from: date
    valid_to: date


class Membership(NamedTuple):
    group_id: str
    unit_id: str
    valid_from: date
    valid_to: date


class Stand:
    """The tree between two days on which it changes."""

    def __init__(self, links: Iterable[Link]) -> None:
        self.up: dict[str, tuple[str | None, str]] = {}  # (parent, relation), as `tree.path` reads it
        self.successions: dict[str, list[str]] = {}
        self._down: dict[str, list[str]] = defaultdict(list)
        self._paths: dict[str, tuple[str, ...]] = {}
        for unit, parent, relation, _, _ in links:
            if relation != "also":
                self.up[unit] = (parent, relation)
            if parent is not None and relation != "below":
                self.successions.setdefault(unit, []).append(parent)
            if parent is not None and relation in _DOWN:
                self._down[parent].append(unit)

    def path(self, unit_id: str) -> tuple[str, ...]:
        """The unit and what is over it, nearest first; without those that stand no more."""
        held = self._paths.get(unit_id)
        if held is None:
            over: dict[str, None] = {}
            seen: set[str] = set()
            current: str | None = unit_id
            while current is not None and current not in seen:
                seen.add(current)
                parent, relation = self.up.get(current, (None, "below"))
                if relation == "below":
                    over[current] = None
                current = parent
            held = tuple(over)
            if unit_id in self.up:  # what there isn't is asked for without end
                self._paths[unit_id] = held
        return held

    def below(self, unit_ids: Iterable[str]) -> set[str]:
        """These and everything below them, with what was merged into any of it."""
        found = set(unit_ids)
        pending = list(found)
        while pending:
            for unit in self._down.get(pending.pop(), ()):
                if unit not in found:
                    found.add(unit)
                    pending.append(unit)
        return found


class Forest:
    """Everything about units that questions are asked of, of all dates."""

    def __init__(
        self,
        links: Sequence[Link],
        kinds: Mapping[str, str],
        names: Mapping[str, Sequence[tuple[date, str]]],
        members: Sequence[Membership],
    ) -> None:
        self.links, self.kinds, self.members = links, kinds, members
        self._names = names
        self._stands: dict[date, Stand] = {}

    @cached_property
    def change_dates(self) -> list[date]:
        return sorted({day for link in self.links for day in (link.valid_from, link.valid_to)})

    def on(self, day: date) -> Stand:
        """The tree of this date."""
        number = bisect_right(self.change_dates, day)
        since = self.change_dates[number - 1] if number else ALWAYS
        if since not in self._stands:
            self._stands[since] = Stand(link for link in self.links if link.valid_from <= day < link.valid_to)
        return self._stands[since]

    def name(self, unit_id: str, day: date) -> str:
        """The last name that began by this date, else the first."""
        held = self._names[unit_id]
        return next((called for since, called in reversed(held) if since <= day), held[0][1])


_kept: dict[str, Forest] = {}


def forest(session: Session) -> Forest:
    """The tree as this session sees it."""
    return remembered(session, "forest", lambda: _current(session))


def _current(session: Session) -> Forest:
    while True:
        token = _token(session)
        held = _kept.get(token)
        if held is not None:
            return held
        read = _read(session)
        if _token(session) == token:  # else it was changed while it was being read
            for old in list(_kept)[: -(_KEPT_MOST - 1)]:
                _kept.pop(old, None)
            _kept[token] = read
            return read


def _token(session: Session) -> str:
    return str(plain_rows(session, _TOKEN)[0][0])


def _read(session: Session) -> Forest:
    kinds, own = {}, {}
    for unit, kind, name in plain_rows(session, _UNITS):
        kinds[unit], own[unit] = kind, name
    names: dict[str, list[tuple[date, str]]] = defaultdict(list)
    for unit, since, name in plain_rows(session, _NAMES):
        names[unit].append((since, name))
    members = [
        Membership(group, unit, since, min(until, ends))
        for group, unit, since, until, ends in plain_rows(session, _MEMBERS)
    ]
    return Forest(
        [Link(*row) for row in plain_rows(session, _LINKS)],
        kinds,
        {unit: names.get(unit) or [(ALWAYS, name)] for unit, name in own.items()},
        members,
    )
