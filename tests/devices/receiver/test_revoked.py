"""A receiver that finds itself in the root's revocation list: silent, whatever it is told, until a list without it."""

from __future__ import annotations

import pytest

from core.clock import SystemClock
from devices.keyring import LIST_LIFE, root_key
from devices.protocol.reports import Alarm
from devices.protocol.trust import Revocations, revoke
from tests.devices.receiver.scene import Scene
from tests.devices.receiver.station import airing


def the_list(scene: Scene, seq: int, *receivers: str) -> str:
    now = SystemClock().now()
    listed = Revocations(seq=seq, receivers=list(receivers))
    return revoke(root_key(scene.stage.folder / "keys"), listed, now, now + LIST_LIFE)


@pytest.mark.parametrize("by", ["key", "place"])
def test_it_falls_silent_at_once_says_so_and_comes_back_with_a_newer_list(scene: Scene, by: str) -> None:
    name = scene.identity.signing_key().kid if by == "key" else scene.receiver
    agent = scene.run()
    planned = airing(scene.stage.soon(1.5), [scene.long])
    scene.plan(planned)
    scene.sounding(planned)
    scene.plan(planned, revocations=the_list(scene, 1, name))
    record = scene.records(planned)[0]
    assert (record.outcome, record.reason) == ("partial", "revoked")
    scene.station.wait(lambda: "revoked" in {alarm.name for alarm in scene.station.heard(Alarm)})
    emergency = scene.play_now(scene.short, class_="emergency")
    assert scene.command(emergency).reason == "revoked"
    assert [(r.outcome, r.reason) for r in scene.records(emergency)] == [("refused", "revoked")]
    agent.stop()
    scene.run()  # from its start on
    again = scene.play_now(scene.short, class_="emergency")
    assert scene.command(again).reason == "revoked"
    scene.plan(revocations=the_list(scene, 2))
    once_more = scene.play_now(scene.short, class_="emergency")
    assert scene.command(once_more).result == "accepted"
    assert scene.records(once_more)[0].outcome == "finished"


def test_a_list_that_names_another_or_isn_t_the_root_s_silences_nobody(scene: Scene) -> None:
    scene.run()
    other = scene.station.enrol()
    forged = revoke(
        scene.station.keys.key("plan"),
        Revocations(seq=9, receivers=[scene.receiver]),
        SystemClock().now(),
        SystemClock().now() + LIST_LIFE,
    )
    for token in (the_list(scene, 1, other.receiver, other.signing_key().kid), forged):
        planned = airing(scene.stage.soon(1.5), [scene.short])
        scene.plan(planned, revocations=token)
        assert scene.records(planned)[0].outcome == "finished"
