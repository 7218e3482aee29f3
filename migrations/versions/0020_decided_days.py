"""A whole session is cancelled or moved on one day, and one occurrence of a schedule has a programme of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision: str | None = "0019"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "day_decisions",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("schedule_id", sa.String(length=26), nullable=False),
        sa.Column("original_start", INSTANT, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=True),
        sa.Column("decided_by", sa.String(length=40), nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("ended_by", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedules.id"], name=op.f("fk_day_decisions_schedule_id_schedules")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_decisions")),
    )
    op.create_index(
        "ix_day_decisions_schedule_original_start", "day_decisions", ["schedule_id", "original_start"], unique=False
    )
    with op.batch_alter_table("airings") as airings:
        airings.add_column(sa.Column("own_programme", sa.Boolean(), nullable=False, server_default=sa.false()))
        # A session moved by weeks is so many milliseconds after its original start.
        airings.alter_column("offset_ms", existing_type=sa.Integer(), type_=sa.BigInteger(), existing_nullable=False)
    with op.batch_alter_table("airings") as airings:
        airings.alter_column("own_programme", existing_type=sa.Boolean(), server_default=None)


def downgrade() -> None:
    # What a hand decided becomes what it was called before: withdrawn, or edited.
    op.execute("UPDATE airings SET cancel_reason = 'withdrawn' WHERE cancel_reason = 'occurrence'")
    op.execute("UPDATE airings SET cancel_reason = 'edited' WHERE cancel_reason = 'changed'")
    op.execute("UPDATE airings SET offset_ms = 0 WHERE offset_ms NOT BETWEEN -2147483648 AND 2147483647")
    with op.batch_alter_table("airings") as airings:
        airings.alter_column("offset_ms", existing_type=sa.BigInteger(), type_=sa.Integer(), existing_nullable=False)
        airings.drop_column("own_programme")
    op.drop_table("day_decisions")
