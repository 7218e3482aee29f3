"""Bulletins: states, four eyes, and approvals that bind sounds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import func, select, text

from audio.errors import TextEmpty, TextTooLong
from broadcast import bulletins
from broadcast.bulletins import (
    ALLOWED,
    Action,
    BlankLeft,
    FallbackVoice,
    NotAPerson,
    NotSpoken,
    OwnApproval,
    ProfileMissing,
    ReasonMissing,
    SoundChanged,
    Status,
    WrongState,
)
from broadcast.tables import Bulletin, BulletinVersion, Rendition
from core import migrations
from core.clock import ManualClock
from core.database import Database
from core.errors import Invalid, NotFound, TruyenThanhError
from core.events import SYSTEM, Event
from core.profiles import PROFILES, Profile
from tests.broadcast.newsroom.support import APPROVER, SECOND_APPROVER, WRITER, QuickSpeaker

TEXT = "Bà con nhớ khóa bếp ga trước khi ra khỏi nhà."


class Desk:
    """What a writer and an approver do, each in a transaction of its own."""

    def __init__(self, db: Database, speaker: QuickSpeaker, clock: ManualClock) -> None:
        self.db, self.speaker, self.clock = db, speaker, clock

    def write(self, text: str = TEXT, title: str = "Khóa bếp ga") -> str:
        with self.db.writing() as session:
            return bulletins.create(session, title=title, text=text, actor=WRITER, clock=self.clock).id

    def speak(self, version_id: str, voice: str | None = None) -> list[str]:
        made = bulletins.render(self.db, version_id, studio=self.speaker, voice=voice, actor=WRITER, clock=self.clock)
        return sorted(one.sha256 for one in made.values())

    def submit(self, version_id: str) -> None:
        with self.db.writing() as session:
            bulletins.submit(session, version_id, actor=WRITER, clock=self.clock)

    def approve(self, version_id: str, *, actor: object = APPROVER, sha256s: list[str] | None = None) -> None:
        with self.db.writing() as session:
            heard = bulletins.current_sha256s(session, version_id) if sha256s is None else sha256s
            bulletins.approve(session, version_id, actor=actor, clock=self.clock, sha256s=heard)  # type: ignore[arg-type]

    def give_back(self, version_id: str) -> None:
        with self.db.writing() as session:
            bulletins.return_(session, version_id, actor=APPROVER, clock=self.clock, note="Thiếu giờ phát")

    def withdraw(self, version_id: str) -> None:
        with self.db.writing() as session:
            bulletins.withdraw(session, version_id, actor=APPROVER, clock=self.clock, note="Số máy đã đổi")

    def status(self, version_id: str) -> str:
        with self.db.reading() as session:
            return bulletins.get(session, version_id).status

    def in_state(self, status: Status) -> str:
        """A version brought to a state the ordinary way."""
        version_id = self.write()
        self.speak(version_id)
        if status != "draft":
            self.submit(version_id)
        if status in {"approved", "withdrawn"}:
            self.approve(version_id)
        if status == "withdrawn":
            self.withdraw(version_id)
        if status == "returned":
            self.give_back(version_id)
        assert self.status(version_id) == status
        return version_id


@pytest.fixture
def desk(db: Database, speaker: QuickSpeaker, clock: ManualClock) -> Desk:
    return Desk(db, speaker, clock)


@pytest.fixture
def quick(sqlite_db: Database, speaker: QuickSpeaker, clock: ManualClock) -> Desk:
    """A desk on SQLite alone, where the kind of database doesn't matter."""
    return Desk(sqlite_db, speaker, clock)


def test_the_whole_way(desk: Desk) -> None:
    version_id = desk.write()
    sha256s = desk.speak(version_id)
    desk.submit(version_id)
    desk.approve(version_id, sha256s=sha256s)
    with desk.db.reading() as session:
        version = bulletins.get(session, version_id)
        assert (version.status, version.number, version.spoken) == ("approved", 1, TEXT.lower())
        approval = bulletins.decisions(session, version_id)[-1]
        assert (approval.decision, approval.sha256s) == ("approved", sha256s)
        assert (approval.decided_by, approval.decided_by_name) == (APPROVER.id, APPROVER.name)
        approved = bulletins.approved_renditions(session, version_id)
        assert set(approved) == {"full", "horn"}
        assert sorted(one.sha256 for one in approved.values()) == sha256s
        events = session.scalars(select(Event).order_by(Event.seq)).all()
        assert [event.kind.rpartition(":")[2] for event in events] == [
            "created", "written", "rendered", "submitted", "approved",
        ]  # fmt: skip
        assert {event.subject_id for event in events} == {version.bulletin_id}
        assert events[-1].data["sha256s"] == sha256s


ACTIONS: dict[Action, Callable[[Desk, str], object]] = {
    "render": lambda desk, version_id: desk.speak(version_id, voice="khác"),
    "submit": Desk.submit,
    "approve": Desk.approve,
    "return": Desk.give_back,
    "withdraw": Desk.withdraw,
}
STATES: tuple[Status, ...] = ("draft", "submitted", "approved", "returned", "withdrawn")


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("status", STATES)
def test_the_table_of_states_is_what_happens(quick: Desk, status: Status, action: Action) -> None:
    version_id = quick.in_state(status)
    if status in ALLOWED[action]:
        ACTIONS[action](quick, version_id)
        return
    with pytest.raises(WrongState) as caught:
        ACTIONS[action](quick, version_id)
    assert caught.value.text("vi").endswith(".")
    assert quick.status(version_id) == status


def test_who_wrote_it_can_not_approve_it(quick: Desk) -> None:
    version_id = quick.in_state("submitted")
    with pytest.raises(OwnApproval):
        quick.approve(version_id, actor=WRITER)
    with pytest.raises(NotAPerson):
        quick.approve(version_id, actor=SYSTEM)
    assert quick.status(version_id) == "submitted"


def test_who_reworded_it_is_its_author(quick: Desk) -> None:
    first = quick.in_state("returned")
    with quick.db.writing() as session:
        second = bulletins.edit(session, first, text=TEXT + " Cả đêm.", actor=APPROVER, clock=quick.clock).id
    quick.speak(second)
    quick.submit(second)
    with pytest.raises(OwnApproval):
        quick.approve(second, actor=APPROVER)
    quick.approve(second, actor=SECOND_APPROVER)


@pytest.mark.parametrize("heard", [[], ["0" * 64]])
def test_an_approval_names_what_was_listened_to(quick: Desk, heard: list[str]) -> None:
    version_id = quick.in_state("submitted")
    with pytest.raises(SoundChanged):
        quick.approve(version_id, sha256s=heard)


@pytest.mark.parametrize("profile", PROFILES)
def test_an_approval_binds_the_whole_set(quick: Desk, profile: Profile) -> None:
    """One of the two alone, the two of another version, or one of them made anew: none of that is what was heard."""
    version_id = quick.in_state("submitted")
    with quick.db.reading() as session:
        heard = {one.profile: one.sha256 for one in bulletins.renditions(session, version_id)}
    with pytest.raises(SoundChanged):
        quick.approve(version_id, sha256s=[heard[profile]])
    with pytest.raises(SoundChanged):
        quick.approve(version_id, sha256s=[*heard.values(), "0" * 64])
    with quick.db.writing() as session:
        made = {one.profile: one for one in bulletins.renditions(session, version_id)}
        made[profile].sha256 = "1" * 64
    with pytest.raises(SoundChanged):
        quick.approve(version_id, sha256s=list(heard.values()))
    assert quick.status(version_id) == "submitted"


def test_one_rendition_may_change_and_the_other_stay(desk: Desk) -> None:
    version_id = desk.write()
    first = desk.speak(version_id)
    with desk.db.writing() as session:
        made = {one.profile: one for one in bulletins.renditions(session, version_id)}
        made["horn"].sha256 = "1" * 64  # as from an earlier shaping for horns
    assert desk.speak(version_id) == first
    with desk.db.reading() as session:
        assert bulletins.current_sha256s(session, version_id) == first


def test_both_profiles_are_handed_in_or_none(desk: Desk) -> None:
    version_id = desk.write()
    desk.speak(version_id)
    with desk.db.writing() as session:
        session.delete(next(one for one in bulletins.renditions(session, version_id) if one.profile == "horn"))
    with pytest.raises(ProfileMissing) as caught:
        desk.submit(version_id)
    assert "loa nén" in caught.value.text("vi")
    assert "đủ dải" not in caught.value.text("vi")
    assert desk.status(version_id) == "draft"
    desk.speak(version_id)
    desk.submit(version_id)


def test_one_of_before_with_its_full_sound_alone_goes_on_its_way(desk: Desk) -> None:
    """It was spoken and submitted before sounds were made in two profiles."""
    version_id = desk.in_state("submitted")
    with desk.db.writing() as session:
        session.delete(next(one for one in bulletins.renditions(session, version_id) if one.profile == "horn"))
    desk.approve(version_id)
    with desk.db.reading() as session:
        assert set(bulletins.approved_renditions(session, version_id)) == {"full"}


def test_a_sound_that_changed_since_it_was_heard_is_not_approved(desk: Desk) -> None:
    version_id = desk.in_state("submitted")
    with desk.db.reading() as session:
        heard = bulletins.current_sha256s(session, version_id)
    desk.speak(version_id, voice="giọng khác")
    with pytest.raises(SoundChanged):
        desk.approve(version_id, sha256s=heard)
    assert desk.status(version_id) == "submitted"
    desk.approve(version_id)


def test_rendering_again_replaces_what_nobody_approved_and_says_so(desk: Desk) -> None:
    version_id = desk.write()
    first, second = desk.speak(version_id), desk.speak(version_id, voice="khác")
    assert desk.speak(version_id, voice="khác") == second  # the same sound is the same rendition
    with desk.db.reading() as session:
        assert bulletins.current_sha256s(session, version_id) == second
        made = session.scalars(select(Event).where(Event.kind == "user:bulletin:rendered").order_by(Event.seq)).all()
        assert [sorted(event.data["replaced"]) for event in made] == [[], first]
    assert all(desk.speaker.store.has(sha256) for sha256 in first)


def test_speaking_holds_no_transaction(quick: Desk) -> None:
    """Somebody else can write while a bulletin is spoken, and what was decided meanwhile counts."""
    version_id = quick.write()
    quick.speaker.before = lambda: quick.withdraw(version_id)
    with pytest.raises(WrongState):
        quick.speak(version_id)
    with quick.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Rendition)) == 0


def test_a_fallback_voice_needs_the_sites_permission(quick: Desk) -> None:
    quick.speaker.fallback = True
    version_id = quick.in_state("submitted")
    with pytest.raises(FallbackVoice):
        quick.approve(version_id)
    with quick.db.writing() as session:
        heard = bulletins.current_sha256s(session, version_id)
        bulletins.approve(
            session, version_id, actor=APPROVER, clock=quick.clock, sha256s=heard, fallback_permitted=True
        )
    assert quick.status(version_id) == "approved"


def test_the_same_sound_again_is_who_spoke_it_this_time(quick: Desk) -> None:
    """Its voice may have become the wanted one since; the sound need not be made otherwise to be approved."""
    quick.speaker.fallback = True
    version_id = quick.in_state("draft")
    before = quick.speak(version_id)
    quick.speaker.fallback = False
    assert quick.speak(version_id) == before
    with quick.db.reading() as session:
        assert not any(one.fallback for one in bulletins.renditions(session, version_id))
        told = select(Event).where(Event.kind == "user:bulletin:rendered").order_by(Event.seq)
        assert [event.data["fallback"] for event in session.scalars(told)] == [True, False]


A_SPOKEN_VERSION = """
INSERT INTO bulletins (id, title, class, drafted_from_dispatch, created_by, created_at)
VALUES ('b', 't', 'ordinary', false, 'u', '2026-01-01 00:00:00');
INSERT INTO bulletin_versions (id, bulletin_id, language, number, text, status, written_by, written_at)
VALUES ('v', 'b', 'vi', 1, 't', 'submitted', 'u', '2026-01-01 00:00:00');
INSERT INTO renditions
(id, version_id, profile, sha256, bytes, duration_ms, loudness_lufs, true_peak_dbtp, voice, fallback, made_at)
VALUES ('r', 'v', 'full', 'x', 1, 1, -16, -2, 'espeak', false, '2026-01-01 00:00:00')
"""


def test_what_espeak_spoke_before_fallbacks_were_told_is_one_after_the_upgrade(empty_db: Database) -> None:
    migrations.upgrade(empty_db, "0013")
    with empty_db.engine.begin() as connection:
        for statement in A_SPOKEN_VERSION.split(";"):
            connection.execute(text(statement))
    migrations.upgrade(empty_db)
    with empty_db.reading() as session:
        (sound,) = bulletins.renditions(session, "v")
        assert (sound.fallback, sound.passed_over) == (True, [])


def test_another_wording_is_another_version_and_the_earlier_one_stays(desk: Desk) -> None:
    first = desk.in_state("approved")
    with desk.db.writing() as session:
        second = bulletins.edit(session, first, text="Lời mới.", actor=WRITER, clock=desk.clock)
        assert (second.number, second.status, second.text) == (2, "draft", "Lời mới.")
        tay = bulletins.translate(session, second.bulletin_id, language="tyz", text="…", actor=WRITER, clock=desk.clock)
        assert (tay.number, tay.language) == (1, "tyz")
    with desk.db.reading() as session:
        old = bulletins.get(session, first)
        assert (old.status, old.text, old.number) == ("approved", TEXT, 1)
        assert set(bulletins.approved_renditions(session, first)) == {"full", "horn"}
        assert bulletins.approved_renditions(session, second.id) == {}
    desk.withdraw(first)
    with desk.db.reading() as session:
        assert bulletins.approved_renditions(session, first) == {}
        assert [a.decision for a in bulletins.decisions(session, first)] == ["approved", "withdrawn"]


@pytest.mark.parametrize(
    "text",
    [
        "Cảm ơn [điền: tên người].",
        "Cảm ơn [ Điền tên",
        "Cảm ơn «…» đã giúp.",
        "Hôm nay, ngày ........ tháng 7.",
        "Gặp ông ____ ở xã.",
    ],
)
def test_a_blank_that_is_left_stops_it(quick: Desk, text: str) -> None:
    version_id = quick.write(text)
    quick.speak(version_id)
    with pytest.raises(BlankLeft) as caught:
        quick.submit(version_id)
    assert caught.value.facts["count"] == 1
    assert quick.status(version_id) == "draft"


def test_a_blank_in_the_title_stops_it_and_a_quotation_does_not(quick: Desk) -> None:
    blank = quick.write(title="Gương [điền: tên]")
    quick.speak(blank)
    with pytest.raises(BlankLeft):
        quick.submit(blank)
    quoted = quick.write("Hưởng ứng «Ngày toàn dân phòng cháy»… bà con nhé.")
    quick.speak(quoted)
    quick.submit(quoted)


def test_without_sound_it_is_not_submitted(quick: Desk) -> None:
    with pytest.raises(NotSpoken):
        quick.submit(quick.write())


def test_reasons_are_asked_for(quick: Desk) -> None:
    version_id = quick.in_state("submitted")
    for decide in (bulletins.return_, bulletins.withdraw):
        with pytest.raises(ReasonMissing), quick.db.writing() as session:
            decide(session, version_id, actor=APPROVER, clock=quick.clock, note="  ")
    assert quick.status(version_id) == "submitted"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"text": " \n"}, TextEmpty),
        ({"text": "a" * 101}, TextTooLong),
        ({"text": "a\x00b"}, Invalid),
        ({"title": ""}, Invalid),
        ({"title": "a" * 301}, Invalid),
        ({"class_": "khẩn"}, Invalid),
        ({"language": "tiếng Việt"}, Invalid),
        ({"campaign_id": "01J00000000000000000000000"}, NotFound),
    ],
)
def test_what_is_wrong_stores_nothing(quick: Desk, given: dict[str, object], error: type[TruyenThanhError]) -> None:
    right: dict[str, object] = {"title": "Bếp ga", "text": TEXT, "characters_max": 100}
    with pytest.raises(error), quick.db.writing() as session:
        bulletins.create(session, **(right | given), actor=WRITER, clock=quick.clock)  # type: ignore[arg-type]
    with quick.db.reading() as session:
        for table in (Bulletin, BulletinVersion, Event):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_bulletins_to_look_at_again_are_listed(quick: Desk) -> None:
    with quick.db.writing() as session:
        for title, review_by in (("cũ", date(2026, 7, 1)), ("mới", date(2026, 7, 28)), ("không hạn", None)):
            bulletins.create(session, title=title, text=TEXT, review_by=review_by, actor=WRITER, clock=quick.clock)
    with quick.db.reading() as session:
        assert [b.title for b in bulletins.overdue(session, date(2026, 7, 28))] == ["cũ"]
