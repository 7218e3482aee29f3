"""Which lexicon reads a bulletin, and what a change of one would alter: told, and altered in nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from audio import lexicon
from audio.lexicon import EntryMissing, SpokenNotPlain
from audio.store import ObjectStore
from audio.studio import Studio
from audio.voices import FakeVoice, VoiceChain
from broadcast import bulletins, campaigns
from broadcast.bulletin_lexicon import unit_of
from broadcast.lexicon_impact import Change, Stretch, impact
from core import units
from core.clock import ManualClock
from core.database import Database
from core.errors import NotFound
from tests.broadcast.newsroom.support import APPROVER, WRITER, QuickSpeaker

TEXT = "Thôn Đồng Bùi họp ngày 30/7. Mời bà con đến nhà văn hóa thôn trước 7 giờ. Đường QL37 qua ĐỒNG BÙI tạm cấm."


class Place:
    """A province with two communes, and an editor and an approver at work."""

    def __init__(self, db: Database, studio: bulletins.Speaker, clock: ManualClock) -> None:
        self.db, self.studio, self.clock = db, studio, clock
        with db.writing() as session:
            province = units.add(session, kind="province", name="Tỉnh Sông Bùi")
            self.province = province.id
            self.near, self.far = (
                units.add(session, kind="commune", name=name, parent=province).id for name in ("Xã Gần", "Xã Xa")
            )

    @property
    def today(self) -> date:
        return units.date_of(self.clock.now())

    def write(self, text: str = TEXT, *, unit: str | None = None, campaign: str | None = None) -> str:
        with self.db.writing() as session:
            return bulletins.create(
                session, title="Họp thôn", text=text, unit_id=unit, campaign_id=campaign, actor=WRITER, clock=self.clock
            ).id

    def in_state(self, status: str, text: str = TEXT, *, unit: str | None = None) -> str:
        version = self.write(text, unit=unit)
        bulletins.render(self.db, version, studio=self.studio, actor=WRITER, clock=self.clock)
        with self.db.writing() as session:
            if status != "draft":
                bulletins.submit(session, version, actor=WRITER, clock=self.clock)
            if status == "approved":
                heard = bulletins.current_sha256s(session, version)
                bulletins.approve(session, version, sha256s=heard, actor=APPROVER, clock=self.clock)
        return version

    def put(self, unit: str, written: str, spoken: str, number: int = 0) -> None:
        with self.db.writing() as session:
            lexicon.put(session, unit, written=written, spoken=spoken, number=number, actor=WRITER, clock=self.clock)

    def impact(self, unit: str, *changes: Change) -> dict[str, tuple[Stretch, ...]]:
        with self.db.reading() as session:
            return {one.version_id: one.stretches for one in impact(session, unit, changes, on=self.today)}


@pytest.fixture
def place(db: Database, tmp_path: Path, clock: ManualClock) -> Place:
    store = ObjectStore(tmp_path / "objects")
    return Place(db, Studio(store, VoiceChain([FakeVoice()])), clock)


def test_a_bulletin_is_read_with_its_units_lexicon_and_says_which(place: Place) -> None:
    place.put(place.province, "Đồng Bùi", "đồng bùi tỉnh")
    place.put(place.near, "Đồng Bùi", "đồng bùi xã")
    digests = set()
    for unit, said in ((None, "thôn đồng bùi tỉnh họp"), (place.near, "thôn đồng bùi xã họp")):
        version_id = place.in_state("draft", unit=unit)
        with place.db.reading() as session:
            version = bulletins.get(session, version_id)
            assert version.spoken is not None
            assert said in version.spoken
            assert version.lexicon == lexicon.for_unit(session, unit or place.province, on=place.today).digest
            digests.add(version.lexicon)
    assert len(digests) == 2


def test_a_bulletin_without_a_unit_is_its_campaigns_or_the_provinces(place: Place) -> None:
    today = place.clock.now().date()
    with place.db.writing() as session:
        one, two = (
            campaigns.create_campaign(
                session,
                title="Đợt",
                first_date=today,
                last_date=today,
                unit_ids=where,
                actor=WRITER,
                clock=place.clock,
            ).id
            for where in ([place.near], [place.near, place.far])
        )
    found = []
    for version_id in (place.write(campaign=one), place.write(campaign=two), place.write()):
        with place.db.reading() as session:
            found.append(
                unit_of(session, bulletins.bulletin_of(session, bulletins.get(session, version_id)), on=place.today)
            )
    assert found == [place.near, place.province, place.province]
    with pytest.raises(NotFound):
        place.write(unit="01J0000000000000000000NONE")


def test_without_a_lexicon_none_is_recorded(sqlite_db: Database, speaker: QuickSpeaker, clock: ManualClock) -> None:
    with sqlite_db.writing() as session:
        version = bulletins.create(session, title="Họp", text=TEXT, actor=WRITER, clock=clock).id
    bulletins.render(sqlite_db, version, studio=speaker, actor=WRITER, clock=clock)
    with sqlite_db.reading() as session:
        assert bulletins.get(session, version).lexicon is None


def test_a_change_says_what_it_would_alter_and_alters_none(place: Place) -> None:
    place.put(place.province, "QL37", "quốc lộ ba bảy")
    approved = place.in_state("approved", unit=place.near)
    submitted = place.in_state("submitted")
    place.in_state("draft")
    place.in_state("approved", "Bản tin này không nhắc đến tên thôn ấy.")

    def standing() -> list[object]:
        with place.db.reading() as session:
            return [
                (version.status, version.spoken, version.lexicon, bulletins.current_sha256s(session, version.id))
                for version in (bulletins.get(session, one) for one in (approved, submitted))
            ]

    before = standing()
    told = place.impact(place.province, Change("Đồng Bùi", "đồng bụi"))
    assert told == dict.fromkeys(
        [approved, submitted],
        (
            Stretch("thôn đồng bùi họp ngày", "thôn đồng bụi họp ngày"),
            Stretch("qua đồng bùi tạm cấm.", "qua đồng bụi tạm cấm."),
        ),
    )
    place.put(place.province, "Đồng Bùi", "đồng bụi")
    assert standing() == before
    with place.db.reading() as session:
        assert bulletins.approved_renditions(session, approved)
    # The other way, several at once, and what leaves everything as it is.
    assert set(place.impact(place.province, Change("Đồng Bùi", None))) == {approved, submitted}
    both = place.impact(place.province, Change("Đồng Bùi", None), Change("QL37", None))
    assert [len(stretches) for stretches in both.values()] == [2, 2]
    assert place.impact(place.province, Change("Đồng Bùi", "đồng bụi")) == {}
    assert place.impact(place.far, Change("Đồng Bùi", "đồng bùi")) == {}


def test_a_nearer_reading_shields_what_is_below_it(place: Place) -> None:
    shielded = place.in_state("approved", unit=place.near)
    open_ = place.in_state("approved", unit=place.far)
    place.put(place.near, "Đồng Bùi", "đồng bùi")
    assert set(place.impact(place.province, Change("Đồng Bùi", "đồng bụi"))) == {open_}
    assert set(place.impact(place.near, Change("Đồng Bùi", "đồng bụi"))) == {shielded}


def test_a_change_that_cant_be_made_has_no_impact_but_an_error(place: Place) -> None:
    with pytest.raises(SpokenNotPlain):
        place.impact(place.province, Change("QL37", "QL 37"))
    with pytest.raises(EntryMissing):
        place.impact(place.province, Change("QL37", None))
    with pytest.raises(NotFound):
        place.impact("01J0000000000000000000NONE", Change("QL37", "một"))
