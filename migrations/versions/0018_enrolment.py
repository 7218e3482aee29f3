"""Boxes enrol themselves: one-time codes, the keys that stood at a place one after another, client certificates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision: str | None = "0017"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "receiver_keys",
        sa.Column("id", sa.String(length=26), nullable=False),
        _receiver(),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=500), nullable=False),
        sa.Column("from_at", INSTANT, nullable=False),
        sa.Column("until_at", INSTANT, nullable=True),
        sa.Column("end_reason", sa.String(length=20), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receiver_keys")),
    )
    op.create_table(
        "enrolment_codes",
        sa.Column("id", sa.String(length=26), nullable=False),
        _receiver(),
        sa.Column("tag", sa.String(length=32), nullable=False),
        sa.Column("stored", sa.String(length=64), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.Column("used_by", sa.String(length=64), nullable=True),
        sa.Column("void_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment_codes")),
        sa.UniqueConstraint("tag", name=op.f("uq_enrolment_codes_tag")),
    )
    op.create_table(
        "client_certificates",
        sa.Column("serial", sa.String(length=40), nullable=False),
        _receiver(),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("tls_key", sa.String(length=64), nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("not_after", INSTANT, nullable=False),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_client_certificates")),
    )
    for table in ("receiver_keys", "enrolment_codes", "client_certificates"):
        op.create_index(op.f(f"ix_{table}_receiver_id"), table, ["receiver_id"])
    op.create_index(op.f("ix_receiver_keys_public_key"), "receiver_keys", ["public_key"])
    op.create_index(op.f("ix_client_certificates_revoked_at"), "client_certificates", ["revoked_at"])
    # The receivers that are there have had one key each. When one was revoked stands in its events alone.
    op.execute(
        "INSERT INTO receiver_keys (id, receiver_id, public_key, machine, from_at, until_at, end_reason) "
        "SELECT id, id, public_key, '', enrolled_at, "
        "CASE WHEN status = 'revoked' THEN coalesce(heard_at, enrolled_at) END, "
        "CASE WHEN status = 'revoked' THEN 'revoked' END FROM receivers"
    )


def downgrade() -> None:
    op.drop_table("client_certificates")
    op.drop_table("enrolment_codes")
    op.drop_table("receiver_keys")
    # Nothing before knows of places without a box.
    op.execute("UPDATE receivers SET status = 'revoked' WHERE status = 'waiting'")


def _receiver() -> sa.Column[str]:
    return sa.Column("receiver_id", sa.String(length=26), sa.ForeignKey("receivers.id"), nullable=False)
