"""Judging playouts by the records that came in: after they were acknowledged, and surely.

1. Intake leaves a row of `unjudged_batches` for each message with new records, in the transaction that stores them.
2. A thread takes the oldest rows, judges their playouts (`broadcast.playouts`) and removes the rows, in one
   transaction. Killed at any moment, it or another process does it again: judging twice gives the same.
3. Intake comes first: while messages are waiting, a round of judging waits, though never longer than `YIELD_S`, and
   is a short one then.
4. Several processes take different rows (`SKIP LOCKED`). Where two judge the same playout, its row's lock has the later
   one see all that the earlier one saw.
5. A row that can't be judged for another reason than a database that is away is removed alone, with an event.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from prometheus_client import Counter
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from broadcast import playouts, unplanned
from broadcast.tables import UnjudgedBatch
from core import events
from core.clock import Clock
from core.collecting import collecting_paused
from core.database import Database, is_away

log = logging.getLogger(__name__)

ROUND = 20  # messages judged in one transaction: on SQLite intake waits meanwhile
BUSY_ROUND = 4
YIELD_S = 2.0
LOOK_EVERY_S = 5.0  # for what a process left that is no more
BACKOFF_S = 1.0

JUDGED = Counter("truyenthanh_judged_batches", "Messages with records whose playouts were judged", ["result"])


class _Waiting(NamedTuple):
    id: int
    receiver_id: str
    airing_ids: list[str]


def judge(session: Session, now: datetime, limit: int = ROUND) -> int:
    """Judge the playouts of the oldest messages that wait for it; how many messages they were."""
    return _judge(session, _oldest(session, limit), now)


def judge_all(db: Database, clock: Clock) -> int:
    """Judge all that waits; how many messages they were."""
    judged = 0
    while True:
        with db.writing() as session:
            done = judge(session, clock.now())
        judged += done
        if not done:
            return judged


def _oldest(session: Session, limit: int) -> list[_Waiting]:
    columns = (UnjudgedBatch.id, UnjudgedBatch.receiver_id, UnjudgedBatch.airing_ids)
    rows = session.execute(select(*columns).order_by(UnjudgedBatch.id).limit(limit).with_for_update(skip_locked=True))
    return [_Waiting(*row) for row in rows]


def _judge(session: Session, waiting: Sequence[_Waiting], now: datetime) -> int:
    if waiting:
        pairs = {(airing, one.receiver_id) for one in waiting for airing in one.airing_ids}
        playouts.recompute(session, pairs, now)
        unplanned.tell(session, pairs, now)
        _forget(session, waiting)
    return len(waiting)


def _forget(session: Session, waiting: Sequence[_Waiting]) -> None:
    session.execute(delete(UnjudgedBatch).where(UnjudgedBatch.id.in_([one.id for one in waiting])))


class Judge:
    """The thread that does it, beside an intake. `wake` says that there is something, `make_way` that intake waits."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._something = threading.Event()
        self._free = threading.Event()
        self._free.set()
        self._something.set()  # perhaps from before
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="judge", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the round at hand; what is left is judged after the next start."""
        self._stopping.set()
        self._something.set()
        self._free.set()
        if self._thread.ident is not None:
            self._thread.join()

    def wake(self) -> None:
        self._something.set()

    def make_way(self, *, busy: bool) -> None:
        """Intake has messages waiting, or no more."""
        if busy:
            self._free.clear()
        else:
            self._free.set()

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._something.wait(LOOK_EVERY_S)
            self._something.clear()
            while not self._stopping.is_set() and self._round():
                pass

    def _round(self) -> bool:
        """Whether there may be more."""
        limit = ROUND if self._free.wait(YIELD_S) else BUSY_ROUND
        try:
            with collecting_paused(), self._db.writing() as session:
                done = judge(session, self._clock.now(), limit)
        except Exception as error:
            if isinstance(error, SQLAlchemyError) and is_away(error):
                log.warning("The database is away; judging waits", extra={"error": type(error).__name__})
                self._stopping.wait(BACKOFF_S)
            else:
                log.exception("Records can't be judged together; they are judged one by one")
                with suppress(SQLAlchemyError):
                    self._one_by_one()
            return True
        JUDGED.labels("judged").inc(done)
        return done > 0

    def _one_by_one(self) -> None:
        with self._db.reading() as session:
            waiting = _oldest(session, ROUND)
        for one in waiting:
            try:
                with self._db.writing() as session:
                    _judge(session, [one], self._clock.now())
            except Exception as error:  # noqa: BLE001 - whatever one message does, the others are judged
                if isinstance(error, SQLAlchemyError) and is_away(error):
                    return
                self._set_aside(one, error)

    def _set_aside(self, one: _Waiting, error: Exception) -> None:
        log.error("A message's playouts can't be judged", extra={"receiver": one.receiver_id}, exc_info=error)
        with self._db.writing() as session:
            _forget(session, [one])
            events.record(
                session,
                "system:playout:not-judged",
                actor=events.SYSTEM,
                at=self._clock.now(),
                subject=("receiver", one.receiver_id),
                airings=one.airing_ids,
            )
        JUDGED.labels("failed").inc()
