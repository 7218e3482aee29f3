"""Bulletins drafted from a dispatch: its own words, marked, and short enough."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.store import ObjectStore
from audio.studio import Studio
from audio.voices import chain
from broadcast import samples
from broadcast.dispatches import ParsedDispatch, parse
from broadcast.drafting import (
    LONG_MAX,
    SYLLABLES_MIN,
    TITLE_MARK,
    DraftBulletin,
    NothingToDraft,
    draft,
    estimated_seconds,
    samples_fit,
)
from tests.broadcast.newsroom.cases import CASES, Case


def spoken_words(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFC", text).casefold())


def own_words_only(drafts: list[DraftBulletin], text: str) -> None:
    known = set(spoken_words(text))
    for one in drafts:
        assert set(spoken_words(one.text)) <= known, one.text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_drafts_have_the_dispatchs_own_words_and_say_so(case: Case) -> None:
    drafts = draft(parse(case.text))
    own_words_only(drafts, case.text)
    assert all(one.drafted_from_dispatch and one.title.startswith(TITLE_MARK) for one in drafts)
    assert [one.spot for one in drafts].count(True) == 1
    longer = [one for one in drafts if not one.spot]
    assert (2 if case.subject else 1) <= len(longer) <= LONG_MAX
    assert len({one.text for one in drafts}) == len(drafts)
    assert all(len(spoken_words(one.text)) >= SYLLABLES_MIN for one in drafts)
    assert all(one.text.endswith((".", "!", "?")) and len(one.title) <= 300 for one in drafts)
    assert all(estimated_seconds(one.text) <= 15 for one in drafts if one.spot)


def test_a_spot_takes_15_seconds_at_most_with_the_offline_voice(tmp_path: Path) -> None:
    studio = Studio(ObjectStore(tmp_path), chain(["espeak"], outside_allowed=False))
    for case in CASES:
        spot = next(one for one in draft(parse(case.text)) if one.spot)
        assert studio.speak(spot.text).sounds["full"].duration_ms <= 15_000, spot.text


def test_offices_come_last_and_cited_documents_are_left_out() -> None:
    drafts = draft(
        parse(
            "V/v phòng rét cho trâu bò\n\nKính gửi: Các xã\n\n"
            "1. Báo cáo\n- Gửi báo cáo kết quả về Sở.\n"
            "2. Nội dung\n- Che kín chuồng. Thực hiện Công văn số 12/SNN-CN ngày 1/12/2026.\n- Cho trâu bò ăn đủ no.\n"
        )
    )
    said = " ".join(one.text for one in drafts)
    assert "Che kín chuồng." in said
    assert "Cho trâu bò ăn đủ no." in said
    assert "SNN" not in said
    assert "báo cáo" not in said.lower()


def test_a_clause_with_a_blank_is_left_out() -> None:
    drafts = draft(parse("V/v họp dân\n\n1. Họp lúc ...... giờ.\n2. Mang theo giấy mời.\n3. Đi họp đúng giờ.\n"))
    assert drafts
    assert not any("..." in one.text for one in drafts)


ENGLISH = """TO: All communes
SUBJECT: Safety on the road in the rainy season

1. No person may go into the flood. Do not let a child go near a river.
2. Call an ambulance at once. No.
3. The can of oil is hot: do not pin it on the line.
"""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...\n---\n",
        ENGLISH,
        "No",
        "Le préfet demande à la population de rester à la maison et de ne pas sortir de la ville.\n",
        "各单位请注意：做好防洪准备工作。\n",
        "Уважаемые жители, будьте осторожны на дороге.\n",
        "Thong bao ve viec phong chong dich benh cho gia suc, gia cam tren dia ban xa.\n",
    ],
)
def test_what_is_not_vietnamese_gives_a_clear_error(text: str) -> None:
    with pytest.raises(NothingToDraft) as caught:
        draft(parse(text))
    assert caught.value.text("vi").startswith("Văn bản không có nội dung tiếng Việt để soạn bản tin. Hãy dùng văn bản")
    assert caught.value.text("en").startswith("The dispatch has nothing in Vietnamese to draft")
    assert caught.value.status == 422


def test_too_little_is_named_as_such() -> None:
    with pytest.raises(NothingToDraft) as caught:
        draft(parse("Họp dân.\n"))
    assert "quá ít" in caught.value.text("vi")


def test_foreign_paragraphs_are_left_out_of_a_vietnamese_dispatch() -> None:
    drafts = draft(
        parse(
            "V/v phòng rét cho trâu bò\n\n1. Che kín chuồng trước khi gió mùa về.\n"
            "2. Please keep all of the animals inside the barn.\n3. Cho trâu bò ăn đủ no, uống nước ấm.\n"
        )
    )
    said = " ".join(one.text for one in drafts)
    assert "Che kín chuồng trước khi gió mùa về." in said
    assert "Cho trâu bò ăn đủ no, uống nước ấm." in said
    assert "animals" not in said


def test_a_line_by_itself_is_the_subject_of_one_bulletin() -> None:
    line = "Phòng chống đuối nước cho trẻ em trong mùa hè năm 2027"
    parsed = parse(line)
    assert parsed.subject is None
    assert "subject" in parsed.missing
    (only,) = draft(parsed)
    assert (only.text, only.spot) == (f"{line}.", True)
    assert only.title.endswith(f": {line}")


def test_short_points_go_together_rather_than_alone() -> None:
    drafts = draft(parse("1. Đóng cửa.\n2. Tắt bếp.\n3. Rút điện.\n4. Khóa van ga.\n"))
    assert all(len(spoken_words(one.text)) >= SYLLABLES_MIN for one in drafts)
    assert "Đóng cửa. Tắt bếp." in " ".join(one.text for one in drafts)


def test_the_shipped_bulletins_fit_by_the_subject() -> None:
    assert samples_fit(parse(samples.dispatch_text()))
    for subject in (
        "tuyên truyền phòng, chống mua bán người",
        "phòng ngừa tội phạm mua, bán người và bảo vệ nạn nhân",
        "PHÒNG, CHỐNG MUA BÁN NGƯỜI NĂM 2027",
        "cảnh giác thủ đoạn lừa bán phụ nữ",
    ):
        assert samples_fit(ParsedDispatch(subject=subject)), subject
    for other in ("mua bán hàng hóa dịp Tết", "người dân mua bán gia cầm", "phòng, chống ma túy", None):
        assert not samples_fit(ParsedDispatch(subject=other)), other
    assert not any(samples_fit(parse(case.text)) for case in CASES)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([line for case in CASES for line in case.text.splitlines()]), max_size=40))
def test_any_mixture_gives_its_own_words_only(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        drafts = draft(parse(text))
    except NothingToDraft:
        return
    own_words_only(drafts, text)
    assert sum(one.spot for one in drafts) == 1
    assert len({one.text for one in drafts}) == len(drafts)
    assert all(len(spoken_words(one.text)) >= SYLLABLES_MIN for one in drafts)
