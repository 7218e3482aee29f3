"""Local dates and times as people write them, and the instants that they are."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import NoReturn
from zoneinfo import ZoneInfo

from schedules.errors import BadLocalTime, YearOutOfRange, ZonedLocalTime

# Further away, the arithmetic of instants would leave the calendar, and so would any timetable.
FIRST_YEAR, LAST_YEAR = 1900, 2200

_DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}", re.ASCII)


def instant_of(local: datetime, zone: str | ZoneInfo) -> datetime:
    """The UTC instant of a naive local time, as RFC 5545 (§3.3.5) reads those that don't exist or exist twice."""
    # fold=0 of PEP 495 is what it asks for: the first of two, and the offset from before a gap.
    there = ZoneInfo(zone) if isinstance(zone, str) else zone
    return local.replace(tzinfo=there, fold=0).astimezone(UTC)


def told(instant: datetime, zone: str) -> str:
    """An instant in local time, as a message says it."""
    return f"{instant.astimezone(ZoneInfo(zone)):%H:%M:%S %d/%m/%Y}"


def read_date(text: str) -> date:
    """A local date, as 2026-07-28. Raises `BadLocalTime`."""
    day = _read_date(text.strip())
    if day is None:
        _refuse(text, "một ngày / a date", "2026-07-28")
    return day


def read_start(text: str) -> datetime:
    """A naive local time, as 2026-07-28T17:00. Raises `BadLocalTime`, `ZonedLocalTime`."""
    at = _read_time(text.strip())
    if at is None:
        _refuse(text, "một ngày và giờ địa phương / a local date and time", "2026-07-28T17:00")
    if at.tzinfo is not None:
        raise ZonedLocalTime
    return at


def read_exdate(text: str, zone: str) -> datetime | date:
    """A day, or a local time (one with an offset is taken as that instant). Raises `BadLocalTime`."""
    day = _read_date(text.strip())
    if day is not None:
        return day
    at = _read_time(text.strip())
    if at is None:
        _refuse(text, "một ngày, hoặc ngày và giờ địa phương / a date, or a local date and time", "2026-07-28T17:00")
    return at if at.tzinfo is None else at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def _read_date(text: str) -> date | None:
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None
    if day is not None:
        _require_year(text, day.year)
    return day


def _read_time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    _require_year(text, at.year)
    return None if _DATE.fullmatch(text) else at


def _require_year(text: str, year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise YearOutOfRange(text=text, first=FIRST_YEAR, last=LAST_YEAR)


def _refuse(text: str, what: str, example: str) -> NoReturn:
    raise BadLocalTime(text=text, what=what, example=example)
