"""A text as the page shows how it will be read: its own words, and between them what is said in place of what stands.

`pieces` goes through the text once, along the spans and doubts of its reading. What lies between them is said as it is
written. Where a doubt has no span (a doubled word is read as it stands) the words themselves are the piece.
"""

from __future__ import annotations

from dataclasses import dataclass

from audio.reading import Doubt, Reading, Span

KINDS = {
    "document": "số hiệu văn bản", "date": "ngày tháng", "time": "giờ", "phone": "điện thoại", "money": "tiền",
    "number": "số", "unit": "đơn vị đo", "roman": "số La Mã", "abbreviation": "chữ viết tắt", "web": "địa chỉ mạng",
    "markup": "dấu trình bày", "foreign": "tên nước ngoài", "letter": "chữ cái", "symbol": "ký hiệu",
    "lexicon": "từ điển của địa phương",
}  # fmt: skip

# A new reading of these belongs in the lexicon; the others are said in words by whoever writes.
IN_LEXICON = frozenset({"abbreviation", "foreign"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text. `said` None: as it is written. `doubt` counts from 1, in the order of the text."""

    written: str
    said: str | None = None
    kind: str | None = None
    doubt: int | None = None


def pieces(text: str, reading: Reading) -> list[Piece]:
    """The text in its order, nothing left out: joined, the `written` of all pieces are the text."""
    doubts = {one.offset: number for number, one in enumerate(reading.warnings, 1)}
    marks: dict[int, tuple[int, Span | None]] = {
        one.offset: (one.offset + len(one.written), None) for one in reading.warnings
    }
    marks |= {one.offset: (one.offset + len(one.written), one) for one in reading.spans}
    found: list[Piece] = []
    at = 0
    for start, (end, span) in sorted(marks.items()):
        if start < at:
            continue  # a doubt within a span that has been shown
        if start > at:
            found.append(Piece(text[at:start]))
        number = next((doubts[place] for place in range(start, end) if place in doubts), None)
        if span is None:
            found.append(Piece(text[start:end], doubt=number))
        else:
            found.append(Piece(text[start:end], span.spoken, KINDS.get(span.kind, span.kind), number))
        at = end
    if at < len(text):
        found.append(Piece(text[at:]))
    return found


def why(doubt: Doubt) -> str:
    """What is not sure about a place, without the place."""
    return doubt.text("vi").partition(" – ")[2]


def choices(doubt: Doubt) -> list[str]:
    """Readings to choose from, the one that holds for now first."""
    return list(dict.fromkeys(one for one in (doubt.spoken, *doubt.suggestions) if one))


def seconds_of(spoken: str, rate_wpm: int) -> int:
    """About how long a spoken form takes, in seconds: its syllables at that rate, and a breath at each full stop."""
    stops = sum(spoken.count(mark) for mark in ".?!\n")
    return round(len(spoken.split()) * 60 / rate_wpm + 0.45 * stops)
