"""The lease: one leader, a number that only rises, and work of a deposed one that rolls back."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from core.database import Database
from core.events import Event
from core.units import Unit
from schedules.errors import NotLeader
from schedules.lease import Leadership
from schedules.tables import Lease

# Takes the lease, says so, and renews it until it is killed or told to release it.
HOLDER = """
import sys, time, threading
from core.database import Database
from schedules.lease import Leadership
db = Database(sys.argv[1])
lease = Leadership(db, life_s=float(sys.argv[2]))
while not lease.acquire():
    time.sleep(0.05)
print(lease.fence, flush=True)
told = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), told.set()), daemon=True).start()
while not told.wait(float(sys.argv[2]) / 3):
    assert lease.renew()
lease.release()
db.close()
"""


@contextmanager
def holder(url: str, life_s: float) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that holds the lease."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, str(life_s)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(condition: Callable[[], bool], within_s: float) -> float:
    """Seconds until the condition held."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s, "the deadline has passed"
        time.sleep(0.02)
    return time.monotonic() - began


def expire(db: Database) -> None:
    with db.writing() as session:
        session.execute(text("UPDATE leases SET expires_at = 0"))


def units_named(db: Database, name: str) -> int:
    with db.reading() as session:
        return session.query(Unit).filter_by(name=name).count()


def test_one_leads(db: Database) -> None:
    one, other = Leadership(db), Leadership(db)
    assert one.holder != other.holder
    assert one.acquire()
    assert one.fence == 1
    assert not other.acquire()
    assert other.fence is None
    assert one.acquire()
    assert one.renew()
    assert one.fence == 1  # holding on is no change of holder
    assert not other.renew()


def test_names_are_apart(db: Database) -> None:
    assert Leadership(db, name="engine").acquire()
    assert Leadership(db, name="ingest").acquire()


def test_a_clean_release_hands_over_at_once(db: Database) -> None:
    one, other = Leadership(db), Leadership(db)
    assert one.acquire()
    one.release()
    one.release()
    assert one.fence is None
    assert other.acquire()
    assert other.fence == 2
    assert not one.renew()
    with db.reading() as session:
        found = [(event.kind, event.data["fence"]) for event in session.query(Event).order_by(Event.seq)]
    assert found == [("system:lease:taken", 1), ("system:lease:released", 1), ("system:lease:taken", 2)]


def test_a_late_renewal_holds_as_long_as_nobody_took_it(db: Database) -> None:
    one, other = Leadership(db), Leadership(db)
    assert one.acquire()
    expire(db)
    assert one.renew()
    assert not other.acquire()
    expire(db)
    assert other.acquire()
    assert not one.renew()
    assert (one.fence, other.fence) == (None, 2)


def test_a_holder_that_is_cut_off_stops_by_itself(db: Database) -> None:
    lease = Leadership(db, life_s=0.2)
    assert lease.acquire()
    until(lambda: lease.fence is None, within_s=2)
    with pytest.raises(NotLeader), db.writing() as session:
        lease.check(session)


def test_work_of_the_leader_is_done(db: Database) -> None:
    lease = Leadership(db)
    with pytest.raises(NotLeader, match="does not lead"), db.writing() as session:
        lease.check(session)
    assert lease.acquire()
    with db.writing() as session:
        assert lease.check(session) == 1
        assert lease.check(session) == 1
        session.add(Unit(kind="commune", name="Xã Một"))
    assert units_named(db, "Xã Một") == 1


def test_work_of_a_deposed_leader_is_refused(db: Database) -> None:
    one, other = Leadership(db), Leadership(db)
    assert one.acquire()
    expire(db)

    def work() -> None:
        with db.writing() as session:
            session.add(Unit(kind="commune", name="Xã Một"))
            session.flush()
            one.check(session)

    with pytest.raises(NotLeader):
        work()
    assert units_named(db, "Xã Một") == 0
    assert other.acquire()


def test_a_takeover_between_check_and_commit_rolls_the_work_back(postgres_url: str) -> None:
    db = Database(postgres_url)
    try:
        one, other = Leadership(db), Leadership(db)
        assert one.acquire()

        def work() -> None:
            with db.writing() as session:
                one.check(session)
                session.add(Unit(kind="commune", name="Xã Một"))
                session.flush()
                with session.begin_nested():  # a savepoint is not the commit
                    session.add(Unit(kind="commune", name="Xã Hai"))
                expire(db)
                assert other.acquire()  # the work in progress doesn't hold it up

        with pytest.raises(NotLeader):
            work()
        assert units_named(db, "Xã Một") == 0
        assert one.fence is None
    finally:
        db.close()


def test_on_sqlite_a_takeover_waits_for_the_work_in_progress(sqlite_db: Database) -> None:
    one, other = Leadership(sqlite_db), Leadership(sqlite_db)
    assert one.acquire()
    order: list[str] = []
    begun = threading.Event()

    def take() -> None:
        begun.wait(10)
        expire(sqlite_db)
        assert other.acquire()
        order.append("taken")

    thread = threading.Thread(target=take)
    thread.start()
    with sqlite_db.writing() as session:
        one.check(session)
        begun.set()
        time.sleep(0.2)  # long enough for the other to come to the door
        order.append("worked")
    thread.join(20)
    assert order == ["worked", "taken"]


def test_many_that_try_at_once_give_one_leader(db: Database) -> None:
    together = threading.Barrier(8)
    leaders: list[int | None] = []

    def run() -> None:
        lease = Leadership(db)
        together.wait(10)
        if lease.acquire():
            leaders.append(lease.fence)

    for round_ in range(1, 6):
        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert leaders == list(range(1, round_ + 1))
        expire(db)


def test_takeover_from_a_killed_process(db: Database, db_url: str) -> None:
    """With the real life of 6 s: within 10 s of a kill -9."""
    standby = Leadership(db)
    with holder(db_url, 6.0) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        assert not standby.acquire()
        process.kill()
        took_s = until(standby.acquire, within_s=10)
    assert standby.fence == 2
    assert took_s > 2  # it was not simply free


def test_handing_over_between_processes(db: Database, db_url: str) -> None:
    standby = Leadership(db)
    with holder(db_url, 6.0) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "1\n"
        process.stdin.write("release\n")
        process.stdin.flush()
        assert process.wait(10) == 0
        assert standby.acquire()
    with db.reading() as session:
        row = session.get(Lease, "engine")
        assert row is not None
        assert (row.holder, row.fence) == (standby.holder, 2)
