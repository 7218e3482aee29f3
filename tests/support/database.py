"""Fresh databases for tests, each a copy of one that was migrated once per session."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
from psycopg import sql

from core import migrations
from core.database import Database
from core.ids import new_id
from tests.support.postgres import PostgresServer

TEMPLATE = "template"


def migrate(url: str) -> None:
    """Make all tables at `url`, as an installation does."""
    db = Database(url)
    try:
        migrations.upgrade(db)
    finally:
        db.close()


class SqliteFiles:
    """Copies of one migrated SQLite file."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.db"
        migrate(sqlite_url(self._template))

    def fresh(self, folder: Path) -> str:
        """The address of a fresh database in `folder`."""
        path = folder / f"{new_id()}.db"
        shutil.copyfile(self._template, path)
        return sqlite_url(path)


class PostgresDatabases:
    """Copies of one migrated PostgreSQL database.

    Making and dropping one costs the server half a second of processor. So one that a test is done with is emptied,
    gets another name (who still writes to the old one finds nothing there) and serves a later test. One that a test
    has altered, by a partition or a trigger, is dropped.
    """

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        migrate(server.create_database(TEMPLATE))
        self._idle: list[str] = []
        with psycopg.connect(server.dsn(TEMPLATE)) as connection:
            self._shape = connection.execute(SHAPE).fetchone()
            self._first = {table: _rows(connection, table) for (table,) in connection.execute(WRITTEN).fetchall()}

    def fresh(self) -> str:
        """The address of a fresh database; `drop` it when done."""
        name = new_id().lower()
        if self._idle:
            return self.server.rename_database(self._idle.pop(), name)
        return self.server.create_database(name, template=TEMPLATE)

    def empty(self) -> str:
        """The address of a database without any table."""
        return self.server.create_database(new_id().lower())

    def drop(self, url: str) -> None:
        """The test is done with it."""
        name = url.rpartition("/")[2]
        self.server.end_sessions(name)
        with psycopg.connect(self.server.dsn(name)) as connection:
            reusable = connection.execute(SHAPE).fetchone() == self._shape
            if reusable:
                self._empty(connection)
        if reusable:
            self._idle.append(name)
        else:
            self.server.drop_database(name)

    def _empty(self, connection: psycopg.Connection) -> None:
        """Leave the rows that the migrations made, and sequences that begin anew."""
        connection.execute("SET session_replication_role = replica")  # no trigger refuses, no reference is looked up
        for (table,) in connection.execute(WRITTEN).fetchall():
            named = sql.Identifier(table)
            connection.execute(sql.SQL("DELETE FROM {}").format(named))
            if self._first.get(table):
                with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(named)) as copy:
                    copy.write(self._first[table])
        connection.execute(
            "SELECT setval(sequencename::regclass, start_value, false) FROM pg_sequences WHERE last_value > 0"
        )


# Whatever makes, alters or drops a table, a column, an index, a constraint, a trigger or a function shows in it.
SHAPE = """
SELECT
    (SELECT count(*) FROM pg_class),
    (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_attribute),
    (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_constraint),
    (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_trigger),
    (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_proc),
    (SELECT string_agg(version_num, ',') FROM alembic_version)
"""

# Tables into which something was written, be it rolled back or deleted since.
WRITTEN = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
"""


def _rows(connection: psycopg.Connection, table: str) -> bytes:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
        return b"".join(bytes(block) for block in copy)


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"
