"""The reading: cases of our own, and what holds for every text."""

from __future__ import annotations

import csv
import re
import socket
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.reading import abbreviations, letters, numerals, read

CASES = Path(__file__).with_name("reading_cases.tsv")
SPOKEN = re.compile(f"[{letters.LOWER},.?! \n]*")

DISPATCH = """
UBND TỈNH A
SỞ VĂN HÓA, THỂ THAO VÀ DU LỊCH

Số:     /SVHTTDL-QLBC
V/v tuyên truyền cao điểm “Ngày toàn dân phòng, chống mua bán người - 30/7”

Kính gửi:
- UBND các xã, phường;
- Trung tâm VH TT & TT khu vực.

Thực hiện Kế hoạch số 88/KH-UBND ngày 20/6/2025 của UBND tỉnh, Sở đề nghị các địa
phương phát ít nhất 02 bản tin/ngày (5h00–5h30 và 17h00) từ ngày 15/7 đến hết 15/8/2025:

1. Nội dung: thủ đoạn “việc nhẹ, lương cao” 20-30 triệu đồng/tháng; Điều 150, 151 BLHS;
2. Đường dây nóng: 111, 113; điện thoại (0222) 3.822.113, e-mail: duongday@bacninh.gov.vn.

Đề nghị các đơn vị triển khai thực hiện./.

KT. GIÁM ĐỐC
PHÓ GIÁM ĐỐC
"""


def cases() -> list[tuple[str, str, str]]:
    with CASES.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return [(category, written, spoken) for category, written, spoken in rows]


@pytest.mark.parametrize(("category", "written", "spoken"), cases())
def test_a_case_is_read_as_an_announcer_reads_it(category: str, written: str, spoken: str) -> None:
    assert read(written).spoken == spoken
    assert read(unicodedata.normalize("NFD", written)).spoken == spoken
    assert read(spoken).spoken == spoken


def test_the_cases_are_many_and_each_its_own() -> None:
    written = [case[1] for case in cases()]
    assert len(written) == len(set(written)) >= 80


def test_a_whole_dispatch_is_read_without_a_digit_or_a_sign() -> None:
    reading = read(DISPATCH)
    assert SPOKEN.fullmatch(reading.spoken)
    assert "các địa phương phát ít nhất hai bản tin một ngày" in reading.spoken  # the broken line is joined
    assert "văn hóa, thông tin và thể thao khu vực." in reading.spoken
    assert "một một một, một một ba" in reading.spoken
    assert reading.spoken.endswith("ký thay giám đốc.\nphó giám đốc")
    assert [doubt.kind for doubt in reading.warnings] == ["blank"]
    assert reading.warnings[0].line == 5


def test_what_is_not_sure_is_a_warning_with_its_place() -> None:
    text = "Bà con chú ý.\nNhóm XZQK dùng mạng Blablax để lừa."
    reading = read(text)
    assert [(doubt.kind, doubt.written, doubt.line) for doubt in reading.warnings] == [
        ("abbreviation", "XZQK", 2),
        ("foreign", "Blablax", 2),
    ]
    for doubt in reading.warnings:
        assert text[doubt.offset :].startswith(doubt.written)
        assert doubt.text("vi").startswith("dòng 2: “")
        assert doubt.text("en").startswith("line 2: “")
    assert reading.spoken == "bà con chú ý.\nnhóm ích dét quy ca dùng mạng blablax để lừa."


@pytest.mark.parametrize("number", ["111", "112", "113", "114", "115", "1022"])
def test_a_number_that_may_be_a_call_or_a_count_is_a_doubt(number: str) -> None:
    spoken = numerals.cardinal(int(number))
    reading = read(f"Bà con chú ý.\nCó {number}.")
    assert reading.spoken == f"bà con chú ý.\ncó {spoken}."
    assert [doubt.text("vi") for doubt in reading.warnings] == [
        f"dòng 2: “{number}” – có thể là số điện thoại để gọi hoặc là số lượng, tạm đọc là “{spoken}”"
    ]
    for telling in (
        f"Gọi ngay {number}.",
        f"{number} hộ dân",
        f"Điều {number}",
        f"nhà số {number}",
        f"khoảng {number}",
    ):
        assert read(telling).warnings == (), telling


def test_a_doubled_word_is_told_and_not_changed() -> None:
    text = "Nội dung:\ntruyền truyền của của các xã; ngày ngày luôn luôn; 5 năm, năm 2020; các hộ các hộ."
    doubts = read(text).warnings
    assert [(doubt.kind, doubt.written, doubt.line) for doubt in doubts] == [
        ("doubled", "truyền truyền", 2),
        ("doubled", "của của", 2),
        ("doubled", "các hộ các hộ", 2),
    ]
    assert doubts[0].suggestions == ("truyền", "truyền truyền")
    assert "truyền truyền của của" in read(text).spoken


def test_a_day_or_an_hour_that_does_not_exist_is_told_and_read_as_it_stands() -> None:
    for written in ("30/02/2026", "31.4.2026", "29/2/2026", "31/4", "31/6/26", "25h70"):
        doubts = read(f"Họp lúc {written}.").warnings
        assert [(doubt.kind, doubt.written) for doubt in doubts] == [("impossible", written)], written
    assert read("Họp lúc 25h70.").spoken == "họp lúc hai mươi lăm giờ bảy mươi phút."
    for written in ("29/2", "29/2/2024", "30/4", "24h00"):
        assert read(f"Họp ngày {written}.").warnings == (), written


def test_a_year_of_two_digits_is_sure_behind_a_word_of_dates_only() -> None:
    assert read("Họp ngày 15/8/26.").warnings == ()
    (doubt,) = read("Mã 15/8/26.").warnings
    assert (doubt.kind, doubt.written) == ("date", "15/8/26")
    assert doubt.suggestions[1] == "mười lăm, tám, hai mươi sáu"


def test_what_is_not_sure_comes_with_readings_to_choose_from() -> None:
    offered = {
        doubt.written: doubt.suggestions for doubt in read("Đạt 5/7. Có 111. BCĐPCMT họp. Ngày 2-5. TT họp.").warnings
    }
    assert offered["5/7"] == ("năm phần bảy", "mùng năm tháng bảy")
    assert offered["111"] == ("một trăm mười một", "một một một")
    assert offered["BCĐPCMT"][0] == "ban chỉ đạo phòng chống ma túy"
    assert offered["Ngày 2-5"] == ("ngày mùng hai tháng năm", "ngày mùng hai đến mùng năm")
    assert "thị trấn" in offered["TT"]


def test_a_doubt_reads_as_a_line_of_its_own() -> None:
    (doubt,) = read("XYZW").warnings
    assert doubt.text("vi") == "dòng 1: “XYZW” – chữ viết tắt chưa biết, tạm đọc là “ích y dét vê kép”"
    assert doubt.text("en") == "line 1: “XYZW” – an unknown abbreviation, read “ích y dét vê kép” for now"


def test_foreign_words_are_left_for_the_voice_to_try_and_are_doubts() -> None:
    reading = read("Chương trình Brightwell Quarex của Lumivast")
    assert "<" not in reading.spoken
    assert SPOKEN.fullmatch(reading.spoken)
    assert {doubt.kind for doubt in reading.warnings} == {"foreign"}


def test_spans_tell_what_was_read_as_what_and_where() -> None:
    text = "Gọi 111 trước ngày 30/7."
    spans = read(text).spans
    assert [(span.written, span.kind, span.offset) for span in spans] == [("111", "phone", 4), ("30/7", "date", 19)]
    assert spans[0].spoken == "một một một"


class Villages:
    """A lexicon of two names, the second inside the first."""

    def claims(self, text: str) -> list[tuple[int, int, str]]:
        table = [("Bản Khuôn 111", "bản Khuôn mới"), ("111", "số MỘT"), ("Đài", "—")]
        return [(at, at + len(name), said) for name, said in table if (at := text.find(name)) >= 0] + [(-1, 900, "ai")]


def test_a_lexicon_comes_before_every_rule_and_is_certain() -> None:
    reading = read("Gọi Đài Bản Khuôn 111 ngày 30/7.", Villages())
    assert reading.spoken == "gọi đài bản khuôn mới ngày ba mươi tháng bảy."
    assert [(span.kind, span.certainty) for span in reading.spans] == [("lexicon", 1.0), ("date", 0.9)]
    assert read("Có 111.", Villages()).warnings == ()


def test_a_doubt_says_how_unsure_it_is() -> None:
    reading = read("Có 111. Nhóm XZQK.")
    assert [(span.written, span.certainty) for span in reading.spans] == [("111", 0.5), ("XZQK", 0.3)]


def test_offsets_count_in_the_text_as_it_was_given() -> None:
    """In decomposed text, where a letter and its marks are several characters, as in composed."""
    text = unicodedata.normalize("NFD", "Tết Nguyên đán\u00a0— gọi 111")
    span = next(span for span in read(text).spans if span.kind == "phone")
    assert text[span.offset :] == "111"


def test_reading_asks_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise AssertionError("the reading opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    assert read("Blablax XZQK").spoken


def test_the_longest_bulletin_is_read_at_once() -> None:
    text = (DISPATCH * 10)[:8000]
    began = time.process_time()
    read(text)
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    "piece", ["1, ", "1/1 ", "a.", "A-", "0123 ", "111, ", "v.", "I, ", "[", "<a", "(", "…", "1 000 "]
)
def test_no_text_makes_the_rules_crawl(piece: str) -> None:
    began = time.process_time()
    read(piece * (8000 // len(piece)))
    assert time.process_time() - began < 3.0


def test_the_tables_hold_spoken_form_only() -> None:
    for table in (abbreviations.SIMPLE, abbreviations.FOREIGN):
        for written, spoken in table.items():
            assert spoken, written
            assert SPOKEN.fullmatch(spoken), written
            for word in re.findall(r"\w+", spoken):
                assert letters.is_plain(word), (written, word)
                assert abbreviations.FOREIGN.get(word, word) == word, (written, word)


@given(st.integers(0, 10**18 - 1))
def test_a_number_in_words_is_the_number(value: int) -> None:
    """Read back by a reader of its own."""
    ones = dict(zip(numerals.DIGITS, range(10), strict=True)) | {"mốt": 1, "tư": 4, "lăm": 5, "linh": 0}
    scales = {"nghìn": 10**3, "triệu": 10**6, "tỷ": 10**9}
    total = part = group = 0
    for word in numerals.cardinal(value).split():
        if word == "trăm":
            group = (group % 10) * 100
        elif word == "mươi":
            group = group // 100 * 100 + (group % 100) * 10
        elif word == "mười":
            group += 10
        elif word == "tỷ":
            total += (part + group) * scales["tỷ"]
            part = group = 0
        elif word in scales:
            # A scale on a scale: nghìn tỷ, triệu tỷ.
            part += group * scales[word]
            group = 0
        else:
            group += ones[word]
    assert total + part + group == value


@pytest.mark.parametrize(
    ("word", "valid"),
    [
        ("nghiêng", True), ("quyết", True), ("giếng", True), ("gì", True), ("uống", True), ("khuya", True),
        ("ngoằn", True), ("yêu", True), ("xoong", True), ("cat", False), ("windows", False), ("ce", False),
        ("ngheo", True), ("ghanh", False), ("bộcộ", False), ("ubnd", False), ("", False),
    ],
)  # fmt: skip
def test_syllables_are_told_from_other_words(word: str, *, valid: bool) -> None:
    assert letters.is_syllable(word) is valid


@pytest.mark.parametrize(
    ("text", "said", "sure"),
    [
        ("ngày 5/7", "ngày mùng năm tháng bảy", True),
        ("Ngày Pháp luật Việt Nam 9/11", "ngày pháp luật việt nam mùng chín tháng mười một", True),
        ("Lịch họp: 5/7", "lịch họp, mùng năm tháng bảy", False),
        ("từ 5/7 hộ", "từ mùng năm tháng bảy hộ", False),
        ("12/3", "mười hai tháng ba", False),
        ("có 5/7 thôn", "có năm trên bảy thôn", True),
        ("giảm 1/2", "giảm một phần hai", True),
        ("ngõ 12/3 Lê Lợi", "ngõ mười hai trên ba lê lợi", True),
        ("mùa giải 2024/25", "mùa giải hai nghìn không trăm hai mươi tư, hai nghìn không trăm hai mươi lăm", True),
    ],
)
def test_two_numbers_with_a_stroke_are_a_day_a_share_or_a_doubt(text: str, said: str, sure: bool) -> None:  # noqa: FBT001
    reading = read(text)
    assert reading.spoken == said
    assert (not reading.warnings) is sure
    for doubt in reading.warnings:
        assert len(doubt.suggestions) == 2


def test_capitals_that_are_a_syllable_too_are_no_silent_guess() -> None:
    (doubt,) = read("Đơn vị GIN tham gia").warnings
    assert (doubt.kind, doubt.written) == ("abbreviation", "GIN")
    assert read("TRUNG TÂM Y TẾ TO GIN HAI").warnings == ()  # a heading in capitals


def test_two_pairs_that_meet_at_one_word_are_no_misprint() -> None:
    assert read("Truyền thông thông qua hội nghị; Ủy ban ban hành kế hoạch.").warnings == ()
    assert [doubt.written for doubt in read("Xã thông thông qua nghị quyết.").warnings] == ["thông thông"]


def test_an_issuer_that_nobody_knows_is_told_and_not_left_out_in_silence() -> None:
    (doubt,) = read("Công văn số 12/XYZ-ABC về phòng cháy").warnings
    assert (doubt.kind, doubt.written) == ("abbreviation", "số 12/XYZ-ABC")
    assert doubt.suggestions == ("số mười hai", "số mười hai của ích y dét a bê xê")
    assert read("Công văn số 12/XYZ-ABC của Cục Văn thư").warnings == ()
    assert read("Công văn số 45/UBND-XYZ").warnings == ()  # who issued it is known, who drafted it isn't said


@pytest.mark.parametrize("text", ["Chào mừng 03/02", "Lễ hội 11/6 ÂL", "giỗ tổ 10/3 âm lịch", "tỷ lệ 3/7"])
def test_what_can_only_be_a_day_or_only_a_ratio_is_no_doubt(text: str) -> None:
    assert read(text).warnings == ()


def test_signs_of_money_and_mathematics_are_said_or_told() -> None:
    assert read("Giá 100.000₫, £5; a ≠ b; CO₂").spoken == ("giá một trăm nghìn đồng, năm bảng anh, a khác bê, xê o hai")
    (doubt,) = read("tổng ∑ điểm").warnings
    assert (doubt.kind, doubt.written) == ("dropped", "∑")
    assert read("Nghỉ → về ⇒ báo").warnings == ()  # an arrow is a pause


def test_a_label_is_read_in_parts_and_is_a_guess() -> None:
    reading = read("Thẻ #VuiXuan2026 nhé")
    assert reading.spoken == "thẻ vui xuan hai nghìn không trăm hai mươi sáu nhé"
    assert [doubt.written for doubt in reading.warnings] == ["#VuiXuan2026"]


def test_day_by_day_is_a_word_and_before_a_date_a_misprint() -> None:
    assert read("Loa phát ngày ngày.").warnings == ()
    assert [doubt.written for doubt in read("Họp ngày ngày 3/3.").warnings] == ["ngày ngày"]
