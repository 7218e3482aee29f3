"""A broker and its links in memory: for tests, and for anything that needs no network.

It keeps what the protocol relies on: retained messages, wildcards, sessions that outlive a connection (`clean=False`),
QoS 1 with redelivery of what was not acknowledged, last wills, the contract's access rules. As at mosquitto, a
forbidden publication is acknowledged and goes nowhere.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from devices import access
from devices.link.contract import Delivery, Handler
from devices.link.dispatch import Dispatcher, Subscriptions, deliver, matches

log = logging.getLogger(__name__)

QUEUED_MAX = 200_000  # messages kept for one absent session, as our mosquitto.conf says
OFFLINE_MAX = 10_000  # publications kept in a link without a connection

May = Callable[[str, str], bool]


@dataclass(slots=True)
class _Publication:
    topic: str
    payload: bytes
    qos: int
    retain: bool = False


@dataclass(slots=True)
class _Session:
    """What the broker keeps of one client: its subscriptions, and what it has not acknowledged, in order."""

    username: str
    clean: bool
    filters: dict[str, int] = field(default_factory=dict)
    unacknowledged: OrderedDict[int, _Publication] = field(default_factory=OrderedDict)
    link: MemoryLink | None = None


class MemoryBroker:
    """Sessions and retained messages. `may_read` and `may_write` answer for (username, topic)."""

    def __init__(self, *, may_read: May = access.may_read, may_write: May = access.may_write) -> None:
        self._lock = threading.RLock()
        self._may_read = may_read
        self._may_write = may_write
        self._sessions: dict[str, _Session] = {}
        self._retained: dict[str, _Publication] = {}
        self._links: list[MemoryLink] = []
        self._numbers = itertools.count(1)
        self._up = True
        self._outstanding = 0  # pieces of work handed to the links' dispatchers and not done
        self._outstanding_changed = threading.Condition()
        self.denied: list[tuple[str, str]] = []  # (username, topic) of publications that the rules forbade

    def link(
        self,
        username: str,
        *,
        client_id: str | None = None,
        will: tuple[str, bytes] | None = None,
        manual_ack: bool = False,
        clean: bool = False,
    ) -> MemoryLink:
        """A link to this broker; `start()` connects it. `will` is published, retained, when it is dropped."""
        made = MemoryLink(self, username, client_id or username, will=will, manual_ack=manual_ack, clean=clean)
        with self._lock:
            self._links.append(made)
        return made

    @property
    def retained(self) -> dict[str, bytes]:
        """Topic and payload of every retained message."""
        with self._lock:
            return {topic: publication.payload for topic, publication in self._retained.items()}

    def down(self, *, forget: bool = False) -> None:
        """The broker goes away: every link loses its connection. `forget`: it kept nothing on disk."""
        with self._lock:
            self._up = False
            for link in self._links:
                self._cut(link)
            if forget:
                self._sessions.clear()
                self._retained.clear()

    def up(self) -> None:
        """The broker is back, and so are the links that were started."""
        with self._lock:
            self._up = True
            for link in self._links:
                link.try_connecting()

    def settle(self, timeout_s: float = 5.0) -> bool:
        """Wait until nothing that was published is still to be handled, nor being so; False when time ran out."""
        with self._outstanding_changed:
            return self._outstanding_changed.wait_for(lambda: self._outstanding == 0, timeout_s)

    # What links call, each on its own thread.

    def connect(self, link: MemoryLink, filters: list[tuple[str, int]]) -> bool:
        """Take up or begin the session of a link; False while the broker is down."""
        with self._lock:
            if not self._up:
                return False
            session = self._sessions.get(link.client_id)
            if session is not None and session.link is not None and session.link is not link:
                session.link.drop()  # one connection a client id, as MQTT has it: the newer one wins
            if session is None or link.clean or session.clean:
                session = self._sessions[link.client_id] = _Session(link.username, link.clean)
            session.link, session.clean = link, link.clean
            for number, publication in session.unacknowledged.items():
                link.receive(number, publication)
            for topic_filter, qos in filters:
                self.subscribe(link, topic_filter, qos)
            return True

    def count(self, change: int) -> None:
        """Work was handed to a dispatcher (+1), or is done with."""
        with self._outstanding_changed:
            self._outstanding += change
            if self._outstanding == 0:
                self._outstanding_changed.notify_all()

    def disconnect(self, link: MemoryLink, *, will: bool) -> None:
        with self._lock:
            self._cut(link, will=will)

    def subscribe(self, link: MemoryLink, topic_filter: str, qos: int) -> None:
        with self._lock:
            session = self._session(link)
            if session is None:
                return
            session.filters[topic_filter] = qos
            for publication in list(self._retained.values()):
                if matches(topic_filter, publication.topic):
                    self._give(session, publication, min(qos, publication.qos), retain=True)

    def unsubscribe(self, link: MemoryLink, topic_filter: str) -> None:
        with self._lock:
            session = self._session(link)
            if session is not None:
                session.filters.pop(topic_filter, None)

    def acknowledge(self, link: MemoryLink, number: int) -> None:
        with self._lock:
            session = self._session(link)
            if session is not None:
                session.unacknowledged.pop(number, None)

    def publish(self, username: str, topic: str, payload: bytes, *, qos: int, retain: bool) -> None:
        with self._lock:
            if not self._may_write(username, topic):
                self.denied.append((username, topic))
                return
            publication = _Publication(topic, payload, qos)
            if retain:
                self._retained.pop(topic, None)
                if payload:  # an empty one clears
                    self._retained[topic] = _Publication(topic, payload, qos, retain=True)
            for session in list(self._sessions.values()):
                wanted = [granted for wanted, granted in session.filters.items() if matches(wanted, topic)]
                if wanted:
                    self._give(session, publication, min(qos, max(wanted)), retain=False)

    def _session(self, link: MemoryLink) -> _Session | None:
        session = self._sessions.get(link.client_id)
        return session if session is not None and session.link is link else None

    def _give(self, session: _Session, publication: _Publication, qos: int, *, retain: bool) -> None:
        if not self._may_read(session.username, publication.topic):
            return
        given = _Publication(publication.topic, publication.payload, qos, retain)
        number = next(self._numbers)
        if qos > 0:
            if len(session.unacknowledged) >= QUEUED_MAX:
                log.warning("A session's queue is full", extra={"username": session.username})
                return
            session.unacknowledged[number] = given
        if session.link is not None:
            session.link.receive(number, given)

    def _cut(self, link: MemoryLink, *, will: bool = True) -> None:
        session = self._session(link)
        if session is None:
            return
        session.link = None
        if session.clean:
            del self._sessions[link.client_id]
        link.lost("the connection was dropped")
        if will and link.will is not None:
            self.publish(link.username, link.will[0], link.will[1], qos=1, retain=True)


class MemoryLink:
    """A `Link` to a `MemoryBroker`; `drop()` and `restore()` stand for a network that fails and comes back."""

    def __init__(
        self,
        broker: MemoryBroker,
        username: str,
        client_id: str,
        *,
        will: tuple[str, bytes] | None,
        manual_ack: bool,
        clean: bool,
    ) -> None:
        self.username = username
        self.client_id = client_id
        self.will = will
        self.clean = clean
        self.dropped = 0  # publications refused because the queue was full
        self._broker = broker
        self._manual_ack = manual_ack
        self._lock = threading.RLock()
        self._subscriptions = Subscriptions()
        self._callbacks: list[Callable[[], None]] = []
        self._queue: list[tuple[_Publication, Delivery]] = []
        self._dispatcher = Dispatcher(f"memory-link-{client_id}")
        self._connection = 0  # counts up, so that an acknowledgement can tell whose it is
        self._connected = False
        self._started = False
        self._reachable = True
        self._error: str | None = None

    @property
    def connected(self) -> bool:
        return self._connected

    @property
    def last_error(self) -> str | None:
        return self._error

    def start(self) -> None:
        if self._started:
            return
        self._dispatcher.start()
        self._started = True
        self.try_connecting()

    def stop(self) -> None:
        if not self._started:
            return
        self._broker.disconnect(self, will=False)
        with self._lock:
            self._started = False
            self._connected = False
            left, self._queue = self._queue, []
        self._broker.count(-self._dispatcher.stop())
        for _, delivery in left:
            delivery.refuse()

    def drop(self) -> None:
        """The network fails: the broker publishes the last will; stays so until `restore`."""
        self._reachable = False
        self._broker.disconnect(self, will=True)

    def restore(self) -> None:
        """The network is back."""
        self._reachable = True
        self.try_connecting()

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> Delivery:
        with self._lock:
            if not self._connected:
                if qos == 0 or not self._room():
                    self.dropped += 1
                    return Delivery.of_refused()
                delivery = Delivery()
                self._queue.append((_Publication(topic, bytes(payload), qos, retain), delivery))
                return delivery
        self._broker.publish(self.username, topic, bytes(payload), qos=qos, retain=retain)
        return Delivery.of_accepted()

    def subscribe(self, topic_filter: str, handler: Handler, *, qos: int = 1) -> None:
        self._subscriptions.add(topic_filter, handler, qos)
        self._broker.subscribe(self, topic_filter, qos)

    def unsubscribe(self, topic_filter: str) -> None:
        if self._subscriptions.remove(topic_filter):
            self._broker.unsubscribe(self, topic_filter)

    def on_connect(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    # What the broker calls, under its lock.

    def try_connecting(self) -> None:
        """Connect if this link is started and its network is there."""
        with self._broker._lock:  # noqa: SLF001 - the two halves of one twin
            if not self._started or not self._reachable or self._connected:
                return
            self._connection += 1
            if not self._broker.connect(self, self._subscriptions.all()):
                self._error = "the broker is down"
                return
            with self._lock:
                self._connected = True
                self._error = None
                queued, self._queue = self._queue, []
            for publication, delivery in queued:
                self._broker.publish(
                    self.username,
                    publication.topic,
                    publication.payload,
                    qos=publication.qos,
                    retain=publication.retain,
                )
                delivery.accept()
            for callback in list(self._callbacks):
                self._submit(callback)

    def receive(self, number: int, publication: _Publication) -> None:
        self._submit(partial(self._handle, number, publication, self._connection))

    def lost(self, reason: str) -> None:
        with self._lock:
            self._connected = False
            self._connection += 1
            self._error = reason

    def _handle(self, number: int, publication: _Publication, connection: int) -> None:
        def ack() -> None:
            # Of an earlier connection: it has been, or will be, redelivered, and is acknowledged then.
            if connection == self._connection:
                self._broker.acknowledge(self, number)

        deliver(
            self._subscriptions.handlers(publication.topic),
            publication.topic,
            publication.payload,
            retain=publication.retain,
            ack=ack,
            manual=self._manual_ack,
        )

    def _submit(self, work: Callable[[], None]) -> None:
        def counted() -> None:
            try:
                work()
            finally:
                self._broker.count(-1)

        self._broker.count(1)
        self._dispatcher.submit(counted)

    def _room(self) -> bool:
        return len(self._queue) < OFFLINE_MAX
