"""Numbers of houses and number plates; before dates, which `ngõ 12/3` would be too."""

from __future__ import annotations

import re
from typing import Final

from audio.reading import letters
from audio.reading.letters import UPPER
from audio.reading.model import BY_CONTEXT, before, rule
from audio.reading.numerals import digits, number

_HOUSE: Final = re.compile(
    r"(?:số nhà|nhà số|nhà|ngõ|ngách|hẻm|kiệt|lô|thửa|thửa đất|căn hộ|kiốt|ki ốt|"
    r"địa chỉ(?: số)?:?|(?:ở|tại) số|^số)\s+$"
)
_NUMBER: Final = re.compile(r"(?<!\w)(?<!tổng )số\s+$")
_STREET: Final = re.compile(rf",?[ ](?:(?:đường|phố|ngõ|ngách|hẻm|kiệt|tổ|khu|ấp|thôn)\b|[{UPPER}][^\W\d_]+[ ,])")


def _house(match: re.Match[str]) -> str | None:
    """`số 15A/3/7`, `ngõ 12/3`, `số 12/3 Nguyễn Trãi`: the number of a house in an alley."""
    left = before(match)
    street = _STREET.match(match.string[match.end() : match.end() + 40] + " ")
    if not _HOUSE.search(left) and not (street and _NUMBER.search(left)):
        return None
    parts = re.findall(r"(\d+)([A-Za-zĐđ]?)", match.group())
    return " trên ".join(f"{number(digit)} {letters.spell(letter)}".strip() for digit, letter in parts)


def _plate(match: re.Match[str]) -> str:
    """A number plate: `98A-123.45`, `99C1-4567`."""
    series = " ".join(
        number(run) if run.isdecimal() else letters.spell(run) for run in re.findall(r"\d+|[^\W\d_]+", match["series"])
    )
    return f"{series}, {digits(match['first'])}" + (f", {digits(match['second'])}" if match["second"] else "")


RULES = [
    rule(
        "number",
        r"(?<![\w.,/])\d{1,4}[A-Za-zĐđ]?(?:/\d{1,4}[A-Za-zĐđ]?){1,3}(?![\w/])",
        _house,
        certainty=BY_CONTEXT,
        begins="digit",
    ),
    rule(
        "number",
        r"(?<![\w.,/])(?P<series>\d\d-?[A-ZĐ]{1,2}\d?)[ ]?[- ][ ]?"
        r"(?P<first>\d{3,4})(?:\.?(?P<second>\d\d))?(?!\w|[.,]\d)",
        _plate,
        begins="digit",
    ),
]
