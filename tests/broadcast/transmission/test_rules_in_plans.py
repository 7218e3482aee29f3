"""Rules of sound when plans are made: carried in them, kept by them, and told where something is left out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from broadcast.duties import Duties
from broadcast.rule_checks import AGAINST
from broadcast.rules import RuleBook, in_plan
from broadcast.tables import Bulletin, BulletinVersion, ProgrammeItem
from core import units
from core.clock import ManualClock, to_ms
from core.events import Event
from core.settings import Settings
from devices.link import MemoryBroker
from devices.protocol.plan import Plan
from schedules import rule_store
from schedules.lease import Leadership
from schedules.rules import Kind, SoundRule, Span, Step
from schedules.tables import Airing, Schedule
from tests.broadcast.transmission.world import OPERATOR, Box, World

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
TODAY = date(2026, 7, 28)  # it is 08:00
MINUTE, HOUR = 60_000, timedelta(hours=1)


@pytest.fixture
def night(world: World) -> World:
    """With the usual quiet hours."""
    world.settings = world.settings.model_copy(update={"quiet_hours": "21:00-05:00"})
    return world


def rule(world: World, unit: str, kind: Kind, value: int = 0, **members: object) -> str:
    made = SoundRule("", unit, kind, value, **({"valid_from": TODAY} | members))  # type: ignore[arg-type]
    with world.db.writing() as session:
        return rule_store.put(session, made, settings=world.settings, actor=OPERATOR, clock=world.clock).id


def at(text: str) -> timedelta:
    """From now until this local time."""
    return datetime.fromisoformat(text).replace(tzinfo=HANOI) - datetime(2026, 7, 28, 1, tzinfo=UTC)


def airings(world: World, *starts: str, unit_ids: Sequence[str] | None = None, **values: object) -> list[str]:
    with world.db.writing() as session:
        made = [world.airing(session, at(start), unit_ids, **values).id for start in starts]
        world.request_all(session)
    return made


def plan(world: World, box: Box) -> Plan:
    world.issue()
    return world.plan_of(box)


def held(world: World, box: Box) -> list[str]:
    return [airing.airing for airing in plan(world, box).airings]


def told(world: World, kind: str) -> list[Event]:
    with world.db.reading() as session:
        return list(session.scalars(select(Event).where(Event.kind == kind).order_by(Event.seq)))


def test_a_plan_carries_every_night_in_utc(night: World) -> None:
    airings(night, "2026-07-28T17:00")
    spans = [(one.from_, one.until) for one in plan(night, night.a).quiet]
    assert spans == [
        (to_ms(datetime(2026, 7, day, 14, tzinfo=UTC)), to_ms(datetime(2026, 7, day, 22, tzinfo=UTC)))
        for day in (28, 29, 30)
    ]


def test_each_receiver_has_the_rules_of_its_own_place(night: World) -> None:
    rule(night, night.province, "volume", 90)
    rule(night, night.province, "curve", steps=(Step(time(5), 70), Step(time(19), 40)))
    rule(night, night.north, "quiet", spans=(Span(time(12), time(14)),))
    rule(night, night.village, "volume", 60)
    rule(night, night.village, "session_ms", 10 * MINUTE)
    rule(night, night.village, "day_ms", 30 * MINUTE)
    rule(night, night.village, "item_ms", 5 * MINUTE)
    rule(night, night.village, "emergency_ms", 2 * MINUTE)
    airings(night, "2026-07-28T17:00")
    north, village, south = (plan(night, box) for box in (night.a, night.b, night.c))
    assert [len(one.quiet) for one in (north, village, south)] == [6, 6, 3]
    assert [one.caps.volume for one in (north, village, south)] == [90, 60, 90]
    assert [one.volume for one in (north, village, south)] == [80, 60, 80]
    caps = village.caps
    assert (caps.airing_ms, caps.item_ms, caps.emergency_ms) == (10 * MINUTE, 5 * MINUTE, 2 * MINUTE)
    assert caps.day_ms == 60 * MINUTE  # a running day touches two
    assert (south.caps.airing_ms, south.caps.day_ms) == (7_200_000, 86_400_000)
    steps = [(step.at, step.volume) for step in south.volume_curve]
    assert steps[:2] == [
        (to_ms(datetime(2026, 7, 28, 5, tzinfo=HANOI)), 70),  # since this morning
        (to_ms(datetime(2026, 7, 28, 19, tzinfo=HANOI)), 40),
    ]


def test_windows_for_all_are_quiet_outside_and_those_of_one_class_are_kept_by_the_server(night: World) -> None:
    rule(night, night.south, "window", spans=(Span(time(5), time(6)), Span(time(17), time(18))))
    rule(night, night.north, "window", spans=(Span(time(17), time(18)),), classes=("ordinary",))
    noon, evening = airings(night, "2026-07-28T11:00", "2026-07-28T17:00")
    assert held(night, night.a) == [evening]
    assert held(night, night.c) == [evening]
    assert len(night.plan_of(night.a).quiet) == 3
    south = night.plan_of(night.c).quiet
    assert any(one.from_ <= to_ms(datetime(2026, 7, 28, 11, tzinfo=HANOI)) < one.until for one in south)
    assert noon not in {one.airing for one in night.plan_of(night.b).airings}


def test_what_breaks_a_rule_by_then_is_left_out_and_told_once(night: World) -> None:
    """The rule was set after the schedule was made."""
    evening, late = airings(night, "2026-07-28T17:00", "2026-07-28T20:30")
    assert set(held(night, night.a)) == {evening, late}
    rule(night, night.north, "quiet", spans=(Span(time(20), time(5)),))
    with night.db.writing() as session:
        night.request_all(session)
    assert held(night, night.a) == [evening]
    assert set(held(night, night.c)) == {evening, late}
    left_out = night.playout(late, night.a)
    assert left_out.cancelled
    assert (left_out.note or "").startswith(AGAINST)
    assert "Xã Bắc quy định" in (left_out.note or "")
    with night.db.writing() as session:
        night.request_all(session)
    night.issue()
    [event] = told(night, "system:airing:against-rules")
    assert event.subject_id == late
    assert event.data["receivers"] == sorted([night.a.id, night.b.id])
    assert event.data["reason"] == left_out.note


def test_a_limit_counts_what_sounded_before_and_what_the_week_has_later(world: World) -> None:
    rule(world, world.north, "sessions_a_day", 1)
    morning, noon, evening = airings(world, "2026-07-28T08:30", "2026-07-28T11:00", "2026-07-28T17:00")
    assert held(world, world.a) == [morning]
    assert len(held(world, world.c)) == 3
    clock = world.clock
    assert isinstance(clock, ManualClock)
    clock.advance(2 * HOUR)  # it is over, and its playout is there
    with world.db.writing() as session:
        world.request_all(session)
    assert held(world, world.a) == []
    notes = [world.playout(one, world.a).note or "" for one in (noon, evening)]
    assert all("số buổi mỗi ngày: 1" in note for note in notes)


def test_a_stronger_class_later_in_the_week_goes_first(world: World) -> None:
    rule(world, world.north, "days_a_week", 1)
    tomorrow, friday = airings(world, "2026-07-29T17:00", "2026-07-31T17:00")
    assert held(world, world.a) == [tomorrow]  # the plan ends before Friday 08:00
    _make(world, friday, "priority")
    with world.db.writing() as session:
        world.request_all(session)
    assert held(world, world.a) == []
    assert held(world, world.c) == [tomorrow]


def test_an_emergency_is_kept_at_night_within_its_own_cap(night: World) -> None:
    [alarm] = airings(night, "2026-07-28T23:00")
    _make(night, alarm, "emergency")
    assert held(night, night.a) == [alarm]
    rule(night, night.north, "emergency_ms", 30_000)  # it is 35 s long
    with night.db.writing() as session:
        night.request_all(session)
    assert held(night, night.a) == []
    assert held(night, night.c) == [alarm]


def test_what_was_let_through_is_held_and_the_box_lets_it_sound(world: World) -> None:
    rule_id = rule(world, world.north, "session_ms", 30_000)
    [airing] = airings(world, "2026-07-28T17:00")  # 35 s
    assert held(world, world.a) == []
    with world.db.writing() as session:
        broken = rule_store.rule_of(rule_store.get(session, rule_id))
        rule_store.override(session, world.schedule, [broken], "Đại hội", actor=OPERATOR, clock=world.clock)
        world.request_all(session)
    assert held(world, world.a) == [airing]
    assert world.plan_of(world.a).caps.airing_ms == 35_000
    assert not world.playout(airing, world.a).cancelled


def test_rules_of_merged_units_hold_on_at_what_took_over(world: World) -> None:
    rule(world, world.south, "volume", 40)
    with world.db.writing() as session:
        merged = units.add(session, kind="commune", name="Xã Mới", parent=units.get(session, world.province))
        units.end(session, units.get(session, world.south), TODAY + timedelta(days=1), [merged])
    with world.db.reading() as session:
        book = RuleBook(session, world.settings, TODAY, TODAY + timedelta(days=2))
        place = book.at((merged.id, world.province))
        assert "volume" not in {one.kind for one in place.on(TODAY).rules}
        assert "volume" in {one.kind for one in place.on(TODAY + timedelta(days=1)).rules}


def test_five_thousand_receivers_share_the_places_of_their_paths(night: World) -> None:
    with night.db.reading() as session:
        book = RuleBook(session, night.settings, TODAY, TODAY)
        assert book.at((night.north, night.province)) is book.at((night.north, night.province))
        rules = in_plan(book.at((night.north, night.province)), night.clock.now(), night.clock.now() + 72 * HOUR)
    assert rules.label == "giờ yên tĩnh: 21:00–05:00"


# --- When airings are made -------------------------------------------------------------------------------------------


def expand(world: World) -> None:
    leadership = Leadership(world.db)
    assert leadership.acquire()
    broker = MemoryBroker().link("server")
    parts = {"clock": world.clock, "store": world.store, "settings": _site(world), "leadership": leadership}
    work = Duties(world.db, broker, world.keyring, **parts)  # type: ignore[arg-type]
    work.expand()
    work.expand()
    leadership.release()


def _site(world: World) -> Settings:
    return world.settings


def put_at(world: World, at_: time) -> None:
    with world.db.writing() as session:
        session.get_one(Schedule, world.schedule).local_time = at_


def test_airings_that_come_to_lie_in_quiet_hours_are_told_once(night: World) -> None:
    put_at(night, time(22, 30))
    expand(night)
    [event] = told(night, "system:schedule:against-rules")
    assert event.subject_id == night.schedule
    assert event.data["airings"] == len(event.data["starts"]) >= night.settings.airing_days - 1
    assert event.data["says"] == ["giờ yên tĩnh: 21:00–05:00"]


def test_nothing_is_told_of_airings_in_the_day(night: World) -> None:
    put_at(night, time(17))
    expand(night)
    assert told(night, "system:schedule:against-rules") == []


def test_nothing_is_told_of_an_emergency(night: World) -> None:
    put_at(night, time(23))
    _make(night, None, "emergency")
    expand(night)
    assert told(night, "system:schedule:against-rules") == []


def _make(world: World, airing: str | None, class_: str) -> None:
    """Give the airing (None: the schedule) a programme of the same length with a bulletin of this class."""
    now = world.clock.now()
    with world.db.writing() as session:
        bulletin = Bulletin(title="Bản tin", class_=class_, created_by=OPERATOR.id, created_at=now)
        session.add(bulletin)
        session.flush()
        version = BulletinVersion(
            bulletin_id=bulletin.id, text="Tin", status="approved", written_by=OPERATOR.id, written_at=now
        )
        session.add(version)
        session.flush()
        programme, items = world.make_programme(session, [3000, 30_000, 2000])
        item = session.get_one(ProgrammeItem, items[1].id)
        item.kind, item.version_id = "bulletin", version.id
        row = session.get_one(Airing, airing) if airing else session.get_one(Schedule, world.schedule)
        row.programme_id = programme
