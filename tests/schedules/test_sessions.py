"""Sessions: slots in order by day and by commune, filled by date, edited as a series, closed, and silenced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from core.clock import ManualClock
from core.database import Database
from core.errors import TruyenThanhError
from core.events import SYSTEM
from schedules import airings, filling, firings, sessions, slot_errors, timetable
from schedules.desk import Desk
from schedules.recurrence import Rule
from schedules.series import edit_following
from schedules.slot_tables import Filling
from schedules.slots import SlotSpec, checked, offsets
from schedules.tables import Airing, Schedule
from schedules.targets import Targets
from tests.schedules.support import DAY, HANOI, OPERATOR, Cast, cast, daily, local

MINUTE = 60_000
FIVE, TEN, FIFTEEN = 5 * MINUTE, 10 * MINUTE, 15 * MINUTE
D29 = date(2026, 7, 29)


@dataclass
class Frame:
    """A session at 05:00 of relay, district and commune; the clock stands at 08:00 on 28 July 2026."""

    db: Database
    clock: ManualClock
    people: Cast
    id: str = ""

    def slots(self) -> list[str]:
        with self.db.reading() as session:
            return [slot.id for slot in sessions.slots_of(session, self.id)]

    def materialise(self, days: int = 3) -> None:
        now = self.clock.now()
        with self.db.writing() as session:
            timetable.materialise(session, now=now, until=now + days * DAY)

    def fill(self, slot: int, on: date = D29, **more: Any) -> Filling:
        given: dict[str, Any] = {"programme_id": self.people.programme, "programme_ms": 4 * MINUTE} | more
        with self.db.writing() as session:
            desk = Desk(session, actor=OPERATOR, clock=self.clock)
            made = desk.fill(self.id, self.slots()[slot], on=on, **given)
            desk.settle()
            return made

    def airings(self, on: date = D29) -> list[Airing]:
        """Those that stand on a day, by start and place."""
        begin = local(on.day if on.month == 7 else on.day + 31, 0)
        with self.db.reading() as session:
            rows = session.query(Airing).filter(Airing.schedule_id == self.id, Airing.status.in_(("scheduled", "open")))
            found = [row for row in rows if begin <= row.starts_at < begin + DAY]
        return sorted(found, key=lambda row: (row.starts_at, row.place_id))

    def told(self, on: date = D29) -> list[tuple[str, str, str]]:
        names = {self.people.commune: "Một", self.people.other_commune: "Hai", "": ""}
        zone = timedelta(hours=7)
        return sorted((f"{row.starts_at + zone:%H:%M}", names[row.place_id], row.status) for row in self.airings(on))


def specs(people: Cast, **last: Any) -> list[SlotSpec]:
    return [
        SlotSpec("relay", "Tiếp sóng", TEN, source="vov1"),
        SlotSpec("programme", "Huyện", FIFTEEN, owner_id=people.province, fill_by_min=60, fallback="previous"),
        replace(SlotSpec("programme", "Xã", FIVE, each_commune=True, fill_by_min=30), **last),
    ]


def framed(db: Database, clock: ManualClock, people: Cast, slots: Sequence[SlotSpec], rule: Rule) -> Frame:
    frame = Frame(db, clock, people)
    with db.writing() as session:
        frame.id = timetable.add(
            session,
            title="Buổi sáng",
            rule=rule,
            targets=Targets((people.province,)),
            slots=slots,
            actor=OPERATOR,
            clock=clock,
        ).id
    frame.materialise()
    return frame


@pytest.fixture
def people(db: Database, clock: ManualClock) -> Cast:
    return cast(db, clock)


@pytest.fixture
def frame(db: Database, clock: ManualClock, people: Cast) -> Frame:
    return framed(db, clock, people, specs(people), daily(time(5)))


OPEN_DAY = [
    ("05:00", "", "scheduled"),
    ("05:10", "", "open"),
    ("05:25", "Hai", "open"),
    ("05:25", "Một", "open"),
]


def test_each_slot_begins_where_the_one_before_ends_at_each_commune(frame: Frame, people: Cast) -> None:
    assert frame.told() == OPEN_DAY
    relay, district, *communes = frame.airings()
    assert (relay.programme_id, relay.duration_ms, relay.fill_by) == (None, TEN, None)
    assert district.fill_by == local(29, 4, 10)
    assert {row.targets for row in communes} == {Targets((people.commune,)), Targets((people.other_commune,))}
    assert {row.original_start for row in frame.airings()} == {local(29, 5)}
    frame.materialise()
    assert frame.told() == OPEN_DAY  # again makes nothing twice
    with frame.db.reading() as session:
        schedule = session.get_one(Schedule, frame.id)
        assert (schedule.programme_id, schedule.duration_ms) == (None, TEN + FIFTEEN + FIVE)


def test_filled_undone_and_filled_beyond_the_horizon(frame: Frame, people: Cast) -> None:
    frame.fill(1)
    frame.fill(2, place_id=people.commune)
    assert frame.told() == [OPEN_DAY[0], ("05:10", "", "scheduled"), OPEN_DAY[2], ("05:25", "Một", "scheduled")]
    district = frame.airings()[1]
    assert (district.programme_id, district.duration_ms) == (people.programme, 4 * MINUTE)
    again = frame.fill(1, programme_id=people.other_programme, programme_ms=MINUTE)
    new = frame.airings()[1]
    assert (new.programme_id, new.replaces_id, new.generation) == (people.other_programme, district.id, 2)
    with frame.db.writing() as session:
        filling.undo(session, again.id, actor=OPERATOR, clock=frame.clock)
        with pytest.raises(slot_errors.FillingNotFound):
            filling.undo(session, again.id, actor=OPERATOR, clock=frame.clock)
    assert frame.airings()[1].programme_id == people.programme  # what it had replaced holds again

    far = date(2026, 8, 4)
    frame.fill(1, on=far)
    assert frame.told(far) == []
    frame.materialise(days=9)
    assert frame.told(far)[1] == ("05:10", "", "scheduled")


def test_what_a_plan_held_is_cancelled_and_replaced(frame: Frame, people: Cast) -> None:
    frame.fill(1)
    before = frame.airings()[1]
    with frame.db.writing() as session:
        session.get_one(Airing, before.id).planned = True
    frame.fill(1, programme_id=people.other_programme)
    with frame.db.reading() as session:
        old = session.get_one(Airing, before.id)
        assert (old.status, old.cancel_reason, old.programme_id) == ("cancelled", "edited", people.programme)
        assert old.id in {row.id for row in timetable.between(session, local(29, 5), local(29, 6))}
    assert frame.airings()[1].replaces_id == before.id


def test_what_is_too_long_is_refused_or_cut_at_the_hard_end(frame: Frame) -> None:
    with pytest.raises(slot_errors.TooLongForSlot) as caught:
        frame.fill(1, programme_ms=FIFTEEN + 1)
    assert caught.value.facts["over_ms"] == 1
    frame.fill(1, programme_ms=FIFTEEN + 90_000, cut=True)
    assert frame.airings()[1].duration_ms == FIFTEEN
    assert [row[0] for row in frame.told()] == ["05:00", "05:10", "05:25", "05:25"]  # nothing shifted


def test_what_cannot_be_filled(frame: Frame, people: Cast) -> None:
    refusals: list[tuple[type[TruyenThanhError], dict[str, Any]]] = [
        (slot_errors.RelayNotFilled, {"slot": 0}),
        (slot_errors.WrongPlace, {"slot": 1, "place_id": people.commune}),
        (slot_errors.WrongPlace, {"slot": 2}),
        (slot_errors.WrongPlace, {"slot": 2, "place_id": people.village}),
        (slot_errors.SlotBegun, {"slot": 1, "on": date(2026, 7, 28)}),
        (slot_errors.NotOnThatDay, {"slot": 1, "at": time(17)}),
        (slot_errors.NotOnThatDay, {"slot": 1, "on": date(2026, 7, 1)}),
    ]
    for error, given in refusals:
        with pytest.raises(error) as caught:
            frame.fill(**given)
        assert "{" not in caught.value.text("vi") + caught.value.text("en")
    with frame.db.writing() as session:
        airings.cancel(session, frame.airings()[1].id, actor=OPERATOR, clock=frame.clock)
    frame.materialise()
    assert [row[0] for row in frame.told()] == ["05:00", "05:25", "05:25"]  # withdrawn by hand stays so
    with pytest.raises(slot_errors.SlotWithdrawn):
        frame.fill(1)


def test_of_two_a_day_one_is_meant(db: Database, clock: ManualClock, people: Cast) -> None:
    rule = Rule.of("FREQ=DAILY;BYHOUR=5,17;BYMINUTE=0", datetime(2026, 7, 28, 5), HANOI)  # noqa: DTZ001
    frame = framed(db, clock, people, specs(people), rule)
    with pytest.raises(slot_errors.WhichAiring) as caught:
        frame.fill(1)
    assert "05:00, 17:00" in caught.value.text("vi")
    frame.fill(1, at=time(17))
    assert [row[0] for row in frame.told() if row[2] == "scheduled"] == ["05:00", "17:00", "17:10"]


def test_an_edit_keeps_what_was_filled(frame: Frame, people: Cast) -> None:
    frame.fill(1)
    with frame.db.writing() as session:
        timetable.edit(session, frame.id, rule=daily(time(5, 30)), actor=OPERATOR, clock=frame.clock)
    assert [row[0] for row in frame.told()] == ["05:30", "05:40", "05:55", "05:55"]
    assert frame.airings()[1].programme_id == people.programme

    with frame.db.writing() as session:
        held = [sessions.spec_of(slot) for slot in sessions.slots_of(session, frame.id)]
        shorter = [replace(held[0], length_ms=FIVE), replace(held[1], length_ms=3 * MINUTE), held[2]]
        timetable.edit(session, frame.id, slots=shorter, actor=OPERATOR, clock=frame.clock)
    # The relay was shortened, so the others come earlier; what is too long now waits for another programme.
    assert frame.told()[:2] == [("05:30", "", "scheduled"), ("05:35", "", "open")]
    with frame.db.reading() as session:
        waiting = filling.to_fill(session, now=frame.clock.now(), until=local(30, 0))
        assert [(one.slot.title, one.why) for one in waiting] == [
            ("Huyện", "overlong"),
            ("Xã", "missing"),
            ("Xã", "missing"),
        ]
    with frame.db.writing() as session:
        timetable.edit(session, frame.id, slots=shorter[:2], actor=OPERATOR, clock=frame.clock)
    assert [row[0] for row in frame.told()] == ["05:30", "05:35"]


def test_this_and_following_takes_the_fillings_along(frame: Frame, people: Cast) -> None:
    for day in (29, 30):
        frame.fill(1, on=date(2026, 7, day))
    with frame.db.writing() as session:
        first = frame.airings(date(2026, 7, 30))[0]
        new, _ = edit_following(
            session, first.id, rule=daily(time(6), date(2026, 7, 30)), actor=OPERATOR, clock=frame.clock
        )
        timetable.materialise(session, now=frame.clock.now(), until=frame.clock.now() + 3 * DAY)
        new_id = new.id
    assert frame.told(date(2026, 7, 30)) == []
    assert frame.told()[1] == ("05:10", "", "scheduled")
    following = replace(frame, id=new_id)
    assert following.told(date(2026, 7, 30))[:2] == [("06:00", "", "scheduled"), ("06:10", "", "scheduled")]
    assert following.told(date(2026, 7, 31))[1] == ("06:10", "", "open")


def test_a_close_ends_the_session_there_but_no_relay(db: Database, clock: ManualClock, people: Cast) -> None:
    slots = [
        SlotSpec("programme", "Xã", FIVE, each_commune=True, fallback="close"),
        SlotSpec("relay", "Tiếp sóng", TEN, source="vov1"),
        SlotSpec("programme", "Huyện", FIVE, programme_id=people.programme, programme_ms=MINUTE),
        SlotSpec("programme", "Xã lần hai", FIVE, each_commune=True),
    ]
    frame = framed(db, clock, people, slots, daily(time(5)))
    with db.writing() as session:
        schedule = sessions.lock(session, frame.id)
        slot = sessions.slots_of(session, frame.id)[0]
        closing = {"source": "close", "programme_id": None, "programme_ms": 0, "cut": True}
        filling.put(session, slot, people.commune, local(29, 5), **closing, actor=SYSTEM, now=clock.now())  # type: ignore[arg-type]
        filling.apply(session, schedule, local(29, 5), actor=SYSTEM, now=clock.now())
    assert frame.told() == [
        ("05:00", "Hai", "open"),
        ("05:05", "", "scheduled"),
        ("05:15", "", "scheduled"),
        ("05:20", "Hai", "open"),
    ]
    district = frame.airings()[2]
    assert district.targets == Targets((people.province,), except_units=(people.commune,))
    frame.materialise()
    assert frame.airings()[2].id == district.id  # and so it stays
    with pytest.raises(slot_errors.SlotWithdrawn):
        frame.fill(3, place_id=people.commune)
    frame.fill(0, place_id=people.commune)  # the close gives way to a programme that comes late
    assert [row[0] for row in frame.told()] == ["05:00", "05:00", "05:05", "05:15", "05:20", "05:20"]
    assert frame.airings()[3].targets == Targets((people.province,))


def test_firings_of_what_is_open(frame: Frame) -> None:
    """An hour before its fill-by it is said, and at it the fallback decides; for what is filled neither is due."""
    with frame.db.reading() as session:

        def due(until: datetime) -> list[tuple[str, datetime]]:
            found = firings.due(session, firings.FILLING, now=frame.clock.now(), until=until)
            return sorted((one.kind, one.due_at) for one in found)

        assert due(local(29, 4)) == [
            ("to-fill", local(29, 3, 10)),
            ("to-fill", local(29, 3, 55)),
            ("to-fill", local(29, 3, 55)),
        ]
        assert ("fill-by", local(29, 4, 10)) in due(local(29, 4, 11))
    frame.fill(1)
    with frame.db.reading() as session:
        assert {at for _, at in due(local(29, 4, 11))} == {local(29, 3, 55)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"length_ms": 0}, "0 ms"),
        ({"length_ms": 13 * 60 * MINUTE}, "46800000 ms"),
        ({"fill_by_min": -1}, "hạn xếp"),
        ({"fallback": "music"}, "nhạc dự phòng"),
        ({"kind": "relay"}, "chưa có nguồn"),
        ({"kind": "relay", "source": "vov1", "fallback": "close"}, "nhạc hoặc im lặng"),
        ({"source": "vov1"}, "chỉ khung tiếp sóng"),
        ({"programme_id": "P", "programme_ms": FIVE + 1}, "dài hơn khung"),
        ({"each_commune": True, "owner_id": "U"}, "mỗi xã tự xếp"),
        ({"fallback": "loop"}, "không có"),
    ],
)
def test_slots_that_make_no_sense(change: dict[str, Any], said: str) -> None:
    good = SlotSpec("programme", "Xã", FIVE)
    assert checked([good]) == [good]
    with pytest.raises(slot_errors.BadSlot) as caught:
        checked([good, replace(good, **change)])
    assert said in caught.value.text("vi")
    assert caught.value.facts["number"] == 2


def test_sessions_that_make_no_sense(db: Database, clock: ManualClock, people: Cast) -> None:
    good = SlotSpec("programme", "Xã", 60 * MINUTE)
    with pytest.raises(slot_errors.NoSlots):
        checked([])
    with pytest.raises(slot_errors.NoSlots):
        checked([good] * 25)
    with pytest.raises(slot_errors.SessionTooLong):
        checked([good] * 13)
    assert offsets([TEN, FIVE, FIFTEEN]) == [0, TEN, FIFTEEN]
    rule = Rule.of("FREQ=DAILY;BYHOUR=5,6;BYMINUTE=0", datetime(2026, 7, 28, 5), HANOI)  # noqa: DTZ001
    with pytest.raises(slot_errors.SessionOverlapsItself) as caught:
        framed(db, clock, people, [good, good], rule)
    assert "60" in caught.value.text("vi")
    framed(db, clock, people, [good], rule)  # one ends where the next begins

    def edited(session: Session, frame: Frame, **more: Any) -> None:
        timetable.edit(session, frame.id, actor=OPERATOR, clock=clock, **more)

    frame = framed(db, clock, people, specs(people), daily(time(5)))
    with pytest.raises(slot_errors.HasSlots), db.writing() as session:
        edited(session, frame, programme_id=people.programme, duration_ms=MINUTE)
    with pytest.raises(slot_errors.SlotNotFound), db.writing() as session:
        edited(session, frame, slots=[replace(good, id="01NOSUCHSLOT")])
    with pytest.raises(slot_errors.NoSlots), db.writing() as session:
        edited(session, frame, slots=[])
