"""Receivers have a profile, and items of programmes a sound for each. A receiver with one cluster drives its own horns.

Items that there are keep their one sound, which receivers of either profile play.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision: str | None = "0008"


def upgrade() -> None:
    with op.batch_alter_table("receivers") as receivers:
        receivers.add_column(sa.Column("profile", sa.String(length=4), nullable=True))
    op.execute("UPDATE receivers SET profile = CASE WHEN clusters = 1 THEN 'horn' ELSE 'full' END")
    with op.batch_alter_table("receivers") as receivers:
        receivers.alter_column("profile", existing_type=sa.String(length=4), nullable=False)
    with op.batch_alter_table("programme_items") as items:
        items.add_column(sa.Column("horn_sha256", sa.String(length=64), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("programme_items") as items:
        items.drop_column("horn_sha256")
    with op.batch_alter_table("receivers") as receivers:
        receivers.drop_column("profile")
