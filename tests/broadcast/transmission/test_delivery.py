"""From changes to signed plans at the broker."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broadcast import commands, content, delivery, issuing, sequences
from broadcast.promises import AUDIO_MISSING
from broadcast.tables import IssuedPlan, PlanRequest, Playout, PublishedObject
from core.clock import ManualClock, to_ms
from core.events import Event
from devices.link import MemoryBroker
from devices.protocol import topics
from devices.protocol.plan import CHUNK_BYTES
from devices.tables import Receiver
from schedules.errors import NotLeader
from schedules.tables import Airing
from tests.broadcast.transmission.world import OPERATOR, World, leading

HOUR = timedelta(hours=1)


def test_a_plan_holds_what_concerns_its_receiver(world: World) -> None:
    with world.db.writing() as session:
        everywhere = world.airing(session, HOUR).id
        north = world.airing(session, 2 * HOUR, [world.north]).id
        world.airing(session, timedelta(days=10))
        world.request_all(session)
    assert world.issue() == 3
    plan = world.plan_of(world.b)
    assert [airing.airing for airing in plan.airings] == [everywhere, north]
    assert [area.unit for area in plan.areas] == [world.village, world.north, world.province]
    assert [airing.airing for airing in world.plan_of(world.c).airings] == [everywhere]
    manifest = {found.sha256: found for found in plan.objects}[world.items[1].sound("horn")]
    assert manifest.bytes == 90_000
    assert len(manifest.chunk_sha256) == -(-90_000 // CHUNK_BYTES)
    with world.db.reading() as session:
        planned = session.scalars(select(Airing.planned).order_by(Airing.starts_at)).all()
        states = session.execute(select(Playout.airing_id, Playout.receiver_id, Playout.state)).all()
        assert session.scalar(select(func.count()).select_from(PlanRequest)) == 0
    assert planned == [True, True, False]
    assert {tuple(row) for row in states} == {
        (everywhere, world.a.id, "planned"),
        (everywhere, world.b.id, "planned"),
        (everywhere, world.c.id, "planned"),
        (north, world.a.id, "planned"),
        (north, world.b.id, "planned"),
    }


def test_nothing_is_issued_where_nothing_changed(world: World, clock: ManualClock) -> None:
    with world.db.writing() as session:
        world.airing(session, HOUR)
        world.request_all(session)
    world.issue()
    first = world.plan_of(world.a)
    clock.advance(timedelta(minutes=10))
    with world.db.writing() as session:
        world.request_all(session)
    assert world.issue() == 0
    assert world.plan_of(world.a) == first


def test_plans_are_issued_again_when_half_their_time_is_over(world: World, clock: ManualClock) -> None:
    with world.db.writing() as session:
        delivery.request_due(session, clock.now(), world.settings.plan_hours)
    assert world.issue() == 3  # also without any airing: areas and caps are in it
    clock.advance(timedelta(hours=world.settings.plan_hours / 2) - timedelta(minutes=1))
    with world.db.writing() as session:
        assert delivery.request_due(session, clock.now(), world.settings.plan_hours) == 0
    clock.advance(timedelta(minutes=2))
    with world.db.writing() as session:
        assert delivery.request_due(session, clock.now(), world.settings.plan_hours) == 3
    first = world.plan_of(world.a).revision
    assert world.issue() == 3
    assert world.plan_of(world.a).revision > first


def test_revisions_rise_whatever_the_clock_does(world: World, clock: ManualClock) -> None:
    revisions = []
    for n in range(4):
        clock.step(timedelta(minutes=-1))
        with world.db.writing() as session:
            world.airing(session, HOUR + n * timedelta(minutes=7))
            world.request_all(session)
        world.issue()
        revisions.append(world.plan_of(world.a).revision)
    assert revisions == sorted(set(revisions))


def test_a_restored_server_goes_above_what_a_receiver_holds_at_most_a_day_ahead(
    world: World, clock: ManualClock
) -> None:
    near, far = to_ms(clock.now()) + 5_000, to_ms(clock.now()) + 10 * 86_400_000
    with world.db.writing() as session:
        session.get_one(Receiver, world.a.id).held_revision = near
        session.get_one(Receiver, world.b.id).held_revision = far
        world.request_all(session)
    world.issue()
    assert world.plan_of(world.a).revision == near + 1
    assert world.plan_of(world.b).revision == to_ms(clock.now() + sequences.AHEAD_MAX)


def test_a_leader_that_lost_its_lease_issues_nothing(world: World) -> None:
    def check(_session: Session) -> int:
        raise NotLeader(name="engine")

    with world.db.writing() as session:
        world.request_all(session)
    with pytest.raises(NotLeader):
        issuing.issue_requested(world.db, world.keyring, world.store, check, world.clock, world.settings)
    with world.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(PlanRequest)) == 3
        assert session.scalar(select(func.count()).select_from(IssuedPlan)) == 0


def test_a_cancelled_airing_leaves_the_plan_and_its_playout_is_marked(world: World, clock: ManualClock) -> None:
    with world.db.writing() as session:
        airing = world.airing(session, HOUR)
        kept = world.airing(session, 3 * HOUR).id
        world.request_all(session)
    world.issue()
    clock.advance(timedelta(minutes=1))
    with world.db.writing() as session:
        row = session.get_one(Airing, airing.id)
        row.status, row.cancelled_at, row.cancelled_by = "cancelled", clock.now(), OPERATOR.id
        delivery.request_for_airings(session, [row], clock.now())
    assert world.issue() == 3
    plan = world.plan_of(world.a)
    assert [held.airing for held in plan.airings] == [kept]
    playout = world.playout(airing.id, world.a)
    assert (playout.cancelled, playout.dropped_revision) == (True, plan.revision)
    with world.db.reading() as session:
        event = session.scalars(select(Event).where(Event.kind == "system:plan:issued").order_by(Event.seq)).all()[-1]
    assert event.data["dropped"] == [airing.id]


def test_an_airing_whose_audio_is_gone_has_a_playout_that_says_so(world: World) -> None:
    world.store.remove(world.items[1].sound("horn"))
    with world.db.writing() as session:
        airing = world.airing(session, HOUR).id
        world.request_all(session)
    world.issue()
    assert world.plan_of(world.a).airings == []
    playout = world.playout(airing, world.a)
    assert (playout.first_revision, playout.reason) == (0, AUDIO_MISSING)


def test_only_the_request_that_was_seen_is_forgotten(world: World, clock: ManualClock) -> None:
    """One that came while the plan was composed stands, and the plan is looked at again."""
    with world.db.writing() as session:
        delivery.request(session, [world.a.id], clock.now())
        issuing._forget_requests(session, [(world.a.id, clock.now() - timedelta(milliseconds=1))])
        assert session.scalar(select(func.count()).select_from(PlanRequest)) == 1
        issuing._forget_requests(session, [(world.a.id, clock.now())])
        assert session.scalar(select(func.count()).select_from(PlanRequest)) == 0


def test_plans_are_published_once_retained_and_again_after_a_crash(world: World, clock: ManualClock) -> None:
    broker = MemoryBroker()
    link = broker.link("server")
    with world.db.writing() as session:
        world.airing(session, HOUR)
        world.request_all(session)
    world.issue()
    # Not connected: nothing is done, nothing is lost. So it is after a kill between commit and publication.
    assert delivery.publish_pending(world.db, link, leading, clock) == 0
    link.start()
    assert delivery.publish_pending(world.db, link, leading, clock) == 3
    assert delivery.publish_pending(world.db, link, leading, clock) == 0
    retained = broker.retained[topics.down(world.a.id, "plan")]
    assert world.opened(world.a, retained) == world.plan_of(world.a)
    link.stop()


def test_only_the_newest_plan_is_ever_published(world: World, clock: ManualClock) -> None:
    broker = MemoryBroker()
    link = broker.link("server")
    for n in range(3):
        with world.db.writing() as session:
            world.airing(session, HOUR + n * HOUR)
            world.request_all(session)
        world.issue()
        clock.advance(timedelta(seconds=1))
    link.start()
    assert delivery.publish_pending(world.db, link, leading, clock) == 3
    with world.db.reading() as session:
        published = session.scalar(select(func.count()).where(IssuedPlan.published_at.is_not(None)))
        assert session.scalar(select(func.count()).select_from(IssuedPlan)) == 9
    assert published == 3
    assert len(world.opened(world.a, broker.retained[topics.down(world.a.id, "plan")]).airings) == 3
    link.stop()


def test_audio_lies_at_the_broker_while_it_is_needed(world: World, clock: ManualClock) -> None:
    broker = MemoryBroker()
    link = broker.link("server")
    link.start()
    with world.db.writing() as session:
        world.airing(session, HOUR)
        world.request_all(session)
    world.issue()
    assert content.publish_needed(world.db, world.store, link, clock) == 6
    assert content.publish_needed(world.db, world.store, link, clock) == 0
    sha256 = world.items[1].sound("horn")
    chunks = [broker.retained[topics.content(sha256, CHUNK_BYTES, n)] for n in range(2)]
    assert b"".join(chunks) == world.store.read(sha256)
    clock.advance(HOUR + content.GRACE)
    assert content.publish_needed(world.db, world.store, link, clock) == 0
    assert topics.content(sha256, CHUNK_BYTES, 1) in broker.retained  # within the grace
    clock.advance(timedelta(minutes=5))
    content.publish_needed(world.db, world.store, link, clock)
    assert [topic for topic in broker.retained if "/content/" in topic] == []
    with world.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(PublishedObject)) == 0
    link.stop()


def test_a_broker_that_kept_nothing_gets_everything_again(world: World, clock: ManualClock) -> None:
    broker = MemoryBroker()
    link = broker.link("server")
    link.start()
    with world.db.writing() as session:
        world.airing(session, HOUR)
        world.request_all(session)
    world.issue()
    content.publish_needed(world.db, world.store, link, clock)
    delivery.publish_pending(world.db, link, leading, clock)
    before = broker.retained
    broker.down(forget=True)
    broker.up()
    with world.db.writing() as session:
        delivery.republish_all(session)
    content.publish_needed(world.db, world.store, link, clock)
    delivery.publish_pending(world.db, link, leading, clock)
    assert broker.retained == before
    link.stop()


def test_play_now_keeps_its_audio_at_the_broker(world: World, clock: ManualClock) -> None:
    item, now = world.items[0], clock.now()
    with world.db.writing() as session:
        commands.play_now(session, [item], world.store, actor=OPERATOR, now=now, receiver_id=world.a.id)
    with world.db.reading() as session:
        assert content.needed(session, now) == {item.sound("horn")}
        assert content.needed(session, clock.now() + HOUR) == set()
