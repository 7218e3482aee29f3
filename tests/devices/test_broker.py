"""The embedded broker beyond what every broker does: its port, strangers, many clients, slow and silent ones."""

from __future__ import annotations

import logging
import socket
import threading
import time

import pytest

from core.errors import PortInUse
from core.ids import new_id
from devices import passwords
from devices.broker import BrokerCantListen, EmbeddedBroker
from devices.link import Link, MqttLink
from devices.protocol import topics
from tests.devices.support import ANA, BINH, PASSWORDS, SERVER, WAIT_S, Inbox, Site, eventually

UPWARD = "tt/1/rx/+/up/#"


def nobody(_username: str) -> str | None:
    return None


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        with pytest.raises(PortInUse) as caught:
            EmbeddedBroker(host="127.0.0.1", port=port, password_hash=nobody).start()
    assert str(port) in caught.value.text("vi")
    assert "TRUYENTHANH_BROKER_PORT" in caught.value.text("en")


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(BrokerCantListen, match=r"192\.0\.2\.1"):
        EmbeddedBroker(host="192.0.2.1", port=0, password_hash=nobody).start()


def test_it_takes_a_free_port_and_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    before = set(threading.enumerate())
    broker = EmbeddedBroker(host="127.0.0.1", port=0, password_hash=nobody)
    first, second = broker.start(), 0
    broker.stop()
    broker.stop()
    second = broker.start()
    assert first > 0
    assert second > 0
    broker.stop()
    assert set(threading.enumerate()) == before
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    with socket.create_server(("127.0.0.1", second)):
        pass  # the port is free again


def test_it_stops_in_the_middle_of_traffic(embedded: Site, caplog: pytest.LogCaptureFixture) -> None:
    server, seen = embedded.link(SERVER), Inbox()
    server.subscribe(UPWARD, seen)
    embedded.connected(server)
    ana = embedded.connected(embedded.link(ANA, will=(topics.up(ANA, "status"), b"gone")))
    for n in range(500):
        ana.publish(topics.up(ANA, "plays"), str(n).encode())
    seen.wait_for(1)
    assert embedded.embedded is not None
    began = time.monotonic()
    embedded.embedded.stop()
    assert time.monotonic() - began < 3
    eventually(lambda: not ana.connected and not server.connected)
    ours = [held for held in caplog.records if held.name.startswith(("devices.broker", "devices.wire", "asyncio"))]
    assert [record.getMessage() for record in ours if record.levelno >= logging.WARNING] == []


GARBAGE = [
    b"",
    b"\x00",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x10\xff\xff\xff\x7f" + b"x" * 1_000,  # a CONNECT of 256 MiB
    b"\x10\x02\x00\x04",
    b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04\xff\xfe\xfd\xfc",  # a client id that is no UTF-8
    b"\x30\x05\x00\x03a/bX",  # a PUBLISH before any CONNECT
    bytes(range(256)),
]


@pytest.mark.parametrize("data", GARBAGE, ids=range(len(GARBAGE)))
def test_strangers_bytes_do_no_harm(embedded: Site, data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_connection(("127.0.0.1", embedded.port), timeout=WAIT_S) as stranger:
        stranger.sendall(data)
        stranger.shutdown(socket.SHUT_WR)
        while stranger.recv(1_024):
            pass
    ana = embedded.connected(embedded.link(ANA))
    assert ana.publish(topics.up(ANA, "hello"), b"hi").wait(WAIT_S)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_client_that_says_nothing_is_given_up(embedded: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.broker.GREETING_S", 0.1)
    with socket.create_connection(("127.0.0.1", embedded.port), timeout=WAIT_S) as stranger:
        assert stranger.recv(1) == b""


def test_the_wrong_password_disturbs_no_session_of_the_same_name(embedded: Site) -> None:
    server = embedded.connected(embedded.link(SERVER))
    ana, seen = embedded.link(ANA), Inbox()
    ana.subscribe(topics.down(ANA, "command"), seen)
    embedded.connected(ana)
    for username, clean in ((ANA, True), (ANA, False), (BINH, True)):
        thief = link_to(embedded.port, username, password="guessed", client_id=ANA, clean=clean)
        thief.start()
        eventually(lambda thief=thief: "refused" in str(thief.last_error))  # type: ignore[misc]
        thief.stop()
    assert server.publish(topics.down(ANA, "command"), b"still here").wait(WAIT_S)
    seen.wait_for_payload(b"still here")
    assert ana.connected


def test_a_client_id_belongs_to_its_user(embedded: Site) -> None:
    """Bình, with Bình's own password, can't take over Ana's session by calling itself Ana."""
    server = embedded.connected(embedded.link(SERVER))
    ana, seen, stolen = embedded.link(ANA), Inbox(), Inbox()
    ana.subscribe(topics.down(ANA, "command"), seen)
    embedded.connected(ana)
    binh = embedded.link(BINH, client_id=ANA)
    binh.subscribe("#", stolen)
    embedded.connected(binh)
    assert server.publish(topics.down(ANA, "command"), b"for Ana").wait(WAIT_S)
    assert server.publish(topics.down(BINH, "command"), b"for Binh").wait(WAIT_S)
    seen.wait_for_payload(b"for Ana")
    stolen.wait_for_payload(b"for Binh")
    assert stolen.payloads == [b"for Binh"]
    assert ana.connected


def test_a_lookup_that_fails_keeps_out_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_username: str) -> str | None:
        raise RuntimeError("no database")

    broker = EmbeddedBroker(host="127.0.0.1", port=0, password_hash=broken)
    link = link_to(broker.start(), ANA)
    link.start()
    eventually(lambda: "refused" in str(link.last_error))
    link.stop()
    broker.stop()
    assert "could not be looked up" in caplog.text


def test_a_revoked_receiver_is_disconnected() -> None:
    hashes = {ANA: passwords.hashed(PASSWORDS[ANA])}
    broker = EmbeddedBroker(host="127.0.0.1", port=0, password_hash=hashes.get)
    link = link_to(broker.start(), ANA)
    link.start()
    eventually(lambda: link.connected)
    del hashes[ANA]
    broker.disconnect(ANA)
    eventually(lambda: "refused" in str(link.last_error))
    link.stop()
    broker.stop()


def test_a_box_that_lost_its_power_is_noticed(embedded: Site) -> None:
    server, seen = embedded.link(SERVER), Inbox()
    server.subscribe(UPWARD, seen)
    embedded.connected(server)
    will = (topics.up(ANA, "status"), b"gone")
    embedded.connected(embedded.link(ANA, will=will, cuttable=True, keepalive_s=1))
    assert embedded.network is not None
    embedded.network.silence()
    seen.wait_for_payload(b"gone")


def test_one_slow_client_holds_up_nobody(embedded: Site) -> None:
    server = embedded.connected(embedded.link(SERVER))
    slow, release = embedded.link(ANA), threading.Event()
    slow.subscribe("tt/1/live/x", lambda _message: release.wait(WAIT_S))
    embedded.connected(slow)
    quick, seen = embedded.link(BINH), Inbox()
    quick.subscribe("tt/1/live/x", seen)
    embedded.connected(quick)
    deliveries = [server.publish("tt/1/live/x", b"x" * 16_384) for _ in range(300)]
    try:
        assert all(delivery.wait(WAIT_S) for delivery in deliveries)
        seen.wait_for(300)
    finally:
        release.set()


def test_a_message_that_is_too_long_ends_the_connection_that_sent_it(
    embedded: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.link.size.PUBLICATION_BYTES_MAX", 2_000_000)  # our own links would refuse it
    binh = embedded.connected(embedded.link(BINH))
    ana = embedded.connected(embedded.link(ANA))
    ana.publish(topics.up(ANA, "plays"), b"x" * 1_300_000)
    eventually(lambda: ana.last_error is not None)
    ana.stop()
    assert binh.publish(topics.up(BINH, "hello"), b"hi").wait(WAIT_S)


def test_fifty_receivers_and_chunks() -> None:
    """Fifty clients each take the chunks of a bulletin one at a time and say so: what the demo and a small site do."""
    word = "the same for all"
    receivers = [new_id() for _ in range(50)]
    hashes = dict.fromkeys(receivers, passwords.hashed(word)) | {SERVER: passwords.hashed(PASSWORDS[SERVER])}
    broker = EmbeddedBroker(host="127.0.0.1", port=0, password_hash=hashes.get)
    port = broker.start()
    server, reports = link_to(port, SERVER), Inbox()
    links: list[Link] = [server]
    try:
        server.subscribe(UPWARD, reports)
        server.start()
        chunks = [topics.content("ab" * 32, 65_536, n) for n in range(4)]
        for n, topic in enumerate(chunks):
            server.publish(topic, bytes([n]) * 65_536, retain=True)
        began = time.monotonic()
        for receiver in receivers:
            links.append(link_to(port, receiver, password=word))
            pull(links[-1], receiver, chunks)
            links[-1].start()
        reports.wait_for(50, 60)
        assert set(reports.payloads) == {b"4 chunks, 262144 bytes"}
        assert time.monotonic() - began < 60
        assert broker.board.connections == 51
    finally:
        for link in links:
            link.stop()
        broker.stop()


def pull(link: Link, receiver: str, chunks: list[str]) -> None:
    """One chunk at a time, then a report."""
    sizes: list[int] = []
    left = iter(chunks)

    def following() -> None:
        topic = next(left, None)
        if topic is None:
            link.publish(topics.up(receiver, "report"), f"{len(sizes)} chunks, {sum(sizes)} bytes".encode())
            return

        def took(message: object) -> None:
            sizes.append(len(getattr(message, "payload", b"")))
            link.unsubscribe(topic)
            following()

        link.subscribe(topic, took)

    link.on_connect(following)


def link_to(
    port: int, username: str, *, password: str | None = None, client_id: str | None = None, clean: bool = False
) -> MqttLink:
    return MqttLink(
        host="127.0.0.1",
        port=port,
        client_id=client_id or username,
        username=username,
        password=PASSWORDS[username] if password is None else password,
        clean=clean,
    )


def test_the_server_may_have_another_name() -> None:
    hashes = {name: passwords.hashed(word) for name, word in PASSWORDS.items()} | {"control": passwords.hashed("c")}
    broker = EmbeddedBroker(host="127.0.0.1", port=0, password_hash=hashes.get, server="control")
    port = broker.start()
    control, usual, seen = link_to(port, "control", password="c"), link_to(port, SERVER), Inbox()
    try:
        control.subscribe(UPWARD, seen)
        usual.subscribe(UPWARD, seen)
        control.start()
        usual.start()
        eventually(lambda: control.connected and usual.connected)
        assert usual.publish(topics.up(ANA, "hello"), b"no").wait(WAIT_S)
        assert control.publish(topics.up(ANA, "hello"), b"yes").wait(WAIT_S)
        seen.wait_for_payload(b"yes")
        assert seen.payloads == [b"yes"]
    finally:
        control.stop()
        usual.stop()
        broker.stop()
