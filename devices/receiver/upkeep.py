"""What the box does for itself as time passes.

Each second: does the sound card still ask for sound? Each minute: what needn't be kept any longer goes, the disk keeps
some room for records, the microphone and the machine's clock are looked at.

A full disk costs audio before it costs a record: first what no plan needs, what was needed longest ago before the rest,
then what is needed, what is needed last before what is needed first. Only when there is no audio left do records wait
in memory.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from devices.receiver.clock import SignedClock
from devices.receiver.hearing import Capture
from devices.receiver.ledger import Ledger
from devices.receiver.messenger import Messenger
from devices.receiver.orders import Orders
from devices.receiver.outbox import DAY_MS
from devices.receiver.outputs import Output
from devices.receiver.settings import AgentSettings
from devices.receiver.supply import Supply

log = logging.getLogger(__name__)

HOUSEKEEPING_S = 60.0
WATCHING_S = 1.0
HOLDING_S = 5.0


class Upkeep:
    """Used by the working thread only."""

    def __init__(
        self,
        *,
        output: Output,
        capture: Capture | None,
        ledger: Ledger,
        orders: Orders,
        supply: Supply,
        messenger: Messenger,
        clock: SignedClock,
        settings: AgentSettings,
        restart: Callable[[], None] | None,
    ) -> None:
        self._output = output
        self._capture = capture
        self._ledger = ledger
        self._orders = orders
        self._supply = supply
        self._messenger = messenger
        self._clock = clock
        self._settings = settings
        self._restart = restart
        self._housekeeping_due = self._watching_due = self._holding_due = 0.0
        self.output_wrong = ""

    def tick(self, now_s: float) -> float:
        """In how many seconds to be called again."""
        if now_s >= self._watching_due:
            self._watching_due = now_s + WATCHING_S
            self._watch_output()
        if self._ledger.holding and now_s >= self._holding_due:
            self._holding_due = now_s + HOLDING_S
            self._ledger.flush()
        if now_s >= self._housekeeping_due:
            self._housekeeping_due = now_s + HOUSEKEEPING_S
            self._keep_house()
        return min(self._housekeeping_due, self._watching_due) - now_s

    def disk_full(self) -> bool:
        """A record found no room: give it some. False: there is no audio left to give."""
        self._messenger.alarm("disk", "full: audio is dropped for the records")
        return self._supply.give_way()

    def _watch_output(self) -> None:
        self.output_wrong = self._output.check()
        if self.output_wrong:
            self._messenger.alarm("output", self.output_wrong)
        if self._output.hung and self._restart is not None:
            log.error("The sound card's driver hangs; the agent starts again")
            self._restart()

    def _keep_house(self) -> None:
        if self._capture is not None and (wrong := self._capture.check()):
            self._messenger.alarm("microphone", wrong)
        self._ledger.flush()
        now = self._clock.now_ms()
        if now is None:
            return
        self._orders.forget(now)
        self._ledger.forget(now, self._settings.keep_days * DAY_MS)
        self._supply.touch(now)
        self._supply.look()
        self._supply.keep_spare()
        contradiction = self._clock.contradiction_ms()
        if contradiction is not None:
            self._messenger.alarm("clock-contradiction", f"the machine's clock differs by {contradiction:.0f} ms")
