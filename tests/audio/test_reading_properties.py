"""What holds of the reading whatever it is given."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from audio.reading import Reading, letters, read

SPOKEN = re.compile(f"[{letters.LOWER},.?! \n]*")

FRAGMENTS = st.sampled_from(
    [
        "ngày ", "30/7", "28, 29 và ", "193/QĐ-TTg", "UBND", "TT&TT", "VH", "đ", "đồng", "%", "km", "/", "-", " - ",
        ".", ", ", "(", ")", "\n", "\n- ", "1. ", "a) ", "I. ", "gọi 111", "0204.3854.411", "1.234", "12,5", "h",
        "TP.", "v.v.", "...", "**", "http://a.vn", "x@y.vn", "QH15", "tháng ", "quý III", "5h30", "19:45", "&",
        "thứ 4", "  ", "Bà con", "KẾ HOẠCH", "ABC", "Facebook", "Nguyễn Văn A.", "°C", "m2", "²", "½", "«", "🔥",
        "中", "+84", "24/24", "TW", "T.Ư", "<b>", "e.g", "K", "'", "_", "@", "số ", "....", "①", "١٢", "ｆ１", "\u0301",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(FRAGMENTS, max_size=14).map("".join),
    st.lists(st.one_of(FRAGMENTS, st.text(max_size=4), st.integers(0, 10**7).map(str)), max_size=12).map("".join),
)


def check(reading: Reading, written: str) -> None:
    assert SPOKEN.fullmatch(reading.spoken)
    assert reading.spoken == reading.spoken.strip()
    for span in reading.spans:
        assert written[span.offset : span.offset + len(span.written)] == span.written
    for doubt in reading.warnings:
        assert 1 <= doubt.line <= written.count("\n") + 1
        assert doubt.text("vi")


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_for_every_text_the_spoken_form_is_words_and_marks_and_stays_as_it_is(text: str) -> None:
    reading = read(text)
    check(reading, text)
    assert read(reading.spoken).spoken == reading.spoken


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_composed_and_decomposed_letters_are_the_same_to_it(text: str) -> None:
    assert read(unicodedata.normalize("NFD", text)).spoken == read(unicodedata.normalize("NFC", text)).spoken


# Words that carry the meaning of a bulletin; none of them is a unit, an abbreviation or a name of a sign.
WORDS = st.sampled_from(
    """
    không chưa đừng cấm phải nạn nhân gọi báo công an mua bán người trẻ em phụ nữ lừa đảo cảnh giác khẩn cấp sơ tán bão
    lũ tiêm phòng miễn phí nộp thuế họp dân sáng chiều trước sau ngày tháng năm số điều khoản điểm từ đến và hoặc trên
    dưới hơn khoảng bắt giữ được bị thứ lần đồng triệu nghìn tỷ phần trăm xã thôn huyện quyết định thông báo hạn chót
    """.split()  # noqa: SIM905 - a list of words reads better so
)
BETWEEN = st.one_of(
    st.sampled_from(
        [" ", " ", " ", ", ", ". ", " - ", " (", ") ", ": ", "; ", "\n", "\n- ", " “", "” ", " **", "** ", "… "]
    ),
    st.sampled_from(
        ["30/7", "111", "12,5%", "5h30", "193/QĐ-TTg", "UBND", "TT&TT", "1.234", "a@b.vn", "XZQ", "5/7"]
    ).map(lambda piece: f" {piece} "),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(WORDS, BETWEEN), max_size=16))
def test_no_word_that_carries_meaning_is_lost(pieces: list[tuple[str, str]]) -> None:
    said = iter(re.findall(r"\w+", read("".join(word + between for word, between in pieces)).spoken))
    for word, _ in pieces:
        assert word in said, (word, pieces)  # each behind the one before it


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_a_span_is_as_sure_as_its_doubt_allows(text: str) -> None:
    reading = read(text)
    unsure = {span.offset for span in reading.spans if span.certainty <= 0.5}
    assert unsure == {doubt.offset for doubt in reading.warnings if doubt.kind != "doubled"}
    assert all(0 <= span.certainty <= 1 for span in reading.spans)
    for doubt in reading.warnings:
        assert doubt.kind in {"dropped", "blank"} or doubt.spoken in doubt.suggestions


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_any_normal_form_gives_words_and_marks(text: str, form: str) -> None:
    written = unicodedata.normalize(form, text)  # type: ignore[arg-type]
    check(read(written), written)


TONED = st.sampled_from(
    ["hòa bình", "hóa đơn", "khỏe mạnh", "ủy ban", "thủy lợi", "khóa", "hỏa hoạn", "tùy", "XÓA", "Hòa"]
)


def late(text: str) -> str:
    """The tone on the second vowel, as some write: hoà, khoẻ, uỷ."""
    moved = re.sub(
        r"([oOuU])([\u0300\u0301\u0303\u0309\u0323])([aAeEyY])(?!\w)", r"\1\3\2", unicodedata.normalize("NFD", text)
    )
    return unicodedata.normalize("NFC", moved)


@given(st.lists(st.one_of(TONED, FRAGMENTS), max_size=8))
def test_both_ways_to_place_a_tone_read_alike(pieces: list[str]) -> None:
    text = " ".join(pieces)
    assert read(late(text)).spoken == read(text).spoken
