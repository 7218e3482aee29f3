"""The RRULE of RFC 5545 (§3.3.10) in local wall time: read strictly, and its local times within a span.

`python-dateutil` says what a rule means. Two things are added. A rule is entered near the span that is asked for
instead of at its first day: the period (day, week, month, year) that a span begins in is counted out, and dateutil
starts there with the parts that its own start would imply made explicit. And plain daily and weekly rules, which are
nearly all of a timetable, are counted out altogether. The tests hold both equal to dateutil from the first day on.

As in dateutil, the start belongs to the rule only where it fits the rule. UNTIL may be a date (that whole day counts),
a local time, or a UTC time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import dropwhile, product, takewhile
from typing import Any, Literal, NoReturn

from dateutil import rrule

from schedules.errors import BadRule, TooManyAirings

Frequency = Literal["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"]

MOST_A_DAY = 96  # every quarter of an hour
MOST_COUNT = 36_600  # daily for a hundred years
MOST_INTERVAL = 10_000
LONGEST_TEXT = 500
FAR = timedelta(days=36_525)  # no rule is looked at further ahead: what is silent for a hundred years never airs

_DAY = timedelta(days=1)
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_ORDINAL = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,5}", re.ASCII)
_UNTIL = re.compile(r"\d{8}(T\d{6}Z?)?", re.ASCII)
# Of each list of numbers: its least and largest value, and whether it may count from the end.
_NUMBERS = {
    "BYSECOND": (0, 59, False),
    "BYMINUTE": (0, 59, False),
    "BYHOUR": (0, 23, False),
    "BYMONTHDAY": (1, 31, True),
    "BYYEARDAY": (1, 366, True),
    "BYWEEKNO": (1, 53, True),
    "BYMONTH": (1, 12, False),
    "BYSETPOS": (1, 366, True),
}
# What RFC 5545 doesn't let stand together.
_NOT_WITH = {
    "BYMONTHDAY": {"WEEKLY"},
    "BYYEARDAY": {"DAILY", "WEEKLY", "MONTHLY"},
    "BYWEEKNO": {"HOURLY", "DAILY", "WEEKLY", "MONTHLY"},
}
_FREQUENCIES: dict[str, Literal[0, 1, 2, 3, 4]] = {"YEARLY": 0, "MONTHLY": 1, "WEEKLY": 2, "DAILY": 3, "HOURLY": 4}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A rule that was read. `by` holds its BY… parts by name, `days` BYDAY as (ordinal or 0, weekday 0…6)."""

    text: str
    frequency: Frequency
    interval: int
    count: int | None
    until: datetime | date | None  # a date, a local (naive) or a UTC (aware) time; inclusive
    by: dict[str, tuple[int, ...]]
    days: tuple[tuple[int, int], ...]
    week_start: int

    def __hash__(self) -> int:
        return hash(self.text)

    @property
    def plain(self) -> bool:
        """Whether it is days or weekdays at some times, which needs no library."""
        return (
            self.frequency in {"DAILY", "WEEKLY"}
            and set(self.by) <= {"BYHOUR", "BYMINUTE", "BYSECOND"}
            and (self.frequency == "WEEKLY" or not self.days)
        )

    def times(self, start: datetime) -> list[time]:
        """The times of day of a rule that isn't hourly, in order."""
        parts = product(
            self.by.get("BYHOUR", (start.hour,)),
            self.by.get("BYMINUTE", (start.minute,)),
            self.by.get("BYSECOND", (start.second,)),
        )
        return [time(*part) for part in sorted(set(parts))]


@lru_cache(maxsize=4096)
def parse(text: str) -> Pattern:
    """Read an RRULE, with or without "RRULE:" before it. Raises `BadRule` and `TooManyAirings`."""
    parts = _parts(text)
    frequency = parts.get("FREQ", "")
    if frequency in {"SECONDLY", "MINUTELY"}:
        raise TooManyAirings(rule=text, most=MOST_A_DAY)
    if frequency not in _FREQUENCIES:
        _refuse(
            text,
            "FREQ phải là YEARLY, MONTHLY, WEEKLY, DAILY hoặc HOURLY",
            "FREQ must be YEARLY, MONTHLY, WEEKLY, DAILY or HOURLY",
        )
    by = {name: _numbers(text, name, parts[name]) for name in _NUMBERS if name in parts}
    for name, others in _NOT_WITH.items():
        if name in by and frequency in others:
            _refuse(text, f"{name} không đi cùng FREQ={frequency}", f"{name} doesn't go with FREQ={frequency}")
    if "COUNT" in parts and "UNTIL" in parts:
        _refuse(text, "COUNT và UNTIL không đi cùng nhau, hãy bỏ một", "COUNT and UNTIL exclude each other, leave one")
    if "BYSETPOS" in by and len(by) == 1 and "BYDAY" not in parts:
        _refuse(text, "BYSETPOS cần thêm một phần BY khác", "BYSETPOS needs another BY part beside it")
    week_start = parts.get("WKST", "MO")
    if week_start not in _WEEKDAYS:
        _refuse(text, "WKST phải là MO … SU", "WKST must be MO … SU")
    pattern = Pattern(
        text=text,
        frequency=frequency,  # type: ignore[arg-type]  # looked up above
        interval=_number(text, "INTERVAL", parts.get("INTERVAL", "1"), MOST_INTERVAL),
        count=_number(text, "COUNT", parts["COUNT"], MOST_COUNT) if "COUNT" in parts else None,
        until=_until(text, parts["UNTIL"]) if "UNTIL" in parts else None,
        by=by,
        days=_days(text, parts["BYDAY"], frequency, by) if "BYDAY" in parts else (),
        week_start=_WEEKDAYS.index(week_start),
    )
    if _most_a_day(pattern) > MOST_A_DAY:
        raise TooManyAirings(rule=text, most=MOST_A_DAY)
    return pattern


def local_starts(pattern: Pattern, start: datetime, low: datetime, high: datetime) -> Iterator[datetime]:
    """The naive local times of the rule that begins at `start`, within [low, high), in order, in whole seconds.

    An UNTIL in UTC is left to whoever knows the zone.
    """
    low = max(low, start)
    high = min(high, _end(pattern, start))
    if low >= high:
        return
    if pattern.plain:
        yield from _counted_out(pattern, start, low, high)
    else:
        entry = _entry(pattern, start, low)
        yield from takewhile(lambda at: at < high, dropwhile(lambda at: at < low, _read(pattern, start, entry)))


def _parts(text: str) -> dict[str, str]:
    body = text.strip().upper().removeprefix("RRULE:")
    if len(text) > LONGEST_TEXT:
        _refuse(f"{text[:40]}…", f"dài quá {LONGEST_TEXT} ký tự", f"it is longer than {LONGEST_TEXT} characters")
    known = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST", *_NUMBERS}
    parts: dict[str, str] = {}
    for part in body.split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            _refuse(text, f"phần “{part}” phải có dạng TÊN=GIÁ-TRỊ", f"the part “{part}” is not of the form NAME=VALUE")
        if name not in known:
            _refuse(text, f"không có phần “{name}”", f"there is no part “{name}”")
        if name in parts:
            _refuse(text, f"phần {name} có hai lần", f"the part {name} stands twice")
        parts[name] = value
    return parts


def _numbers(text: str, name: str, value: str) -> tuple[int, ...]:
    least, largest, signed = _NUMBERS[name]
    found: set[int] = set()
    for one in value.split(","):
        number = int(one) if _NUMBER.fullmatch(one) else None
        size = abs(number) if signed and number is not None else number
        if number is None or size is None or not least <= size <= largest:
            sign = "±" if signed else ""
            _refuse(
                text,
                f"{name}={one}: phải là số từ {sign}{least} đến {sign}{largest}",
                f"{name}={one}: numbers from {sign}{least} to {sign}{largest} are wanted",
            )
        found.add(number)
    return tuple(sorted(found))


def _number(text: str, name: str, value: str, most: int) -> int:
    if not _NUMBER.fullmatch(value) or not 1 <= int(value) <= most:
        _refuse(
            text, f"{name}={value}: phải là số từ 1 đến {most}", f"{name}={value}: a number from 1 to {most} is wanted"
        )
    return int(value)


def _days(text: str, value: str, frequency: str, by: dict[str, tuple[int, ...]]) -> tuple[tuple[int, int], ...]:
    # In a month there are at most 5 of a weekday, in a year 53; elsewhere a number has no meaning.
    most = {"MONTHLY": 5, "YEARLY": 5 if "BYMONTH" in by else 53}.get(frequency, 0)
    if "BYWEEKNO" in by:
        most = 0
    found: set[tuple[int, int]] = set()
    for one in value.split(","):
        match = _ORDINAL.fullmatch(one)
        if match is None:
            _refuse(text, f"BYDAY={one}: phải là MO … SU", f"BYDAY={one}: MO … SU are wanted, as in 2TU or -1FR")
        ordinal = int(match[1]) if match[1] else 0
        if match[1] and not 1 <= abs(ordinal) <= most:
            _refuse(
                text,
                f"BYDAY={one}: ở đây số thứ tự phải từ ±1 đến ±{most}" if most else f"BYDAY={one}: ở đây không có số",
                f"BYDAY={one}: its number must be ±1 to ±{most} here" if most else f"BYDAY={one}: no number fits here",
            )
        found.add((ordinal, _WEEKDAYS.index(match[2])))
    return tuple(sorted(found))


def _until(text: str, value: str) -> datetime | date:
    form = {8: "%Y%m%d", 15: "%Y%m%dT%H%M%S", 16: "%Y%m%dT%H%M%SZ"}.get(len(value), "")
    try:
        at = datetime.strptime(value, form) if _UNTIL.fullmatch(value) else None  # noqa: DTZ007 - local unless Z
    except ValueError:
        at = None
    if at is None:
        _refuse(
            text,
            f"UNTIL={value}: phải có dạng 20261231, 20261231T170000 hoặc 20261231T100000Z",
            f"UNTIL={value}: 20261231, 20261231T170000 or 20261231T100000Z is the form",
        )
    if len(value) == 8:
        return at.date()
    return at.replace(tzinfo=UTC) if value.endswith("Z") else at


def _refuse(text: str, vi: str, en: str) -> NoReturn:
    raise BadRule(rule=text, why=f"{vi} / {en}")


def _most_a_day(pattern: Pattern) -> int:
    within = len(pattern.by.get("BYMINUTE", (0,))) * len(pattern.by.get("BYSECOND", (0,)))
    if pattern.frequency == "HOURLY":
        hours = -(-24 // min(pattern.interval, 24))
        return within * min(hours, len(pattern.by.get("BYHOUR", range(24))))
    return within * len(pattern.by.get("BYHOUR", (0,)))


def _end(pattern: Pattern, start: datetime) -> datetime:
    """The local time before which the rule's last occurrence lies."""
    until = pattern.until
    if pattern.count is not None:
        last = _last_of_count(pattern, start)
        return start if last is None else last + timedelta(seconds=1)
    if isinstance(until, datetime):
        # Of a UTC time no more than a bound is known here.
        return until.replace(tzinfo=None) + (2 * _DAY if until.tzinfo else timedelta(seconds=1))
    if until is not None:
        return datetime.combine(until, time.max)
    return datetime.max  # noqa: DTZ901 - local times are naive


@lru_cache(maxsize=4096)
def _last_of_count(pattern: Pattern, start: datetime) -> datetime | None:
    last = None
    for last in takewhile(lambda at: at - start < FAR, _read(pattern, start, start, pattern.count)):  # noqa: B007
        pass
    return last


def _counted_out(pattern: Pattern, start: datetime, low: datetime, high: datetime) -> Iterator[datetime]:
    times = pattern.times(start)
    for day in _plain_days(pattern, start, low.date().toordinal(), high.date().toordinal()):
        on = date.fromordinal(day)
        for at in times:
            local = datetime.combine(on, at)
            if low <= local < high:
                yield local


def _plain_days(pattern: Pattern, start: datetime, low: int, high: int) -> Iterator[int]:
    """The days from `low` to `high` (proleptic ordinals, inclusive) of a plain rule."""
    origin = start.date().toordinal()
    if pattern.frequency == "DAILY":
        skipped = -(-(low - origin) // pattern.interval)
        yield from range(origin + skipped * pattern.interval, high + 1, pattern.interval)
        return
    step = 7 * pattern.interval
    origin -= (start.weekday() - pattern.week_start) % 7
    wanted = {day for _, day in pattern.days} or {start.weekday()}
    offsets = sorted((day - pattern.week_start) % 7 for day in wanted)
    for week in range(origin + (low - origin) // step * step, high + 1, step):
        yield from (week + offset for offset in offsets if low <= week + offset <= high)


def _entry(pattern: Pattern, start: datetime, low: datetime) -> datetime:
    """Where the period that `low` lies in begins, counted from the rule's own; the start, where that is the same."""
    step = pattern.interval
    if pattern.frequency == "HOURLY":
        return start + (low - start) // timedelta(hours=step) * timedelta(hours=step)
    if pattern.frequency in {"DAILY", "WEEKLY"}:
        length = step if pattern.frequency == "DAILY" else 7 * step
        into = 0 if pattern.frequency == "DAILY" else (start.weekday() - pattern.week_start) % 7
        periods = ((low.date() - start.date()).days + into) // length
        opens = start.date() + timedelta(days=periods * length - into)
    elif pattern.frequency == "MONTHLY":
        periods = (12 * (low.year - start.year) + low.month - start.month) // step
        year, month = divmod(12 * start.year + start.month - 1 + periods * step, 12)
        opens = date(year, month + 1, 1)
    else:
        periods = (low.year - start.year) // step
        opens = date(start.year + periods * step, 1, 1)
    return datetime.combine(opens, time()) if periods else start


def _read(pattern: Pattern, start: datetime, entry: datetime, count: int | None = None) -> Iterator[datetime]:
    """Dateutil's reading from `entry` on, with what `start` implies made explicit."""
    # dateutil looks as far as the year 9999. The calendar repeats every 400 years: moved close to that end, a search
    # that finds nothing is short.
    shift = max((9999 - entry.year - FAR.days // 365) // 400 * 400, 0)
    by: dict[str, Any] = {name.lower(): list(numbers) for name, numbers in pattern.by.items()}
    if pattern.days:
        by["byweekday"] = [rrule.weekday(day, ordinal or None) for ordinal, day in pattern.days]
    if not by.keys() & {"byweekno", "byyearday", "bymonthday", "byweekday"}:
        if pattern.frequency == "YEARLY":
            by.setdefault("bymonth", start.month)
        if pattern.frequency in {"YEARLY", "MONTHLY"}:
            by["bymonthday"] = start.day
        if pattern.frequency == "WEEKLY":
            by["byweekday"] = start.weekday()
    if pattern.frequency != "HOURLY":
        by.setdefault("byhour", start.hour)
    by.setdefault("byminute", start.minute)
    by.setdefault("bysecond", start.second)
    try:
        rule = rrule.rrule(
            _FREQUENCIES[pattern.frequency],
            dtstart=entry.replace(year=entry.year + shift),
            interval=pattern.interval,
            wkst=pattern.week_start,
            count=count,
            **by,
        )
    except ValueError:  # dateutil's word for hours that the interval never meets
        return
    for at in rule:
        yield at.replace(year=at.year - shift)
