"""Units stand in the tree by dated links and have dated names; groups of units stand beside the tree.

Where each unit stood until now becomes a link without a beginning or an end.
"""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"

ALWAYS, FOREVER = date(1, 1, 1), date(9999, 12, 31)


def upgrade() -> None:
    _dated("unit_groups", sa.Column("name", sa.String(length=200), nullable=False))
    _dated(
        "unit_links",
        _unit("unit_id"),
        _unit("parent_id", nullable=True),
        sa.Column("relation", sa.String(length=10), nullable=False),
        sa.CheckConstraint("parent_id IS NOT NULL OR relation = 'below'", name=op.f("ck_unit_links_successor")),
    )
    for name, first, last in (("down", "parent_id", "unit_id"), ("up", "unit_id", "parent_id")):
        op.create_index(f"ix_unit_links_{name}", "unit_links", [first, "relation", "valid_from", "valid_to", last])
    _dated("unit_names", _unit("unit_id"), sa.Column("name", sa.String(length=200), nullable=False))
    op.create_index("ix_unit_names_unit", "unit_names", ["unit_id", "valid_from"])
    _dated(
        "unit_group_members",
        sa.Column("group_id", sa.String(length=26), sa.ForeignKey("unit_groups.id"), nullable=False),
        _unit("unit_id"),
    )
    op.create_index("ix_unit_group_members_group", "unit_group_members", ["group_id", "valid_from", "valid_to"])
    op.create_index(op.f("ix_unit_group_members_unit_id"), "unit_group_members", ["unit_id"])

    _fill()
    with op.batch_alter_table("units", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_units_parent_id"))
        batch_op.drop_constraint(batch_op.f("fk_units_parent_id"), type_="foreignkey")
        batch_op.drop_column("parent_id")
        batch_op.create_index(batch_op.f("ix_units_official_code"), ["official_code"])


def downgrade() -> None:
    with op.batch_alter_table("units", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_units_official_code"))
        batch_op.add_column(sa.Column("parent_id", sa.String(length=26), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_units_parent_id"), "units", ["parent_id"], ["id"])
        batch_op.create_index(batch_op.f("ix_units_parent_id"), ["parent_id"])
    # What a unit stands below in the end; the dates are lost.
    op.execute(
        "UPDATE units SET parent_id = (SELECT parent_id FROM unit_links WHERE unit_links.unit_id = units.id"
        " AND relation = 'below' ORDER BY valid_from DESC LIMIT 1)"
    )
    for name in ("unit_group_members", "unit_names", "unit_links", "unit_groups"):
        op.drop_table(name)


def _unit(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=26), sa.ForeignKey("units.id"), nullable=nullable)


def _dated(name: str, *columns: sa.Column[str] | sa.CheckConstraint) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.String(length=26), nullable=False),
        *columns,
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.CheckConstraint("valid_from < valid_to", name=op.f(f"ck_{name}_dates")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )


def _fill() -> None:
    # Each row takes its unit's identifier: it is one of its table, and as unique.
    dates = {"always": ALWAYS, "forever": FOREVER}
    span = sa.bindparam("always", type_=sa.Date()), sa.bindparam("forever", type_=sa.Date())
    op.get_bind().execute(
        sa.text(
            "INSERT INTO unit_links (id, unit_id, parent_id, relation, valid_from, valid_to)"
            " SELECT id, id, parent_id, 'below', :always, :forever FROM units"
        ).bindparams(*span),
        dates,
    )
    op.get_bind().execute(
        sa.text(
            "INSERT INTO unit_names (id, unit_id, name, valid_from, valid_to)"
            " SELECT id, id, name, :always, :forever FROM units"
        ).bindparams(*span),
        dates,
    )
