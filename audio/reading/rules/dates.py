"""Dates: days, months, quarters and years, lists and spans of them."""

from __future__ import annotations

import re
from calendar import monthrange
from itertools import pairwise
from typing import Final

from audio.reading.model import BY_CONTEXT, Said, after, before, rule
from audio.reading.numerals import cardinal, month, roman, weekday
from audio.reading.rules.clock import RATIO_BEFORE

_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH: Final = r"(?:1[0-2]|0?[1-9])"
_YEAR: Final = r"(?:1[5-9]|2[01])\d\d"
# Not behind another number, but for the minutes of a time of day: `từ 7h30 22/10`.
_LEFT: Final = r"(?<![\w/.,-])(?:(?<!\d[ ])|(?<=[hg:]\d\d[ ]))"
_DATE: Final = rf"{_DAY}[ ]?/[ ]?{_MONTH}(?:[ ]?/[ ]?{_YEAR})?"
_AND: Final = r"[ ]*(?:,|;|-|và|hoặc|hay|đến|tới)[ ]*"
_RIGHT: Final = r"(?![\w/]|[.,]\d)"

# Words before a number pair that make it a date, at its very left or with a word or two between.
_DATED: Final = re.compile(
    r"(?:ngày|hôm|sáng|trưa|chiều|tối|đêm|dịp|lễ|tết|khánh|kỷ niệm|nhân|từ|đến|tới|trước|sau|vào|mùng|mồng|rằm|hạn|"
    r"lao động|thiếu nhi|phụ nữ|nhà giáo|thương binh|liệt sĩ|thứ (?:hai|ba|tư|năm|sáu|bảy|\d)|chủ nhật|"
    r"giờ(?: \d+)?(?: phút)?|\d+h\d*|và|cuối tuần|"
    r"hạn \w+|sinh nhật|hôm (?:qua|nay|kia)|mai)[\s,(\"]*(?:ngày)?[\s,(\"]*$"
)
_COUNTED: Final = re.compile(
    r"^\s+(?!năm\b|và\b|đến\b|tới\b|hàng\b|hằng\b|âm\b|dương\b|là\b|tại\b|có\b|để\b|với\b|vừa\b)[^\W\d_]+"
)


def _day(text: str, *, marked: bool = False) -> str:
    """A day of the month; `mùng` up to the tenth, where the text hasn't said it (`marked`)."""
    said = cardinal(int(text))
    return said if int(text) > 10 or marked else f"mùng {said}"


def _one(text: str, *, marked: bool = False) -> str:
    parts = [part.strip() for part in re.split(r"[/.-]", text)]
    words = [_day(parts[0], marked=marked), "tháng", month(parts[1])]
    if len(parts) > 2:
        words += ["năm", cardinal(int(parts[2]))]
    return " ".join(words)


def _marked(match: re.Match[str]) -> bool:
    return bool(re.search(r"(?:mùng|mồng)\s*$", before(match)))


_SURE, _LIKELY, _NONE = "sure", "likely", "none"
_STRONG: Final = re.compile(r"(?:ngày|hôm|sáng|trưa|chiều|tối|đêm|mùng|mồng|rằm|tết|lễ|kỷ niệm|giờ|\d+h\d*)[\s,(\"]*$")
# Ngày Pháp luật Việt Nam 9/11; sáng nay 8/8.
_NAMED_DAY: Final = re.compile(r"(?:(?<!\w)ngày [^.;,:\d]{3,60}|(?<!\w)(?:nay|mai|qua|kia)) $")
# Things that are shared out or counted: behind `từ 5/7` they make it a share rather than a day.
_THINGS: Final = re.compile(
    r"^\s+(?:tổng số |số )?(?:hộ|người|xã|phường|thôn|bản|tổ|ấp|trường|lớp|học sinh|em|cháu|nạn nhân|đại biểu|đồng chí|"
    r"thành viên|chi bộ|tiêu chí|chỉ tiêu|công trình|dự án|diện tích|trường hợp|vụ|đơn vị|cơ sở|mẫu|hồ sơ|phiếu|"
    r"đối tượng|huyện|tỉnh|cơ quan|doanh nghiệp|hợp tác xã|nhiệm vụ|nội dung|dân số)\b"
)


def _standing(date: str, context: str, following: str) -> str:
    """How surely two numbers with a stroke between are a date and not a share."""
    parts = [int(part) for part in re.split(r"\s*/\s*", date)]
    if len(parts) == 3 or _STRONG.search(context) or _LUNAR.match(following):
        return _SURE
    padded = _PADDED.match(date) and not _THINGS.match(following)
    if not padded and _is_ratio(context):
        return _NONE
    if _DATED.search(context) or _NAMED_DAY.search(context):
        return _LIKELY if parts[0] <= parts[1] and _THINGS.match(following) else _SURE
    if padded or (context.endswith("(") and re.match(r"\s*\)", following)):
        return _SURE  # (5/7): in news the day it was
    if parts[0] <= parts[1]:
        return _LIKELY if parts[0] == parts[1] and not _COUNTED.match(following) else _NONE
    return _SURE if parts[0] > _MONTHS else _LIKELY


_MONTHS: Final = 12
_LUNAR: Final = re.compile(r"\s*\(?(?:âm lịch|dương lịch|[âa]l|dl)(?!\w)")


def _is_ratio(context: str) -> bool:
    return bool(_INVALID.search(context) or (RATIO_BEFORE.search(context) and not _DATED.search(context)))


_INVALID: Final = re.compile(r"(?:thương|bệnh) binh(?: hạng| loại)? $")  # 2/4 is how badly hurt
_PADDED: Final = re.compile(r"0\d ?/|\d\d ?/ ?0")  # nobody shares out 03/02


def _dates(match: re.Match[str]) -> str | Said | None:
    """Days and dates in a row: `28, 29 và 30/7`, `25-30/7`, `30/4 - 1/5`, `15/7 đến 15/8/2025`."""
    items = re.split(rf"({_AND})", match.group())
    dates = [item for item in items[::2] if "/" in item]
    context, following = before(match), after(match)
    standing = {_standing(date, context, following) for date in dates}
    if standing == {_NONE}:
        return None
    if len(items) > 1 and "/" not in items[0] and not _days_listed(items[::2], context):
        return None
    words: list[str] = []
    for index, item in enumerate(items):
        if index % 2:
            sign = item.strip()
            words.append({"-": "đến", ";": ","}.get(sign, sign))
            # Two dates with a dash between, the second no later: a list of days (30/4 - 1/5 is a span).
        elif "/" in item:
            words.append(_one(item, marked=index == 0 and _marked(match)))
        else:
            words.append(_day(item, marked=index == 0 and _marked(match)))
    said = " ".join(words).replace(" ,", ",") + _paused(match)
    if not all(_exists(date) for date in dates):
        return Said(said, "impossible")
    if _SURE in standing or len(items) > 1:
        return said
    day, of_month = re.split(r"\s*/\s*", match.group())
    return Said(said, "date", suggestions=(said, f"{cardinal(int(day))} trên {cardinal(int(of_month))}"))


def _days_listed(items: list[str], context: str) -> bool:
    """The numbers before the date are days too: a date word leads, or they rise up to the date."""
    if _DATED.search(context):
        return True
    days = [int(re.split(r"[ /]", item)[0]) for item in items]
    return all(first < second for first, second in pairwise(days))


def _full(match: re.Match[str]) -> str | Said:
    said = _one(match.group(), marked=_marked(match)) + _paused(match)
    return said if _exists(match.group()) else Said(said, "impossible")


def _exists(date: str) -> bool:
    """Whether there is such a day; without a year, in any year."""
    day, of_month, *year = (int(part) for part in re.split(r"[ ]?[/.-][ ]?", date))
    return day <= monthrange(year[0] if year else _LEAP_YEAR, of_month)[1]


_SPAN: Final = 3  # first, joint, last
_LEAP_YEAR: Final = 2024


def _short_year(match: re.Match[str]) -> Said:
    """`ngày 15/8/26`: sure behind a word of dates; alone it may be three numbers."""
    day, of_month, year = re.split(r"[ ]?/[ ]?", match.group())
    whole = f"{day}/{of_month}/20{year}"
    said = _one(whole, marked=_marked(match)) + _paused(match)
    if not _exists(whole):
        return Said(said, "impossible")
    if _standing(f"{day}/{of_month}", before(match), after(match)) == _SURE and _DATED.search(before(match)):
        return Said(said, certainty=BY_CONTEXT)
    return Said(said, "date", suggestions=(said, ", ".join(cardinal(int(one)) for one in (day, of_month, year))))


def _paused(match: re.Match[str]) -> str:
    """A pause between the date of a document and its issuer: `193/QĐ-TTg ngày 09/02/2021 của …`."""
    left = match.string[max(match.start() - 40, 0) : match.start()]
    return "," if _OF_A_DOCUMENT.search(left) and re.match(r"\s+của\b", after(match)) else ""


_OF_A_DOCUMENT: Final = re.compile(r"[-/ ][A-ZĐƯ][\w-]*,?\s+ngày\s+$")


def _dashed_day(match: re.Match[str]) -> str:
    """`ngày 19-5`, `chiều 30.7`, `ngày 7.5 và 19.5`: a day and a month joined by a dash or a point."""
    words = [match["word"].lower()]
    for index, part in enumerate(re.split(rf"({_AND_MORE})", match["date"])):
        words.append(part.strip() if index % 2 else _one(part))
    return " ".join(words).replace(" ,", ",")


_AND_MORE: Final = r"[ ]*,[ ]*|[ ]+(?:và|hoặc|đến|tới)[ ]+"


def _in_words(match: re.Match[str]) -> str:
    """`ngày 5, 6 tháng 4`: the numbers in words, the rest as it stands."""
    marked = match["word"].lower() in {"mùng", "mồng"}
    parts = re.split(rf"({_AND})", match["days"])
    words = [match["word"].lower()]
    row = len(parts) > _SPAN and {part.strip() for part in parts[1::2]} == {"-"}  # ngày 2-4-6: each of them
    for index, part in enumerate(parts):
        words.append(
            {"-": "," if row else "đến"}.get(part.strip(), part.strip())
            if index % 2
            else _day(part, marked=marked and not index)
        )
    return " ".join(words).replace(" ,", ",")


def _months(match: re.Match[str]) -> Said:
    """`tháng 7, 8/2025`, `tháng 4`, `tháng 1-3`."""
    first = _MONTHS_END.match(match["months"])
    if first and not match["year"] and _COUNTED.match(after(match)):  # tháng 7, 4 nạn nhân
        return Said(f"tháng {month(first.group())}", end=match.start("months") + first.end())
    parts = re.split(rf"({_AND})", match["months"])
    words = ["tháng"]
    for index, part in enumerate(parts):
        words.append({"-": "đến"}.get(part.strip(), part.strip()) if index % 2 else month(part))
    if match["year"]:
        words += ["năm", cardinal(int(match["year"]))]
    return Said(" ".join(words).replace(" ,", ","))


_MONTHS_END: Final = re.compile(rf"{_MONTH}(?=[ ]*,)")


def _month_year(match: re.Match[str]) -> str | None:
    if RATIO_BEFORE.search(before(match)):  # tỷ lệ 1/2000
        return None
    if nth := _NTH.search(before(match)):  # lần thứ 5/2025, đợt 2/2025
        order = weekday if nth.group(1) == "thứ" else lambda text: cardinal(int(text))
        return f"{order(match['month'])} năm {cardinal(int(match['year']))}"
    return f"tháng {month(match['month'])} năm {cardinal(int(match['year']))}"


_NTH: Final = re.compile(r"(?<!\w)(thứ|đợt|khóa|lần|kỳ|tập|vòng) $")


def _quarter(match: re.Match[str]) -> str | None:
    """`quý II/2025`, `quý II, III/2025`, `Q3/2025`, `đợt I/2026`."""
    said: list[str] = []
    for part, sign in re.findall(rf"([IV]{{1,3}}|[1-4])({_AND})?", match["numbers"]):
        value = int(part) if part.isdecimal() else roman(part)
        if not value:
            return None
        said.append(cardinal(value) + {"-": " đến ", ",": ", ", ";": ", "}.get(sign.strip(), f" {sign.strip()} "))
    word = "quý" if match["short"] else match["word"].lower()
    return f"{word} {''.join(said).strip()} năm {cardinal(int(match['year']))}"


def _spanned_months(match: re.Match[str]) -> str:
    """`7/2025 - 12/2025`."""
    parts = [
        f"tháng {month(m)} năm {cardinal(int(y))}" for m, y in re.findall(r"(\d{1,2})[ ]?/[ ]?(\d{4})", match.group())
    ]
    said = " đến ".join(parts)
    return said.removeprefix("tháng ") if re.search(r"tháng\s+$", before(match)) else said


_WHOLE_YEAR: Final = 4


def _two_years(match: re.Match[str]) -> str | None:
    """`niên vụ 2024/2025`, `mùa giải 2024/25`."""
    if len(match["second"]) < _WHOLE_YEAR:
        following = int(match["first"]) + 1
        return f"{cardinal(following - 1)}, {cardinal(following)}" if following % 100 == int(match["second"]) else None
    return f"{cardinal(int(match['first']))}, {cardinal(int(match['second']))}"


def _day_or_span(match: re.Match[str]) -> Said | None:
    """`ngày 2-5` alone: the second of May, as newspapers write it, or the second to the fifth."""
    first, second = match["first"], match["second"]
    word = match["word"].lower()
    if int(first) >= int(second):
        return Said(f"{word} {_one(f'{first}/{second}')}", certainty=0.9)
    date, span = f"{word} {_one(f'{first}/{second}')}", f"{word} {_day(first)} đến {_day(second)}"
    return Said(date, "date", suggestions=(date, span))


def _weekdays(match: re.Match[str]) -> str:
    parts = re.split(rf"({_AND})", match["days"].lower())
    words = ["thứ"]
    for index, part in enumerate(parts):
        said = "thứ " * part.startswith("thứ") + weekday(part.removeprefix("thứ").strip()) if index % 2 == 0 else ""
        words.append(said or {"-": "đến"}.get(part.strip(), part.strip()))
    return " ".join(words).replace(" ,", ",")


def _iso(match: re.Match[str]) -> str:
    return f"{_day(match['day'])} tháng {month(match['month'])} năm {cardinal(int(match['year']))}"


RULES = [
    # 0h 12/1 - 24h 15/1: from a day and hour to another
    rule(
        "date",
        r"-(?:(?<=\d-)|(?<=\d[ ]-))[ ]?(?=\d{1,2}(?:[hg]\d{0,2}|:\d\d)[ ,]+(?:ngày[ ])?\d{1,2}/\d)",
        lambda m: " đến " if re.search(r"\d/\d{1,2}(?:/\d{4})?\s*$", before(m)) else None,
    ),
    rule(
        "date",
        rf"{_LEFT}(?P<year>{_YEAR})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12]\d|3[01])(?![\w/-])",
        _iso,
        begins="digit",
    ),
    rule(
        "date",
        rf"{_LEFT}{_MONTH}[ ]?/[ ]?{_YEAR}[ ]*-[ ]*{_MONTH}[ ]?/[ ]?{_YEAR}(?![\w/])",
        _spanned_months,
        begins="digit",
    ),
    rule("date", rf"{_LEFT}{_DAY}([ ]?[.-][ ]?){_MONTH}\1{_YEAR}(?![\w/])", _full, begins="digit"),
    rule(
        "date",
        rf"{_LEFT}(?:{_DAY}{_AND}){{0,8}}{_DATE}(?:{_AND}{_DATE}){{0,4}}{_RIGHT}",
        _dates,
        certainty=BY_CONTEXT,
        begins="digit",
    ),
    rule("date", rf"{_LEFT}{_DAY}[ ]?/[ ]?{_MONTH}[ ]?/[ ]?\d\d(?![\w/-]|[.,]\d)", _short_year, begins="digit"),
    rule(
        "date",
        r"(?<!\w)(?P<word>đến|từ|trước|sau|hết|dịp|lễ)[ ]+"
        rf"(?P<date>(?:1[3-9]|2\d|3[01])-{_MONTH}(?:(?:{_AND_MORE}){_DAY}-{_MONTH}(?![\w-]))*){_RIGHT}",
        _dashed_day,
        re.IGNORECASE,
        begins="before digit",
    ),
    rule(
        "date",
        r"(?<!\w)(?P<word>ngày|sáng|trưa|chiều|tối|đêm)[ ]+"
        rf"(?P<date>(?:1[3-9]|2\d|3[01])-{_MONTH}(?:(?:{_AND_MORE}){_DAY}-{_MONTH}(?![\w-]))*|"
        rf"{_DAY}\.{_MONTH}(?:(?:{_AND_MORE}){_DAY}\.{_MONTH}(?!\w))*){_RIGHT}",
        _dashed_day,
        re.IGNORECASE,
        begins="before digit",
    ),
    rule(
        "date",
        rf"(?<!\w)(?P<word>ngày|sáng|trưa|chiều|tối|đêm)[ ]+(?P<first>{_DAY})-(?P<second>{_MONTH})"
        r"(?![\w/-]|[.,]\d|[ ]*(?:-|đến|tới|tháng|h[àằ]ng|và|,)[ ]*)",
        _day_or_span,
        re.IGNORECASE,
        begins="before digit",
    ),
    rule("date", r"(?<!\w)ngày[ .…]+tháng(?!\w)", lambda _m: Said("ngày tháng", "blank"), re.IGNORECASE),
    rule(
        "date",
        rf"(?<!\w)(?P<word>ngày|hôm|mùng|mồng|đêm|sáng|chiều|tối)[ ]+(?P<days>{_DAY}(?:{_AND}{_DAY}){{0,8}})"
        r"(?=[ ]+tháng\b|[ ]+h[ằà]ng\b|[ ]*(?:đến|tới|và|hoặc|-)[ ]*ngày\b|[ ]*,?[ ]*(?:rạng )?sáng[ ](?:ngày[ ])?\d)",
        _in_words,
        re.IGNORECASE,
        begins="before digit",
    ),
    rule(
        "date",
        rf"(?<!\w)(?P<word>ngày|mùng|mồng)[ ]+(?P<days>{_DAY})(?=[ ]*(?:[,;.)\n\"]|$))(?![.,]\d)",
        _in_words,
        re.IGNORECASE,
        begins="before digit",
    ),
    rule(
        "date",
        rf"(?<!\w)tháng[ ]+(?P<months>{_MONTH}(?:{_AND}{_MONTH}(?!\d)){{0,11}})"
        rf"(?:[ ]?[/-][ ]?(?P<year>{_YEAR}))?(?![\w/]|[.,]\d|[ ]?%)",
        _months,
        re.IGNORECASE,
        begins="before digit",
    ),
    rule(
        "date",
        rf"(?<!\w)(?:(?P<word>quý|học kỳ|kỳ|đợt)[ ]+|(?P<short>Q)(?=[IV1-4]))"
        rf"(?P<numbers>(?:[IV]{{1,3}}|[1-4])(?:{_AND}(?:[IV]{{1,3}}|[1-4])){{0,3}})[ ]?[/-][ ]?(?P<year>{_YEAR})(?!\w)",
        _quarter,
        re.IGNORECASE,
    ),
    rule("date", rf"(?<!\w)T(?P<month>{_MONTH})[ ]?/[ ]?(?P<year>{_YEAR})(?![\w/])", _month_year, begins="capital"),
    rule("date", rf"{_LEFT}(?P<first>{_YEAR})/(?P<second>{_YEAR}|\d\d)(?![\w/])", _two_years, begins="digit"),
    rule("date", rf"{_LEFT}(?P<month>{_MONTH})[ ]?/[ ]?(?P<year>{_YEAR})(?![\w/])", _month_year, begins="digit"),
    rule(
        "date",
        rf"(?<!\w)thứ[ ]+(?P<days>[1-7](?:{_AND}(?:thứ[ ]+)?[2-7](?!\d)){{0,5}})(?![\w/]|[.,]\d)",
        _weekdays,
        re.IGNORECASE,
        begins="before digit",
    ),
]
