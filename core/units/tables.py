"""Tables of the dated tree: units, what they are called, what they stand below, and groups beside the tree.

Dates are local dates of Viet Nam, half-open: [valid_from, valid_to). What has no beginning or no end that anybody
knows begins at `ALWAYS` and ends at `FOREVER`, so that every question is two comparisons.
"""

from __future__ import annotations

from datetime import date
from typing import Literal, get_args

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from core.ids import new_id

ALWAYS = date(1, 1, 1)
FOREVER = date(9999, 12, 31)

UnitKind = Literal["province", "district", "commune", "village"]
KINDS: tuple[UnitKind, ...] = get_args(UnitKind)  # from above downward

# below: the unit stands in the tree, below the parent (null: at the root). successor: it stands no more and its parent
# is what took over from it and all that was at it. also: what took over another part of it.
Relation = Literal["below", "successor", "also"]


class Unit(Base):
    """A unit. Where and how long it stands is said by its links; `name` is the one that it was last given."""

    __tablename__ = "units"

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(200))
    official_code: Mapped[str | None] = mapped_column(String(20), index=True)


class UnitLink(Base):
    """What a unit stands below, or what took over from it, in [valid_from, valid_to)."""

    __tablename__ = "unit_links"
    __table_args__ = (
        CheckConstraint("valid_from < valid_to", name="dates"),
        CheckConstraint("parent_id IS NOT NULL OR relation = 'below'", name="successor"),
        # Both ways through the tree are answered from an index alone.
        Index("ix_unit_links_down", "parent_id", "relation", "valid_from", "valid_to", "unit_id"),
        Index("ix_unit_links_up", "unit_id", "relation", "valid_from", "valid_to", "parent_id"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"))
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"))
    relation: Mapped[str] = mapped_column(String(10), default="below")
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date] = mapped_column(Date)


class UnitName(Base):
    """What a unit is called in [valid_from, valid_to)."""

    __tablename__ = "unit_names"
    __table_args__ = (
        CheckConstraint("valid_from < valid_to", name="dates"),
        Index("ix_unit_names_unit", "unit_id", "valid_from"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"))
    name: Mapped[str] = mapped_column(String(200))
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date] = mapped_column(Date)


class UnitTree(Base):
    """One row, whose random token triggers of the database change with whatever the tree of units is made of."""

    __tablename__ = "unit_tree"
    __table_args__ = (CheckConstraint("id = 1", name="one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    token: Mapped[str] = mapped_column(String(32))


class UnitGroup(Base):
    """A named set of units beside the tree, such as a cụm xã or a khu vực, in [valid_from, valid_to)."""

    __tablename__ = "unit_groups"
    __table_args__ = (CheckConstraint("valid_from < valid_to", name="dates"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200))
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date] = mapped_column(Date)


class UnitGroupMember(Base):
    """A unit's membership of a group, in [valid_from, valid_to)."""

    __tablename__ = "unit_group_members"
    __table_args__ = (
        CheckConstraint("valid_from < valid_to", name="dates"),
        Index("ix_unit_group_members_group", "group_id", "valid_from", "valid_to"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    group_id: Mapped[str] = mapped_column(ForeignKey("unit_groups.id"))
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), index=True)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date] = mapped_column(Date)
