"""Capitals that mean several things, by what stands right before or right behind them.

`around.tsv` has a line for each meaning: the capitals, a pattern of what stands before, one of what stands behind
(either may be empty, both must hold), and what is said. The first line that holds counts. Patterns are compared with
text in small letters.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

from audio.reading.model import after, before

_Meaning = tuple[re.Pattern[str] | None, re.Pattern[str] | None, str]


def _table() -> dict[str, list[_Meaning]]:
    lines = files("audio.reading").joinpath("around.tsv").read_text("utf-8").splitlines()
    table: dict[str, list[_Meaning]] = {}
    for short, left, right, said in (line.split("\t") for line in lines if not line.startswith("#")):
        meaning = (re.compile(rf"(?<!\w)(?:{left})$") if left else None, re.compile(right) if right else None, said)
        table.setdefault(short, []).append(meaning)
    return table


_TABLE: Final = _table()


def meant(match: re.Match[str]) -> str | None:
    """What the capitals of a match mean where they stand; None where the table doesn't tell."""
    meanings = _TABLE.get(match.group())
    if meanings is None:
        return None
    left, right = before(match, 30), after(match, 30)
    for ahead, behind, said in meanings:
        if (ahead is None or ahead.search(left)) and (behind is None or behind.match(right)):
            return said
    return None
