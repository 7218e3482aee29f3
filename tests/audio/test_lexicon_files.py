"""Entries taken in from a file: whole, or every faulty row named."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.lexicon import RowsUnusable, parse


@pytest.mark.parametrize(
    "text",
    [
        "QL37\tquốc lộ ba bảy\tđã hỏi xã\nĐồng Bùi\tđồng bùi\n",
        "\ufeff# từ điển\nViết\tĐọc\tGhi chú\n\nQL37\tquốc lộ ba bảy\tđã hỏi xã\r\nĐồng  Bùi\tđồng bùi\t",
        "written,spoken,note\nQL37,quốc lộ ba bảy,đã hỏi xã\nĐồng Bùi,đồng bùi\n",
        'QL37;"quốc lộ ba bảy";đã hỏi xã\nĐồng Bùi;đồng bùi;\n',
    ],
)
def test_a_file_of_tabs_commas_or_semicolons(text: str) -> None:
    found = [(row.written, row.spoken, row.note) for row in parse(text)]
    assert found == [("QL37", "quốc lộ ba bảy", "đã hỏi xã"), ("Đồng Bùi", "đồng bùi", None)]


@pytest.mark.parametrize(
    ("text", "vi", "en"),
    [
        ("An\tan\nQL37\tquốc lộ 37\n", "dòng 2: Cách đọc “quốc lộ 37”", "row 2: The reading “quốc lộ 37”"),
        ("An\n", "dòng 1: có 1 ô", "row 1: 1 cells"),
        ("An\tan\tb\tc\n", "dòng 1: có 4 ô", "row 1: 4 cells"),
        ("Hoà\thòa\nHòa\tqua\n", "dòng 2: “Hòa” đã có ở dòng 1", "row 2: “Hòa” is in row 1 too"),
        ('An,"an\nBa,ba', "dòng 1: dấu ngoặc kép chưa đóng", "row 1: a quotation mark is left open"),
        ("***\tan\n", "dòng 1: Mục từ “***”", "row 1: The entry “***”"),
        ("# chỉ có ghi chú\n", "tệp không có mục từ nào", "the file holds no entry"),
        ("An\tan\n" * 20_001, "dài quá 20000 dòng", "over 20000 rows"),
    ],
)
def test_every_faulty_row_is_named_in_both_languages(text: str, vi: str, en: str) -> None:
    with pytest.raises(RowsUnusable) as refused:
        parse(text)
    assert vi in refused.value.text("vi")
    assert en in refused.value.text("en")


def test_many_faults_are_counted_and_the_first_are_told() -> None:
    with pytest.raises(RowsUnusable, match="because 30 rows") as refused:
        parse("".join(f"An {number}\t{number}\n" for number in range(30)))
    assert "row 4:" in refused.value.text("en")
    assert "row 5:" not in refused.value.text("en")


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet='An1\t,;"\n# /\x00đ', max_size=60))
def test_any_file_gives_entries_or_a_clear_error(text: str) -> None:
    try:
        outcome = f"{len(parse(text))} entries"
    except RowsUnusable as error:
        outcome = error.text("vi")
    assert outcome not in {"", "0 entries"}
