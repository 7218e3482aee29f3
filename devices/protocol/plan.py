"""The plan: one signed document for one receiver, all that it plays in the next hours.

It carries what the receiver needs to act alone: absolute UTC starts, the manifest of every audio object,
quiet periods as UTC intervals, caps, volumes, and the areas whose commands it obeys.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from devices.protocol.resolve import resolve

UnixMs = Annotated[int, Meta(ge=0, le=9_007_199_254_740_991)]
DurationMs = Annotated[int, Meta(ge=0, le=604_800_000)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]  # the length: "$" lets a line end follow
Id = Annotated[str, Meta(pattern="^[0-9A-HJKMNP-TV-Z]{26}$", max_length=26)]
Seq = Annotated[int, Meta(ge=0, le=9_007_199_254_740_991)]

BroadcastClass = Literal["emergency", "priority", "ordinary"]
PROTOCOL = 1
CHUNK_BYTES = 65_536


class Interval(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`from` ≤ t < `until`."""

    from_: UnixMs
    until: UnixMs


class Manifest(Struct, frozen=True, kw_only=True):
    """One audio object: what its bytes must hash to, whole and chunk by chunk, and where else it can be had."""

    sha256: Sha256
    bytes: Annotated[int, Meta(ge=1, le=268_435_456)]
    chunk_sha256: list[Sha256]
    chunk_bytes: Annotated[int, Meta(ge=1_024, le=1_048_576)] = CHUNK_BYTES
    urls: list[str] = field(default_factory=list)


class Relay(Struct, frozen=True, kw_only=True):
    """A slot fed from a pinned source, within a window with a hard end."""

    source: str
    ends_at: UnixMs
    fallback: Literal["silence", "object"] = "silence"
    fallback_sha256: Sha256 | None = None


class Item(Struct, frozen=True, kw_only=True):
    """One item of a programme: an audio object, or a relay. Items of an airing are played gaplessly in order."""

    item: Id
    duration_ms: DurationMs
    sha256: Sha256 | None = None
    relay: Relay | None = None


class PlanAiring(Struct, frozen=True, kw_only=True):
    """One programme at one instant.

    `ends_at` is a hard end (with a fade); `preempted` says what becomes of the rest when something stronger
    cuts in; `replaces` names the airing that this one stands for.
    """

    airing: Id
    starts_at: UnixMs
    ends_at: UnixMs
    items: list[Item]
    class_: BroadcastClass = field(name="class", default="ordinary")
    title: str = ""
    volume: Percent | None = None
    preempted: Literal["resume", "drop"] = "drop"
    replaces: Id | None = None
    drill: bool = False


class Area(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A unit whose area commands the receiver obeys, from (inclusive) until (exclusive; null: open)."""

    unit: Id
    from_: UnixMs = 0
    until: UnixMs | None = None


class Caps(Struct, frozen=True, kw_only=True):
    """Limits that the receiver holds whatever it is told."""

    volume: Percent = 100
    item_ms: DurationMs = 3_600_000
    airing_ms: DurationMs = 7_200_000
    day_ms: DurationMs = 86_400_000
    emergency_ms: DurationMs = 600_000


class VolumeStep(Struct, frozen=True, kw_only=True):
    """From this instant on, this volume."""

    at: UnixMs
    volume: Percent


class Pinned(Struct, frozen=True, kw_only=True):
    """Audio kept whatever else must go: the site's standing emergency messages and their cancellation."""

    sha256: Sha256
    name: str = ""


class Plan(Struct, frozen=True, kw_only=True):
    """The body of a `plan` message. Its revision is the `seq` of the message."""

    receiver: Id
    revision: Seq
    valid_from: UnixMs
    valid_until: UnixMs
    unit: Id
    airings: list[PlanAiring] = field(default_factory=list)
    objects: list[Manifest] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    quiet: list[Interval] = field(default_factory=list)
    caps: Caps = Caps()
    volume: Percent = 80
    volume_curve: list[VolumeStep] = field(default_factory=list)
    pinned: list[Pinned] = field(default_factory=list)
    stagger_ms: DurationMs = 0
    keys: list[str] = field(default_factory=list)
    revocations: str | None = None
    protocol: int = PROTOCOL


resolve(Plan)
