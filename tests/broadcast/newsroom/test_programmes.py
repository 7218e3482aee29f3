"""Programmes: what they bind, and what they refuse."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from broadcast import bulletins, programmes
from broadcast.bulletins import Status
from broadcast.programmes import Chime, ItemRefused, ProgrammeUnusable
from broadcast.tables import Programme
from core.clock import ManualClock
from core.database import Database
from core.errors import Invalid, NotFound
from core.events import Event
from tests.broadcast.newsroom.support import WRITER, QuickSpeaker
from tests.broadcast.newsroom.test_bulletins import TEXT, Desk


@pytest.fixture
def desk(db: Database, speaker: QuickSpeaker, clock: ManualClock) -> Desk:
    return Desk(db, speaker, clock)


def make(desk: Desk, items: list[Chime | str], title: str = "Buổi sáng") -> str:
    with desk.db.writing() as session:
        return programmes.create(
            session, title=title, items=items, studio=desk.speaker, actor=WRITER, clock=desk.clock
        ).id


def test_items_keep_their_order_and_bind_what_was_approved(desk: Desk) -> None:
    first, second = desk.in_state("approved"), desk.in_state("approved")
    programme_id = make(desk, [Chime(), second, first, second, Chime("kết thúc")])
    with desk.db.reading() as session:
        items = programmes.items(session, programme_id)
        assert [item.version_id for item in items] == [None, second, first, second, None]
        assert [item.kind for item in items] == ["chime", "bulletin", "bulletin", "bulletin", "chime"]
        approved = bulletins.approved_renditions(session, first)
        assert programmes.sounds_of(items[2]) == {profile: one.sha256 for profile, one in approved.items()}
        assert set(approved) == {"full", "horn"}
        assert programmes.duration_ms(session, programme_id) == 2 * 2_500 + 3 * 100 * len(TEXT)
        event = session.scalars(select(Event).where(Event.subject_id == programme_id)).one()
        assert event.data["sha256s"] == [programmes.sounds_of(item) for item in items]
        programmes.require_usable(session, programme_id)


@pytest.mark.parametrize(
    ("status", "says"),
    [("draft", "đang soạn"), ("submitted", "chờ duyệt"), ("returned", "trả lại"), ("withdrawn", "thu hồi")],
)
def test_what_is_not_approved_is_refused_with_the_reason(desk: Desk, status: Status, says: str) -> None:
    version_id = desk.in_state(status)
    with pytest.raises(ItemRefused) as caught:
        make(desk, [Chime(), version_id])
    assert says in caught.value.text("vi")
    with desk.db.reading() as session:
        assert session.scalars(select(Programme)).all() == []


def test_a_bulletin_withdrawn_later_makes_it_unusable(desk: Desk) -> None:
    good, bad = desk.in_state("approved"), desk.in_state("approved")
    programme_id = make(desk, [good, bad])
    with desk.db.reading() as session:
        assert [p.id for p in programmes.with_version(session, bad)] == [programme_id]
    desk.withdraw(bad)
    with desk.db.reading() as session:
        assert len(programmes.problems(session, programme_id)) == 1
        with pytest.raises(ProgrammeUnusable) as caught:
            programmes.require_usable(session, programme_id)
        assert "thu hồi" in caught.value.text("vi")
        assert len(programmes.items(session, programme_id)) == 2  # history stays


def test_rewording_leaves_the_bound_sound_alone(desk: Desk) -> None:
    version_id = desk.in_state("approved")
    programme_id = make(desk, [version_id])
    with desk.db.writing() as session:
        before = [item.sha256 for item in programmes.items(session, programme_id)]
        bulletins.edit(session, version_id, text="Lời khác.", actor=WRITER, clock=desk.clock)
    with desk.db.reading() as session:
        assert [item.sha256 for item in programmes.items(session, programme_id)] == before
        programmes.require_usable(session, programme_id)


@pytest.mark.parametrize("items", [[], [Chime()]])
def test_a_programme_needs_a_bulletin(desk: Desk, items: list[Chime | str]) -> None:
    with pytest.raises(Invalid):
        make(desk, items)


def test_unknown_things_are_named(desk: Desk) -> None:
    version_id = desk.in_state("approved")
    with pytest.raises(NotFound):
        make(desk, ["01J00000000000000000000000"])
    with pytest.raises(NotFound):
        make(desk, [Chime("chuông chùa"), version_id])
    with pytest.raises(Invalid):
        make(desk, [version_id], title=" ")
    with desk.db.reading() as session, pytest.raises(NotFound):
        programmes.duration_ms(session, "01J00000000000000000000000")
