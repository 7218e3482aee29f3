"""Rules of RFC 5545 in the database: several times a day, edits that keep what a hand decided, this and following."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import ManualClock
from core.database import Database
from schedules import airings, errors, series, timetable
from schedules.expansion import rule_of
from schedules.recurrence import Rule, occurrences, split
from schedules.tables import Airing, Schedule
from tests.schedules.support import DAY, HANOI, OPERATOR, Cast, add, cast, daily, local, rows, standing


@pytest.fixture
def people(db: Database, clock: ManualClock) -> Cast:
    return cast(db, clock)


def thrice(text: str = "FREQ=DAILY;BYHOUR=5,11,17;BYMINUTE=0", start: str = "2026-07-28T05:00", **more: object) -> Rule:
    return Rule.of(text, datetime.fromisoformat(start), HANOI, **more)  # type: ignore[arg-type]


def starts(db: Database, schedule: Schedule) -> list[datetime]:
    return [airing.starts_at for airing in standing(db, schedule)]


def at(db: Database, schedule: Schedule, start: datetime) -> Airing:
    return next(airing for airing in standing(db, schedule) if airing.starts_at == start)


def edit(db: Database, clock: ManualClock, schedule: Schedule, rule: Rule) -> None:
    with db.writing() as session:
        timetable.edit(session, schedule.id, rule=rule, actor=OPERATOR, clock=clock)
        timetable.materialise(session, now=clock.now(), until=clock.now() + 3 * DAY, schedule_ids=[schedule.id])


def test_a_decision_about_one_airing_leaves_the_others_of_its_day(
    db: Database, clock: ManualClock, people: Cast
) -> None:
    schedule = add(db, clock, people, thrice())
    day = local(29, 5)
    noon, evening = day + timedelta(hours=6), day + timedelta(hours=12)
    with db.writing() as session:
        airings.cancel(session, at(db, schedule, noon).id, actor=OPERATOR, clock=clock)
        airings.move(
            session,
            at(db, schedule, evening).id,
            starts_at=evening + timedelta(minutes=30),
            actor=OPERATOR,
            clock=clock,
        )
    edit(db, clock, schedule, thrice("FREQ=DAILY;BYHOUR=6,12,17;BYMINUTE=0"))
    left = [start for start in starts(db, schedule) if day - timedelta(hours=5) <= start < day + timedelta(hours=19)]
    assert left == [day + timedelta(hours=1), evening + timedelta(minutes=30)]
    # Expanded again and again it stays so.
    edit(db, clock, schedule, thrice("FREQ=DAILY;BYHOUR=6,12,17;BYMINUTE=0;INTERVAL=1"))
    assert [start for start in starts(db, schedule) if start in left] == left
    assert noon + timedelta(hours=1) not in starts(db, schedule)


def test_each_occurrence_airs_once_whatever_is_edited(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, thrice(), planned=True)
    first = starts(db, schedule)
    edit(db, clock, schedule, thrice("FREQ=DAILY;BYHOUR=5,17;BYMINUTE=0"))
    assert [start for start in starts(db, schedule) if start <= first[-1]] == [one for one in first if one.hour != 4]
    edit(db, clock, schedule, thrice())
    assert [start for start in starts(db, schedule) if start <= first[-1]] == first
    # What was in a plan is still there, as it was.
    assert sorted(row.starts_at for row in rows(db, schedule) if row.planned) == first


def test_dates_added_and_taken_out_are_kept(db: Database, clock: ManualClock, people: Cast) -> None:
    rule = thrice(
        rdates=[datetime.fromisoformat("2026-07-29T08:00")], exdates=[datetime.fromisoformat("2026-07-29").date()]
    )
    schedule = add(db, clock, people, rule)
    with db.reading() as session:
        assert rule_of(timetable.get(session, schedule.id)) == rule
    assert not [start for start in starts(db, schedule) if local(29, 0) <= start < local(30, 0)]


def test_this_and_following(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(time(17)), days=5, planned=True)
    before = standing(db, schedule)
    with db.writing() as session:
        airings.cancel(session, before[3].id, actor=OPERATOR, clock=clock)
    with db.writing() as session:
        new, cancelled = series.edit_following(
            session, before[2].id, programme_id=people.other_programme, duration_ms=60_000, actor=OPERATOR, clock=clock
        )
        timetable.materialise(session, now=clock.now(), until=clock.now() + 5 * DAY, schedule_ids=[new.id])
        new_id = new.id
    assert [one.starts_at for one in cancelled] == [one.starts_at for one in (before[2], *before[4:])]
    assert {one.cancel_reason for one in cancelled} == {"edited"}
    with db.reading() as session:
        new = timetable.get(session, new_id)
        assert (new.continues_id, new.title, new.unit_ids) == (schedule.id, schedule.title, schedule.unit_ids)
    assert starts(db, schedule) == [one.starts_at for one in before[:2]]
    # What was withdrawn stays so in the series that goes on.
    assert starts(db, new) == [one.starts_at for one in (before[2], *before[4:])]
    assert {one.programme_id for one in standing(db, new)} == {people.other_programme}


def test_the_first_of_a_series_is_an_edit_of_all(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(time(17), first=clock.now().date() + DAY), days=5)
    first = standing(db, schedule)[0]
    with db.writing() as session, pytest.raises(errors.NothingBefore):
        series.edit_following(session, first.id, title="Khác", actor=OPERATOR, clock=clock)


@given(
    st.sampled_from(
        [
            "FREQ=DAILY",
            "FREQ=DAILY;INTERVAL=3;BYHOUR=2,17;BYMINUTE=30",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;COUNT=17",
            "FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20281231",
            "FREQ=MONTHLY;BYMONTHDAY=31",
            "FREQ=YEARLY;INTERVAL=2;BYMONTH=3,10",
            "FREQ=HOURLY;INTERVAL=7",
        ]
    ),
    st.integers(1, 11),
    st.sampled_from([HANOI, "Europe/Berlin"]),
)
def test_a_series_in_two_airs_as_it_did(text: str, nth: int, zone: str) -> None:
    rule = Rule.of(text, datetime.fromisoformat("2026-01-29T02:30"), zone)
    span = datetime(2026, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
    whole = list(occurrences(rule, *span))
    cut = whole[min(nth, len(whole) - 1)]
    before, after = split(rule, cut)
    parts = [*occurrences(before, *span), *occurrences(after, *span)]
    assert parts == whole
    assert [one for one in whole if one < cut] == list(occurrences(before, *span))
