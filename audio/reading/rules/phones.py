"""Telephone numbers and hotlines, digit by digit, with a short pause between groups."""

from __future__ import annotations

import re
from typing import Final

from audio.reading.model import Said, after, before, rule
from audio.reading.numerals import digits

_TRIGGER: Final = (
    r"tổng đài|đường dây nóng|hotline|gọi|bấm|nhấn|quay|điện thoại|đt|sđt|đtdđ|số máy|máy nhánh|liên hệ|liên lạc|"
    r"cảnh sát|công an|cấp cứu|cứu hỏa|cứu hoả|cứu nạn|phòng cháy|chữa cháy|zalo|fax|tel|nhắn tin|"
    r"báo tin|trình báo|phản ánh|"
    r"phím|mã số|đầu số|tin nhắn|bảo vệ trẻ em|viber|whatsapp"
)
_RIGHT_BEFORE: Final = re.compile(
    rf"(?:{_TRIGGER})(?:[\s:\"(]+(?!năm\b|tháng\b|ngày\b|khoảng\b|hơn\b|gần\b|được\b|có\b|trong\b)[^\W\d]+){{0,4}}[\s:.\"(]*$"
)
_ANYWHERE: Final = re.compile(rf"(?:{_TRIGGER})")
_COUNTED: Final = re.compile(
    r"^\s*(?:%|(?:nghìn|triệu|tỷ|tỉ|người|cuộc|vụ|lượt|nạn nhân|trường hợp|hộ|xã|phường|đồng|em|cháu|chị|"
    r"đối tượng|bị|tổ|thôn|"
    r"ngày|giờ|phút|tháng|năm|km|ha|m|kg|cơ sở|đơn vị|cán bộ|chiến sĩ|học sinh|gia đình|ca|tin|"
    r"bài|hồ sơ|đơn|mô hình|điểm)\b)"
)

_CHAIN: Final = r"(?:[ ]*(?:,|;|/|-|và|hoặc|hay)[ ]*(?:(?:số|gọi|tổng đài)[ ]+)?)"
_HOTLINE: Final = r"(?<![\w.,/-])\d{3,6}(?![\d/]|[.,]\d)"
_SHORT: Final = r"(?<![\w.,/-])1(?:0\d|1\d)(?!\d|[.,]\d)"


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
    if not _RIGHT_BEFORE.search(before(match, 60)):
        return None
    return _row(match)


def _short(match: re.Match[str]) -> Said | None:
    """111, 113 … somewhere behind such a word in the same sentence."""
    if not _ANYWHERE.search(before(match, 90)):
        return None
    return _row(match)


def _row(match: re.Match[str]) -> Said | None:
    numbers = list(re.finditer(r"\d+", match.group()))
    if _COUNTED.match(after(match)):
        numbers.pop()  # the last counts something
    if not numbers:
        return None
    end = numbers[-1].end()
    text = match.group()[:end]
    spoken = re.sub(r"\d+", lambda number: digits(number.group()), text)
    spoken = re.sub(r"[ ]*[/;-][ ]*|[ ]*,[ ]*", ", ", spoken)
    return Said(spoken.lower(), end=match.start() + end)


RULES = [
    rule(
        "phone",
        r"(?<![\w./,-])(?:\(?\+[ ]?84\)?|\(0\d{1,4}\)|0\d{2,10})(?:[ .-]{0,2}\(?0?\)?\d{1,10})*(?!\d)(?!/\d)",
        _phone,
    ),
    rule("phone", r"(?<![\w./,-])1[89]00(?:[ .]?\d{2,6}){1,3}(?![\d/]|[.,]\d)", _service),
    rule("phone", rf"{_HOTLINE}(?:{_CHAIN}{_HOTLINE.replace(',/-', '')}){{0,6}}", _hotlines),
    rule("phone", rf"{_SHORT}(?:{_CHAIN}{_SHORT.replace(',/-', '')}){{0,6}}(?![/-]?\d)", _short),
]
