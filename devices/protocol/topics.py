"""Topics below `tt/1/`. Identifiers in them are opaque ULIDs, never official codes."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

ROOT = "tt/1"

Down = Literal["plan", "command", "ack", "time"]
Up = Literal["hello", "status", "report", "plays", "time"]

DOWN_NAMES: tuple[Down, ...] = ("plan", "command", "ack", "time")
UP_NAMES: tuple[Up, ...] = ("hello", "status", "report", "plays", "time")

_UP = re.compile(rf"{ROOT}/rx/(?P<receiver>[0-9A-HJKMNP-TV-Z]{{26}})/up/(?P<name>hello|status|report|plays|time)")
_CONTENT = re.compile(rf"{ROOT}/content/(?P<sha256>[0-9a-f]{{64}})/(?P<chunk_bytes>\d{{1,8}})/(?P<n>\d{{1,6}})")

EVERY_UP = f"{ROOT}/rx/+/up/#"


class Chunk(NamedTuple):
    """The address of one chunk of an audio object."""

    sha256: str
    chunk_bytes: int
    n: int


def down(receiver: str, name: Down) -> str:
    return f"{ROOT}/rx/{receiver}/down/{name}"


def up(receiver: str, name: Up) -> str:
    return f"{ROOT}/rx/{receiver}/up/{name}"


def area_command(unit: str) -> str:
    return f"{ROOT}/area/{unit}/command"


def content(sha256: str, chunk_bytes: int, n: int) -> str:
    return f"{ROOT}/content/{sha256}/{chunk_bytes}/{n}"


def live(session: str) -> str:
    return f"{ROOT}/live/{session}"


def parse_up(topic: str) -> tuple[str, str] | None:
    """(receiver, name) of an upward topic; None if it is none."""
    match = _UP.fullmatch(topic)
    return (match["receiver"], match["name"]) if match else None


def parse_content(topic: str) -> Chunk | None:
    match = _CONTENT.fullmatch(topic)
    return Chunk(match["sha256"], int(match["chunk_bytes"]), int(match["n"])) if match else None


def audience(receiver: str) -> str:
    """The `aud` of a message for one receiver."""
    return f"rx/{receiver}"


def area_audience(unit: str) -> str:
    """The `aud` of a message for every receiver under a unit."""
    return f"area/{unit}"
