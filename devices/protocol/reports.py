"""What receivers say: hello, status, reports, and play records."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from devices.protocol.plan import DurationMs, Id, Percent, Seq, Sha256, UnixMs
from devices.protocol.resolve import resolve

Outcome = Literal["finished", "partial", "missed", "refused"]
ClockSource = Literal["untrusted", "signed", "ntp", "rtc"]
Text = Annotated[str, Meta(max_length=500)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]

MATCH_LEAST = 0.14  # from here on `heard_match` says that what was played was heard


class ClockFacts(Struct, frozen=True, kw_only=True):
    """Which clock was used and how far off it may be."""

    source: ClockSource = "untrusted"
    error_ms: float | None = None


class Cache(Struct, frozen=True, kw_only=True):
    objects: int = 0
    bytes: int = 0
    free_bytes: int | None = None


class Hello(Struct, frozen=True, kw_only=True):
    """Sent at each connection, unsigned: what the receiver is and which plan it holds (0: none)."""

    revision: Seq
    software: Text
    boot: Id
    protocols: list[int] = field(default_factory=lambda: [1])
    capabilities: list[str] = field(default_factory=list)
    machine: Text = ""
    cache: Cache = Cache()
    clock: ClockFacts = ClockFacts()


class Status(Struct, frozen=True, kw_only=True):
    """Retained; `online: false` is the last will."""

    online: bool
    at: UnixMs | None = None
    playing: Id | None = None
    item: Id | None = None
    volume: Percent | None = None
    muted_until: UnixMs | None = None
    temperature_c: float | None = None
    free_bytes: int | None = None
    signal_dbm: float | None = None
    clock: ClockFacts | None = None


class PlanAccepted(Struct, frozen=True, kw_only=True, tag="plan-accepted", tag_field="kind"):
    revision: Seq


class PlanRefused(Struct, frozen=True, kw_only=True, tag="plan-refused", tag_field="kind"):
    reason: Text
    revision: Seq | None = None


class Ready(Struct, frozen=True, kw_only=True, tag="ready", tag_field="kind"):
    """These objects are complete and checked on the receiver."""

    sha256: list[Sha256]


class CommandResult(Struct, frozen=True, kw_only=True, tag="command", tag_field="kind"):
    id: Id
    result: Literal["accepted", "refused"]
    reason: Text = ""


class Want(Struct, frozen=True, kw_only=True, tag="want", tag_field="kind"):
    """Chunk `n` of this object didn't come or didn't match; publish it again."""

    sha256: Sha256
    n: Annotated[int, Meta(ge=0, le=262_143)]


class Refusal(Struct, frozen=True, kw_only=True, tag="refusal", tag_field="kind"):
    """A message that was not obeyed: forged, replayed, stale, for another."""

    topic: Text
    reason: Text


class Alarm(Struct, frozen=True, kw_only=True, tag="alarm", tag_field="kind"):
    """Something about the receiver itself that a person should know."""

    name: Text
    detail: Text = ""


Report = PlanAccepted | PlanRefused | Ready | CommandResult | Want | Refusal | Alarm


class PlayRecord(Struct, frozen=True, kw_only=True):
    """What happened to one item of one airing, as the receiver's evidence carries it.

    `prev` is the SHA-256 of the RFC 8785 bytes of the record before in the same log (64 zeros for the first).
    `output_dbfs` is the level that left the sound card, `heard_dbfs` what a loopback or microphone caught.
    `heard_match` is how alike the two are (0 to 1), `heard_lag_ms` how much later it was heard than played; both are
    left out where nothing listens.
    """

    log: Id
    seq: Annotated[int, Meta(ge=1, le=9_007_199_254_740_991)]
    airing: Id
    item: Id
    prev: Sha256
    outcome: Outcome
    planned_at: UnixMs
    plan_revision: Seq
    clock: ClockFacts
    sha256: Sha256 | None = None
    started_at: UnixMs | None = None
    ended_at: UnixMs | None = None
    played_ms: DurationMs = 0
    reason: Text = ""
    volume: Percent | None = None
    output_dbfs: float | None = None
    heard_dbfs: float | None = None
    heard_match: Share | UnsetType = UNSET
    heard_lag_ms: Annotated[int, Meta(ge=-60_000, le=60_000)] | UnsetType = UNSET
    command: Id | None = None


class Plays(Struct, frozen=True, kw_only=True):
    """The body of a `plays` message: consecutive records of one log."""

    records: Annotated[list[PlayRecord], Meta(min_length=1, max_length=500)]


resolve(Hello, Status, Report, PlayRecord, Plays)
