"""Schedules against the quiet hours: the rule itself, and what it comes to later."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from sqlalchemy import select

from broadcast import quiet
from broadcast.duties import Duties
from broadcast.quiet import InQuietHours
from broadcast.tables import Bulletin, BulletinVersion, ProgrammeItem
from core.clock import ManualClock
from core.events import Event
from core.settings import Settings
from devices.link import MemoryBroker
from schedules.lease import Leadership
from schedules.recurrence import Kind, Rule
from schedules.tables import Schedule
from tests.broadcast.transmission.world import FREE, OPERATOR, World

HANOI = "Asia/Ho_Chi_Minh"
NIGHT = Settings(quiet_hours="21:00-05:00", _env_file=None)  # type: ignore[call-arg]


def put(
    world: World, kind: Kind, at: time, first: date, weekdays: tuple[int, ...] = (), last: date | None = None
) -> str:
    rule = Rule(kind, first, last, at, HANOI, weekdays)
    with world.db.writing() as session:
        row = session.get_one(Schedule, world.schedule)
        row.kind, row.local_time, row.first_date = rule.kind, rule.local_time, rule.first_date
        row.last_date, row.weekdays = rule.last_date, list(rule.weekdays) or None
    return world.schedule


def check(world: World, schedule: str) -> None:
    with world.db.reading() as session:
        quiet.check_schedule(session, NIGHT, session.get_one(Schedule, schedule), world.clock.now())


@pytest.mark.parametrize("kind", ["once", "daily", "weekly"])
def test_a_rule_is_refused_however_far_ahead_it_begins(world: World, clock: ManualClock, kind: Kind) -> None:
    next_year = date(clock.now().year + 1, 3, 1)
    weekdays = (3,) if kind == "weekly" else ()
    with pytest.raises(InQuietHours, match="22:30"):
        check(world, put(world, kind, time(22, 30), next_year, weekdays))
    check(world, put(world, kind, time(17), next_year, weekdays))
    check(world, put(world, kind, time(5), next_year, weekdays))


def test_the_last_day_there_can_be_is_no_obstacle(world: World) -> None:
    with pytest.raises(InQuietHours):
        check(world, put(world, "daily", time(22, 30), date(2199, 12, 31), last=date(2199, 12, 31)))


def test_a_rule_that_is_over_is_nobodys_concern(world: World) -> None:
    check(world, put(world, "daily", time(22, 30), date(2020, 1, 1), last=date(2020, 1, 2)))


def test_an_emergency_may_be_scheduled_at_night(world: World, clock: ManualClock) -> None:
    _make_emergency(world)
    check(world, put(world, "daily", time(22, 30), date(clock.now().year + 1, 3, 1)))


def test_airings_that_come_to_lie_in_quiet_hours_are_told_once(world: World, clock: ManualClock) -> None:
    """The quiet hours were set after the schedule was made."""
    put(world, "daily", time(22, 30), clock.now().date())
    work, leadership = _duties(world)
    work.expand()
    work.expand()
    leadership.release()
    with world.db.reading() as session:
        [event] = session.scalars(select(Event).where(Event.kind == "system:schedule:in-quiet-hours"))
    assert event.subject_id == world.schedule
    assert event.data["airings"] == len(event.data["starts"]) >= NIGHT.airing_days - 1
    assert event.data["quiet_hours"] == "21:00-05:00"


def test_nothing_is_told_of_airings_in_the_day_or_of_an_emergency(world: World, clock: ManualClock) -> None:
    put(world, "daily", time(17), clock.now().date())
    work, leadership = _duties(world)
    work.expand()
    _make_emergency(world)
    put(world, "daily", time(23), clock.now().date() + timedelta(days=1))
    work.expand()
    leadership.release()
    with world.db.reading() as session:
        assert session.scalars(select(Event).where(Event.kind == "system:schedule:in-quiet-hours")).all() == []


def _duties(world: World) -> tuple[Duties, Leadership]:
    leadership = Leadership(world.db)
    assert leadership.acquire()
    work = Duties(
        world.db,
        MemoryBroker().link("server"),
        world.keyring,
        clock=world.clock,
        store=world.store,
        settings=NIGHT,
        leadership=leadership,
        rules=FREE,
    )
    return work, leadership


def _make_emergency(world: World) -> None:
    now = world.clock.now()
    with world.db.writing() as session:
        bulletin = Bulletin(title="Khẩn", class_="emergency", created_by=OPERATOR.id, created_at=now)
        session.add(bulletin)
        session.flush()
        version = BulletinVersion(
            bulletin_id=bulletin.id, text="Khẩn", status="approved", written_by=OPERATOR.id, written_at=now
        )
        session.add(version)
        session.flush()
        item = session.get_one(ProgrammeItem, world.items[1].id)
        item.kind, item.version_id = "bulletin", version.id
