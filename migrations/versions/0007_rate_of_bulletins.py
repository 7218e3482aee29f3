"""A bulletin has its own speaking rate; those there are keep their voice's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    with op.batch_alter_table("bulletins") as bulletins:
        bulletins.add_column(sa.Column("rate_wpm", sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("bulletins") as bulletins:
        bulletins.drop_column("rate_wpm")
