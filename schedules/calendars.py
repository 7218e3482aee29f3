"""Calendars: what a day is (public holiday, lunar date), and what local days make of a day's timetable.

Everything here is over plain data. Public holidays are those of Vietnam as the `holidays` package has them, with the
days off that the government sets by decision each year; a year that is not decided yet has its statutory days only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from holidays import country_holidays

from schedules.lunar import LunarDate, lunar_date

Effect = Literal["skip", "move", "replace"]

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A local day, its lunar date and the name of its public holiday; None: an ordinary day."""

    day: date
    lunar: LunarDate
    holiday: str | None

    @property
    def lunar_feast(self) -> str | None:
        """Mùng một or rằm, the first and the fifteenth of the lunar month."""
        return {1: "mùng một", 15: "rằm"}.get(self.lunar.day)


@dataclass(frozen=True, slots=True)
class Start:
    """One airing of a day's timetable: of which schedule, and its naive local time."""

    schedule_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LocalDay:
    """A market, a funeral, an exam week, a mourning: dated (inclusive), at one unit, and what it does to each day.

    "skip": nothing of `schedule_ids` airs (None: of all). "move": it airs `by` later, or earlier. "replace": the
    whole day's timetable is that of `timetable`, whose times of day count.
    """

    name: str
    unit_id: str
    first: date
    last: date
    effect: Effect
    schedule_ids: frozenset[str] | None = None
    by: timedelta = timedelta()
    timetable: tuple[Start, ...] = ()

    def concerns(self, start: Start) -> bool:
        """Whether this start lies in its days and belongs to its schedules."""
        return self.first <= start.at.date() <= self.last and (
            self.schedule_ids is None or start.schedule_id in self.schedule_ids
        )


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a start: where it airs now (None: nowhere), and the local day that made it so."""

    original: Start
    airs: Start | None
    because: LocalDay | None


def calendar(first: date, until: date) -> list[CalendarDay]:
    """The days of [first, until), with their lunar dates and public holidays."""
    known = country_holidays("VN", years=range(first.year, until.year + 1), language="vi")
    days = [first + number * _DAY for number in range((until - first).days)]
    return [CalendarDay(day, lunar_date(day), known.get(day)) for day in days]


def settle(starts: Sequence[Start], local_days: Iterable[LocalDay]) -> list[Settled]:
    """What airs at one place in the end, in order of the original starts; those that a replaced day brings come last.

    Skipping is stronger than replacing, and replacing than moving: a mourning silences a market day's own timetable
    too. Of two moves the one that is named first holds.
    """
    ordered = list(local_days)
    skips, moves = ([one for one in ordered if one.effect == effect] for effect in ("skip", "move"))
    replaces = {day: one for one in reversed(ordered) if one.effect == "replace" for day in _days(one)}
    settled: list[Settled] = []
    for start in sorted(starts, key=lambda one: (one.at, one.schedule_id)):
        skip = next((one for one in skips if one.concerns(start)), None) or replaces.get(start.at.date())
        move = next((one for one in moves if one.concerns(start)), None)
        if skip is not None:
            settled.append(Settled(start, None, skip))
        elif move is not None:
            settled.append(Settled(start, Start(start.schedule_id, start.at + move.by), move))
        else:
            settled.append(Settled(start, start, None))
    for day, replacing in sorted(replaces.items()):
        for planned in replacing.timetable:
            brought = Start(planned.schedule_id, datetime.combine(day, planned.at.time()))
            silenced = next((one for one in skips if one.concerns(brought)), None)
            settled.append(Settled(brought, None if silenced else brought, silenced or replacing))
    return settled


def _days(local_day: LocalDay) -> list[date]:
    return [local_day.first + number * _DAY for number in range((local_day.last - local_day.first).days + 1)]
