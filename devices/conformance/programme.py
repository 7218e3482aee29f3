"""The plan under way: one document that holds what all checks ask for, issued anew whenever one of them adds to it.

A receiver plays one thing at a time, so it has one timeline: each check takes a stretch of its own, with air between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from core.ids import new_id
from devices.conformance.desk import Desk
from devices.conformance.sounds import Sound
from devices.protocol.plan import Item, PlanAiring

LEAD_MS = 2_000  # from now to a first start: the sounds are there, a new plan has to arrive
GAP_MS = 400
VOLUME = 60
CAPS = {"volume": 70, "item_ms": 1_600, "airing_ms": 10_000, "day_ms": 3_600_000, "emergency_ms": 5_000}


class Programme:
    """What the plan says; `flush` issues it where it has changed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.unit, self.area = new_id(), new_id()
        self.airings: dict[str, PlanAiring] = {}
        self.quiet: list[dict[str, int]] = []
        self.keys: list[str] = []
        self.revocations: str | None = None
        self.sounds: dict[str, Sound] = {}
        self.revision = 0
        self.token = b""
        self.issued: list[int] = []
        self._free_from = 0
        self._dirty = False

    def know(self, *sounds: Sound) -> None:
        """Name these in the plan's manifests from now on."""
        self.sounds |= {sound.sha256: sound for sound in sounds}

    def stretch(self, length_ms: int, *, lead_ms: int = LEAD_MS) -> int:
        """The next free stretch of the timeline: the Unix millisecond at which it begins."""
        start = max(self._desk.now_ms() + lead_ms, self._free_from)
        self._free_from = start + length_ms + GAP_MS
        return start

    @property
    def free_from(self) -> int:
        return self._free_from

    def air(self, sounds: Sequence[Sound], *, at_ms: int | None = None, **members: Any) -> PlanAiring:
        """An airing of these; without `at_ms` at the next free stretch of the timeline."""
        length = sum(sound.duration_ms for sound in sounds)
        start = self.stretch(length) if at_ms is None else at_ms
        items: list[Item] = members.pop("items", None) or [sound.item() for sound in sounds]
        members = {"ends_at": start + length, **members}
        made = PlanAiring(airing=new_id(), starts_at=start, items=items, **members)
        self.airings[made.airing] = made
        self.know(*sounds)
        self._dirty = True
        return made

    def drop(self, airing: PlanAiring) -> None:
        del self.airings[airing.airing]
        self._dirty = True

    def change(self, **members: Any) -> None:
        for name, value in members.items():
            setattr(self, name, value)
        self._dirty = True

    def body(self, **members: Any) -> dict[str, Any]:
        """A plan as it should be now. It also has a member that nobody knows, at each level: such are ignored."""
        now = self._desk.now_ms()
        airings: list[dict[str, Any]] = [msgspec.to_builtins(one) for one in self.airings.values()]
        for one in airings:
            one["x-kit"] = True
        return {
            "receiver": self._desk.receiver,
            "revision": self._desk.next_seq(self.revision),
            "protocol": 1,
            "valid_from": now - 60_000,
            "valid_until": now + 3_600_000,
            "unit": self.unit,
            "airings": airings,
            "objects": [msgspec.to_builtins(sound.manifest) for sound in self.sounds.values()],
            "areas": [{"unit": self.area, "from": 0, "until": None}],
            "quiet": self.quiet,
            "caps": CAPS,
            "volume": VOLUME,
            "keys": self.keys,
            "revocations": self.revocations,
            "x-kit": {"ignored": True},
            **members,
        }

    def issue(self, **members: Any) -> int:
        """Sign and publish the plan as it is now; its revision."""
        body = self.body(**members)
        self.revision = body["revision"]
        self.token = self._desk.signed("plan", body, seq=self.revision)
        self.issued.append(self.revision)
        self._desk.put("plan", self.token, retain=True)
        self._dirty = False
        return self.revision

    def flush(self) -> None:
        if self._dirty:
            self.issue()
