"""The player's way to what must last: records, the progress of what sounds, stops, what the day has used."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence

from devices.protocol.plan import PlanAiring
from devices.receiver.clock import SignedClock
from devices.receiver.jobs import Job, Slot
from devices.receiver.outbox import DAY_MS, Draft, Outbox
from devices.receiver.state import State

log = logging.getLogger(__name__)

STOP_KEPT_MS = 7 * DAY_MS
DAY_COUNTED_MS = 60_000.0
HELD_MAX = 10_000  # records kept in memory while the disk takes none


class Ledger:
    """Writes through to the disk. While that fails, records wait in memory and are tried again."""

    def __init__(
        self, state: State, outbox: Outbox, clock: SignedClock, *, disk_full: Callable[[], bool] = lambda: False
    ) -> None:
        self._state = state
        self._outbox = outbox
        self._clock = clock
        self._disk_full = disk_full  # makes room, where there is something to drop for it
        self._held: list[tuple[Draft, bool]] = []
        self._stops = {row[0] for row in state.rows("SELECT what FROM stops")}
        self._day: tuple[float, int] = (float("-inf"), 0)  # when it was counted, and what the count was

    def record(self, job: Job, slot: Slot, reason: str, *, whole: bool) -> None:
        """Write the record of an item."""
        draft = job.draft(slot, reason=reason, clock=self._clock.facts(), whole=whole)
        self.write(draft, emergency=job.emergency)

    def write(self, draft: Draft, *, emergency: bool = False) -> None:
        log.info(
            "An item is recorded",
            extra={"airing": draft.airing, "item": draft.item, "outcome": draft.outcome, "reason": draft.reason},
        )
        self._held = [*self._held, (draft, emergency)][-HELD_MAX:]
        self.flush()

    def flush(self) -> None:
        """Write what waits, in order."""
        while self._held:
            draft, emergency = self._held[0]
            try:
                self._outbox.add(draft, emergency=emergency)
            except sqlite3.Error as error:
                if _is_full(error) and self._disk_full():
                    continue
                log.exception("A record can't be written; it is tried again")
                return
            self._held = self._held[1:]
            self._day = (float("-inf"), 0)

    @property
    def holding(self) -> bool:
        """Do records wait in memory?"""
        return bool(self._held)

    def save_progress(self, rows: Sequence[tuple[Job, Slot]]) -> None:
        """What sounds, as its record would read if power went now."""
        drafts = [(job.progress(slot), job.emergency) for job, slot in rows if job.recorded]
        try:
            self._outbox.save_progress(drafts)
        except sqlite3.Error as error:
            if not _is_full(error) or not self._disk_full():
                log.exception("The progress can't be written")

    def open_items(self, airing: PlanAiring) -> bool:
        """Has any item of a planned airing no record yet?"""
        recorded = self._outbox.recorded(airing.airing)
        return any(item.item not in recorded for item in airing.items)

    def recorded(self, airing: str, command: str | None) -> set[str]:
        """The items that have their record."""
        return self._outbox.recorded(airing, command)

    def day_played_ms(self, now_ms: float) -> int:
        """What sounded in the last 24 hours, emergencies apart; counted anew after each record, and each minute."""
        if abs(now_ms - self._day[0]) >= DAY_COUNTED_MS:
            self._day = (now_ms, self._outbox.played_ms(int(now_ms) - DAY_MS))
        return self._day[1]

    def remember_stop(self, what: str, now_ms: float) -> None:
        """An airing or a command is stopped, whether it has come yet or not."""
        self._stops.add(what)
        self._state.run("INSERT OR REPLACE INTO stops VALUES (?, ?)", what, int(now_ms) + STOP_KEPT_MS)

    def stopped(self, airing: str, command: str | None) -> bool:
        """Was either told to stop?"""
        return airing in self._stops or command in self._stops

    def forget(self, now_ms: float, keep_ms: int) -> None:
        """Drop what needn't be kept any longer."""
        if self._state.run("DELETE FROM stops WHERE until < ?", int(now_ms)).rowcount:
            self._stops = {row[0] for row in self._state.rows("SELECT what FROM stops")}
        self._outbox.forget(int(now_ms) - keep_ms)


def _is_full(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", None) in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}
