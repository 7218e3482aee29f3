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

# Retained: whoever subscribes is told how each receiver is. The others are shared out among processes.
_TOLD_TO_ALL: frozenset[Up] = frozenset({"status"})


class Chunk(NamedTuple):
    """The address of one chunk of an audio object."""

    sha256: str
    chunk_bytes: int
    n: int


def down(receiver: str, name: Down) -> str:
    return f"{ROOT}/rx/{receiver}/down/{name}"


def up(receiver: str, name: Up) -> str:
    return f"{ROOT}/rx/{receiver}/up/{name}"


def every_up(*, shared_by: str | None = None) -> list[str]:
    """Filters for all that receivers say; `shared_by`: a group of processes among which a broker shares it out.

    Statuses are retained, and a shared subscription is given nothing retained: every process has them all.
    """
    if shared_by is None:
        return [f"{ROOT}/rx/+/up/#"]
    return [
        f"{ROOT}/rx/+/up/{name}" if name in _TOLD_TO_ALL else f"$share/{shared_by}/{ROOT}/rx/+/up/{name}"
        for name in UP_NAMES
    ]


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
