"""Files on their way in: the body of a request is the file itself, streamed, never whole in memory.

How far each is can be asked for while it goes on, as an hour's recording takes half a minute to check. It is this
process that knows; where several web processes run, the proxy has to bring both requests to the same one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from audio.recordings.errors import UploadBroken
from audio.recordings.originals import Incoming

Phase = Literal["receiving", "waiting", "checking"]


@dataclass(slots=True)
class Arrival:
    """A file that is coming in; `bytes_whole` None: the sender doesn't say. Changed only by who receives it."""

    of: str  # id of what it is for
    language: str
    speaker: str
    bytes_whole: int | None
    bytes: int = 0
    phase: Phase = "receiving"
    share: float = 0.0  # of the checks, 0 to 1


class Arrivals:
    """The files that are coming in through this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._going: list[Arrival] = []

    @contextmanager
    def told(self, arrival: Arrival) -> Iterator[Arrival]:
        """It is coming in for as long as the block lasts."""
        with self._lock:
            self._going.append(arrival)
        try:
            yield arrival
        finally:
            with self._lock:
                self._going = [one for one in self._going if one is not arrival]

    def of(self, identifier: str) -> list[Arrival]:
        """Copies of those for this, as they are now."""
        with self._lock:
            return [replace(one) for one in self._going if one.of == identifier]


def said_bytes(request: Request) -> int | None:
    """How much the sender says to send."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isdecimal() else None


async def receive(request: Request, incoming: Incoming, arrival: Arrival | None = None) -> None:
    """Take the whole body. Raises `UploadBroken` where less came than was said, and what `Incoming.write` raises."""
    try:
        async for block in request.stream():
            await run_in_threadpool(incoming.write, block)
            if arrival is not None:
                arrival.bytes = incoming.bytes
    except ClientDisconnect as error:
        raise UploadBroken from error
    if said_bytes(request) not in {None, incoming.bytes}:
        raise UploadBroken
