"""Numbers in Vietnamese words, as announcers of the north read them."""

from __future__ import annotations

import re
from typing import Final

DIGITS: Final = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_SCALES: Final = ("", "nghìn", "triệu", "tỷ", "nghìn tỷ", "triệu tỷ")
_LONGEST: Final = 18  # more digits than these are read one by one

_THOUSANDS_DOT: Final = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_THOUSANDS_SPACE: Final = re.compile(r"\d{1,3}(?: \d{3})+(?:,\d+)?")
_THOUSANDS_COMMA: Final = re.compile(r"\d{1,3}(?:,\d{3}){2,}(?:\.\d+)?|\d{1,3},000")

# A number as it is written: thousands by dots (or English commas), decimals by a comma (or an English point).
NUMBER: Final = (
    r"\d{1,3}(?: \d{3}){2,}(?!\d)|\d{1,3}(?:\.\d{3})+(?:,\d+)?(?!\d)|\d{1,3}(?:,\d{3}){2,}(?!\d)|\d+(?:[.,]\d+)?(?!\d)"
)


def digits(text: str) -> str:
    """Digit by digit; what isn't a digit is passed over."""
    return " ".join(DIGITS[int(digit)] for digit in text if digit.isdecimal())


def cardinal(value: int) -> str:
    """A whole number from 0 up: 2024 is `hai nghìn không trăm hai mươi tư`."""
    if value == 0:
        return DIGITS[0]
    if len(str(value)) > _LONGEST:
        return digits(str(value))
    groups: list[int] = []
    while value:
        value, group = divmod(value, 1000)
        groups.append(group)
    words: list[str] = []
    for index in reversed(range(len(groups))):
        if groups[index]:
            words += _hundreds(groups[index], whole=index < len(groups) - 1)
            words += _SCALES[index].split()
    return " ".join(words)


def _hundreds(value: int, *, whole: bool) -> list[str]:
    """A group of three digits; `whole` says that digits stand before it, so that its zeros are read."""
    hundreds, rest = divmod(value, 100)
    words = [DIGITS[hundreds], "trăm"] if hundreds or whole else []
    if not rest:
        return words
    tens, ones = divmod(rest, 10)
    if tens == 0:
        return [*words, *(["linh"] if words else []), DIGITS[ones]]
    words += ["mười"] if tens == 1 else [DIGITS[tens], "mươi"]
    if ones == 1 and tens > 1:
        words.append("mốt")
    elif ones == 4 and tens > 1:
        words.append("tư")
    elif ones == 5:
        words.append("lăm")
    elif ones:
        words.append(DIGITS[ones])
    return words


def number(text: str) -> str:
    """A number as it is written in Vietnamese text: `1.234,5`, `12,5`, `05`, `1,000,000`."""
    if _THOUSANDS_DOT.fullmatch(text) or _THOUSANDS_SPACE.fullmatch(text):
        whole, _, decimals = text.replace(".", "").replace(" ", "").partition(",")
    elif _THOUSANDS_COMMA.fullmatch(text):
        whole, _, decimals = text.replace(",", "").partition(".")
    else:
        whole, _, decimals = text.replace(".", ",").partition(",")
    if decimals == "0" and "," not in text:  # a version: 4.0
        return f"{_whole(whole)} chấm không"
    spoken = _whole(whole)
    return f"{spoken} phẩy {_decimals(decimals)}" if decimals else spoken


def _whole(text: str) -> str:
    # 05 counts five; a longer string that begins with zero, or a very long one, is an identifier.
    if (len(text) > 2 and text.startswith("0")) or len(text) > 12:
        return digits(text)
    return cardinal(int(text))


def _decimals(text: str) -> str:
    if len(text) <= 2 and not text.startswith("0"):
        return cardinal(int(text))
    return digits(text)


def value(text: str) -> float:
    """The value of a number as it is written, to compare the ends of a range."""
    text = text.replace(" ", "")
    if _THOUSANDS_DOT.fullmatch(text):
        return float(text.replace(".", "").replace(",", "."))
    if _THOUSANDS_COMMA.fullmatch(text):
        return float(text.replace(",", ""))
    return float(text.replace(",", "."))


def month(text: str) -> str:
    """A month: the fourth is `tư`."""
    return "tư" if int(text) == 4 else cardinal(int(text))


def weekday(text: str) -> str:
    """The number in `thứ …`, of a day of the week or an order: `nhất` is first, `tư` fourth."""
    return {1: "nhất", 4: "tư"}.get(int(text)) or cardinal(int(text))


_ROMAN: Final = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_ROMAN_FORM: Final = re.compile(r"(C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")


def roman(text: str) -> int | None:
    """The value of a well-formed Roman number up to 399; None for anything else."""
    if not text or not _ROMAN_FORM.fullmatch(text):
        return None
    total = 0
    for letter, following in zip(text, [*text[1:], None], strict=True):
        sign = -1 if following and _ROMAN[following] > _ROMAN[letter] else 1
        total += sign * _ROMAN[letter]
    return total
