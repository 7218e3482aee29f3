"""The table of play records by months, on PostgreSQL: a partition for each month of `planned_at`, in UTC.

Months are made ahead, so that records go straight into their own; what no partition is for (a receiver may sign any
date) lies in `play_records_other`. When a month is made, what lies there of it is moved. So a question about some days
looks at their months only, and what is to be kept no longer can be dropped month by month.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from broadcast.tables import StoredRecord

TABLE = StoredRecord.__tablename__
OTHER = f"{TABLE}_other"
AHEAD = 3  # months after the present one


def make_ahead(session: Session, now: datetime) -> list[str]:
    """Make the months from the present one on that are missing; their names. Does nothing on SQLite."""
    if session.get_bind().dialect.name == "sqlite":
        return []
    there = set(
        session.scalars(
            text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(:name AS regclass)"),
            {"name": TABLE},
        )
    )
    this = now.astimezone(UTC).year * 12 + now.astimezone(UTC).month - 1
    made = []
    for number in range(this, this + AHEAD + 1):
        name = f"{TABLE}_{_first(number):%Y_%m}"
        if name not in there:
            _make(session, name, _first(number), _first(number + 1))
            made.append(name)
    return made


def _make(session: Session, name: str, first: datetime, following: datetime) -> None:
    """The names are ours and the bounds are dates: nothing of them comes from outside."""
    session.execute(text(f"LOCK TABLE {TABLE} IN SHARE ROW EXCLUSIVE MODE"))  # nobody puts in meanwhile
    session.execute(text(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING ALL)"))
    session.execute(
        text(
            f"WITH moved AS (DELETE FROM {OTHER} WHERE planned_at >= :first AND planned_at < :following RETURNING *)"  # noqa: S608
            f" INSERT INTO {name} SELECT * FROM moved"
        ),
        {"first": first, "following": following},
    )
    session.execute(text(f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{following}')"))


def _first(number: int) -> datetime:
    """The first instant of a month, counted from the year 0."""
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
