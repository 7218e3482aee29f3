"""Named and dated groups of units beside the tree: cụm xã, khu vực.

A member that is merged into another unit is followed to it: the group's members on a date are units that stand then.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from core.errors import Conflict, Invalid, NotFound
from core.units.forest import forest
from core.units.tables import FOREVER, Unit, UnitGroup, UnitGroupMember
from core.units.tree import followed


def add_group(session: Session, *, name: str, since: date, until: date = FOREVER) -> UnitGroup:
    """A new group without members. Raises `Invalid` for an empty name, or one that another group has then."""
    if not name.strip():
        raise Invalid(what="tên nhóm đang để trống / the group's name is empty")
    if since >= until:
        raise Invalid(
            what=f"ngày đầu {since} của nhóm không trước ngày cuối {until}"
            f" / the group's first date {since} is not before {until}"
        )
    same = and_(UnitGroup.name == name.strip(), UnitGroup.valid_from < until, UnitGroup.valid_to > since)
    if session.scalar(select(UnitGroup.id).where(same).limit(1)) is not None:
        raise Conflict(what=f"đã có nhóm “{name.strip()}” / there is a group “{name.strip()}” already")
    group = UnitGroup(name=name.strip(), valid_from=since, valid_to=until)
    session.add(group)
    session.flush()
    return group


def get_group(session: Session, group_id: str) -> UnitGroup:
    group = session.get(UnitGroup, group_id)
    if group is None:
        raise NotFound(what="nhóm đơn vị / group of units", id=group_id)
    return group


def join(session: Session, group: UnitGroup, unit: Unit, since: date, until: date = FOREVER) -> UnitGroupMember:
    """Let the unit be a member in [since, until), within the group's own dates. Overlapping ones are refused."""
    until = min(until, group.valid_to)
    if since >= until or since < group.valid_from:
        raise Invalid(
            what=f"“{unit.name}”: ngày phải nằm trong thời hạn của nhóm “{group.name}”"
            f" / “{unit.name}”: the dates must lie within those of the group “{group.name}”"
        )
    rows = select(UnitGroupMember).where(UnitGroupMember.group_id == group.id, UnitGroupMember.unit_id == unit.id)
    if session.scalar(rows.where(UnitGroupMember.valid_from < until, UnitGroupMember.valid_to > since)) is not None:
        raise Invalid(
            what=f"“{unit.name}” đã ở trong nhóm “{group.name}” vào những ngày đó"
            f" / “{unit.name}” is in the group “{group.name}” on those dates already"
        )
    row = UnitGroupMember(group_id=group.id, unit_id=unit.id, valid_from=since, valid_to=until)
    session.add(row)
    session.flush()
    return row


def leave(session: Session, group: UnitGroup, unit: Unit, on: date) -> None:
    """From this date on the unit is no member."""
    row = session.scalar(
        select(UnitGroupMember).where(
            UnitGroupMember.group_id == group.id, UnitGroupMember.unit_id == unit.id, UnitGroupMember.valid_to > on
        )
    )
    if row is None:
        raise NotFound(what="thành viên của nhóm / member of the group", id=unit.id)
    if row.valid_from >= on:
        session.delete(row)
    else:
        row.valid_to = on
    session.flush()


def groups(session: Session, *, on: date) -> list[UnitGroup]:
    """The groups of this date, by name."""
    wanted = select(UnitGroup).where(UnitGroup.valid_from <= on, UnitGroup.valid_to > on)
    return list(session.scalars(wanted.order_by(UnitGroup.name, UnitGroup.id)))


def members(session: Session, group_ids: Collection[str], *, on: date) -> list[str]:
    """The units of these groups on this date, each once; of a group that is over there are none."""
    rows = session.scalars(
        select(UnitGroupMember.unit_id)
        .join(UnitGroup, UnitGroup.id == UnitGroupMember.group_id)
        .where(
            UnitGroupMember.group_id.in_(group_ids),
            UnitGroupMember.valid_from <= on,
            UnitGroupMember.valid_to > on,
            UnitGroup.valid_to > on,
        )
        .order_by(UnitGroupMember.id)
    )
    return followed(session, rows, on=on)


def memberships(session: Session, *, on: date) -> dict[str, list[str]]:
    """The units of every group of this date as they joined, not followed; for whoever looks at many groups."""
    held: dict[str, list[str]] = {}
    for one in forest(session).members:
        if one.valid_from <= on < one.valid_to:
            held.setdefault(one.group_id, []).append(one.unit_id)
    return held
