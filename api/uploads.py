"""Files on their way in: the body of a request is the file itself, streamed, never whole in memory."""

from __future__ import annotations

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from audio.recordings.errors import UploadBroken
from audio.recordings.originals import Incoming


async def receive(request: Request, incoming: Incoming) -> None:
    """Take the whole body. Raises `UploadBroken` where less came than was said, and what `Incoming.write` raises."""
    try:
        async for block in request.stream():
            await run_in_threadpool(incoming.write, block)
    except ClientDisconnect as error:
        raise UploadBroken from error
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) != incoming.bytes:
        raise UploadBroken
