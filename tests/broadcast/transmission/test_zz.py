"""One day of a place, looked at from everywhere: foreseen, looked at before saving, heard, and in the signed plan.

Random schedules, sessions, rules, local days and decisions of communes, all of them saved, in one order or another.
What is told of a day long before it, of which no airing is made yet, is what the plan has when the day comes; no two
sound at once at a receiver; and nothing but an emergency sounds in quiet hours.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from broadcast import heard, offers, preview, slots
from broadcast.tables import Bulletin, BulletinVersion, ProgrammeItem
from core import migrations, units
from core.clock import ManualClock, from_ms, to_ms
from core.database import Database
from core.ids import new_id
from schedules import foresight, local_days, occurrences, rule_store, sessions, timetable
from schedules.calendars import Days
from schedules.local_days import Wish
from schedules.recurrence import Rule
from schedules.rules import SoundRule, Span
from schedules.slots import SlotSpec
from schedules.tables import Schedule
from schedules.targets import Targets
from tests.broadcast.transmission.test_slots import approved
from tests.broadcast.transmission.world import OPERATOR, World

MINUTE = 60_000
ZONE = "Asia/Ho_Chi_Minh"
NOW = datetime(2026, 7, 28, 1, tzinfo=units.ZONE)
DAY = date(2026, 8, 20)  # beyond the horizon of fourteen days
CLASSES, LENGTHS = ("ordinary", "priority", "emergency"), (2, 9, 25)
SILENT = {"gives_way": 0, "against_rules": 1, "unanswered": 2, "declined": 3}


@dataclass(frozen=True, slots=True)
class Thing:
    """A schedule of one programme, or a session, as drawn. Its place by number: the province, north, south, village."""

    title: str
    minute: int  # of the day
    place: int
    owner: int
    class_: str
    minutes: int
    slots: tuple[tuple[str, int], ...] = ()  # kinds and minutes
    moved: int = 0  # this day's airing, by so many minutes


@st.composite
def things(draw: st.DrawFn) -> list[Thing]:
    # All begin at different times, so that nothing hangs on which was saved first.
    minutes = draw(st.lists(st.integers(4 * 60 + 50, 6 * 60 + 30), min_size=2, max_size=6, unique=True))
    late = draw(st.booleans())
    made = []
    for number, minute in enumerate(minutes):
        class_ = draw(st.sampled_from(["ordinary", "ordinary", "priority", "priority", "emergency"]))
        framed = number == 0 or draw(st.integers(0, 3)) == 0
        kinds = st.tuples(st.sampled_from(["relay", "standing", "each"]), st.sampled_from([5, 10]))
        made.append(
            Thing(
                title=f"Lịch {number}",
                minute=minute + (15 * 60 if late and number % 2 else 0),
                place=draw(st.integers(0, 3)),
                owner=draw(st.integers(0, 2)),
                class_=class_,
                # A longer emergency breaks its cap, which is asked at the door.
                minutes=draw(st.sampled_from(LENGTHS[:2] if class_ == "emergency" else LENGTHS)),
                slots=tuple(draw(st.lists(kinds, min_size=1, max_size=3))) if framed else (),
                moved=0 if framed else draw(st.sampled_from([0, 0, 0, 17])),
            )
        )
    return made


@dataclass(frozen=True, slots=True)
class Drawn:
    things: list[Thing]
    quiet: int | None  # at which place nothing sounds from 05:20 to 05:40
    sessions_a_day: int | None  # at the north
    effect: str | None  # of a local day at the south
    accepting: frozenset[int]
    seed: int


DRAWN = st.builds(
    Drawn,
    things(),
    st.sampled_from([None, 0, 1, 3]),
    st.sampled_from([None, None, 1, 2]),
    st.sampled_from([None, "skip", "move", "replace"]),
    st.frozensets(st.integers(1, 2)),
    st.integers(0, 5),
)


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, dict[tuple[str, int], str], Path]:
    """A world with programmes of each class and length, and the file of its database to begin anew from."""
    folder = tmp_path_factory.mktemp("day")
    db = Database(f"sqlite:///{folder / 'blank.db'}")
    migrations.upgrade(db)
    world = World(db, ManualClock(NOW), folder)
    world.settings = world.settings.model_copy(update={"quiet_hours": "21:00-05:00"})
    programmes = {}
    with db.writing() as session:
        session.get_one(Schedule, world.schedule).status = "cancelled"
        for class_ in CLASSES:
            for minutes in LENGTHS:
                programme, version = approved(session, world, [10])
                bulletin = session.get_one(Bulletin, session.get_one(BulletinVersion, version).bulletin_id)
                bulletin.class_ = class_
                for item in session.query(ProgrammeItem).filter_by(programme_id=programme):
                    item.duration_ms = minutes * MINUTE
                programmes[class_, minutes] = programme
    db.close()
    return world, programmes, folder


class Site:
    """One example: a database of its own, the drawn things saved in some order."""

    def __init__(self, world: World, programmes: dict[tuple[str, int], str], db: Database, drawn: Drawn) -> None:
        self.world, self.programmes, self.drawn = world, programmes, drawn
        self.clock = ManualClock(NOW)
        world.db, world.clock = db, self.clock
        self.places = [world.province, world.north, world.south, world.village]

    def around(self) -> None:
        """What holds before anything is scheduled."""
        drawn, given = self.drawn, {"actor": OPERATOR, "clock": self.clock}
        with self.world.db.writing() as session:
            for place in drawn.accepting:
                offers.accept_standing(session, self.places[place], **given)  # type: ignore[arg-type]
            rules = []
            if drawn.quiet is not None:
                span = Span(time(5, 20), time(5, 40))
                rules.append(
                    SoundRule("", self.places[drawn.quiet], "quiet", spans=(span,), valid_from=date(2026, 7, 28))
                )
            if drawn.sessions_a_day is not None:
                limit = SoundRule(
                    "", self.world.north, "sessions_a_day", drawn.sessions_a_day, valid_from=date(2026, 7, 28)
                )
                rules.append(limit)
            for rule in rules:
                rule_store.put(session, rule, settings=self.world.settings, **given)  # type: ignore[arg-type]

    def rule(self, thing: Thing) -> Rule:
        at = time(thing.minute // 60, thing.minute % 60)
        return Rule("daily", DAY - timedelta(days=1), DAY + timedelta(days=1), at, ZONE)

    def content(self, thing: Thing) -> dict[str, Any]:
        programme = self.programmes[thing.class_, thing.minutes]
        if not thing.slots:
            return {"programme_id": programme, "duration_ms": thing.minutes * MINUTE}
        short = self.programmes[thing.class_, 2]
        specs = {
            "relay": SlotSpec("relay", "Tiếp sóng", 0, source="vov1"),
            "standing": SlotSpec("programme", "Tin", 0, programme_id=short, programme_ms=2 * MINUTE),
            "each": SlotSpec("programme", "Tin xã", 0, each_commune=True),
        }
        return {"slots": [replace(specs[kind], length_ms=minutes * MINUTE) for kind, minutes in thing.slots]}

    def given(self, thing: Thing) -> dict[str, Any]:
        return {
            "title": thing.title,
            "rule": self.rule(thing),
            "targets": Targets((self.places[thing.place],)),
            "owner_id": self.places[thing.owner],
        } | self.content(thing)

    def save(self, thing: Thing) -> str:
        with self.world.db.writing() as session:
            schedule = timetable.add(session, **self.given(thing), actor=OPERATOR, clock=self.clock)
            if thing.moved:
                start = self.rule(thing).instant(DAY)
                later = start + timedelta(minutes=thing.moved)
                occurrences.move(session, schedule.id, start, starts_at=later, actor=OPERATOR, clock=self.clock)
            self._fill(session, schedule.id, thing)
            return schedule.id

    def _fill(self, session: Session, schedule_id: str, thing: Thing) -> None:
        """The north fills the slots that each commune fills, with more than fits."""
        held = sessions.slots_of(session, schedule_id) if thing.slots else []
        long = self.programmes[thing.class_, 9 if thing.class_ == "emergency" else 25]
        wishes = [
            slots.Fill(schedule_id, slot.id, DAY, long, place_id=self.world.north, cut=True)
            for slot in held
            if slot.each_commune
        ]
        slots.fill_many(session, wishes, actor=OPERATOR, clock=self.clock)

    def local_day(self, schedule_id: str) -> None:
        effect = self.drawn.effect
        if effect is None:
            return
        wish = Wish(
            unit_id=self.world.south,
            name="Phiên chợ",
            reason="chợ",
            days=Days("dates", DAY, DAY),
            effect=effect,  # type: ignore[arg-type]
            move_by=timedelta(minutes=25) if effect == "move" else None,
            timetable=((time(6, 10), schedule_id),) if effect == "replace" else (),
        )
        until = self.clock.now() + timedelta(days=14)
        with self.world.db.writing() as session:
            local_days.add(session, wish, until=until, actor=OPERATOR, clock=self.clock)

    def told(self) -> dict[str, list[tuple[str, int, int]]]:
        """By receiver what the day is told to be, as heard; what isn't heard by a negative time."""
        days = {}
        with self.world.db.reading() as session:
            for box in self.world.boxes:
                day = heard.at_receiver(session, box, DAY, now=self.clock.now(), settings=self.world.settings)
                days[box] = sorted(
                    (one.title, -1 - SILENT[one.state], 0)
                    if one.state in SILENT
                    else (one.title, to_ms(one.starts_at), to_ms(one.ends_at))
                    for one in day.items
                )
        return days

    def plans(self) -> dict[str, list[tuple[str, int, int]]]:
        """By receiver what its signed plan has of the day, once that is near."""
        self.clock.advance(datetime.combine(DAY, time(), units.ZONE) - timedelta(hours=20) - self.clock.now())
        now = self.clock.now()
        with self.world.db.writing() as session:
            timetable.materialise(session, now=now, until=now + timedelta(days=14))
            self.world.request_all(session)
        self.world.issue()
        found = {}
        for id_, box in self.world.boxes.items():
            plan = self.world.plan_of(box)
            spans = sorted((one.starts_at, one.ends_at) for one in plan.airings)
            assert all(first[1] <= second[0] for first, second in pairwise(spans))
            for one in plan.airings:
                night = any(one.starts_at < quiet.until and quiet.from_ < one.ends_at for quiet in plan.quiet)
                assert one.class_ == "emergency" or not night
            found[id_] = sorted(
                (one.title, one.starts_at, one.ends_at)
                for one in plan.airings
                if from_ms(one.starts_at).astimezone(units.ZONE).date() == DAY
            )
        return found


def looked_at(site: Site, thing: Thing) -> set[tuple[str, int, str | None, str | None]]:
    """By commune and slot what the look before saving says of the day: from when to when, None: not heard."""
    with site.world.db.reading() as session:
        given = site.given(thing)
        schedule, rows = foresight.drafted(**given)
        found = preview.look(session, schedule, rows, now=site.clock.now(), settings=site.world.settings)
    return {
        (unit, one.slot or 0, one.heard_from, one.heard_until)
        for one in found.outcomes
        if DAY in one.days and one.fate != "open"
        for unit in one.units
    }


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(DRAWN)
def test_a_day_is_the_same_from_wherever_it_is_looked_at(
    blank: tuple[World, dict[tuple[str, int], str], Path], drawn: Drawn
) -> None:
    world, programmes, folder = blank

    def begin() -> Site:
        name = f"{new_id()}.db"  # one that had been there would have left its journal behind
        shutil.copy(folder / "blank.db", folder / name)
        return Site(world, programmes, Database(f"sqlite:///{folder / name}"), drawn)

    site = begin()
    try:
        site.around()
        *before, last = drawn.things
        first = site.save(before[0])
        site.local_day(first)
        for thing in before[1:]:
            site.save(thing)
        shown = looked_at(site, last)
        schedule = site.save(replace(last, moved=0))
        told = site.told()
        if drawn.sessions_a_day is None and not any(kind == "each" for kind, _ in last.slots):
            assert shown == _as_looked_at(site, schedule)
        there = {box: [one for one in day if one[1] > 0] for box, day in told.items()}
        assert site.plans() == there
        assert site.told() == told  # now that its airings are made
    finally:
        world.db.close()
    again = begin()
    try:
        again.around()
        again.local_day(again.save(before[0]))
        for thing in [*reversed([replace(last, moved=0)]), *reversed(before[1:])]:
            again.save(thing)
        assert again.told() == told
    finally:
        world.db.close()


def _as_looked_at(site: Site, schedule: str) -> set[tuple[str, int, str | None, str | None]]:
    """The saved schedule's day as it is heard, put like `looked_at`."""
    found = set()
    with site.world.db.reading() as session:
        titles = [slot.title for slot in sessions.slots_of(session, schedule)]
        for box, commune in (
            (site.world.a, site.world.north),
            (site.world.b, site.world.north),
            (site.world.c, site.world.south),
        ):
            day = heard.at_receiver(session, box.id, DAY, now=site.clock.now(), settings=site.world.settings)
            numbers: dict[str, Iterator[int]] = {
                title: iter([n for n, one in enumerate(titles) if one == title]) for title in set(titles)
            }
            for item in sorted((one for one in day.items if one.schedule_id == schedule), key=_own_time):
                title = item.title.split(": ")[-1]
                number = next(numbers[title]) if titles else 0
                span = (None, None) if item.state in SILENT else (_local(item.starts_at), _local(item.ends_at))
                found.add((commune, number, *span))
    return found


def _own_time(item: Any) -> datetime:
    at: datetime = item.timetable_at or item.starts_at
    return at


def _local(at: datetime) -> str:
    local = at.astimezone(units.ZONE)
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
