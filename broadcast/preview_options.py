"""The ways out of a clash: another time, shorter, another order. Each holds at all places on all days looked at.

*After* and *before* what it clashes with, *shorten* it to what is free, *another slot*, the nearest free time that
the rules allow; and *order*, what a commune itself may put behind it. A session is moved as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from broadcast.planning import AiringFacts
from broadcast.preview_places import AROUND_MS, Places, base_of
from core.clock import to_ms
from schedules.conflicts import LEAST_HEARD_MS, Heard, clock_time
from schedules.rules import merged

STEP_MS = 5 * 60_000

OptionKind = Literal["after", "before", "shorten", "another_slot", "order"]


@dataclass(frozen=True, slots=True)
class Option:
    """A way out, free at all places that were looked at. `shift_ms`: how much later (or earlier) to begin."""

    kind: OptionKind
    told: str
    local_time: str | None = None
    shift_ms: int = 0
    duration_ms: int | None = None
    clashes_with: str | None = None


class Options:
    """The ways out for a draft that was heard at its places."""

    def __init__(self, places: Places, draft: Sequence[AiringFacts], now: datetime, zone: ZoneInfo) -> None:
        self._places, self._zone, self._now = places, zone, to_ms(now)
        self._classes = {airing.class_ for airing in draft}
        self._bases = sorted({base_of(airing) for airing in draft})
        self._length = max((airing.ends_at - base_of(airing) for airing in draft), default=0)
        self._whole = not any(airing.slot_id for airing in draft)

    def found(self) -> list[Option]:
        """None where nothing clashes, or where only acceptance is lacking."""
        own = [group.sample for group in self._places.own.values() if isinstance(group.sample, Heard)]
        clashing = [one for one in own if one.because is not None]
        if not clashing and not self._places.others:
            return []
        length = self._length
        inside = [(begins, ends) for begins, ends in self._places.busy if begins < length and ends > 0]
        found: list[Option] = []
        if inside:
            last, first = max(ends for _, ends in inside), min(begins for begins, _ in inside)
            later, sooner = -(-last // 60_000) * 60_000, (first - length) // 60_000 * 60_000
            if self._is_free(later):
                found.append(self._moved("after", later))
            if self._is_free(sooner):
                found.append(self._moved("before", sooner))
            if first >= LEAST_HEARD_MS and self._whole:
                cut = f"rút ngắn {_minutes(length - first)}, còn {_minutes(first)}, thì xong trước lịch kia"
                found.append(Option("shorten", cut, clock_time(self._bases[0], self._zone), duration_ms=first))
        slot = self._nearest()
        if slot is not None:
            found.append(self._moved("another_slot", slot))
        return [*found, *self._orders(clashing)]

    def _orders(self, clashing: Sequence[Heard]) -> list[Option]:
        """What the commune itself could put behind the draft, being of its class."""
        equals = {
            (one.because.entry.made, one.because.entry.title)
            for one in clashing
            if one.because is not None and one.because.entry.class_ == one.entry.class_ != "emergency"
        }
        return [
            Option("order", f"xã, phường có thể xếp bản tin này trước “{title}”", clashes_with=schedule)
            for schedule, title in sorted(equals)
        ]

    def _moved(self, kind: OptionKind, shift: int) -> Option:
        at = clock_time(self._bases[0] + shift, self._zone)
        said = {"after": f"phát sau, lúc {at}", "before": f"phát trước, lúc {at}"}
        return Option(kind, said.get(kind, f"phát lúc {at}, giờ trống ở mọi nơi nhận"), at, shift)

    def _nearest(self) -> int | None:
        """The free shift nearest to the draft's own time, in steps; the later one of two that are as near."""
        for steps in range(1, AROUND_MS // STEP_MS + 1):
            for shift in (steps * STEP_MS, -steps * STEP_MS):
                if self._is_free(shift):
                    return shift
        return None

    def _is_free(self, shift: int) -> bool:
        """So much later nobody would be disturbed anywhere, and the rules and the clock allow it."""
        return (
            -AROUND_MS <= shift <= AROUND_MS
            and self._bases[0] + shift > self._now
            and not any(begins < shift + self._length and shift < ends for begins, ends in self._taken)
        )

    @cached_property
    def _taken(self) -> list[tuple[int, int]]:
        """All that is busy or forbidden anywhere, as stretches that don't touch."""
        forbidden: set[tuple[int, int]] = set()
        for place in {self._places.book.of(alike[0]) for alike in self._places.alike}:
            for base in self._bases:
                since, until = base - AROUND_MS, base + self._length + AROUND_MS
                for class_ in self._classes:
                    found = place.forbidden(class_, since, until)
                    forbidden |= {(one.begins - base, one.ends - base) for one in found}
        return merged(self._places.busy | forbidden)


def _minutes(ms: int) -> str:
    minutes, seconds = divmod(round(ms / 1000), 60)
    return " ".join(
        said for said in (f"{minutes} phút" if minutes else "", f"{seconds} giây" if seconds else "") if said
    )
