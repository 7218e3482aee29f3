"""Cutting the connection of a box that is no longer believed.

mosquitto reads its list of revoked certificates again at SIGHUP, but leaves a connection alone that it let in before
(seen in 2.0.11). So the server takes the receiver's client id for a moment: a broker gives a client id to whoever came
last, and cuts the other. On the listener of receivers the client id is what the certificate says, so the right one is
cut whatever the box calls itself. It may come back until the broker has read the list, so this is done three times.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import Clock
from devices.link import Link
from devices.tables import ReceiverKey

AFTER_S = (0.0, 3.0, 10.0)
RECENT = timedelta(minutes=5)  # what ended before this process began is looked at so far back
CONNECT_S = 3.0


def ended(session: Session, now: datetime) -> list[tuple[str, datetime]]:
    """(receiver, since when) of the keys that stopped to count a short while ago."""
    found = select(ReceiverKey.receiver_id, ReceiverKey.until_at).where(ReceiverKey.until_at > now - RECENT)
    return [(row.receiver_id, row.until_at) for row in session.execute(found)]


class Evictions:
    """`link` makes a link of the server's under a client id; it is not started yet. Used by one thread."""

    def __init__(self, link: Callable[[str], Link], clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._known: set[tuple[str, datetime]] = set()
        self._due: list[tuple[float, str]] = []

    def look(self, found: Iterable[tuple[str, datetime]]) -> list[str]:
        """Cut whoever it is time for; who that was."""
        found, now = set(found), self._clock.monotonic()
        for receiver, _ in found - self._known:
            self._due += [(now + after, receiver) for after in AFTER_S]
        self._known = found
        cut = sorted({receiver for at, receiver in self._due if at <= now})
        self._due = [(at, receiver) for at, receiver in self._due if at > now]
        self._cut(cut)
        return cut

    def _cut(self, receivers: list[str]) -> None:
        links = []
        for receiver in receivers:
            link, there = self._link(receiver), threading.Event()
            link.on_connect(there.set)
            link.start()
            links.append((link, there))
        for link, there in links:
            there.wait(CONNECT_S)
            link.stop()
