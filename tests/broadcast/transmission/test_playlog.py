"""Taking records in: once, in any order, with forks and broken chains found."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from broadcast import playlog
from broadcast.play_messages import Batch, canonical, read_batch
from broadcast.playlog import Intake
from broadcast.tables import PlayBatch, RecordFork, StoredRecord, Watermark
from core.clock import ManualClock
from core.events import Event
from core.ids import new_id
from devices.protocol.reports import PlayRecord, Plays
from devices.protocol.signing import BadMessage, canonical_sha256
from tests.broadcast.transmission.world import Box, World

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_the_quick_canonical_form_is_that_of_rfc_8785(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


def batch_of(box: Box, records: list[PlayRecord]) -> Batch:
    return read_batch(
        box.id, b"token-%d-%d" % (records[0].seq, len(records)), msgspec.json.encode(Plays(records=records))
    )


def take(world: World, *batches: Batch) -> Intake:
    with world.db.writing() as session:
        return playlog.take_in(session, batches, world.clock.now())


def records_of(world: World, box: Box, count: int) -> list[PlayRecord]:
    airing = new_id()
    return [box.record(airing, world.items[n % 3], world.clock.now()) for n in range(count)]


def stored(world: World) -> int:
    with world.db.reading() as session:
        return session.scalar(select(func.count()).select_from(StoredRecord)) or 0


def events_of(world: World, kind: str) -> list[Event]:
    with world.db.reading() as session:
        return list(session.scalars(select(Event).where(Event.kind == kind)))


def test_records_are_stored_once_however_often_they_come(world: World) -> None:
    batch = batch_of(world.a, records_of(world, world.a, 5))
    first = take(world, batch)
    assert (first.stored, first.forks, [standing.through for standing in first.standings]) == (5, 0, [5])
    again = take(world, batch, batch)
    assert (again.stored, again.forks, [standing.through for standing in again.standings]) == (0, 0, [5])
    assert stored(world) == 5
    with world.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(PlayBatch)) == 1


def test_the_hash_is_over_what_was_sent_even_members_that_are_not_known(world: World) -> None:
    record = records_of(world, world.a, 1)[0]
    body = msgspec.to_builtins(Plays(records=[record]))
    assert read_batch(world.a.id, b"t", msgspec.json.encode(body)).records[0].canonical_sha256 == canonical_sha256(
        record
    )
    body["records"][0]["invented_later"] = 1.5
    del body["records"][0]["heard_dbfs"]
    sent = read_batch(world.a.id, b"t", msgspec.json.encode(body)).records[0]
    assert sent.canonical_sha256 == canonical_sha256(body["records"][0])
    assert json.loads(sent.body)["invented_later"] == 1.5


def test_the_watermark_waits_for_a_gap(world: World) -> None:
    records = records_of(world, world.a, 9)
    through = [
        take(world, batch_of(world.a, part)).standings[0].through
        for part in (records[:2], records[4:6], records[7:], records[6:7], records[2:4])
    ]
    assert through == [2, 2, 2, 2, 9]
    assert events_of(world, "receiver:log:chain-broken") == []
    with world.db.reading() as session:
        mark = session.scalars(select(Watermark)).one()
    assert (mark.through, mark.highest, mark.through_sha256) == (9, 9, canonical_sha256(records[-1]))


def test_another_content_under_the_same_number_is_a_fork(world: World) -> None:
    records = records_of(world, world.a, 3)
    take(world, batch_of(world.a, records))
    forged = msgspec.structs.replace(records[1], played_ms=1)
    result = take(world, batch_of(world.a, [forged]), batch_of(world.a, records))
    assert (result.stored, result.forks, result.standings[0].through) == (0, 1, 3)
    assert take(world, batch_of(world.a, [forged])).forks == 0  # kept once
    with world.db.reading() as session:
        fork = session.scalars(select(RecordFork)).one()
        kept = session.get_one(StoredRecord, (world.a.id, world.a.log, 2))
    assert (fork.seq, fork.body["played_ms"]) == (2, 1)
    assert kept.canonical_sha256 == canonical_sha256(records[1])
    assert [event.data["seq"] for event in events_of(world, "receiver:log:forked")] == [2]


def test_a_fork_within_one_batch(world: World) -> None:
    records = records_of(world, world.a, 3)
    forged = msgspec.structs.replace(records[1], played_ms=1)
    result = take(world, batch_of(world.a, records), batch_of(world.a, [forged]))
    assert (result.stored, result.forks, result.standings[0].through) == (3, 1, 3)


def test_a_broken_chain_is_told_and_its_records_are_kept(world: World) -> None:
    records = records_of(world, world.a, 4)
    records[2] = msgspec.structs.replace(records[2], prev="f" * 64)
    assert take(world, batch_of(world.a, records[:2])).standings[0].through == 2
    assert take(world, batch_of(world.a, records[2:])).standings[0].through == 4
    # The third doesn't follow the second; the fourth doesn't follow the changed third.
    [event] = events_of(world, "receiver:log:chain-broken")
    assert (event.data["seq"], event.data["last_seq"], event.data["count"]) == (3, 4, 2)


def test_a_log_that_is_broken_everywhere_does_not_fill_the_audit_trail(world: World) -> None:
    records = [msgspec.structs.replace(one, prev="f" * 64) for one in records_of(world, world.a, 105)]
    assert take(world, batch_of(world.a, records)).standings[0].through == 105
    [event] = events_of(world, "receiver:log:chain-broken")
    assert (event.data["seq"], event.data["last_seq"], event.data["count"]) == (1, 105, 105)
    forged = [msgspec.structs.replace(one, played_ms=1) for one in records]
    assert take(world, batch_of(world.a, forged)).forks == 105
    [event] = events_of(world, "receiver:log:forked")
    assert (event.data["log"], event.data["count"]) == (world.a.log, 105)


def test_a_nul_in_a_record_holds_nothing_up(world: World) -> None:
    """PostgreSQL has no U+0000 in text; the batch that was signed keeps it, and so does the chain."""
    records = [
        world.a.record(new_id(), world.items[0], world.clock.now(), outcome="missed", reason=f"mất\0điện {n}")
        for n in range(3)
    ]
    body = msgspec.to_builtins(Plays(records=records))
    body["records"][2]["invented\0later"] = ["\0", {"\0": "\\u0000"}]
    token = world.a.plays(records, world.clock.now())
    batch = read_batch(world.a.id, token, msgspec.json.encode(body))
    assert take(world, batch).standings[0].through == 3
    assert events_of(world, "receiver:log:chain-broken") == []
    again = take(world, batch)
    assert (again.stored, again.forks, again.standings[0].through) == (0, 0, 3)
    forged = msgspec.structs.replace(records[1], reason="\0")
    assert take(world, batch_of(world.a, [forged])).forks == 1
    with world.db.reading() as session:
        kept = session.scalars(select(StoredRecord).order_by(StoredRecord.seq)).all()
        signed = session.scalars(select(PlayBatch).where(PlayBatch.first_seq == 1)).one()
    assert [one.body["reason"] for one in kept] == [f"mất␀điện {n}" for n in range(3)]
    assert kept[2].body["invented␀later"] == ["␀", {"␀": "\\u0000"}]
    assert kept[0].canonical_sha256 == canonical_sha256(records[0])
    assert signed.token == token.decode()


def test_many_receivers_and_logs_in_one_intake(world: World) -> None:
    batches = []
    for box in (world.a, world.b, world.c):
        batches.append(batch_of(box, records_of(world, box, 4)))
        box.log, box.seq, box.prev = new_id(), 0, "0" * 64
        batches.append(batch_of(box, records_of(world, box, 2)))
    result = take(world, *batches)
    assert result.stored == 18
    assert sorted(standing.through for standing in result.standings) == [2, 2, 2, 4, 4, 4]


def test_any_order_of_messages_ends_at_the_same_watermark(world: World, clock: ManualClock) -> None:
    rng = random.Random(7)  # noqa: S311 - a fixed shuffle
    records = records_of(world, world.a, 60)
    parts = [records[at : at + 5] for at in range(0, 60, 5)]
    parts += rng.sample(parts, 6)
    rng.shuffle(parts)
    while parts:
        count = rng.randint(1, 4)
        result = take(world, *(batch_of(world.a, part) for part in parts[:count]))
        del parts[:count]
        clock.advance(timedelta(seconds=1))
    assert result.standings[0].through == 60
    assert stored(world) == 60
    assert events_of(world, "receiver:log:chain-broken") == []


@pytest.mark.parametrize("change", ["gap", "two-logs", "empty", "no-list", "broken-json"])
def test_a_body_that_is_not_consecutive_records_of_one_log_is_malformed(world: World, change: str) -> None:
    records = msgspec.to_builtins(Plays(records=records_of(world, world.a, 3)))["records"]
    if change == "gap":
        del records[1]
    elif change == "two-logs":
        records[2]["log"] = new_id()
    elif change == "empty":
        records = []
    body = msgspec.json.encode({"records": "x" if change == "no-list" else records})
    with pytest.raises(BadMessage, match="malformed"):
        read_batch(world.a.id, b"t", body[:-1] if change == "broken-json" else body)
