"""Telephone numbers and hotlines, digit by digit, with a short pause between groups."""

from __future__ import annotations

import re
from typing import Final

from audio.reading import letters
from audio.reading.model import BY_CONTEXT, Said, after, before, rule
from audio.reading.numerals import digits
from audio.reading.rules import hotlines
from audio.reading.rules.hotlines import CHAIN, RIGHT_BEFORE, numbered, row

_HOTLINE: Final = r"(?<![\w.,/-])\d{3,6}(?![\w/]|[.,]\d)"


def _grouped(text: str) -> str:
    """The groups as they are written; a number written in one piece is cut as announcers cut it."""
    groups = re.findall(r"\d+", text)
    if len(groups) == 1 and len(groups[0]) == 10 and groups[0].startswith("0"):
        groups = [groups[0][:4], groups[0][4:7], groups[0][7:]]
    elif len(groups) == 1 and len(groups[0]) == 11:
        groups = [groups[0][:5], groups[0][5:8], groups[0][8:]]
    elif len(groups) == 1 and len(groups[0]) == 8:
        groups = [groups[0][:4], groups[0][4:]]
    # A group of one digit is no group to the ear.
    joined: list[str] = []
    for group in groups:
        if joined and (len(group) < 2 or len(joined[-1]) < 2):
            joined[-1] += group
        else:
            joined.append(group)
    return ", ".join(digits(group) for group in joined)


def _phone(match: re.Match[str]) -> Said | None:
    """A subscriber's number: nine to eleven digits, cut off where a further group would make it too long."""
    text = match.group()
    country = text.lstrip("(").startswith("+")
    text = text.replace("(0)", "   ") if country else text  # +84 (0)204: not dialled behind the country's number
    pieces = list(re.finditer(r"\d+", text))
    count = 0
    end = 0
    for piece in pieces:
        length = len(piece.group())
        if count + length > 11 + country:
            break
        count += length
        end = piece.end()
    if not 9 <= count <= 11 + country:
        return None
    spoken = _grouped(text[:end])
    return Said(f"cộng {spoken}" if country else spoken, end=match.start() + end)


def _service(match: re.Match[str]) -> str | None:
    count = sum(letter.isdecimal() for letter in match.group())
    return _grouped(match.group()) if 8 <= count <= 10 else None


def _hotlines(match: re.Match[str]) -> Said | None:
    """Hotlines in a row after a word that calls for one; each digit by digit."""
    if not RIGHT_BEFORE.search(before(match, 60)) or numbered(match):
        return None
    return row(match)


_MESSAGE: Final = re.compile(
    r"(?:soạn|nhắn|tin nhắn|cú pháp|sms)(?!\w).{0,70}(?:gửi|tới|đến|về|vào)(?:\s+(?:số|đầu số|tổng đài))*\s*:?\s*$"
)


def _short_code(match: re.Match[str]) -> str | None:
    """Where a message is sent: `soạn tin TK gửi 1414`."""
    return digits(match.group()) if _MESSAGE.search(before(match, 110)) else None


def _keyword(match: re.Match[str]) -> str:
    """What is typed in a message: `soạn tin TE gửi 1414`, letter by letter and digit by digit."""
    return match["word"].lower() + ", ".join(
        " ".join(digits(sign) if sign.isdecimal() else letters.NAMES[sign] for sign in code.lower())
        for code in match["codes"].split()
    )


_IDENTIFIER: Final = re.compile(
    r"(?:mã số thuế|(?<!\w)mst|tài khoản|(?<!\w)stk|(?<!\w)tk|cccd|cmnd|cmtnd|căn cước|chứng minh|"
    r"hộ chiếu|mã số|mã|số thẻ|"
    r"(?<!\w)(?:số|seri)\s+[a-zđ]{1,3}|báo danh|"
    r"giải (?:đặc biệt|đb|nhất|nhì|ba|tư|năm|sáu|bảy|tám|khuyến khích|[1-8])|vé số|chữ số|"
    r"(?<!\w)sbd|số hợp đồng|số tờ khai|imei|số sổ|số seri|số hiệu)[^.;\d]{0,24}$"
)


_OF_A_LIST: Final = re.compile(
    r"(?<!\w)(?:mã (?:chương|ngành|trường|hàng|bưu chính|bưu điện|vùng|nghề|tỉnh|đvqhns|tiểu mục)|tiểu mục|tm):?\s+$"
)


def _identifier(match: re.Match[str]) -> str | None:
    """The number of an account, a card, a tax payer: digit by digit."""
    if _A_SUM.match(after(match)) or _IN_THOUSANDS.fullmatch(match.group()):
        return None
    groups = match.group().split()
    citizen = match.group().startswith("0") and "".join(groups).isdecimal() and sum(map(len, groups)) == _CITIZEN
    return _grouped(match.group()) if citizen or _IDENTIFIER.search(before(match)) else None


_CITIZEN: Final = 12  # digits of a citizen's number


_IN_THOUSANDS: Final = re.compile(r"\d{1,3}(?:\.\d{3})+|\d+[.-]\d{1,2}")
_A_SUM: Final = re.compile(r"\s*(?:đồng|đ|vnđ|vnd|usd|triệu|nghìn)(?!\w)")


RULES = [
    rule(
        "letter",
        r"(?<!\w)(?P<word>(?:[Ss]oạn(?: tin)?|[Nn]hắn tin|[Cc]ú pháp)(?: nhắn)?(?: tin)?(?: theo cú pháp)?[:\s\"]+)"
        r"(?P<codes>[A-ZĐ]{1,8}\d{0,4}(?:[ ][A-ZĐ]{1,8}\d{0,4}){0,3})(?!\w)",
        _keyword,
    ),
    rule(
        "number",
        r"\d(?<![\w.,/-]\d)(?:\d{5,19}|\d{2,4}(?:[ ]\d{2,6}){1,5}|\d{1,5}(?:[.-]\d{1,9}){1,5})(?!\w|[.,/]\d)",
        _identifier,
        certainty=BY_CONTEXT,
        begins="digit",
    ),
    rule(
        "phone",
        r"(?<![\w./,-])(?:\(?\+[ ]?84\)?(?:[ ]?\(0\))?|\(0\d{1,4}\)|0\d{2,10}|84[35789]\d{8}(?!\d))"
        r"(?:[ .-]{0,2}\(?0?\)?\d{1,10})*(?!\d)(?!/\d)",
        _phone,
    ),
    rule(
        "phone",
        r"(?:(?<![\w./,-])|(?<=(?:11\d|022)/))1[89]00(?:[ .-]?\d{2,6}){1,3}(?![\d/]|[.,]\d)",
        _service,
        begins="digit",
    ),
    # a number that begins like an area's and is short: nobody writes a decimal so
    rule("phone", r"(?<![\w./,-])0\d{2,3}\.\d{4,6}(?![\d/]|[.,]\d)", lambda m: _grouped(m.group()), begins="digit"),
    rule(
        "phone",
        r"(?<![\w./,-])\(?02\d{1,2}\)?[ .-]?1022(?![\d/]|[.,]\d)",
        lambda m: _grouped(m.group()),
        begins="digit",
    ),
    rule(
        "phone",
        r"(?<!\S)\+(?P<code>\d{2,4})(?!\w|[.,]\d|[ ]\d)",
        lambda m: (
            f"cộng {digits(m['code'])}" if re.search(r"đầu số|mã vùng|mã quốc gia|cuộc gọi", before(m, 90)) else None
        ),
    ),
    rule(
        "number",
        r"(?<![\w./,-])\d{3,5}(?!\w|[.,/]\d)",
        lambda m: digits(m.group()) if _OF_A_LIST.search(before(m)) else None,
        certainty=BY_CONTEXT,
        begins="digit",
    ),
    rule("phone", r"(?<![\w./,-])\d{3,5}(?!\w|[.,/]\d)", _short_code, certainty=BY_CONTEXT, begins="digit"),
    rule(
        "phone",
        rf"{_HOTLINE}(?:{CHAIN}{_HOTLINE.replace(',/-', '')}){{0,6}}",
        _hotlines,
        certainty=BY_CONTEXT,
        begins="digit",
    ),
    *hotlines.RULES,
]
