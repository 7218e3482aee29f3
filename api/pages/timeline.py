"""The day as a time line: where each airing lies between the first hour shown and the last.

Positions are percentages of the width, so that the same drawing fits a wall screen, a phone and paper without
scaling its letters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from api.pages.day import Cell, Commune, Day
from api.pages.words import clock_time, state

LEAST_SPAN = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Tick:
    percent: float
    label: str
    minor: bool  # left out where there is little room


@dataclass(frozen=True, slots=True)
class Mark:
    percent: float
    width: float
    cell: Cell
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    commune: Commune
    marks: list[Mark]
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    start: datetime
    end: datetime
    now_percent: float
    ticks: list[Tick]
    rows: list[Row]


def draw(day: Day, zone: ZoneInfo, communes: list[Commune]) -> Timeline:
    """The time line of these communes: all that airs today and now, at least six hours, from full hour to full hour."""
    start, end = _frame(day)
    width = (end - start).total_seconds()

    def percent(instant: datetime) -> float:
        return round(100 * min(1.0, max(0.0, (instant - start).total_seconds() / width)), 3)

    hours = round(width / 3600)
    step = next(step for step in (1, 2, 3, 4) if hours / step <= 12 or step == 4)
    ticks = []
    for index in range(0, hours + 1, step):
        instant = start + timedelta(hours=index)
        minor = (index // step) % 2 == 1 and hours / step > 5
        ticks.append(Tick(percent(instant), _hour(instant, end, zone), minor))
    rows = [_row(commune, percent, zone) for commune in communes]
    return Timeline(start, end, percent(day.now), ticks, rows)


def _frame(day: Day) -> tuple[datetime, datetime]:
    shown = [airing for airing in day.airings if airing.cells]
    first = min([day.now, *(airing.starts_at for airing in shown)])
    last = max([day.now, *(airing.ends_at for airing in shown)])
    hour = timedelta(hours=1)
    start = max(day.start, day.start + (first - day.start) // hour * hour)
    end = min(day.end, day.start + -(-(last - day.start) // hour) * hour)
    if end - start < LEAST_SPAN:
        missing = LEAST_SPAN - (end - start)
        start = max(day.start, start - (missing // 2 // hour) * hour)
        end = min(day.end, start + LEAST_SPAN)
        start = max(day.start, end - LEAST_SPAN)
    return start, end


def _hour(instant: datetime, end: datetime, zone: ZoneInfo) -> str:
    return "24:00" if instant == end and clock_time(instant, zone) == "00:00" else clock_time(instant, zone)


def _row(commune: Commune, percent: Callable[[datetime], float], zone: ZoneInfo) -> Row:
    marks = []
    for cell in commune.cells:
        left = percent(cell.airing.starts_at)
        width = percent(cell.airing.ends_at) - left
        text = f"{clock_time(cell.airing.starts_at, zone)} {cell.airing.title}: {state(cell.headline).word}"
        marks.append(Mark(left, round(width, 3), cell, cell.headline, text))
    said = "; ".join(mark.text for mark in marks) or "hôm nay không có lần phát nào"
    return Row(commune, marks, f"{commune.unit.name}: {said}")
