"""Changing the tree. Whatever would leave it no forest on some date is refused with the reason.

1. A unit has at most one link (`below` or `successor`) on any date: overlapping ones are refused.
2. What a unit stands below stands itself on every one of those dates, and is of a higher kind. Kinds rise strictly on
   the way up, so that no cycle can come to be.
3. A unit that ends leaves nothing below it: what is there is moved, or ended, first.

Nothing here commits or records events; whoever calls knows who does it and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import cast

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from core.errors import Invalid
from core.units.tables import ALWAYS, FOREVER, KINDS, Unit, UnitKind, UnitLink, UnitName, UnitTree
from core.units.tree import name as name_on

_WORDS: dict[str, str] = {"province": "tỉnh", "district": "huyện", "commune": "xã, phường", "village": "thôn"}
NAME_MOST = 200


def add(
    session: Session,
    *,
    kind: UnitKind,
    name: str,
    parent: Unit | None = None,
    code: str | None = None,
    since: date | None = None,
    until: date = FOREVER,
) -> Unit:
    """Add a unit below `parent` (None: a root) in [since, until). Without `since`: since its parent stands.

    Raises `Invalid` for an empty name, a parent that stands no higher or not on all of these dates, or a second
    province beside one that stands.
    """
    _checked_name(name)
    if kind == "province" and parent is None and until == FOREVER:
        _no_second_province(session)
    if since is None:
        since = _stands_since(session, parent) if parent is not None else ALWAYS
    unit = Unit(kind=kind, name=name.strip(), official_code=code)
    session.add(unit)
    session.flush()
    link(session, unit, parent, since, until)
    session.add(UnitName(unit_id=unit.id, name=unit.name, valid_from=since, valid_to=until))
    session.flush()
    return unit


def link(session: Session, unit: Unit, parent: Unit | None, since: date, until: date = FOREVER) -> UnitLink:
    """Let the unit stand below `parent` (None: at the root) in [since, until)."""
    _lock(session, unit)
    if since >= until:
        raise Invalid(
            what=f"“{unit.name}”: ngày đầu {since} không trước ngày cuối {until}, hãy sửa lại hai ngày"
            f" / “{unit.name}”: {since} is not before {until}, mend the two dates"
        )
    if parent is not None:
        _checked_parent(session, unit, parent, since, until)
    _no_overlap(session, unit, since, until)
    row = UnitLink(
        unit_id=unit.id, parent_id=parent.id if parent else None, relation="below", valid_from=since, valid_to=until
    )
    session.add(row)
    session.flush()
    return row


def move(session: Session, unit: Unit, parent: Unit | None, on: date) -> None:
    """From this date on the unit stands below another one."""
    current = _link_on(session, unit, on)
    if parent is not None and current.parent_id == parent.id:
        return
    until = current.valid_to
    _cut(session, current, on)
    link(session, unit, parent, on, until)


def rename(session: Session, unit: Unit, name: str, on: date) -> None:
    """From this date on the unit is called so; before it keeps the name that it had."""
    _checked_name(name)
    _lock(session, unit)
    rows = session.scalars(select(UnitName).where(UnitName.unit_id == unit.id).order_by(UnitName.valid_from)).all()
    until = FOREVER
    for row in rows:
        if row.valid_from < on < row.valid_to:
            until, row.valid_to = row.valid_to, on
        elif row.valid_from >= on:
            # A name that was to come later, or from this very day: the newer decision counts.
            until = max(row.valid_to, until) if until != FOREVER else row.valid_to
            session.delete(row)
    session.flush()
    session.add(UnitName(unit_id=unit.id, name=name.strip(), valid_from=on, valid_to=until))
    unit.name = name.strip()
    session.flush()


def end(session: Session, unit: Unit, on: date, successors: Sequence[Unit] = ()) -> None:
    """The unit stands no more from this date on. The first successor takes over all that is at it, the others parts.

    Raises `Invalid` where something stands below it still, or a successor does not stand on that date.
    """
    current = _link_on(session, unit, on)
    left = select(UnitLink).where(UnitLink.parent_id == unit.id, UnitLink.relation == "below", UnitLink.valid_to > on)
    child = session.scalar(left.limit(1))
    if child is not None:
        called = name_on(session, child.unit_id, on=on)
        raise Invalid(
            what=f"“{called}” còn thuộc “{unit.name}” sau ngày {on}; hãy chuyển “{called}” trước"
            f" / “{called}” stands below “{unit.name}” after {on} still; move “{called}” first"
        )
    for successor in successors:
        _link_on(session, successor, on)
        if successor.id == unit.id:
            raise Invalid(what=f"“{unit.name}” không thể kế tục chính mình / “{unit.name}” can't take over from itself")
    _cut(session, current, on)
    for row in session.scalars(select(UnitName).where(UnitName.unit_id == unit.id, UnitName.valid_to > on)):
        if row.valid_from >= on:
            session.delete(row)
        else:
            row.valid_to = on
    succeed(session, unit, on, successors)


def succeed(session: Session, unit: Unit, on: date, successors: Sequence[Unit]) -> None:
    """Write down what took over from a unit that ended on this date."""
    _no_overlap(session, unit, on, FOREVER)
    for number, successor in enumerate(successors):
        relation = "also" if number else "successor"
        session.add(
            UnitLink(unit_id=unit.id, parent_id=successor.id, relation=relation, valid_from=on, valid_to=FOREVER)
        )
    session.flush()


def _checked_name(name: str) -> None:
    if not name.strip():
        raise Invalid(what="tên đơn vị đang để trống / the unit's name is empty")
    if len(name.strip()) > NAME_MOST:
        raise Invalid(
            what=f"tên đơn vị dài quá {NAME_MOST} chữ / the unit's name is longer than {NAME_MOST} characters"
        )


def _no_second_province(session: Session) -> None:
    first = session.scalar(
        select(Unit.name)
        .join(UnitLink, UnitLink.unit_id == Unit.id)
        .where(Unit.kind == "province", UnitLink.relation == "below", UnitLink.valid_to == FOREVER)
        .limit(1)
    )
    if first is not None:
        raise Invalid(
            what=f"mỗi hệ thống chỉ phục vụ một tỉnh, ở đây là “{first}”"
            f" / one installation serves one province, this one “{first}”"
        )


def _checked_parent(session: Session, unit: Unit, parent: Unit, since: date, until: date) -> None:
    if KINDS.index(cast("UnitKind", unit.kind)) <= KINDS.index(cast("UnitKind", parent.kind)):
        raise Invalid(
            what=f"{_WORDS[unit.kind]} không thể thuộc {_WORDS[parent.kind]} “{parent.name}”"
            f" / a {unit.kind} can't be below the {parent.kind} “{parent.name}”"
        )
    covered = since
    for row in session.scalars(
        select(UnitLink)
        .where(UnitLink.unit_id == parent.id, UnitLink.relation == "below")
        .order_by(UnitLink.valid_from)
    ):
        if row.valid_from <= covered < row.valid_to:
            covered = row.valid_to
    if covered < until:
        raise Invalid(
            what=f"“{unit.name}” không thể thuộc “{parent.name}” vào ngày {covered}: khi đó không có “{parent.name}”;"
            f" hãy chọn ngày khác hoặc đơn vị cấp trên khác"
            f" / “{unit.name}” can't be below “{parent.name}” on {covered}, when there is no “{parent.name}”;"
            " choose other dates or another unit above"
        )


def _no_overlap(session: Session, unit: Unit, since: date, until: date) -> None:
    clash = session.scalar(
        select(UnitLink)
        .where(UnitLink.unit_id == unit.id, UnitLink.valid_from < until, UnitLink.valid_to > since)
        .order_by(UnitLink.valid_from)
        .limit(1)
    )
    if clash is not None:
        parent = session.get(Unit, clash.parent_id) if clash.parent_id else None
        over = f"“{parent.name}”" if parent else "∅"
        raise Invalid(
            what=f"“{unit.name}” đã có chỗ ({over}) từ {_told(clash.valid_from)} đến trước {_told(clash.valid_to)},"
            f" trùng với {_told(since)} – {_told(until)}; hãy kết thúc chỗ cũ trước"
            f" / “{unit.name}” has a place already ({over}) from {_told(clash.valid_from)} to before"
            f" {_told(clash.valid_to)}, which overlaps {_told(since)} – {_told(until)}; end the old one first"
        )


def _told(day: date) -> str:
    return "…" if day in {ALWAYS, FOREVER} else day.isoformat()


def _stands_since(session: Session, parent: Unit) -> date:
    last = session.scalar(
        select(UnitLink)
        .where(UnitLink.unit_id == parent.id, UnitLink.relation == "below")
        .order_by(UnitLink.valid_from.desc())
        .limit(1)
    )
    # One that was never placed, or ended, is refused when the link is made.
    return last.valid_from if last is not None else ALWAYS


def _link_on(session: Session, unit: Unit, on: date) -> UnitLink:
    _lock(session, unit)
    found = session.scalar(
        select(UnitLink).where(
            UnitLink.unit_id == unit.id,
            UnitLink.relation == "below",
            and_(UnitLink.valid_from <= on, UnitLink.valid_to > on),
        )
    )
    if found is None:
        raise Invalid(
            what=f"không có “{unit.name}” vào ngày {on}; hãy xem cây đơn vị của ngày đó"
            f" / there is no “{unit.name}” on {on}; look at the tree of that date"
        )
    return found


def _cut(session: Session, row: UnitLink, on: date) -> None:
    """End a link on this date; one that began that day never was."""
    if row.valid_from >= on:
        session.delete(row)
    else:
        row.valid_to = on
    session.flush()


def _lock(session: Session, unit: Unit) -> None:
    # On SQLite a writing session is alone anyway. Elsewhere whoever changes the tree changes its token too, so that is
    # locked first: two who change it at once go one after the other, instead of each waiting for the other.
    session.execute(select(UnitTree.token).with_for_update())
    session.execute(select(Unit.id).where(Unit.id == unit.id).with_for_update())
