"""What is mixed, set against one another or listed: `NPK 16-16-8+TE`, `tỷ lệ đực/cái`, classes on days `2-4-6`."""

from __future__ import annotations

import re
from typing import Final

from audio.reading.letters import LOWER
from audio.reading.model import BY_CONTEXT, Said, after, before, rule
from audio.reading.numerals import cardinal
from audio.reading.rules.clock import RATIO_BEFORE

_FERTILISER: Final = re.compile(
    r"(?<!\w)(?:npk|n-p-k|phân|đạm|lân|kali|bón)(?!\w)[^.;\d]{0,60}(?:\d+(?:-\d+)+[^.;\d]{0,20})*$"
)
_FIELDS: Final = "sào|ha|héc ta|công|mẫu|gốc|cây|thước"


def _row(match: re.Match[str]) -> Said | None:
    left = before(match, 80)
    plain = match.group() == match["parts"] and not _A_DATE.search(left)
    if not _FERTILISER.search(left) and not plain:
        return None
    numbers = list(re.finditer(r"\d+", match["parts"]))
    said = ", ".join(cardinal(int(one.group())) for one in numbers)
    if plain and after(match, 1).isalpha():  # 21-27-34mm: the last is left to its unit
        return Said(said.rpartition(",")[0] + ", ", end=match.start() + numbers[-1].start())
    said += " ét" * bool(match["sulphur"]) + " cộng tê e" * bool(match["traces"])
    return Said(said + (f" một {match['field'].replace('ha', 'héc ta')}" if match["field"] else ""))


_A_DATE: Final = re.compile(r"(?<!\w)(?:ngày|sinh|hôm|từ|đến)\s+$")


def _against(match: re.Match[str]) -> str | None:
    return " trên " if RATIO_BEFORE.search(before(match)) else None


RULES = [
    rule(
        "number",
        r"(?<![\w.,/-])(?P<parts>\d{1,2}(?:[ ]?-[ ]?\d{1,2}){2,3})(?P<sulphur>[ ]?S)?(?P<traces>[ ]?\+[ ]?TE)?"
        rf"(?:[ ]?/[ ]?(?P<field>{_FIELDS}))?(?!-|/\d|[^\W\d_]{{3}})(?!\d)",
        _row,
        certainty=BY_CONTEXT,
        begins="digit",
    ),
    rule("symbol", rf"(?<=[{LOWER}]{{2}})[ ]?/[ ]?(?=[{LOWER}]{{2}})", _against, certainty=BY_CONTEXT, begins="stroke"),
]
