"""How late firings are, and how long a timetable takes to expand: `python -m benchmarks.timetable`.

1,000 airings start spread over one second; each asks for one firing through the whole engine: queue, claim, handler,
commit. Late is what passes between the instant that was due and the handler at work. Ends with 1 where p99 is over
50 ms on any database, in the middle one of three rounds, or where rules give fewer than 50,000 occurrences a second.
PostgreSQL is measured where it is installed, in a private cluster that keeps its fsync.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from broadcast.tables import Programme
from core import migrations, units
from core.clock import SystemClock
from core.database import Database
from core.events import Actor
from core.ids import new_id
from schedules import timetable
from schedules.engine import Engine
from schedules.firings import Due, Late, Policy
from schedules.lease import Leadership
from schedules.recurrence import Rule, occurrences
from schedules.tables import Airing, Schedule
from schedules.targets import Targets
from tests.support.postgres import PostgresServer
from tests.support.services import find

FIRINGS = 1_000
SPREAD_S = 1.0
ROUNDS = 3
LATE_P99_MAX_MS = 50.0
SCHEDULES = 1_000
DAYS = 14
RULES = (
    "FREQ=DAILY",
    "FREQ=DAILY;BYHOUR=5,11,17;BYMINUTE=0",
    "FREQ=WEEKLY;BYDAY=MO,WE,FR",
    "FREQ=MONTHLY;BYDAY=2TU",
    "FREQ=MONTHLY;BYMONTHDAY=1,15",
)
RULES_EACH = 2_000
OCCURRENCES_MIN_PER_S = 50_000.0
HANOI = "Asia/Ho_Chi_Minh"
WHO = Actor("system:benchmark", "Benchmark")


def prepare(db: Database) -> tuple[str, str]:
    """A migrated database with one unit and one programme."""
    migrations.upgrade(db)
    with db.writing() as session:
        commune = units.add(session, kind="commune", name="Xã Thử")
        programme = Programme(title="Thử", created_by=WHO.id, created_at=datetime.now(UTC))
        session.add(programme)
        session.flush()
        return commune.id, programme.id


def add(session: Session, commune: str, programme: str, at: datetime, kind: str) -> Schedule:
    local = at.astimezone(ZoneInfo(HANOI))
    return timetable.add(
        session,
        title="Thử",
        programme_id=programme,
        rule=Rule("once" if kind == "once" else "daily", local.date(), None, local.time(), HANOI),
        targets=Targets((commune,)),
        duration_ms=60_000,
        actor=WHO,
        clock=SystemClock(),
    )


def expand(db: Database, commune: str, programme: str) -> tuple[float, float]:
    """Seconds to expand 1,000 daily schedules over 14 days, and to find that nothing is missing."""
    far = datetime(2030, 1, 1, tzinfo=UTC)
    with db.writing() as session:
        for number in range(SCHEDULES):
            add(session, commune, programme, far + timedelta(minutes=1 + number), "daily")
    taken: list[float] = []
    for wanted in (SCHEDULES * DAYS, 0):
        began = time.perf_counter()
        with db.writing() as session:
            made = timetable.materialise(session, now=far, until=far + timedelta(days=DAYS))
        taken.append(time.perf_counter() - began)
        assert len(made) == wanted, len(made)
    return taken[0], taken[1]


def occurrences_per_s() -> float:
    """Occurrences of 14 days found in a second, over the rules that a timetable is made of, begun years before."""
    since = datetime(2030, 1, 1, tzinfo=UTC)
    rules = [
        Rule.of(text, datetime(2024, 1, 1, 5, number % 60), HANOI)  # noqa: DTZ001 - rules begin in local time
        for text in RULES
        for number in range(RULES_EACH)
    ]
    began = time.perf_counter()
    found = sum(1 for rule in rules for _ in occurrences(rule, since, since + timedelta(days=DAYS)))
    return found / (time.perf_counter() - began)


def lateness_ms(db: Database, commune: str, programme: str) -> list[float]:
    """How late each of the firings was, in milliseconds, sorted."""
    first = datetime.now(UTC) + timedelta(seconds=5)
    with db.writing() as session:
        schedule = add(session, commune, programme, first, "once")
        for number in range(FIRINGS):
            start = first + timedelta(seconds=SPREAD_S * number / FIRINGS)
            session.add(
                Airing(
                    id=new_id(),
                    schedule_id=schedule.id,
                    programme_id=programme,
                    original_start=start,
                    starts_at=start,
                    duration_ms=1,
                    unit_ids=[commune],
                )
            )
    late: list[float] = []
    done = threading.Event()

    def handle(_session: Session, what: Due) -> None:
        late.append((datetime.now(UTC) - what.due_at).total_seconds() * 1000)
        if len(late) == FIRINGS:
            done.set()

    policy = Policy("bench", timedelta(0), Late.WHENEVER)
    engine = Engine(db, SystemClock(), Leadership(db), firings={"bench": handle}, policies=[policy])
    engine.start()
    try:
        assert done.wait(60), f"only {len(late)} of {FIRINGS} fired"
    finally:
        engine.stop()
    return sorted(late)


def measure(name: str, db: Database) -> bool:
    """Print the figures of one database; whether the firings were in time."""
    commune, programme = prepare(db)
    p99s: list[float] = []
    for round_ in range(1, ROUNDS + 1):
        late = lateness_ms(db, commune, programme)
        p99s.append(late[int(len(late) * 0.99) - 1])
        print(
            f"{name}: {FIRINGS} firings in {SPREAD_S:.0f} s, round {round_}: "
            f"median {statistics.median(late):.1f} ms, p99 {p99s[-1]:.1f} ms, latest {late[-1]:.1f} ms late"
        )
    p99 = statistics.median(p99s)
    print(f"{name}: p99 of the middle round: {p99:.1f} ms (wanted: at most {LATE_P99_MAX_MS:.0f} ms)")
    first_s, again_s = expand(db, commune, programme)
    print(f"{name}: {SCHEDULES} schedules over {DAYS} days: {first_s:.2f} s, and {again_s:.2f} s with nothing to do")
    return p99 <= LATE_P99_MAX_MS


def on(name: str, url: str) -> bool:
    db = Database(url)
    try:
        return measure(name, db)
    finally:
        db.close()


def main() -> int:
    argparse.ArgumentParser(prog="python -m benchmarks.timetable", description=__doc__).parse_args()
    rate = occurrences_per_s()
    print(f"recurrence: {rate:,.0f} occurrences/s (wanted: at least {OCCURRENCES_MIN_PER_S:,.0f})")
    good = rate >= OCCURRENCES_MIN_PER_S
    with tempfile.TemporaryDirectory(prefix="tt-bench-") as folder:
        good &= on("SQLite", f"sqlite:///{Path(folder) / 'bench.db'}")
    postgres = find("postgres")
    if postgres is None:
        print("PostgreSQL: left out, it is not installed")
    else:
        server = PostgresServer(postgres, options=())
        try:
            server.start()
            good &= on("PostgreSQL", server.create_database("bench"))
        finally:
            server.remove()
    if not good:
        print("a figure was missed", file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
