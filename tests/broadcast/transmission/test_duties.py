"""What the engine runs for the newsroom, one duty at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from broadcast.duties import SILENT_AFTER, Duties
from broadcast.tables import IssuedPlan, PlanRequest, Playout
from core.clock import ManualClock
from core.events import Event
from devices.link import MemoryBroker
from devices.tables import Receiver
from schedules.firings import Due
from schedules.lease import Leadership
from schedules.tables import Airing, Schedule
from tests.broadcast.transmission.test_playouts import accept, planned
from tests.broadcast.transmission.world import World


@pytest.fixture
def work(world: World) -> Iterator[Duties]:
    broker = MemoryBroker()
    link = broker.link("server")
    link.start()
    leadership = Leadership(world.db)
    assert leadership.acquire()
    yield Duties(
        world.db,
        link,
        world.keyring,
        clock=world.clock,
        store=world.store,
        settings=world.settings,
        leadership=leadership,
    )
    leadership.release()
    link.stop()


def test_expanding_makes_airings_and_asks_for_their_plans(work: Duties, world: World) -> None:
    work.expand()
    work.expand()
    with world.db.reading() as session:
        airings = session.scalars(select(Airing.starts_at)).all()
        assert session.scalar(select(func.count()).select_from(PlanRequest)) == 3
        assert session.get_one(Schedule, world.schedule).status == "active"
    assert len(airings) == len(set(airings)) >= world.settings.airing_days - 1
    work.plans()
    with world.db.reading() as session:
        plans = session.scalars(select(IssuedPlan)).all()
        assert session.scalar(select(func.count()).select_from(PlanRequest)) == 0
    assert len(plans) == 3
    assert all(plan.published_at is not None for plan in plans)
    assert len(world.plan_of(world.a).airings) == 3  # three mornings within 72 hours


def test_readiness_names_those_that_wait_and_why(work: Duties, world: World, clock: ManualClock) -> None:
    airing = planned(world)
    accept(world, world.a)
    with world.db.writing() as session:
        late = world.receiver(session, world.south)  # enrolled after the plans were issued
        for box in (world.a, world.b):
            session.get_one(Receiver, box.id).online = True
        work.tell_readiness(session, Due("ready-10", airing, clock.now(), None))
    with world.db.reading() as session:
        event = session.scalars(select(Event).where(Event.kind == "system:airing:readiness")).one()
    assert (event.data["when"], event.data["receivers"], event.data["waiting"]) == ("ready-10", 4, 4)
    assert event.data["named"] == {
        world.a.id: ["no-audio"],
        world.b.id: ["not-accepted"],
        world.c.id: ["not-accepted", "offline"],
        late.id: ["no-plan", "offline"],
    }
    assert event.data["reasons"] == {"no-audio": 1, "no-plan": 1, "not-accepted": 2, "offline": 2}


def test_nothing_is_said_of_those_that_are_ready(work: Duties, world: World, clock: ManualClock) -> None:
    """Where they are does not matter any more: they hold the plan and the sounds, and play by themselves."""
    airing = planned(world)
    with world.db.writing() as session:
        for box in world.boxes:
            session.get_one(Playout, (airing, box)).state = "ready"
        work.tell_readiness(session, Due("ready-2", airing, clock.now(), None))
    with world.db.reading() as session:
        event = session.scalars(select(Event).where(Event.kind == "system:airing:readiness")).one()
    assert (event.data["receivers"], event.data["waiting"], event.data["named"]) == (3, 0, {})


def test_who_is_not_heard_for_long_is_offline(work: Duties, world: World, clock: ManualClock) -> None:
    with world.db.writing() as session:
        for box, ago in ((world.a, SILENT_AFTER), (world.b, SILENT_AFTER + timedelta(seconds=1))):
            receiver = session.get_one(Receiver, box.id)
            receiver.online, receiver.heard_at = True, clock.now() - ago
    work.sweep_offline()
    with world.db.reading() as session:
        online = session.scalars(select(Receiver.id).where(Receiver.online)).all()
        events = session.scalars(select(Event).where(Event.kind == "receiver:receiver:offline")).all()
    assert online == [world.a.id]
    assert [event.subject_id for event in events] == [world.b.id]


def test_plans_are_renewed_and_what_is_over_is_closed(work: Duties, world: World, clock: ManualClock) -> None:
    airing = planned(world)
    clock.advance(timedelta(hours=40))
    work.renew_plans()
    work.close_overdue()
    with world.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(PlanRequest)) == 3
    assert world.playout(airing, world.a).state == "missed"
