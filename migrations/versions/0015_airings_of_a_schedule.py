"""The airings of one schedule in a span, and those of a local day, are found by an index."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision: str | None = "0014"


def upgrade() -> None:
    with op.batch_alter_table("airings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_airings_schedule_id"))
        batch_op.create_index("ix_airings_local_day_id", ["local_day_id"], unique=False)
        batch_op.create_index("ix_airings_schedule_id_starts_at", ["schedule_id", "starts_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("airings", schema=None) as batch_op:
        batch_op.drop_index("ix_airings_schedule_id_starts_at")
        batch_op.drop_index("ix_airings_local_day_id")
        batch_op.create_index(batch_op.f("ix_airings_schedule_id"), ["schedule_id"], unique=False)
