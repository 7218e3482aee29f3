"""What only shapes the page: Markdown, HTML, bullets, numbering, table lines, the closing `./.` of a document."""

from __future__ import annotations

import re

from audio.reading.letters import LOWER, UPPER, spell
from audio.reading.model import Said, rule
from audio.reading.numerals import cardinal, roman


def _numbered(match: re.Match[str]) -> str:
    return " chấm ".join(cardinal(int(part)) for part in match["number"].strip(".").split(".")) + ","


def _roman(match: re.Match[str]) -> str | None:
    value = roman(match["number"])
    return f"{cardinal(value)}," if value else None


def _lettered(match: re.Match[str]) -> Said:
    return Said(f"{spell(match.groupdict().get('dotted') or match['letter'])},")


def _label(match: re.Match[str]) -> Said | None:
    """A link is read by its label, which goes on to be read like any text when it has nothing to be read in it."""
    label = match["label"]
    return Said(label.lower()) if all(letter.isalpha() or letter == " " for letter in label) else None


def _dots(match: re.Match[str]) -> Said | str:
    if len(match.group()) > 3 or "__" in match.group():
        return Said(",", "blank")  # a dotted line to be filled in
    following = match.string[match.end() :].lstrip()
    return "." if not following or following[0].isupper() or match.string[match.end() :][:1] == "\n" else ","


_TAGS = (
    "p|br|hr|b|i|u|s|a|div|span|strong|em|h[1-6]|li|ul|ol|table|thead|tbody|tr|td|th|img|font|center|small|big|sup|sub|"
    "blockquote|pre|code|section|article|header|footer|script|style|html|body|head|title|meta|link"
)

RULES = [
    rule("markup", rf"<!--.{0, 2000}?-->|</?(?:{_TAGS})(?:[ /][^<>\n]{0, 200})?>", " "),
    rule("markup", r"&(?:nbsp|quot|lt|gt|#\d{1,6});", " "),
    rule("markup", r"!?\[(?P<label>[^\[\]\n]{1,200})\]\([^()\s]{1,500}\)", _label),
    rule("markup", r"\./\.", "."),
    rule("abbreviation", r"(?<!\w)vv(?:\.+|…|(?!\w))", "vân vân"),
    rule("abbreviation", rf"(?<!\w)v\.\s?v(?:\.{{1,3}}|…)?(?=\s+[{LOWER}(])", "vân vân"),
    rule("abbreviation", r"(?<!\w)v\.\s?v(?:\.{1,3}|…)?(?!\w)", "vân vân."),
    rule("markup", r"^[ ]*[-=_*~+]{3,}[ ]*$", "."),
    rule("markup", r"[=~^]{3,}", ","),
    rule("markup", r"^[ ]*#{1,6}[ ]+", ""),
    rule("markup", r"\.{2,}|…[….]*|_{3,}", _dots),
    rule("markup", r"\*+|_{2,}|~~+", " "),
    # Bullets. A minus directly before a digit at the start of a line is left to the numbers.
    rule("markup", r"^[ ]*[-+•·◦▪●■□○➢➤►✓✔–][ ]*(?![\d-])|^[ ]*[-+•·◦▪●■□○➢➤►✓✔–][ ]+", ""),
    # Numbered headings and lists: a short pause behind the number.
    rule("markup", rf"^[ ]*(?P<number>\d{{1,2}}(?:\.\d{{1,2}}){{1,3}})\.?[ ]+(?=[{UPPER}])", _numbered),
    rule("markup", r"^[ ]*(?P<number>\d{1,2})[.)](?!\d)[ ]*(?=\S)", _numbered),
    rule("markup", rf"^[ ]*(?P<number>(?!X\.[ ]+[{UPPER}][{LOWER}])[IVX]{{1,6}})[.)][ ]+(?=\S)", _roman),
    rule("markup", r"^[ ]*(?P<letter>[a-zđ])\)[ ]*", _lettered),
    rule("markup", rf"^[ ]*(?P<letter>[a-eđ])\.[ ]+(?=[{UPPER}])", _lettered),
    # H., P., Q., X. at the start of a line are a district, a ward, a commune.
    rule("markup", rf"^[ ]*(?:(?P<letter>[A-ZĐ])\)|(?P<dotted>[A-GIK-OR-WYZĐ])\.)[ ]+(?=[{UPPER}])", _lettered),
]
