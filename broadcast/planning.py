"""Composing a receiver's plan: plain data in, the plan's body out. Nothing here knows a database or a clock.

What overlaps in the timetable has been settled before (`broadcast.settling`): the airings that come in are at the times
at which they sound at this receiver, so that no two of a plan do at once. Their order in a plan is fixed: by class
(emergency, priority, ordinary), then by start, then by id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import msgspec
from msgspec.structs import replace

from core.profiles import Profile
from devices.protocol.plan import (
    Area,
    BroadcastClass,
    Caps,
    Interval,
    Item,
    Manifest,
    Pinned,
    Plan,
    PlanAiring,
    Relay,
    VolumeStep,
)
from schedules.rules import Place
from schedules.targets import Reach

RANK: dict[BroadcastClass, int] = {"emergency": 0, "priority": 1, "ordinary": 2}


@dataclass(frozen=True, slots=True)
class ReceiverFacts:
    """The receiver and where it stands: `path` is its unit and all above it, nearest first.

    `ahead` are the paths that it will have later, each with the instant (Unix ms) from which on. `profile` is that of
    the sounds that it plays.
    """

    id: str
    path: tuple[str, ...]
    ahead: tuple[tuple[int, tuple[str, ...]], ...] = ()
    profile: Profile = "full"
    communes: frozenset[str] = frozenset()  # those among all of these

    def commune_at(self, at: int) -> str | None:
        """The commune that it stands in at an instant (Unix ms)."""
        return next((unit for unit in self.path_at(at) if unit in self.communes), None)

    @property
    def communes_ahead(self) -> tuple[tuple[int, str | None], ...]:
        """The communes that it stands in, each with the instant from which on."""
        paths = ((0, self.path), *self.ahead)
        return tuple((since, next((unit for unit in path if unit in self.communes), None)) for since, path in paths)

    @property
    def unit_id(self) -> str:
        return self.path[0]

    def path_at(self, at: int) -> tuple[str, ...]:
        """The path at an instant (Unix ms)."""
        path = self.path
        for since, later in self.ahead:
            if since <= at:
                path = later
        return path

    @property
    def areas(self) -> list[Area]:
        """The units whose area commands it obeys, each in its time."""
        return list(_areas(self.path, self.ahead))


@lru_cache(maxsize=4_096)
def _areas(path: tuple[str, ...], ahead: tuple[tuple[int, tuple[str, ...]], ...]) -> tuple[Area, ...]:
    ends = {unit: since for since, later in reversed(ahead) for unit in path if unit not in later}
    held = [Area(unit=unit, until=ends.get(unit)) for unit in path]
    for number, (since, later) in enumerate(ahead):
        before = ahead[number - 1][1] if number else path
        until = ahead[number + 1][0] if number + 1 < len(ahead) else None
        held += [Area(unit=unit, from_=since, until=until) for unit in later if unit not in before]
    return tuple(held)


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """One item with its sounds: `sha256` is the full-range one. An item of before, bound when sounds were made in one
    profile, has no other, and receivers of either profile play that. With a `source` it is a relay, and the sounds are
    what is played where that can't be had; empty: nothing.
    """

    id: str
    sha256: str
    duration_ms: int
    horn_sha256: str | None = None
    source: str | None = None

    def sound(self, profile: Profile) -> str:
        """The sound that a receiver of this profile plays."""
        return self.horn_sha256 if profile == "horn" and self.horn_sha256 else self.sha256

    @property
    def sounds(self) -> set[str]:
        """All its sounds, any of which is what was approved."""
        return {self.sha256, self.horn_sha256 or self.sha256}

    @property
    def needs_audio(self) -> bool:
        return self.source is None or bool(self.sha256)


@dataclass(frozen=True, slots=True)
class Owner:
    """The unit that a schedule belongs to, and the commune that it is or is in; None: it stands above the communes."""

    unit_id: str
    commune: str | None
    level: int  # the higher it stands, the greater


@dataclass(frozen=True, slots=True)
class AiringFacts:
    """One airing as the timetable has it, or as it sounds at one receiver. Times in Unix ms."""

    id: str
    starts_at: int
    duration_ms: int
    reach: Reach  # whom it is for, on the date of its start
    items: tuple[ItemFacts, ...]
    class_: BroadcastClass = "ordinary"
    title: str = ""
    replaces: str | None = None
    schedule_id: str = ""
    slot_id: str = ""  # of a session: which part of it this is
    place_id: str = ""  # the commune that fills this part for itself
    original_start: int = 0
    due_at: int = 0  # what the timetable would have it start at, had no hand and no local day moved it alone
    own_programme: bool = False  # a hand chose it for this occurrence alone
    owner: Owner | None = None
    campaigns: frozenset[str | None] = frozenset()  # of its bulletins; None among them: one that is of no campaign
    bulletins: frozenset[str] = frozenset()
    relay: bool = False
    hard_end: bool = False
    latest_end: int | None = None  # moved, it must be over by then

    @property
    def ends_at(self) -> int:
        return self.starts_at + self.duration_ms


@dataclass(frozen=True, slots=True)
class Rules:
    """What limits a receiver, already turned into UTC. `label` is how people call the set."""

    label: str = "không có giờ yên tĩnh"
    quiet: tuple[Interval, ...] = ()
    caps: Caps = field(default_factory=Caps)
    volume: int = 80
    volume_curve: tuple[VolumeStep, ...] = ()
    pinned: tuple[Pinned, ...] = ()
    stagger_ms: int = 0
    place: Place | None = None  # whose rules these are


NO_QUIET_HOURS = Rules()


def concerns(airing: AiringFacts, receiver: ReceiverFacts) -> bool:
    """The receiver is among the airing's targets, as they and the receiver's unit stand when it airs."""
    return airing.reach.holds(receiver.id, receiver.path_at(airing.starts_at))


def highest(classes: Iterable[BroadcastClass]) -> BroadcastClass:
    """A programme has the strongest class among its items; without any it is ordinary."""
    return min(classes, key=RANK.__getitem__, default="ordinary")


def left_out(airings: Iterable[AiringFacts], manifests: Mapping[str, Manifest], profile: Profile) -> set[str]:
    """Ids of airings that no plan of this profile can hold: without items, or with one whose audio isn't there."""
    return {
        airing.id
        for airing in airings
        if not airing.items or any(item.sound(profile) not in manifests for item in airing.items if item.needs_audio)
    }


def compose(
    receiver: ReceiverFacts,
    airings: Sequence[AiringFacts],
    manifests: Mapping[str, Manifest],
    *,
    valid_from: int,
    valid_until: int,
    rules: Rules = NO_QUIET_HOURS,
    keys: Sequence[str] = (),
    revocations: str | None = None,
    revision: int = 0,
) -> Plan:
    """The plan of one receiver between two instants (Unix ms).

    It holds each airing that concerns the receiver, has not ended at `valid_from` and begins before `valid_until`.
    Airings that `left_out` names are not in it. What is on air already began under the plan before; so that this one
    covers it too, it is valid from that start. The same facts in any order give the same plan.
    """
    unplayable = left_out(airings, manifests, receiver.profile)
    held = sorted(
        (
            airing
            for airing in airings
            if airing.id not in unplayable
            and airing.ends_at > valid_from
            and airing.starts_at < valid_until
            and concerns(airing, receiver)
        ),
        key=lambda airing: (RANK[airing.class_], airing.starts_at, airing.id),
    )
    needed = {item.sound(receiver.profile) for airing in held for item in airing.items if item.needs_audio}
    needed |= {pin.sha256 for pin in rules.pinned}
    return Plan(
        receiver=receiver.id,
        revision=revision,
        valid_from=min([valid_from, *(airing.starts_at for airing in held)]),
        valid_until=valid_until,
        unit=receiver.unit_id,
        airings=[_planned(airing, receiver.profile) for airing in held],
        objects=[manifests[sha256] for sha256 in sorted(needed) if sha256 in manifests],
        areas=receiver.areas,
        quiet=sorted(rules.quiet, key=lambda interval: (interval.from_, interval.until)),
        caps=rules.caps,
        volume=rules.volume,
        volume_curve=sorted(rules.volume_curve, key=lambda step: step.at),
        pinned=list(rules.pinned),
        stagger_ms=rules.stagger_ms,
        keys=sorted(keys),
        revocations=revocations,
    )


def digest(plan: Plan) -> str:
    """SHA-256 of what the plan says, without its revision and validity: has anything changed?"""
    bare = replace(plan, revision=0, valid_from=0, valid_until=0)
    return hashlib.sha256(msgspec.json.encode(bare)).hexdigest()


def numbered(plan: Plan, revision: int) -> Plan:
    """The same plan under its revision."""
    return replace(plan, revision=revision)


def _planned(airing: AiringFacts, profile: Profile) -> PlanAiring:
    return PlanAiring(
        airing=airing.id,
        starts_at=airing.starts_at,
        ends_at=airing.ends_at,
        items=[_item(item, airing.ends_at, profile) for item in airing.items],
        class_=airing.class_,
        title=airing.title,
        replaces=airing.replaces,
    )


def _item(item: ItemFacts, ends_at: int, profile: Profile) -> Item:
    sound = item.sound(profile)
    if item.source is None:
        return Item(item=item.id, duration_ms=item.duration_ms, sha256=sound)
    fallback: Literal["object", "silence"] = "object" if sound else "silence"
    relay = Relay(source=item.source, ends_at=ends_at, fallback=fallback, fallback_sha256=sound or None)
    return Item(item=item.id, duration_ms=item.duration_ms, relay=relay)
