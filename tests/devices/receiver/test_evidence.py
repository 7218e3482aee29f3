"""The evidence: records over lost networks and ends in mid-play, and who is seen as there."""

from __future__ import annotations

from devices.protocol import topics
from tests.devices.receiver.scene import Scene, past
from tests.devices.receiver.station import airing


def test_records_wait_without_network_and_are_given_again_when_asked(scene: Scene) -> None:
    scene.station.acknowledging = False
    scene.run()
    planned = airing(scene.stage.soon(2.0), [scene.short, scene.short])
    scene.plan(planned)
    scene.stage.links[scene.receiver].drop()
    scene.station.wait(lambda: past(planned, 1_500))
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
