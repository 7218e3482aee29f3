"""What is read out of a dispatch, and that nothing is made up."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcast import samples
from broadcast.dispatches import FACTS, ParsedDispatch, parse
from tests.broadcast.newsroom.cases import CASES, Case

HIDDEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad"


def words(text: str) -> list[str]:
    """The words of a text: letters and digits, without the marks, rules and invisible signs that parsing may drop."""
    kept = "".join(sign if sign.isalnum() else " " for sign in unicodedata.normalize("NFC", text) if sign not in HIDDEN)
    return kept.split()


def over_columns(parsed: ParsedDispatch) -> list[str]:
    """What may run over several lines of one column, with the other column in between."""
    return [text for text in (parsed.issuer, parsed.subject) if text]


def in_one_piece(parsed: ParsedDispatch) -> list[str]:
    """Every other string that was extracted."""
    found = [parsed.kind, parsed.number, parsed.code, parsed.issued_text]
    texts = [text for text in found if text]
    texts += parsed.addressees
    texts += [demand.heading for demand in parsed.demands] + [p for d in parsed.demands for p in d.points]
    texts += [reference.text for reference in parsed.references]
    return texts


def stands_in(needle: str, haystack: str) -> bool:
    """Whether `needle` stands in `haystack`, but for white space and normal form."""
    return "".join(words(needle)) in "".join(words(haystack))


def in_order(needle: str, haystack: str) -> bool:
    """Whether the letters of `needle` stand in `haystack` in their order, whatever lies between its lines."""
    rest = iter("".join(words(haystack)))
    return all(letter in rest for letter in "".join(words(needle)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_facts(case: Case) -> None:
    parsed = parse(case.text)
    assert parsed.number == case.number
    assert parsed.code == case.code
    assert parsed.kind == case.kind
    assert parsed.issued_on == case.issued_on
    assert parsed.issued_text == case.issued_text
    assert parsed.issuer == case.issuer
    assert parsed.subject == case.subject
    assert parsed.addressees == case.addressees
    assert (parsed.observance_day, parsed.observance_month) == (case.observance or (None, None))
    assert tuple(demand.number for demand in parsed.demands) == case.sections
    assert sum(len(demand.points) for demand in parsed.demands) == case.points
    assert tuple(reference.number for reference in parsed.references) == case.references


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_missing_is_named_and_the_rest_is_not(case: Case) -> None:
    parsed = parse(case.text)
    expected = {
        "number": case.number,
        "issued_on": case.issued_on,
        "issuer": case.issuer,
        "subject": case.subject,
        "addressees": case.addressees,
        "observance_day": case.observance,
        "demands": case.sections,
    }
    assert set(parsed.missing) == {name for name, value in expected.items() if not value}
    assert set(expected) == set(FACTS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_decomposed_letters_odd_blanks_and_line_ends_change_nothing(case: Case) -> None:
    plain = parse(case.text)
    assert parse(unicodedata.normalize("NFD", case.text)) == plain
    assert parse(case.text.replace("\r\n", "\n").replace("\n", "\r\n")) == plain
    assert parse("\ufeff" + case.text.replace(" ", "\u00a0")) == plain


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_string_stands_in_the_text(case: Case) -> None:
    parsed = parse(case.text)
    for text in in_one_piece(parsed):
        assert stands_in(text, case.text), text
    for text in over_columns(parsed):
        assert in_order(text, case.text), text


def test_the_sample_has_everything() -> None:
    parsed = parse(samples.dispatch_text())
    assert parsed.missing == ()
    assert (parsed.observance_day, parsed.observance_month) == (30, 7)
    assert parsed.number == "27/STTCS-MAU"


def test_a_cited_number_and_date_are_never_its_own() -> None:
    parsed = parse(
        "Thực hiện Công văn số 614/TTCS-TTTQ ngày 13/7/2023 của Cục, đề nghị các xã báo cáo.\n"
        "Theo Kế hoạch số 5/KH-UBND ngày 2 tháng 3 năm 2024.\n"
    )
    assert parsed.number is None
    assert parsed.issued_on is None
    assert parsed.issued_text is None
    assert [reference.number for reference in parsed.references] == ["614/TTCS-TTTQ", "5/KH-UBND"]


@pytest.mark.parametrize(
    "line", ["Huế, ngày 31 tháng 2 năm 2027", "Huế, ngày     tháng 2 năm 2027", "Huế, ngày 3 tháng 2 năm ....."]
)
def test_an_incomplete_or_impossible_date_is_kept_as_written_only(line: str) -> None:
    parsed = parse(f"SỞ Y TẾ\nSố: 1/SYT\n{line}\nV/v tiêm chủng\n")
    assert parsed.issued_on is None
    assert parsed.issued_text is not None
    assert parsed.issued_text in " ".join(line.split())
    assert "issued_on" in parsed.missing


def test_round_the_clock_is_no_day() -> None:
    parsed = parse("V/v hưởng ứng phong trào đọc sách\n\nHưởng ứng phong trào, thư viện mở cửa 24/7.\n")
    assert parsed.observance_day is None


PIECES = st.sampled_from([piece for case in CASES for piece in case.text.split("\n") if piece.strip()])
MIXED = st.lists(st.one_of(PIECES, st.text(max_size=40), st.just("")), max_size=40).map("\n".join)


@settings(max_examples=150, deadline=None)
@given(MIXED)
def test_any_mixture_parses_and_nothing_is_invented(text: str) -> None:
    parsed = parse(text)
    for found in in_one_piece(parsed):
        assert stands_in(found, text), found
    for found in over_columns(parsed):
        assert in_order(found, text), found
    if parsed.issued_on is not None:
        assert str(parsed.issued_on.year) in text
    if parsed.observance_day is not None:
        assert str(parsed.observance_day) in text


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=2000))
def test_any_text_parses(text: str) -> None:
    parsed = parse(text)
    assert set(parsed.missing) <= set(FACTS)


def test_a_long_hostile_text_is_read_in_time() -> None:
    for text in ("Kính gửi: " + "a, " * 60_000, "- " * 100_000, "ngày " * 60_000, ("Số: /A-" + "B" * 50) * 3_000):
        parse(text)
