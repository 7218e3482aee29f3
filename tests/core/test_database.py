"""Instants, sessions that commit or don't, writers that wait for one another, and a server that comes back."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlalchemy.orm import Session

from core import units
from core.database import Database
from core.events import Actor, Event, record
from core.units import ALWAYS, FOREVER, Unit, UnitName
from schedules.tables import Firing
from tests.support.database import PostgresDatabases
from tests.support.postgres import PostgresServer

HANOI = timezone(timedelta(hours=7))
AT = datetime(2026, 7, 28, 1, 0, 0, 123456, tzinfo=UTC)


def keep(session: Session, at: datetime) -> None:
    record(session, "test:thing:done", actor=Actor("01A", "A"), at=at, subject=("thing", "1"))


def names(db: Database) -> list[str]:
    with db.reading() as session:
        return [unit.name for unit in session.query(Unit).order_by(Unit.id)]


# Instants


@pytest.mark.parametrize("at", [AT, AT.astimezone(HANOI), AT.replace(microsecond=0)])
def test_an_instant_comes_back_as_it_was_in_utc(db: Database, at: datetime) -> None:
    with db.writing() as session:
        keep(session, at)
    with db.reading() as session:
        (event,) = session.query(Event)
        assert event.at == at
        assert event.at.tzinfo is UTC
        assert session.query(Event).filter(Event.at == at.astimezone(HANOI)).count() == 1
        assert session.query(Event).filter(Event.at < at).count() == 0


def test_a_naive_instant_is_refused(db: Database) -> None:
    def keep_naive() -> None:
        with db.writing() as session:
            keep(session, AT.replace(tzinfo=None))
            session.flush()

    with pytest.raises(StatementError, match="naive"):
        keep_naive()


def test_instants_sort_by_time_whatever_zone_they_came_in(db: Database) -> None:
    with db.writing() as session:
        keep(session, AT.astimezone(HANOI))
        keep(session, AT - timedelta(microseconds=1))
        keep(session, (AT + timedelta(microseconds=1)).astimezone(timezone(timedelta(hours=-9))))
    with db.reading() as session:
        found = [event.at - AT for event in session.query(Event).order_by(Event.at)]
    assert [span / timedelta(microseconds=1) for span in found] == [-1, 0, 1]


# Sessions


def test_what_was_written_is_there(db: Database) -> None:
    with db.writing() as session:
        unit = units.add(session, kind="commune", name="Xã Một")
    assert unit.name == "Xã Một"  # still to be looked at
    assert names(db) == ["Xã Một"]


def test_a_block_that_fails_leaves_nothing(db: Database) -> None:
    def fail() -> None:
        with db.writing() as session:
            units.add(session, kind="commune", name="Xã Một")
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        fail()
    assert names(db) == []


def test_reading_changes_nothing_and_what_was_read_stays(db: Database) -> None:
    with db.writing() as session:
        units.add(session, kind="commune", name="Xã Một")
    with db.reading() as session:
        unit = session.query(Unit).one()
        unit.name = "Xã Khác"
        session.flush()
    assert unit.kind == "commune"
    assert names(db) == ["Xã Một"]


def test_what_is_pointed_to_has_to_be_there(db: Database) -> None:
    def point_nowhere() -> None:
        with db.writing() as session:
            session.add(UnitName(unit_id="01NONE", name="Xã Một", valid_from=ALWAYS, valid_to=FOREVER))
            session.flush()

    with pytest.raises(IntegrityError):
        point_nowhere()


def test_two_writers_wait_for_one_another(db: Database) -> None:
    """Each reads, thinks and writes one more: on SQLite, taking the lock only then would fail as "locked"."""
    together = threading.Barrier(4)
    failures: list[BaseException] = []

    def count_up() -> None:
        together.wait(10)
        try:
            for _ in range(5):
                with db.writing() as session:
                    session.scalar(text("SELECT count(*) FROM units"))
                    time.sleep(0.005)
                    units.add(session, kind="commune", name="Xã")
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert len(names(db)) == 20


def test_readers_do_not_wait_for_a_writer(db: Database) -> None:
    with db.writing() as session:
        units.add(session, kind="commune", name="Xã Một")
        assert names(db) == []  # or it would wait for what stands below it
    assert names(db) == ["Xã Một"]


# SQLite


def test_sqlite_is_set_up_to_be_durable(sqlite_db: Database) -> None:
    with sqlite_db.reading() as session:
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15_000}
        assert {name: session.scalar(text(f"PRAGMA {name}")) for name in wanted} == wanted


def test_the_folder_of_a_sqlite_database_is_made(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'a' / 'b' / 'x.db'}")
    try:
        assert db.is_sqlite
        assert inspect(db.engine).get_table_names() == []
        assert (tmp_path / "a" / "b" / "x.db").exists()
    finally:
        db.close()


# PostgreSQL


@pytest.mark.service("postgres")
def test_any_way_to_name_postgres_uses_the_driver_that_is_there(postgres_url: str) -> None:
    db = Database(postgres_url.replace("postgresql+psycopg:", "postgresql:"))
    try:
        assert not db.is_sqlite
        assert names(db) == []
    finally:
        db.close()


@pytest.mark.service("postgres")
def test_a_postgres_that_was_killed_comes_back_with_what_was_committed(
    postgres: PostgresServer, postgres_url: str
) -> None:
    db = Database(postgres_url)
    try:
        with db.writing() as session:
            units.add(session, kind="commune", name="Xã Một")
        postgres.kill()
        with pytest.raises(OperationalError):
            names(db)
        postgres.start()
        assert names(db) == ["Xã Một"]  # by a connection that was in the pool
    finally:
        postgres.start()
        db.close()


@pytest.mark.service("postgres")
def test_a_test_finds_nothing_of_the_one_before(postgres_databases: PostgresDatabases) -> None:
    """The databases of the tests themselves are used again: emptied, counting from one, under another name."""

    def claimed(url: str, statement: str = "SELECT 1") -> tuple[list[str], int]:
        db = Database(url)
        try:
            with db.writing() as session:
                held = [unit.name for unit in session.query(Unit)]
                units.add(session, kind="commune", name="Xã Một")
                claim = Firing(kind="close", key="a", fence=1, due_at=AT, fired_at=AT)
                session.add(claim)
                session.flush()
                session.execute(text(statement))
                return held, claim.id
        finally:
            db.close()

    urls = []
    for statement in ("SELECT 1", "CREATE INDEX another ON units (name)", "SELECT 1"):
        urls.append(postgres_databases.fresh())
        assert claimed(urls[-1], statement) == ([], 1)
        postgres_databases.drop(urls[-1])
    assert len(set(urls)) == 3
    with pytest.raises(OperationalError):
        claimed(urls[0])


def test_a_number_for_each_claim(db: Database) -> None:
    """A key that counts up is given by either database."""
    with db.writing() as session:
        rows = [Firing(kind="close", key=key, fence=1, due_at=AT, fired_at=AT) for key in ("a", "b")]
        session.add_all(rows)
    assert [row.id for row in rows] == [1, 2]
