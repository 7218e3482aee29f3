"""Commands, and what cuts what."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import to_ms
from core.ids import new_id
from devices.protocol import topics
from devices.protocol.commands import Command
from devices.protocol.plan import Area, Caps, Interval
from devices.protocol.reports import (
    CommandResult,
    PlanAccepted,
    Refusal,
)
from devices.protocol.signing import SigningKey
from devices.protocol.trust import certify
from tests.devices.receiver.scene import Scene
from tests.devices.receiver.station import Audio, Bench, airing


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


def test_a_drill_obeys_quiet_hours_and_mute_and_plays_nothing_without_a_plan(scene: Scene) -> None:
    scene.run()
    members = {"class_": "emergency", "drill": True}
    assert scene.command(scene.play_now(scene.short, **members)).reason == "no-plan"
    now = to_ms(scene.stage.soon(0))
    scene.plan(quiet=[Interval(from_=now - 60_000, until=now + 600_000)])
    silent = scene.play_now(scene.short, **members)
    assert scene.command(silent).reason == "quiet-hours"
    assert scene.records(silent)[0].outcome == "refused"
    scene.plan()
    scene.command(Command(id=new_id(), name="mute", until=now + 600_000))
    assert scene.command(scene.play_now(scene.short, **members)).reason == "muted"
    assert scene.command(scene.play_now(scene.short, class_="emergency")).result == "accepted"


def test_a_drill_that_resumes_obeys_quiet_hours_and_a_proper_emergency_cuts_it(scene: Scene) -> None:
    scene.run()
    starts = scene.stage.soon(1.5)
    rehearsal = airing(
        starts, [scene.long], class_="emergency", drill=True, preempted="resume", ends_at=to_ms(starts) + 60_000
    )
    scene.plan(rehearsal)
    scene.sounding(rehearsal)
    emergency = scene.play_now(scene.long, class_="emergency")
    assert scene.command(emergency).result == "accepted"
    scene.sounding(emergency)
    now = to_ms(scene.stage.soon(0))
    scene.plan(rehearsal, quiet=[Interval(from_=now - 1_000, until=now + 600_000)])
    assert scene.records(emergency)[0].outcome == "finished"
    record = scene.records(rehearsal)[0]
    assert (record.outcome, record.reason) == ("partial", "quiet-hours")


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
    assert cut.ended_at <= priority.starts_at + 1  # both are whole milliseconds, each rounded by itself
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


def test_a_play_now_that_waited_for_its_audio_outlives_a_restart(scene: Scene, tmp_path: Path) -> None:
    fresh = Audio.of(tmp_path, 0.4, hertz=1_234)
    agent = scene.run()
    scene.plan()
    command = scene.play_now(fresh)
    token = scene.station.command(scene.receiver, command)
    assert scene.result(command).result == "accepted"
    agent._control.player.close = lambda: None  # type: ignore[union-attr,method-assign]  # as when power is cut
    agent.stop()
    assert not scene.station.records
    scene.run()
    scene.station.publish(fresh)
    assert scene.records(command)[0].outcome == "finished"
    scene.station.link.publish(topics.down(scene.receiver, "command"), token)
    scene.station.wait(lambda: len(scene.results(command)) == 2)
    assert len(scene.station.records_of(command.id)) == 1


def test_a_play_now_whose_audio_never_comes_is_missed_when_it_expires(scene: Scene, tmp_path: Path) -> None:
    absent = Audio.of(tmp_path, 0.4, hertz=1_234)
    scene.run()
    scene.plan()
    command = scene.play_now(absent)
    scene.station.command(scene.receiver, command, exp=int(scene.station.clock.now().timestamp()) + 2)
    record = scene.records(command)[0]
    assert (record.outcome, record.reason, record.started_at) == ("missed", "no-audio", None)
