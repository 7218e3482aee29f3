"""Asking the server for the time, and what its answers are worth."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from devices.protocol import topics
from devices.protocol.commands import TimeAnswer
from devices.protocol.plan import PlanAiring
from devices.protocol.signing import BadMessage, decode_body
from devices.protocol.trust import Trust
from devices.receiver.clock import SignedClock
from devices.receiver.messenger import Messenger
from devices.receiver.settings import AgentSettings

log = logging.getLogger(__name__)

NEVER = float("inf")
# Two of the server's processes may both answer, and a slow network is nobody's fault.
QUIET_REASONS = frozenset({"unknown-nonce", "too-slow"})


class Lateness:
    """Why an airing was not begun in its time. Times are Unix milliseconds."""

    def __init__(self, clock: SignedClock, held_at_start: Iterable[PlanAiring]) -> None:
        self._clock = clock
        self._started_mono = clock.mono_ms()
        self._held_at_start = {airing.airing for airing in held_at_start}
        self.trusted_ms: float | None = None  # since when there is trustworthy time
        self.came_ms = 0.0  # when the plan in force came

    def why(self, airing: PlanAiring, start_ms: int) -> str:
        if airing.airing in self._held_at_start and start_ms < self._clock.unix_ms(self._started_mono):
            return "power-off"
        if start_ms < self.came_ms:
            return "late-plan"
        return "clock-untrusted" if self.trusted_ms is not None and start_ms < self.trusted_ms else "late"


def interval_s(since_s: float, settings: AgentSettings) -> float:
    """How long to wait for the next question, so long after the first: ever longer, as what is known grows."""
    return min(settings.time_slow_s, max(settings.time_fast_s, since_s / 20))


class Timekeeper:
    """Used by the working thread only. `wonder` is told why an answer was refused; `known` that one was not."""

    def __init__(
        self,
        *,
        clock: SignedClock,
        trust: Trust,
        receiver: str,
        messenger: Messenger,
        settings: AgentSettings,
        wonder: Callable[[str], None],
        known: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._trust = trust
        self._audience = topics.audience(receiver)
        self._messenger = messenger
        self._settings = settings
        self._wonder = wonder
        self._known = known
        self._due_s = 0.0
        self._began_s = clock.mono_ms() / 1000.0

    def connected(self) -> None:
        """Ask at once."""
        self._due_s = 0.0

    def tick(self, now_s: float) -> float:
        """Ask where it is time to; in how many seconds to be called again."""
        if not self._messenger.online:
            return NEVER
        if now_s >= self._due_s:
            self._messenger.ask_time()
            self._due_s = now_s + self._settings.time_fast_s
        return self._due_s - now_s

    def answered(self, topic: str, payload: bytes, arrived_mono_ms: float) -> None:
        """An answer, or what says that it is one."""
        try:
            claims = self._trust.open(payload, typ="time", audience=self._audience, now=None)
            reason = self._clock.answer(decode_body(claims, TimeAnswer), arrived_mono_ms)
        except BadMessage as error:
            reason = error.reason
        self._wonder(reason)
        if reason == "below-floor":
            self._messenger.alarm("time-below-floor", "the server's signed time lies before one that it signed earlier")
        if reason in QUIET_REASONS:
            log.debug("An answer about the time isn't used", extra={"reason": reason})
            return
        if reason:
            self._messenger.refused(topic, reason)
            return
        now_s = self._clock.mono_ms() / 1000.0
        self._due_s = now_s + interval_s(now_s - self._began_s, self._settings)
        self._known()
