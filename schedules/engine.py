"""The engine: APScheduler as clockwork over the airings, in whichever process leads.

1. One thread keeps the lease: it renews it while this process leads, and tries to take it while it doesn't.
2. While leading, the duty `refill` asks the airings table every two seconds for the firings of the next minutes and
   puts each into APScheduler's memory store at its instant. The database is the truth; the store is only a queue, and
   losing it loses nothing.
3. A firing claims its row in `firings` in the transaction that does its work. So it happens once, whoever else tries,
   and if the process dies half-way it happens again from the start. Firings that wait together share a transaction.
4. A handler that raises is logged and tried again, each time later; the others go on. Handlers therefore do their work
   in the session and nowhere else: what a rolled back one did outside would be done again.
5. When the clock jumps or the lease is lost, the queue is thrown away; it is filled again when there is a reason to.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from core.clock import Clock
from core.database import Database
from core.ids import new_id
from schedules.errors import NotLeader
from schedules.firings import POLICIES, Due, Policy, claim, due
from schedules.lease import RENEW_EVERY_S, Leadership

log = logging.getLogger(__name__)

TOGETHER_S = 0.005  # firings within this span are one entry in the queue, due with the last of them
BATCH = 50  # so many firings that wait together share a transaction
AHEAD = timedelta(minutes=5)  # how much of the future lies in the queue
REFILL_EVERY_S = 2.0
TICK_S = 0.5  # how often a stand-by tries for the lease, and how soon a clock that jumps is noticed
JUMP_S = 0.5  # what counts as a jump
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 300.0
WORTH_A_WORD_LATE_S = 5.0

FiringHandler = Callable[[Session, Due], None]


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to do again and again while leading: `every_s` seconds after the last run, and never beside itself."""

    name: str
    every_s: float
    run: Callable[[], None]


@dataclass(slots=True)
class _DutyState:
    duty: Duty
    busy: threading.Lock = field(default_factory=threading.Lock)
    failures: int = 0


@dataclass(frozen=True, slots=True)
class _Firing:
    what: Due
    fence: int
    failures: int


class Engine:
    """Fires what is due, once, while this process leads."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        leadership: Leadership,
        *,
        firings: Mapping[str, FiringHandler],
        duties: Sequence[Duty] = (),
        policies: Sequence[Policy] = POLICIES,
    ) -> None:
        """`firings` has the handler of each kind that this process does; a kind without one is left alone.

        `clock` may be shifted, but has to run. A handler works in the session that it is given and must not commit.
        """
        unknown = set(firings) - {policy.kind for policy in policies}
        if unknown:
            raise ValueError(f"no policy for firings of kind {sorted(unknown)}")
        self._db = db
        self._clock = clock
        self._leadership = leadership
        self._handlers = dict(firings)
        self._policies = [policy for policy in policies if policy.kind in firings]
        self._duties = [_DutyState(duty) for duty in (Duty("refill", REFILL_EVERY_S, self._refill), *duties)]
        self._scheduler: Any = None
        self._executors: dict[str, Any] = {}
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._ready: deque[_Firing] = deque()
        # SQLite has one writer: threads that queue up inside it would only sleep past one another.
        self._workers = 1 if db.is_sqlite else 2
        self._working = threading.Semaphore(self._workers)
        self._queue: set[str] = set()  # names of the firings that wait or run
        self._fence: int | None = None  # the number that the queue was filled under

    @property
    def leading(self) -> bool:
        """Whether this process leads, as far as it knows."""
        return self._leadership.fence is not None

    def start(self) -> None:
        """Begin to try for the lease, in the background."""
        if self._thread is not None:
            raise RuntimeError("the engine runs already")
        # Its own lines, two for every firing, say nothing that ours don't.
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        self._executors = {
            "firings": ThreadPoolExecutor(self._workers + 1),  # one is free to bring what is due to the others
            "duties": ThreadPoolExecutor(len(self._duties)),  # so that none waits for another
        }
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            jobstores={"default": MemoryJobStore()},
            executors=self._executors,
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 2},
        )
        self._scheduler.start()
        self._stopping.clear()
        self._ended.clear()
        self._thread = threading.Thread(target=self._keep_lease, name="engine-lease", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End: what runs is finished under the lease, then the lease is given back."""
        if self._thread is None:
            return
        self._stopping.set()
        self._scheduler.remove_all_jobs()
        # Told to wait, APScheduler holds its lock over the wait, and a job that adds another one waits for that lock.
        self._scheduler.shutdown(wait=False)
        for executor in self._executors.values():
            executor.shutdown(wait=True)
        self._ended.set()
        self._thread.join()
        self._thread = None
        self._end()
        try:
            self._leadership.release()
        except SQLAlchemyError:
            log.warning("the lease could not be given back; it runs out by itself", exc_info=True)

    def wake(self) -> None:
        """Look for new firings at once: something has just been put into the timetable."""
        fence = self._fence
        if fence is not None:
            self._schedule_duty(self._duties[0], fence, 0.0)

    # The lease

    def _keep_lease(self) -> None:
        clocks = self._clocks()
        asked_at = float("-inf")
        while True:
            if not self.leading or time.monotonic() - asked_at >= RENEW_EVERY_S:
                asked_at = time.monotonic()
                self._ask_for_lease()
            fence = self._leadership.fence
            if fence != self._fence:
                self._end()
                if fence is not None and not self._stopping.is_set():
                    self._begin(fence)
            before, clocks = clocks, self._clocks()
            if any(abs(now - then) > JUMP_S for now, then in zip(clocks, before, strict=True)):
                log.warning("the clock jumped", extra={"seconds": round(clocks[0] - before[0], 3)})
                if self._fence is not None and not self._stopping.is_set():
                    self._begin(self._fence)
            if self._ended.wait(TICK_S):
                return

    def _ask_for_lease(self) -> None:
        if self._stopping.is_set() and not self.leading:
            return
        try:
            self._leadership.acquire()
        except SQLAlchemyError:
            # Where it was ours it stays so for the rest of its time.
            log.warning("the lease can't be asked for; trying again", exc_info=True)

    def _clocks(self) -> tuple[float, float]:
        """How far the given clock and the machine's are from a time that never steps."""
        steady = time.monotonic()
        return self._clock.now().timestamp() - steady, datetime.now(UTC).timestamp() - steady

    def _begin(self, fence: int) -> None:
        """Lead under this number, with an empty queue that is filled at once."""
        log.info("leading", extra={"fence": fence})
        self._scheduler.remove_all_jobs()
        with self._lock:
            self._queue.clear()
            self._fence = fence
        for state in self._duties:
            self._schedule_duty(state, fence, 0.0)

    def _end(self) -> None:
        if self._fence is None:
            return
        log.info("no longer leading", extra={"fence": self._fence})
        self._scheduler.remove_all_jobs()
        with self._lock:
            self._queue.clear()
            self._fence = None

    def _leads(self, fence: int) -> bool:
        return not self._stopping.is_set() and self._leadership.fence == fence

    # Duties

    def _schedule_duty(self, state: _DutyState, fence: int, delay_s: float) -> None:
        if self._leads(fence):
            self._add(f"duty:{state.duty.name}", "duties", delay_s, self._run_duty, state, fence)

    def _run_duty(self, state: _DutyState, fence: int) -> None:
        if not self._leads(fence):
            return
        if not state.busy.acquire(blocking=False):  # still at it from before a jump of the clock
            self._schedule_duty(state, fence, state.duty.every_s)
            return
        try:
            state.duty.run()
        except NotLeader:
            log.info("a duty was not done: not leading", extra={"duty": state.duty.name})
        except Exception:
            state.failures += 1
            log.exception("a duty failed", extra={"duty": state.duty.name, "failures": state.failures})
        else:
            state.failures = 0
        finally:
            state.busy.release()
        self._schedule_duty(state, fence, max(state.duty.every_s, _delay_s(state.failures)))

    # Firings

    def _refill(self) -> None:
        fence = self._fence
        if fence is None:
            return
        now = self._clock.now()
        with self._db.reading() as session:
            found = list(due(session, self._policies, now=now, until=now + AHEAD))
        with self._lock:
            if self._fence != fence:
                return
            # What is queued stays, with its delay if it failed; a moved airing is another airing.
            fresh = sorted((what for what in found if what.name not in self._queue), key=_due_at)
            self._queue.update(what.name for what in fresh)
        for _, group in groupby(fresh, key=lambda what: int(what.due_at.timestamp() / TOGETHER_S)):
            together = [_Firing(what, fence, 0) for what in group]
            self._queue_firings(together, (together[-1].what.due_at - self._clock.now()).total_seconds())

    def _queue_firings(self, firings: Sequence[_Firing], delay_s: float) -> None:
        self._add(f"firings:{new_id()}", "firings", delay_s, self._fire, firings)

    def _fire(self, firings: Sequence[_Firing]) -> None:
        """Work off what is due now, these among it, unless as many threads as may are at it already."""
        self._ready.extend(firings)
        while self._ready and self._working.acquire(blocking=False):
            try:
                while batch := self._take():
                    self._do(batch)
            finally:
                self._working.release()  # and look again: one may have come while nobody could take it

    def _take(self) -> list[_Firing]:
        batch: list[_Firing] = []
        with suppress(IndexError):
            while len(batch) < BATCH:
                firing = self._ready.popleft()
                if not self._leads(firing.fence) or self._too_late(firing.what):
                    self._done(firing)
                else:
                    batch.append(firing)
                    if firing.failures:
                        break  # one that has failed is nobody's neighbour
        return batch

    def _do(self, batch: Sequence[_Firing]) -> None:
        """Do them in one transaction; where that fails, each in one of its own."""
        try:
            with self._db.writing() as session:
                now = self._clock.now()
                what = [firing.what for firing in batch]
                for one in claim(session, self._leadership, what, self._policies, now=now):
                    late_s = (now - one.due_at).total_seconds()
                    if late_s > WORTH_A_WORD_LATE_S:
                        log.info("a firing is late", extra={"firing": one.name, "late_s": round(late_s, 3)})
                    self._handlers[one.kind](session, one)
        except NotLeader:
            log.info("firings were not done: not leading", extra={"firings": [one.what.name for one in batch]})
        except Exception as error:  # whatever a handler raises must not end the engine
            if len(batch) > 1:
                log.info("a firing of several failed, they are done one by one", extra={"error": repr(error)})
                for firing in batch:
                    self._do([firing])
                return
            (firing,) = batch
            failures = firing.failures + 1
            log.exception("a firing failed", extra={"firing": firing.what.name, "failures": failures})
            if self._leads(firing.fence):
                self._queue_firings([_Firing(firing.what, firing.fence, failures)], _delay_s(failures))
                return
        for firing in batch:
            self._done(firing)

    def _done(self, firing: _Firing) -> None:
        with self._lock:
            if self._fence == firing.fence:
                self._queue.discard(firing.what.name)

    def _too_late(self, what: Due) -> bool:
        if what.latest is None or self._clock.now() < what.latest:
            return False
        log.warning("a firing was left out: too late", extra={"firing": what.name})
        return True

    def _add(self, name: str, executor: str, delay_s: float, run: Callable[..., None], *arguments: object) -> None:
        # APScheduler goes by the machine's clock; ours may be shifted. So it is told a delay, not an instant.
        self._scheduler.add_job(
            run,
            "date",
            run_date=datetime.now(UTC) + timedelta(seconds=delay_s),
            args=arguments,
            id=name,
            executor=executor,
            replace_existing=True,
        )


def _due_at(what: Due) -> datetime:
    return what.due_at


def _delay_s(failures: int) -> float:
    """How long to wait after so many failures in a row: 1, 2, 4 … up to 300 s."""
    return min(FIRST_RETRY_S * 2.0 ** (failures - 1), LONGEST_RETRY_S) if failures else 0.0
