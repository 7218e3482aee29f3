"""Whoever changes the tree of units leaves a new token, by which those who keep it in memory see that it changed."""

from __future__ import annotations

from secrets import token_hex

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision: str | None = "0021"

TABLES = ("units", "unit_links", "unit_names", "unit_groups", "unit_group_members")
CHANGES = ("INSERT", "UPDATE", "DELETE")

POSTGRES_FUNCTION = """
    CREATE FUNCTION unit_tree_changed() RETURNS trigger AS $$
    BEGIN
        UPDATE unit_tree SET token = md5(random()::text || clock_timestamp()::text || txid_current()::text);
        RETURN NULL;
    END
    $$ LANGUAGE plpgsql
"""


def upgrade() -> None:
    made = op.create_table(
        "unit_tree",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_unit_tree_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_tree")),
    )
    op.bulk_insert(made, [{"id": 1, "token": token_hex(16)}])
    if op.get_bind().dialect.name == "sqlite":
        for table in TABLES:
            for change in CHANGES:
                op.execute(
                    f"CREATE TRIGGER {table}_{change.lower()}_changes_tree AFTER {change} ON {table}"  # noqa: S608 - names of ours
                    " BEGIN UPDATE unit_tree SET token = lower(hex(randomblob(16))); END"
                )
    else:
        op.execute(POSTGRES_FUNCTION)
        for table in TABLES:
            op.execute(
                f"CREATE TRIGGER {table}_change_tree AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION unit_tree_changed()"
            )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in TABLES:
            for change in CHANGES:
                op.execute(f"DROP TRIGGER {table}_{change.lower()}_changes_tree")
    else:
        for table in TABLES:
            op.execute(f"DROP TRIGGER {table}_change_tree ON {table}")
        op.execute("DROP FUNCTION unit_tree_changed()")
    op.drop_table("unit_tree")
