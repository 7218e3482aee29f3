"""Schedules repeat by rules of RFC 5545, and a series may go on from another one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    with op.batch_alter_table("schedules", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rrule", sa.String(length=500), nullable=True))
        batch_op.add_column(sa.Column("rdates", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("exdates", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("continues_id", sa.String(length=26), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_schedules_continues_id"), "schedules", ["continues_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("schedules", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_schedules_continues_id"), type_="foreignkey")
        batch_op.drop_column("continues_id")
        batch_op.drop_column("exdates")
        batch_op.drop_column("rdates")
        batch_op.drop_column("rrule")
