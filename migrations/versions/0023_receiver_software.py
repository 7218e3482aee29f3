"""Software for receivers: signed releases, and to whom each was offered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision: str | None = "0022"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "software_releases",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("health_s", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.Column("added_by", sa.String(length=40), nullable=False),
        sa.Column("halted_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_software_releases")),
        sa.UniqueConstraint("version", name=op.f("uq_software_releases_version")),
    )
    op.create_table(
        "software_offers",
        sa.Column("release_id", sa.String(length=26), nullable=False),
        sa.Column("receiver_id", sa.String(length=26), nullable=False),
        sa.Column("command_id", sa.String(length=26), nullable=False),
        sa.Column("offered_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["release_id"], ["software_releases.id"], name=op.f("fk_software_offers_release_id_software_releases")
        ),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["receivers.id"], name=op.f("fk_software_offers_receiver_id_receivers")
        ),
        sa.ForeignKeyConstraint(["command_id"], ["commands.id"], name=op.f("fk_software_offers_command_id_commands")),
        sa.PrimaryKeyConstraint("release_id", "receiver_id", name=op.f("pk_software_offers")),
    )


def downgrade() -> None:
    op.drop_table("software_offers")
    op.drop_table("software_releases")
