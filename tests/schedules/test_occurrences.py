"""Decisions about single occurrences that the timetable hasn't come to yet."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest

from core.clock import ManualClock
from core.database import Database
from schedules import occurrences, timetable
from schedules.errors import InThePast, NotAnOccurrence, TooFarAhead
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
        airing = occurrences.cancel(session, schedule.id, local(29, 17), actor=OPERATOR, clock=clock)
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
