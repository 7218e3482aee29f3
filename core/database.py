"""The database: one engine, one declarative base, sessions that commit at the edge and nowhere else.

Services take a `Session` and never commit; the request, the firing or the batch that opened it does.
SQLite and PostgreSQL alike. On SQLite a writing session takes the write lock when it begins, so that it
waits at the door instead of failing half-way (SQLITE_BUSY on upgrade).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    ColumnElement,
    DateTime,
    Engine,
    Executable,
    MetaData,
    String,
    Text,
    bindparam,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, ORMExecuteState, Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator

SQLITE_BUSY_TIMEOUT_MS = 15_000
# A batch of play records or plans is several megabytes: it fits into the cache until it is committed, and its pages
# are brought home from the write-ahead log once for several batches, not after each.
SQLITE_CACHE_KIB = 32_768
SQLITE_CHECKPOINT_PAGES = 16_384  # of 4 KiB
SQLITE_WAL_BYTES_KEPT = 67_108_864

_REMEMBERED = "remembered"
_T = TypeVar("_T")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant. A naive one is refused; SQLite stores it without zone and it is given back with UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The declarative base of every table. Constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own hook
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
        list[str]: JSON(),
        list[int]: JSON(),
        list[dict[str, Any]]: JSON(),
    }


class Database:
    """An engine and the two kinds of session: `writing()` and `reading()`."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql" and "+" not in parsed.drivername:
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() == "sqlite" and parsed.database not in {None, "", ":memory:"}:
            Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = create_engine(parsed, pool_size=pool_size, max_overflow=20, pool_pre_ping=True)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that commits when the block ends well and rolls back when it doesn't."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.info[_REMEMBERED] = {}
            event.listen(session, "after_flush", _forget)
            event.listen(session, "do_orm_execute", _forget_where_it_writes)
            event.listen(session, "after_soft_rollback", _forget)  # of a savepoint too
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that changes nothing; what was read can still be looked at when the block has ended."""
        with Session(self.engine.execution_options(sqlite_begin="DEFERRED"), expire_on_commit=False) as session:
            session.info[_REMEMBERED] = {}
            yield session  # closing it rolls back, and unlike rollback() leaves what was loaded in the objects

    def close(self) -> None:
        self.engine.dispose()


def remembered(session: Session, what: str, read: Callable[[], _T]) -> _T:
    """What `read` gives: asked once in a session, until that session changes anything itself.

    For what hardly ever changes and is asked for again and again within a moment: the tree of units.
    """
    held: dict[str, Any] | None = session.info.get(_REMEMBERED)
    if held is None:
        return read()
    if session.new or session.dirty or session.deleted:
        session.flush()  # as asking the database would
    if what not in held:
        held[what] = read()
    found: _T = held[what]
    return found


def plain_rows(session: Session, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Any]:
    """The rows of a query of columns, as the session would see them, without its work of making objects of rows.

    For what is asked at every look: a statement that is built once, with `bindparam`s for its values, costs a third.
    """
    if session.new or session.dirty or session.deleted:
        session.flush()  # as the session itself would
    return session.connection().execute(statement, values).fetchall()


class Texts(TypeDecorator[Collection[str]]):
    """Many texts as one parameter: an array, or on SQLite JSON."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(String()))

    def process_bind_param(self, value: Collection[str] | None, dialect: Dialect) -> Any:
        held = sorted(value or ())
        return json.dumps(held) if dialect.name == "sqlite" else held


class one_of(FunctionElement[bool]):  # noqa: N801 - reads as the function that it is in a query
    """That a column of text is one of those in a parameter, however many: `one_of(Unit.id, "ids")`.

    One parameter, instead of one for each: the statement's text is always the same, so that it is compiled once by us
    and planned once by the database.
    """

    inherit_cache = True
    type = Boolean()

    def __init__(self, column: ColumnElement[str] | InstrumentedAttribute[Any], name: str) -> None:
        super().__init__(column, bindparam(name, type_=Texts()))

    def self_group(self, against: OperatorType | None = None) -> one_of:  # noqa: ARG002 - SQLAlchemy's own hook
        """As it is: SQLite has no booleans, and compared with 1 it would be found in no index."""
        return self


@compiles(one_of, "sqlite")
def _one_of_json(element: one_of, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = (compiler.process(one, **kw) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - parts that are compiled


@compiles(one_of)
def _one_of_array(element: one_of, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = (compiler.process(one, **kw) for one in element.clauses)
    return f"{column} = ANY({values})"


def is_away(error: SQLAlchemyError) -> bool:
    """The statement was fine, the database wasn't: away, locked, full, or in the middle of a restart."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _forget(session: Session, _context: Any) -> None:
    session.info[_REMEMBERED].clear()


def _forget_where_it_writes(execution: ORMExecuteState) -> None:
    if not execution.is_select:
        execution.session.info[_REMEMBERED].clear()


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we emit BEGIN ourselves, see _begin_sqlite
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {SQLITE_BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",  # an acknowledged play record survives a power cut
        "foreign_keys = ON",
        f"cache_size = -{SQLITE_CACHE_KIB}",
        f"wal_autocheckpoint = {SQLITE_CHECKPOINT_PAGES}",
        f"journal_size_limit = {SQLITE_WAL_BYTES_KEPT}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "IMMEDIATE")
    connection.exec_driver_sql(f"BEGIN {mode}")
