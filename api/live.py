"""Telling open pages that something changed, by server-sent events.

1. One thread a process looks at the database every `LOOK_S` seconds, as long as anyone listens, and reduces what a
   page shows to a short fingerprint: the newest events, the states of the playouts around now, who is online.
2. When the fingerprint differs from the last, every listener is told; what changed, the page asks for itself.
   So a listener that missed something is right again with the next word, and nothing has to be replayed.
3. A stream ends after `LIFE_S`: the browser comes again by itself, and is asked anew who it is.

A slow browser holds nobody up: a listener has one place for news, and what is told twice is the same news.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.context import Context
from broadcast.tables import CommandAnswer, IssuedCommand, Playout
from core.clock import to_ms
from core.events import Event
from devices.tables import Receiver
from schedules.tables import Airing

log = logging.getLogger(__name__)

LOOK_S = 0.25
LIFE_S = 300.0
HEARTBEAT_S = 15.0  # so that proxies and phones keep the connection, and we notice when it is gone
BEFORE = timedelta(minutes=31)  # a playout that will start so soon is looked at…
AFTER = timedelta(hours=6)  # …and one that began no longer ago
EVENTS_COUNTED = 500  # events get their number before they are committed: the newest number alone could hide one


def fingerprint(session: Session, context: Context) -> str:
    """A short text that differs when anything on the page of the day does, presence by the minute left out."""
    now = context.clock.now()
    newest = session.scalar(select(func.max(Event.seq))) or 0
    events = session.scalar(select(func.count(Event.seq)).where(Event.seq > newest - EVENTS_COUNTED))
    airings = select(Airing.id).where(
        Airing.status.in_(("scheduled", "closed", "cancelled")),
        Airing.starts_at > now - AFTER,
        Airing.starts_at < now + BEFORE,
    )
    playouts = session.execute(
        select(Playout.state, func.count(), func.max(Playout.updated_at))
        .where(Playout.airing_id.in_(airings))
        .group_by(Playout.state)
        .order_by(Playout.state)
    ).all()
    presence = session.execute(
        select(Receiver.status, Receiver.online, func.count())
        .group_by(Receiver.status, Receiver.online)
        .order_by(Receiver.status, Receiver.online)
    ).all()
    stops = session.execute(
        select(func.count(), func.max(IssuedCommand.published_at)).where(IssuedCommand.airing_id.in_(airings))
    ).all()
    answers = session.scalar(
        select(func.count(CommandAnswer.receiver_id))
        .join(IssuedCommand, IssuedCommand.id == CommandAnswer.command_id)
        .where(IssuedCommand.airing_id.in_(airings))
    )
    told: list[Any] = [newest, events, playouts, presence, stops, answers]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


class Live:
    """Looks at the database for all listeners of this process. `close` may be called from any thread, and again."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.Queue[str | None], asyncio.AbstractEventLoop] = {}
        self._wanted = threading.Event()  # someone listens, or it is over
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._last = ""

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def close(self) -> None:
        """End every stream and the looking; a server that waits for its connections can end then."""
        self._closed.set()
        self._wanted.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self._tell(None)  # last, so that no news of a look under way takes its place

    async def stream(self) -> AsyncIterator[bytes]:
        """The events of one listener, from now on; the first says how things stand."""
        loop = asyncio.get_running_loop()
        news: asyncio.Queue[str | None] = asyncio.Queue(maxsize=1)
        self._add(news, loop)
        try:
            yield b"retry: 1000\n\n"
            until = loop.time() + LIFE_S
            while (left := until - loop.time()) > 0:
                try:
                    print_ = await asyncio.wait_for(news.get(), min(HEARTBEAT_S, left))
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if print_ is None:
                    return
                facts = {"at": to_ms(self._context.clock.now())}
                yield f"event: change\nid: {print_}\ndata: {json.dumps(facts)}\n\n".encode()
        finally:
            self._remove(news)

    def _add(self, news: asyncio.Queue[str | None], loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._listeners[news] = loop
            if self._closed.is_set():
                news.put_nowait(None)
                return
            if self._last:
                news.put_nowait(self._last)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live", daemon=True)
                self._thread.start()
            self._wanted.set()

    def _remove(self, news: asyncio.Queue[str | None]) -> None:
        with self._lock:
            self._listeners.pop(news, None)
            if not self._listeners and not self._closed.is_set():
                self._wanted.clear()
                self._last = ""  # what happens while nobody listens must not be told as if it were known

    def _run(self) -> None:
        while self._wanted.wait() and not self._closed.wait(LOOK_S):
            try:
                with self._context.db.reading() as session:
                    seen = fingerprint(session, self._context)
            except SQLAlchemyError:
                log.warning("live: the database did not answer", exc_info=True)
                self._closed.wait(2.0)
                continue
            if seen != self._last:
                self._last = seen
                self._tell(seen)

    def _tell(self, word: str | None) -> None:
        with self._lock:
            listeners = list(self._listeners.items())
        for news, loop in listeners:
            try:
                loop.call_soon_threadsafe(_replace, news, word)
            except RuntimeError:  # its loop has ended; it will never ask again
                self._remove(news)


def _replace(news: asyncio.Queue[str | None], word: str | None) -> None:
    while not news.empty():
        news.get_nowait()
    news.put_nowait(word)
