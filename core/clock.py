"""Where the time comes from. Nothing else in the project asks the system what time it is.

Inside, every time is an aware UTC `datetime` or, on the wire, an `int` of Unix milliseconds.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the wall time and a time that only runs forward."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed instant; never steps."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class ShiftedClock:
    """The machine's clock, moved by a fixed span: it runs on, at another hour of another day."""

    def __init__(self, shift: timedelta) -> None:
        self.shift = shift

    @classmethod
    def starting_at(cls, instant: datetime) -> ShiftedClock:
        return cls(instant - datetime.now(UTC))

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is moved: pure logic under test."""

    def __init__(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._at

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, span: timedelta) -> None:
        """Let time pass."""
        self._at += span
        self._monotonic += span.total_seconds()

    def step(self, span: timedelta) -> None:
        """Step the wall clock, as a wrong NTP answer would; the monotonic time stays."""
        self._at += span


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(instant: datetime) -> int:
    """Unix milliseconds of an aware instant, rounded down; a naive one is refused with ValueError."""
    if instant.tzinfo is None:
        raise ValueError("a naive datetime has no place on the time line")
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """The aware UTC instant of Unix milliseconds."""
    return _EPOCH + timedelta(milliseconds=ms)
