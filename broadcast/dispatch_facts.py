"""What a dispatch says: its number, date, issuer, subject, addressees, day of observance, demands, references.

Pure functions from text to facts. Nothing is invented: every string given back stands in the text (but for white
space, Markdown asterisks and Unicode's normal form), a date is given only if day, month and year all stand there
(the window's year may be told by the day of issue, see `dispatch_window`), and what was not found is named in
`missing`.

How it goes:

1. `flatten` makes lines of cells: normal form, odd blanks, asterisks and table bars gone, two columns pulled apart.
2. The *head* is everything before the body ("Kính gửi", "Căn cứ", "Thực hiện …", a first numbered section). Only there
   a number, a date and an issuer are looked for, so those of the documents it cites can't be taken for its own.
3. The subject is what follows "V/v" or stands under the kind of document (KẾ HOẠCH, CÔNG ĐIỆN, …).
4. The body gives addressees, demands and references; the day of observance comes from the subject, else the body.

This module holds the facts and the lines; `dispatch_head`, `dispatch_body` and `dispatch_window` read them;
`dispatches.parse` joins them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date

FACTS = ("number", "issued_on", "issuer", "subject", "addressees", "observance_day", "demands")


@dataclass(frozen=True, slots=True)
class Demand:
    """One numbered section of the body: its number as written ("1", "II"), its heading, its points."""

    number: str
    heading: str
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A document that this one cites: as written, and its kind, number and date where they are given."""

    text: str
    kind: str
    number: str
    dated: date | None


@dataclass(frozen=True, slots=True)
class ParsedDispatch:
    """What a dispatch says. None or empty: not there; `missing` names those of `FACTS` that are not."""

    kind: str | None = None  # as written: "KẾ HOẠCH"; None for a plain letter
    number: str | None = None  # "614/TTCS-TTTQ"; None where the digits are left blank
    code: str | None = None  # "TTCS-TTTQ": given even where the number itself is left blank
    issued_on: date | None = None
    issued_text: str | None = None  # the date line as written, even where the day is left blank
    issuer: str | None = None
    subject: str | None = None
    addressees: tuple[str, ...] = ()
    observance_day: int | None = None
    observance_month: int | None = None
    window: tuple[date, date] | None = None  # first and last day, inclusive, that the text sets for the campaign
    demands: tuple[Demand, ...] = ()
    references: tuple[Reference, ...] = ()
    paragraphs: tuple[str, ...] = field(default=(), repr=False)  # of the body, without bullets

    @property
    def missing(self) -> tuple[str, ...]:
        present = {
            "number": self.number,
            "issued_on": self.issued_on,
            "issuer": self.issuer,
            "subject": self.subject,
            "addressees": self.addressees,
            "observance_day": self.observance_day,
            "demands": self.demands,
        }
        return tuple(name for name in FACTS if not present[name])


# --- Lines -------------------------------------------------------------------------------------------------------

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_SPACES = re.compile(r"[^\S\n]")
_COLUMN_GAP = re.compile(r" {3,}|\t+| *\| *")
# A blank left to be filled in by hand is no gap between columns.
_FILL_IN_GAP = re.compile(r"((?:Số|SỐ)\s?:?|[Nn]gày|tháng|năm|/)\s{2,}(?=[\d/…._-]|tháng|năm)")
_MOTTO = re.compile(
    r"CỘNG\s+H(?:ÒA|OÀ)\s+XÃ\s+HỘI(?:\s+CHỦ\s+NGHĨA(?:\s+VIỆT\s+NAM)?)?|^CHỦ\s+NGHĨA\s+VIỆT\s+NAM"
    r"|(?<=\s)CHỦ\s+NGHĨA\s+VIỆT\s+NAM|^XÃ\s+HỘI\s+CHỦ\s+NGHĨA\s+VIỆT\s+NAM"
    r"|ĐẢNG\s+CỘNG\s+SẢN\s+VIỆT\s+NAM|Độc\s+lập\s*[-–—]+\s*Tự\s+do\s*[-–—]+\s*Hạnh\s+phúc",
    re.IGNORECASE,
)
_RULE = re.compile(r"[-–—_=*.~ ]+")


def flatten(text: str) -> str:
    """The text in one normal form: NFC, plain blanks, no invisible characters, no Markdown marks, no table bars."""
    text = unicodedata.normalize("NFC", text).translate(_INVISIBLE)
    text = re.sub(r"\r\n?|[\u2028\u2029\x0b\x0c\x85]", "\n", text)
    text = re.sub(r"(?m)^([^\S\n]*)\*(?=[^\S\n]+[^\s*])", r"\1-", text)  # a Markdown bullet
    text = re.sub(r"\*+|`+|(?m:^\s{0,3}#{1,6}\s+)|(?m:^\s*>\s?)", lambda m: " " if m[0].isspace() else "", text)
    return _SPACES.sub(lambda m: "\t" if m[0] == "\t" else " ", text)


def lines_of(text: str) -> list[str]:
    """Lines of the flattened text; "" stands for a blank line or a rule."""
    return ["" if _RULE.fullmatch(line) else line for line in (raw.strip() for raw in text.split("\n"))]


def tidy(line: str) -> str:
    return " ".join(line.replace("|", " ").split())


def cells_of(line: str) -> list[str]:
    """A line of the head pulled apart: the state's name and motto dropped, columns split."""
    parts = _COLUMN_GAP.split(_MOTTO.sub("\t", _FILL_IN_GAP.sub(r"\1 ", line)))
    return [cell for cell in (tidy(part) for part in parts) if cell and not _RULE.fullmatch(cell)]
