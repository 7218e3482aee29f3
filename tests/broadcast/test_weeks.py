"""A unit's timetable as an iCalendar, read back by the icalendar library, and as the days of a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar, Event

from broadcast import icalendar, weeks
from broadcast.weeks import Entry
from core.clock import ManualClock
from core.database import Database
from core.ids import new_id
from schedules import airings, local_days, sessions, timetable
from schedules.calendars import Days
from schedules.desk import Desk
from schedules.local_days import Wish
from schedules.slots import SlotSpec
from schedules.targets import Targets
from tests.schedules.support import DAY, OPERATOR, Cast, add, cast, daily, local, rows

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(local(28, 4))


@pytest.fixture
def people(db: Database, clock: ManualClock) -> Cast:
    return cast(db, clock)


def feed(db: Database, unit_id: str, zone: ZoneInfo = HANOI) -> str:
    start, until = local(28, 0), local(35, 0)
    with db.reading() as session:
        entries = weeks.entries(session, unit_id, start, until)
    return icalendar.render("Xã Một", entries, zone, start=start, until=until, host="loa.example")


def events(text: str) -> list[Event]:
    """As the icalendar library reads them, in order."""
    return sorted(Calendar.from_ical(text).events, key=lambda one: (begin(one), str(one["UID"])))


def begin(event: Event) -> datetime:
    at = event.start
    assert isinstance(at, datetime)
    return at


def test_a_calendar_reads_what_airs(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily())
    held = events(feed(db, people.commune))
    assert [begin(one) for one in held] == [datetime(2026, 7, day, 17, tzinfo=HANOI) for day in (28, 29, 30)]
    assert all(one.end - one.start == timedelta(seconds=90) for one in held)
    assert str(held[0]["SUMMARY"]) == "Phòng, chống mua bán người"
    assert str(held[0]["DTSTART"].params["TZID"]) == "Asia/Ho_Chi_Minh"
    assert str(held[0]["UID"]) == f"{schedule.id}-20260728T100000Z@loa.example"
    assert len({str(one["UID"]) for one in held}) == 3
    assert events(feed(db, people.other_commune)) == []


def test_what_changes_keeps_its_uid_and_says_so(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(), planned=True)
    before = {str(one["UID"]): int(str(one["SEQUENCE"])) for one in events(feed(db, people.commune))}
    ids = [row.id for row in rows(db, schedule)]
    with db.writing() as session:
        airings.cancel(session, ids[0], actor=OPERATOR, clock=clock)
        airings.move(session, ids[1], starts_at=local(29, 19), actor=OPERATOR, clock=clock)
    held = events(feed(db, people.commune))
    assert {str(one["UID"]) for one in held} == set(before)
    assert [(str(one["STATUS"]), begin(one).hour) for one in held] == [
        ("CANCELLED", 17), ("CONFIRMED", 19), ("CONFIRMED", 17),
    ]  # fmt: skip
    assert [int(str(one["SEQUENCE"])) > before[str(one["UID"])] for one in held] == [True, True, False]
    assert ["Dời từ 17:00 29/07/2026" in str(one["DESCRIPTION"]) for one in held] == [False, True, False]


def test_a_local_day_is_told_at_its_unit_only(db: Database, clock: ManualClock, people: Cast) -> None:
    with db.writing() as session:
        schedule = timetable.add(
            session,
            title="Toàn tỉnh",
            programme_id=people.programme,
            rule=daily(),
            targets=Targets((people.province,)),
            duration_ms=90_000,
            actor=OPERATOR,
            clock=clock,
        )
        until = clock.now() + 3 * DAY
        for airing in timetable.materialise(session, now=clock.now(), until=until):
            airing.planned = True
        fair = Days("dates", date(2026, 7, 29), date(2026, 7, 29))
        by = timedelta(hours=1)
        wish = Wish(unit_id=people.commune, name="Chợ phiên", reason="Chợ", days=fair, effect="move", move_by=by)
        local_days.add(session, wish, until=until, actor=OPERATOR, clock=clock)
    here = [(begin(one).hour, str(one["STATUS"])) for one in events(feed(db, people.commune))]
    assert here == [(17, "CONFIRMED"), (17, "CANCELLED"), (18, "CONFIRMED"), (17, "CONFIRMED")]
    there = [(begin(one).hour, str(one["STATUS"])) for one in events(feed(db, people.other_commune))]
    assert there == [(17, "CONFIRMED")] * 3
    with db.reading() as session:
        sheet = weeks.week(session, people.commune, date(2026, 7, 27), HANOI)
    assert [day.about.day for day in sheet] == [date(2026, 7, 27) + timedelta(number) for number in range(7)]
    market = sheet[2]
    assert market.local_days == ("Chợ phiên",)
    told = [(one.starts_at, one.cancelled, one.because) for one in market.entries]
    assert told == [
        (local(29, 17), True, "ngày riêng của địa phương"),
        (local(29, 18), False, "Chợ phiên"),
    ]
    assert market.total_ms == 90_000
    assert schedule.title == market.entries[0].title


def test_each_slot_of_a_session_is_told_and_what_waits_is_tentative(
    db: Database, clock: ManualClock, people: Cast
) -> None:
    ten = 600_000
    with db.writing() as session:
        frame = timetable.add(
            session,
            title="Buổi chiều",
            rule=daily(last=date(2026, 7, 28)),
            targets=Targets((people.province,)),
            slots=[
                SlotSpec("relay", "Tiếp sóng", ten, source="vov1"),
                SlotSpec("programme", "Bản tin xã", ten, each_commune=True),
            ],
            actor=OPERATOR,
            clock=clock,
        )
        until = clock.now() + 3 * DAY
        timetable.materialise(session, now=clock.now(), until=until)
        slot = sessions.slots_of(session, frame.id)[1]
    relay, before = events(feed(db, people.commune))
    assert [(str(one["SUMMARY"]), str(one["STATUS"])) for one in (relay, before)] == [
        ("Buổi chiều – Tiếp sóng", "CONFIRMED"),
        ("Buổi chiều – Bản tin xã (chờ xếp)", "TENTATIVE"),
    ]
    assert "Tiếp sóng" in str(relay["DESCRIPTION"])
    assert begin(before) - begin(relay) == timedelta(minutes=10)
    places = [str(one.get("LOCATION")) for one in events(feed(db, people.province))]
    assert sorted(places) == ["None", "Xã Hai", "Xã Một"]
    with db.reading() as session:
        sheet = weeks.week(session, people.province, date(2026, 7, 27), HANOI)
    assert [(one.slot, one.open, one.part) for one in sheet[1].entries] == [
        ("Tiếp sóng", False, ()),
        ("Bản tin xã", True, ("Xã Hai", "Xã Một")),
    ]
    assert sheet[1].total_ms == 2 * ten  # what each commune airs at the same time counts once
    with db.writing() as session:
        desk = Desk(session, actor=OPERATOR, clock=clock)
        wish = {"on": date(2026, 7, 28), "programme_id": people.programme, "programme_ms": ten // 2}
        desk.fill(frame.id, slot.id, place_id=people.commune, **wish)  # type: ignore[arg-type]
        desk.settle()
    _, after = events(feed(db, people.commune))
    assert (str(after["STATUS"]), str(after["SUMMARY"])) == ("CONFIRMED", "Buổi chiều – Bản tin xã")
    assert "Buổi sáng" in str(after["DESCRIPTION"])  # what fills it
    assert str(after["UID"]) == str(before["UID"])
    assert int(str(after["SEQUENCE"])) > int(str(before["SEQUENCE"]))


def entry(starts_at: datetime, **given: object) -> Entry:
    facts: dict[str, object] = {
        "airing_id": "a",
        "schedule_id": "s",
        "original_start": starts_at,
        "uid": "u",
        "sequence": 0,
        "changed_at": datetime(2026, 7, 1, tzinfo=UTC),
        "title": "Tin",
        "starts_at": starts_at,
        "duration_ms": 60_000,
        "class_": "ordinary",
        "cancelled": False,
        "part": (),
        "because": None,
    }
    return Entry(**(facts | given))  # type: ignore[arg-type]


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),  # noqa: DTZ001 - made UTC below
    st.sampled_from(["Asia/Ho_Chi_Minh", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
def test_each_start_is_the_same_instant_in_any_zone(at: datetime, name: str) -> None:
    """By the VTIMEZONE that comes with it: under a name that the library can't know, nor remember from before."""
    zone, at = ZoneInfo(name), at.replace(microsecond=0, tzinfo=UTC)
    text = icalendar.render(
        "Lịch", [entry(at)], zone, start=at - 30 * DAY, until=at + 30 * DAY, host="loa.example"
    ).replace(name, f"Nowhere/{new_id()}")
    (held,) = events(text)
    offset = at.astimezone(zone).utcoffset()
    assert begin(held).utcoffset() == offset or at.astimezone(zone).fold  # what occurs twice is read as the first
    assert begin(held).replace(tzinfo=None) == at.astimezone(zone).replace(tzinfo=None)


@given(st.text(max_size=300), st.lists(st.text(min_size=1, max_size=60), max_size=3))
def test_any_text_comes_back_in_folded_lines(title: str, part: Sequence[str]) -> None:
    text = icalendar.render(
        title,
        [entry(local(28, 17), title=title, part=tuple(part))],
        HANOI,
        start=local(28, 0),
        until=local(29, 0),
        host="loa.example",
    )
    raw = text.encode()
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    (held,) = events(text)
    kept = "".join(letter for letter in title if letter >= " " or letter == "\n")
    assert str(held["SUMMARY"]) == kept


def test_times_of_a_sheet_are_local(db: Database, clock: ManualClock, people: Cast) -> None:
    """23:30 in Vietnam belongs to that day, though it is another one by UTC."""
    add(db, clock, people, daily(time(23, 30), last=date(2026, 7, 28)))
    with db.reading() as session:
        sheet = weeks.week(session, people.commune, date(2026, 7, 27), HANOI)
    assert [len(day.entries) for day in sheet] == [0, 1, 0, 0, 0, 0, 0]


def test_what_is_brought_back_to_another_time_stands_there_once(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily())
    withdrawn = next(row.id for row in rows(db, schedule) if row.starts_at == local(29, 17))
    with db.writing() as session:
        airings.cancel(session, withdrawn, actor=OPERATOR, clock=clock)
        timetable.edit(session, schedule.id, rule=daily(time(18)), actor=OPERATOR, clock=clock)
        airings.restore(session, withdrawn, actor=OPERATOR, clock=clock)
    with db.reading() as session:
        day = weeks.week(session, people.commune, date(2026, 7, 27), HANOI)[2]
    assert [(one.starts_at, one.cancelled) for one in day.entries] == [(local(29, 18), False)]
