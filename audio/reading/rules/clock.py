"""Times of day, spans of them, and short durations."""

from __future__ import annotations

import re
from typing import Final

from audio.reading.model import Said, after, before, rule
from audio.reading.numerals import cardinal, month, number


def _clock(hour: str, minute: str | None, second: str | None = None) -> str:
    words = [cardinal(int(hour)), "giờ"]
    if minute and int(minute):
        words += [cardinal(int(minute)), "phút"]
    if second and int(second):
        words += [cardinal(int(second)), "giây"]
    return " ".join(words)


def _time(match: re.Match[str]) -> str | None:
    hour = int(match["hour"])
    if hour > _LAST_HOUR or (":" in match.group() and RATIO_BEFORE.search(before(match))):
        return None
    said = _clock(match["hour"], match["minute"], match.groupdict().get("second"))
    half = (match.groupdict().get("half") or "").lower()
    return f"{said} {_part_of_day(hour, half)}" if half and hour <= _NOON else said


_LAST_HOUR, _NOON, _EVENING = 24, 12, 6
RATIO_BEFORE: Final = re.compile(r"(?<!\w)(?:tỷ lệ|tỉ lệ|tỷ số|tỉ số|pha|trộn)(?!\w)[^.;\d]{0,24}$")


def _part_of_day(hour: int, half: str) -> str:
    if half == "am":
        return "sáng"
    return "trưa" if hour == _NOON else "chiều" if hour < _EVENING else "tối"


def _times(match: re.Match[str]) -> str | None:
    if int(match["hour"]) > _LAST_HOUR or int(match["hour2"]) > _LAST_HOUR:
        return None
    return f"{_clock(match['hour'], match['minute'])} đến {_clock(match['hour2'], match['minute2'])}"


def _hours(match: re.Match[str]) -> str | None:
    """`7-9h`, `7-9h30`, `24-48h`: the hour is said once."""
    if match["hours"]:
        return f"{cardinal(int(match['first']))} đến {cardinal(int(match['hours']))} giờ"
    first, last = int(match["first"]), int(match["hour"])
    return f"{cardinal(first)} đến {_clock(match['hour'], match['minute'])}" if first < last else None


def _impossible(match: re.Match[str]) -> Said:
    """`25h70`: nobody can come at that time, so it is read as it stands and told."""
    hours, minutes = cardinal(int(match["hour"])), cardinal(int(match["minute"]))
    return Said(f"{hours} giờ {minutes} phút", "impossible")


def _round_the_clock(match: re.Match[str]) -> Said:
    unit = " giờ" if match["unit"] else ""
    return Said(f"hai mươi tư trên {'hai mươi tư' if match['of'] == '24' else 'bảy'}{unit}")


_GAP: Final = r"(?:[ ](?=\d\d(?![\d/])))?"  # between hour and minute; in `0h 12/1` it is a day that follows


def _hm(name: str) -> str:
    return (
        rf"(?P<hour{name}>[01]?\d|2[0-4])[ ]?(?:[hgH:]|giờ)(?:{_GAP}(?P<minute{name}>[0-5]\d)(?!\d)"
        r"(?:[ ]?(?:phút|ph|p|'))?)?"
    )


def _duration(match: re.Match[str]) -> str:
    return f"{cardinal(int(match['number']))} {_DURATIONS[match['unit']]}"


_DURATIONS: Final = {"'": "phút", "p": "phút", "ph": "phút", "s": "giây", "phút": "phút", "h": "giờ"}


def _minutes(match: re.Match[str]) -> str:
    """`32'15"`, and as runners are timed `4'58"60`, `13"25`."""
    words = [f"{cardinal(int(match['minutes']))} phút"] if match["minutes"] else []
    words.append(f"{cardinal(int(match['seconds'] or match['only']))} giây")
    hundredths = match["hundredths"] or match["parts"]
    return " ".join([*words, number(hundredths)] if hundredths else words)


def _degrees(match: re.Match[str]) -> str:
    """`20°54'B`, `106°12'Đ`, `18,9°N`: the place of a storm or a ship."""
    words = [number(match["degrees"]), "độ"]
    if match["minutes"]:
        words += [cardinal(int(match["minutes"])), "phút"]
    if match["side"]:
        words.append(_SIDES[match["side"]])
    return " ".join(words)


_SIDES: Final = {
    "N": "vĩ bắc", "B": "vĩ bắc", "S": "vĩ nam", "E": "kinh đông", "Đ": "kinh đông", "W": "kinh tây", "T": "kinh tây",
}  # fmt: skip


def _on_a_day(match: re.Match[str]) -> str | None:
    """`7h/12/9`, `19h30/30/4/2026`, `22h/8 đến 5h/9/11`: the time of day, then the day."""
    day, *rest = (int(part) for part in match["date"].split("/"))
    if not rest and not _ANOTHER.match(after(match)):
        return None
    of_month, *year = rest or [1]
    if not (1 <= day <= _DAYS and 1 <= of_month <= _MONTHS):
        return None
    words = [_clock(match["hour"], match["minute"]), "ngày", "mùng " * (day <= _MARKED) + cardinal(day)]
    words += ["tháng", month(str(of_month))] if rest else []
    words += [*(["năm", cardinal(year[0])] if year else [])]
    return " ".join(words)


_ANOTHER: Final = re.compile(r"\s*(?:-|đến|tới)\s*\d{1,2}[hg]")
_DAYS, _MONTHS, _MARKED = 31, 12, 10

# In a range: `7-9g`, `2 - 4 g chiều`; but `1-2 g`, `1-2g/lít` are grams.
_HOUR_G: Final = r"(?:g(?![ ]?/[ ]?[^\W\d])|[ ]g(?=\d|[ ](?:sáng|trưa|chiều|tối|đêm)\b))"

_ANGLE: Final = r"\d{1,3}(?:[.,]\d{1,4})?"

RULES = [
    rule(
        "time",
        rf"(?<![\w:/.,]){_hm('')}[ ]?/[ ]?(?P<date>\d{{1,2}}(?:/\d{{1,2}}(?:/20\d\d)?)?)(?![\w/]|[.,]\d)",
        _on_a_day,
        begins="digit",
    ),
    rule(
        "unit",
        r"(?<![\w.,])(?P<degrees>\d{1,3})[°º](?:(?P<minutes>[0-5]?\d)'(?:\d{1,2}(?:[.,]\d+)?\")?(?P<side>[NSEWBĐT](?!\w))?)",
        _degrees,
        begins="digit",
    ),
    rule(
        "unit",
        rf"(?<![\w.,])(?P<north>{_ANGLE})[ ]?[°º]?[ ]?(?P<lat>[NSB])(?:[ ]?[-,;/]?[ ]?)"
        rf"(?P<east>{_ANGLE})[ ]?[°º]?[ ]?(?P<lon>[EĐW])(?!\w)",
        lambda m: f"{number(m['north'])} độ {_SIDES[m['lat']]}, {number(m['east'])} độ {_SIDES[m['lon']]}",
        begins="digit",
    ),
    rule(
        "time",
        r"(?<![\w/.,])24[ ]?/[ ]?(?P<of>24|7)(?P<unit>[ ]?(?:h|giờ))?(?![\w/])",
        _round_the_clock,
        begins="digit",
    ),
    rule(
        "time",
        r"(?<![\w/.,])24[ ]?[hg][ ]?/[ ]?(?P<of>24|7)(?P<unit>[ ]?[hg]|(?=7))?(?!\w)",
        _round_the_clock,
        begins="digit",
    ),
]
# Of what no date is.
RULES_LAST = [
    rule("time", rf"(?<![\w:/.,]){_hm('')}[ ]*(?:-|đến|tới)[ ]*{_hm('2')}(?![\w:])", _times, begins="digit"),
    rule(
        "time",
        r"(?<![\w:/.,-])(?P<first>\d{1,2})[ ]?-[ ]?"
        rf"(?:(?P<hour>[01]?\d|2[0-4])(?:[ ]?h|{_HOUR_G})(?P<minute>[0-5]\d)?'?|(?P<hours>\d{{2,3}})[ ]?h)(?!\w)",
        _hours,
        begins="digit",
    ),
    rule(
        "time",
        r"(?<![\w:/.,])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)"
        r"(?::(?P<second>[0-5]\d))?(?:[ ]?(?:h|giờ|'))?(?:[ ]?(?P<half>[AaPp][Mm]))?(?![\w:]|[.,]\d)",
        _time,
        begins="digit",
    ),
    rule(
        "time",
        r"(?<![\w:/.,])(?P<hour>[01]?\d|2[0-4])[ ]?(?:[hH]|g(?=\d|[ ](?:sáng|trưa|chiều|tối|đêm)\b))"
        rf"(?:{_GAP}(?P<minute>[0-5]\d)(?!\d))?(?:[ ]?(?:phút|ph|p|'))?(?!\w)",
        _time,
        begins="digit",
    ),
    rule(
        "time",
        r"(?<![\w:/.,])(?P<hour>[01]?\d|2[0-4])[ ]giờ[ ](?P<minute>[0-5]?\d)(?:[ ]?(?:phút|'))?(?![\w:/])",
        _time,
        begins="digit",
    ),
    rule("time", r"(?<![\w:/.,])(?P<hour>\d{1,2})[hHg](?P<minute>\d\d)(?!\w)", _impossible, begins="digit"),
    rule(
        "time",
        r"(?<![\w:/.,])(?:(?P<minutes>\d{1,2})'(?P<seconds>[0-5]?\d)(?:''|\"|s)(?P<hundredths>\d\d)?"
        r"|(?P<only>[0-5]?\d)(?:''|\")(?P<parts>\d\d))(?!\w)",
        _minutes,
        begins="digit",
    ),
    rule("time", r"(?<![\w:/.,])(?P<number>\d{2,3})[ ]?(?P<unit>h)(?!\w)", _duration, begins="digit"),
    rule("time", r"(?<![\w:/.,])(?P<number>\d{1,3})[ ]?(?P<unit>'|p|ph|s)(?![\w'])", _duration, begins="digit"),
]
