"""Who leads: one row in the database, with a fencing number, by the database's own clock.

1. `acquire` takes the row where nobody holds it or its time is over, and raises `fence` by one.
2. `renew` lengthens it, as long as nobody else has taken it. A holder that dies just stops renewing; one that ends in
   order releases it, and another can take it at once.
3. Work of the leader calls `check` in its own transaction. That refuses at once when the lease is gone, and once more
   when the transaction commits: then with the row locked, so that a takeover comes either before, and the work rolls
   back, or after it is done. The lock is held for the commit only and so never delays a renewal for long.

An advisory lock would not do: PostgreSQL keeps that of a host that lost its power until TCP gives up.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Float,
    Update,
    bindparam,
    cast,
    extract,
    func,
    literal,
    select,
    update,
)
from sqlalchemy import event as listening
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core import events
from core.database import Database, plain_rows
from core.events import Actor
from core.ids import new_id
from schedules.errors import NotLeader
from schedules.tables import Lease

LIFE_S = 6.0
RENEW_EVERY_S = 2.0

_JULIAN_DAY_OF_1970 = 2440587.5


def holder_name() -> str:
    """A name for this process as a holder: the host, the process, and something that no other ever has."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{new_id()}"


class Leadership:
    """This process's hold, or not, on a lease. Safe to use from several threads."""

    def __init__(
        self, db: Database, *, name: str = "engine", holder: str | None = None, life_s: float = LIFE_S
    ) -> None:
        """`holder` must be this process's alone (None: one is made up); `life_s` seconds without renewal end it."""
        self._db = db
        self.name = name
        self.holder = holder or holder_name()
        self.life_s = life_s
        # Asked in every transaction of the leader's, so built once.
        self._holding = select(Lease.fence).where(*self.holding(bindparam("fence", type_=BigInteger())))
        self._guarding = (
            select(Lease.fence)
            .where(Lease.name == name, Lease.holder == self.holder, Lease.fence == bindparam("fence"))
            .with_for_update(read=True)
        )
        self._lock = threading.Lock()
        self._fence: int | None = None
        self._until = 0.0  # by this machine's monotonic clock, and never later than the database's

    @property
    def fence(self) -> int | None:
        """The fencing number while this process leads, as far as it knows; else None."""
        with self._lock:
            return self._fence if time.monotonic() < self._until else None

    def acquire(self) -> bool:
        """Take the lease if it is free, or renew it if it is ours; whether we lead. Raises what the database raises."""
        if self.renew():
            return True
        asked_at = time.monotonic()
        with self._db.writing() as session:
            now = self._now()
            insert = sqlite.insert if self._db.is_sqlite else postgresql.insert
            taken = session.execute(
                insert(Lease)
                .values(name=self.name, holder=self.holder, fence=1, expires_at=now + self.life_s)
                .on_conflict_do_update(
                    index_elements=[Lease.name],
                    set_={"holder": self.holder, "fence": Lease.fence + 1, "expires_at": now + self.life_s},
                    where=Lease.expires_at <= now,
                )
                .returning(Lease.fence, Lease.expires_at)
            ).first()
            if taken is not None:
                at = datetime.fromtimestamp(taken.expires_at - self.life_s, UTC)
                self._record(session, "taken", at, taken.fence)
        if taken is None:
            return False
        self._hold(taken.fence, asked_at)
        return True

    def renew(self) -> bool:
        """Lengthen the lease; False: another one has taken it, and this process does not lead any more."""
        with self._lock:
            fence = self._fence
        if fence is None:
            return False
        asked_at = time.monotonic()
        with self._db.writing() as session:
            # Also when its time is over: as long as the number is ours nobody else has led in between.
            renewed = session.scalar(
                self._ours(fence).values(expires_at=self._now() + self.life_s).returning(Lease.fence)
            )
        if renewed is None:
            self.forget(fence)
            return False
        self._hold(fence, asked_at)
        return True

    def release(self) -> None:
        """Give the lease back, so that another one can take it at once. Does nothing where it isn't ours."""
        with self._lock:
            fence = self._fence
        if fence is None:
            return
        self.forget(fence)
        with self._db.writing() as session:
            at = session.scalar(select(self._now()))
            if session.scalar(self._ours(fence).values(expires_at=0.0).returning(Lease.fence)) is not None and at:
                self._record(session, "released", datetime.fromtimestamp(at, UTC), fence)

    def forget(self, fence: int) -> None:
        """Stop leading under this number, without a word to the database."""
        with self._lock:
            if self._fence == fence:
                self._fence, self._until = None, 0.0

    def check(self, session: Session) -> int:
        """The fencing number, if this process leads; the transaction will commit only if it still does then.

        Raises `NotLeader` now or at the commit, which then rolls back.
        """
        fence = self.fence
        if fence is None:
            raise NotLeader(name=self.name)
        if not plain_rows(session, self._holding, {"fence": fence}):
            self.forget(fence)
            raise NotLeader(name=self.name)
        self.guard(session, fence)
        return fence

    def holding(self, fence: int | BindParameter[int]) -> tuple[ColumnElement[bool], ...]:
        """Conditions for a statement of the caller's: the lease is ours under this number, and its time is not over."""
        return (
            Lease.name == self.name,
            Lease.holder == self.holder,
            Lease.fence == fence,
            Lease.expires_at > self._now(),
        )

    def guard(self, session: Session, fence: int) -> None:
        """Let the session's commit fail with `NotLeader` where another one has taken the lease until then."""
        guards: set[tuple[str, int]] = session.info.setdefault("lease-guards", set())
        if (self.name, fence) in guards or self._db.is_sqlite:
            return  # on SQLite nobody else has written since this transaction began
        guards.add((self.name, fence))

        def before_commit(committing: Session) -> None:
            if not committing.in_nested_transaction() and not plain_rows(committing, self._guarding, {"fence": fence}):
                self.forget(fence)
                raise NotLeader(name=self.name)

        listening.listen(session, "before_commit", before_commit)

    def _ours(self, fence: int) -> Update:
        return update(Lease).where(Lease.name == self.name, Lease.holder == self.holder, Lease.fence == fence)

    def _hold(self, fence: int, asked_at: float) -> None:
        with self._lock:
            self._fence, self._until = fence, asked_at + self.life_s

    def _record(self, session: Session, action: str, at: datetime, fence: int) -> None:
        actor = Actor("system:engine", self.holder[:200])
        events.record(session, f"system:lease:{action}", actor=actor, at=at, subject=("lease", self.name), fence=fence)

    def _now(self) -> ColumnElement[float]:
        """Unix seconds by the database's clock, as it is when the statement runs."""
        if self._db.is_sqlite:
            return (func.julianday("now", type_=Float) - _JULIAN_DAY_OF_1970) * literal(86400.0)
        return cast(extract("epoch", func.clock_timestamp()), Float)
