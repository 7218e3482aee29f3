"""Lexicons of units, which one a bulletin is read with, and that their history is only appended to.

The database itself refuses to change or delete a version of an entry.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"

MESSAGE = "the history of lexicons is appended to and never changed"

SQLITE_UP = (
    f"CREATE TRIGGER lexicon_no_update BEFORE UPDATE ON lexicon_changes BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
    f"CREATE TRIGGER lexicon_no_delete BEFORE DELETE ON lexicon_changes BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
)
SQLITE_DOWN = ("DROP TRIGGER lexicon_no_delete", "DROP TRIGGER lexicon_no_update")
POSTGRES_UP = (
    f"""
    CREATE FUNCTION lexicon_refuse_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$
    """,
    """
    CREATE TRIGGER lexicon_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON lexicon_changes
    FOR EACH STATEMENT EXECUTE FUNCTION lexicon_refuse_change()
    """,
)
POSTGRES_DOWN = ("DROP TRIGGER lexicon_no_change ON lexicon_changes", "DROP FUNCTION lexicon_refuse_change()")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def upgrade() -> None:
    op.create_table(
        "lexicon_changes",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("unit_id", sa.String(length=26), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("written", sa.String(length=120), nullable=False),
        sa.Column("spoken", sa.String(length=400), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("changed_by", sa.String(length=40), nullable=False),
        sa.Column("changed_by_name", sa.String(length=200), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_lexicon_changes_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lexicon_changes")),
        sa.UniqueConstraint("unit_id", "key", "number", name=op.f("uq_lexicon_changes_unit_id_key_number")),
    )
    with op.batch_alter_table("bulletin_versions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("lexicon", sa.String(length=64), nullable=True))

    with op.batch_alter_table("bulletins", schema=None) as batch_op:
        batch_op.add_column(sa.Column("unit_id", sa.String(length=26), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_bulletins_unit_id"), "units", ["unit_id"], ["id"])
    for statement in SQLITE_UP if _is_sqlite() else POSTGRES_UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in SQLITE_DOWN if _is_sqlite() else POSTGRES_DOWN:
        op.execute(statement)
    with op.batch_alter_table("bulletins", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_bulletins_unit_id"), type_="foreignkey")
        batch_op.drop_column("unit_id")

    with op.batch_alter_table("bulletin_versions", schema=None) as batch_op:
        batch_op.drop_column("lexicon")

    op.drop_table("lexicon_changes")
