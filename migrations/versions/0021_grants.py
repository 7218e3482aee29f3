"""Roles are held at a unit or a group, on dates; programmes and dispatches belong to a unit.

What accounts were allowed until now they are allowed at the root unit from now on.
"""

from __future__ import annotations

import json
from datetime import date

import sqlalchemy as sa
from alembic import op

from core.ids import new_id

revision = "0021"
down_revision: str | None = "0020"

INSTANT = sa.DateTime(timezone=True)
ALWAYS, FOREVER = date(1, 1, 1), date(9999, 12, 31)
ROLES = ("admin", "editor", "approver", "operator", "auditor")
GIVEN_BY = "system:migration"


def upgrade() -> None:
    grants = op.create_table(
        "grants",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("user_id", sa.String(length=26), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=False),
        sa.Column("unit_id", sa.String(length=26), nullable=True),
        sa.Column("group_id", sa.String(length=26), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("stands_for_id", sa.String(length=26), nullable=True),
        sa.Column("given_by", sa.String(length=40), nullable=False),
        sa.Column("given_at", INSTANT, nullable=False),
        sa.Column("ended_by", sa.String(length=40), nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_grants_dates")),
        sa.CheckConstraint("unit_id IS NULL OR group_id IS NULL", name=op.f("ck_grants_place")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_grants_user_id_users")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_grants_unit_id_units")),
        sa.ForeignKeyConstraint(["group_id"], ["unit_groups.id"], name=op.f("fk_grants_group_id_unit_groups")),
        sa.ForeignKeyConstraint(["stands_for_id"], ["grants.id"], name=op.f("fk_grants_stands_for_id_grants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    for column in ("user_id", "unit_id", "stands_for_id"):
        op.create_index(op.f(f"ix_grants_{column}"), "grants", [column], unique=False)
    users = sa.table("users", sa.column("id"), sa.column("roles", sa.JSON()), sa.column("created_at", INSTANT))
    held = op.get_bind().execute(sa.select(users.c.id, users.c.roles, users.c.created_at)).all()
    rows = [
        {
            "id": new_id(),
            "user_id": user,
            "role": role,
            "valid_from": ALWAYS,
            "valid_to": FOREVER,
            "given_by": GIVEN_BY,
            "given_at": since,
        }
        for user, roles, since in held
        for role in (roles if isinstance(roles, list) else json.loads(roles))
        if role in ROLES
    ]
    if rows:
        op.bulk_insert(grants, rows)
    with op.batch_alter_table("users") as table:
        table.drop_column("roles")
    for name in ("programmes", "dispatches"):
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("unit_id", sa.String(length=26), nullable=True))
            table.create_foreign_key(op.f(f"fk_{name}_unit_id_units"), "units", ["unit_id"], ["id"])


def downgrade() -> None:
    """A role held at one place becomes none: the software before knows roles that hold everywhere, and no others."""
    for name in ("dispatches", "programmes"):
        with op.batch_alter_table(name) as table:
            table.drop_constraint(op.f(f"fk_{name}_unit_id_units"), type_="foreignkey")
            table.drop_column("unit_id")
    with op.batch_alter_table("users") as table:
        table.add_column(sa.Column("roles", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("users") as table:
        table.alter_column("roles", existing_type=sa.JSON(), server_default=None)
    bind = op.get_bind()
    roles: dict[str, set[str]] = {}
    wanted = "SELECT user_id, role FROM grants WHERE unit_id IS NULL AND group_id IS NULL AND ended_at IS NULL"
    for user, role in bind.execute(sa.text(f"{wanted} AND stands_for_id IS NULL")):
        roles.setdefault(user, set()).add(role)
    users = sa.table("users", sa.column("id"), sa.column("roles", sa.JSON()))
    for user, held in roles.items():
        known = [role for role in ROLES if role in held]
        bind.execute(users.update().where(users.c.id == user).values(roles=known))
    op.drop_table("grants")
