"""Statements over many rows: `INSERT … ON CONFLICT` for both databases, which SQLAlchemy spells once per dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sqlalchemy import Table
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
