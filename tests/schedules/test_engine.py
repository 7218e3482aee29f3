"""The engine: each firing once and in time, by whoever leads, through failures, jumps of the clock and kills."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.clock import ManualClock, ShiftedClock, SystemClock
from core.database import Database
from core.events import Event
from core.ids import new_id
from core.units import Unit
from schedules import airings
from schedules import engine as engine_module
from schedules.engine import Duty, Engine, FiringHandler
from schedules.errors import NotLeader
from schedules.firings import AIRING, POLICIES, Due, Late, Policy
from schedules.lease import Leadership
from schedules.tables import Airing, Firing, Schedule
from tests.schedules.support import OPERATOR, Cast, add, cast, daily

ROOT = Path(engine_module.__file__).parent.parent
# Before the start, and just after the end: the same kinds as in earnest, within a test's patience.
SOON = (
    Policy("ready-2", timedelta(milliseconds=-300), Late.UNTIL_START),
    Policy("close", timedelta(milliseconds=200), Late.WHENEVER, after_end=True),
)


class Sink:
    """Handlers that remember what was fired, when it had committed."""

    def __init__(self) -> None:
        self.fired: list[tuple[str, str, float]] = []
        self.came = threading.Condition()

    def __call__(self, _session: Session, what: Due) -> None:
        with self.came:
            self.fired.append((what.kind, what.airing_id, (datetime.now(UTC) - what.due_at).total_seconds()))
            self.came.notify_all()

    def wait_for(self, count: int, within_s: float = 15) -> None:
        with self.came:
            assert self.came.wait_for(lambda: len(self.fired) >= count, within_s), self.fired

    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.fired]


@pytest.fixture
def people(db: Database) -> Cast:
    return cast(db, SystemClock())


@pytest.fixture
def schedule(db: Database, people: Cast) -> Schedule:
    return add(db, ManualClock(datetime(2026, 7, 28, tzinfo=UTC)), people, daily(), days=0)


def airing(
    db: Database, schedule: Schedule, starts_at: datetime, *, duration_ms: int = 100, planned: bool = True
) -> str:
    with db.writing() as session:
        row = Airing(
            id=new_id(),
            schedule_id=schedule.id,
            programme_id=schedule.programme_id,
            original_start=starts_at,
            starts_at=starts_at,
            duration_ms=duration_ms,
            unit_ids=schedule.unit_ids,
            planned=planned,
        )
        session.add(row)
        return row.id


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def handlers(handler: FiringHandler, policies: Sequence[Policy] = SOON) -> dict[str, FiringHandler]:
    return {policy.kind: handler for policy in policies}


@contextmanager
def running(
    db: Database,
    handler: FiringHandler,
    *,
    clock: SystemClock | ShiftedClock | ManualClock | None = None,
    duties: Sequence[Duty] = (),
    policies: Sequence[Policy] = SOON,
) -> Iterator[Engine]:
    engine = Engine(
        db,
        clock or SystemClock(),
        Leadership(db),
        firings=handlers(handler, policies),
        duties=duties,
        policies=policies,
    )
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


def until(condition: Callable[[], object], within_s: float = 15) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "the deadline has passed"
        time.sleep(0.02)


def claims(db: Database) -> list[tuple[str, str]]:
    with db.reading() as session:
        return sorted((row.kind, row.key) for row in session.query(Firing))


# In time, and once


def test_each_kind_fires_once_at_its_instant(db: Database, schedule: Schedule) -> None:
    sink = Sink()
    one = airing(db, schedule, soon(1.5))
    with running(db, sink):
        sink.wait_for(2)
    assert [(kind, of) for kind, of, _ in sink.fired] == [("ready-2", one), ("close", one)]
    assert all(late >= -0.001 for _, _, late in sink.fired), sink.fired  # how late is a figure of benchmarks.timetable
    assert claims(db) == [("close", one), ("ready-2", one)]
    other = airing(db, schedule, soon(1))
    with running(db, sink):
        sink.wait_for(4)
    assert Counter(of for _, of, _ in sink.fired) == {one: 2, other: 2}


def test_what_comes_into_the_timetable_while_it_runs(db: Database, schedule: Schedule) -> None:
    sink = Sink()
    with running(db, sink) as engine:
        until(lambda: engine.leading)
        airing(db, schedule, soon(0.4))
        engine.wake()
        sink.wait_for(2, within_s=5)
        assert sink.kinds() == ["ready-2", "close"]


def test_the_policies_in_earnest() -> None:
    assert [(policy.kind, policy.offset, policy.late, policy.after_end) for policy in AIRING] == [
        ("ready-30", timedelta(minutes=-30), Late.UNTIL_START, False),
        ("ready-10", timedelta(minutes=-10), Late.UNTIL_START, False),
        ("ready-2", timedelta(minutes=-2), Late.UNTIL_START, False),
        ("close", timedelta(seconds=15), Late.WHENEVER, True),
    ]


def test_late_firings_after_downtime_happen_once(db: Database, schedule: Schedule) -> None:
    missed = airing(db, schedule, soon(-86_400))
    ahead = airing(db, schedule, soon(5 * 60))
    sink = Sink()
    for _ in range(2):
        with running(db, sink, policies=POLICIES) as engine:
            sink.wait_for(3)
            until(lambda engine=engine: not engine._queue - {f"ready-2:{ahead}"})  # type: ignore[misc]
    assert sorted((kind, of) for kind, of, _ in sink.fired) == sorted(
        [("close", missed), ("ready-30", ahead), ("ready-10", ahead)]
    )


def test_a_cancelled_airing_is_closed_only_if_a_plan_held_it(db: Database, schedule: Schedule) -> None:
    clock = SystemClock()
    known, unknown = (airing(db, schedule, soon(60), planned=planned) for planned in (True, False))
    with db.writing() as session:
        for one in (known, unknown):
            airings.cancel(session, one, actor=OPERATOR, clock=clock)
            session.get_one(Airing, one).starts_at -= timedelta(seconds=120)
    sink = Sink()
    with running(db, sink):
        sink.wait_for(1)
        other = airing(db, schedule, soon(-60))
        sink.wait_for(2)
    assert [(kind, of) for kind, of, _ in sink.fired] == [("close", known), ("close", other)]


def test_an_airing_cancelled_in_the_queue_does_not_fire(db: Database, schedule: Schedule) -> None:
    one = airing(db, schedule, soon(1.5), planned=False)
    sink = Sink()
    with running(db, sink) as engine:
        until(lambda: f"ready-2:{one}" in engine._queue)
        with db.writing() as session:
            airings.cancel(session, one, actor=OPERATOR, clock=SystemClock())
        until(lambda: not engine._queue)
    assert sink.fired == []
    assert claims(db) == []


def test_a_shifted_clock(db: Database, schedule: Schedule) -> None:
    clock = ShiftedClock.starting_at(datetime(2031, 2, 3, 19, 0, tzinfo=UTC))
    airing(db, schedule, clock.now() + timedelta(seconds=1))
    sink = Sink()
    with running(db, sink, clock=clock):
        sink.wait_for(2)
    assert sink.kinds() == ["ready-2", "close"]


def test_a_clock_that_jumps_is_noticed(db: Database, schedule: Schedule, caplog: pytest.LogCaptureFixture) -> None:
    """As when NTP puts a clock right: what was an hour ahead is due now."""
    clock = ShiftedClock(timedelta(0))
    one = airing(db, schedule, soon(3600))
    near = airing(db, schedule, soon(250), duration_ms=1)
    sink = Sink()
    # Long before the start, so that a busy machine isn't too late.
    policies = (Policy("ready-2", timedelta(seconds=-60), Late.UNTIL_START), SOON[1])
    with (
        caplog.at_level(logging.WARNING, "schedules.engine"),
        running(db, sink, clock=clock, policies=policies) as engine,
    ):
        until(lambda: f"ready-2:{near}" in engine._queue)
        assert f"ready-2:{one}" not in engine._queue
        clock.shift = timedelta(seconds=3560)
        sink.wait_for(2)
        clock.shift = timedelta(seconds=3700)
        sink.wait_for(3)
    assert sorted((kind, of) for kind, of, _ in sink.fired) == sorted(
        [("ready-2", one), ("close", one), ("close", near)]
    )
    assert "the clock jumped" in caplog.messages


def test_half_an_hour_ten_and_two_minutes_before_each_by_itself(db: Database, schedule: Schedule) -> None:
    """The policies in earnest, on a clock that is put to just before each: that one fires, and no other."""
    clock = ShiftedClock(timedelta(0))
    begin = clock.now() + timedelta(hours=2)
    one = airing(db, schedule, begin)
    sink = Sink()
    with running(db, sink, clock=clock, policies=AIRING):
        for number, (kind, before_s) in enumerate(
            (("ready-30", 1800), ("ready-10", 600), ("ready-2", 120), ("close", -15.1)), 1
        ):
            clock.shift = begin - timedelta(seconds=before_s + 1) - datetime.now(UTC)
            sink.wait_for(number)
            assert sink.kinds()[-1] == kind
    assert len(claims(db)) == len(sink.fired) == 4
    assert {of for _, of, _ in sink.fired} == {one}


def test_an_hour_that_comes_twice_fires_nothing_twice(db: Database, schedule: Schedule) -> None:
    """A clock that ran an hour ahead is put back: what was done stays done, and what lies ahead waits for its time."""
    clock = ShiftedClock(timedelta(hours=1))
    done = airing(db, schedule, clock.now() + timedelta(seconds=1))
    ahead = airing(db, schedule, clock.now() + timedelta(seconds=290), duration_ms=1)
    sink = Sink()
    with running(db, sink, clock=clock) as engine:
        sink.wait_for(2)
        until(lambda: f"ready-2:{ahead}" in engine._queue)
        clock.shift = timedelta(0)
        until(lambda: engine._queue == set())  # an hour away again
        near = airing(db, schedule, clock.now() + timedelta(seconds=1.5))
        engine.wake()
        sink.wait_for(4)
        assert f"ready-2:{ahead}" not in engine._queue
    assert [(kind, of) for kind, of, _ in sink.fired] == [
        ("ready-2", done), ("close", done), ("ready-2", near), ("close", near),
    ]  # fmt: skip
    assert all(late >= -0.001 for _, of, late in sink.fired if of == near)


# Handlers and duties that fail


def test_a_handler_that_raises_is_tried_again_later(
    db: Database, schedule: Schedule, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine_module, "FIRST_RETRY_S", 0.2)
    bad, *good = (airing(db, schedule, soon(-10)) for _ in range(4))
    sink = Sink()
    tries: list[float] = []

    def handle(session: Session, what: Due) -> None:
        if what.airing_id == bad:
            tries.append(time.monotonic())
            session.add(Unit(kind="commune", name=f"lần {len(tries)}"))
            session.flush()
            if len(tries) < 5:
                raise ValueError("on purpose")
        sink(session, what)

    with caplog.at_level(logging.ERROR, "schedules.engine"), running(db, handle):
        until(lambda: ("close", bad) in claims(db))
        until(lambda: len(claims(db)) == 4)
    # The first try may have been in company, and was then made again alone at once.
    waits = [after - before for before, after in pairwise(tries[-4:])]
    assert waits[0] >= 0.19
    assert waits[0] < waits[1] < waits[2]
    assert "a firing failed" in caplog.messages
    assert claims(db) == sorted(("close", one) for one in [bad, *good])
    with db.reading() as session:
        assert session.query(Unit).filter(Unit.name.like("lần %")).count() == 1  # what failed left nothing


def test_a_failing_duty_does_not_stop_the_others(
    db: Database, schedule: Schedule, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine_module, "FIRST_RETRY_S", 0.05)
    runs: Counter[str] = Counter()

    def bad() -> None:
        runs["bad"] += 1
        raise RuntimeError("on purpose")

    def good() -> None:
        runs["good"] += 1

    duties = [Duty("bad", 0.01, bad), Duty("good", 0.01, good)]
    with caplog.at_level(logging.ERROR, "schedules.engine"), running(db, Sink(), duties=duties):
        until(lambda: runs["bad"] >= 3 and runs["good"] >= 20)
    assert "a duty failed" in caplog.messages


def test_a_duty_never_runs_beside_itself_and_only_while_leading(db: Database) -> None:
    inside = threading.Semaphore(2)  # one for each engine, so that beside itself is beside the other one as well
    overlaps: list[int] = []
    runs: list[str] = []

    def duty(name: str) -> Duty:
        def run() -> None:
            assert inside.acquire(blocking=False)
            try:
                if inside._value < 1:
                    overlaps.append(1)
                runs.append(name)
                time.sleep(0.03)
            finally:
                inside.release()

        return Duty("slow", 0.001, run)

    with ExitStack() as stack:
        first = stack.enter_context(running(db, Sink(), duties=[duty("first")]))
        until(lambda: first.leading)
        second = stack.enter_context(running(db, Sink(), duties=[duty("second")]))
        until(lambda: runs.count("first") >= 5)
        first._begin(first._fence or 0)  # as when the clock jumps
        first._begin(first._fence or 0)
        until(lambda: runs.count("first") >= 10)
        assert "second" not in runs
        first.stop()
        until(lambda: runs.count("second") >= 3)
        assert second.leading
        ended = len(runs) - runs[::-1].index("first")
        assert "first" not in runs[ended:]
    assert overlaps == []


# Ends, losses, races


def test_stopping_finishes_what_runs_and_gives_the_lease_back(db: Database, schedule: Schedule) -> None:
    one = airing(db, schedule, soon(-10))
    inside, go_on = threading.Event(), threading.Event()

    def handle(_session: Session, _what: Due) -> None:
        inside.set()
        assert go_on.wait(10)

    threads = threading.active_count()
    with running(db, handle, duties=[Duty("busy", 0.0, lambda: None) for _ in range(1)]) as engine:
        assert inside.wait(10)
        stopping = threading.Thread(target=engine.stop)
        stopping.start()
        assert stopping.is_alive()
        go_on.set()
        stopping.join(10)
        assert not stopping.is_alive()
    assert claims(db) == [("close", one)]
    assert not engine.leading
    assert Leadership(db).acquire()
    assert threading.active_count() == threads


def test_it_can_be_started_again(db: Database, schedule: Schedule) -> None:
    sink = Sink()
    engine = Engine(db, SystemClock(), Leadership(db), firings=handlers(sink), policies=SOON)
    engine.stop()
    for count in (1, 2):
        engine.start()
        with pytest.raises(RuntimeError, match="runs already"):
            engine.start()
        airing(db, schedule, soon(-10 - count))
        sink.wait_for(count)
        engine.stop()


def test_a_kind_without_a_policy_is_a_mistake(sqlite_db: Database) -> None:
    with pytest.raises(ValueError, match="ready-99"):
        Engine(sqlite_db, SystemClock(), Leadership(sqlite_db), firings={"ready-99": Sink()})


def test_work_of_a_deposed_leader_rolls_back_and_the_other_does_it(postgres_url: str) -> None:
    db = Database(postgres_url)
    try:
        clock = ManualClock(datetime(2026, 7, 28, tzinfo=UTC))
        one = airing(db, add(db, clock, cast(db, clock), daily(), days=0), soon(-10))
        other = Leadership(db)
        sink = Sink()

        def handle(session: Session, what: Due) -> None:
            session.add(Unit(kind="commune", name="Của người cũ"))
            session.flush()
            with db.writing() as beside:
                beside.execute(text("UPDATE leases SET expires_at = 0"))
            assert other.acquire()
            sink(session, what)

        with running(db, handle) as engine:
            sink.wait_for(1)
            until(lambda: not engine.leading)
        assert claims(db) == []
        other.release()
        with running(db, sink):
            sink.wait_for(2)
        assert claims(db) == [("close", one)]
        with db.reading() as session:
            assert session.query(Unit).filter_by(name="Của người cũ").count() == 0
    finally:
        db.close()


def test_a_duty_that_is_told_it_does_not_lead(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    def run() -> None:
        raise NotLeader(name="engine")

    with caplog.at_level(logging.INFO, "schedules.engine"), running(db, Sink(), duties=[Duty("plans", 0.01, run)]):
        until(lambda: "a duty was not done: not leading" in caplog.messages)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_engines_that_race_fire_each_once(db: Database, schedule: Schedule) -> None:
    """Both believe that they lead, as the worst of luck would have it: the claims alone keep it at once."""
    ids = [airing(db, schedule, soon(8), duration_ms=1) for _ in range(60)]
    sink = Sink()
    shared = Leadership(db)
    engines = [Engine(db, SystemClock(), shared, firings=handlers(sink), policies=SOON) for _ in range(2)]
    for engine in engines:
        engine.start()
    try:
        until(lambda: len(claims(db)) == 120, within_s=30)
    finally:
        for engine in engines:
            engine.stop()
    assert claims(db) == sorted((kind, one) for one in ids for kind in ("close", "ready-2"))
    assert Counter(of for _, of, _ in sink.fired) == dict.fromkeys(ids, 2)


@contextmanager
def process(url: str) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.schedules.engine_process", url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def fired(db: Database) -> Counter[tuple[str, int]]:
    with db.reading() as session:
        found = session.query(Event).filter_by(kind="test:airing:fired")
        return Counter((event.subject_id, event.data["pid"]) for event in found)


def test_two_processes_and_one_is_killed(db: Database, db_url: str, schedule: Schedule) -> None:
    """Kill -9 the leader in the midst of its firings: the other goes on within 10 s, and each happened once."""
    ids = [airing(db, schedule, soon(-3600 - number), duration_ms=1) for number in range(400)]
    with process(db_url) as one, process(db_url) as other:
        until(lambda: len(fired(db)) >= 20)
        (leader,) = {pid for _, pid in fired(db)}
        killed = one if one.pid == leader else other
        killed.kill()
        killed.wait(10)
        before = len(fired(db))
        assert before < len(ids), "the killed one was done before it was killed"
        until(lambda: len(fired(db)) > before, within_s=10)
        until(lambda: len(claims(db)) == len(ids))
        assert fired(db).total() == len(ids)
        assert {of for of, _ in fired(db)} == set(ids)
        assert {pid for _, pid in fired(db)} == {one.pid, other.pid}
