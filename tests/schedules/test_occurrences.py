"""Decisions about single occurrences that the timetable hasn't come to yet."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest

from core.clock import ManualClock
from core.database import Database
from schedules import airings, occurrences, series, timetable
from schedules.errors import AiringBegun, InThePast, NotAnOccurrence, TooFarAhead
from tests.schedules.support import DAY, OPERATOR, Cast, add, cast, daily, local, rows, standing


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(local(28, 4))


@pytest.fixture
def people(db: Database, clock: ManualClock) -> Cast:
    return cast(db, clock)


def test_one_far_ahead_is_cancelled_and_one_is_moved(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(), days=2)
    with db.writing() as session:
        occurrences.cancel(session, schedule.id, local(60, 17), actor=OPERATOR, clock=clock)
        occurrences.move(session, schedule.id, local(61, 17), starts_at=local(61, 9), actor=OPERATOR, clock=clock)
    assert len(rows(db, schedule)) == 5  # nothing in between was made
    # An edit long before keeps both decisions, and still makes nothing in between.
    with db.writing() as session:
        timetable.edit(session, schedule.id, rule=daily(time(18)), actor=OPERATOR, clock=clock)
    assert len([row for row in rows(db, schedule) if row.status == "scheduled"]) == 3
    clock.advance(30 * DAY)
    with db.writing() as session:
        timetable.materialise(session, now=clock.now(), until=local(63, 0))
    found = [row.starts_at for row in standing(db, schedule) if row.starts_at > local(59, 0)]
    assert found == [local(59, 18), local(61, 9), local(62, 18)]


def test_one_that_is_there_is_the_same_as_its_airing(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(), days=2)
    with db.writing() as session:
        (airing,) = occurrences.cancel(session, schedule.id, local(29, 17), actor=OPERATOR, clock=clock)
    assert (airing.status, airing.cancel_reason) == ("cancelled", "withdrawn")
    assert len(rows(db, schedule)) == 2


def test_what_is_no_occurrence_is_refused(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(last=date(2026, 8, 10)), days=2)
    for at, error in (
        (local(40, 17, 1), NotAnOccurrence),
        (local(50, 17), NotAnOccurrence),
        (local(27, 17), InThePast),
        (local(28 + 400, 17), TooFarAhead),
    ):
        with pytest.raises(error), db.writing() as session:
            occurrences.cancel(session, schedule.id, at, actor=OPERATOR, clock=clock)
    with pytest.raises(InThePast), db.writing() as session:
        occurrences.move(
            session, schedule.id, local(40, 17), starts_at=clock.now() - timedelta(1), actor=OPERATOR, clock=clock
        )
    assert len(rows(db, schedule)) == 2


def change(db: Database, clock: ManualClock, people: Cast, schedule_id: str, at: datetime) -> None:
    with db.writing() as session:
        occurrences.change(
            session,
            schedule_id,
            at,
            programme_id=people.other_programme,
            duration_ms=60_000,
            actor=OPERATOR,
            clock=clock,
        )


def test_one_has_another_programme_and_its_siblings_do_not(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(), days=3, planned=True)
    change(db, clock, people, schedule.id, local(29, 17))
    change(db, clock, people, schedule.id, local(60, 17))  # beyond the horizon
    old, new = (row for row in rows(db, schedule) if row.original_start == local(29, 17))
    assert (old.status, old.cancel_reason, old.programme_id) == ("cancelled", "changed", people.programme)
    assert (new.replaces_id, new.programme_id, new.duration_ms) == (old.id, people.other_programme, 60_000)
    # It keeps its programme through an edit of all, at the time that this gives it, and so does the one far ahead.
    with db.writing() as session:
        timetable.edit(session, schedule.id, rule=daily(time(18)), duration_ms=80_000, actor=OPERATOR, clock=clock)
        timetable.materialise(session, now=clock.now(), until=local(62, 0))
    found = {row.starts_at: (row.programme_id, row.duration_ms) for row in standing(db, schedule)}
    assert found[local(29, 18)] == found[local(60, 18)] == (people.other_programme, 60_000)
    assert found[local(30, 18)] == found[local(59, 18)] == (people.programme, 80_000)
    assert sum(1 for at in found if at.date() == local(60, 18).date()) == 1


def test_it_goes_along_when_the_series_is_changed_from_before_it_on(
    db: Database, clock: ManualClock, people: Cast
) -> None:
    schedule = add(db, clock, people, daily(), days=3)
    change(db, clock, people, schedule.id, local(40, 17))
    with db.writing() as session:
        new, _ = series.edit_since(session, schedule.id, local(35, 17), title="Từ nay", actor=OPERATOR, clock=clock)
        timetable.materialise(session, now=clock.now(), until=local(42, 0))
    found = {row.starts_at: row.programme_id for row in standing(db, new)}
    assert min(found) == local(35, 17)
    assert [found[local(day, 17)] for day in (39, 40, 41)] == [
        people.programme,
        people.other_programme,
        people.programme,
    ]
    assert max(row.starts_at for row in standing(db, schedule)) == local(34, 17)


def test_each_decision_can_be_taken_back(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(), days=4, planned=True)
    change(db, clock, people, schedule.id, local(29, 17))
    with db.writing() as session:
        occurrences.cancel(session, schedule.id, local(30, 17), actor=OPERATOR, clock=clock)
        occurrences.move(session, schedule.id, local(31, 17), starts_at=local(31, 9), actor=OPERATOR, clock=clock)
        occurrences.cancel(session, schedule.id, local(60, 17), actor=OPERATOR, clock=clock)
    with db.writing() as session:
        for day in (29, 30, 31, 60):
            last, new = occurrences.restore(session, schedule.id, local(day, 17), actor=OPERATOR, clock=clock)
            assert (last.status, new.replaces_id, new.starts_at) == ("cancelled", last.id, local(day, 17))
            assert (new.programme_id, new.duration_ms, new.own_programme) == (people.programme, 90_000, False)
            assert occurrences.restore(session, schedule.id, local(day, 17), actor=OPERATOR, clock=clock) == []
    # What was taken back follows later edits like any other.
    with db.writing() as session:
        timetable.edit(session, schedule.id, rule=daily(time(18)), actor=OPERATOR, clock=clock)
        timetable.materialise(session, now=clock.now(), until=local(62, 0))
    assert [row.starts_at for row in standing(db, schedule)] == [local(day, 18) for day in range(28, 62)]


def test_an_edit_of_the_day_is_what_is_brought_back(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(), days=2)
    with db.writing() as session:
        occurrences.cancel(session, schedule.id, local(29, 17), actor=OPERATOR, clock=clock)
        timetable.edit(session, schedule.id, rule=daily(time(18)), actor=OPERATOR, clock=clock)
        occurrences.restore(session, schedule.id, local(29, 17), actor=OPERATOR, clock=clock)
        timetable.materialise(session, now=clock.now(), until=local(31, 0))
    assert [row.starts_at for row in standing(db, schedule)] == [local(day, 18) for day in (28, 29, 30)]


def test_what_has_begun_is_neither_changed_nor_brought_back(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(), days=2)
    gone, on_air = standing(db, schedule)[:2]
    with db.writing() as session:
        airings.cancel(session, gone.id, actor=OPERATOR, clock=clock)
    clock.advance(on_air.starts_at - clock.now() + timedelta(seconds=10))
    with pytest.raises(AiringBegun):
        change(db, clock, people, schedule.id, on_air.original_start)
    with pytest.raises(InThePast), db.writing() as session:
        airings.restore(session, gone.id, actor=OPERATOR, clock=clock)
