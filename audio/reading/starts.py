"""Where the matches of rules may begin in a text.

Most of a text is plain words. Rules that say where their matches begin (`Rule.begins`) are tried at these places only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from audio.reading.letters import LOWER, UPPER
from audio.reading.model import Begins

_DIGITS: Final = re.compile(r"\d+")
_NUMBERED: Final = re.compile(r"[Ss][ốỐ](?=[ :]*\d)")
_STROKE: Final = re.compile("/")
_ROMAN: Final = re.compile(r"[IVXLC](?<![^\W_][IVXLC])[IVXLC]*(?![^\W_])")
# Not the capital that begins a plain word; Ths. has a point behind it.
_CAPITAL: Final = re.compile(rf"[{UPPER}](?<![^\W_][{UPPER}])(?![{LOWER}]{{2,}}(?![\w.]))")


def starts_in(text: str) -> dict[Begins, list[int]]:
    """The places of each sort, in order."""
    digits = [match.start() for match in _DIGITS.finditer(text)]
    strokes = [match.start() for match in _STROKE.finditer(text)]
    return {
        "digit": digits,
        "numbered": sorted({*digits, *(match.start() for match in _NUMBERED.finditer(text))}),
        "joined": sorted({*digits, *(start for place in digits if (start := _word_of(text, place)) < place)}),
        "stroke": sorted({*strokes, *(place - 1 for place in strokes if place)}),
        "capital": [match.start() for match in _CAPITAL.finditer(text)],
        "before digit": _before(text, digits),
        "before roman": _before(text, [match.start() for match in _ROMAN.finditer(text)]),
    }


def _word_of(text: str, place: int) -> int:
    """Where the letters begin that stand right before a place, perhaps with a dash between."""
    start = place - 1 if text[place - 1 : place] == "-" else place
    while start and text[start - 1].isalpha():
        start -= 1
    return start


def _before(text: str, places: list[int]) -> list[int]:
    return sorted({start for place in places for start in _words_before(text, place)})


def _words_before(text: str, place: int) -> Iterator[int]:
    """Where the two words before a place begin, as far as nothing but spaces stands between."""
    for _ in range(2):
        end = len(text[max(place - _REACH, 0) : place].rstrip(" ")) + max(place - _REACH, 0)
        start = end
        while start and text[start - 1].isalpha():
            start -= 1
        if end in {start, place}:
            return
        yield start
        place = start


_REACH: Final = 40
