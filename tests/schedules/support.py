"""A small cast for the timetable's tests: one province with two communes, and two programmes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from broadcast.tables import Programme
from core import units
from core.clock import Clock
from core.database import Database
from core.events import Actor
from schedules import timetable
from schedules.recurrence import Rule
from schedules.tables import Airing, Schedule
from schedules.targets import Targets

HANOI = "Asia/Ho_Chi_Minh"
OPERATOR = Actor("01OPERATOR", "Nguyễn Thị Bưởi")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Cast:
    """Ids of what is there."""

    province: str
    commune: str
    village: str
    other_commune: str
    programme: str
    other_programme: str


def cast(db: Database, clock: Clock) -> Cast:
    with db.writing() as session:
        province = units.add(session, kind="province", name="Tỉnh Thử Nghiệm")
        commune = units.add(session, kind="commune", name="Xã Một", parent=province)
        village = units.add(session, kind="village", name="Thôn Đông", parent=commune)
        other = units.add(session, kind="commune", name="Xã Hai", parent=province)
        programmes = [
            Programme(title=title, created_by=OPERATOR.id, created_at=clock.now()) for title in ("Buổi sáng", "Khác")
        ]
        session.add_all(programmes)
        session.flush()
        return Cast(province.id, commune.id, village.id, other.id, *(programme.id for programme in programmes))


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """An instant of July 2026 by the clocks of Vietnam; days run on into August."""
    return datetime(2026, 7, 1, hour, minute, tzinfo=UTC) + timedelta(days=day - 1, hours=-7)


def daily(at: time = time(17), first: date = date(2026, 7, 28), last: date | None = None) -> Rule:
    return Rule("daily", first, last, at, HANOI)


def add(db: Database, clock: Clock, people: Cast, rule: Rule, *, days: int = 3, planned: bool = False) -> Schedule:
    """A schedule at one commune, expanded for some days; `planned`: all of it was in plans."""
    with db.writing() as session:
        schedule = timetable.add(
            session,
            title="Phòng, chống mua bán người",
            programme_id=people.programme,
            rule=rule,
            targets=Targets((people.commune,)),
            duration_ms=90_000,
            actor=OPERATOR,
            clock=clock,
        )
        for airing in timetable.materialise(session, now=clock.now(), until=clock.now() + days * DAY):
            airing.planned = planned
        return schedule


def rows(db: Database, schedule: Schedule) -> list[Airing]:
    """All airings of the schedule, as they came about."""
    with db.reading() as session:
        return list(
            session.query(Airing).filter_by(schedule_id=schedule.id).order_by(Airing.original_start, Airing.generation)
        )


def standing(db: Database, schedule: Schedule) -> list[Airing]:
    """Those that will air, in order."""
    return sorted((row for row in rows(db, schedule) if row.status == "scheduled"), key=lambda row: row.starts_at)
