"""The agent's behaviour: what it refuses, what it reports, what cuts what, what a power cut leaves behind."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import SystemClock, to_ms
from core.ids import new_id
from devices.protocol import topics
from devices.protocol.commands import Command
from devices.protocol.plan import Area, Caps, Interval, Plan, PlanAiring
from devices.protocol.reports import (
    Alarm,
    CommandResult,
    PlanAccepted,
    PlanRefused,
    PlayRecord,
    Ready,
    Refusal,
    Want,
)
from devices.protocol.signing import SigningKey
from devices.protocol.trust import certify
from devices.receiver.agent import Agent
from devices.receiver.identity import Identity
from tests.devices.receiver.station import QUICK, Audio, Bench, airing, bench


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


class Scene:
    """One receiver with a short and a long piece of audio, published."""

    def __init__(self, stage: Bench, folder: Path) -> None:
        self.stage = stage
        self.station = stage.station
        self.short = Audio.of(folder, 0.5)
        self.long = Audio.of(folder, 6.0, hertz=300)
        self.station.publish(self.short, self.long)
        self.identity: Identity = self.station.enrol()
        self.receiver = self.identity.receiver

    def run(self, **members: Any) -> Agent:
        agent = self.stage.agent(self.identity, **members)
        self.station.wait(lambda: any(who == self.receiver for who, _ in self.station.hellos))
        return agent

    def plan(self, *airings: PlanAiring, **members: Any) -> Plan:
        """Issue a plan of these and wait until it is in force, its audio complete."""
        plan = self.station.plan(self.identity, airings, [self.short, self.long], **members)
        self.station.issue(plan)
        self.station.wait(lambda: PlanAccepted(revision=plan.revision) in self.station.heard(PlanAccepted))
        wanted = {item.sha256 for one in airings for item in one.items}
        self.station.wait(lambda: wanted <= {s for ready in self.station.heard(Ready) for s in ready.sha256})
        return plan

    def command(self, command: Command, **claims: Any) -> CommandResult:
        self.station.command(self.receiver, command, **claims)
        return self.result(command)

    def result(self, command: Command) -> CommandResult:
        self.station.wait(lambda: self.results(command))
        return self.results(command)[-1]

    def results(self, command: Command) -> list[CommandResult]:
        return [result for result in self.station.heard(CommandResult) if result.id == command.id]

    def records(self, one: PlanAiring | Command, count: int = 1) -> list[PlayRecord]:
        name = one.airing if isinstance(one, PlanAiring) else one.airing or one.id
        self.station.wait(lambda: len(self.station.records_of(name or "")) >= count)
        return self.station.records_of(name or "")

    def sounding(self, one: PlanAiring | Command) -> None:
        """Wait until it is on air."""
        name = one.airing if isinstance(one, PlanAiring) else one.airing or one.id
        self.station.wait(lambda: any(status.playing == name for _, status in self.station.statuses))

    def play_now(self, audio: Audio, **members: Any) -> Command:
        return Command(id=new_id(), name="play-now", items=[audio.item()], objects=[audio.manifest], **members)


@pytest.fixture
def scene(stage: Bench, tmp_path: Path) -> Scene:
    return Scene(stage, tmp_path)


# Plans that are not taken.


@pytest.mark.parametrize("fault", ["forged", "misaddressed", "expired", "revision", "unknown-key", "wrong-role"])
def test_a_plan_that_is_not_for_it_now_is_refused_and_changes_nothing(scene: Scene, fault: str) -> None:
    scene.run()
    good = scene.plan(airing(scene.stage.soon(600), [scene.short]))
    plan = scene.station.plan(scene.identity, [], [])
    now = int(scene.station.clock.now().timestamp())
    station, audience = scene.station, topics.audience(scene.receiver)
    tokens = {
        "forged": station.signed("plan", audience, plan, seq=plan.revision)[:-8] + b"AAAAAAAA",
        "misaddressed": station.signed("plan", topics.audience(new_id()), plan, seq=plan.revision),
        "expired": station.signed("plan", audience, plan, seq=plan.revision, iat=now - 7200, exp=now - 3600),
        "revision": station.signed("plan", audience, plan, seq=plan.revision + 1),
        "unknown-key": station.signed("plan", audience, plan, seq=plan.revision, key=SigningKey.generate()),
        "wrong-role": station.signed("plan", audience, plan, seq=plan.revision, key=station.keys.key("command")),
    }
    reasons = {"revision": "revision-mismatch", "wrong-role": "unknown-key"}
    station.link.publish(topics.down(scene.receiver, "plan"), tokens[fault])
    station.wait(lambda: station.heard(PlanRefused))
    assert station.heard(PlanRefused)[0].reason == reasons.get(fault, fault)
    assert scene.stage.agents[0]._control is not None
    assert scene.stage.agents[0]._control.planbook.revision == good.revision


def test_an_older_plan_is_refused_as_replayed_also_after_a_restart(scene: Scene) -> None:
    agent = scene.run()
    old = scene.station.plan(scene.identity, [], [])
    old_token = scene.station.signed("plan", topics.audience(scene.receiver), old, seq=old.revision)
    held = scene.plan(airing(scene.stage.soon(600), [scene.short]))
    agent.stop()
    scene.station.hellos.clear()
    scene.run()
    assert scene.station.hellos[-1][1].revision == held.revision
    scene.station.link.publish(topics.down(scene.receiver, "plan"), old_token)
    scene.station.wait(lambda: scene.station.heard(PlanRefused))
    assert scene.station.heard(PlanRefused)[0] == PlanRefused(reason="replayed", revision=old.revision)


def test_a_plan_changed_on_the_disk_is_not_taken_and_its_revision_may_come_again(scene: Scene) -> None:
    agent = scene.run()
    plan = scene.plan(airing(scene.stage.soon(600), [scene.short]))
    agent.stop()
    path = agent.folder / "plan.jws"
    token = path.read_bytes()
    path.write_bytes(token[:-5] + b"xxxxx")
    topic = topics.down(scene.receiver, "plan")
    scene.station.link.publish(topic, b"", retain=True)  # the broker has lost it too
    scene.station.hellos.clear()
    scene.station.reports.clear()
    scene.run()
    assert scene.station.hellos[-1][1].revision == 0
    scene.station.link.publish(topic, token)
    scene.station.wait(lambda: PlanAccepted(revision=plan.revision) in scene.station.heard(PlanAccepted))


# What isn't played, and why.


def test_without_time_it_is_silent_and_says_so_later(scene: Scene) -> None:
    scene.station.answering_time = False
    scene.run()
    planned = airing(scene.stage.soon(1.0), [scene.short])
    scene.station.issue(scene.station.plan(scene.identity, [planned], [scene.short]))
    scene.station.wait(lambda: _past(planned, 2_500))
    assert not scene.station.records
    scene.station.answering_time = True
    record = scene.records(planned)[0]
    assert (record.outcome, record.reason, record.started_at) == ("missed", "clock-untrusted", None)


def _past(one: PlanAiring, ms: int) -> bool:
    return to_ms(SystemClock().now()) > one.starts_at + ms


def test_quiet_hours_refuse_a_start_and_cut_what_runs_into_them(scene: Scene) -> None:
    scene.run()
    first = airing(scene.stage.soon(2.0), [scene.long])
    second = airing(scene.stage.soon(4.5), [scene.short])
    quiet = [Interval(from_=first.starts_at + 1_500, until=first.starts_at + 60_000)]
    scene.plan(first, second, quiet=quiet)
    cut = scene.records(first)[0]
    assert (cut.outcome, cut.reason) == ("partial", "quiet-hours")
    assert cut.ended_at is not None
    assert cut.ended_at <= quiet[0].from_
    assert cut.played_ms == pytest.approx(1_500, abs=20)
    refused = scene.records(second)[0]
    assert (refused.outcome, refused.reason, refused.started_at) == ("refused", "quiet-hours", None)


def test_audio_that_is_not_there_is_missed_and_the_rest_keeps_its_place(scene: Scene, tmp_path: Path) -> None:
    absent = Audio.of(tmp_path, 0.7, hertz=700)
    scene.run()
    planned = airing(scene.stage.soon(3.0), [scene.short, absent, scene.short])
    plan = scene.station.plan(scene.identity, [planned], [scene.short, absent])
    scene.station.issue(plan)
    first, missed, third = sorted(scene.records(planned, 3), key=lambda record: record.planned_at)
    assert (missed.outcome, missed.reason, missed.started_at) == ("missed", "no-audio", None)
    assert [first.outcome, third.outcome] == ["finished", "finished"]
    assert third.started_at is not None
    assert abs(third.started_at - third.planned_at) <= 20
    assert any(want.sha256 == absent.sha256 and want.n == 0 for want in scene.station.heard(Want))


def test_an_airing_that_comes_too_late_is_missed(scene: Scene) -> None:
    scene.run()
    planned = airing(scene.stage.soon(-5), [scene.long])
    scene.plan(planned)
    record = scene.records(planned)[0]
    assert (record.outcome, record.reason) == ("missed", "late-plan")


def test_what_it_was_off_for_is_recorded_as_power_off(scene: Scene) -> None:
    agent = scene.run()
    planned = airing(scene.stage.soon(4.0), [scene.short, scene.short])
    scene.plan(planned)
    agent.stop()
    scene.station.wait(lambda: _past(planned, 2_500))
    scene.run()
    records = scene.records(planned, 2)
    assert {(record.outcome, record.reason) for record in records} == {("missed", "power-off")}
    scene.station.check_chains()


def test_what_it_was_off_for_is_recorded_though_the_next_plan_no_longer_names_it(scene: Scene) -> None:
    agent = scene.run()
    planned = airing(scene.stage.soon(4.0), [scene.short])
    scene.plan(planned)
    agent.stop()
    scene.station.issue(scene.station.plan(scene.identity, [], []))  # retained: it comes at once with the connection
    (agent.folder / "clock.json").unlink()  # as after a power cut: the time is known only when it has been asked for
    scene.station.wait(lambda: _past(planned, 2_500))
    scene.run()
    record = scene.records(planned)[0]
    assert (record.outcome, record.reason) == ("missed", "power-off")


def test_a_cloned_card_is_silent(scene: Scene, stage: Bench) -> None:
    scene.identity = scene.station.enrol(machine="another machine")
    scene.receiver = scene.identity.receiver
    scene.run(settings=dataclasses.replace(QUICK, machine="this machine"))
    planned = airing(stage.soon(1.5), [scene.short])
    scene.plan(planned)
    record = scene.records(planned)[0]
    assert (record.outcome, record.reason) == ("refused", "cloned-card")
    assert any(alarm.name == "cloned-card" for alarm in scene.station.heard(Alarm))


# New plans while something sounds.


def test_what_a_new_plan_no_longer_names_is_stopped_and_what_it_names_goes_on(scene: Scene) -> None:
    scene.run()
    planned = airing(scene.stage.soon(1.5), [scene.long])
    future = airing(scene.stage.soon(600), [scene.short])
    scene.plan(planned, future)
    scene.sounding(planned)
    scene.plan(planned)
    assert not scene.station.records_of(planned.airing)
    scene.plan()
    record = scene.records(planned)[0]
    assert (record.outcome, record.reason) == ("partial", "cancelled")
    assert 0 < record.played_ms < 6_000
    assert not scene.station.records_of(future.airing)


def test_what_was_cancelled_before_it_began_leaves_no_record(scene: Scene) -> None:
    scene.run()
    planned = airing(scene.stage.soon(2.0), [scene.short])
    scene.plan(planned)
    witness = airing(scene.stage.soon(2.5), [scene.short])
    scene.plan(witness)
    scene.records(witness)
    assert not scene.station.records_of(planned.airing)


# Classes.


def test_an_emergency_cuts_in_and_what_says_resume_goes_on(scene: Scene) -> None:
    scene.run()
    ordinary = airing(scene.stage.soon(1.5), [scene.long], preempted="resume", ends_at=to_ms(scene.stage.soon(60)))
    scene.plan(ordinary)
    scene.sounding(ordinary)
    emergency = scene.play_now(scene.short, class_="emergency")
    assert scene.command(emergency).result == "accepted"
    loud = scene.records(emergency)[0]
    assert (loud.outcome, loud.command) == ("finished", emergency.id)
    record = scene.records(ordinary)[0]
    assert (record.outcome, record.reason) == ("finished", "")
    assert record.played_ms == pytest.approx(6_000, abs=30)
    assert record.started_at is not None
    assert record.ended_at is not None
    assert record.ended_at - record.started_at > 6_500  # it made room
    assert loud.started_at is not None
    assert record.started_at < loud.started_at < record.ended_at


def test_an_emergency_cuts_in_and_what_says_drop_is_over(scene: Scene) -> None:
    scene.run()
    ordinary = airing(scene.stage.soon(1.5), [scene.long, scene.short])
    scene.plan(ordinary)
    scene.sounding(ordinary)
    scene.command(scene.play_now(scene.short, class_="emergency"))
    first, second = scene.records(ordinary, 2)
    assert (first.outcome, first.reason) == ("partial", "preempted")
    assert (second.outcome, second.reason) == ("missed", "preempted")


def test_a_priority_airing_takes_the_place_of_an_ordinary_one_at_its_start(scene: Scene) -> None:
    scene.run()
    start = scene.stage.soon(2.0)
    ordinary = airing(start, [scene.long])
    priority = airing(start + timedelta(seconds=1), [scene.short], class_="priority")
    scene.plan(ordinary, priority)
    cut = scene.records(ordinary)[0]
    whole = scene.records(priority)[0]
    assert (cut.outcome, cut.reason) == ("partial", "preempted")
    assert cut.ended_at is not None
    assert cut.ended_at <= priority.starts_at
    assert (whole.outcome, whole.started_at) == ("finished", priority.starts_at)


def test_equals_do_not_cut_each_other(scene: Scene) -> None:
    scene.run()
    start = scene.stage.soon(2.0)
    first = airing(start, [scene.long])
    second = airing(start + timedelta(seconds=1), [scene.short])
    following = airing(start + timedelta(milliseconds=5_990), [scene.short])
    scene.plan(first, second, following)
    assert [record.outcome for record in scene.records(first)] == ["finished"]
    missed = scene.records(second)[0]
    assert (missed.outcome, missed.reason) == ("missed", "busy")
    late = scene.records(following)[0]
    assert late.outcome == "finished"
    assert late.started_at is not None
    assert 0 < late.started_at - late.planned_at <= 100  # it waited for the moment that they overlapped


# Commands.


def test_play_now_fetches_and_plays_and_a_duplicate_is_only_answered(scene: Scene, tmp_path: Path) -> None:
    fresh = Audio.of(tmp_path, 0.8, hertz=999)
    scene.station.publish(fresh)
    scene.run()
    scene.plan()
    command = scene.play_now(fresh, airing=new_id(), volume=40)
    token = scene.station.command(scene.receiver, command)
    record = scene.records(command)[0]
    assert (record.outcome, record.airing, record.command, record.volume) == (
        "finished",
        command.airing,
        command.id,
        40,
    )
    for count in (2, 3):
        scene.station.link.publish(topics.down(scene.receiver, "command"), token)
        scene.station.wait(lambda count=count: len(scene.results(command)) == count)  # type: ignore[misc]
    assert {result.result for result in scene.results(command)} == {"accepted"}
    refresh = Command(id=new_id(), name="refresh")
    scene.command(refresh)
    assert len(scene.station.records_of(command.airing or "")) == 1


def test_a_stop_ends_what_sounds_and_one_that_comes_first_works_too(scene: Scene) -> None:
    scene.run()
    planned = airing(scene.stage.soon(1.5), [scene.long])
    scene.plan(planned)
    scene.sounding(planned)
    assert scene.command(Command(id=new_id(), name="stop", reason="nhầm bài")).result == "accepted"
    record = scene.records(planned)[0]
    assert (record.outcome, record.reason) == ("partial", "stopped")

    later = scene.play_now(scene.short)
    scene.command(Command(id=new_id(), name="stop", stops_command=later.id))
    result = scene.command(later)
    assert (result.result, result.reason) == ("refused", "stopped")
    assert scene.records(later)[0].outcome == "missed"


def test_a_stop_by_name_spares_the_rest(scene: Scene) -> None:
    scene.run()
    planned = airing(scene.stage.soon(1.5), [scene.long])
    other = airing(scene.stage.soon(2.0), [scene.short], class_="ordinary")
    scene.plan(planned, other)
    scene.sounding(planned)
    scene.command(Command(id=new_id(), name="stop", stops_airing=other.airing))
    assert scene.records(planned)[0].outcome == "finished"
    assert (scene.records(other)[0].outcome, scene.records(other)[0].reason) == ("missed", "stopped")


def test_volume_and_mute_are_kept_over_a_restart(scene: Scene) -> None:
    agent = scene.run()
    scene.plan(caps=Caps(volume=60))
    loud = Command(id=new_id(), name="volume", volume=90)
    assert scene.command(loud) == CommandResult(id=loud.id, result="refused", reason="cap-volume")
    scene.command(Command(id=new_id(), name="volume", volume=35))
    until = to_ms(scene.stage.soon(3_600))
    scene.command(Command(id=new_id(), name="mute", until=until))
    agent.stop()
    scene.station.hellos.clear()
    scene.run()
    muted = scene.play_now(scene.short)
    assert scene.command(muted).reason == "muted"
    assert (scene.records(muted)[0].outcome, scene.records(muted)[0].reason) == ("refused", "muted")
    scene.command(Command(id=new_id(), name="mute", until=0))
    audible = scene.play_now(scene.short)
    scene.command(audible)
    assert scene.records(audible)[0].volume == 35


def test_a_mute_silences_what_sounds(scene: Scene) -> None:
    scene.run()
    planned = airing(scene.stage.soon(1.5), [scene.long])
    scene.plan(planned)
    scene.sounding(planned)
    scene.command(Command(id=new_id(), name="mute", until=to_ms(scene.stage.soon(60))))
    record = scene.records(planned)[0]
    assert (record.outcome, record.reason) == ("partial", "muted")


def test_commands_that_are_not_good_are_refused(scene: Scene) -> None:
    scene.run()
    scene.plan()
    now = int(scene.station.clock.now().timestamp())
    expired = Command(id=new_id(), name="refresh")
    scene.station.command(scene.receiver, expired, iat=now - 100, exp=now - 50)
    scene.station.wait(lambda: any(refusal.reason == "expired" for refusal in scene.station.heard(Refusal)))
    strange = scene.station.signed("command", topics.audience(new_id()), expired)
    scene.station.link.publish(topics.down(scene.receiver, "command"), strange)
    scene.station.wait(lambda: any(refusal.reason == "misaddressed" for refusal in scene.station.heard(Refusal)))
    unknown = scene.play_now(scene.short)
    unknown = Command(id=new_id(), name="play-now", items=[Audio(b"x", 1).item()])
    assert scene.command(unknown).reason == "no-manifest"
    assert scene.command(Command(id=new_id(), name="restart")).reason == "unsupported"
    assert scene.command(Command(id=new_id(), name="rotate", keys=["not a key"])).reason == "no-good-key"
    newer, older = Command(id=new_id(), name="volume", volume=10), Command(id=new_id(), name="volume", volume=99)
    seq = scene.station.next_seq()
    scene.command(newer)
    assert scene.command(older, seq=seq).reason == "superseded"


def test_area_commands_are_obeyed_where_the_plan_names_the_area(scene: Scene) -> None:
    scene.run()
    area, other = new_id(), new_id()
    scene.plan(areas=[Area(unit=area)])
    command = scene.play_now(scene.short)
    token = scene.station.signed("command", topics.area_audience(area), command)
    scene.station.link.publish(topics.area_command(area), token)
    assert scene.records(command)[0].outcome == "finished"
    volume = Command(id=new_id(), name="volume", volume=1)
    scene.station.link.publish(
        topics.area_command(area), scene.station.signed("command", topics.area_audience(area), volume)
    )
    assert scene.result(volume).reason == "not-for-areas"
    foreign = scene.station.signed("command", topics.area_audience(other), scene.play_now(scene.short))
    scene.station.link.publish(topics.area_command(area), foreign)
    scene.station.wait(lambda: any(refusal.reason == "misaddressed" for refusal in scene.station.heard(Refusal)))


def test_test_tone_and_restart_and_rotate(stage: Bench, tmp_path: Path) -> None:
    scene = Scene(stage, tmp_path)
    asked: list[bool] = []
    scene.run(restart=lambda: asked.append(True))
    scene.plan()
    assert scene.command(Command(id=new_id(), name="test-tone", duration_ms=300)).result == "accepted"
    assert scene.command(Command(id=new_id(), name="restart")).result == "accepted"
    scene.station.wait(lambda: asked)
    # A new plan key, certified by the root, which the receiver learns and then believes.
    root = SigningKey(bytes.fromhex((tmp_path / "keys" / "root.key").read_text()))
    fresh = SigningKey.generate()
    now = scene.station.clock.now()
    certificate = certify(root, fresh.public, "plan", now - timedelta(days=1), now + timedelta(days=1))
    assert scene.command(Command(id=new_id(), name="rotate", keys=[certificate])).result == "accepted"
    plan = scene.station.plan(scene.identity, [], [])
    scene.station.issue(plan, key=fresh)
    scene.station.wait(lambda: PlanAccepted(revision=plan.revision) in scene.station.heard(PlanAccepted))


# The evidence.


def test_records_wait_without_network_and_are_given_again_when_asked(scene: Scene) -> None:
    scene.station.acknowledging = False
    scene.run()
    planned = airing(scene.stage.soon(2.0), [scene.short, scene.short])
    scene.plan(planned)
    scene.stage.links[scene.receiver].drop()
    scene.station.wait(lambda: _past(planned, 1_500))
    assert not scene.station.records  # it played with the network down
    scene.stage.links[scene.receiver].restore()
    records = scene.records(planned, 2)
    assert [record.outcome for record in records] == ["finished", "finished"]
    scene.station.records.clear()
    scene.records(planned, 2)  # unacknowledged, they come again
    scene.station.acknowledge(scene.receiver, records[0].log)
    scene.station.wait(lambda: scene.stage.agents[0]._control.outbox.acknowledged == 2)  # type: ignore[union-attr]
    held = dict(scene.station.records)
    scene.station.records.clear()
    scene.station.records.update({key: value for key, value in held.items() if key[1] == 1})
    scene.station.acknowledge(scene.receiver, records[0].log, resend_from=2)
    scene.station.wait(lambda: scene.station.records == held)


def test_a_lost_link_leaves_the_last_will_and_a_stop_says_goodbye(scene: Scene) -> None:
    agent = scene.run()
    topic = topics.up(scene.receiver, "status")
    scene.station.wait(lambda: b'"online":true' in scene.stage.broker.retained.get(topic, b""))
    scene.stage.links[scene.receiver].drop()
    scene.station.wait(lambda: b'"online":false' in scene.stage.broker.retained.get(topic, b""))
    scene.stage.links[scene.receiver].restore()
    scene.station.wait(lambda: b'"online":true' in scene.stage.broker.retained.get(topic, b""))
    agent.stop()
    assert b'"online":false' in scene.stage.broker.retained[topic]


def test_stopping_the_agent_in_mid_play_records_partial(scene: Scene) -> None:
    agent = scene.run()
    planned = airing(scene.stage.soon(1.5), [scene.long, scene.short])
    scene.plan(planned)
    scene.sounding(planned)
    agent.stop()
    scene.run()
    first, second = scene.records(planned, 2)
    assert (first.outcome, first.reason) == ("partial", "shutdown")
    assert (second.outcome, second.reason) == ("missed", "shutdown")
