"""Whatever arrives on the topics of receivers, signed or not, is taken or set aside with a reason; nothing raises."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadcast import intake
from broadcast.intake import Opened, Upward
from core.clock import ManualClock
from core.database import Database
from core.ids import new_id
from devices.protocol import topics
from devices.protocol.reports import (
    Alarm,
    Cache,
    ClockFacts,
    CommandResult,
    Hello,
    PlanAccepted,
    PlanRefused,
    Ready,
    Refusal,
    Status,
    Want,
)
from devices.protocol.signing import BadMessage
from tests.broadcast.transmission.world import World

MANY = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SAID: tuple[topics.Up, ...] = ("hello", "status", "report", "plays")
SIGNED: tuple[Literal["report", "plays"], ...] = ("report", "plays")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
TEXT = st.text(max_size=40)
NUMBER = st.sampled_from([0, 1, 2**31, 2**53 - 1])
ID = st.builds(new_id)
SHA256 = st.sampled_from(["0" * 64, "f" * 64])
CLOCK = st.builds(ClockFacts, source=st.just("signed"), error_ms=st.sampled_from([None, 0.0, 1e308, -1.0]))
REPORTS = st.one_of(
    st.builds(PlanAccepted, revision=NUMBER),
    st.builds(PlanRefused, reason=TEXT, revision=st.none() | NUMBER),
    st.builds(Ready, sha256=st.lists(SHA256, max_size=3)),
    st.builds(CommandResult, id=ID, result=st.sampled_from(["accepted", "refused"]), reason=TEXT),
    st.builds(Want, sha256=SHA256, n=st.sampled_from([0, 262_143])),
    st.builds(Refusal, topic=TEXT, reason=TEXT),
    st.builds(Alarm, name=TEXT, detail=TEXT),
)
HELLOS = st.builds(
    Hello,
    revision=NUMBER,
    software=TEXT,
    boot=ID,
    protocols=st.lists(st.integers(-(2**31), 2**31), max_size=3),
    capabilities=st.lists(TEXT, max_size=3),
    machine=TEXT,
    cache=st.builds(Cache, objects=NUMBER, bytes=NUMBER, free_bytes=st.none() | NUMBER),
    clock=CLOCK,
)
STATUSES = st.builds(
    Status,
    online=st.booleans(),
    at=st.none() | NUMBER,
    playing=st.none() | ID,
    item=st.none() | ID,
    volume=st.none() | st.integers(0, 100),
    muted_until=st.none() | NUMBER,
    temperature_c=st.sampled_from([None, -40.0, 1e308]),
    free_bytes=st.none() | NUMBER,
    signal_dbm=st.sampled_from([None, -1e308]),
    clock=st.none() | CLOCK,
)


@pytest.fixture
def world(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> World:
    """One kind of database: what is opened doesn't depend on it."""
    return World(sqlite_db, clock, tmp_path)


class TakenBackError(Exception):
    """Nothing of an example stays in the database."""


def opened(world: World, kind: topics.Up, payload: bytes) -> tuple[Opened, str]:
    """What one message comes to: taken, or the reason for which it isn't."""
    box, batch = world.a, Opened()
    message = Upward(topics.up(box.id, kind), payload)
    try:
        intake._open(batch, message, box.id, kind, box.key.public, world.keyring.issuer)
    except BadMessage as error:
        return batch, error.reason
    return batch, ""


@MANY
@given(st.sampled_from(SAID), st.binary(max_size=300) | JSON.map(msgspec.json.encode))
def test_no_bytes_are_more_than_refused(world: World, kind: topics.Up, payload: bytes) -> None:
    batch, reason = opened(world, kind, payload)
    assert reason or batch.hellos or batch.statuses


@MANY
@given(st.sampled_from(SIGNED), JSON)
def test_no_signed_nonsense_is_more_than_refused(world: World, kind: Literal["report", "plays"], body: Any) -> None:
    assert opened(world, kind, world.a.sign(kind, body, world.clock.now()))[1] == "malformed"


@MANY
@given(st.integers(0, 100_000), st.integers(1, 255))
def test_no_damage_to_a_good_message_is_more_than_refused(world: World, where: int, change: int) -> None:
    now = world.clock.now()
    token = bytearray(world.a.plays([world.a.record(world.b.id, world.items[0], now)], now))
    token[where % (len(token) - 1)] ^= change  # the last symbol has bits that stand for nothing
    assert opened(world, "plays", bytes(token))[1]


def test_no_depth_of_nesting_is_more_than_refused(world: World) -> None:
    for kind in SAID:
        for text in (b"[" * 100_000, b'{"a":' * 100_000):
            assert opened(world, kind, text)[1] == "malformed"


@MANY
@given(st.lists(HELLOS, max_size=2), st.lists(STATUSES, max_size=2), st.lists(REPORTS, max_size=4))
def test_whatever_is_well_formed_can_be_kept(
    world: World, hellos: list[Hello], statuses: list[Status], reports: list[Any]
) -> None:
    """In one transaction, as it is committed; taken back, so that examples don't add up."""
    now, name = world.clock.now(), world.a.id
    batch = Opened(
        hellos=[(name, one) for one in hellos],
        statuses=[(name, one, False) for one in statuses],
        reports=[(name, one, now) for one in reports],
    )
    with suppress(TakenBackError), world.db.writing() as session:
        intake.apply(session, batch, world.clock)
        session.flush()
        raise TakenBackError
