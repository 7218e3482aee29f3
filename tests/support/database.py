"""Fresh databases for tests, each a copy of one that was migrated once per session."""

from __future__ import annotations

import shutil
from pathlib import Path

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
    """Copies of one migrated PostgreSQL database."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        migrate(server.create_database(TEMPLATE))

    def fresh(self) -> str:
        """The address of a fresh database; `drop` it when done."""
        return self.server.create_database(new_id().lower(), template=TEMPLATE)

    def empty(self) -> str:
        """The address of a database without any table."""
        return self.server.create_database(new_id().lower())

    def drop(self, url: str) -> None:
        self.server.drop_database(url.rpartition("/")[2])


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"
