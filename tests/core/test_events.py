"""The audit trail is appended to and never changed."""

from __future__ import annotations

from core import events
from core.clock import ManualClock
from core.database import Database
from core.events import Actor, Event


def test_an_event_is_kept(db: Database, clock: ManualClock) -> None:
    with db.writing() as session:
        events.record(
            session,
            "user:bulletin:approved",
            actor=Actor("01USER", "Nguyễn Thị Bưởi"),
            at=clock.now(),
            subject=("bulletin", "01B"),
            sha256s=["ab"],
        )
    with db.reading() as session:
        (event,) = session.query(Event)
        assert (event.kind, event.at, event.data) == ("user:bulletin:approved", clock.now(), {"sha256s": ["ab"]})
