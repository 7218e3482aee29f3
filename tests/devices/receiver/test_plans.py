"""Plans: which are refused, what of an accepted one isn't played and why, what a new one changes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from core.ids import new_id
from devices.protocol import topics
from devices.protocol.commands import Command
from devices.protocol.plan import Interval
from devices.protocol.reports import (
    Alarm,
    PlanAccepted,
    PlanRefused,
    Refusal,
    Want,
)
from devices.protocol.signing import SigningKey
from tests.devices.receiver.scene import Scene, past
from tests.devices.receiver.station import QUICK, Audio, Bench, airing


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


HIGHEST = 9_007_199_254_740_991


def test_a_number_from_far_ahead_does_not_make_all_that_follow_old(scene: Scene) -> None:
    scene.run()
    station = scene.station
    station.issue(station.plan(scene.identity, [], [], revision=HIGHEST))
    station.wait(lambda: any(refused.reason == "seq-ahead" for refused in station.heard(PlanRefused)))
    station.command(scene.receiver, Command(id=new_id(), name="volume", volume=1), seq=HIGHEST)
    station.wait(lambda: any(refusal.reason == "seq-ahead" for refusal in station.heard(Refusal)))
    scene.plan()
    assert scene.command(Command(id=new_id(), name="volume", volume=2)).result == "accepted"


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


def test_without_time_it_is_silent_and_says_so_later(scene: Scene) -> None:
    scene.station.answering_time = False
    scene.run()
    planned = airing(scene.stage.soon(1.0), [scene.short])
    scene.station.issue(scene.station.plan(scene.identity, [planned], [scene.short]))
    scene.station.wait(lambda: past(planned, 2_500))
    assert not scene.station.records
    scene.station.answering_time = True
    record = scene.records(planned)[0]
    assert (record.outcome, record.reason, record.started_at) == ("missed", "clock-untrusted", None)


def test_quiet_hours_refuse_a_start_and_cut_what_runs_into_them(scene: Scene) -> None:
    scene.run()
    first = airing(scene.stage.soon(5.0), [scene.long])
    second = airing(scene.stage.soon(7.5), [scene.short])
    quiet = [Interval(from_=first.starts_at + 1_500, until=first.starts_at + 60_000)]
    scene.plan(first, second, quiet=quiet)
    cut = scene.records(first)[0]
    assert (cut.outcome, cut.reason) == ("partial", "quiet-hours")
    assert cut.ended_at is not None
    assert cut.ended_at <= quiet[0].from_
    assert cut.played_ms == pytest.approx(1_500, abs=20)
    refused = scene.records(second)[0]
    assert (refused.outcome, refused.reason, refused.started_at) == ("refused", "quiet-hours", None)


@pytest.mark.parametrize("reason", ["quiet-hours", "hard-end"])
def test_a_sound_longer_than_stated_that_is_cut_is_partial(scene: Scene, reason: str) -> None:
    scene.run()
    understated = Audio(scene.long.data, 1_000, chunk_bytes=scene.long.chunk_bytes)
    planned = airing(scene.stage.soon(5.0), [understated])
    at = planned.starts_at + 1_000
    scene.plan(planned, quiet=[Interval(from_=at, until=at + 60_000)] if reason == "quiet-hours" else [])
    record = scene.records(planned)[0]
    assert (record.outcome, record.reason) == ("partial", reason)
    assert record.played_ms == pytest.approx(1_000 if reason == "quiet-hours" else 1_250, abs=20)


def test_audio_that_is_not_there_is_missed_and_the_rest_keeps_its_place(scene: Scene, tmp_path: Path) -> None:
    absent = Audio.of(tmp_path, 0.7, hertz=700)
    scene.run()
    planned = airing(scene.stage.soon(6.0), [scene.short, absent, scene.short])
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
    scene.station.wait(lambda: past(planned, 2_500))
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
    scene.station.wait(lambda: past(planned, 2_500))
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


def test_what_comes_right_behind_something_stronger_sounds(scene: Scene) -> None:
    """Both are settled some seconds ahead: that the first is stronger is no reason to leave the second out."""
    scene.run()
    strong = airing(scene.stage.soon(1.5), [scene.short], class_="priority")
    weak = airing(scene.stage.soon(2.1), [scene.short])
    scene.plan(strong, weak)
    assert [record.outcome for one in (strong, weak) for record in scene.records(one)] == ["finished", "finished"]


def test_what_was_over_before_the_agent_began_is_put_down_to_the_power(scene: Scene) -> None:
    agent = scene.run(settings=dataclasses.replace(QUICK, prepare_ms=300))
    brief = airing(scene.stage.soon(1.2), [scene.short])
    scene.plan(brief)
    agent.stop()
    scene.station.wait(lambda: past(brief, 700))
    scene.run()
    (record,) = scene.records(brief)
    assert (record.outcome, record.reason) == ("missed", "power-off")
