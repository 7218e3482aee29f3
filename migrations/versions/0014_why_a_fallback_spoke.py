"""A sound keeps why the voices that are wanted more did not speak it; what eSpeak spoke is a fallback's.

What was approved stays approved; what waits for it needs the site's permission from now on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision: str | None = "0013"


def upgrade() -> None:
    with op.batch_alter_table("renditions") as renditions:
        renditions.add_column(sa.Column("passed_over", sa.JSON(), nullable=True))
    op.execute(sa.text("UPDATE renditions SET passed_over = '[]'"))
    with op.batch_alter_table("renditions") as renditions:
        renditions.alter_column("passed_over", existing_type=sa.JSON(), nullable=False)
    op.execute(sa.text("UPDATE renditions SET fallback = true WHERE voice = 'espeak'"))


def downgrade() -> None:
    with op.batch_alter_table("renditions") as renditions:
        renditions.drop_column("passed_over")
