"""What every link promises, held with the in-memory broker, the embedded one and mosquitto alike."""

from __future__ import annotations

import threading
import time

import pytest

from devices.link import Delivery, Message, MqttLink
from devices.link.size import PUBLICATION_BYTES_MAX
from devices.protocol import topics
from tests.devices.support import ANA, BINH, PASSWORDS, SERVER, WAIT_S, Inbox, Site, eventually
from tests.support.mosquitto import free_port

HELLO = topics.up(ANA, "hello")
PLAYS = topics.up(ANA, "plays")
STATUS = topics.up(ANA, "status")
COMMAND = topics.down(ANA, "command")
UPWARD = "tt/1/rx/+/up/#"


def test_messages_come_in_order(broker: Site) -> None:
    server, seen = broker.link(SERVER), Inbox()
    server.subscribe(UPWARD, seen)
    broker.connected(server)
    ana = broker.connected(broker.link(ANA))
    sent = [str(n).encode() for n in range(500)]
    deliveries = [ana.publish(PLAYS, payload) for payload in sent]
    assert all(delivery.wait(WAIT_S) for delivery in deliveries)
    seen.wait_for(len(sent))
    assert seen.payloads == sent


def test_what_is_said_without_a_connection_is_delivered_later_in_order(broker: Site) -> None:
    server, seen = broker.link(SERVER), Inbox()
    server.subscribe(UPWARD, seen)
    broker.connected(server)
    ana = broker.connected(broker.link(ANA, cuttable=True))
    broker.down(ana)
    deliveries = [ana.publish(PLAYS, str(n).encode()) for n in range(20)]
    now_or_never = ana.publish(topics.up(ANA, "time"), b"nonce", qos=0)
    assert not any(delivery.done for delivery in deliveries)
    assert now_or_never.refused
    broker.up(ana)
    assert all(delivery.wait(WAIT_S) for delivery in deliveries)
    seen.wait_for(20)
    assert [payload for payload in seen.payloads if payload != b"nonce"] == [str(n).encode() for n in range(20)]


def test_retained_messages_come_with_a_subscription_and_can_be_cleared(broker: Site) -> None:
    server = broker.connected(broker.link(SERVER))
    chunk, other = topics.content("ab" * 32, 65_536, 0), topics.content("cd" * 32, 65_536, 0)
    for topic in (chunk, other):
        assert server.publish(topic, b"x" * 65_536, retain=True).wait(WAIT_S)
    assert server.publish(other, b"", retain=True).wait(WAIT_S)
    ana, seen, again = broker.link(ANA), Inbox(), Inbox()
    ana.subscribe(chunk, seen)
    ana.subscribe(other, seen)
    broker.connected(ana)
    seen.wait_for(1)
    assert [(message.topic, len(message.payload), message.retain) for message in seen.messages] == [
        (chunk, 65_536, True)
    ]
    ana.subscribe(chunk, again)  # as a receiver does whose first copy was damaged
    again.wait_for(1)
    ana.unsubscribe(chunk)
    assert server.publish(chunk, b"later", retain=True).wait(WAIT_S)
    command = Inbox()
    ana.subscribe(COMMAND, command)
    eventually(lambda: server.publish(COMMAND, b"end").wait(WAIT_S) and bool(command.messages))
    assert b"later" not in again.payloads


def test_a_handler_may_publish_and_wait(broker: Site) -> None:
    server, seen = broker.link(SERVER), Inbox()
    server.subscribe(UPWARD, seen)
    broker.connected(server)
    ana, delivered = broker.link(ANA), threading.Event()

    def answer(message: Message) -> None:
        if ana.publish(topics.up(ANA, "report"), b"done " + message.payload).wait(WAIT_S):
            delivered.set()

    ana.subscribe(COMMAND, answer)
    broker.connected(ana)
    assert server.publish(COMMAND, b"stop").wait(WAIT_S)
    seen.wait_for_payload(b"done stop")
    assert delivered.wait(WAIT_S)


def test_a_handler_that_fails_stops_nothing(broker: Site, caplog: pytest.LogCaptureFixture) -> None:
    server, seen, again = broker.link(SERVER), Inbox(), threading.Event()

    def fail_once(message: Message) -> None:
        seen(message)
        if len(seen.messages) == 1:
            raise ValueError("made to fail")
        again.set()

    server.subscribe(UPWARD, fail_once)
    broker.connected(server)
    ana = broker.connected(broker.link(ANA))
    for payload in (b"1", b"2"):
        assert ana.publish(PLAYS, payload).wait(WAIT_S)
    assert again.wait(WAIT_S)
    assert seen.payloads == [b"1", b"2"]
    assert "A handler failed" in caplog.text


def test_what_was_not_acknowledged_comes_again_after_a_reconnection(broker: Site) -> None:
    """The ingest's way: acknowledge after the commit, or get it again."""
    ingest, seen = broker.link(SERVER, client_id="ingest", manual_ack=True, cuttable=True), Inbox()
    ingest.subscribe(UPWARD, seen)
    back = threading.Semaphore(0)
    ingest.on_connect(back.release)
    broker.connected(ingest)
    assert back.acquire(timeout=WAIT_S)
    ana = broker.connected(broker.link(ANA))
    for payload in (b"1", b"2", b"3"):
        assert ana.publish(PLAYS, payload).wait(WAIT_S)
    seen.wait_for(3)
    committed = seen.messages[0]
    committed.ack()
    assert ingest.publish(COMMAND, b"round trip").wait(WAIT_S)  # so the acknowledgement before it has arrived
    broker.down(ingest)
    assert ana.publish(PLAYS, b"4").wait(WAIT_S)
    stale = seen.messages[1]
    stale.ack()  # the connection that brought it is gone: it must not confirm anything else
    broker.up(ingest)
    assert back.acquire(timeout=WAIT_S)
    seen.wait_for(6)
    assert seen.payloads[3:] == [b"2", b"3", b"4"]
    for message in seen.messages[3:]:
        message.ack()
    assert ingest.publish(COMMAND, b"round trip").wait(WAIT_S)
    broker.cut(ingest)
    assert back.acquire(timeout=WAIT_S)
    assert ana.publish(PLAYS, b"5").wait(WAIT_S)
    seen.wait_for_payload(b"5")
    assert seen.payloads[6:] == [b"5"]


def test_a_message_for_two_handlers_is_acknowledged_when_both_have(broker: Site) -> None:
    ingest = broker.link(SERVER, client_id="ingest", manual_ack=True, cuttable=True)
    everything, plays = Inbox(ack=True), Inbox()
    ingest.subscribe(UPWARD, everything)
    ingest.subscribe("tt/1/rx/+/up/plays", plays)
    broker.connected(ingest)
    ana = broker.connected(broker.link(ANA))
    assert ana.publish(PLAYS, b"1").wait(WAIT_S)
    plays.wait_for(1)
    broker.cut(ingest)
    everything.wait_for(2)
    plays.wait_for(2)
    assert set(plays.payloads) == {b"1"}


def test_the_last_will_is_published_when_the_network_fails_and_not_after_a_goodbye(broker: Site) -> None:
    server, seen = broker.link(SERVER), Inbox()
    server.subscribe(UPWARD, seen)
    broker.connected(server)
    ana = broker.link(ANA, will=(STATUS, b"offline"), cuttable=True)
    ana.on_connect(lambda: ana.publish(STATUS, b"online", retain=True))
    broker.connected(ana)
    seen.wait_for_payload(b"online")
    broker.cut(ana)
    seen.wait_for(3)
    assert seen.payloads == [b"online", b"offline", b"online"]
    broker.down(ana)
    seen.wait_for(4)
    late = Inbox()
    server.subscribe(STATUS, late)  # it is retained, so who comes later knows too
    late.wait_for(1)
    assert late.messages[-1].payload == b"offline"
    binh = broker.connected(broker.link(BINH, will=(topics.up(BINH, "status"), b"offline")))
    binh.stop()
    assert server.publish(topics.up(BINH, "hello"), b"end").wait(WAIT_S)
    seen.wait_for_payload(b"end")
    assert topics.up(BINH, "status") not in seen.topics


def test_callbacks_come_when_the_subscriptions_stand(broker: Site) -> None:
    """An answer to what a callback asks for can't be missed."""
    server = broker.link(SERVER)
    server.subscribe(UPWARD, lambda message: server.publish(COMMAND, b"to " + message.payload))
    broker.connected(server)
    ana, answers = broker.link(ANA, clean=True, cuttable=True), Inbox()
    ana.subscribe(COMMAND, answers)
    rounds = iter(range(100))
    ana.on_connect(lambda: ana.publish(HELLO, str(next(rounds)).encode()))
    broker.connected(ana)
    answers.wait_for_payload(b"to 0")
    broker.cut(ana)
    answers.wait_for_payload(b"to 1")


def test_a_session_that_was_unsubscribed_while_away_is_not_given_more(broker: Site) -> None:
    server = broker.connected(broker.link(SERVER))
    ana, unwanted, wanted = broker.link(ANA, cuttable=True), Inbox(), Inbox()
    ana.subscribe(topics.live("x"), unwanted)
    ana.subscribe(COMMAND, wanted)
    broker.connected(ana)
    broker.down(ana)
    ana.unsubscribe(topics.live("x"))
    broker.up(ana)
    eventually(lambda: ana.connected)
    assert server.publish(topics.live("x"), b"no").wait(WAIT_S)
    assert server.publish(COMMAND, b"yes").wait(WAIT_S)
    wanted.wait_for_payload(b"yes")
    assert unwanted.messages == []


def test_the_newer_connection_of_a_client_wins(broker: Site) -> None:
    server = broker.connected(broker.link(SERVER))
    first, old = broker.link(ANA), Inbox()
    first.subscribe(COMMAND, old)
    broker.connected(first)
    second, new = broker.link(ANA), Inbox()
    second.subscribe(COMMAND, new)
    broker.connected(second)
    eventually(lambda: not first.connected)
    first.stop()  # else the two would take turns for ever
    eventually(lambda: second.connected)
    assert server.publish(COMMAND, b"for the second").wait(WAIT_S)
    new.wait_for_payload(b"for the second")
    assert old.payloads == []


def test_a_link_can_be_stopped_and_started_again(broker: Site) -> None:
    server, seen = broker.link(SERVER), Inbox()
    server.subscribe(UPWARD, seen)
    broker.connected(server)
    ana = broker.link(ANA)
    assert ana.publish(PLAYS, b"before the start").refused
    for turn in (b"1", b"2"):
        broker.connected(ana)
        assert ana.publish(PLAYS, turn).wait(WAIT_S)
        ana.stop()
        ana.stop()
        assert not ana.connected
        assert ana.publish(PLAYS, b"after the end").refused
    seen.wait_for_payload(b"2")
    assert seen.payloads == [b"1", b"2"]


def test_what_waits_is_refused_when_the_link_is_stopped(broker: Site) -> None:
    ana = broker.connected(broker.link(ANA, cuttable=True))
    broker.down(ana)
    waiting = ana.publish(PLAYS, b"1")
    ana.stop()
    assert waiting.refused
    assert not waiting.wait(0)


def test_nothing_runs_on_after_stop(broker: Site) -> None:
    before = set(threading.enumerate())
    for _ in range(3):
        link = broker.link(ANA)
        broker.connected(link)
        link.stop()
    assert set(threading.enumerate()) - before <= {
        thread for thread in threading.enumerate() if thread.name.startswith("embedded-broker-password")
    }


def test_what_no_broker_would_take_is_refused_and_nothing_waits_behind_it(
    broker: Site, caplog: pytest.LogCaptureFixture
) -> None:
    server, seen = broker.link(SERVER), Inbox()
    server.subscribe(UPWARD, seen)
    broker.connected(server)
    ana = broker.link(ANA)
    broker.connected(ana)
    largest = b"x" * (PUBLICATION_BYTES_MAX - len(PLAYS))
    for qos in (0, 1, 1):
        assert ana.publish(PLAYS, largest + b"x", qos=qos).refused
    assert ana.publish(PLAYS, largest).wait(WAIT_S)
    assert ana.publish(PLAYS, b"after").wait(WAIT_S)
    seen.wait_for_payload(b"after")
    assert seen.payloads == [largest, b"after"]
    assert caplog.text.count("was refused") == 1


# What only the link over MQTT has.


def mqtt(port: int, *, username: str = ANA, password: str | None = None, queue_messages: int = 20_000) -> MqttLink:
    return MqttLink(
        host="127.0.0.1",
        port=port,
        client_id=username,
        username=username,
        password=PASSWORDS[username] if password is None else password,
        queue_messages=queue_messages,
        queue_bytes=1_000,
    )


def test_a_full_queue_refuses_the_new_and_keeps_the_old() -> None:
    link = mqtt(free_port(), queue_messages=3)
    link.start()
    try:
        kept = [link.publish(PLAYS, b"x") for _ in range(3)]
        refused = link.publish(PLAYS, b"x")
        assert refused.refused
        assert not any(delivery.refused for delivery in kept)
        assert link.dropped == 1
    finally:
        link.stop()
    assert all(delivery.refused for delivery in kept)


def test_a_queue_is_bounded_in_bytes_too() -> None:
    link = mqtt(free_port())
    link.start()
    try:
        assert not link.publish(PLAYS, b"x" * 2_000).refused  # one that alone is too long still goes
        assert link.publish(PLAYS, b"x").refused
    finally:
        link.stop()


def test_an_address_where_nothing_listens_is_said_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    link = mqtt(port)
    link.start()
    try:
        eventually(lambda: link.last_error is not None and "can't be reached" in link.last_error)
        assert f"127.0.0.1:{port}" in str(link.last_error)
        eventually(lambda: link.attempts >= 2)
    finally:
        link.stop()
    assert caplog.text.count("No connection to the broker") == 1


def test_a_wrong_password_is_said_once_and_tried_again(networked: Site, caplog: pytest.LogCaptureFixture) -> None:
    link = mqtt(networked.port, password="wrong")
    link.start()
    try:
        eventually(lambda: link.last_error is not None and "refused" in link.last_error)
        assert ANA in str(link.last_error)
        eventually(lambda: link.attempts >= 2)
        assert not link.connected
    finally:
        link.stop()
    assert caplog.text.count("No connection to the broker") == 1
    assert "wrong" not in caplog.text


def test_a_broker_that_was_killed_is_found_again(mosquitto: Site) -> None:
    server, seen = mosquitto.link(SERVER, clean=True), Inbox()
    server.subscribe(UPWARD, seen)
    mosquitto.connected(server)
    ana = mosquitto.connected(mosquitto.link(ANA))
    assert mosquitto.mosquitto is not None
    mosquitto.mosquitto.kill()
    eventually(lambda: not ana.connected and not server.connected)
    waiting = ana.publish(PLAYS, b"while it was away")
    mosquitto.mosquitto.restart()
    eventually(lambda: server.connected)
    eventually(lambda: ana.connected)
    assert waiting.wait(WAIT_S)
    assert ana.publish(PLAYS, b"again").wait(WAIT_S)
    seen.wait_for_payload(b"again")


def test_stopping_does_not_wait_for_a_network_that_fell_silent(networked: Site) -> None:
    ana = networked.connected(networked.link(ANA, cuttable=True))
    assert networked.network is not None
    networked.network.silence()
    unanswered = ana.publish(PLAYS, b"into the void")
    began = time.monotonic()
    ana.stop()
    assert time.monotonic() - began < 5
    assert unanswered.refused


def test_while_connected_publish_waits_for_room(networked: Site) -> None:
    """Back pressure: a burst far beyond the queue is delivered whole."""
    server, seen = networked.link(SERVER), Inbox()
    server.subscribe(UPWARD, seen)
    networked.connected(server)
    ana, ready = mqtt(networked.port, queue_messages=5), threading.Event()
    ana.on_connect(ready.set)
    ana.start()
    try:
        assert ready.wait(WAIT_S)
        deliveries = [ana.publish(PLAYS, str(n).encode()) for n in range(300)]
        assert all(delivery.wait(WAIT_S) for delivery in deliveries)
    finally:
        ana.stop()
    seen.wait_for(300)
    assert seen.payloads == [str(n).encode() for n in range(300)]


def test_a_delivery_says_what_became_of_it() -> None:
    delivery = Delivery()
    assert not delivery.done
    assert not delivery.wait(0)
    delivery.accept()
    assert delivery.done
    assert delivery.wait(0)
    refused = Delivery.of_refused()
    assert not refused.done
    assert refused.refused
    assert not refused.wait(0)
