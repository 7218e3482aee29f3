"""Rules of sound and what was let through against them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision: str | None = "0010"


def upgrade() -> None:
    op.create_table(
        "sound_rules",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("unit_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("yields", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("continues_id", sa.String(length=26), nullable=True),
        sa.Column("set_by", sa.String(length=40), nullable=False),
        sa.Column("set_by_name", sa.String(length=200), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("valid_from <= valid_to", name=op.f("ck_sound_rules_dates")),
        sa.ForeignKeyConstraint(["continues_id"], ["sound_rules.id"], name=op.f("fk_sound_rules_continues_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_sound_rules_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sound_rules")),
    )
    with op.batch_alter_table("sound_rules", schema=None) as batch_op:
        batch_op.create_index("ix_sound_rules_unit", ["unit_id", "valid_from"], unique=False)

    op.create_table(
        "rule_overrides",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("schedule_id", sa.String(length=26), nullable=False),
        sa.Column("rule_id", sa.String(length=26), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("allowed_by", sa.String(length=40), nullable=False),
        sa.Column("allowed_by_name", sa.String(length=200), nullable=False),
        sa.Column("allowed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["rule_id"], ["sound_rules.id"], name=op.f("fk_rule_overrides_rule_id")),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedules.id"], name=op.f("fk_rule_overrides_schedule_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_overrides")),
    )
    with op.batch_alter_table("rule_overrides", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rule_overrides_schedule_id"), ["schedule_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("rule_overrides", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rule_overrides_schedule_id"))

    op.drop_table("rule_overrides")
    with op.batch_alter_table("sound_rules", schema=None) as batch_op:
        batch_op.drop_index("ix_sound_rules_unit")

    op.drop_table("sound_rules")
