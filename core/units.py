"""The tree of administrative units: province, (district until 1 July 2025,) commune, village.

A plain tree for now. Identifiers are opaque ULIDs; official codes are data, because they change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast, get_args

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.database import Base
from core.errors import Invalid, NotFound
from core.ids import new_id

UnitKind = Literal["province", "district", "commune", "village"]
KINDS: tuple[UnitKind, ...] = get_args(UnitKind)  # from above downward
_WORDS: dict[str, str] = {"province": "tỉnh", "district": "huyện", "commune": "xã, phường", "village": "thôn"}


class Unit(Base):
    __tablename__ = "units"

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(200))
    official_code: Mapped[str | None] = mapped_column(String(20))


def add(session: Session, *, kind: UnitKind, name: str, parent: Unit | None = None, code: str | None = None) -> Unit:
    """Add a unit below `parent` (None: a root). Raises `Invalid` for an empty name, a parent that stands no higher, or
    a second province.
    """
    if not name.strip():
        raise Invalid(what="tên đơn vị đang để trống / the unit's name is empty")
    if parent is not None and KINDS.index(kind) <= KINDS.index(cast("UnitKind", parent.kind)):
        raise Invalid(
            what=f"{_WORDS[kind]} không thể thuộc {_WORDS[parent.kind]} “{parent.name}”"
            f" / a {kind} can't be below the {parent.kind} “{parent.name}”"
        )
    if kind == "province":
        first = session.scalar(select(Unit.name).where(Unit.kind == "province").limit(1))
        if first is not None:
            raise Invalid(
                what=f"mỗi hệ thống chỉ phục vụ một tỉnh, ở đây là “{first}”"
                f" / one installation serves one province, this one “{first}”"
            )
    unit = Unit(kind=kind, name=name.strip(), parent_id=parent.id if parent else None, official_code=code)
    session.add(unit)
    session.flush()
    return unit


def get(session: Session, unit_id: str) -> Unit:
    unit = session.get(Unit, unit_id)
    if unit is None:
        raise NotFound(what="đơn vị", id=unit_id)
    return unit


def below(session: Session, unit_ids: Sequence[str]) -> set[str]:
    """The given units and everything below them, as ids."""
    tree = select(Unit.id).where(Unit.id.in_(unit_ids)).cte("tree", recursive=True)
    tree = tree.union(select(Unit.id).join(tree, Unit.parent_id == tree.c.id))
    return set(session.scalars(select(tree.c.id)))


def above(session: Session, unit_id: str) -> list[str]:
    """The unit and what stands over it, nearest first, as ids."""
    path: list[str] = []
    current: str | None = unit_id
    while current is not None and current not in path:
        path.append(current)
        current = session.scalar(select(Unit.parent_id).where(Unit.id == current))
    return path
