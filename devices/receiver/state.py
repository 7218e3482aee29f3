"""What the agent must still know after a power cut, in one SQLite file: records, floors, remembered commands.

Every commit is on the disk when it returns (`synchronous=FULL`). A file that is damaged is put aside, not repaired:
the outbox then begins a new log, and command floors begin at the present time.

Used by the agent's one working thread only.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from core.errors import TruyenThanhError

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY,
    airing TEXT NOT NULL,
    item TEXT NOT NULL,
    command TEXT NOT NULL,
    ended_at INTEGER NOT NULL,
    played_ms INTEGER NOT NULL,
    emergency INTEGER NOT NULL,
    acked_at INTEGER,
    record BLOB NOT NULL,
    UNIQUE (airing, item, command)
);
CREATE INDEX IF NOT EXISTS records_ended ON records (ended_at);
CREATE TABLE IF NOT EXISTS progress (
    airing TEXT NOT NULL,
    item TEXT NOT NULL,
    command TEXT NOT NULL,
    emergency INTEGER NOT NULL,
    draft BLOB NOT NULL,
    PRIMARY KEY (airing, item, command)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS commands (
    id TEXT PRIMARY KEY,
    audience TEXT NOT NULL,
    seq INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    result TEXT NOT NULL,
    reason TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    pending BLOB
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stops (what TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (sha256 TEXT PRIMARY KEY, bytes INTEGER NOT NULL, needed_at INTEGER NOT NULL)
    WITHOUT ROWID;
"""


class FolderOfAnother(TruyenThanhError):
    """What one receiver recorded must never be sent as another's."""

    slug = "folder-of-another"
    status = 500
    vi = "Thư mục {folder} giữ nhật ký của bộ thu {owner}, không phải bộ thu này. Hãy chọn thư mục khác cho --dir."
    en = "The folder {folder} holds the records of the receiver {owner}, not this one's. Choose another one for --dir."


class State:
    """The file, and the small facts in it. `damaged` says that an earlier file had to be put aside."""

    def __init__(self, path: Path, *, synchronous: Literal["FULL", "OFF"] = "FULL") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._folder = path.parent
        self.damaged = False
        try:
            self._connection = _open(path, synchronous)
        except sqlite3.OperationalError:
            raise  # a full or failing disk: the file itself may be whole
        except sqlite3.DatabaseError:
            log.exception("The receiver's state is damaged and is put aside", extra={"path": str(path)})
            self.damaged = True
            _put_aside(path)
            self._connection = _open(path, synchronous)

    def claim(self, receiver: str) -> None:
        """This file is of this receiver from now on. Raises `FolderOfAnother`."""
        owner = self.get("receiver", receiver)
        if owner != receiver:
            self.close()
            raise FolderOfAnother(folder=self._folder, owner=owner)
        self.put("receiver", receiver)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All of the block is kept, or nothing; may be nested, the outermost commits."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # a full disk has rolled back by itself
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def run(self, sql: str, *values: Any) -> sqlite3.Cursor:
        return self._connection.execute(sql, values)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
        return row

    def get(self, name: str, default: Any = None) -> Any:
        """A fact by its name; JSON values."""
        row = self.one("SELECT value FROM facts WHERE name = ?", name)
        return default if row is None else json.loads(row[0])

    def put(self, name: str, value: Any) -> None:
        self.run("INSERT OR REPLACE INTO facts VALUES (?, ?)", name, json.dumps(value))


def _open(path: Path, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA cache_size = -512")
        connection.execute("PRAGMA wal_autocheckpoint = 250")
        _check(connection)
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != ("ok",):
        raise sqlite3.DatabaseError(str(found))


def _put_aside(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(path.with_name(f"{path.name}.damaged{suffix}"))


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file so that after a power cut it is there whole, or as it was before."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
