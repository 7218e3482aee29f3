"""Trustworthy time: the machine's monotonic clock, tied to the server's by signed answers.

A request carries a nonce; the answer is signed over it with the server's times. Each answer bounds the offset from
both sides: the question can't have come before it was sent, nor the answer have left after it came. So, with the times
of the server (whole milliseconds, rounded down) and ours,

    sent - ours when it came  <=  offset  <=  received + 1 - ours when it was asked

Of many answers the tightest bounds count, which those with the least delay each way give, whichever answers these are.
Half of what is left between them is how far off the time may be; it grows with age by `DRIFT`.

For the estimate itself the crystal's drift is found as well: the one within `SKEW_MAX` for which all bounds of the
last hour lie closest to two parallel lines (the sum of their distances is convex in the drift; it is halved down to its
least value). The offset lies midway between the two lines: the least delays each way are taken for equal. It is put
back between the bounds that hold without any belief about drift where it should lie outside of them.

The machine's own wall clock, and so NTP, has no say; where it contradicts, that is told as an alarm.

The *floor* is the latest signed time ever seen. It is kept on disk, and an answer below it is refused: nobody who
holds the network can take the box back to a day whose messages he has recorded.

The tie is kept on disk together with the machine's boot, so that an agent which is started again within the same
boot (its monotonic clock has run on) knows the time without any network.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
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
SKEW_MAX = 200e-6
SKEW_STEPS = 40
SAMPLES = 128
SKEW_SURE_MS = 600_000.0
SPAN_MS = 3_600_000.0
NONCES = 4
SAVE_EVERY_MS = 300_000.0
CONTRADICTION_MS = 5_000.0


@dataclass(frozen=True, slots=True)
class _Sample:
    """An answer: at `mono_ms` the offset (Unix minus monotonic milliseconds) was between these."""

    mono_ms: float
    low_ms: float
    high_ms: float

    @property
    def width_ms(self) -> float:
        return self.high_ms - self.low_ms

    def agrees(self, later: _Sample) -> bool:
        slack = abs(later.mono_ms - self.mono_ms) * DRIFT
        return self.low_ms - slack <= later.high_ms and later.low_ms <= self.high_ms + slack


@dataclass(frozen=True, slots=True)
class _Tie:
    """What is believed from `mono_ms` on: the offset then, how it changes, how far off it may have been."""

    mono_ms: float
    offset_ms: float
    skew: float
    half_ms: float

    def offset_at(self, mono_ms: float) -> float:
        return self.offset_ms + self.skew * (mono_ms - self.mono_ms)

    def error_ms(self, mono_ms: float) -> float:
        return self.half_ms + abs(mono_ms - self.mono_ms) * DRIFT


def _tie(samples: Sequence[_Sample]) -> _Tie:
    """What the answers say together, at the instant of the last one."""
    now = samples[-1].mono_ms
    low = max(one.low_ms - (now - one.mono_ms) * DRIFT for one in samples)
    high = min(one.high_ms + (now - one.mono_ms) * DRIFT for one in samples)
    skew = _skew(samples) if len(samples) > 2 else 0.0
    below = max(one.low_ms + skew * (now - one.mono_ms) for one in samples)
    above = min(one.high_ms + skew * (now - one.mono_ms) for one in samples)
    offset = min(max((below + above) / 2, low), high)
    return _Tie(now, offset, skew, max(offset - low, high - offset, 0.0))


def _skew(samples: Sequence[_Sample]) -> float:
    """The drift for which the bounds lie closest to two parallel lines."""
    now = samples[-1].mono_ms

    def distance(skew: float) -> float:
        lows = [one.low_ms + skew * (now - one.mono_ms) for one in samples]
        highs = [one.high_ms + skew * (now - one.mono_ms) for one in samples]
        return len(samples) * (max(lows) - min(highs)) - sum(lows) + sum(highs)

    left, right = -SKEW_MAX, SKEW_MAX
    for _ in range(SKEW_STEPS):
        third = (right - left) / 3
        if distance(left + third) <= distance(right - third):
            right -= third
        else:
            left += third
    skew = (left + right) / 2
    # A few minutes say little of a drift: it counts as far as it would show.
    span = now - samples[0].mono_ms
    return skew * min(1.0, span / SKEW_SURE_MS)


class _Kept(Struct, frozen=True):
    floor_ms: int
    boot: str = ""
    mono_ms: float = 0.0
    offset_ms: float = 0.0
    half_trip_ms: float = 0.0  # how far off the offset may have been
    skew: float = 0.0


resolve(_Kept)


class SignedClock:
    """The receiver's time. Read by several threads; told answers by one."""

    def __init__(self, clock: Clock, path: Path, *, boot: str, error_max_ms: float) -> None:
        self._clock = clock
        self._path = path
        self._boot = boot
        self._error_max_ms = error_max_ms
        self._samples: list[_Sample] = []
        self._best: _Tie | None = None
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
        return mono_ms + best.offset_at(mono_ms)

    def mono_of(self, unix_ms: float) -> float:
        """The monotonic instant of a time. Only to be asked once there has been an answer."""
        best = self._best
        if best is None:
            raise RuntimeError("the time is not known yet")
        # unix = mono + offset + skew * (mono - then), solved for mono
        return best.mono_ms + (unix_ms - best.mono_ms - best.offset_ms) / (1.0 + best.skew)

    def now_ms(self) -> float | None:
        """The time, or None while it isn't trusted."""
        return self.unix_ms(self.mono_ms()) if self.trusted else None

    def stated_ms(self) -> int:
        """A time to write on a message: the trusted one, else the best guess, never before the floor."""
        now = self.now_ms()
        return max(self.floor_ms, to_ms(self._clock.now()) if now is None else int(now))

    def machine_ms(self) -> int:
        """The machine's own wall clock, which nothing rests on."""
        return to_ms(self._clock.now())

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
        sample = _Sample(arrived_mono_ms, answer.sent - arrived_mono_ms, answer.received + 1.0 - sent_at)
        # Bounds are bounds: an earlier answer that can't be reconciled with this one is of a clock that was set since.
        agreeing = [held for held in self._samples if held.agrees(sample) and held.mono_ms > arrived_mono_ms - SPAN_MS]
        self._samples = [*agreeing[-(SAMPLES - 1) :], sample]
        self._best = _tie(self._samples)
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
        best = self._best or _Tie(0.0, 0.0, 0.0, 0.0)
        boot = self._boot if self._best else ""
        kept = _Kept(self.floor_ms, boot, best.mono_ms, best.offset_ms, best.half_ms, best.skew)
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
            tie = _Tie(kept.mono_ms, kept.offset_ms, kept.skew, kept.half_trip_ms)
            if self.unix_of(tie) >= self.floor_ms - tie.error_ms(self.mono_ms()):
                half = kept.half_trip_ms
                self._samples = [_Sample(kept.mono_ms, kept.offset_ms - half, kept.offset_ms + half)]
                self._best = tie

    def unix_of(self, tie: _Tie) -> float:
        mono = self.mono_ms()
        return mono + tie.offset_at(mono)
