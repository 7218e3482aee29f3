"""What no rule has claimed, one word or sign at a time; a word that nobody knows is a guess, and a doubt.

- A Vietnamese syllable is said as it stands, a known foreign word as the table has it, a letter by its name.
- Capitals that nobody knows are said as their parts where those are known (`BCĐPCMT`), else by their letters; so are
  capitals that happen to be a syllable (`AN`), unless all around them is in capitals, as in headings.
- Words put together with capitals inside (`AgriBank`) are said part by part.
- Another word is left as it stands where it has a vowel, for the voice to try, and spelled where it has none.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from audio.reading import abbreviations, letters
from audio.reading.model import DoubtKind, Kind

MARKS: Final = {
    ",": ",", ";": ",", ":": ",", "(": ",", ")": ",", "[": ",", "]": ",", "{": ",", "}": ",", "…": ",", "|": ",",
    "→": ",",
    ".": ".", "?": "?", "!": "!", "/": ",", "\\": ",", "•": ",", "·": ",",
}  # fmt: skip
_TOKEN: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\n+|\s+|.", re.DOTALL)
_SAID_SIGNS: Final = {
    "&": "và", "@": "a còng", "°": "độ", "º": "độ", "$": "đô la", "€": "ơ rô", "§": "mục",
    "£": "bảng anh", "¥": "yên", "≠": "khác", "√": "căn", "∞": "vô cùng",
}  # fmt: skip
_GREEK: Final = {"α": "an pha", "β": "bê ta", "γ": "gam ma"}
_SILENT: Final = frozenset("\"'_*#^`~<>=+-|\u00ad")
_MEANING: Final = {"Sc", "Sm"}  # signs of money and of mathematics: left out, but not in silence
_SEVERAL: Final = 2  # capitals in a word that make it an abbreviation
_INSIDE: Final = re.compile(r"(?<=[^\W\d_A-ZĐ])(?=[A-ZĐ])")  # before a capital behind a small letter: VietGAP


@dataclass(slots=True)
class Piece:
    """A claimed stretch, a word or a mark, between two places of the prepared text."""

    start: int
    end: int
    kind: Kind | None  # None: as it stands
    spoken: str
    doubt: DoubtKind | None = None
    suggestions: tuple[str, ...] = ()
    certainty: float | None = None  # None: what the doubt says


def pieces_of(text: str, start: int, end: int) -> list[Piece]:
    """The words, marks and line ends of a stretch of the prepared text."""
    pieces: list[Piece] = []
    for match in _TOKEN.finditer(text, start, end):
        token = match.group()
        if token.isspace():
            if "\n" in token:
                pieces.append(Piece(*match.span(), None, "\n"))
            continue
        pieces.append(_word(match) if token[0].isalpha() else _sign(match, text))
    return pieces


@lru_cache(maxsize=8192)
def _plain(word: str) -> str:
    """What nearly all words are, a syllable in small letters, perhaps behind a capital, said as it is; else empty."""
    folded = letters.fold(word)
    if not word[1:].islower() or not letters.is_syllable(folded):
        return ""
    return folded if abbreviations.FOREIGN.get(folded, folded) == folded else ""


def _word(match: re.Match[str]) -> Piece:
    word = match.group()
    span = match.span()
    if said := _plain(word):
        return Piece(*span, None, said)
    folded = letters.fold(word)
    if not folded:
        return Piece(*span, "symbol", _GREEK.get(word, ""), None if word in _GREEK else "dropped")
    known = abbreviations.FOREIGN.get(folded, folded)
    if known != folded:
        return Piece(*span, "foreign", known)
    if len(folded) == 1:
        said = letters.NAMES.get(folded, folded)
        return Piece(*span, "letter" if said != folded else None, said)
    if letters.is_syllable(folded) and not (_is_short(word) and abbreviations.stands_out(match)):
        return Piece(*span, None, folded)
    return _unknown(span, word, folded)


def _is_short(word: str) -> bool:
    """Capitals without a tone, as abbreviations have them."""
    return len(word) <= _SHORT and word.isupper() and letters.is_toneless(word)


_SHORT: Final = 4


def _unknown(span: tuple[int, int], word: str, folded: str) -> Piece:
    if "'" in word and (name := _highland(word)):
        return Piece(*span, "foreign", name)
    if sum(letter.isupper() for letter in word) >= _SEVERAL:
        parts = _INSIDE.split(word)
        return _joined(span, word, parts) if len(parts) > 1 else _capitals(span, word)
    said = folded if letters.is_plain(folded) else letters.spell(folded)
    return Piece(*span, "foreign", said, "foreign", (said, letters.spell(folded)))


# Names of the highlands: Ea H'leo, Krông R'Lấp, H'Mông.
_CONSONANTS: Final = {
    "b": "bơ", "c": "cơ", "d": "dơ", "đ": "đơ", "h": "hơ", "k": "cơ", "l": "lơ", "m": "mơ", "n": "nơ", "p": "pơ",
    "r": "rơ", "s": "sơ", "t": "tơ", "y": "y",
}  # fmt: skip


def _highland(word: str) -> str:
    first, _, rest = word.lower().partition("'")
    rest = letters.fold(rest)
    return f"{_CONSONANTS[first]} {rest}" if first in _CONSONANTS and letters.is_plain(rest) and len(rest) > 1 else ""


def _capitals(span: tuple[int, int], word: str) -> Piece:
    """The likeliest of what capitals may mean; a long one that can be spoken is a name in capitals."""
    folded = letters.fold(word)
    readings = (*abbreviations.expansions(word), letters.spell(word))
    if len(word) > _LETTERS_MOST and letters.is_plain(folded) and not _CLUSTER.search(_DIGRAPH.sub("n", folded)):
        readings = (folded, *readings)
    elif letters.is_syllable(folded):
        readings = (*readings, folded)
    return Piece(*span, "abbreviation", readings[0], "abbreviation", readings)


_DIGRAPH: Final = re.compile("ng|nh|sh|ch|th|ph|gh|kh")
_CLUSTER: Final = re.compile(r"[bcdđfghjklmnpqrstvwxz]{4}")  # EVNNPC is no name


_LETTERS_MOST: Final = 5


def _joined(span: tuple[int, int], word: str, parts: list[str]) -> Piece:
    said = [_part(part) for part in parts]
    return Piece(*span, "foreign", " ".join(said), "foreign", (" ".join(said), letters.spell(word)))


def _part(part: str) -> str:
    folded = letters.fold(part)
    known = abbreviations.FOREIGN.get(folded) or abbreviations.SIMPLE.get(part)
    return known or (folded if letters.is_plain(folded) else letters.spell(folded))


def _sign(match: re.Match[str], text: str) -> Piece:
    sign = match.group()
    span = match.span()
    if sign in MARKS:
        return Piece(*span, None, MARKS[sign])
    if sign == "-":
        spaced = text[: span[0]][-1:].isspace() and text[span[1] :][:1].isspace()
        return Piece(*span, None, "," if spaced else " ")
    if sign in _SAID_SIGNS:
        return Piece(*span, "symbol", _SAID_SIGNS[sign])
    category = unicodedata.category(sign)
    if category == "Sm" and unicodedata.name(sign, "").endswith("ARROW"):
        return Piece(*span, "symbol", ",")
    if sign in _SILENT or not (sign.isalnum() or category in _MEANING):
        return Piece(*span, "symbol", "")
    return Piece(*span, "symbol", "", "dropped")


_WORD: Final = re.compile(r"[^\W\d_]+")


def settled(spoken: str) -> str:
    """What a rule says, in the form that would be read as itself."""
    return _WORD.sub(_settled, spoken)


def _settled(match: re.Match[str]) -> str:
    word = letters.fold(match.group())
    if len(word) == 1:
        return letters.NAMES.get(word, word)
    return abbreviations.FOREIGN.get(word, word) if letters.is_plain(word) else letters.spell(word)
