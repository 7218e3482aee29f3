"""Trustworthy time: the machine's monotonic clock, tied to the server's by signed answers.

A request carries a nonce; the answer is signed over it with the server's times. Half of the round trip is how far
off the answer may be, so of the recent answers the one with the least error counts, its error growing with its age
(`DRIFT`). The machine's own wall clock, and so NTP, has no say; where it contradicts, that is told as an alarm.

The *floor* is the latest signed time ever seen. It is kept on disk, and an answer below it is refused: nobody who
holds the network can take the box back to a day whose messages he has recorded.

The tie is kept on disk together with the machine's boot, so that an agent which is started again within the same
boot (its monotonic clock has run on) knows the time without any network.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from core.clock import Clock, to_ms
from devices.protocol.commands import TimeAnswer
from devices.protocol.reports import ClockFacts
from devices.protocol.resolve import resolve
from devices.receiver.state import write_whole

log = logging.getLogger(__name__)

DRIFT = 50e-6  # of a cheap quartz that lives outdoors
ROUND_TRIP_MAX_MS = 10_000.0
SAMPLES = 32
NONCES = 4
SAVE_EVERY_MS = 300_000.0
CONTRADICTION_MS = 5_000.0


@dataclass(frozen=True, slots=True)
class _Sample:
    mono_ms: float  # when
    offset_ms: float  # Unix milliseconds minus monotonic milliseconds
    half_trip_ms: float

    def error_ms(self, mono_ms: float) -> float:
        # The server gives whole milliseconds, rounded down.
        return self.half_trip_ms + 0.5 + abs(mono_ms - self.mono_ms) * DRIFT

    def agrees(self, later: _Sample) -> bool:
        bound = self.error_ms(later.mono_ms) + later.error_ms(later.mono_ms)
        return abs(self.offset_ms - later.offset_ms) <= bound


class _Kept(Struct, frozen=True):
    floor_ms: int
    boot: str = ""
    mono_ms: float = 0.0
    offset_ms: float = 0.0
    half_trip_ms: float = 0.0


resolve(_Kept)


class SignedClock:
    """The receiver's time. Read by several threads; told answers by one."""

    def __init__(self, clock: Clock, path: Path, *, boot: str, error_max_ms: float) -> None:
        self._clock = clock
        self._path = path
        self._boot = boot
        self._error_max_ms = error_max_ms
        self._samples: list[_Sample] = []
        self._best: _Sample | None = None
        self._asked: dict[str, float] = {}
        self._saved_at = float("-inf")
        self.answers = 0
        self.floor_ms = 0
        self._load()

    def mono_ms(self) -> float:
        """The machine's monotonic time, milliseconds."""
        return self._clock.monotonic() * 1000.0

    @property
    def error_ms(self) -> float:
        """How far off the time may be; infinite before the first answer."""
        best = self._best
        return best.error_ms(self.mono_ms()) if best else float("inf")

    @property
    def trusted(self) -> bool:
        return self.error_ms <= self._error_max_ms

    def unix_ms(self, mono_ms: float) -> float:
        """The time at a monotonic instant. Only to be asked once there has been an answer."""
        best = self._best
        if best is None:
            raise RuntimeError("the time is not known yet")
        return mono_ms + best.offset_ms

    def mono_of(self, unix_ms: float) -> float:
        """The monotonic instant of a time. Only to be asked once there has been an answer."""
        return unix_ms - self.unix_ms(0.0)

    def now_ms(self) -> float | None:
        """The time, or None while it isn't trusted."""
        return self.unix_ms(self.mono_ms()) if self.trusted else None

    def stated_ms(self) -> int:
        """A time to write on a message: the trusted one, else the best guess, never before the floor."""
        now = self.now_ms()
        return max(self.floor_ms, to_ms(self._clock.now()) if now is None else int(now))

    def facts(self) -> ClockFacts:
        if not self.trusted:
            return ClockFacts()
        return ClockFacts(source="signed", error_ms=round(self.error_ms, 1))

    def contradiction_ms(self) -> float | None:
        """By how much the machine's wall clock differs from the signed time, where that is beyond doubt."""
        now = self.now_ms()
        if now is None:
            return None
        difference = to_ms(self._clock.now()) - now
        return difference if abs(difference) > CONTRADICTION_MS + self.error_ms else None

    def ask(self) -> str:
        """A fresh nonce to send now; of earlier ones the last few are still waited for."""
        nonce = secrets.token_hex(16)
        self._asked = dict([*self._asked.items()][-(NONCES - 1) :])
        self._asked[nonce] = self.mono_ms()
        return nonce

    def answer(self, answer: TimeAnswer, arrived_mono_ms: float) -> str:
        """Take in a signed answer; the empty string, or why it is refused."""
        sent_at = self._asked.pop(answer.nonce, None)
        if sent_at is None:
            return "unknown-nonce"
        if answer.sent < self.floor_ms:
            return "below-floor"
        # The span between the server's two times was spent there, not under way.
        trip_ms = arrived_mono_ms - sent_at - max(0, answer.sent - answer.received)
        if not 0 <= answer.sent - answer.received <= ROUND_TRIP_MAX_MS or not -1.0 <= trip_ms <= ROUND_TRIP_MAX_MS:
            return "too-slow"
        offset = (answer.received + answer.sent + 1.0) / 2 - (sent_at + arrived_mono_ms) / 2
        sample = _Sample(arrived_mono_ms, offset, max(0.0, trip_ms) / 2)
        # Errors are bounds: an earlier answer that can't be reconciled with this one is of a clock that was set since.
        agreeing = [held for held in self._samples if held.agrees(sample)]
        self._samples = [*agreeing[-(SAMPLES - 1) :], sample]
        self._best = min(self._samples, key=lambda held: held.error_ms(arrived_mono_ms))
        self.answers += 1
        self.raise_floor(answer.sent)
        return ""

    def raise_floor(self, signed_ms: int) -> None:
        """A signed message says that it is at least so late; on disk at once at first, then every few minutes."""
        self.floor_ms = max(self.floor_ms, signed_ms)
        if self.mono_ms() - self._saved_at >= SAVE_EVERY_MS:
            self.save()

    def save(self) -> None:
        """Put floor and tie on disk. A disk that fails is logged: the box goes on without."""
        best = self._best or _Sample(0.0, 0.0, 0.0)
        boot = self._boot if self._best else ""
        kept = _Kept(self.floor_ms, boot, best.mono_ms, best.offset_ms, best.half_trip_ms)
        self._saved_at = self.mono_ms()
        try:
            write_whole(self._path, msgspec.json.encode(kept))
        except OSError:
            log.exception("The clock's floor can't be written")

    def _load(self) -> None:
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError, UnicodeError):
            log.exception("The clock's floor can't be read")
            return
        self.floor_ms = kept.floor_ms
        if kept.boot and kept.boot == self._boot and kept.mono_ms <= self.mono_ms():
            sample = _Sample(kept.mono_ms, kept.offset_ms, kept.half_trip_ms)
            if self.mono_ms() + kept.offset_ms >= self.floor_ms - sample.error_ms(self.mono_ms()):
                self._samples, self._best = [sample], sample
