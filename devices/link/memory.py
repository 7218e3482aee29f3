"""A broker and its links in memory: for tests, and for anything that needs no network."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from devices import access
from devices.link.contract import Delivery, Handler
from devices.link.dispatch import Dispatcher, Subscriptions, deliver
from devices.link.size import Scale
from devices.link.switchboard import May, Publication, Switchboard

OFFLINE_MESSAGES_MAX = 20_000  # publications kept in a link without a connection


class MemoryBroker:
    """The switchboard of a broker, with links to it. `may_read` and `may_write` answer for (username, topic)."""

    def __init__(self, *, may_read: May = access.may_read, may_write: May = access.may_write) -> None:
        self.board = Switchboard(may_read=may_read, may_write=may_write)
        self.is_up = True
        self._links: list[MemoryLink] = []
        self._outstanding = 0  # pieces of work handed to the links' dispatchers and not done
        self._outstanding_changed = threading.Condition()

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
        with self.board.lock:
            self._links.append(made)
        return made

    @property
    def retained(self) -> dict[str, bytes]:
        """Topic and payload of every retained message."""
        return self.board.retained

    @property
    def denied(self) -> list[tuple[str, str]]:
        """(username, topic) of publications that the rules forbade."""
        with self.board.lock:
            return list(self.board.denied)

    def down(self, *, forget: bool = False) -> None:
        """The broker goes away: every link loses its connection. `forget`: it kept nothing on disk."""
        with self.board.lock:
            self.is_up = False
            for link in self._links:
                link.cut(will=False)
            if forget:
                self.board.forget()

    def up(self) -> None:
        """The broker is back, and so are the links that were started."""
        with self.board.lock:
            self.is_up = True
            for link in self._links:
                link.try_connecting()

    def settle(self, timeout_s: float = 5.0) -> bool:
        """Wait until nothing that was published is still to be handled, nor being so; False when time ran out."""
        with self._outstanding_changed:
            return self._outstanding_changed.wait_for(lambda: self._outstanding == 0, timeout_s)

    def count(self, change: int) -> None:
        """A link handed work to its dispatcher (+1), or is done with some."""
        with self._outstanding_changed:
            self._outstanding += change
            if self._outstanding == 0:
                self._outstanding_changed.notify_all()


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
        self.clean = clean
        self.will = (*will, 1, True) if will is not None else None
        self.dropped = 0  # publications refused because the queue was full or there was no connection
        self._broker = broker
        self._board = broker.board
        self._manual_ack = manual_ack
        self._lock = threading.RLock()
        self._subscriptions = Subscriptions()
        self._scale = Scale()
        self._gone: set[str] = set()  # unsubscribed while away; the session still holds them
        self._callbacks: list[Callable[[], object]] = []
        self._queue: list[tuple[Publication, Delivery]] = []
        self._dispatcher = Dispatcher(f"memory-link-{client_id}")
        self._connection = 0  # counts up, so that an acknowledgement can tell whose it is
        self._connected = False
        self._started = False
        self._reachable = True
        self._error: str | None = "not started"

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
        self._board.disconnect(self, will=False)
        with self._lock:
            self._started = self._connected = False
            self._error = "stopped"
            left, self._queue = self._queue, []
        self._broker.count(-self._dispatcher.stop())
        for _, delivery in left:
            delivery.refuse()

    def drop(self) -> None:
        """The network fails: the broker publishes the last will; stays so until `restore`."""
        self._reachable = False
        self.cut(will=True)

    def restore(self) -> None:
        """The network is back."""
        self._reachable = True
        self.try_connecting()

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> Delivery:
        if not self._scale.takes(topic, payload):
            self.dropped += 1
            return Delivery.of_refused()
        with self._lock:
            if not self._connected:
                if qos == 0 or not self._started or len(self._queue) >= OFFLINE_MESSAGES_MAX:
                    self.dropped += 1
                    return Delivery.of_refused()
                delivery = Delivery()
                self._queue.append((Publication(topic, bytes(payload), qos, retain), delivery))
                return delivery
        self._board.publish(self.username, topic, bytes(payload), qos=qos, retain=retain)
        return Delivery.of_accepted()

    def subscribe(self, topic_filter: str, handler: Handler, *, qos: int = 1) -> None:
        self._subscriptions.add(topic_filter, handler, qos)
        self._gone.discard(topic_filter)
        self._board.subscribe(self, topic_filter, qos)

    def unsubscribe(self, topic_filter: str) -> None:
        if self._subscriptions.remove(topic_filter):
            if not self._connected:
                self._gone.add(topic_filter)
            self._board.unsubscribe(self, topic_filter)

    def on_connect(self, callback: Callable[[], object]) -> None:
        self._callbacks.append(callback)

    # What the broker calls, under the lock of its switchboard.

    def try_connecting(self) -> None:
        """Connect if this link is started and its network is there."""
        with self._board.lock:
            if not self._started or not self._reachable or self._connected:
                return
            if not self._broker.is_up:
                self._error = "the broker is down"
                return
            self._connection += 1
            self._board.connect(self)
            for topic_filter in self._gone:
                self._board.unsubscribe(self, topic_filter)
            self._gone.clear()
            for topic_filter, qos in self._subscriptions.all():
                self._board.subscribe(self, topic_filter, qos)
            with self._lock:
                self._connected = True
                self._error = None
                queued, self._queue = self._queue, []
            for held, delivery in queued:
                self._board.publish(self.username, held.topic, held.payload, qos=held.qos, retain=held.retain)
                delivery.accept()
            for callback in list(self._callbacks):
                self._submit(callback)

    def receive(self, number: int, publication: Publication) -> None:
        self._submit(partial(self._handle, number, publication, self._connection))

    def displaced(self) -> None:
        self._reachable = False
        self.cut(will=False)
        self._error = "another connection took over this client id"

    def cut(self, *, will: bool) -> None:
        """The connection is lost."""
        self._board.disconnect(self, will=will)
        with self._lock:
            self._connected = False
            self._connection += 1
            self._error = "the connection was lost"

    def _handle(self, number: int, publication: Publication, connection: int) -> None:
        def ack() -> None:
            # Of an earlier connection: it is given again, and acknowledged then.
            if publication.qos > 0 and connection == self._connection:
                self._board.acknowledge(self, number)

        deliver(
            self._subscriptions.handlers(publication.topic),
            publication.topic,
            publication.payload,
            retain=publication.retain,
            ack=ack,
            manual=self._manual_ack,
        )

    def _submit(self, work: Callable[[], object]) -> None:
        def counted() -> None:
            try:
                work()
            finally:
                self._broker.count(-1)

        self._broker.count(1)
        self._dispatcher.submit(counted)
