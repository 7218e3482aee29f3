"""Sessions have slots, these are filled by date, and weeks of fillings have templates.

An airing is of a part of a session, which of those there are is the only one; and it may wait for its programme.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision: str | None = "0015"

BEFORE = "uq_airings_schedule_id_original_start_generation"
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "slots",
        _id(),
        _key("schedule_id", "schedules"),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        _key("owner_id", "units", nullable=True),
        sa.Column("each_commune", sa.Boolean(), nullable=False),
        sa.Column("length_ms", sa.Integer(), nullable=False),
        sa.Column("fill_by_min", sa.Integer(), nullable=False),
        sa.Column("fallback", sa.String(length=10), nullable=False),
        _key("music_id", "programmes", nullable=True),
        _key("programme_id", "programmes", nullable=True),
        sa.Column("programme_ms", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=True),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slots")),
    )
    for column in ("schedule_id", "owner_id", "programme_id"):
        op.create_index(op.f(f"ix_slots_{column}"), "slots", [column])
    op.create_table(
        "fillings",
        _id(),
        _key("schedule_id", "schedules"),
        _key("slot_id", "slots"),
        _key("place_id", "units", nullable=True),
        sa.Column("original_start", INSTANT, nullable=False),
        _key("programme_id", "programmes", nullable=True),
        sa.Column("programme_ms", sa.Integer(), nullable=False),
        sa.Column("cut", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        _key("replaces_id", "fillings", nullable=True),
        sa.Column("filled_by", sa.String(length=40), nullable=False),
        sa.Column("filled_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("end_reason", sa.String(length=10), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fillings")),
    )
    for column in ("schedule_id", "place_id", "programme_id"):
        op.create_index(op.f(f"ix_fillings_{column}"), "fillings", [column])
    op.create_index("ix_fillings_slot_original_start", "fillings", ["slot_id", "original_start"])
    op.create_table(
        "week_templates",
        _id(),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("entries", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(length=40), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_week_templates")),
    )
    with op.batch_alter_table("schedules") as schedules:
        schedules.alter_column("programme_id", existing_type=sa.String(length=26), nullable=True)
    with op.batch_alter_table("airings") as airings:
        airings.alter_column("programme_id", existing_type=sa.String(length=26), nullable=True)
        airings.add_column(sa.Column("slot_id", sa.String(length=26), server_default="", nullable=False))
        airings.add_column(sa.Column("place_id", sa.String(length=26), server_default="", nullable=False))
        airings.add_column(sa.Column("offset_ms", sa.Integer(), server_default="0", nullable=False))
        airings.add_column(sa.Column("fill_by", INSTANT, nullable=True))
    with op.batch_alter_table("airings") as airings:
        for column in ("slot_id", "place_id", "offset_ms"):
            airings.alter_column(column, server_default=None)
        airings.drop_constraint(airings.f(BEFORE), type_="unique")
        airings.create_unique_constraint(
            airings.f("uq_airings_part"), ["schedule_id", "original_start", "slot_id", "place_id", "generation"]
        )
        airings.create_index(airings.f("ix_airings_slot_id"), ["slot_id"])
        airings.create_index(airings.f("ix_airings_fill_by"), ["fill_by"])


def downgrade() -> None:
    # What only sessions have goes with them: nothing before knows of it.
    op.execute("DELETE FROM playouts WHERE airing_id IN (SELECT id FROM airings WHERE slot_id <> '')")
    op.execute("DELETE FROM airings WHERE slot_id <> ''")
    for name in ("week_templates", "fillings", "slots"):
        op.drop_table(name)
    op.execute("UPDATE schedules SET continues_id = NULL WHERE programme_id IS NULL")
    op.execute("DELETE FROM schedules WHERE programme_id IS NULL")
    with op.batch_alter_table("airings") as airings:
        airings.drop_index(airings.f("ix_airings_fill_by"))
        airings.drop_index(airings.f("ix_airings_slot_id"))
        airings.drop_constraint(airings.f("uq_airings_part"), type_="unique")
        airings.create_unique_constraint(airings.f(BEFORE), ["schedule_id", "original_start", "generation"])
        for column in ("fill_by", "offset_ms", "place_id", "slot_id"):
            airings.drop_column(column)
        airings.alter_column("programme_id", existing_type=sa.String(length=26), nullable=False)
    with op.batch_alter_table("schedules") as schedules:
        schedules.alter_column("programme_id", existing_type=sa.String(length=26), nullable=False)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(length=26), nullable=False)


def _key(name: str, table: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=26), sa.ForeignKey(f"{table}.id"), nullable=nullable)
