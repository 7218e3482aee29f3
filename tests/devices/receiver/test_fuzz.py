"""Whatever arrives on whatever topic, the agent goes on: nothing raises, nothing sounds, the held plan stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.ids import new_id
from devices.link import Message
from devices.protocol import topics
from devices.protocol.commands import Command
from devices.protocol.reports import CommandResult, PlanAccepted
from tests.devices.receiver.station import Audio, Bench, airing, bench

TIMES = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


class Target:
    """A running agent with a plan, and every topic that it listens to."""

    def __init__(self, stage: Bench, folder: Path) -> None:
        self.station = stage.station
        self.identity = stage.station.enrol()
        self.agent = stage.agent(self.identity)
        self.absent = Audio.of(folder, 0.3)
        self.area = new_id()
        planned = airing(stage.soon(3_000), [self.absent])
        self.plan = self.station.plan(self.identity, [planned], [self.absent], areas=[{"unit": self.area}])
        self.plan = msgspec.convert(msgspec.to_builtins(self.plan), type=type(self.plan))
        self.token = self.station.issue(self.plan)
        self.station.wait(lambda: self.station.heard(PlanAccepted))

    @property
    def topics(self) -> list[str]:
        down = [topics.down(self.identity.receiver, name) for name in topics.DOWN_NAMES]
        chunk = topics.content(self.absent.sha256, self.absent.chunk_bytes, 0)
        return [*down, topics.area_command(self.area), chunk, "tt/1/area/", "tt/1/content/", ""]

    def give(self, topic: str, payload: bytes) -> None:
        self.agent._message(Message(topic, payload))

    def settled(self) -> None:
        """All that was given is through, and the agent is what it was."""
        command = Command(id=new_id(), name="refresh")
        self.station.command(self.identity.receiver, command)
        self.station.wait(lambda: any(result.id == command.id for result in self.station.heard(CommandResult)))
        assert self.agent.failures == 0
        assert self.agent._control is not None
        assert self.agent._control.planbook.revision == self.plan.revision
        assert self.agent._control.player.idle


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("fuzz")
    with bench(folder) as stage:
        yield Target(stage, folder)


@TIMES
@given(st.integers(0, 8), st.binary(max_size=400) | JSON.map(msgspec.json.encode))
def test_no_bytes_stop_the_agent(target: Target, which: int, payload: bytes) -> None:
    target.give(target.topics[which], payload)
    target.settled()


@TIMES
@given(st.integers(0, 8), st.data())
def test_no_damage_to_a_good_message_stops_the_agent(target: Target, which: int, data: st.DataObject) -> None:
    token = bytearray(target.token)
    for _ in range(data.draw(st.integers(1, 4))):
        token[data.draw(st.integers(0, len(token) - 1))] = data.draw(st.integers(0, 255))
    target.give(target.topics[which], bytes(token))
    target.settled()


@TIMES
@given(st.sampled_from(["plan", "command", "ack", "time"]), JSON, st.integers(), st.integers(0, 2**53))
def test_no_signed_nonsense_stops_the_agent(target: Target, typ: str, body: Any, seq: int, exp: int) -> None:
    audience = topics.audience(target.identity.receiver)
    token = target.station.signed(typ, audience, body, seq=seq, exp=exp)
    target.give(topics.down(target.identity.receiver, typ), token)  # type: ignore[arg-type]
    target.settled()


NEAR_MISSES = st.fixed_dictionaries(
    {"id": st.builds(new_id), "name": st.sampled_from(["play-now", "stop", "volume", "mute", "test-tone", "rotate"])},
    optional={
        "airing": st.builds(new_id),
        "class": st.sampled_from(["emergency", "priority", "ordinary"]),
        "items": st.lists(
            st.fixed_dictionaries(
                {"item": st.builds(new_id), "duration_ms": st.sampled_from([0, 1, 604_800_000])},
                optional={"sha256": st.just("0" * 64)},
            ),
            max_size=3,
        ),
        "objects": st.lists(
            st.fixed_dictionaries(
                {
                    "sha256": st.just("0" * 64),
                    "bytes": st.sampled_from([1, 5_000, 268_435_456]),
                    "chunk_sha256": st.lists(st.just("1" * 64), max_size=3),
                    "chunk_bytes": st.sampled_from([1_024, 65_536]),
                }
            ),
            max_size=2,
        ),
        "volume": st.integers(0, 100),
        "until": st.just(0),
        "duration_ms": st.just(0),
        "keys": st.lists(st.text(max_size=30), max_size=2),
        "stops_airing": st.builds(new_id),
    },
)


@TIMES
@given(NEAR_MISSES)
def test_no_well_formed_command_stops_the_agent(target: Target, body: Any) -> None:
    token = target.station.signed("command", topics.audience(target.identity.receiver), body)
    target.give(topics.down(target.identity.receiver, "command"), token)
    stop = Command(id=new_id(), name="stop", stops_command=body["id"])
    target.station.command(target.identity.receiver, stop)
    target.station.wait(lambda: any(r.id == body["id"] for r in target.station.heard(CommandResult)))
    target.station.wait(lambda: target.agent._control is None or target.agent._control.player.idle)
    target.settled()
