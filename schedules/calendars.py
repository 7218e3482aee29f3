"""Calendars: what a day is (public holiday, lunar date), and what local days make of a day's timetable.

Everything here is over plain data. Public holidays are those of Vietnam as the `holidays` package has them, with the
days off that the government sets by decision each year; a year that is not decided yet has its statutory days only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from holidays import country_holidays

from schedules.errors import BadLocalDay, UnknownHoliday
from schedules.lunar import LunarDate, lunar_date, solar_date

Effect = Literal["skip", "move", "replace"]
# dates: every day from the first to the last. The others hold within these bounds (no last: open): yearly by the
# common calendar, yearly or monthly by the lunar one, and the public holidays of Vietnam.
DaysKind = Literal["dates", "yearly", "lunar-yearly", "lunar-monthly", "holiday"]

LONGEST_DAYS = 366  # of one time; a term of school, a year of mourning
_DAY = timedelta(days=1)
_MONTH_MOST = {"yearly": 31, "lunar-yearly": 30, "lunar-monthly": 30}


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
class Days:
    """Which days a local day is: `length` days from each of its dates on, all within [first, last].

    `month` and `day` are those of the calendar that the kind names; a leap month of the lunar one has its monthly days
    and no yearly ones. A year without such a day (29 February, a 30th of the lunar month) leaves it out. `holiday`
    is one by its Vietnamese name; empty: any. Raises `BadLocalDay` and `UnknownHoliday` where it makes no sense.
    """

    kind: DaysKind
    first: date
    last: date | None = None
    month: int | None = None
    day: int | None = None
    length: int = 1
    holiday: str = ""

    def __post_init__(self) -> None:
        why = self._wrong()
        if why is not None:
            raise BadLocalDay(why=why)
        if self.holiday and self.holiday not in (known := _holiday_names(self.first.year)):
            raise UnknownHoliday(name=self.holiday, known="; ".join(known))

    def _wrong(self) -> str | None:
        dated, most = self.kind == "dates", _MONTH_MOST.get(self.kind)
        needs = (self.kind in {"yearly", "lunar-yearly"}, most is not None)
        span = (self.last - self.first).days if self.last is not None else None
        checks = (
            (span is not None and span < 0, "ngày cuối đứng trước ngày đầu / the last day is before the first"),
            (
                dated and (span is None or span >= LONGEST_DAYS),
                f"cần ngày cuối, nhiều nhất {LONGEST_DAYS} ngày / name a last day, at most {LONGEST_DAYS} days in all",
            ),
            (
                (self.month is not None, self.day is not None) != needs,
                f"kiểu “{self.kind}” cần đúng tháng, ngày của nó / the kind needs its own month and day, no others",
            ),
            (not 1 <= (self.month or 1) <= 12, "tháng phải từ 1 đến 12 / the month must be 1 to 12"),
            (not 1 <= (self.day or 1) <= (most or 31), f"ngày phải từ 1 đến {most} / the day must be 1 to {most}"),
            (
                self.kind == "yearly" and self._solar(2024) is None,
                "tháng đó không có ngày này / that month has no such day",
            ),
            (
                not 1 <= self.length <= (1 if dated else 31),
                "mỗi lần kéo dài từ 1 đến 31 ngày / each time lasts 1 to 31 days",
            ),
            (
                bool(self.holiday) and self.kind != "holiday",
                "tên ngày lễ chỉ đi với kiểu “holiday” / a holiday's name goes with that kind only",
            ),
        )
        return next((why for wrong, why in checks if wrong), None)

    def within(self, since: date, until: date) -> list[date]:
        """Its days in [since, until), in order."""
        last = min(until - _DAY, self.last or until)
        if self.kind == "dates":
            begin = max(since, self.first)
            return [begin + number * _DAY for number in range((last - begin).days + 1)]
        # One that began before `since` may still last.
        anchors = self._anchors(since - (self.length - 1) * _DAY, until)
        days = {anchor + number * _DAY for anchor in anchors for number in range(self.length)}
        return sorted(day for day in days if max(since, self.first) <= day <= last)

    def _anchors(self, since: date, until: date) -> Iterator[date]:
        if self.kind == "yearly":
            found = [self._solar(year) for year in range(since.year, until.year + 1)]
            yield from (day for day in found if day is not None and since <= day < until)
            return
        if self.kind == "lunar-yearly":
            years = range(since.year - 1, until.year + 1)
            lunar = [LunarDate(year, self.month or 1, leap=False, day=self.day or 1) for year in years]
            yield from (day for day in map(solar_date, lunar) if day is not None and since <= day < until)
            return
        if self.kind == "lunar-monthly":
            days = [since + number * _DAY for number in range((until - since).days)]
            yield from (day for day in days if lunar_date(day).day == self.day)
            return
        for one in calendar(since, until):
            if one.holiday is not None and (not self.holiday or self.holiday in one.holiday.split("; ")):
                yield one.day

    def _solar(self, year: int) -> date | None:
        try:
            return date(year, self.month or 1, self.day or 1)
        except ValueError:
            return None


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
    id: str = ""

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


def _holiday_names(year: int) -> list[str]:
    known = country_holidays("VN", years=range(year, year + 3), language="vi")
    return sorted({name for names in known.values() for name in names.split("; ")})


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
