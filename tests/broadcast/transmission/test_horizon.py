"""Plans that don't fit into one message reach less far, and go on from there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from broadcast import delivery, horizon, playouts
from broadcast.tables import PlanRequest, Playout, ReceiverObject
from core.clock import ManualClock, from_ms, to_ms
from core.events import Event
from devices.protocol.plan import Plan
from devices.protocol.signing import MESSAGE_BYTES_MAX
from devices.receiver.planbook import check
from schedules.tables import Airing, Schedule
from tests.broadcast.transmission.world import OPERATOR, Box, World

HOUR = timedelta(hours=1)


def timetable(world: World, starts: Sequence[timedelta], unit: str | None = None) -> list[str]:
    """Airings so long from now, all in everybody's plan that reaches them."""
    with world.db.writing() as session:
        rows = [
            Airing(
                schedule_id=world.schedule,
                programme_id=world.programme,
                original_start=world.clock.now() + start,
                starts_at=world.clock.now() + start,
                duration_ms=world.duration_ms,
                unit_ids=[unit or world.province],
            )
            for start in starts
        ]
        session.add_all(rows)
        session.flush()
        world.request_all(session)
        return [row.id for row in rows]


def held(world: World, box: Box) -> list[str]:
    return [airing.airing for airing in world.plan_of(box).airings]


def events(world: World, kind: str, box: Box) -> list[Event]:
    with world.db.reading() as session:
        wanted = select(Event).where(Event.kind == kind, Event.subject_id == box.id)
        return list(session.scalars(wanted.order_by(Event.seq)))


def accept(world: World, box: Box) -> None:
    with world.db.writing() as session:
        told = {(box.id, world.plan_of(box).revision): world.clock.now()}
        playouts.recompute(session, playouts.accept(session, told, world.clock.now()), world.clock.now())


def only(world: World, monkeypatch: pytest.MonkeyPatch, airings: int) -> None:
    """A message carries so many airings from now on, whatever they weigh."""
    del world
    monkeypatch.setattr(
        horizon, "message_bytes", lambda plan: MESSAGE_BYTES_MAX * len(plan.airings) // airings if plan.airings else 1
    )


def test_a_plan_of_more_than_a_message_is_sent_as_far_as_it_fits(world: World, clock: ManualClock) -> None:
    with world.db.writing() as session:
        session.get_one(Schedule, world.schedule).title = "Phòng, chống mua bán người " * 11
    made = timetable(world, [timedelta(minutes=2 * n) for n in range(1, 1501)], world.village)
    assert world.issue() == 3
    plan = world.plan_of(world.b)
    assert 100 < len(plan.airings) < 1500
    assert held(world, world.b) == made[: len(plan.airings)]
    assert plan.valid_until == to_ms(clock.now()) + 2 * 60_000 * (len(plan.airings) + 1)
    with world.db.reading() as session:
        issued = delivery.current_plan(session, world.b.id)
        assert issued is not None
        assert issued.valid_until == from_ms(plan.valid_until)
        # As long as it can be.
        assert 0.9 * MESSAGE_BYTES_MAX < len(issued.token) <= MESSAGE_BYTES_MAX
        # Nobody was promised the rest.
        assert session.scalar(select(func.count()).where(Playout.receiver_id == world.b.id)) == len(plan.airings)
    [event] = events(world, "system:plan:shortened", world.b)
    assert event.data["airings_left"] == 1500 - len(plan.airings)
    assert event.data["bytes"] > MESSAGE_BYTES_MAX
    assert not events(world, "system:plan:too-large", world.b)
    assert not events(world, "system:plan:shortened", world.c)


def test_what_a_shortened_plan_drops_is_neither_ready_nor_cancelled_and_comes_again(
    world: World, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, gone, far = timetable(world, [2 * HOUR, 3 * HOUR, 20 * HOUR])
    with world.db.writing() as session:
        for item in world.items:
            session.add(ReceiverObject(receiver_id=world.a.id, sha256=item.sound("horn"), ready_at=clock.now()))
    world.issue()
    accept(world, world.a)
    assert world.playout(far, world.a).state == "ready"
    before = world.plan_of(world.a)

    only(world, monkeypatch, 2)
    clock.advance(timedelta(minutes=1))
    with world.db.writing() as session:
        row = session.get_one(Airing, gone)
        row.status, row.cancelled_at, row.cancelled_by = "cancelled", clock.now(), OPERATOR.id
    [new] = timetable(world, [HOUR])
    assert world.issue() == 3
    plan = world.plan_of(world.a)
    assert held(world, world.a) == [new, near]
    assert before.valid_from < to_ms(clock.now()) < plan.valid_until < before.valid_until
    dropped = world.playout(far, world.a)
    assert (dropped.state, dropped.cancelled, dropped.dropped_revision) == ("planned", False, plan.revision)
    cancelled = world.playout(gone, world.a)
    assert (cancelled.cancelled, cancelled.dropped_revision) == (True, plan.revision)
    accept(world, world.a)
    assert world.playout(far, world.a).state == "planned"
    assert world.playout(near, world.a).state == "ready"

    clock.advance(timedelta(minutes=75))  # the first is over
    with world.db.writing() as session:
        world.request_all(session)
    assert world.issue() == 3
    assert held(world, world.a) == [near, far]
    again = world.playout(far, world.a)
    assert (again.state, again.dropped_revision, again.accepted_at) == ("planned", None, None)
    accept(world, world.a)
    assert world.playout(far, world.a).state == "ready"


def test_a_receiver_takes_a_plan_that_ends_before_the_one_it_holds(
    world: World, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    timetable(world, [2 * HOUR, 20 * HOUR])
    world.issue()
    tokens = [_token(world)]
    only(world, monkeypatch, 1)
    with world.db.writing() as session:
        world.request_all(session)
    world.issue()
    tokens.append(_token(world))
    first = check(tokens[0], world.keyring.trust(), receiver=world.a.id, now_ms=to_ms(clock.now()), floor=0, held=None)
    second = check(
        tokens[1],
        world.keyring.trust(),
        receiver=world.a.id,
        now_ms=to_ms(clock.now()),
        floor=first.plan.revision,
        held=first,
    )
    assert second.plan.valid_until < first.plan.valid_until
    assert len(second.plan.airings) == 1


def test_a_shortened_plan_is_looked_at_again_at_half_of_its_own_time_and_not_before(
    world: World, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(world, monkeypatch, 2)
    timetable(world, [2 * HOUR, 4 * HOUR, 10 * HOUR, 20 * HOUR])
    world.issue()
    first = world.plan_of(world.a)
    assert first.valid_until == to_ms(clock.now() + 10 * HOUR)
    for wait, due in ((timedelta(minutes=1), 0), (4 * HOUR, 0), (timedelta(minutes=59), 3)):
        clock.advance(wait)
        assert _due(world) == due
    assert world.issue() == 3
    second = world.plan_of(world.a)
    assert second.valid_until > first.valid_until
    assert _due(world) == 0
    # The same question, asked at once, has the same answer.
    with world.db.writing() as session:
        world.request_all(session)
    assert world.issue() == 0


def test_it_is_an_error_only_if_the_next_hour_does_not_fit_and_even_then_the_nearest_are_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(world, monkeypatch, 1)
    first, *_ = timetable(world, [timedelta(minutes=10), timedelta(minutes=40), 2 * HOUR])
    assert world.issue() == 3
    assert held(world, world.a) == [first]
    [event] = events(world, "system:plan:too-large", world.a)
    assert event.data["airings_left"] == 2
    assert not events(world, "system:plan:shortened", world.a)


def test_where_nothing_fits_nothing_is_sent_and_it_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(horizon, "message_bytes", lambda _plan: MESSAGE_BYTES_MAX + 1)
    timetable(world, [HOUR])
    assert world.issue() == 0
    assert len(events(world, "system:plan:too-large", world.a)) == 1
    with world.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(PlanRequest)) == 0


def test_the_estimate_is_never_below_what_is_signed(world: World) -> None:
    timetable(world, [HOUR, 2 * HOUR])
    world.issue()
    plan: Plan = world.plan_of(world.a)
    size = len(_token(world))
    assert size < horizon.message_bytes(plan) < size + horizon.ENVELOPE_BYTES


def _token(world: World) -> bytes:
    with world.db.reading() as session:
        issued = delivery.current_plan(session, world.a.id)
    assert issued is not None
    return issued.token.encode()


def _due(world: World) -> int:
    with world.db.writing() as session:
        return delivery.request_due(session, world.clock.now(), world.settings.plan_hours)
