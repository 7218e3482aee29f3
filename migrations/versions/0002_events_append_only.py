"""The audit trail is appended to and never changed: the database itself refuses.

Apart from 0001, because that one is written by `migrations.revise` and this one by hand.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision: str | None = "0001"

MESSAGE = "events are appended and never changed"

SQLITE_UP = (
    f"CREATE TRIGGER events_no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
    f"CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
    # INSERT OR REPLACE takes a row away without asking the trigger for deletions.
    """
    CREATE TRIGGER events_no_replace BEFORE INSERT ON events
    WHEN EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, 'events are appended and never changed'); END
    """,
)
SQLITE_DOWN = (
    "DROP TRIGGER events_no_replace",
    "DROP TRIGGER events_no_delete",
    "DROP TRIGGER events_no_update",
)
POSTGRES_UP = (
    f"""
    CREATE FUNCTION events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$
    """,
    """
    CREATE TRIGGER events_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change()
    """,
)
POSTGRES_DOWN = ("DROP TRIGGER events_no_change ON events", "DROP FUNCTION events_refuse_change()")


def upgrade() -> None:
    for statement in SQLITE_UP if op.get_bind().dialect.name == "sqlite" else POSTGRES_UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in SQLITE_DOWN if op.get_bind().dialect.name == "sqlite" else POSTGRES_DOWN:
        op.execute(statement)
