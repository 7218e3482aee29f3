"""What is asked at every click takes as many statements however much the timetable holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from broadcast import heard, preview
from core import units
from core.clock import ManualClock
from core.database import Database
from core.settings import Settings
from core.units import FOREVER
from schedules import foresight, rule_store, timetable
from schedules.recurrence import Rule
from schedules.rules import SoundRule
from schedules.targets import Targets
from tests.api.scene import Scene, add_places
from tests.schedules.support import DAY, HANOI, OPERATOR, local
from tests.support.statements import statements

Ask = Callable[[Session], object]
MANY = 12


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(local(28, 4))


@pytest.fixture
def scene(db: Database, clock: ManualClock) -> Scene:
    """Five communes, each of which limits its days."""
    with db.writing() as session:
        scene = add_places(session, clock)
        for commune in scene.communes:
            rule = SoundRule("", commune, "day_ms", 7_200_000, valid_from=date(2026, 7, 28), valid_to=FOREVER)
            rule_store.put(session, rule, settings=settings_in(Path()), actor=OPERATOR, clock=clock)
        return scene


def settings_in(folder: Path) -> Settings:
    return Settings(_env_file=None, data_dir=folder)  # type: ignore[call-arg]


def add(db: Database, scene: Scene, clock: ManualClock, number: int) -> None:
    """One more daily schedule, of the province or of a commune."""
    target = scene.province if number % 3 == 0 else scene.communes[number % len(scene.communes)]
    with db.writing() as session:
        made = timetable.add(
            session,
            title=f"Lịch {number}",
            programme_id=scene.programme,
            duration_ms=180_000,
            rule=Rule("daily", date(2026, 7, 28), None, time(6 + number), HANOI),
            targets=Targets((target,)),
            actor=OPERATOR,
            clock=clock,
        )
        timetable.materialise(session, now=clock.now(), until=clock.now() + 14 * DAY, schedule_ids=[made.id])


def test_more_schedules_and_more_places_take_no_more_statements(
    db: Database, scene: Scene, clock: ManualClock, tmp_path: Path
) -> None:
    settings, now = settings_in(tmp_path), clock.now()
    box = scene.receivers[scene.communes[0]][0]

    def hear(session: Session) -> object:
        return heard.at_receiver(session, box, date(2026, 7, 29), now=now, settings=settings)

    def look(session: Session) -> object:
        draft, _ = foresight.drafted(
            title="Mới",
            programme_id=scene.programme,
            duration_ms=180_000,
            rule=Rule("daily", date(2026, 7, 28), None, time(6, 1), HANOI),
            targets=Targets((scene.province,)),
            owner_id=scene.province,
            schedule_id=None,
        )
        found = preview.look(session, draft, now=now, settings=settings)
        assert found.receivers == 10
        return found

    def asked(what: Ask) -> int:
        with statements(db) as seen, db.writing() as session:
            what(session)
        return len(seen)

    for number in range(3):
        add(db, scene, clock, number)
    few = [asked(what) for what in (hear, look)]
    for number in range(3, MANY):
        add(db, scene, clock, number)
    assert [asked(what) for what in (hear, look)] == few
    assert max(few) <= 45, few


def test_a_writing_session_is_told_anew_what_it_changed(db: Database, clock: ManualClock) -> None:
    """What it has seen of the tree it remembers, until it changes something itself, flushed or not."""
    with db.writing() as session:
        province = units.add(session, kind="province", name="Tỉnh")
        commune = units.add(session, kind="commune", name="Xã Cũ", parent=province)
        day = units.date_of(clock.now())
        assert units.name(session, commune.id, on=day) == "Xã Cũ"
        units.rename(session, commune, "Xã Mới", day)
        with statements(db) as seen:
            assert units.name(session, commune.id, on=day) == "Xã Mới"
            asked = len(seen)
            assert asked >= 1
            assert units.name(session, commune.id, on=day) == "Xã Mới"
            assert units.above(session, commune.id, on=day) == [commune.id, province.id]
            assert units.above(session, commune.id, on=day) == [commune.id, province.id]
            assert len(seen) == asked
