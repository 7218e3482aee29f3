"""The Vietnamese lunar calendar (âm lịch): the lunar date of a day, and the day of a lunar date.

The libraries there are reckon for China, at UTC+8. Vietnam reckons at UTC+7, and where a new moon or a solstice falls
between the two midnights a month, or Tết itself, differs (1985 by a month, 2007 by a day). Hence this is reckoned here,
after Jean Meeus, "Astronomical Algorithms": the instants of new moons and the sun's longitude, in days at UTC+7.
The month that holds the winter solstice is the 11th; of thirteen months between two such, the first one without a
principal term (a multiple of 30° of the sun's longitude) is the leap month. It stands for the years 1900 to 2200.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from math import floor, pi, sin

_ZONE_DAYS = 7 / 24
_NEW_MOON_1900 = 2_415_021.076998695  # Julian date of the one from which new moons are numbered
_MONTH_DAYS = 29.530588853
_TO_ORDINAL = 1_721_425  # Julian day of date.fromordinal(0)
_RAD = pi / 180


@dataclass(frozen=True, slots=True, order=True)
class LunarDate:
    """A day of the lunar calendar. `leap`: of the month that follows the one of the same number (tháng nhuận)."""

    year: int
    month: int
    leap: bool
    day: int


def lunar_date(day: date) -> LunarDate:
    """The lunar date of a day."""
    ordinal = day.toordinal()
    number = floor((ordinal + _TO_ORDINAL - _NEW_MOON_1900) / _MONTH_DAYS)
    start = next(at for at in (_new_moon(number + more) for more in (2, 1, 0, -1)) if at <= ordinal)
    for year in (day.year + 1, day.year, day.year - 1):
        for first, lunar_year, month, leap in _months(year):
            if first == start:
                return LunarDate(lunar_year, month, leap, ordinal - start + 1)
    raise AssertionError(day)  # each month lies between two solstices


def solar_date(lunar: LunarDate) -> date | None:
    """The day of a lunar date; None: that year has no such day (no such leap month, a month of 29 days)."""
    for solstice_year in (lunar.year, lunar.year + 1):
        for first, year, month, leap in _months(solstice_year):
            if (year, month, leap) == (lunar.year, lunar.month, lunar.leap):
                day = date.fromordinal(first) + timedelta(days=lunar.day - 1)
                return day if lunar_date(day) == lunar else None
    return None


@lru_cache(maxsize=512)
def _months(year: int) -> tuple[tuple[int, int, int, bool], ...]:
    """From the 11th month of the year before to the 10th of `year`: (ordinal of its first day, year, month, leap)."""
    first, after = _eleventh(year - 1), _eleventh(year)
    number = floor((first + _TO_ORDINAL - _NEW_MOON_1900) / _MONTH_DAYS + 0.5)
    starts = [start for start in (_new_moon(number + more) for more in range(-1, 15)) if first <= start <= after]
    has_leap = len(starts) == 14
    found: list[tuple[int, int, int, bool]] = []
    month, seen = 10, False
    for start, end in pairwise(starts):
        leap = has_leap and not seen and bool(found) and _term(start) == _term(end)
        seen = seen or leap
        month = month if leap else month % 12 + 1
        found.append((start, year - 1 if month >= 11 and len(found) < 4 else year, month, leap))
    return tuple(found)


@lru_cache(maxsize=512)
def _eleventh(year: int) -> int:
    """The ordinal of the day on which the month of the winter solstice of `year` begins."""
    ordinal = date(year, 12, 31).toordinal()
    number = floor((ordinal + _TO_ORDINAL - _NEW_MOON_1900) / _MONTH_DAYS)
    start = _new_moon(number)
    # A month that begins after the solstice is the 12th.
    return _new_moon(number - 1) if _term(start) >= 9 else start


@lru_cache(maxsize=8192)
def _new_moon(number: int) -> int:
    """The ordinal of the day, in Vietnam, of the new moon of this number after that of 1 January 1900."""
    t = number / 1236.85
    t2, t3 = t * t, t * t * t
    mean = 2_415_020.75933 + 29.53058868 * number + 0.0001178 * t2 - 0.000000155 * t3
    mean += 0.00033 * sin((166.56 + 132.87 * t - 0.009173 * t2) * _RAD)
    sun = (359.2242 + 29.10535608 * number - 0.0000333 * t2 - 0.00000347 * t3) * _RAD
    moon = (306.0253 + 385.81691806 * number + 0.0107306 * t2 + 0.00001236 * t3) * _RAD
    latitude = (21.2964 + 390.67050646 * number - 0.0016528 * t2 - 0.00000239 * t3) * _RAD
    shift = (
        (0.1734 - 0.000393 * t) * sin(sun)
        + 0.0021 * sin(2 * sun)
        - 0.4068 * sin(moon)
        + 0.0161 * sin(2 * moon)
        - 0.0004 * sin(3 * moon)
        + 0.0104 * sin(2 * latitude)
        - 0.0051 * sin(sun + moon)
        - 0.0074 * sin(sun - moon)
        + 0.0004 * sin(2 * latitude + sun)
        - 0.0004 * sin(2 * latitude - sun)
        - 0.0006 * sin(2 * latitude + moon)
        + 0.0010 * sin(2 * latitude - moon)
        + 0.0005 * sin(2 * moon + sun)
    )
    # Dynamical time runs ahead of the earth's turning.
    ahead = -0.000278 + 0.000265 * t + 0.000262 * t2
    return floor(mean + shift - ahead + 0.5 + _ZONE_DAYS) - _TO_ORDINAL


def _term(ordinal: int) -> int:
    """Which twelfth of its yearly course, counted from the spring equinox, the sun is in as this day begins."""
    t = (ordinal + _TO_ORDINAL - 0.5 - _ZONE_DAYS - 2_451_545) / 36_525
    t2 = t * t
    anomaly = (357.52910 + 35_999.05030 * t - 0.0001559 * t2 - 0.00000048 * t * t2) * _RAD
    mean = 280.46645 + 36_000.76983 * t + 0.0003032 * t2
    centre = (1.914600 - 0.004817 * t - 0.000014 * t2) * sin(anomaly)
    centre += (0.019993 - 0.000101 * t) * sin(2 * anomaly) + 0.000290 * sin(3 * anomaly)
    return floor((mean + centre) % 360 / 30)
