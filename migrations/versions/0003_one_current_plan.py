"""One current plan per receiver; the signed batches; where a log stands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    op.create_table(
        "play_batches",
        sa.Column("receiver_id", sa.String(length=26), nullable=False),
        sa.Column("log", sa.String(length=26), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["receiver_id"], ["receivers.id"], name=op.f("fk_play_batches_receiver_id")),
        sa.PrimaryKeyConstraint("receiver_id", "log", "first_seq", "token_sha256", name=op.f("pk_play_batches")),
    )
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.add_column(sa.Column("airing_id", sa.String(length=26), nullable=True))
        batch_op.add_column(sa.Column("copy_of_id", sa.String(length=26), nullable=True))
        batch_op.create_index(batch_op.f("ix_commands_airing_id"), ["airing_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_commands_copy_of_id"), ["copy_of_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_commands_copy_of_id"), "commands", ["copy_of_id"], ["id"])

    with op.batch_alter_table("plans", schema=None) as batch_op:
        batch_op.add_column(sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_index("ix_plans_unpublished")
        batch_op.create_index(
            "ix_plans_unpublished",
            ["published_at"],
            unique=False,
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )
        batch_op.create_index(
            "ix_plans_current",
            ["receiver_id"],
            unique=True,
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )

    with op.batch_alter_table("playouts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("dropped_revision", sa.BigInteger(), nullable=True))
        batch_op.create_index("ix_playouts_planned_at", ["planned_at"], unique=False)

    with op.batch_alter_table("watermarks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("through_sha256", sa.String(length=64), nullable=False))
        batch_op.add_column(sa.Column("highest", sa.BigInteger(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("watermarks", schema=None) as batch_op:
        batch_op.drop_column("highest")
        batch_op.drop_column("through_sha256")

    with op.batch_alter_table("playouts", schema=None) as batch_op:
        batch_op.drop_index("ix_playouts_planned_at")
        batch_op.drop_column("dropped_revision")

    with op.batch_alter_table("plans", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_plans_current",
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_plans_unpublished",
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )
        batch_op.drop_column("superseded_at")
        batch_op.create_index("ix_plans_unpublished", ["published_at"], unique=False)

    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_commands_copy_of_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_commands_copy_of_id"))
        batch_op.drop_index(batch_op.f("ix_commands_airing_id"))
        batch_op.drop_column("copy_of_id")
        batch_op.drop_column("airing_id")

    op.drop_table("play_batches")
