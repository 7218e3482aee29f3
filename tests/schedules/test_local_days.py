"""Local days act on the airings that there are: at their place, on their days, and never by rewriting history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from broadcast.tables import Programme
from core.clock import ManualClock
from core.database import Database
from core.errors import TruyenThanhError
from core.events import Event
from core.units import Unit, UnitLink, UnitName
from schedules import airings, local_days, timetable
from schedules.calendar_tables import LocalDayRow
from schedules.calendars import Days
from schedules.errors import BadLocalDay, LocalDayChanged, LocalDayNotFound, UnknownHoliday, UnknownSchedules
from schedules.local_days import Wish
from schedules.tables import Airing, Schedule, ScheduleTarget
from schedules.targets import Targets
from tests.schedules.support import DAY, OPERATOR, Cast, add, cast, daily, local, rows, standing

FAIR = Days("dates", date(2026, 7, 29), date(2026, 7, 29))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(local(28, 4))


@pytest.fixture
def people(db: Database, clock: ManualClock) -> Cast:
    return cast(db, clock)


def everywhere(db: Database, clock: ManualClock, people: Cast, at: time = time(17)) -> Schedule:
    """A daily schedule in the whole province."""
    with db.writing() as session:
        schedule = timetable.add(
            session,
            title="Toàn tỉnh",
            programme_id=people.programme,
            rule=daily(at),
            targets=Targets((people.province,)),
            duration_ms=90_000,
            actor=OPERATOR,
            clock=clock,
        )
        timetable.materialise(session, now=clock.now(), until=clock.now() + 3 * DAY)
        return schedule


def wish(people: Cast, **given: object) -> Wish:
    facts: dict[str, object] = {
        "unit_id": people.commune,
        "name": "Chợ phiên",
        "reason": "Chợ phiên của xã",
        "days": FAIR,
        "effect": "skip",
    }
    return Wish(**(facts | given))  # type: ignore[arg-type]


def set_day(db: Database, clock: ManualClock, wanted: Wish) -> tuple[str, list[Airing]]:
    with db.writing() as session:
        row, changed = local_days.add(session, wanted, until=clock.now() + 3 * DAY, actor=OPERATOR, clock=clock)
        return row.id, changed


def take_back(db: Database, clock: ManualClock, local_day: str) -> list[Airing]:
    with db.writing() as session:
        return local_days.cancel(session, local_day, until=clock.now() + 3 * DAY, actor=OPERATOR, clock=clock)[1]


def starts(airings: Sequence[Airing]) -> list[datetime]:
    return [airing.starts_at for airing in airings]


def test_a_day_is_skipped_and_airs_again_when_it_is_taken_back(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(), planned=True)
    before = rows(db, schedule)
    local_day, changed = set_day(db, clock, wish(people))
    assert [(one.starts_at, one.cancel_reason, one.cancelled_by) for one in changed] == [
        (local(29, 17), "local-day", OPERATOR.id)
    ]
    assert starts(standing(db, schedule)) == [local(28, 17), local(30, 17)]
    with db.writing() as session:  # expanding again doesn't bring it back
        assert timetable.materialise(session, now=clock.now(), until=clock.now() + 3 * DAY) == []
    changed = take_back(db, clock, local_day)
    assert [(one.starts_at, one.status, one.replaces_id) for one in changed] == [
        (local(29, 17), "scheduled", before[1].id)
    ]
    assert starts(standing(db, schedule)) == [local(28, 17), local(29, 17), local(30, 17)]
    assert [row.id for row in rows(db, schedule) if row.planned] == [row.id for row in before]  # history stays
    with db.reading() as session:
        found = session.query(Event).filter(Event.kind.like("user:local-day:%")).order_by(Event.seq).all()
    assert [event.kind.rpartition(":")[2] for event in found] == ["set", "cancelled"]
    assert found[0].data["cancelled"] == [before[1].id]


def test_a_market_moves_what_airs(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily())
    local_day, _ = set_day(db, clock, wish(people, effect="move", move_by=timedelta(minutes=30)))
    moved = standing(db, schedule)[1]
    assert (moved.starts_at, moved.original_start, moved.local_day_id) == (local(29, 17, 30), local(29, 17), local_day)
    assert moved.replaces_id == rows(db, schedule)[1].id
    take_back(db, clock, local_day)
    assert starts(standing(db, schedule)) == [local(28, 17), local(29, 17), local(30, 17)]


def test_one_commune_is_taken_out_of_an_airing_of_many(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = everywhere(db, clock, people)
    local_day, changed = set_day(db, clock, wish(people))
    assert len(changed) == 2
    there = [row.targets for row in standing(db, schedule)]
    whole = Targets((people.province,))
    assert there == [whole, whole.without(people.commune), whole]
    take_back(db, clock, local_day)
    assert [row.targets for row in standing(db, schedule)] == [whole] * 3


def test_one_commune_of_many_is_moved(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = everywhere(db, clock, people)
    set_day(db, clock, wish(people, effect="move", move_by=timedelta(hours=-1)))
    there = [(row.starts_at, row.targets) for row in standing(db, schedule)]
    whole = Targets((people.province,))
    assert there == [
        (local(28, 17), whole),
        (local(29, 16), Targets((people.commune,))),
        (local(29, 17), whole.without(people.commune)),
        (local(30, 17), whole),
    ]
    # A village below it has another wish: its own is heeded there.
    set_day(db, clock, wish(people, unit_id=people.village, effect="move", move_by=timedelta(hours=1)))
    there = [(row.starts_at, row.targets) for row in standing(db, schedule)][1:-1]
    assert there == [
        (local(29, 16), Targets((people.commune,), except_units=(people.village,))),
        (local(29, 17), Targets((people.province,), except_units=(people.commune, people.village))),
        (local(29, 18), Targets((people.village,))),
    ]


def test_a_whole_day_is_replaced(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = everywhere(db, clock, people)
    other = add(db, clock, people, daily(time(11)))
    local_day, _ = set_day(
        db, clock, wish(people, effect="replace", timetable=((time(6), other.id), (time(19), schedule.id)))
    )
    whole = Targets((people.province,))
    at = Targets((people.commune,))
    assert [(row.starts_at, row.targets) for row in standing(db, other)] == [
        (local(28, 11), at), (local(29, 6), at), (local(30, 11), at),
    ]  # fmt: skip
    assert [(row.starts_at, row.targets) for row in standing(db, schedule)] == [
        (local(28, 17), whole),
        (local(29, 17), whole.without(people.commune)),
        (local(29, 19), at),
        (local(30, 17), whole),
    ]
    take_back(db, clock, local_day)
    assert starts(standing(db, other)) == [local(28, 11), local(29, 11), local(30, 11)]
    assert [row.targets for row in standing(db, schedule)] == [whole] * 3


def test_a_replaced_day_beyond_the_horizon_comes_with_it(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(), days=1)
    days = Days("lunar-monthly", date(2026, 7, 1), None, day=1)  # the first is 13 August
    timetable_ = ((time(17), schedule.id), (time(18), schedule.id))
    set_day(db, clock, wish(people, days=days, effect="replace", timetable=timetable_))
    clock.advance(14 * DAY)
    with db.writing() as session:
        timetable.materialise(session, now=clock.now(), until=clock.now() + 4 * DAY)
    found = [(row.starts_at, row.local_day_id is not None) for row in standing(db, schedule)]
    thirteenth = local(31 + 13, 17)
    assert [one for one in found if thirteenth - DAY < one[0] < thirteenth + DAY] == [
        (thirteenth, True), (thirteenth + timedelta(hours=1), True),
    ]  # fmt: skip


def test_only_the_days_and_units_touched_change(db: Database, clock: ManualClock, people: Cast) -> None:
    near, far = add(db, clock, people, daily()), everywhere(db, clock, people)
    before = {row.id for row in rows(db, near)}
    _, changed = set_day(db, clock, wish(people, unit_id=people.other_commune))
    assert {row.id for row in rows(db, near)} == before
    assert {row.schedule_id for row in changed} == {far.id}
    assert {row.original_start for row in changed} == {local(29, 17)}


def test_an_edit_goes_on_heeding_it(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = everywhere(db, clock, people)
    local_day, _ = set_day(db, clock, wish(people, effect="move", move_by=timedelta(hours=1)))
    with db.writing() as session:
        timetable.edit(session, schedule.id, rule=daily(time(9)), actor=OPERATOR, clock=clock)
    there = [(row.starts_at, row.targets) for row in standing(db, schedule)]
    whole = Targets((people.province,))
    assert there == [
        (local(28, 9), whole),
        (local(29, 9), whole.without(people.commune)),
        (local(29, 10), Targets((people.commune,))),
        (local(30, 9), whole),
    ]
    take_back(db, clock, local_day)
    assert [(row.starts_at, row.targets) for row in standing(db, schedule)] == [
        (local(day, 9), whole) for day in (28, 29, 30)
    ]


def test_what_is_on_air_or_over_stays(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = everywhere(db, clock, people)
    today = Days("dates", date(2026, 7, 28), date(2026, 7, 28))
    local_day, _ = set_day(db, clock, wish(people, days=today, effect="move", move_by=timedelta(hours=1)))
    clock.advance(local(28, 17, 1) - clock.now())
    assert take_back(db, clock, local_day)[0].starts_at == local(28, 18)  # what is not begun is cancelled
    assert standing(db, schedule)[0].targets == Targets((people.province,)).without(people.commune)
    _, changed = set_day(db, clock, wish(people, days=today, effect="move", move_by=timedelta(hours=2)))
    assert changed == []  # nor does what has begun air once more later


def test_what_a_hand_decided_stays(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily())
    ids = [row.id for row in rows(db, schedule)]
    with db.writing() as session:
        airings.cancel(session, ids[0], actor=OPERATOR, clock=clock)
        airings.move(session, ids[1], starts_at=local(29, 20), actor=OPERATOR, clock=clock)
    week = Days("dates", date(2026, 7, 28), date(2026, 7, 30))
    moving, _ = set_day(db, clock, wish(people, days=week, effect="move", move_by=timedelta(minutes=10)))
    assert starts(standing(db, schedule)) == [local(29, 20), local(30, 17, 10)]
    mourning, _ = set_day(db, clock, wish(people, name="Quốc tang", days=week))
    assert standing(db, schedule) == []
    take_back(db, clock, mourning)
    assert starts(standing(db, schedule)) == [local(29, 20), local(30, 17, 10)]
    take_back(db, clock, moving)
    assert starts(standing(db, schedule)) == [local(29, 20), local(30, 17)]


def test_a_moved_airing_can_be_withdrawn(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = everywhere(db, clock, people)
    set_day(db, clock, wish(people, effect="move", move_by=timedelta(hours=1)))
    with db.writing() as session:
        extra = next(row for row in rows(db, schedule) if row.local_day_id)
        airings.cancel(session, extra.id, actor=OPERATOR, clock=clock)
        timetable.edit(session, schedule.id, title="Tên khác", duration_ms=60_000, actor=OPERATOR, clock=clock)
    assert [row for row in standing(db, schedule) if row.local_day_id] == []


def test_a_changed_one_acts_on_both_its_days(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily())
    local_day, _ = set_day(db, clock, wish(people))
    with db.writing() as session:
        later = wish(people, days=Days("dates", date(2026, 7, 30), date(2026, 7, 30)))
        row, _ = local_days.change(
            session, local_day, later, until=clock.now() + 3 * DAY, actor=OPERATOR, clock=clock, expected_version=1
        )
        assert row.version == 2
    assert starts(standing(db, schedule)) == [local(28, 17), local(29, 17)]
    with pytest.raises(LocalDayChanged), db.writing() as session:
        local_days.change(
            session, local_day, later, until=clock.now() + 3 * DAY, actor=OPERATOR, clock=clock, expected_version=1
        )
    take_back(db, clock, local_day)
    with pytest.raises(LocalDayNotFound):
        take_back(db, clock, local_day)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"name": " "}, BadLocalDay),
        ({"effect": "move"}, BadLocalDay),
        ({"effect": "move", "move_by": timedelta(hours=13)}, BadLocalDay),
        ({"effect": "replace"}, BadLocalDay),
        ({"schedule_ids": ()}, BadLocalDay),
        ({"schedule_ids": ("không có",)}, UnknownSchedules),
        ({"days": Days("dates", date(2026, 7, 1), date(2026, 7, 27))}, BadLocalDay),
    ],
)
def test_bad_wishes_are_refused(
    db: Database, clock: ManualClock, people: Cast, given: dict[str, object], error: type[TruyenThanhError]
) -> None:
    with pytest.raises(error):
        set_day(db, clock, wish(people, **given))
    with db.reading() as session:
        assert local_days.between(session, date(2026, 1, 1), date(2027, 1, 1)) == []


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"kind": "dates", "last": None}, BadLocalDay),
        ({"kind": "yearly", "last": None}, BadLocalDay),
        ({"kind": "yearly", "last": None, "month": 2, "day": 30}, BadLocalDay),
        ({"kind": "lunar-monthly", "last": None, "day": 31}, BadLocalDay),
        ({"kind": "holiday", "last": None, "length": 40}, BadLocalDay),
        ({"kind": "holiday", "last": None, "holiday": "Ngày hội không có"}, UnknownHoliday),
        ({"kind": "dates", "last": date(2026, 7, 1)}, BadLocalDay),
    ],
)
def test_bad_days_are_refused(given: dict[str, object], error: type[TruyenThanhError]) -> None:
    with pytest.raises(error):
        Days(first=date(2026, 7, 28), **given)  # type: ignore[arg-type]


def test_days_that_come_again() -> None:
    since, until = date(2024, 1, 1), date(2029, 1, 1)
    leap = Days("yearly", since, month=2, day=29)
    assert leap.within(since, until) == [date(2024, 2, 29), date(2028, 2, 29)]
    kings = Days("lunar-yearly", since, month=3, day=10, length=2)
    assert kings.within(date(2026, 4, 27), date(2027, 5, 1)) == [
        date(2026, 4, 26) + DAY, date(2027, 4, 16), date(2027, 4, 17),
    ]  # fmt: skip
    full = Days("lunar-monthly", date(2026, 7, 29), date(2026, 9, 1), day=15)
    assert full.within(since, until) == [date(2026, 8, 27)]
    independence = Days("holiday", date(2026, 1, 1), holiday="Quốc khánh")
    assert date(2026, 9, 2) in independence.within(date(2026, 8, 1), date(2026, 10, 1))


_steps = st.lists(
    st.tuples(st.sampled_from(["skip", "move", "replace", "back", "edit"]), st.integers(0, 5)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_steps)
def test_after_all_is_taken_back_each_place_hears_what_the_schedule_says(
    sqlite_db: Database, steps: Sequence[tuple[str, int]]
) -> None:
    """Whatever is set, changed and taken back in any order: never twice at one place, and in the end as planned."""
    db, clock = sqlite_db, ManualClock(local(28, 4))
    with db.writing() as session:
        for table in (Airing, ScheduleTarget, Schedule, LocalDayRow, Programme, UnitName, UnitLink, Unit):
            session.execute(delete(table))
    people = cast(db, clock)
    schedule = everywhere(db, clock, people)
    held: list[str] = []
    hour = 17
    places = [people.commune, people.village, people.other_commune, people.province]
    for what, number in steps:
        if what in {"skip", "move", "replace"}:
            given: dict[str, object] = {"effect": what, "unit_id": places[number % 4]}
            if what == "move":
                given["move_by"] = timedelta(minutes=10 * (number + 1))
            if what == "replace":
                given["timetable"] = ((time(8 + number), schedule.id),)
            held.append(set_day(db, clock, wish(people, **given))[0])
        elif what == "back" and held:
            take_back(db, clock, held.pop(number % len(held)))
        elif what == "edit":
            hour = 12 + number
            with db.writing() as session:
                timetable.edit(session, schedule.id, rule=daily(time(hour)), actor=OPERATOR, clock=clock)
        _each_place_hears_an_occurrence_once(db, schedule, people)
    while held:
        take_back(db, clock, held.pop())
        _each_place_hears_an_occurrence_once(db, schedule, people)
    assert [(row.starts_at, row.targets) for row in standing(db, schedule)] == [
        (local(day, hour), Targets((people.province,))) for day in (28, 29, 30)
    ]


def _each_place_hears_an_occurrence_once(db: Database, schedule: Schedule, people: Cast) -> None:
    paths = {
        people.village: (people.village, people.commune, people.province),
        people.commune: (people.commune, people.province),
        people.other_commune: (people.other_commune, people.province),
    }
    for path in paths.values():
        heard = [
            row.original_start
            for row in standing(db, schedule)
            if not set(path).isdisjoint(row.unit_ids) and set(path).isdisjoint(row.except_unit_ids or ())
        ]
        assert len(heard) == len(set(heard)), (path, heard)
