"""What every room's tests share: a migrated database of either kind, and a clock that stands still."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings

from core import logs
from core.clock import ManualClock
from core.database import Database
from tests.support.database import PostgresDatabases, SqliteFiles
from tests.support.database import sqlite_url as sqlite_address
from tests.support.postgres import PostgresServer
from tests.support.services import require

# A busy machine is no fault of the code: no example is judged by how long it took.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

# These wait for airtimes and restarts more than they compute: begun first, they wait beside one another, and what they
# time is not disturbed by others that compute.
WAITING = (
    "test_faults.py", "test_soak.py", "test_demo.py", "test_engine.py", "test_process.py", "test_plans.py",
    "test_commands.py", "test_conformance.py",
)  # fmt: skip

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.service("postgres"))]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: WAITING.index(item.path.name) if item.path.name in WAITING else len(WAITING))


def pytest_collection() -> None:
    gc.disable()


def pytest_collection_finish() -> None:
    """What was loaded and collected stays to the end: the collector need not go through it again and again."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command that runs in this process sets logging up for itself; the next test finds it as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logs.QUIETER}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


@pytest.fixture
def clock() -> ManualClock:
    """Stands at 08:00 in Vietnam on Tuesday 28 July 2026 until it is moved."""
    return ManualClock(datetime(2026, 7, 28, 1, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The session's private PostgreSQL. Whoever kills it starts it again."""
    server = PostgresServer(require("postgres"))
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgres_databases(postgres: PostgresServer) -> PostgresDatabases:
    return PostgresDatabases(postgres)


@pytest.fixture(scope="session")
def sqlite_files(tmp_path_factory: pytest.TempPathFactory) -> SqliteFiles:
    return SqliteFiles(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture
def sqlite_url(sqlite_files: SqliteFiles, tmp_path: Path) -> str:
    """The address of a migrated SQLite database."""
    return sqlite_files.fresh(tmp_path)


@pytest.fixture
def postgres_url(postgres_databases: PostgresDatabases) -> Iterator[str]:
    """The address of a migrated PostgreSQL database."""
    url = postgres_databases.fresh()
    yield url
    postgres_databases.drop(url)


@pytest.fixture(params=BOTH)
def db_url(request: pytest.FixtureRequest) -> str:
    """The address of a migrated database, of each kind in turn: for tests with processes of their own."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def db(db_url: str) -> Iterator[Database]:
    """A migrated database, of each kind in turn."""
    database = Database(db_url)
    yield database
    database.close()


@pytest.fixture(params=BOTH)
def empty_db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table, of each kind in turn."""
    if request.param == "sqlite":
        url = sqlite_address(tmp_path / "empty.db")
    else:
        databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
        url = databases.empty()
        request.addfinalizer(lambda: databases.server.drop_database(url.rpartition("/")[2]))  # noqa: PT021 - only where there is a server
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def sqlite_db(sqlite_url: str) -> Iterator[Database]:
    """A migrated SQLite database, where the kind doesn't matter and speed does."""
    database = Database(sqlite_url)
    yield database
    database.close()
