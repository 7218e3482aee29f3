"""The audit trail is appended to and never changed."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core import events
from core.clock import ManualClock
from core.database import Database
from core.events import SYSTEM, Actor, Event

CHANGES = ["UPDATE events SET actor_name = 'ai đó'", "DELETE FROM events"]


def note(db: Database, clock: ManualClock) -> None:
    with db.writing() as session:
        events.record(
            session,
            "user:bulletin:approved",
            actor=Actor("01USER", "Nguyễn Thị Bưởi"),
            at=clock.now(),
            subject=("bulletin", "01B"),
            sha256s=["ab"],
        )


def kept(db: Database) -> list[tuple[str, str]]:
    with db.reading() as session:
        return [(event.kind, event.actor_name) for event in session.query(Event).order_by(Event.seq)]


def test_an_event_is_kept(db: Database, clock: ManualClock) -> None:
    note(db, clock)
    with db.reading() as session:
        (event,) = session.query(Event)
        assert (event.kind, event.at, event.data) == ("user:bulletin:approved", clock.now(), {"sha256s": ["ab"]})
        assert (event.subject_kind, event.subject_id) == ("bulletin", "01B")


@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_to_change_one(db: Database, clock: ManualClock, change: str) -> None:
    note(db, clock)
    with pytest.raises(IntegrityError, match="appended and never changed"), db.writing() as session:
        session.execute(text(change))
    assert kept(db) == [("user:bulletin:approved", "Nguyễn Thị Bưởi")]


def test_sqlite_refuses_to_replace_one(sqlite_db: Database, clock: ManualClock) -> None:
    note(sqlite_db, clock)
    replacement = text(
        "INSERT OR REPLACE INTO events SELECT seq, at, kind, actor_id, 'X', subject_kind, subject_id, data FROM events"
    )
    with pytest.raises(IntegrityError, match="appended and never changed"), sqlite_db.writing() as session:
        session.execute(replacement)
    assert kept(sqlite_db) == [("user:bulletin:approved", "Nguyễn Thị Bưởi")]


def test_postgres_refuses_to_empty_the_table(postgres_url: str, clock: ManualClock) -> None:
    db = Database(postgres_url)
    try:
        note(db, clock)
        with pytest.raises(IntegrityError, match="appended and never changed"), db.writing() as session:
            session.execute(text("TRUNCATE events"))
        assert len(kept(db)) == 1
    finally:
        db.close()


def test_an_event_goes_with_its_transaction(db: Database, clock: ManualClock) -> None:
    class OnPurpose(Exception): ...

    def fail_after_recording() -> None:
        with db.writing() as session:
            events.record(session, "system:lease:taken", actor=SYSTEM, at=clock.now(), subject=("lease", "engine"))
            session.flush()
            raise OnPurpose

    with pytest.raises(OnPurpose):
        fail_after_recording()
    assert kept(db) == []


def test_events_keep_their_order(db: Database, clock: ManualClock) -> None:
    with db.writing() as session:
        for number in range(20):
            events.record(session, f"test:thing:{number}", actor=SYSTEM, at=clock.now(), subject=("thing", "1"))
    assert [kind for kind, _ in kept(db)] == [f"test:thing:{number}" for number in range(20)]
    assert SYSTEM.is_system
    assert not Actor("01USER", "A").is_system
