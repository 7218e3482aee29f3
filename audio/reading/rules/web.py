"""Addresses of web pages and e-mail."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from audio.reading import abbreviations, letters
from audio.reading.abbreviations import SIMPLE
from audio.reading.model import Said, rule
from audio.reading.numerals import digits, number

_TOP: Final = "vn|ly|com|net|org|edu|gov|info|io|asia|biz|app|me|tv|xyz|eu|us|uk|cn|la|kh|th|sg"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,60}[A-Za-z0-9])?"
_HOST: Final = rf"(?:{_LABEL}\.){{1,6}}(?:{_TOP})(?![\w-])"

# Parts of addresses and how they are said, with the tones that Vietnamese loses there.
_KNOWN: Final = abbreviations.table("addresses.tsv")
_NAMES: Final = frozenset(name for name, said in _KNOWN.items() if said and letters.is_syllable(said.split()[0]))

_SIGNS: Final = {".": "chấm", "/": "gạch chéo", "-": "gạch ngang", "_": "gạch dưới", "@": "a còng"}
_PART: Final = re.compile(r"[A-Za-z]+|\d+|.")


def _say(address: str) -> str:
    words = [_part(part) for part in _PART.findall(address)]
    return " ".join(word for word in words if word)


def _part(part: str) -> str:
    if part.isdecimal():
        return digits(part)
    if part.isalpha():
        word = part.lower()
        return (
            _KNOWN.get(word)
            or _newspaper(word)
            or _office(word)
            or _abbreviated(word)
            or _syllables(word)
            or (word if _readable(word) else letters.spell(word))
        )
    return _SIGNS.get(part, "")


def _newspaper(word: str) -> str:
    """`baobacninh`: the newspaper of a place."""
    return f"báo {_KNOWN[word[3:]]}" if word.startswith("bao") and word[3:] in _NAMES else ""


def _abbreviated(word: str) -> str:
    """`thcs`, `cskh`: capitals of the table, in small letters."""
    return SIMPLE.get(word.upper(), "") if len(word) >= _SHORTEST_NAME and not letters.has_vowel(word) else ""


_SHORTEST_NAME: Final = 3


def _office(word: str) -> str:
    """`sotttt`: an office by its abbreviation."""
    head, name = word[:2], SIMPLE.get(word[2:].upper())
    return f"{_OFFICES[head]} {name}" if head in _OFFICES and name and len(word) > _SHORTEST else ""


_OFFICES: Final = {"so": "sở", "bo": "bộ"}
_SHORTEST: Final = 5


def _readable(word: str) -> bool:
    return len(word) > 3 and letters.is_plain(word)


@lru_cache(maxsize=1024)
def _syllables(word: str) -> str:
    """Vietnamese written in one piece without tones, cut into the fewest known names and syllables of two letters."""
    best: list[tuple[int, list[str]] | None] = [(0, []), *[None] * len(word)]
    for end in range(2, len(word) + 1):
        for start in range(max(end - _LONGEST, 0), end - 1):
            head = best[start]
            piece = word[start:end]
            said = (_KNOWN[piece] if piece in _NAMES else "") or (
                piece if end - start <= _SYLLABLE and letters.is_toneless_syllable(piece) else ""
            )
            if head is not None and said:
                # A name goes before the syllables that it could be cut into.
                cost = head[0] + (2 if piece in _NAMES else 3)
                tail = best[end]
                if tail is None or cost < tail[0]:
                    best[end] = (cost, [*head[1], said])
    return " ".join((best[len(word)] or (0, []))[1])


_LONGEST: Final = 15
_SYLLABLE: Final = 6


def _url(match: re.Match[str]) -> Said:
    address = re.sub(r"^(?:[a-z]{2,6}://)?(?:www\.)?", "", match.group(), flags=re.IGNORECASE)
    end = match.end()
    while address and address[-1] in ".,;:!?)/'\"":  # the sentence's marks, not the address's
        end -= address[-1] != "/"
        address = address[:-1]
    # A query or a fragment is for machines.
    return Said(_say(re.split(r"[?#&%]", address, maxsplit=1)[0].rstrip("/")), end=end)


def _tag(match: re.Match[str]) -> Said:
    """`#VuiXuan2026`: the words of a label; their tones are lost, so it is a guess."""
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", match["name"])
    said = " ".join(number(part) if part.isdecimal() else _part(part) for part in parts)
    return Said(said, "foreign", suggestions=(said,))


RULES = [
    rule("web", r"(?<![\w#&])#(?P<name>[A-Za-z]\w{2,60})(?!\w)", _tag, re.ASCII),
    rule("web", r"(?<![\w@.])@[A-Za-z][\w.]{1,30}\w", lambda m: _say(m.group()), re.ASCII),
    rule("web", rf"(?<![\w@.])[A-Za-z0-9][\w.+-]{{0,63}}@{_HOST}", lambda m: _say(m.group()), re.ASCII),
    rule("web", r"(?<!\w)(?:https?|ftp)://[^\s<>\"]{1,500}", _url, re.IGNORECASE),
    rule("web", rf"(?<![\w@.-])(?:www\.)?{_HOST}(?:/[^\s<>\"]{{0,300}})?", _url, re.ASCII | re.IGNORECASE),
]
