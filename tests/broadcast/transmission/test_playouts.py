"""Playouts in the database: from promise to verdict, and airtime against an independent computation."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broadcast import airtime, delivery, intake, judging, playlog, playouts
from broadcast.intake import Opened
from broadcast.play_messages import Batch, read_batch
from broadcast.reconcile import CANCEL_UNCONFIRMED, CANCELLED, NO_PLAN, NO_RECORD, NOT_ACCEPTED
from broadcast.tables import Playout, ReceiverObject, StoredRecord
from core.clock import ManualClock, from_ms
from core.events import Event
from core.units import Unit, UnitLink
from devices.protocol.reports import Outcome, PlayRecord, Plays
from devices.tables import Receiver
from schedules.tables import Airing
from tests.broadcast.transmission.world import OPERATOR, Box, World

SOON = timedelta(minutes=30)
OUTCOMES: list[Outcome] = ["finished", "partial", "missed"]


def planned(world: World, units: Sequence[str] | None = None) -> str:
    """An airing half an hour from now, in everybody's plan."""
    with world.db.writing() as session:
        airing = world.airing(session, SOON, units).id
        world.request_all(session)
    world.issue()
    return airing


def accept(world: World, *boxes: Box) -> None:
    with world.db.writing() as session:
        told = {(box.id, world.plan_of(box).revision): world.clock.now() for box in boxes}
        playouts.recompute(session, playouts.accept(session, told, world.clock.now()), world.clock.now())


def batch(box: Box, records: list[PlayRecord]) -> Batch:
    token = box.plays(records, from_ms(records[0].planned_at))
    return read_batch(box.id, token, msgspec.json.encode(Plays(records=records)))


def send(world: World, box: Box, records: list[PlayRecord]) -> None:
    with world.db.writing() as session:
        playlog.take_in(session, [batch(box, records)], world.clock.now())
        judging.judge(session, world.clock.now())


def played(world: World, box: Box, airing_id: str, outcome: Outcome = "finished", count: int = 3) -> list[PlayRecord]:
    with world.db.reading() as session:
        start = session.get_one(Airing, airing_id).starts_at
    return [box.record(airing_id, item, start, outcome=outcome) for item in world.items[:count]]


def close(world: World, airing_id: str) -> dict[str, int]:
    with world.db.writing() as session:
        return playouts.close(session, airing_id, world.clock.now())


def test_the_way_of_a_playout(world: World, clock: ManualClock) -> None:
    airing = planned(world)
    assert world.playout(airing, world.a).state == "planned"
    accept(world, world.a)
    assert world.playout(airing, world.a).state == "delivered"
    with world.db.writing() as session:
        for item in world.items:
            session.add(ReceiverObject(receiver_id=world.a.id, sha256=item.sound("horn"), ready_at=clock.now()))
        playouts.recompute(session, playouts.open_of(session, [world.a.id], clock.now()), clock.now())
    assert world.playout(airing, world.a).state == "ready"
    clock.advance(SOON + timedelta(seconds=4))
    records = played(world, world.a, airing)
    send(world, world.a, records[:1])
    assert world.playout(airing, world.a).state == "playing"
    clock.advance(timedelta(seconds=32))
    send(world, world.a, records[1:])
    done = world.playout(airing, world.a)
    assert (done.state, done.played_ms) == ("finished", 35_000)
    with world.db.reading() as session:
        told = session.scalars(
            select(Event.kind).where(Event.subject_id == f"{airing}/{world.a.id}").order_by(Event.seq)
        ).all()
    assert told == ["system:playout:playing", "system:playout:finished"]


def test_at_its_close_every_receiver_has_a_state_with_a_reason(world: World, clock: ManualClock) -> None:
    airing = planned(world)
    accept(world, world.a, world.b)
    with world.db.writing() as session:
        late = world.receiver(session, world.south)  # enrolled after the plans went out, never got one
    clock.advance(SOON + timedelta(seconds=50))
    send(world, world.a, played(world, world.a, airing, count=2))
    assert close(world, airing) == {"partial": 1, "unconfirmed": 1, "missed": 2}
    assert world.playout(airing, world.b).reason == NO_RECORD
    assert world.playout(airing, world.c).reason == NOT_ACCEPTED
    assert world.playout(airing, late).reason == NO_PLAN
    with world.db.reading() as session:
        assert session.get_one(Airing, airing).status == "closed"
        event = session.scalars(select(Event).where(Event.kind == "system:airing:closed")).one()
    assert event.data["states"] == {"partial": 1, "unconfirmed": 1, "missed": 2}


def test_records_that_come_after_the_close_still_count(world: World, clock: ManualClock) -> None:
    airing = planned(world)
    accept(world, world.a)
    clock.advance(timedelta(hours=1))
    close(world, airing)
    assert world.playout(airing, world.a).state == "unconfirmed"
    clock.advance(timedelta(days=30))
    send(world, world.a, played(world, world.a, airing))
    assert (world.playout(airing, world.a).state, world.playout(airing, world.a).played_ms) == ("finished", 35_000)


def test_later_records_in_the_log_do_not_make_silence_missed_but_a_signed_one_does(
    world: World, clock: ManualClock
) -> None:
    airing = planned(world)
    with world.db.writing() as session:
        other = world.airing(session, 2 * SOON).id
        world.request_all(session)
    world.issue()
    accept(world, world.a)
    clock.advance(timedelta(hours=2))
    close(world, airing)
    send(world, world.a, played(world, world.a, other))
    assert world.playout(airing, world.a).state == "unconfirmed"
    send(world, world.a, played(world, world.a, airing, "missed"))
    assert world.playout(airing, world.a).state == "missed"


def test_a_plan_accepted_late_or_taken_back(world: World, clock: ManualClock) -> None:
    airing = planned(world)
    accept(world, world.a, world.b)
    clock.advance(timedelta(minutes=1))
    with world.db.writing() as session:
        row = session.get_one(Airing, airing)
        row.status, row.cancelled_at, row.cancelled_by = "cancelled", clock.now(), OPERATOR.id
        delivery.request_for_airings(session, [row], clock.now())
    world.issue()
    accept(world, world.a)  # b never says that it took the new plan
    clock.advance(timedelta(hours=1))
    close(world, airing)
    found = {box.id: world.playout(airing, box) for box in (world.a, world.b, world.c)}
    assert [(found[box.id].state, found[box.id].reason) for box in (world.a, world.b, world.c)] == [
        ("missed", CANCELLED),
        ("unconfirmed", CANCEL_UNCONFIRMED),
        ("missed", CANCELLED),
    ]
    assert all(one.cancelled for one in found.values())
    send(world, world.b, played(world, world.b, airing))  # it sounded all the same
    sounded = world.playout(airing, world.b)
    assert (sounded.state, sounded.cancelled, sounded.played_ms) == ("finished", True, 35_000)
    with world.db.reading() as session:
        rows = airtime.report(session, clock.now() - timedelta(days=1), clock.now())
    assert [(row.name, row.cancelled_sounded, row.playouts, row.playouts_planned) for row in rows] == [
        ("Xã Bắc", 1, 1, 0),
        ("Xã Nam", 0, 0, 0),
    ]


def test_a_plan_accepted_after_the_airing_does_not_count_as_accepted(world: World, clock: ManualClock) -> None:
    airing = planned(world)
    clock.advance(timedelta(hours=1))
    accept(world, world.a)
    close(world, airing)
    assert world.playout(airing, world.a).state == "missed"


def test_what_nobody_closed_is_closed_in_the_end(world: World, clock: ManualClock) -> None:
    airing = planned(world)
    with world.db.writing() as session:
        assert playouts.close_overdue(session, clock.now()) == 0
    clock.advance(timedelta(hours=1))
    with world.db.writing() as session:
        assert playouts.close_overdue(session, clock.now()) == 3
    assert world.playout(airing, world.a).state == "missed"


def test_a_restored_server_believes_records_of_a_plan_that_it_forgot(world: World, clock: ManualClock) -> None:
    with world.db.writing() as session:
        airing = world.airing(session, SOON, [world.north]).id
    clock.advance(timedelta(hours=1))
    send(world, world.a, played(world, world.a, airing))
    found = world.playout(airing, world.a)
    assert (found.state, found.first_revision, found.unit_id) == ("finished", 0, world.north)


def test_records_of_an_airing_that_was_never_a_receivers_own_are_kept_and_make_no_playout(
    world: World, clock: ManualClock
) -> None:
    with world.db.writing() as session:
        airing = world.airing(session, SOON, [world.north]).id
    clock.advance(timedelta(hours=1))
    with world.db.writing() as session:
        newcomer = world.receiver(session, world.north)  # after all of it was over
    strangers: list[tuple[Box, Outcome]] = [
        (newcomer, "missed"),
        (newcomer, "finished"),
        (world.c, "missed"),
        (world.c, "refused"),
    ]
    for box, outcome in strangers:
        told = batch(box, played(world, box, airing, outcome))
        with world.db.writing() as session:
            intake.apply(session, Opened(plays=[told, told]), clock)
            intake.apply(session, Opened(plays=[told]), clock)  # it comes twice, and is told once
        judging.judge_all(world.db, clock)
    close(world, airing)  # long after, and who came later is not missed
    with world.db.reading() as session:
        rows = session.scalars(select(Playout.receiver_id).where(Playout.airing_id == airing)).all()
        strange = session.scalars(select(Event).where(Event.kind == "receiver:log:unplanned").order_by(Event.seq)).all()
        assert session.scalar(select(func.count()).select_from(StoredRecord)) == 12
    assert sorted(rows) == sorted([world.a.id, world.b.id])
    assert [(event.subject_id, event.data["airings"]) for event in strange] == [
        (newcomer.id, [airing]),
        (newcomer.id, [airing]),
        (world.c.id, [airing]),
        (world.c.id, [airing]),
    ]


def test_a_target_that_reports_its_silence_without_a_plan_of_ours_has_a_playout(
    world: World, clock: ManualClock
) -> None:
    with world.db.writing() as session:
        airing = world.airing(session, SOON, [world.north]).id
    clock.advance(timedelta(hours=1))
    send(world, world.b, played(world, world.b, airing, "missed"))
    assert world.playout(airing, world.b).state == "missed"
    send(world, world.c, played(world, world.c, airing))  # moved to another unit since: it sounded there
    assert world.playout(airing, world.c).state == "finished"


def test_airtime_is_what_the_raw_records_say(world: World, clock: ManualClock) -> None:
    """A random week, delivered late, twice and out of order, against a computation that shares nothing with ours."""
    rng = random.Random(39)  # noqa: S311 - a made-up day
    boxes = [world.a, world.b, world.c]
    with world.db.writing() as session:
        boxes.append(world.receiver(session, world.north, clusters=3))
        targets = [None, [world.north], [world.south], [world.village, world.south]]
        airings = [world.airing(session, n * SOON, targets[n % 4]).id for n in range(1, 25)]
        world.request_all(session)
    world.issue()
    accept(world, *boxes)
    clock.advance(timedelta(days=1))
    with world.db.reading() as session:
        pairs = session.execute(select(Playout.receiver_id, Playout.airing_id)).all()
        starts = {row.id: row.starts_at for row in session.scalars(select(Airing))}
    messages: list[tuple[Box, list[PlayRecord]]] = []
    for receiver, airing in sorted(tuple(pair) for pair in pairs):
        box = world.boxes[receiver]
        records = []
        for item in world.items[: rng.choice([0, 1, 3, 3, 3])]:
            outcome = rng.choices(OUTCOMES, [8, 1, 1])[0]
            ms = item.duration_ms if outcome == "finished" else rng.randint(1, item.duration_ms)
            records.append(box.record(airing, item, starts[airing], outcome=outcome, played_ms=ms))
        if records:
            messages.append((box, records))
    messages += rng.sample(messages, len(messages) // 2)
    rng.shuffle(messages)
    for part in (messages[at : at + 7] for at in range(0, len(messages), 7)):
        with world.db.writing() as session:
            playlog.take_in(session, [batch(*message) for message in part], clock.now())
    assert judging.judge_all(world.db, clock) > 0
    for airing in airings:
        close(world, airing)
    with world.db.reading() as session:
        rows = airtime.report(session, clock.now() - timedelta(days=2), clock.now())
        expected = _naive(session)
    assert {row.unit_id: (row.programme_ms, row.cluster_ms, row.estimated_cluster_ms) for row in rows} == expected
    assert sum(row.cluster_ms for row in rows) > 300_000


def _naive(session: Session) -> dict[str, tuple[int, int, int]]:
    """From raw records alone, in the plainest way: no playouts, no shared code."""
    commune_of = {
        unit.id: str(link.parent_id) if unit.kind == "village" else unit.id
        for unit, link in session.execute(select(Unit, UnitLink).join(UnitLink, UnitLink.unit_id == Unit.id))
    }
    receivers = {receiver.id: receiver for receiver in session.scalars(select(Receiver))}
    per_box: dict[tuple[str, str], int] = defaultdict(int)
    for record in session.scalars(select(StoredRecord)):
        if record.outcome in ("finished", "partial"):
            per_box[record.airing_id, record.receiver_id] += record.played_ms
    totals = {commune_of[receiver.unit_id]: [0, 0, 0] for receiver in receivers.values()}
    longest: dict[tuple[str, str], int] = defaultdict(int)
    for (airing, receiver_id), ms in per_box.items():
        receiver = receivers[receiver_id]
        commune = commune_of[receiver.unit_id]
        longest[commune, airing] = max(longest[commune, airing], ms)
        totals[commune][1] += ms
        totals[commune][2] += ms * (receiver.clusters - 1)
    for (commune, _), ms in longest.items():
        totals[commune][0] += ms
    return {commune: (a, b, c) for commune, (a, b, c) in totals.items()}


def test_airtime_of_some_units_and_some_time(world: World, clock: ManualClock) -> None:
    airing = planned(world)
    clock.advance(timedelta(hours=1))
    for box in (world.a, world.b, world.c):
        send(world, box, played(world, box, airing))
    with world.db.reading() as session:
        day = timedelta(days=1)
        north = airtime.report(session, clock.now() - day, clock.now(), [world.north])
        nothing = airtime.report(session, clock.now() - 2 * day, clock.now() - day)
        south = airtime.report(session, clock.now() - day, clock.now(), [world.south])[0]
    assert nothing == []
    assert [(row.name, row.airings, row.playouts, row.programme_ms, row.cluster_ms) for row in north] == [
        ("Xã Bắc", 1, 2, 35_000, 70_000)
    ]
    assert (south.programme_ms, south.cluster_ms, south.estimated_cluster_ms) == (35_000, 35_000, 140_000)
