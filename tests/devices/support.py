"""Shared by the tests of the way between server and receivers: the three brokers, and waiting without luck."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from devices import passwords
from devices.broker import EmbeddedBroker
from devices.link import Link, MemoryBroker, MemoryLink, Message, MqttLink
from tests.support.mosquitto import Mosquitto
from tests.support.network import Network

Kind = Literal["memory", "embedded", "mosquitto"]
KINDS: tuple[Kind, ...] = ("memory", "embedded", "mosquitto")
WAIT_S = 15.0

SERVER = "server"
ANA = "01J00000000000000000000ANA"
BINH = "01J0000000000000000000B1NH"
STRANGER = "01J000000000000000STRANGER"
PASSWORDS: Mapping[str, str] = {SERVER: "of the server", ANA: "of Ana", BINH: "of Bình"}


class Inbox:
    """A handler that keeps what it is given; `wait_for` says how many must have come."""

    def __init__(self, *, ack: bool = False) -> None:
        self.messages: list[Message] = []
        self._ack = ack
        self._changed = threading.Condition()

    def __call__(self, message: Message) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()
        if self._ack:
            message.ack()

    @property
    def topics(self) -> list[str]:
        return [message.topic for message in self.messages]

    @property
    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.messages]

    def wait_for(self, count: int, timeout_s: float = WAIT_S) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.messages) >= count, timeout_s), (
                f"{len(self.messages)} of {count} messages came: {self.topics}"
            )

    def wait_for_payload(self, payload: bytes, timeout_s: float = WAIT_S) -> None:
        """Messages come in order, so when a last one is here, what was to come before it is here too."""
        with self._changed:
            assert self._changed.wait_for(lambda: payload in self.payloads, timeout_s), f"{payload!r} didn't come"


class Site:
    """One broker of any kind, and links to it."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self.kind = kind
        self.memory = MemoryBroker() if kind == "memory" else None
        self.embedded: EmbeddedBroker | None = None
        self.mosquitto: Mosquitto | None = None
        self.port = 0
        self.network: Network | None = None  # what `cuttable` links go through
        self._links: list[Link] = []
        if kind == "embedded":
            hashes = {name: passwords.hashed(word) for name, word in PASSWORDS.items()}
            self.embedded = EmbeddedBroker(host="127.0.0.1", port=0, password_hash=hashes.get)
            self.port = self.embedded.start()
        elif kind == "mosquitto":
            self.mosquitto = Mosquitto(folder, PASSWORDS)
            self.mosquitto.start()
            self.port = self.mosquitto.port
        if self.port:
            self.network = Network(self.port)

    def link(
        self,
        username: str,
        *,
        client_id: str | None = None,
        will: tuple[str, bytes] | None = None,
        manual_ack: bool = False,
        clean: bool = False,
        keepalive_s: int = 30,
        cuttable: bool = False,
    ) -> Link:
        made: Link
        if self.memory is not None:
            made = self.memory.link(username, client_id=client_id, will=will, manual_ack=manual_ack, clean=clean)
        else:
            made = MqttLink(
                host="127.0.0.1",
                port=self.network.port if cuttable and self.network else self.port,
                client_id=client_id or username,
                username=username,
                password=PASSWORDS.get(username, ""),
                will=will,
                manual_ack=manual_ack,
                clean=clean,
                keepalive_s=keepalive_s,
            )
        self._links.append(made)
        return made

    def connected(self, link: Link) -> Link:
        """Start the link and wait until it is connected and subscribed."""
        arrived = threading.Event()
        link.on_connect(arrived.set)
        link.start()
        assert arrived.wait(WAIT_S), link.last_error
        return link

    def cut(self, link: Link) -> None:
        """Break the connection of a `cuttable` link; it comes back by itself."""
        self.down(link)
        self.up(link)

    def down(self, link: Link) -> None:
        """Break the connection of a `cuttable` link for a while."""
        if isinstance(link, MemoryLink):
            link.drop()
        else:
            assert self.network is not None
            self.network.down()
            eventually(lambda: not link.connected)

    def up(self, link: Link) -> None:
        if isinstance(link, MemoryLink):
            link.restore()
        else:
            assert self.network is not None
            self.network.up()

    def close(self) -> None:
        for link in self._links:
            link.stop()
        if self.network is not None:
            self.network.close()
        if self.embedded is not None:
            self.embedded.stop()
        if self.mosquitto is not None:
            self.mosquitto.stop()


@contextmanager
def site(kind: Kind, folder: Path) -> Iterator[Site]:
    made = Site(kind, folder)
    try:
        yield made
    finally:
        made.close()


def eventually(condition: Callable[[], bool], timeout_s: float = WAIT_S) -> None:
    """Look again until it is so; for states that nothing announces."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it didn't come true in time"
        time.sleep(0.01)
