"""Bringing a database to the shape that the software needs, and refusing one that isn't there.

The revisions lie in the package `migrations`, which stands above everything because it knows every table. It is
found by its name and never imported from here: alembic loads its `env.py`, and that brings the tables.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from core.database import Database
from core.errors import DatabaseNotMigrated

# One number for the whole project ("TTdb"): two processes that upgrade at once go one after the other.
_ADVISORY_LOCK = 0x54546462
_LOCK_TIMEOUT = "15s"


def head() -> str:
    """The revision that this software needs."""
    revision = ScriptDirectory(str(_folder())).get_current_head()
    if revision is None:
        raise RuntimeError("the package `migrations` holds no revision")
    return revision


def current(db: Database) -> str | None:
    """The revision that the database is at; None where it is empty."""
    with db.engine.connect().execution_options(sqlite_begin="DEFERRED") as connection:
        return MigrationContext.configure(connection).get_current_revision()


def check_migrated(db: Database) -> None:
    """Raise `DatabaseNotMigrated` unless the database is at exactly the revision that this software needs."""
    present, wanted = current(db), head()
    if present != wanted:
        raise DatabaseNotMigrated(current=present or "∅", wanted=wanted)


def upgrade(db: Database, revision: str = "head") -> None:
    """Bring the database up to `revision`, in one transaction: wholly or not at all. Safe beside another upgrade."""
    with _migrating(db) as connection:
        command.upgrade(_config(connection), revision)


def downgrade(db: Database, revision: str) -> None:
    """Take the database back down to `revision` ("base": empty), in one transaction. Data of what goes is lost."""
    with _migrating(db) as connection:
        command.downgrade(_config(connection), revision)


def _folder() -> Path:
    spec = importlib.util.find_spec("migrations")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package `migrations` is not installed")
    return Path(spec.origin).parent


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection  # env.py takes it from here
    return config


@contextmanager
def _migrating(db: Database) -> Iterator[Connection]:
    if not db.is_sqlite:
        with db.engine.begin() as connection:
            # A migration that can't get its locks gives up, instead of queueing all traffic behind it.
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
            yield connection
        return
    with db.engine.connect() as connection:
        # SQLite changes a table by copying it, which must not cascade; the pragma works only outside a transaction.
        raw = connection.connection.driver_connection
        if raw is None:
            raise RuntimeError("SQLite gave no connection")
        raw.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield connection
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise RuntimeError(f"the migration left rows without what they point to: {broken[:5]}")
        finally:
            raw.execute("PRAGMA foreign_keys = ON")
