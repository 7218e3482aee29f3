"""A database that was filled when sounds were made in one profile goes on working when it is brought up to date."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from broadcast import bulletins, content, programmes
from broadcast.bulletins import ProfileMissing
from core import migrations
from core.clock import ManualClock
from devices import registry
from tests.broadcast.newsroom.support import APPROVER, WRITER, QuickSpeaker
from tests.broadcast.newsroom.test_bulletins import Desk
from tests.broadcast.transmission.world import World

BEFORE = "0008"
HOUR = timedelta(hours=1)


@pytest.fixture
def desk(world: World, clock: ManualClock) -> Desk:
    return Desk(world.db, QuickSpeaker(world.store), clock)


def aged(world: World) -> None:
    """Make the database one of that time: without the newer columns, and with the sounds that were made then."""
    migrations.downgrade(world.db, BEFORE)
    with world.db.engine.begin() as connection:
        connection.execute(text("DELETE FROM renditions WHERE profile <> 'full'"))
        for version_id, sha256 in connection.execute(text("SELECT version_id, sha256 FROM renditions")).all():
            connection.execute(
                text("UPDATE approvals SET sha256s = :bound WHERE version_id = :version"),
                {"bound": f'["{sha256}"]', "version": version_id},
            )
    migrations.upgrade(world.db)


def test_what_was_approved_then_airs_at_receivers_of_both_profiles(world: World, desk: Desk) -> None:
    version = desk.in_state("approved")
    with world.db.writing() as session:
        made = programmes.create(
            session, title="Cũ", items=[version], studio=desk.speaker, actor=WRITER, clock=world.clock
        )
        programme, (item,) = made.id, programmes.items(session, made.id)
        full, length_ms = item.sha256, item.duration_ms
    aged(world)
    with world.db.writing() as session:
        assert set(bulletins.approved_renditions(session, version)) == {"full"}
        assert programmes.problems(session, programme) == []
        assert [registry.get(session, box.id).profile for box in (world.a, world.c)] == ["horn", "full"]
        world.airing(session, HOUR, programme_id=programme, duration_ms=length_ms)
        world.request_all(session)
    assert world.issue() == 3
    for box in (world.a, world.c):
        assert [item.sha256 for airing in world.plan_of(box).airings for item in airing.items] == [full]
    with world.db.reading() as session:
        assert content.needed(session, world.clock.now()) == {full}
    with world.db.writing() as session:  # and it goes into programmes that are made from now on
        again = programmes.create(
            session, title="Mới", items=[version], studio=desk.speaker, actor=WRITER, clock=world.clock
        )
        assert [programmes.sounds_of(item) for item in programmes.items(session, again.id)] == [{"full": full}]


def test_what_was_not_decided_then_goes_on(world: World, desk: Desk) -> None:
    """What was submitted is approved as it was heard; a draft is spoken anew, in both profiles, before it goes in."""
    submitted, draft = desk.in_state("submitted"), desk.in_state("draft")
    aged(world)
    desk.approve(submitted)
    with pytest.raises(ProfileMissing):
        desk.submit(draft)
    desk.speak(draft)
    desk.submit(draft)
    desk.approve(draft, actor=APPROVER)
    with world.db.reading() as session:
        assert set(bulletins.approved_renditions(session, submitted)) == {"full"}
        assert set(bulletins.approved_renditions(session, draft)) == {"full", "horn"}


def test_a_new_wording_of_it_has_both(world: World, desk: Desk) -> None:
    version = desk.in_state("approved")
    aged(world)
    with world.db.writing() as session:
        told = bulletins.get(session, version).text
        again = bulletins.edit(session, version, text=told, actor=WRITER, clock=world.clock).id
    desk.speak(again)
    desk.submit(again)
    desk.approve(again)
    with world.db.reading() as session:
        assert set(bulletins.approved_renditions(session, again)) == {"full", "horn"}
