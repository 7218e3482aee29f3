"""Somebody holds the broker: they read, change, drop, repeat and make whatever goes over it, and hold no key of ours.

They can keep a receiver from hearing the server. They can't make it sound anything that wasn't signed for it and for
now, nor make it lose a record; what was tried on it is reported.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from core.clock import to_ms
from core.ids import new_id
from devices.keyring import Keyring, make_online_key, revoke_keys, root_key
from devices.protocol import topics
from devices.protocol.commands import Ack, Command, TimeAnswer
from devices.protocol.plan import Plan
from devices.protocol.reports import PlanAccepted, PlanRefused, Refusal
from devices.protocol.signing import SigningKey, sign
from devices.protocol.trust import certify
from tests.devices.receiver.scene import Scene
from tests.devices.receiver.station import Audio, airing


class Captor:
    """All that the broker knows, and keys and a root of their own."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene, self.station = scene, scene.station
        self.own = Keyring.create(folder / "captor", self.station.clock.now())
        self.down = topics.audience(scene.receiver)
        self.sound = Audio.of(folder, 0.4, hertz=990)

    def plan(self) -> Plan:
        soon = airing(self.station.clock.now() + timedelta(seconds=0.5), [self.sound])
        self.station.publish(self.sound)
        return self.station.plan(self.scene.identity, [soon], [self.sound])

    def signed(self, typ: str, body: object, key: SigningKey, cert: str | None, **claims: int | str) -> bytes:
        now = int(self.station.clock.now().timestamp())
        given = {"iss": self.station.keys.issuer, "aud": self.down, "seq": self.station.next_seq()} | claims
        return sign(key, typ=typ, iat=now, exp=now + 3600, body=body, cert=cert, **given)  # type: ignore[arg-type]

    def put(self, name: topics.Down, token: bytes) -> None:
        self.station.link.publish(topics.down(self.scene.receiver, name), token)


@pytest.fixture
def captor(scene: Scene, tmp_path: Path) -> Captor:
    scene.run()
    scene.plan()
    return Captor(scene, tmp_path)


def by_a_root_of_their_own(captor: Captor, plan: Plan) -> bytes:
    return captor.signed("plan", plan, captor.own.key("plan"), captor.own.certificates["plan"], seq=plan.revision)


def by_a_key_that_calls_itself_ours(captor: Captor, plan: Plan) -> bytes:
    """Our true certificate in the header, another key below it."""
    certificate = captor.station.keys.certificates["plan"]
    return captor.signed("plan", plan, captor.own.key("plan"), certificate, seq=plan.revision)


def by_a_certificate_that_a_lesser_key_made(captor: Captor, plan: Plan) -> bytes:
    """Certified by an online key in place of the root: who steals that one can't make others."""
    now, thief = captor.station.clock.now(), SigningKey.generate()
    certificate = certify(captor.station.keys.key("command"), thief.public, "plan", now, now + timedelta(days=1))
    return captor.signed("plan", plan, thief, certificate, seq=plan.revision)


def by_the_key_that_enrols(captor: Captor, plan: Plan) -> bytes:
    """The one that a web process holds."""
    keys = captor.station.keys
    return captor.signed("plan", plan, keys.key("enrol"), keys.certificates["enrol"], seq=plan.revision)


@pytest.mark.parametrize(
    "forge",
    [
        by_a_root_of_their_own,
        by_a_key_that_calls_itself_ours,
        by_a_certificate_that_a_lesser_key_made,
        by_the_key_that_enrols,
    ],
)
def test_no_plan_but_the_servers_is_taken(captor: Captor, forge: Callable[[Captor, Plan], bytes]) -> None:
    plan = captor.plan()
    captor.put("plan", forge(captor, plan))
    captor.station.wait(lambda: captor.station.heard(PlanRefused))
    assert PlanAccepted(revision=plan.revision) not in captor.station.heard(PlanAccepted)
    sentinel = captor.scene.command(Command(id=new_id(), name="volume", volume=3))  # the true server still gets through
    assert sentinel.result == "accepted"
    assert captor.station.records_of(plan.airings[0].airing) == []


def test_a_command_counts_once_and_in_its_time_and_for_its_receiver(captor: Captor, scene: Scene) -> None:
    order = scene.play_now(scene.short, airing=new_id())
    token = scene.station.command(scene.receiver, order)
    assert scene.result(order).result == "accepted"
    scene.records(order)
    for _ in range(5):
        captor.put("command", token)  # word for word
    other = captor.station.signed("command", topics.audience(new_id()), scene.play_now(scene.short, airing=new_id()))
    captor.put("command", other)
    stale = scene.play_now(scene.short, airing=new_id())
    now = int(scene.station.clock.now().timestamp())
    captor.put("command", scene.station.signed("command", captor.down, stale, iat=now - 7200, exp=now - 3600))
    captor.put("command", captor.signed("command", stale, captor.own.key("command"), None))
    wanted = {"misaddressed", "expired", "unknown-key"}
    scene.station.wait(lambda: wanted <= {refusal.reason for refusal in scene.station.heard(Refusal)})
    assert len(scene.station.records_of(order.airing or "")) == 1
    assert scene.station.records_of(stale.airing or "") == []
    assert {result.result for result in scene.results(order)} == {"accepted"}


def test_false_time_and_false_watermarks_are_not_believed(captor: Captor, scene: Scene) -> None:
    agent = scene.stage.agents[0]
    assert agent._control is not None
    before = agent._control.clock.now_ms()
    far = to_ms(scene.station.clock.now()) + 86_400_000
    nonce = "0123456789abcdef"
    own, theirs = captor.own.key("time"), captor.own.certificates["time"]
    captor.put("time", captor.signed("time", TimeAnswer(nonce=nonce, received=far, sent=far), own, theirs))
    log = agent._control.outbox.log
    captor.put("ack", captor.signed("ack", Ack(log=log, through=1_000), captor.own.key("ack"), None))
    scene.station.wait(
        lambda: {"time", "ack"} <= {refusal.topic.rsplit("/", 1)[-1] for refusal in scene.station.heard(Refusal)}
    )
    after = agent._control.clock.now_ms()
    assert before is not None
    assert after is not None
    assert 0 <= after - before < 60_000


def test_records_outlive_acknowledgements_that_are_dropped(captor: Captor, scene: Scene) -> None:
    scene.station.acknowledging = False
    order = scene.play_now(scene.short, airing=new_id())
    scene.station.command(scene.receiver, order)
    (record,) = scene.records(order)
    scene.station.records.clear()  # it comes again of itself, for ever
    (again,) = scene.records(order)
    assert again == record
    scene.station.acknowledging = True
    scene.station.acknowledge(scene.receiver, record.log)
    scene.station.check_chains()


def test_audio_that_was_swapped_is_not_played(captor: Captor, scene: Scene, tmp_path: Path) -> None:
    """The plan is the true one; the object's chunks are another sound."""
    true = Audio.of(tmp_path, 0.6, hertz=700)
    for n in range(len(true.chunks)):
        topic = topics.content(true.sha256, true.chunk_bytes, n)
        scene.station.link.publish(topic, captor.sound.chunks[0], retain=True)
    planned = airing(scene.station.clock.now() + timedelta(seconds=1.5), [true])
    scene.station.issue(scene.station.plan(scene.identity, [planned], [true]))
    (record,) = scene.records(planned)
    assert (record.outcome, record.reason, record.played_ms) == ("missed", "no-audio", 0)


def test_a_revoked_key_stays_revoked_whatever_comes_with_it(captor: Captor, scene: Scene, tmp_path: Path) -> None:
    """A stolen plan key, its true certificate in the header, and an empty list of revoked keys from earlier."""
    folder = tmp_path / "keys"
    stolen, certificate = scene.station.keys.key("plan"), scene.station.keys.certificates["plan"]
    revoke_keys(folder, ["00" * 16], scene.station.clock.now() - timedelta(days=1))
    earlier = Keyring.load(folder, ()).revocations
    make_online_key(folder, root_key(folder), "plan", scene.station.clock.now())
    revoke_keys(folder, [stolen.kid], scene.station.clock.now())
    scene.station.keys = Keyring.load(folder, ("plan", "command", "time", "ack"))
    keys = scene.station.keys
    plan = scene.station.plan(scene.identity, [], [], keys=keys.taught, revocations=keys.revocations)
    captor.put("plan", captor.signed("plan", plan, keys.key("plan"), keys.certificates["plan"], seq=plan.revision))
    scene.station.wait(lambda: PlanAccepted(revision=plan.revision) in scene.station.heard(PlanAccepted))
    false = msgspec.structs.replace(captor.plan(), revocations=earlier)
    captor.put("plan", captor.signed("plan", false, stolen, certificate, seq=false.revision))
    scene.station.wait(lambda: any(one.reason == "unknown-key" for one in scene.station.heard(PlanRefused)))
    assert scene.station.records_of(false.airings[0].airing) == []
