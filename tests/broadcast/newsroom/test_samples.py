"""The texts that ship: right, current, in the time, and ready to air."""

from __future__ import annotations

import json
import re
import tomllib
import unicodedata
from collections.abc import Callable
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path

import pytest

from audio.store import ObjectStore
from audio.studio import Speech, Studio
from audio.voices import chain
from broadcast import bulletins, samples
from broadcast.bulletins import BlankLeft
from broadcast.encodings import _is_syllable
from broadcast.samples import SampleBulletin
from core.clock import ManualClock
from core.database import Database
from tests.broadcast.newsroom.support import WRITER, QuickSpeaker

ALL = (*samples.bulletins(), samples.spot())
FINISHED = [sample for sample in samples.bulletins() if not sample.blanks]
WITH_BLANKS = [sample for sample in samples.bulletins() if sample.blanks]
FILLED_IN = "bác tổ trưởng thôn mình"  # about as long as what people put into a blank

# The 29 provinces that were merged into others on 1 July 2025 and whose names are gone.
_GONE_NAMES = (
    "Hà Giang, Yên Bái, Bắc Kạn, Vĩnh Phúc, Hòa Bình, Bắc Giang, Thái Bình, Hải Dương, Hà Nam, Nam Định, Quảng Bình, "
    "Quảng Nam, Kon Tum, Bình Định, Ninh Thuận, Phú Yên, Đắk Nông, Bình Thuận, Bình Phước, Bình Dương, Bà Rịa, "
    "Long An, Tiền Giang, Bến Tre, Trà Vinh, Hậu Giang, Sóc Trăng, Bạc Liêu, Kiên Giang"
)
GONE = tuple(_GONE_NAMES.split(", "))
TOPICS = (
    "việc nhẹ lương cao", "kết bạn trên mạng", "khu lừa đảo", "môi giới hôn nhân", "con nuôi", "bạn trẻ tìm việc",
    "phụ nữ và trẻ em", "dân tộc thiểu số", "nghi ngờ", "quyền của nạn nhân", "pháp luật", "vụ án", "người tốt",
    "mô hình hay",
)  # fmt: skip


@pytest.fixture(scope="module")
def aloud(tmp_path_factory: pytest.TempPathFactory) -> Callable[[SampleBulletin], Speech]:
    """The real studio with the offline voice; a sample with its blanks filled in is spoken once."""
    studio = Studio(ObjectStore(tmp_path_factory.mktemp("objects")), chain(["espeak"], outside_allowed=False))

    @cache
    def speak(sample: SampleBulletin) -> Speech:
        return studio.speak(re.sub(r"\[điền:[^\]]*\]", FILLED_IN, sample.text))

    return speak


def named(sample: SampleBulletin) -> str:
    return sample.key


def test_every_topic_has_its_bulletin() -> None:
    topics = [sample.topic for sample in samples.bulletins()]
    for topic in TOPICS:
        assert sum(topic in known for known in topics) == 1, topic
    assert len(FINISHED) >= 11
    assert len(WITH_BLANKS) == 2
    assert len({sample.title for sample in ALL}) == len(ALL)


@pytest.mark.parametrize("sample", samples.bulletins(), ids=named)
def test_a_bulletin_takes_30_to_60_seconds(sample: SampleBulletin, aloud: Callable[[SampleBulletin], Speech]) -> None:
    speech = aloud(sample)
    assert 30_000 <= speech.sounds["full"].duration_ms <= 60_000
    assert speech.warnings == []


def test_the_spot_takes_15_seconds_at_most(aloud: Callable[[SampleBulletin], Speech]) -> None:
    assert aloud(samples.spot()).sounds["full"].duration_ms <= 15_000


@pytest.mark.parametrize("sample", ALL, ids=named)
def test_the_numbers_to_call_are_spoken_as_figures(
    sample: SampleBulletin, aloud: Callable[[SampleBulletin], Speech]
) -> None:
    spoken = aloud(sample).spoken
    assert spoken.count("một một một") >= sample.text.count("111")
    assert spoken.count("một một ba") == sample.text.count("113")


@pytest.mark.parametrize("sample", ALL, ids=named)
def test_only_numbers_that_answer_are_given(sample: SampleBulletin) -> None:
    numbers = re.findall(r"(?:gọi|số|hoặc|tổng đài|đường dây nóng) (\d[\d. ]*\d)", sample.text.lower())
    assert set(numbers) <= {"111", "113"}
    assert "111" in sample.text or "[điền" in sample.text


@pytest.mark.parametrize("sample", ALL, ids=named)
def test_sources_and_review_stand_beside_it(sample: SampleBulletin) -> None:
    assert sample.sources
    assert all(len(source) > 20 for source in sample.sources)
    assert date(2027, 8, 2) <= sample.review_by <= date(2027, 12, 31)  # good for the campaign of 30 July 2027
    # A year in the text has a source that names it too.
    for year in re.findall(r"\b20[0-9]{2}\b", sample.text):
        assert year in sample.source_note or year == "2030"


@pytest.mark.parametrize("sample", ALL, ids=named)
def test_nothing_in_it_is_gone(sample: SampleBulletin) -> None:
    for text in (sample.title, sample.text):
        assert not [name for name in GONE if name in text]
        assert not re.search(r"\b(?:huyện|quận|thị xã|thị trấn|Sở Thông tin và Truyền thông)\b", text, re.IGNORECASE)
        assert not re.search(r"2021\s*-\s*2025|66/2011|Lao động - Thương binh", text)


@pytest.mark.parametrize("sample", ALL, ids=named)
def test_it_is_plain_spoken_vietnamese(sample: SampleBulletin) -> None:
    text = sample.title + "\n" + sample.text
    assert text == unicodedata.normalize("NFC", text)
    without_blanks = re.sub(r"\[điền:[^\]]*\]", "", text)
    words = [word for word in re.findall(r"[^\W\d_]+", without_blanks) if not re.fullmatch("[IVX]+", word)]
    assert [word for word in words if not _is_syllable(word)] == []
    sentences = [s for s in re.split(r"[.?!]\s*", without_blanks.partition("\n")[2]) if s.strip()]
    assert max(len(sentence.split()) for sentence in sentences) <= 45
    assert sum(len(sentence.split()) for sentence in sentences) / len(sentences) <= 16
    for stiff in ("nâng cao nhận thức", "đẩy mạnh", "trên địa bàn", "quán triệt", "triển khai", "nhẹ dạ", "cả tin"):
        assert stiff not in text.lower()


@pytest.mark.parametrize("sample", ALL, ids=named)
def test_it_can_be_written_spoken_and_submitted_but_for_its_blanks(
    sqlite_db: Database, speaker: QuickSpeaker, clock: ManualClock, sample: SampleBulletin
) -> None:
    with sqlite_db.writing() as session:
        version = bulletins.create(
            session,
            title=sample.title,
            text=sample.text,
            class_=sample.class_,
            language=sample.language,
            review_by=sample.review_by,
            source_note=sample.source_note,
            actor=WRITER,
            clock=clock,
        )
    bulletins.render(sqlite_db, version.id, studio=speaker, actor=WRITER, clock=clock)
    if sample.blanks:
        with pytest.raises(BlankLeft), sqlite_db.writing() as session:
            bulletins.submit(session, version.id, actor=WRITER, clock=clock)
    else:
        with sqlite_db.writing() as session:
            bulletins.submit(session, version.id, actor=WRITER, clock=clock)


def test_the_law_is_told_right() -> None:
    texts = {sample.key: sample.text for sample in samples.bulletins()}
    assert "từ 12 đến 20 năm" in texts["05-cho-nhan-con-nuoi"]  # Criminal Code, article 151, clause 2
    assert "1/7/2025" in texts["11-luat-va-chuong-trinh"]  # when law 53/2024/QH15 came into force
    assert "2026-2030" in texts["11-luat-va-chuong-trinh"]  # decision 33/QĐ-TTg
    assert "sơ thẩm" in texts["12-chuyen-mot-vu-an"]  # a first instance can be appealed


def test_the_places_exist() -> None:
    province = samples.province()
    assert len(province.communes) >= 3
    assert len({commune.code for commune in province.communes}) == len(province.communes)
    found = pytest.importorskip("vietnam_provinces")
    nested = Path(str(found.NESTED_DIVISIONS_JSON_PATH))
    listed = next(p for p in json.loads(nested.read_text(encoding="utf-8")) if str(p["code"]) == province.code)
    assert province.name in {listed["name"], f"Tỉnh {listed['name']}"}
    real = {(ward["name"], f"{ward['code']:05}") for ward in listed["wards"]}
    for commune in province.communes:
        assert (commune.name, commune.code) in real


def test_the_sample_dispatch_says_what_it_is() -> None:
    text = samples.dispatch_text()
    assert "VĂN BẢN MẪU" in text.splitlines()[0]
    assert not re.search(r"\b(?:huyện|quận|thị xã)\b", text)


def test_every_shipped_file_is_loaded() -> None:
    folder = resources.files(samples) / "bulletins"
    names = {f.name for f in folder.iterdir() if f.name.endswith(".toml")}
    assert names == {f"{sample.key}.toml" for sample in samples.bulletins()}
    for name in names:
        assert set(tomllib.loads((folder / name).read_text(encoding="utf-8"))) == {
            "title", "topic", "class", "language", "review_by", "sources", "text",
        }  # fmt: skip
