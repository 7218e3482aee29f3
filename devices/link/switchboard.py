"""What a broker knows, without any network: sessions, subscriptions, retained messages, access rules.

The in-memory broker and the embedded broker are both made of it, so that they behave alike. It keeps what the
protocol relies on: wildcards, retained messages, sessions that outlive a connection (`clean=False`), QoS 1 with
redelivery of what was not acknowledged, last wills.

As at mosquitto, a forbidden publication goes nowhere and its sender isn't told; what a user may not read is not given
to it, whatever it subscribed to and whether it is retained or not; and a last will is held to the rules of the user
that left it. Unlike there, a client id belongs to its user: nobody can take over another user's session.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from devices import access
from devices.link.dispatch import matches

log = logging.getLogger(__name__)

# Kept for one session until it acknowledges; beyond either, the newest is lost (and logged).
QUEUED_MESSAGES_MAX = 10_000
QUEUED_BYTES_MAX = 67_108_864

May = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Publication:
    """A message on its way to one session. `again`: it was given before and not acknowledged."""

    topic: str
    payload: bytes
    qos: int
    retain: bool = False
    again: bool = False


class Outlet(Protocol):
    """The living end of a session: a link in memory, or a network connection."""

    @property
    def username(self) -> str: ...
    @property
    def client_id(self) -> str: ...
    @property
    def clean(self) -> bool: ...
    @property
    def will(self) -> tuple[str, bytes, int, bool] | None:
        """Topic, payload, QoS, retain."""
        ...

    def receive(self, number: int, publication: Publication) -> None:
        """Take a message; with QoS 1, `Switchboard.acknowledge(outlet, number)` later."""
        ...

    def displaced(self) -> None:
        """The session goes on at another connection of the same client; this one is over."""
        ...


@dataclass(slots=True, eq=False)
class Session:
    """What is kept of one client."""

    username: str
    clean: bool
    filters: dict[str, int] = field(default_factory=dict)
    unacknowledged: OrderedDict[int, Publication] = field(default_factory=OrderedDict)
    queued_bytes: int = 0
    lost: int = 0
    outlet: Outlet | None = None


class Switchboard:
    """Sessions and retained messages. `may_read` and `may_write` answer for (username, topic). Thread-safe."""

    def __init__(self, *, may_read: May = access.may_read, may_write: May = access.may_write) -> None:
        self.lock = threading.RLock()
        self.denied: OrderedDict[tuple[str, str], int] = OrderedDict()  # (username, topic) → forbidden publications
        self._may_read = may_read
        self._may_write = may_write
        self._sessions: dict[tuple[str, str], Session] = {}
        self._retained: dict[str, Publication] = {}
        self._filters = _Tree()
        self._last_number = 0

    @property
    def retained(self) -> dict[str, bytes]:
        """Topic and payload of every retained message."""
        with self.lock:
            return {topic: publication.payload for topic, publication in self._retained.items()}

    @property
    def connections(self) -> int:
        """How many sessions are connected."""
        with self.lock:
            return sum(session.outlet is not None for session in self._sessions.values())

    def forget(self) -> None:
        """Lose everything that was kept, as a broker without a disk does when it is restarted."""
        with self.lock:
            self._sessions.clear()
            self._retained.clear()
            self._filters = _Tree()

    def connect(self, outlet: Outlet) -> bool:
        """Begin a session, or take up one that was kept (True), giving again what was not acknowledged."""
        key = (outlet.username, outlet.client_id)
        with self.lock:
            session = self._sessions.get(key)
            if session is not None and session.outlet is not None:
                older = session.outlet
                self.disconnect(older, will=True)
                older.displaced()
                session = self._sessions.get(key)
            if session is not None and outlet.clean:
                self._end(key, session)
                session = None
            present = session is not None
            if session is None:
                session = self._sessions[key] = Session(outlet.username, outlet.clean)
            session.outlet, session.clean = outlet, outlet.clean
            for number, publication in session.unacknowledged.items():
                outlet.receive(number, publication)
            return present

    def disconnect(self, outlet: Outlet, *, will: bool) -> None:
        """The connection is over; `will`: without a goodbye, so its last will is published."""
        with self.lock:
            session = self._session(outlet)
            if session is None:
                return
            session.outlet = None
            if session.clean:
                self._end((outlet.username, outlet.client_id), session)
            else:
                session.unacknowledged = OrderedDict(
                    (number, replace(given, again=True)) for number, given in session.unacknowledged.items()
                )
            if will and outlet.will is not None:
                topic, payload, qos, retain = outlet.will
                self.publish(outlet.username, topic, payload, qos=qos, retain=retain)

    def subscribe(self, outlet: Outlet, topic_filter: str, qos: int) -> None:
        """Add a subscription and give the retained messages that match."""
        with self.lock:
            session = self._session(outlet)
            if session is None:
                return
            session.filters[topic_filter] = qos
            self._filters.add(topic_filter, session, qos)
            for publication in self._retained_for(topic_filter):
                self._give(session, publication, min(qos, publication.qos), retain=True)

    def unsubscribe(self, outlet: Outlet, topic_filter: str) -> None:
        with self.lock:
            session = self._session(outlet)
            if session is not None and session.filters.pop(topic_filter, None) is not None:
                self._filters.remove(topic_filter, session)

    def acknowledge(self, outlet: Outlet, number: int) -> None:
        with self.lock:
            session = self._session(outlet)
            if session is not None:
                publication = session.unacknowledged.pop(number, None)
                session.queued_bytes -= len(publication.payload) if publication else 0

    def publish(self, username: str, topic: str, payload: bytes, *, qos: int, retain: bool) -> bool:
        """Pass a message on to every session that wants and may have it; False if its sender may not publish it."""
        with self.lock:
            if "+" in topic or "#" in topic or not self._may_write(username, topic):
                self._deny(username, topic)
                return False
            if retain:
                self._retained.pop(topic, None)
                if payload:  # an empty one clears
                    self._retained[topic] = Publication(topic, payload, qos, retain=True)
            publication = Publication(topic, payload, qos)
            for session, granted in self._filters.match(topic).items():
                self._give(session, publication, min(qos, granted), retain=False)
            return True

    def _session(self, outlet: Outlet) -> Session | None:
        session = self._sessions.get((outlet.username, outlet.client_id))
        return session if session is not None and session.outlet is outlet else None

    def _end(self, key: tuple[str, str], session: Session) -> None:
        for topic_filter in session.filters:
            self._filters.remove(topic_filter, session)
        del self._sessions[key]

    def _retained_for(self, topic_filter: str) -> list[Publication]:
        if "+" not in topic_filter and "#" not in topic_filter:
            found = self._retained.get(topic_filter)
            return [found] if found else []
        # Cheap first: most retained messages are chunks of content, far from what is asked for.
        literal = topic_filter.split("+", 1)[0].split("#", 1)[0].removesuffix("/")
        return [
            held for topic, held in self._retained.items() if topic.startswith(literal) and matches(topic_filter, topic)
        ]

    def _give(self, session: Session, publication: Publication, qos: int, *, retain: bool) -> None:
        if not self._may_read(session.username, publication.topic):
            return
        given = Publication(publication.topic, publication.payload, qos, retain)
        self._last_number += 1
        if qos > 0:
            full = session.queued_bytes + len(given.payload) > QUEUED_BYTES_MAX and session.unacknowledged
            if full or len(session.unacknowledged) >= QUEUED_MESSAGES_MAX:
                session.lost += 1
                if session.lost == 1:
                    log.warning("A session's queue is full; messages are lost", extra={"username": session.username})
                return
            session.unacknowledged[self._last_number] = given
            session.queued_bytes += len(given.payload)
        if session.outlet is not None:
            session.outlet.receive(self._last_number, given)

    def _deny(self, username: str, topic: str) -> None:
        key = (username, topic)
        if key not in self.denied:
            log.warning("A publication was forbidden", extra={"username": username, "topic": topic})
            if len(self.denied) >= 1_000:
                self.denied.popitem(last=False)
        self.denied[key] = self.denied.get(key, 0) + 1


class _Tree:
    """Subscriptions by level of their filter, so that a message finds its sessions without trying every filter."""

    __slots__ = ("below", "sessions")

    def __init__(self) -> None:
        self.below: dict[str, _Tree] = {}
        self.sessions: dict[Session, int] = {}

    def add(self, topic_filter: str, session: Session, qos: int) -> None:
        node = self
        for level in topic_filter.split("/"):
            node = node.below.setdefault(level, _Tree())
        node.sessions[session] = qos

    def remove(self, topic_filter: str, session: Session) -> None:
        path: list[tuple[_Tree, str]] = []
        node = self
        for level in topic_filter.split("/"):
            if level not in node.below:
                return
            path.append((node, level))
            node = node.below[level]
        node.sessions.pop(session, None)
        for parent, level in reversed(path):
            child = parent.below[level]
            if child.sessions or child.below:
                return
            del parent.below[level]

    def match(self, topic: str) -> dict[Session, int]:
        """The sessions that want a topic, each once, with the highest QoS of its matching subscriptions."""
        found: dict[Session, int] = {}
        nodes = [self]
        for position, level in enumerate(topic.split("/")):
            # Wildcards don't reach the broker's own topics, which begin with "$".
            wild = position > 0 or not level.startswith("$")
            following: list[_Tree] = []
            for node in nodes:
                if wild:
                    _collect(found, node.below.get("#"))
                following.extend(node.below[key] for key in ((level, "+") if wild else (level,)) if key in node.below)
            nodes = following
        for node in nodes:
            _collect(found, node)
            _collect(found, node.below.get("#"))
        return found


def _collect(found: dict[Session, int], node: _Tree | None) -> None:
    if node is not None:
        for session, qos in node.sessions.items():
            found[session] = max(qos, found.get(session, 0))
