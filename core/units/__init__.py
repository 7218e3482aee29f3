"""The dated tree of administrative units: province, (district until 1 July 2025,) commune, village; groups beside it.

Identifiers are opaque ULIDs; official codes are data, because they change. Every question names its date (`on`), a
local date of Viet Nam: `date_of` gives that of an instant.
"""

from __future__ import annotations

from core.units.changes import add, end, link, move, rename, succeed
from core.units.forest import forest
from core.units.groups import add_group, get_group, groups, join, leave, members, memberships
from core.units.tables import (
    ALWAYS,
    FOREVER,
    KINDS,
    Unit,
    UnitGroup,
    UnitGroupMember,
    UnitKind,
    UnitLink,
    UnitName,
)
from core.units.tree import (
    ZONE,
    Placed,
    above,
    below,
    below_query,
    change_dates,
    children,
    date_of,
    follow,
    followed,
    get,
    history,
    kinds,
    links,
    name,
    names,
    path,
    paths,
    standing,
    successions,
    valid,
)

__all__ = [
    "ALWAYS",
    "FOREVER",
    "KINDS",
    "ZONE",
    "Placed",
    "Unit",
    "UnitGroup",
    "UnitGroupMember",
    "UnitKind",
    "UnitLink",
    "UnitName",
    "above",
    "add",
    "add_group",
    "below",
    "below_query",
    "change_dates",
    "children",
    "date_of",
    "end",
    "follow",
    "followed",
    "forest",
    "get",
    "get_group",
    "groups",
    "history",
    "join",
    "kinds",
    "leave",
    "link",
    "links",
    "members",
    "memberships",
    "move",
    "name",
    "names",
    "path",
    "paths",
    "rename",
    "standing",
    "succeed",
    "successions",
    "valid",
]
