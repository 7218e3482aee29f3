"""The chain of records: once each, chained, over crashes; and how it is brought to the server."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.ids import new_id
from devices.protocol.reports import ClockFacts, PlayRecord, Plays
from devices.protocol.signing import GENESIS, MESSAGE_BYTES_MAX, SigningKey, canonical_sha256
from devices.protocol.upward import sign_up
from devices.receiver.outbox import Draft, Outbox
from devices.receiver.postman import Postman
from devices.receiver.settings import AgentSettings
from devices.receiver.state import State


def draft(**members: Any) -> Draft:
    members = {
        "airing": new_id(),
        "item": new_id(),
        "outcome": "finished",
        "planned_at": 1_000,
        "started_at": 1_000,
        "ended_at": 2_000,
        "played_ms": 1_000,
        "plan_revision": 1,
        "clock": ClockFacts(source="signed", error_ms=0.5),
        **members,
    }
    return Draft(**members)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made = State(tmp_path / "state.db")
    yield made
    made.close()


def test_records_follow_from_one_another_over_a_restart(tmp_path: Path) -> None:
    first = State(tmp_path / "state.db")
    one = Outbox(first).add(draft())
    first.close()
    second = State(tmp_path / "state.db")
    outbox = Outbox(second)
    two = outbox.add(draft())
    second.close()
    assert one is not None
    assert two is not None
    assert (one.seq, two.seq) == (1, 2)
    assert (one.prev, two.prev) == (GENESIS, canonical_sha256(one))
    assert one.log == two.log == outbox.log


def test_one_record_for_each_item_of_an_airing_and_command(state: State) -> None:
    outbox = Outbox(state)
    same = draft()
    assert outbox.add(same) is not None
    assert outbox.add(same) is None
    assert outbox.add(draft(airing=same.airing, item=same.item, command=new_id())) is not None
    assert outbox.last == 2
    assert outbox.recorded(same.airing) == {same.item}


def test_what_sounded_when_power_went_is_partial_once(tmp_path: Path) -> None:
    state = State(tmp_path / "state.db")
    outbox = Outbox(state)
    done = draft()
    for played_ms in (1_000, 2_000, 3_000):
        outbox.save_progress(
            [(draft(airing=done.airing, item=done.item, outcome="partial", played_ms=played_ms), False)]
        )
    interrupted = draft(outcome="partial", played_ms=7_000, reason="power-off")
    outbox.save_progress([(interrupted, False)])
    outbox.add(done)  # ended as it should; its progress goes with it
    state.close()
    again = State(tmp_path / "state.db")
    outbox = Outbox(again)
    made = outbox.recover()
    assert [(record.item, record.played_ms, record.outcome) for record in made] == [
        (interrupted.item, 7_000, "partial")
    ]
    assert outbox.recover() == []
    again.close()


def test_acknowledged_records_are_kept_for_their_time(state: State) -> None:
    outbox = Outbox(state)
    for _ in range(3):
        outbox.add(draft())
    assert not outbox.acknowledge(4, 100)  # there is no fourth
    assert outbox.acknowledge(2, 100)
    assert not outbox.acknowledge(1, 100)
    assert outbox.forget(100) == 0
    assert outbox.forget(101) == 2
    assert [record.seq for record in outbox.after(0, 10)] == [3]
    assert outbox.add(draft()) is not None
    assert outbox.last == 4


def test_the_day_counts_what_sounded_emergencies_apart(state: State) -> None:
    outbox = Outbox(state)
    outbox.add(draft(ended_at=5_000, played_ms=10))
    outbox.add(draft(ended_at=6_000, played_ms=100))
    outbox.add(draft(ended_at=7_000, played_ms=1_000), emergency=True)
    assert outbox.played_ms(0) == 110
    assert outbox.played_ms(5_000) == 100


def test_a_damaged_file_is_put_aside_and_a_new_log_begun(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"this was a database once" * 1_000)
    state = State(path)
    assert state.damaged
    assert Outbox(state).add(draft()) is not None
    state.close()
    assert (tmp_path / "state.db.damaged").exists()


def test_a_transaction_that_fails_leaves_nothing(state: State) -> None:
    def half() -> None:
        with state.writing():
            state.put("one", 1)
            state.run("nonsense")

    with pytest.raises(sqlite3.OperationalError):
        half()
    assert state.get("one") is None


class Server:
    """Takes batches in, as the postman sends them; loses what it is told to."""

    def __init__(self) -> None:
        self.held: set[int] = set()
        self.sent: list[list[int]] = []
        self.losing = False

    def __call__(self, records: list[PlayRecord]) -> None:
        self.sent.append([record.seq for record in records])
        if not self.losing:
            self.held.update(record.seq for record in records)

    @property
    def through(self) -> int:
        through = 0
        while through + 1 in self.held:
            through += 1
        return through


SMALL = AgentSettings(batch_records=10, batches_ahead=2, ack_timeout_s=10.0)


def test_only_some_batches_go_without_an_acknowledgement(state: State) -> None:
    outbox, server = Outbox(state), Server()
    for _ in range(45):
        outbox.add(draft())
    postman = Postman(outbox, server, SMALL)
    postman.tick(0.0, online=True)
    assert [batch[0] for batch in server.sent] == [1, 11]
    assert postman.tick(5.0, online=True) == 10.0
    postman.tick(10.0, online=True)  # silence: from the watermark again
    assert [batch[0] for batch in server.sent] == [1, 11, 1, 11]
    while outbox.acknowledged < 45:
        assert postman.acknowledged(server.through, 1)
        postman.tick(11.0, online=True)
    assert server.held == set(range(1, 46))
    assert postman.tick(11.0, online=True) == float("inf")


def test_records_that_go_on_coming_put_the_next_attempt_off_no_further(state: State) -> None:
    outbox, server = Outbox(state), Server()
    postman = Postman(outbox, server, SMALL)
    for now_s in (0.0, 4.0, 8.0):
        outbox.add(draft())
        assert postman.tick(now_s, online=True) == 10.0
    postman.tick(10.0, online=True)
    assert server.sent[-1] == [1, 2, 3]


def test_a_message_of_records_stays_below_the_limit(tmp_path: Path) -> None:
    """Records are short; these are as long as none is, so that few fit."""
    state = State(tmp_path / "state.db", synchronous="OFF")
    outbox, key = Outbox(state), SigningKey.generate()
    for _ in range(500):
        outbox.add(draft(reason="\u1ec7" * 500))
    sizes: list[int] = []
    seqs: list[int] = []

    def send(records: list[PlayRecord]) -> None:
        token = sign_up(
            key, typ="plays", receiver=new_id(), root_kid="0" * 32, seq=1, iat=1, body=Plays(records=records)
        )
        sizes.append(len(token))
        seqs.extend(record.seq for record in records)

    postman = Postman(outbox, send, AgentSettings(batch_records=500, batches_ahead=5))
    postman.tick(0.0, online=True)
    assert seqs == list(range(1, 501))
    assert len(sizes) > 1
    assert max(sizes) <= MESSAGE_BYTES_MAX
    outbox.acknowledge(500, 1)
    postman.resend(3)
    postman.tick(1.0, online=True)
    assert seqs[500:] == list(range(3, 501))
    assert max(sizes) <= MESSAGE_BYTES_MAX
    state.close()


def test_an_acknowledgement_of_what_there_is_not_is_refused(state: State) -> None:
    outbox = Outbox(state)
    outbox.add(draft())
    postman = Postman(outbox, Server(), SMALL)
    assert not postman.acknowledged(2, 1)
    assert outbox.acknowledged == 0


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(st.sampled_from(["add", "tick", "late", "ack", "lose", "keep", "drop"]), max_size=40))
def test_whatever_is_lost_all_arrives_in_the_end(tmp_path: Path, steps: list[str]) -> None:
    path = tmp_path / f"{new_id()}.db"
    state = State(path, synchronous="OFF")
    outbox, server = Outbox(state), Server()
    postman = Postman(outbox, server, SMALL)
    now = 0.0
    for step in [*steps, "keep", *(["late", "ack"] * 20)]:
        now += 1.0
        if step == "add":
            for _ in range(7):
                outbox.add(draft())
        elif step == "tick":
            postman.tick(now, online=True)
        elif step == "late":
            now += 1_000.0
            postman.tick(now, online=True)
        elif step == "ack":
            postman.acknowledged(server.through, 1)
            postman.tick(now, online=True)
        elif step in {"lose", "keep"}:
            server.losing = step == "lose"
        else:
            postman.connected()
    assert server.through == outbox.last == outbox.acknowledged
    state.close()
