"""What fires for an airing, when, how late it may, and how it is claimed so that it happens once.

The queue is derived: every firing follows from an airing's row and the table of policies below, less those that the
table `firings` says are done. Nothing has to be kept in step, and what was missed while nobody led is found again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from core.database import one_of, plain_rows
from schedules.lease import Leadership
from schedules.tables import Airing, Firing


class Late(Enum):
    """How late a firing may come; later it is left out."""

    UNTIL_START = "until the airing starts"
    WHENEVER = "however late"


@dataclass(frozen=True, slots=True)
class Policy:
    """One kind of firing: due `offset` after the airing's start, after its end, or after the fill-by of an open one."""

    kind: str
    offset: timedelta
    late: Late
    after_end: bool = False
    of_open: bool = False


# Are the receivers ready? Once the airing has begun, nobody can do anything about the answer.
# Closing waits for the play records that come in order; it is owed even after weeks of downtime.
AIRING: tuple[Policy, ...] = (
    Policy("ready-30", timedelta(minutes=-30), Late.UNTIL_START),
    Policy("ready-10", timedelta(minutes=-10), Late.UNTIL_START),
    Policy("ready-2", timedelta(minutes=-2), Late.UNTIL_START),
    Policy("close", timedelta(seconds=15), Late.WHENEVER, after_end=True),
)

# The slot still waits for a programme: said an hour before its fill-by; at its fill-by the fallback decides.
FILLING: tuple[Policy, ...] = (
    Policy("to-fill", timedelta(hours=-1), Late.UNTIL_START, of_open=True),
    Policy("fill-by", timedelta(), Late.WHENEVER, of_open=True),
)

POLICIES: tuple[Policy, ...] = (*AIRING, *FILLING)

# A cancelled airing that was in a plan may sound all the same, so it is closed too. This long one is looked for.
CANCELLED_DAYS = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Due:
    """One firing of one airing. `latest` None: however late."""

    kind: str
    airing_id: str
    due_at: datetime
    latest: datetime | None

    @property
    def key(self) -> str:
        """What the claim is made under, beside the kind."""
        return self.airing_id

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.key}"


def due(session: Session, policies: Iterable[Policy], *, now: datetime, until: datetime) -> Iterator[Due]:
    """The firings due before `until`, also overdue ones, that are not done and not too late."""
    for policy in policies:
        if policy.of_open:
            yield from _due_of_open(session, policy, now=now, until=until)
            continue
        done = exists().where(Firing.kind == policy.kind, Firing.key == Airing.id)
        wanted = select(Airing.id, Airing.starts_at, Airing.duration_ms).where(
            _calls_for(policy), Airing.starts_at < until - policy.offset, ~done
        )
        if policy.late is Late.UNTIL_START:
            wanted = wanted.where(Airing.starts_at > now)
        else:
            wanted = wanted.where(or_(Airing.status == "scheduled", Airing.starts_at > now - CANCELLED_DAYS))
        for airing_id, starts_at, duration_ms in session.execute(wanted):
            anchor = starts_at + timedelta(milliseconds=duration_ms) if policy.after_end else starts_at
            if anchor + policy.offset < until:
                latest = starts_at if policy.late is Late.UNTIL_START else None
                yield Due(policy.kind, airing_id, anchor + policy.offset, latest)


def _due_of_open(session: Session, policy: Policy, *, now: datetime, until: datetime) -> Iterator[Due]:
    done = exists().where(Firing.kind == policy.kind, Firing.key == Airing.id)
    wanted = select(Airing.id, Airing.starts_at, Airing.fill_by).where(
        _calls_for(policy), Airing.fill_by.is_not(None), Airing.fill_by < until - policy.offset, ~done
    )
    if policy.late is Late.UNTIL_START:
        wanted = wanted.where(Airing.starts_at > now)
    for airing_id, starts_at, fill_by in session.execute(wanted):
        if fill_by is None:  # the query leaves them out
            continue
        latest = starts_at if policy.late is Late.UNTIL_START else None
        yield Due(policy.kind, airing_id, fill_by + policy.offset, latest)


def claim(
    session: Session, leadership: Leadership, batch: Sequence[Due], policies: Iterable[Policy], *, now: datetime
) -> list[Due]:
    """Those of the batch that are this transaction's to do: their airings still call for them, and nobody did them.

    Raises `NotLeader`, now or at the commit, where this process does not lead.
    """
    fence = leadership.check(session)
    still: dict[str, set[str]] = {}
    for policy in policies:
        ids = [what.airing_id for what in batch if what.kind == policy.kind]
        if ids:
            still[policy.kind] = {row[0] for row in plain_rows(session, _calling(policy), {"ids": ids})}
    wanted = [what for what in batch if what.airing_id in still[what.kind]]
    if not wanted:
        return []
    if session.get_bind().dialect.name == "sqlite":
        rows = [
            {"kind": what.kind, "key": what.key, "fence": fence, "due_at": what.due_at, "fired_at": now}
            for what in wanted
        ]
        claims = sqlite.insert(Firing).on_conflict_do_nothing(index_elements=["kind", "key"])
        found = session.execute(claims.returning(Firing.kind, Firing.key), rows)
        claimed = {(row.kind, row.key) for row in found}
    else:
        values = {
            "kinds": [what.kind for what in wanted],
            "keys": [what.key for what in wanted],
            "dues": [what.due_at for what in wanted],
            "fence": fence,
            "now": now,
        }
        claimed = {(row.kind, row.key) for row in plain_rows(session, _CLAIM_MANY, values)}
    return [what for what in wanted if (what.kind, what.key) in claimed]


# The claims travel as arrays, so that the statement is the same for any number: the database plans it once.
_CLAIM_MANY = text(
    "INSERT INTO firings (kind, key, fence, due_at, fired_at)"
    " SELECT one.kind, one.key, :fence, one.due_at, :now"
    " FROM unnest(CAST(:kinds AS VARCHAR[]), CAST(:keys AS VARCHAR[]), CAST(:dues AS TIMESTAMPTZ[]))"
    " AS one(kind, key, due_at)"
    " ON CONFLICT (kind, key) DO NOTHING RETURNING kind, key"
)


@cache
def _calling(policy: Policy) -> Select[str]:
    return select(Airing.id).where(one_of(Airing.id, "ids"), _calls_for(policy))


def _calls_for(policy: Policy) -> ColumnElement[bool]:
    """The states of an airing that this firing is for."""
    if policy.of_open:
        return Airing.status == "open"
    scheduled = Airing.status == "scheduled"
    if policy.late is Late.UNTIL_START:
        return scheduled
    return or_(scheduled, and_(Airing.status == "cancelled", Airing.planned))
