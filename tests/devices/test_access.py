"""Who may read and write what: the rules alone, then what three brokers really deliver."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import access
from devices.link.dispatch import matches
from devices.protocol import topics
from tests.devices.support import ANA, BINH, SERVER, STRANGER, Inbox, Site, eventually

SHA256 = "ab" * 32
UNIT = "01J00000000000000000000VN1"

# (user, topic, may read, may write)
CASES = [
    (ANA, topics.down(ANA, "plan"), True, False),
    (ANA, topics.down(ANA, "command"), True, False),
    (ANA, topics.down(ANA, "ack"), True, False),
    (ANA, topics.down(BINH, "plan"), False, False),
    (ANA, topics.up(ANA, "hello"), False, True),
    (ANA, topics.up(ANA, "status"), False, True),
    (ANA, topics.up(BINH, "status"), False, False),
    (ANA, topics.up(BINH, "plays"), False, False),
    (ANA, topics.area_command(UNIT), True, False),
    (ANA, topics.content(SHA256, 65_536, 0), True, False),
    (ANA, topics.live("01J0000000000000000000L1VE"), True, False),
    (ANA, f"tt/1/rx/{ANA}/upper/hello", False, False),
    (ANA, f"tt/1/rx/{ANA}", False, False),
    (ANA, "tt/1/other", False, False),
    (ANA, "tt/2/area/x/command", False, False),
    (ANA, "elsewhere", False, False),
    (SERVER, topics.down(ANA, "plan"), True, True),
    (SERVER, topics.up(BINH, "plays"), True, True),
    (SERVER, topics.area_command(UNIT), True, True),
    (SERVER, "elsewhere", False, False),
]


@pytest.mark.parametrize(("user", "topic", "reads", "writes"), CASES)
def test_the_rules(user: str, topic: str, reads: bool, writes: bool) -> None:  # noqa: FBT001 - a table
    assert access.may_read(user, topic) is reads
    assert access.may_write(user, topic) is writes


@pytest.mark.parametrize(
    "user", ["", "+", "#", "tt", "Server", "01j00000000000000000000ana", ANA + "/down", ANA + "\n"]
)
def test_a_name_that_is_no_receiver_gets_nothing(user: str) -> None:
    for _, topic, _, _ in CASES:
        assert not access.may_read(user, topic)
        assert not access.may_write(user, topic)
    assert not access.may_subscribe(user, "tt/1/#")


_levels = st.sampled_from(["tt", "1", "rx", ANA, BINH, "down", "up", "plan", "area", "content", "live", "x"])
_topics = st.lists(_levels, min_size=1, max_size=6).map("/".join)
_filters = st.lists(st.one_of(_levels, st.just("+")), min_size=1, max_size=6).flatmap(
    lambda levels: st.sampled_from(["/".join(levels), "/".join([*levels, "#"])])
)


@given(_filters, _topics, st.sampled_from([ANA, SERVER]))
def test_a_subscription_that_could_deliver_something_is_never_refused(wanted: str, topic: str, user: str) -> None:
    if matches(wanted, topic) and access.may_read(user, topic):
        assert access.may_subscribe(user, wanted)


@pytest.mark.parametrize("wanted", [f"tt/1/rx/{BINH}/down/#", f"tt/1/rx/{BINH}/down/plan", "other/#", "tt/1/rx/+/up/#"])
def test_a_subscription_outside_is_refused(wanted: str) -> None:
    assert not access.may_subscribe(ANA, wanted)


WIDE = ["tt/1/#", "#", "tt/1/rx/#", "tt/1/rx/+/down/#", "tt/1/rx/+/down/plan", f"tt/1/rx/{BINH}/down/#"]


@pytest.mark.parametrize("wanted", WIDE)
def test_a_receiver_is_given_its_own_and_nobody_elses(broker: Site, wanted: str) -> None:
    """What is delivered counts, not the SUBACK; live and retained alike."""
    server = broker.connected(broker.link(SERVER))
    for receiver in (ANA, BINH):
        assert server.publish(topics.down(receiver, "plan"), b"kept", retain=True).wait(15)
    ana, own, stray = broker.link(ANA), Inbox(), Inbox()
    ana.subscribe(wanted, stray)
    ana.subscribe(topics.down(ANA, "command"), own)
    broker.connected(ana)
    for receiver in (BINH, ANA):
        assert server.publish(topics.down(receiver, "plan"), b"fresh", retain=True).wait(15)
        assert server.publish(topics.up(receiver, "status"), b"up").wait(15)
    assert server.publish(topics.down(ANA, "command"), b"last").wait(15)
    own.wait_for_payload(b"last")
    readable = {topics.down(ANA, "plan"), topics.down(ANA, "command")}
    expected = {topic for topic in readable if matches(wanted, topic)}
    assert set(stray.topics) == expected
    if topics.down(ANA, "plan") in expected:
        plans = [message for message in stray.messages if message.topic == topics.down(ANA, "plan")]
        assert [(message.payload, message.retain) for message in plans] == [(b"kept", True), (b"fresh", False)]


def test_a_receiver_writes_in_its_own_name_only(broker: Site) -> None:
    server, everything = broker.link(SERVER), Inbox()
    server.subscribe("tt/1/#", everything)
    broker.connected(server)
    binh, given = broker.link(BINH), Inbox()
    binh.subscribe("tt/1/#", given)
    broker.connected(binh)
    ana = broker.connected(broker.link(ANA))
    forbidden = [topic for user, topic, _, writes in CASES if user == ANA and not writes]
    for topic in forbidden:
        ana.publish(topic, b"forged", retain=True)
    assert ana.publish(topics.up(ANA, "hello"), b"last").wait(15)
    everything.wait_for_payload(b"last")
    assert everything.topics == [topics.up(ANA, "hello")]
    assert server.publish(topics.down(BINH, "command"), b"true").wait(15)
    given.wait_for_payload(b"true")
    assert given.payloads == [b"true"]
    late = Inbox()  # nothing of it was kept either
    server.subscribe("tt/1/rx/#", late)
    assert server.publish(topics.down(BINH, "command"), b"end").wait(15)
    late.wait_for_payload(b"end")
    assert b"forged" not in late.payloads


@pytest.mark.parametrize(("at", "allowed"), [(ANA, True), (BINH, False)])
def test_a_last_will_is_held_to_the_rules(broker: Site, at: str, allowed: bool) -> None:  # noqa: FBT001 - a table
    server, seen = broker.link(SERVER), Inbox()
    server.subscribe("tt/1/rx/+/up/#", seen)
    broker.connected(server)
    ana = broker.connected(broker.link(ANA, will=(topics.up(at, "status"), b"gone"), cuttable=True))
    again = Inbox()
    ana.subscribe(topics.down(ANA, "command"), again)
    ana.on_connect(lambda: ana.publish(topics.up(ANA, "hello"), b"back"))
    broker.cut(ana)
    seen.wait_for_payload(b"back", 30)
    assert (b"gone" in seen.payloads) is allowed


def test_who_has_no_password_stays_out(networked: Site) -> None:
    stranger = networked.link(STRANGER)
    stranger.start()
    eventually(lambda: stranger.last_error is not None and "refused" in stranger.last_error)
    assert not stranger.connected
