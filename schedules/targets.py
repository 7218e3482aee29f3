"""Whom a schedule or an airing is for: units, groups of units and single receivers, minus exceptions. Plain data.

What is stored is what was meant: "the province, without Xã Một". What that comes to depends on the date of the airing,
because units are merged and groups change: `schedules.reach` finds it out, and its `Reach` is the one answer to whether
a receiver is meant. The rules:

1. A unit stands for all receivers at and below it; a unit that stands no more, for what took over from it.
2. A group stands for the units that are its members on that date; one that is over stands for nobody.
3. Exceptions win over everything, also over a receiver that is named by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

# The columns of rows that have targets; all but the first are null where there are none.
AIMED = ("unit_ids", "group_ids", "receiver_ids", "except_unit_ids", "except_receiver_ids")


@dataclass(frozen=True, slots=True)
class Targets:
    """Ids of what is meant, each kind in the order given and without repetition."""

    units: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    except_units: tuple[str, ...] = ()
    except_receivers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.__slots__:
            held = getattr(self, name)
            if len(held) > 1 or not isinstance(held, tuple):
                object.__setattr__(self, name, tuple(dict.fromkeys(held)))

    def __bool__(self) -> bool:
        return bool(self.units or self.groups or self.receivers)

    def changed(self, **given: Sequence[str] | None) -> Targets:
        """With the parts that are given (not None) in place of its own."""
        return replace(self, **{name: tuple(ids) for name, ids in given.items() if ids is not None})

    def without(self, unit_id: str) -> Targets:
        """Less this unit."""
        return replace(self, except_units=(*self.except_units, unit_id))


def targets_of(row: Any) -> Targets:
    """The targets of anything that has the columns of `Aimed`."""
    return Targets(
        tuple(row.unit_ids),
        tuple(row.group_ids or ()),
        tuple(row.receiver_ids or ()),
        tuple(row.except_unit_ids or ()),
        tuple(row.except_receiver_ids or ()),
    )


def columns_of(targets: Targets) -> dict[str, list[str] | None]:
    """The columns of `Aimed` for these targets."""
    return {
        "unit_ids": list(targets.units),
        "group_ids": list(targets.groups) or None,
        "receiver_ids": list(targets.receivers) or None,
        "except_unit_ids": list(targets.except_units) or None,
        "except_receiver_ids": list(targets.except_receivers) or None,
    }


@dataclass(frozen=True, slots=True)
class Reach:
    """What targets come to on one date: units that stand then, groups being resolved into them, and receivers."""

    units: frozenset[str] = frozenset()
    receivers: frozenset[str] = frozenset()
    except_units: frozenset[str] = frozenset()
    except_receivers: frozenset[str] = frozenset()

    def holds(self, receiver_id: str, path: Collection[str]) -> bool:
        """Whether a receiver is meant whose unit, with all above it, is this path on that date."""
        if receiver_id in self.except_receivers or not self.except_units.isdisjoint(path):
            return False
        return receiver_id in self.receivers or not self.units.isdisjoint(path)
