"""Fresh databases for tests, each a copy of one that was prepared once per session."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

from core.database import Base, Database
from core.ids import new_id
from tests.support.postgres import PostgresServer

TEMPLATE = "template"


def prepare(url: str) -> None:
    """Make all tables at `url`."""
    for room in ("core.events", "core.units", "devices.tables", "schedules.tables", "broadcast.tables"):
        importlib.import_module(room)
    db = Database(url)
    try:
        Base.metadata.create_all(db.engine)
    finally:
        db.close()


class SqliteFiles:
    """Copies of one prepared SQLite file."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.db"
        prepare(sqlite_url(self._template))

    def fresh(self, folder: Path) -> str:
        """The address of a fresh database in `folder`."""
        path = folder / f"{new_id()}.db"
        shutil.copyfile(self._template, path)
        return sqlite_url(path)


class PostgresDatabases:
    """Copies of one prepared PostgreSQL database."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        prepare(server.create_database(TEMPLATE))

    def fresh(self) -> str:
        """The address of a fresh database; `drop` it when done."""
        return self.server.create_database(new_id().lower(), template=TEMPLATE)

    def drop(self, url: str) -> None:
        self.server.drop_database(url.rpartition("/")[2])


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"
