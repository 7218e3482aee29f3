"""The whole way over a broker in memory: a scripted receiver that signs properly, and some that don't."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError, OperationalError

from broadcast import commands, delivery, intake, playlog, playouts
from broadcast.ingest import Ingest
from broadcast.intake import Answers, Upward
from broadcast.tables import (
    CommandAnswer,
    IssuedCommand,
    IssuedPlan,
    PlanRequest,
    ReceiverObject,
    StoredRecord,
    UnjudgedBatch,
    Watermark,
)
from core.clock import ManualClock, from_ms, to_ms
from core.database import is_away
from core.events import Event
from core.ids import new_id
from devices.link import MemoryBroker, MemoryLink, Message
from devices.protocol import topics
from devices.protocol.commands import Ack, Command, TimeAnswer
from devices.protocol.plan import CHUNK_BYTES
from devices.protocol.reports import (
    Alarm,
    CommandResult,
    Hello,
    PlanAccepted,
    PlanRefused,
    Ready,
    Refusal,
    Report,
    Status,
    Want,
)
from devices.protocol.signing import SigningKey, decode_body
from devices.protocol.upward import sign_up
from devices.tables import Receiver
from tests.broadcast.transmission.test_playouts import accept, batch, planned, played
from tests.broadcast.transmission.world import OPERATOR, Box, World, leading
from tests.support.statements import statements

WAIT_S = 20.0


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for a condition with a deadline; it is asked again and again because it looks into the database."""
    deadline = time.monotonic() + WAIT_S
    while not (value := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
    return value


class Post:
    """A broker with the ingest service on it, and a scripted receiver's end of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.broker = MemoryBroker()
        self.server = self.broker.link("server", client_id="ingest", manual_ack=True)
        self.leader = self.broker.link("server", client_id="leader")
        self.ingest = Ingest(world.db, self.server, world.keyring, clock=world.clock, store=world.store)
        self.boxes: dict[str, MemoryLink] = {}
        self.heard: list[Message] = []
        self.ingest.start()
        self.server.start()
        self.leader.start()

    def end(self) -> None:
        self.ingest.stop()
        for link in [self.server, self.leader, *self.boxes.values()]:
            link.stop()

    def link(self, box: Box) -> MemoryLink:
        if box.id not in self.boxes:
            status = msgspec.json.encode(Status(online=False))
            link = self.boxes[box.id] = self.broker.link(box.id, will=(topics.up(box.id, "status"), status))
            link.subscribe(f"tt/1/rx/{box.id}/down/#", self.heard.append)
            for unit in (self.world.province, self.world.north, self.world.south):
                link.subscribe(topics.area_command(unit), self.heard.append)
            link.start()
        return self.boxes[box.id]

    def say(self, box: Box, name: Any, payload: Any) -> None:
        data = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        self.link(box).publish(topics.up(box.id, name), data, qos=0 if name == "time" else 1)

    def report(self, box: Box, report: Report) -> None:
        self.say(box, "report", box.sign("report", report, self.world.clock.now()))

    def hello(self, box: Box, revision: int = 0) -> None:
        self.say(box, "hello", Hello(revision=revision, software="scripted 1", boot=new_id()))

    def got(self, box: Box, name: Any) -> list[bytes]:
        return [message.payload for message in list(self.heard) if message.topic == topics.down(box.id, name)]

    def acks(self, box: Box) -> list[int]:
        trust = self.world.keyring.trust()
        opened = [
            trust.open(token, typ="ack", audience=f"rx/{box.id}", now=self.world.clock.now())
            for token in self.got(box, "ack")
        ]
        return [decode_body(claims, Ack).through for claims in opened]

    def unacknowledged(self) -> int:
        """What the broker still holds for the ingest service."""
        session = self.broker.board._session(self.server)
        assert session is not None
        return len(session.unacknowledged)

    def count(self, entity: Any, *conditions: Any) -> int:
        with self.world.db.reading() as session:
            return session.scalar(select(func.count()).select_from(entity).where(*conditions)) or 0

    def events(self, kind: str) -> list[Event]:
        with self.world.db.reading() as session:
            return list(session.scalars(select(Event).where(Event.kind == kind).order_by(Event.seq)))

    def send_commands(self) -> int:
        world = self.world
        return commands.send_pending(world.db, world.keyring, self.leader, leading, world.clock)


@pytest.fixture
def post(world: World) -> Iterator[Post]:
    made = Post(world)
    yield made
    made.end()


def test_records_come_in_are_committed_and_acknowledged(post: Post, world: World, clock: ManualClock) -> None:
    airing = planned(world)
    post.link(world.a)
    post.report(world.a, PlanAccepted(revision=world.plan_of(world.a).revision))
    clock.advance(timedelta(minutes=31))
    records = played(world, world.a, airing)
    message = world.a.plays(records, clock.now())
    post.say(world.a, "plays", message)
    post.say(world.a, "plays", message)
    until(lambda: post.acks(world.a)[-1:] == [3], "the watermark")
    until(lambda: world.playout(airing, world.a).state == "finished", "judged behind it")
    assert post.count(StoredRecord) == 3
    until(lambda: post.unacknowledged() == 0, "acknowledged to the broker")


def test_a_plan_goes_its_way_to_ready(post: Post, world: World, clock: ManualClock) -> None:
    airing = planned(world)
    delivery.publish_pending(world.db, post.leader, leading, clock)
    post.link(world.b)
    plan = world.opened(world.b, until(lambda: post.got(world.b, "plan"), "the plan")[0])
    clock.advance(timedelta(seconds=1))
    post.report(world.b, PlanAccepted(revision=plan.revision))
    until(lambda: world.playout(airing, world.b).state == "delivered", "delivered")
    post.report(world.b, Ready(sha256=[world.items[0].sound("horn")]))
    until(lambda: post.count(ReceiverObject) == 1, "one object")
    assert world.playout(airing, world.b).state == "delivered"
    post.report(world.b, Ready(sha256=[item.sound("horn") for item in world.items]))
    until(lambda: world.playout(airing, world.b).state == "ready", "ready")
    clock.advance(timedelta(minutes=30))
    post.say(world.b, "status", Status(online=True, at=to_ms(clock.now()), playing=airing))
    until(lambda: world.playout(airing, world.b).state == "playing", "playing")
    with world.db.reading() as session:
        assert session.get_one(IssuedPlan, (world.b.id, plan.revision)).accepted_at == from_ms(
            plan.valid_from
        ) + timedelta(seconds=1)
        assert session.get_one(Receiver, world.b.id).held_revision == plan.revision


def test_hello_gets_the_plan_unless_it_is_held(post: Post, world: World, clock: ManualClock) -> None:
    planned(world)
    delivery.publish_pending(world.db, post.leader, leading, clock)
    post.broker.down(forget=True)  # the broker lost the retained plan
    post.broker.up()
    revision = world.plan_of(world.a).revision
    post.link(world.a)
    post.hello(world.a)
    assert world.opened(world.a, until(lambda: post.got(world.a, "plan"), "the plan")[0]).revision == revision
    post.report(world.a, PlanAccepted(revision=revision))
    until(lambda: post.events("receiver:receiver:plan-accepted"), "accepted")
    post.hello(world.a, revision)
    post.say(world.a, "status", Status(online=True, playing=None))
    until(lambda: _receiver(world, world.a).last_status, "the status behind the hello")
    assert len(post.got(world.a, "plan")) == 1
    assert (_receiver(world, world.a).software, _receiver(world, world.a).online) == ("scripted 1", True)


def _receiver(world: World, box: Box) -> Receiver:
    with world.db.reading() as session:
        return session.get_one(Receiver, box.id)


def test_many_receivers_that_come_at_once_are_looked_up_at_once(world: World) -> None:
    """As after the broker was started again: the statements don't grow with the receivers.

    (SQLite is given events one by one.)
    """

    def taken(boxes: list[Box]) -> int:
        status = msgspec.json.encode(Status(online=True))
        hello = msgspec.json.encode(Hello(revision=0, software="scripted 1", boot=new_id()))
        said = [Upward(topics.up(box.id, "status"), status) for box in boxes]
        said += [Upward(topics.up(box.id, "hello"), hello) for box in boxes]
        opened = intake.open_batch(world.db, said, world.keyring.issuer)
        with statements(world.db) as seen, world.db.writing() as session:
            intake.apply(session, opened, world.clock)
        return len([one for one in seen if not one.startswith("INSERT INTO events")])

    with world.db.writing() as session:
        few, many = ([world.receiver(session, world.north) for _ in range(count)] for count in (3, 40))
    assert taken(many) == taken(few)


def test_a_receiver_without_a_plan_gets_one(post: Post, world: World) -> None:
    post.hello(world.c)
    until(lambda: post.count(PlanRequest) == 1, "a request")
    world.issue()
    assert world.plan_of(world.c).airings == []


def test_a_higher_revision_is_alarmed_and_gone_above(post: Post, world: World, clock: ManualClock) -> None:
    planned(world)
    held = world.plan_of(world.a).revision + 60_000
    post.hello(world.a, held)
    event = until(lambda: post.events("receiver:receiver:revision-ahead"), "the alarm")[0]
    assert event.data == {"held": held, "issued": world.plan_of(world.a).revision}
    world.issue()
    assert world.plan_of(world.a).revision == held + 1


def test_time_is_answered_though_the_database_is_busy(post: Post, world: World, monkeypatch: Any) -> None:
    release = threading.Event()
    reached = threading.Event()

    def stuck(*_: Any) -> Answers:
        reached.set()
        release.wait(WAIT_S)
        return Answers()

    monkeypatch.setattr(intake, "apply", stuck)
    post.hello(world.a)
    reached.wait(WAIT_S)
    post.say(world.a, "time", {"nonce": "0123456789abcdef"})
    token = until(lambda: post.got(world.a, "time"), "the time")[0]
    release.set()
    claims = world.keyring.trust().open(token, typ="time", audience=f"rx/{world.a.id}", now=world.clock.now())
    answer = decode_body(claims, TimeAnswer)
    now = to_ms(world.clock.now())
    assert (answer.nonce, answer.received, answer.sent) == ("0123456789abcdef", now, now)


def test_presence_follows_hello_status_and_last_will(post: Post, world: World) -> None:
    post.hello(world.a)
    until(lambda: _receiver(world, world.a).online, "online")
    post.link(world.a).drop()
    until(lambda: not _receiver(world, world.a).online, "the last will")


def bad(post: Post, world: World, kind: str) -> None:
    box, now = world.a, world.clock.now()
    thief = SigningKey.generate()
    good: dict[str, Any] = {"receiver": box.id, "root_kid": world.keyring.issuer, "seq": 1, "iat": int(now.timestamp())}
    report = Alarm(name="x")
    if kind == "forged":
        post.say(box, "report", box.sign("report", report, now)[:-8] + b"AAAAAAAA")
    elif kind == "another-key":
        post.say(box, "report", sign_up(thief, typ="report", body=report, **good))
    elif kind == "another-receiver":
        post.say(box, "report", world.b.sign("report", report, now))
    elif kind == "another-topic":
        post.say(box, "report", sign_up(box.key, typ="report", body=report, **(good | {"receiver": world.b.id})))
    elif kind == "another-installation":
        post.say(box, "report", sign_up(box.key, typ="report", body=report, **(good | {"root_kid": "0" * 32})))
    elif kind == "wrong-type":
        post.say(box, "plays", box.sign("report", report, now))
    elif kind == "no-body":
        post.say(box, "plays", box.sign("plays", {}, now))
    elif kind == "hello":
        post.say(box, "hello", b"{")
    else:
        post.say(box, "report", b"\xff\x00 not a token")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("forged", "forged"),
        ("another-key", "unknown-key"),
        ("another-receiver", "unknown-key"),
        ("another-topic", "wrong-issuer"),
        ("another-installation", "misaddressed"),
        ("wrong-type", "wrong-type"),
        ("no-body", "malformed"),
        ("hello", "malformed"),
        ("bytes", "malformed"),
    ],
)
def test_a_bad_message_is_noted_and_stops_nothing(post: Post, world: World, kind: str, reason: str) -> None:
    for _ in range(3):
        bad(post, world, kind)
    post.say(
        world.a,
        "plays",
        world.a.plays([world.a.record(new_id(), world.items[0], world.clock.now())], world.clock.now()),
    )
    until(lambda: post.acks(world.a) == [1], "the good one behind")
    events = until(lambda: post.events("system:message:rejected"), "an event")
    assert [(event.subject_id, event.data["reason"]) for event in events] == [(world.a.id, reason)]
    assert post.events("receiver:receiver:alarm") == []


def test_a_revoked_receiver_is_not_believed(post: Post, world: World) -> None:
    with world.db.writing() as session:
        session.get_one(Receiver, world.a.id).status = "revoked"
    record = world.a.record(new_id(), world.items[0], world.clock.now())
    post.say(world.a, "plays", world.a.plays([record], world.clock.now()))
    post.hello(world.a)
    until(lambda: len(post.events("system:message:rejected")) == 2, "both noted")
    assert post.count(StoredRecord) == 0
    assert not _receiver(world, world.a).online


def test_while_the_database_is_away_nothing_is_acknowledged_and_nothing_is_lost(
    post: Post, world: World, monkeypatch: Any
) -> None:
    real, tried = intake.apply, threading.Semaphore(0)
    away = True

    def apply(*arguments: Any) -> Any:
        if away:
            tried.release()
            raise OperationalError("BEGIN", {}, Exception("the database is away"))
        return real(*arguments)

    monkeypatch.setattr(intake, "apply", apply)
    for _ in range(5):
        record = world.a.record(new_id(), world.items[0], world.clock.now())
        post.say(world.a, "plays", world.a.plays([record], world.clock.now()))
    for _ in range(3):
        assert tried.acquire(timeout=WAIT_S)
    assert post.acks(world.a) == []
    assert post.unacknowledged() == 5
    away = False
    until(lambda: post.acks(world.a)[-1:] == [5], "all of them")
    assert post.count(StoredRecord) == 5


def test_what_one_message_breaks_is_set_aside_alone(post: Post, world: World, monkeypatch: Any) -> None:
    real = playlog.take_in
    poison = new_id()

    def take_in(session: Any, batches: Any, now: Any) -> Any:
        if any(one.record.airing == poison for batch in batches for one in batch.records):
            raise IntegrityError("INSERT", {}, Exception("a bug"))
        return real(session, batches, now)

    monkeypatch.setattr(playlog, "take_in", take_in)
    for box, airing in ((world.a, new_id()), (world.b, poison), (world.c, new_id())):
        post.link(box)
        record = box.record(airing, world.items[0], world.clock.now())
        post.say(box, "plays", box.plays([record], world.clock.now()))
    until(lambda: post.acks(world.a) == [1] and post.acks(world.c) == [1], "the others")
    until(lambda: post.events("system:message:rejected"), "the event")
    assert post.acks(world.b) == []
    assert post.count(Watermark, Watermark.receiver_id == world.b.id) == 0


def test_records_that_cannot_be_judged_are_kept_and_hold_nothing_up(post: Post, world: World, monkeypatch: Any) -> None:
    airing, real = planned(world), playouts.recompute

    def recompute(session: Any, pairs: Any, *arguments: Any, **more: Any) -> int:
        if (airing, world.b.id) in pairs:
            raise ValueError("a bug")
        return real(session, pairs, *arguments, **more)

    monkeypatch.setattr(playouts, "recompute", recompute)
    for box in (world.b, world.a, world.c):
        post.say(box, "plays", box.plays(played(world, box, airing), world.clock.now()))
    until(lambda: {world.playout(airing, box).state for box in (world.a, world.c)} == {"finished"}, "the others")
    [event] = until(lambda: post.events("system:playout:not-judged"), "the event")
    assert (event.subject_id, event.data["airings"]) == (world.b.id, [airing])
    until(lambda: post.acks(world.b) == [3], "kept all the same")
    assert post.count(UnjudgedBatch) == 0


def test_what_a_killed_process_did_not_judge_the_next_one_judges(world: World) -> None:
    airing = planned(world)
    with world.db.writing() as session:
        playlog.take_in(session, [batch(world.a, played(world, world.a, airing))], world.clock.now())
    assert world.playout(airing, world.a).state == "planned"
    post = Post(world)  # it only starts: no message wakes it
    until(lambda: world.playout(airing, world.a).state == "finished", "judged")
    post.end()
    assert post.count(UnjudgedBatch) == 0


def test_an_unacknowledged_batch_comes_again_to_the_next_process(world: World) -> None:
    """Killed between commit and acknowledgement, and between arrival and commit: neither lost nor doubled."""
    post = Post(world)
    record = world.a.record(new_id(), world.items[0], world.clock.now())
    post.ingest._stopping.set()  # it takes nothing any more, as if it were dead
    post.say(world.a, "plays", world.a.plays([record], world.clock.now()))
    post.broker.settle()
    post.server.drop()
    second = post.broker.link("server", client_id="ingest", manual_ack=True)
    heir = Ingest(world.db, second, world.keyring, clock=world.clock, store=world.store)
    heir.start()
    second.start()
    until(lambda: post.acks(world.a) == [1], "the heir's watermark")
    heir.stop()
    second.stop()
    post.end()
    assert post.count(StoredRecord) == 1


def test_what_receivers_report_is_kept(post: Post, world: World) -> None:
    planned(world)
    revision = world.plan_of(world.a).revision
    post.report(world.a, PlanRefused(reason="forged", revision=revision))
    post.report(world.a, Refusal(topic="tt/1/area/x/command", reason="replayed"))
    post.report(world.a, Alarm(name="clock", detail="NTP contradicts"))
    until(lambda: post.events("receiver:receiver:alarm"), "the alarm")
    assert post.events("receiver:receiver:refused-message")[0].data["reason"] == "replayed"
    with world.db.reading() as session:
        assert session.get_one(IssuedPlan, (world.a.id, revision)).refused_reason == "forged"


def test_a_wanted_chunk_is_published_again_once(post: Post, world: World) -> None:
    sha256 = world.items[1].sha256
    seen: list[Message] = []
    listener = post.broker.link("server", client_id="listener")
    listener.subscribe("tt/1/content/#", seen.append)
    listener.start()
    for box in (world.a, world.b):
        post.report(box, Want(sha256=sha256, n=1))
    post.report(world.c, Want(sha256=sha256, n=99))
    post.report(world.c, Want(sha256="0" * 64, n=0))
    post.report(world.c, Alarm(name="behind"))
    until(lambda: post.events("receiver:receiver:alarm"), "everything before")
    topic = topics.content(sha256, CHUNK_BYTES, 1)
    until(lambda: seen, "the chunk")
    post.broker.settle()
    assert [message.topic for message in seen] == [topic]
    assert seen[0].payload == world.store.read(sha256)[CHUNK_BYTES:]
    listener.stop()


# Commands


def opened(world: World, token: bytes, audience: str) -> tuple[int, Command]:
    claims = world.keyring.trust().open(token, typ="command", audience=audience, now=world.clock.now())
    return claims.seq, decode_body(claims, Command)


def test_a_command_reaches_its_receiver_and_is_answered(post: Post, world: World, clock: ManualClock) -> None:
    post.link(world.a)
    with world.db.writing() as session:
        first = commands.set_volume(session, world.a.id, 40, actor=OPERATOR, now=clock.now()).id
        second = commands.set_volume(session, world.a.id, 60, actor=OPERATOR, now=clock.now()).id
    assert post.send_commands() == 2
    assert post.send_commands() == 0
    until(lambda: len(post.got(world.a, "command")) == 2, "both")
    numbered = [opened(world, token, f"rx/{world.a.id}") for token in post.got(world.a, "command")]
    assert [(command.id, command.volume) for _, command in numbered] == [(first, 40), (second, 60)]
    assert numbered[0][0] < numbered[1][0]
    post.report(world.a, CommandResult(id=first, result="accepted"))
    post.report(world.a, CommandResult(id=first, result="accepted"))
    post.report(world.a, CommandResult(id=new_id(), result="accepted"))
    post.report(world.a, CommandResult(id=second, result="refused", reason="cap"))
    until(lambda: post.count(CommandAnswer) == 2, "two answers")
    assert [event.data["result"] for event in post.events("receiver:receiver:command-answered")] == [
        "accepted",
        "refused",
    ]


def test_stopping_an_airing_reaches_every_unit_that_it_is_for(post: Post, world: World, clock: ManualClock) -> None:
    airing = planned(world, [world.north, world.south])
    clock.advance(timedelta(minutes=30, seconds=5))
    for box in (world.a, world.c):
        post.link(box)
    with world.db.writing() as session:
        rows = commands.stop_airing(session, airing, actor=OPERATOR, now=clock.now(), reason="đọc sai")
        assert [row.airing_id for row in rows] == [airing, airing]
    post.send_commands()
    topic = topics.area_command(world.south)
    message = until(lambda: [one for one in post.heard if one.topic == topic], "the south's")[0]
    assert not message.retain
    _, command = opened(world, message.payload, f"area/{world.south}")
    assert (command.name, command.stops_airing, command.reason) == ("stop", airing, "đọc sai")
    assert [event.actor_id for event in post.events("user:command:issued")] == [OPERATOR.id] * 2


def test_who_comes_back_gets_what_it_has_not_answered(post: Post, world: World, clock: ManualClock) -> None:
    with world.db.writing() as session:
        own = commands.set_volume(session, world.a.id, 30, actor=OPERATOR, now=clock.now()).id
        area = commands.stop(session, actor=OPERATOR, now=clock.now(), unit_id=world.province).id
        commands.stop(session, actor=OPERATOR, now=clock.now(), unit_id=world.south)
    post.send_commands()
    post.link(world.a)  # it was away, and commands are not retained
    assert post.got(world.a, "command") == []
    post.hello(world.a)
    until(lambda: post.count(IssuedCommand, IssuedCommand.published_at.is_(None)) == 2, "to be sent again")
    post.send_commands()
    until(lambda: len(post.got(world.a, "command")) == 2, "both")
    again = {opened(world, token, f"rx/{world.a.id}")[1].id for token in post.got(world.a, "command")}
    assert again == {own, area}  # the copy carries the id of the first: nothing is executed twice
    post.report(world.a, CommandResult(id=area, result="accepted"))
    post.report(world.a, CommandResult(id=own, result="accepted"))
    until(lambda: post.count(CommandAnswer) == 2, "the answers")
    post.hello(world.a)
    post.report(world.a, Alarm(name="behind"))
    until(lambda: post.events("receiver:receiver:alarm"), "the second hello")
    assert post.send_commands() == 0


def test_what_has_expired_is_not_sent(post: Post, world: World, clock: ManualClock) -> None:
    with world.db.writing() as session:
        commands.stop(session, actor=OPERATOR, now=clock.now(), receiver_id=world.a.id)
    clock.advance(commands.STOP_LIFE)
    assert post.send_commands() == 0
    post.hello(world.a)
    until(lambda: _receiver(world, world.a).online, "the hello")
    assert post.send_commands() == 0


def test_a_copied_mute_does_not_come_back_over_a_newer_one(post: Post, world: World, clock: ManualClock) -> None:
    with world.db.writing() as session:
        until_then = clock.now() + timedelta(hours=1)
        commands.mute(session, until=until_then, actor=OPERATOR, now=clock.now(), unit_id=world.north)
    clock.advance(timedelta(seconds=1))
    with world.db.writing() as session:
        lifted = commands.mute(session, until=None, actor=OPERATOR, now=clock.now(), receiver_id=world.a.id).id
    post.send_commands()
    post.hello(world.a)
    until(lambda: post.count(IssuedCommand, IssuedCommand.published_at.is_(None)) == 1, "only the newer one")
    post.send_commands()
    token = until(lambda: post.got(world.a, "command"), "it")[0]
    assert opened(world, token, f"rx/{world.a.id}")[1].id == lifted


def test_a_kill_between_signing_and_publishing_publishes_the_same_token(
    post: Post, world: World, clock: ManualClock
) -> None:
    with world.db.writing() as session:
        row_id = commands.refresh(session, world.a.id, actor=OPERATOR, now=clock.now()).id
    post.leader.drop()
    assert post.send_commands() == 0
    with world.db.reading() as session:
        token = session.get_one(IssuedCommand, row_id).token
    post.leader.restore()
    post.link(world.a)
    until(lambda: post.leader.connected, "the link")
    assert post.send_commands() == 1
    assert token is not None
    assert until(lambda: post.got(world.a, "command"), "it") == [token.encode()]


def test_the_json_of_events_is_readable(post: Post, world: World) -> None:
    """What goes into the audit trail can be written out as it is."""
    planned(world)
    accept(world, world.a)
    with world.db.reading() as session:
        for event in session.scalars(select(Event)):
            assert json.loads(json.dumps(event.data)) == event.data


def test_only_the_database_being_away_makes_a_batch_wait() -> None:
    assert is_away(OperationalError("x", {}, Exception()))
    assert not is_away(IntegrityError("x", {}, Exception()))


def test_a_nul_in_what_receivers_say_holds_nothing_up(post: Post) -> None:
    world, nul = post.world, "a\0b"
    airing = planned(world)
    post.say(
        world.a, "hello", Hello(revision=0, software=nul, boot=new_id(), machine=nul, capabilities=[nul, "sound\0"])
    )
    revision = world.plan_of(world.a).revision
    post.report(world.a, PlanRefused(revision=revision, reason=nul))
    post.report(world.a, Alarm(name=nul, detail=nul))
    post.report(world.a, Refusal(topic=nul, reason=nul))
    with world.db.writing() as session:
        issued = commands.set_volume(session, world.a.id, 50, actor=OPERATOR, now=world.clock.now())
        command = issued.id
    post.report(world.a, CommandResult(id=command, result="refused", reason=nul))
    records = [world.a.record(airing, item, world.clock.now(), outcome="missed", reason=nul) for item in world.items]
    post.say(world.a, "plays", world.a.plays(records, world.clock.now()))
    until(lambda: post.acks(world.a) == [3], "the records are acknowledged")
    with world.db.reading() as session:
        answer = session.get_one(CommandAnswer, (command, world.a.id))
        plan = session.get_one(IssuedPlan, (world.a.id, revision))
        alarm = session.scalars(select(Event).where(Event.kind == "receiver:receiver:alarm")).one()
    assert (answer.reason, plan.refused_reason, alarm.data["detail"]) == ("a␀b",) * 3
    until(lambda: world.playout(airing, world.a).reason == "a␀b", "judged")
