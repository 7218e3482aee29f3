"""What a slot is filled with on one day can be let through against a rule by itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision: str | None = "0016"


def upgrade() -> None:
    with op.batch_alter_table("rule_overrides", schema=None) as batch_op:
        batch_op.add_column(sa.Column("filling_id", sa.String(length=26), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_rule_overrides_filling_id_fillings"), "fillings", ["filling_id"], ["id"]
        )


def downgrade() -> None:
    op.execute("DELETE FROM rule_overrides WHERE filling_id IS NOT NULL")
    with op.batch_alter_table("rule_overrides", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_rule_overrides_filling_id_fillings"), type_="foreignkey")
        batch_op.drop_column("filling_id")
