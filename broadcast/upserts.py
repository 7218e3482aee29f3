"""Statements over many rows: `INSERT … ON CONFLICT` for both databases, which SQLAlchemy spells once per dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import msgspec
from sqlalchemy import Dialect, Table, TextClause, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.database import Base

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert


def table(entity: type[Base]) -> Table:
    """The table of an entity, for statements that run over many rows at once and past the session's objects."""
    return cast("Table", entity.__table__)


def insert(session: Session, entity: type[Base]) -> Insert:
    """An insert into the entity's table that knows `on_conflict_do_nothing` and `on_conflict_do_update`.

    It is typed as PostgreSQL's; SQLite's has the same two methods.
    """
    if session.get_bind().dialect.name == "sqlite":
        return cast("Insert", sqlite.insert(table(entity)))
    return postgresql.insert(table(entity))


def insert_new(session: Session, entity: type[Base], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert those rows that are not there yet, by any unique key; how many they were. All rows have the same members.

    On PostgreSQL the rows travel as one array a column, in one statement: several times faster than row by row, and
    the only way in which its driver says how many went in.
    """
    if not rows:
        return 0
    if session.get_bind().dialect.name == "sqlite":
        done = session.execute(insert(session, entity).on_conflict_do_nothing(), list(rows))
        return int(getattr(done, "rowcount", 0))
    names = list(rows[0])
    arrays = {name: [_plain(row[name]) for row in rows] for name in names}
    return int(
        getattr(
            session.execute(_from_arrays(table(entity), tuple(names), session.get_bind().dialect), arrays),
            "rowcount",
            0,
        )
    )


@lru_cache(maxsize=64)
def _from_arrays(target: Table, names: tuple[str, ...], dialect: Dialect) -> TextClause:
    types = [str(target.c[name].type.compile(dialect=dialect)) for name in names]
    arrays = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in zip(names, types, strict=True))
    # The names are those of our own tables; the values travel as parameters.
    statement = f"INSERT INTO {target.name} ({', '.join(names)}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"  # noqa: S608
    return text(statement)


def _plain(value: Any) -> Any:
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value
