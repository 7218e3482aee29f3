"""Thousands of rows into one table, past SQLAlchemy's handling of every value.

- SQLite: statements of many rows each. One row a statement would give the interpreter's lock away, and wait for it, at
  every single row.
- PostgreSQL: `COPY`, the quickest way in that there is. It knows no conflicts: rows have to be new. Where they may not
  be, columns as arrays.

Values are given as the database keeps them: text, integers, None, and instants as `instants` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Dialect, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from broadcast.upserts import table
from core.database import Base

Value = str | int | None
Row = Sequence[Value]

PARAMETERS_MAX = 28_000  # in one statement; SQLite takes 32,766
_NULL = "\\N"
_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def add(session: Session, entity: type[Base], names: Sequence[str], rows: Sequence[Row]) -> None:
    """Add rows that are all new. Raises the database's error where one isn't."""
    if not rows:
        return
    if _is_sqlite(session):
        put(session, entity, names, rows)
        return
    statement = f"COPY {table(entity).name} ({', '.join(names)}) FROM STDIN"
    connection = session.connection()
    driver: Any = connection.connection.driver_connection
    kind: Any = connection.dialect.dbapi.Error  # type: ignore[union-attr]
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write("".join(map(_copied, rows)))
    except kind as error:
        raise DBAPIError.instance(statement, None, error, kind, connection_invalidated=driver.closed) from error


def _copied(row: Row) -> str:
    """A row as a line of COPY's text format, several times quicker than its driver writes every value."""
    line = "\t".join([value if value.__class__ is str else _NULL if value is None else str(value) for value in row])
    if "\n" in line or "\r" in line or line.count("\\") != row.count(None) or line.count("\t") != len(row) - 1:
        line = "\t".join([_NULL if value is None else str(value).translate(_ESCAPED) for value in row])
    return f"{line}\n"


def put(session: Session, entity: type[Base], names: Sequence[str], rows: Sequence[Row], ending: str = "") -> None:
    """Insert rows, many in one statement; `ending` says what becomes of those that are there."""
    if not rows:
        return
    connection = session.connection()
    into = f"INSERT INTO {table(entity).name} ({', '.join(names)}) "
    if not _is_sqlite(session):
        # A column as one array: its driver takes longer to read thousands of placeholders than all the rest does.
        arrays = _arrays(table(entity), tuple(names), connection.dialect)
        statement = f"{into}SELECT * FROM unnest({arrays}) {ending}"  # noqa: S608 - names of our own tables
        connection.exec_driver_sql(statement, tuple(list(column) for column in zip(*rows, strict=True)))
        return
    values = f"({', '.join('?' * len(names))})"
    most = max(PARAMETERS_MAX // len(names), 1)
    for at in range(0, len(rows), most):
        part = rows[at : at + most]
        statement = f"{into}VALUES {', '.join([values] * len(part))} {ending}"
        connection.exec_driver_sql(statement, tuple(chain.from_iterable(part)))


@lru_cache(maxsize=64)
def _arrays(target: Table, names: tuple[str, ...], dialect: Dialect) -> str:
    return ", ".join(f"CAST(%s AS {target.c[name].type.compile(dialect=dialect)}[])" for name in names)


def instants(session: Session) -> Callable[[int], str]:
    """How Unix milliseconds are given as an instant: SQLite keeps UTC without saying so, PostgreSQL wants it said."""
    return _naive if _is_sqlite(session) else _aware


def moment(session: Session, at: datetime) -> str:
    """An instant to the microsecond."""
    text = at.astimezone(UTC).isoformat(" ", timespec="microseconds")
    return text[:26] if _is_sqlite(session) else text


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _naive(ms: int) -> str:
    second, rest = divmod(ms, 1000)
    return f"{_second(second)}.{rest:03}000"


def _aware(ms: int) -> str:
    second, rest = divmod(ms, 1000)
    return f"{_second(second)}.{rest:03}+00"


@lru_cache(maxsize=16_384)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat(" ")[:19]
