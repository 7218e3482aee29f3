"""Local days with the airings that they make, and secret addresses of calendars."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision: str | None = "0009"


def upgrade() -> None:
    op.create_table(
        "feeds",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("unit_id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_by", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_feeds_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feeds")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_feeds_token_sha256")),
    )
    with op.batch_alter_table("feeds", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_feeds_unit_id"), ["unit_id"], unique=False)

    op.create_table(
        "local_days",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("unit_id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("days", sa.String(length=14), nullable=False),
        sa.Column("first_date", sa.Date(), nullable=False),
        sa.Column("last_date", sa.Date(), nullable=True),
        sa.Column("month", sa.Integer(), nullable=True),
        sa.Column("day", sa.Integer(), nullable=True),
        sa.Column("length_days", sa.Integer(), nullable=False),
        sa.Column("holiday", sa.String(length=200), nullable=True),
        sa.Column("effect", sa.String(length=8), nullable=False),
        sa.Column("schedule_ids", sa.JSON(), nullable=True),
        sa.Column("move_by_ms", sa.Integer(), nullable=True),
        sa.Column("timetable", sa.JSON(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_local_days_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_local_days")),
    )
    with op.batch_alter_table("local_days", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_local_days_unit_id"), ["unit_id"], unique=False)

    with op.batch_alter_table("airings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("local_day_id", sa.String(length=26), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_airings_local_day_id"), "local_days", ["local_day_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("airings", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_airings_local_day_id"), type_="foreignkey")
        batch_op.drop_column("local_day_id")

    with op.batch_alter_table("local_days", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_local_days_unit_id"))

    op.drop_table("local_days")
    with op.batch_alter_table("feeds", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_feeds_unit_id"))

    op.drop_table("feeds")
