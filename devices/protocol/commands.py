"""Commands from the server, and the other signed messages that go down."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from devices.protocol.plan import BroadcastClass, DurationMs, Id, Item, Manifest, Percent, Seq, UnixMs
from devices.protocol.resolve import resolve

CommandName = Literal["play-now", "stop", "volume", "mute", "test-tone", "refresh", "restart", "rotate", "update"]
AREA_COMMANDS: frozenset[CommandName] = frozenset({"play-now", "stop", "mute"})


class Command(Struct, frozen=True, kw_only=True):
    """The body of a `command` message.

    An exact duplicate (same `id`) is answered again and never executed again. Members beyond `id` and `name`
    belong to the command that their comment names.
    """

    id: Id
    name: CommandName
    # play-now: what to play (programme items with their manifests), as which class
    airing: Id | None = None
    class_: BroadcastClass = field(name="class", default="ordinary")
    items: list[Item] = field(default_factory=list)
    objects: list[Manifest] = field(default_factory=list)
    drill: bool = False
    # stop: the airing or the earlier command to stop; both null: whatever sounds, and nothing that comes later.
    # A stop that names something works even if it comes first.
    stops_airing: Id | None = None
    stops_command: Id | None = None
    # volume, and play-now where it differs from the plan's
    volume: Percent | None = None
    # mute: silent until then (0: no longer); emergencies still sound
    until: UnixMs | None = None
    # test-tone
    duration_ms: DurationMs | None = None
    # rotate: certified online keys, each a JWS signed by the root
    keys: list[str] = field(default_factory=list)
    # update: a release, as a JWS of its own; its object's manifest is in it
    release: Annotated[str, Meta(max_length=200_000)] = ""
    reason: Annotated[str, Meta(max_length=500)] = ""


class Ack(Struct, frozen=True, kw_only=True):
    """The body of an `ack`: of the outbox `log`, all of 1…`through` are committed.

    `resend_from` asks for records again from that number on, though acknowledged.
    """

    log: Id
    through: Seq
    resend_from: Seq | None = None


class TimeRequest(Struct, frozen=True, kw_only=True):
    """What a receiver publishes on `up/time`, unsigned."""

    nonce: Annotated[str, Meta(min_length=16, max_length=64)]


class TimeAnswer(Struct, frozen=True, kw_only=True):
    """The body of a `time` message: when the request came and when this answer left, by the server's clock."""

    nonce: Annotated[str, Meta(min_length=16, max_length=64)]
    received: UnixMs
    sent: UnixMs


resolve(Command, Ack, TimeRequest, TimeAnswer)
