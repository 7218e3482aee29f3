"""The way between server and receivers: publish and subscribe, over MQTT or in memory.

`Link` is what everything else is written against. `MqttLink` is the real one, `MemoryLink` its twin in memory.
Both promise the same:

- Handlers and `on_connect` callbacks run one after another, in the order of arrival, on one thread of the link
  (the dispatcher), never on the network thread: a handler may publish, and may wait for that delivery.
- A subscription is kept and renewed at each connection; `on_connect` callbacks run when the broker has
  acknowledged the renewed subscriptions, so what they ask for can't be answered too early.
- With `manual_ack` a message is acknowledged when its handler calls `message.ack()`, say after a commit, and
  redelivered after a reconnection if it didn't. Without, it is acknowledged when its handlers have returned
  (also by raising: that is logged, and a message that raises must not come again for ever).
- QoS 1 means at least once: handlers must bear a message twice.
- A message larger than `devices.link.size.PUBLICATION_BYTES_MAX` is refused at once: no broker of ours would take it.
- `publish` never raises for a bad network. It queues, up to a limit; beyond it the *new* message is refused and its
  `Delivery` says so at once. Nothing that was taken is ever pushed out, and order is kept. The protocol can bear a
  refusal: plans are answered to the next hello, records wait in the outbox, chunks are asked for again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


def no_ack() -> None:
    """A message of QoS 0, or one that is acknowledged for its handler."""


@dataclass(frozen=True, slots=True)
class Message:
    """What arrives. `retain`: it was kept by the broker and is given because of a new subscription."""

    topic: str
    payload: bytes
    retain: bool = False
    ack: Callable[[], None] = no_ack


Handler = Callable[[Message], object]


class Delivery:
    """What became of one publication: with QoS 1, whether the broker has acknowledged it."""

    __slots__ = ("_ended", "_refused")

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._refused = False

    @classmethod
    def of_refused(cls) -> Delivery:
        delivery = cls()
        delivery.refuse()
        return delivery

    @classmethod
    def of_accepted(cls) -> Delivery:
        delivery = cls()
        delivery.accept()
        return delivery

    def accept(self) -> None:
        """The link says: the broker has it."""
        self._ended.set()

    def refuse(self) -> None:
        """The link says: it was not, and will not be, delivered."""
        self._refused = True
        self._ended.set()

    @property
    def done(self) -> bool:
        """The broker has it."""
        return self._ended.is_set() and not self._refused

    @property
    def refused(self) -> bool:
        """It will not be delivered: it was too large, the queue was full, or the link was stopped."""
        return self._refused

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; True when the broker has it, False when it was refused or time ran out."""
        return self._ended.wait(timeout_s) and not self._refused


@runtime_checkable
class CertifiedLink(Protocol):
    """A link that comes to the broker with a client certificate, which may be renewed while it runs."""

    def use_certificate(self, certificate: str, key: str) -> None:
        """Come with this one (PEM, with its key) from the next connection on."""
        ...


class Link(Protocol):
    """A connection to the broker that renews itself. See the module for what it promises."""

    @property
    def connected(self) -> bool:
        """Is there a connection that the broker has accepted?"""
        ...

    @property
    def last_error(self) -> str | None:
        """Why there is no connection, in words for a log or a page; None while there is one."""
        ...

    def start(self) -> None:
        """Begin to connect; returns at once."""
        ...

    def stop(self) -> None:
        """Disconnect cleanly (the last will is not published); what was not delivered is refused."""
        ...

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> Delivery:
        """Hand over a message. QoS 0 without a connection is refused at once; QoS 1 is queued."""
        ...

    def subscribe(self, topic_filter: str, handler: Handler, *, qos: int = 1) -> None:
        """Have `handler` called for what matches; again with the same filter: replaced, and retained come anew."""
        ...

    def unsubscribe(self, topic_filter: str) -> None:
        """No longer call the handler of this filter."""
        ...

    def on_connect(self, callback: Callable[[], object]) -> None:
        """Have `callback` called after each (re)connection and its acknowledged subscriptions."""
        ...
