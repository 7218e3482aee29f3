"""How far a plan reaches: as far as it is asked to, or as far as one message carries. Pure.

A message has a limit, and a busy place with short programmes can come to more than it holds. A plan that isn't sent
leaves its receiver with the one before: without what is new, and with what was cancelled. So the plan is shortened
instead. It keeps every airing that begins before some instant and none after, the nearest always being the last to go,
and says so by its `valid_until`. What lies beyond enters when the plan is issued again, at half of its time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from devices.protocol.plan import Plan
from devices.protocol.signing import MESSAGE_BYTES_MAX

# For what stands around the body in its message: the header with the certificate, the other claims, the signature.
ENVELOPE_BYTES = 16_384
NEAREST = timedelta(hours=1)  # a plan that can't hold as much is an error that a person must hear of


@dataclass(frozen=True, slots=True)
class Fit:
    """The longest plan that fits, None where none does; `left` airings lie beyond it. `bytes`: of the whole one."""

    plan: Plan | None
    left: int
    bytes: int


def fit(compose: Callable[[int], Plan], now_ms: int, until_ms: int) -> Fit:
    """The longest plan, as `compose` makes it up to an instant (Unix ms), that fits into one message."""
    whole = compose(until_ms)
    size = message_bytes(whole)
    if size <= MESSAGE_BYTES_MAX:
        return Fit(whole, 0, size)
    # A plan ends where the first airing that it doesn't hold begins.
    ends = sorted({airing.starts_at for airing in whole.airings if airing.starts_at > now_ms})
    best: Plan | None = None
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high) // 2
        shorter = compose(ends[middle])
        if message_bytes(shorter) <= MESSAGE_BYTES_MAX:
            best, low = shorter, middle + 1
        else:
            high = middle
    return Fit(best, len(whole.airings) - (len(best.airings) if best else 0), size)


def message_bytes(plan: Plan) -> int:
    """At most so many bytes has the plan's message: its JSON in base64, and what stands around it."""
    return -(-len(msgspec.json.encode(plan)) * 4 // 3) + ENVELOPE_BYTES


def half_over(issued_at: datetime, valid_until: datetime, now: datetime, span: timedelta) -> bool:
    """At most half of a plan's own time is left (of `span` where it is longer): it is to be issued again."""
    return valid_until <= now + min(valid_until - issued_at, span) / 2
