"""A site's own chimes and music, and the names of such items in programmes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision: str | None = "0012"


def upgrade() -> None:
    op.create_table(
        "site_sounds",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("original_sha256", sa.String(length=64), nullable=False),
        sa.Column("original_bytes", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.String(length=80), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("added_by", sa.String(length=40), nullable=False),
        sa.Column("added_by_name", sa.String(length=200), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(length=40), nullable=True),
        sa.Column("approved_by_name", sa.String(length=200), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_sounds")),
    )
    in_use = sa.text("status <> 'retired'")
    op.create_index(
        "ix_site_sounds_in_use",
        "site_sounds",
        ["kind", "name"],
        unique=True,
        sqlite_where=in_use,
        postgresql_where=in_use,
    )
    op.create_table(
        "site_sound_renditions",
        sa.Column("sound_id", sa.String(length=26), nullable=False),
        sa.Column("profile", sa.String(length=4), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("loudness_lufs", sa.Double(), nullable=False),
        sa.Column("true_peak_dbtp", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["sound_id"], ["site_sounds.id"], name=op.f("fk_site_sound_renditions_sound_id")),
        sa.PrimaryKeyConstraint("sound_id", "profile", name=op.f("pk_site_sound_renditions")),
    )
    op.create_index(op.f("ix_site_sound_renditions_sha256"), "site_sound_renditions", ["sha256"])
    with op.batch_alter_table("programme_items") as items:
        items.add_column(sa.Column("name", sa.String(length=60), nullable=True))
        items.add_column(sa.Column("sound_id", sa.String(length=26), nullable=True))
        items.create_index(op.f("ix_programme_items_sound_id"), ["sound_id"])
        items.create_foreign_key(op.f("fk_programme_items_sound_id"), "site_sounds", ["sound_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("programme_items") as items:
        items.drop_constraint(op.f("fk_programme_items_sound_id"), type_="foreignkey")
        items.drop_index(op.f("ix_programme_items_sound_id"))
        items.drop_column("sound_id")
        items.drop_column("name")
    op.drop_table("site_sound_renditions")
    op.drop_table("site_sounds")
