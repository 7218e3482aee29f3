"""Numbers that never go back: `max(previous + 1, Unix milliseconds)`, one series per audience.

They are given out under the lease, in the transaction that uses them. A receiver that shows a higher number (this
server was restored from a backup) is gone above, at most a day ahead of the clock: else whoever could write a hello
would push a receiver's numbers out of reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcast import bulk
from broadcast.tables import Sequence
from core.clock import to_ms

AHEAD_MAX = timedelta(days=1)


def next_number(session: Session, series: str, now: datetime, *, above: int = 0) -> int:
    """The next number of one series; see `next_numbers`."""
    return next_numbers(session, {series: above}, now)[series]


def next_numbers(session: Session, wanted: Mapping[str, int], now: datetime) -> dict[str, int]:
    """The next number of each series, above the number given with it as far as `AHEAD_MAX` allows."""
    if not wanted:
        return {}
    rows = select(Sequence.audience, Sequence.last).where(Sequence.audience.in_(list(wanted))).with_for_update()
    last = {row.audience: row.last for row in session.execute(rows)}
    given = {series: _next(last.get(series, 0), above, now) for series, above in wanted.items()}
    moved = "ON CONFLICT (audience) DO UPDATE SET last = excluded.last"
    bulk.put(session, Sequence, ("audience", "last"), list(given.items()), moved)
    return given


def _next(last: int, above: int, now: datetime) -> int:
    return max(last + 1, to_ms(now), min(above + 1, to_ms(now + AHEAD_MAX)))
