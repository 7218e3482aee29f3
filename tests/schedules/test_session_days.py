"""A whole session cancelled or moved on one day: all of its slots, at every commune, within the horizon and beyond."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest

from core.clock import ManualClock
from core.database import Database
from schedules import airings, occurrences, series, timetable
from schedules.errors import AiringBegun, InThePast
from schedules.slot_errors import HasSlots, NotOnThatDay, SlotWithdrawn, WhichAiring
from schedules.tables import Airing
from tests.schedules.support import OPERATOR, Cast, cast, daily, local
from tests.schedules.test_sessions import D29, OPEN_DAY, Frame, framed, specs

SIX = [("06:00", "", "scheduled"), ("06:10", "", "open"), ("06:25", "Hai", "open"), ("06:25", "Một", "open")]


@pytest.fixture
def people(db: Database, clock: ManualClock) -> Cast:
    return cast(db, clock)


@pytest.fixture
def frame(db: Database, clock: ManualClock, people: Cast) -> Frame:
    return framed(db, clock, people, specs(people), daily(time(5)))


def cancel(frame: Frame, day: int = 29) -> list[Airing]:
    with frame.db.writing() as session:
        return occurrences.cancel(session, frame.id, local(day, 5), actor=OPERATOR, clock=frame.clock)


def move(frame: Frame, to: datetime, day: int = 29) -> list[Airing]:
    with frame.db.writing() as session:
        return occurrences.move(session, frame.id, local(day, 5), starts_at=to, actor=OPERATOR, clock=frame.clock)


def restore(frame: Frame, day: int = 29) -> list[Airing]:
    with frame.db.writing() as session:
        return occurrences.restore(session, frame.id, local(day, 5), actor=OPERATOR, clock=frame.clock)


def plan(frame: Frame) -> None:
    with frame.db.writing() as session:
        for row in session.query(Airing).filter(Airing.schedule_id == frame.id):
            row.planned = True


def test_a_day_is_cancelled_with_all_its_slots_and_brought_back(frame: Frame, people: Cast) -> None:
    frame.fill(1)
    plan(frame)
    assert {(row.status, row.cancel_reason) for row in cancel(frame)} == {("cancelled", "occurrence")}
    assert cancel(frame) == []
    frame.materialise()
    assert frame.told() == []
    assert frame.told(date(2026, 7, 30)) == OPEN_DAY  # its siblings stand
    with pytest.raises(SlotWithdrawn):
        frame.fill(1)
    made = restore(frame)
    assert all(row.replaces_id for row in made)  # each replaces what the plan had held
    assert frame.told() == [OPEN_DAY[0], ("05:10", "", "scheduled"), *OPEN_DAY[2:]]  # what it was filled with is there
    assert frame.airings()[1].programme_id == people.programme


def test_a_day_moves_with_all_its_slots_and_keeps_what_it_is_filled_with(frame: Frame, people: Cast) -> None:
    frame.fill(1)
    plan(frame)
    before = frame.airings()
    changed = move(frame, local(29, 6))
    assert {row.cancel_reason for row in changed if row.status == "cancelled"} == {"moved"}
    assert frame.told() == [SIX[0], ("06:10", "", "scheduled"), *SIX[2:]]
    assert {row.replaces_id for row in frame.airings()} == {row.id for row in before}
    district = frame.airings()[1]
    assert (district.original_start, district.fill_by) == (local(29, 5), local(29, 5, 10))
    frame.materialise()
    assert frame.airings()[1].id == district.id  # again makes nothing anew
    frame.fill(1, programme_id=people.other_programme)  # by the day that it is of
    assert frame.airings()[1].starts_at == local(29, 6, 10)
    with frame.db.writing() as session:  # a later edit of the slots' lengths moves them within the day
        timetable.edit(session, frame.id, rule=daily(time(5, 30)), actor=OPERATOR, clock=frame.clock)
    assert [row[0] for row in frame.told()] == ["06:00", "06:10", "06:25", "06:25"]
    with frame.db.writing() as session:
        occurrences.restore(session, frame.id, local(29, 5, 30), actor=OPERATOR, clock=frame.clock)
    assert [row[0] for row in frame.told()] == ["05:30", "05:40", "05:55", "05:55"]


def test_a_moved_day_is_filled_by_when_people_see_it(frame: Frame) -> None:
    move(frame, local(30, 20))
    with pytest.raises(WhichAiring, match="05:00, 20:00"):
        frame.fill(1, D29.replace(day=30))
    assert frame.fill(1, D29.replace(day=30), at=time(20)).original_start == local(29, 5)
    assert frame.fill(1, D29.replace(day=30), at=time(5)).original_start == local(30, 5)
    assert frame.fill(1).original_start == local(29, 5)  # nothing airs on that day now, so it is meant by its own
    move(frame, local(31, 9), 30)  # and the one of the thirtieth is not on its day either
    assert frame.fill(1, D29.replace(day=30)).original_start == local(29, 5)
    with pytest.raises(NotOnThatDay):
        frame.fill(1, D29.replace(day=30), at=time(9))


def test_days_beyond_the_horizon(frame: Frame) -> None:
    far = date(2026, 8, 20)
    assert cancel(frame, 51) == []  # nothing is made for it
    assert move(frame, local(52, 6), 52) == []
    assert len(move(frame, local(30, 20), 53)) == 4  # one that comes into the horizon airs at once
    assert [row[0] for row in frame.told(date(2026, 7, 30))] == [
        *("05:00", "05:10", "05:25", "05:25"),
        *("20:00", "20:10", "20:25", "20:25"),
    ]
    with frame.db.writing() as session:  # and the days in between are not made for it
        timetable.edit(session, frame.id, title="Sáng", actor=OPERATOR, clock=frame.clock)
    assert frame.told(date(2026, 8, 10)) == []
    frame.materialise(days=27)
    assert frame.told(far) == []
    assert [row[0] for row in frame.told(date(2026, 8, 21))] == ["06:00", "06:10", "06:25", "06:25"]
    assert frame.told(date(2026, 8, 22)) == []
    assert len(restore(frame, 51)) == 4
    assert frame.told(far) == OPEN_DAY
    restore(frame, 53)
    assert [row[0] for row in frame.told(date(2026, 7, 30))] == ["05:00", "05:10", "05:25", "05:25"]
    assert frame.told(date(2026, 8, 22)) == OPEN_DAY


def test_a_series_changed_from_before_it_on_takes_the_decision_along(frame: Frame) -> None:
    cancel(frame, 31)
    move(frame, local(30, 6), 30)
    with frame.db.writing() as session:
        new, _ = series.edit_since(session, frame.id, local(30, 5), title="Mới", actor=OPERATOR, clock=frame.clock)
        frame.id = new.id
    frame.materialise(days=5)
    assert frame.told(date(2026, 7, 30)) == SIX
    assert frame.told(date(2026, 7, 31)) == []
    assert frame.told(date(2026, 8, 1)) == OPEN_DAY


def test_one_slot_withdrawn_or_moved_by_itself_stays_so_and_can_be_brought_back(frame: Frame) -> None:
    relay, district = frame.airings()[:2]
    with frame.db.writing() as session:
        airings.move(session, relay.id, starts_at=local(29, 4, 30), actor=OPERATOR, clock=frame.clock)
        airings.cancel(session, district.id, actor=OPERATOR, clock=frame.clock)
    move(frame, local(29, 6))
    assert [row[0] for row in frame.told()] == ["04:30", "06:25", "06:25"]
    with frame.db.writing() as session:
        for one in (relay, district):
            airings.restore(session, one.id, actor=OPERATOR, clock=frame.clock)
    assert frame.told() == SIX
    frame.materialise()
    assert frame.told() == SIX


def test_what_can_t_be_decided(frame: Frame, people: Cast) -> None:
    with pytest.raises(HasSlots), frame.db.writing() as session:
        occurrences.change(
            session,
            frame.id,
            local(29, 5),
            programme_id=people.programme,
            duration_ms=1,
            actor=OPERATOR,
            clock=frame.clock,
        )
    frame.clock.advance(local(29, 5, 15) - frame.clock.now())
    with pytest.raises(AiringBegun):
        move(frame, local(29, 7))
    assert [row.status for row in cancel(frame)] == ["cancelled", "cancelled"]  # what hasn't begun of it
    assert [row[0] for row in frame.told()] == ["05:00", "05:10"]
    with pytest.raises(InThePast):
        restore(frame)
    with pytest.raises(InThePast):
        cancel(frame, D29.day - 2)
