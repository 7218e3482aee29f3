"""The written text made uniform before the rules see it, with the way back to where each character stood.

Composed letters (NFC), one kind of space, of quote and of dash, ASCII digits, no invisible characters. A line that
was broken in the middle of a sentence, as in text copied from a PDF, is joined again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from audio.reading.letters import LOWER, UPPER, early_toned

_DASHES: Final = "‐‑‒–—―−﹣－"
_QUOTES: Final = "“”„‟«»″〝〞＂"
_APOSTROPHES: Final = "‘’‚‛′`´ʼ＇"
_SUPERSCRIPTS: Final = "⁰¹\0\0⁴⁵⁶⁷⁸⁹"
_NO_LETTERS: Final = "ªº™℠"  # a degree as some write it, and marks that nobody says
_SUBSCRIPTS: Final = "₀₁₂₃₄₅₆₇₈₉"
_WORDED: Final = {"№": "số ", "₫": "đ"} | {sign: str(digit) for digit, sign in enumerate(_SUBSCRIPTS)}
_PLAIN: Final = re.compile(rf"[A-Za-z0-9°{LOWER}{UPPER}]+[ ]?")
_KEPT_MARKS: Final = "²³"  # parts of units; as digits they would change the number before them

_BROKEN_LINE: Final = re.compile(r"(?<=[^\W_])(,?)[ ]*\n[ ]*(?=([^\W\d_])(?![).]))")


@dataclass(frozen=True, slots=True)
class Prepared:
    """`origin[i]` is where character i of `text` stood in the written text; one more entry marks its end."""

    text: str
    origin: Sequence[int]


def prepare(written: str) -> Prepared:
    """Never raises; characters that can't be used are left out or become spaces."""
    if unicodedata.is_normalized("NFC", written) and not _UNUSUAL.search(written):
        return Prepared(_joined(early_toned(written.translate(_SIMPLE))), range(len(written) + 1))
    letters: list[str] = []
    origin: list[int] = []
    index = 0
    while index < len(written):
        end = index + 1
        while end < len(written) and unicodedata.combining(written[end]):
            end += 1
        for letter in _uniform(unicodedata.normalize("NFC", written[index:end])):
            letters.append(letter)
            origin.append(index)
        index = end
    origin.append(len(written))
    text = "".join(letters)
    return Prepared(_joined(early_toned(text)), origin)


def _uniform(cluster: str) -> str:
    return "".join(_one(letter) for letter in cluster)


def _one(letter: str) -> str:  # noqa: C901, PLR0911 - a table in the form of a ladder
    if letter.isascii():
        return _CONTROLS.get(letter, letter) if letter < " " or letter == "\x7f" else letter.replace("`", "'")
    if letter in _DASHES:
        return "-"
    if letter in _QUOTES:
        return '"'
    if letter in _APOSTROPHES:
        return "'"
    if letter in _WORDED:
        return _WORDED[letter]
    category = unicodedata.category(letter)
    if category == "Nd":
        return str(unicodedata.digit(letter))
    if letter in _SUPERSCRIPTS:
        return f"^{_SUPERSCRIPTS.index(letter)}"
    if category == "No" and (plain := unicodedata.normalize("NFKC", letter)).isdecimal() and letter not in _KEPT_MARKS:
        return f" {plain} "  # a number in a circle
    if category == "Zs":
        return " "
    if category in {"Zl", "Zp"}:
        return "\n"
    if category in {"Cf", "Cc", "Cs", "Co", "Cn"}:
        return "" if category == "Cf" else " "
    if letter not in _KEPT_MARKS and "\uff01" <= letter <= "\uff5e":  # full-width ASCII
        return chr(ord(letter) - 0xFEE0)
    return _unfolded(letter) if category in {"Lu", "Ll", "Nl", "So"} else letter


def _unfolded(letter: str) -> str:
    """What one sign stands for, in plain letters: ㎏, ℃, Ⅳ, №, and the letters that phones draw bold."""
    if letter in _NO_LETTERS:
        return letter
    plain = unicodedata.normalize("NFKC", letter)
    return plain if _PLAIN.fullmatch(plain) else letter


_CONTROLS: Final = {chr(code): " " for code in [*range(32), 127]} | {"\n": "\n", "\r": "", "\x0b": "\n", "\x0c": "\n"}


def _joined(text: str) -> str:
    """Newlines inside a sentence become spaces; the length stays, so that origins stay right."""
    return _BROKEN_LINE.sub(
        lambda match: match.group().replace("\n", " ") if match.group(2).islower() else match.group(), text
    )


# Most texts hold nothing but these, each of which becomes one character: they are prepared at one stroke.
_SIMPLE: Final = str.maketrans(
    dict.fromkeys(_DASHES, "-") | dict.fromkeys(_QUOTES, '"') | dict.fromkeys(_APOSTROPHES, "'")
    | {control: letter for control, letter in _CONTROLS.items() if letter and control != "\n"}
    | {"\u00a0": " "}
)  # fmt: skip
_UNUSUAL: Final = re.compile(rf"[^\x00-\x0c\x0e-\x7f\u00a0{LOWER}{UPPER}{_DASHES}{_QUOTES}{_APOSTROPHES}…•%°]")
