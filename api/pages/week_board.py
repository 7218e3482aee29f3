"""The week board: seven days across, the hours down, what airs in each; by commune or by receiver.

A table of days and hours, so that it is read by a screen reader, printed, and works without a script; `board.js` lets a
card be dragged to another hour, or carried there by the keyboard, which leads to the look before moving
(`api.pages.moving`). Hours in which nothing airs all week and that are quiet throughout stand together in one row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Principal
from api.auth.rights import Right
from api.context import Context
from api.pages.forms import Reader, places_in_sight
from api.pages.moving import SCOPES, read_moved
from api.pages.templating import page
from api.pages.words import WEEKDAYS, sort_key
from broadcast import weeks
from broadcast.icalendar import CLASS_WORDS
from broadcast.planning import highest
from broadcast.rules import RuleBook
from broadcast.weeks import Entry, SheetDay
from core import units
from core.clock import to_ms
from core.errors import Invalid
from devices import registry
from devices.protocol.plan import BroadcastClass
from devices.tables import Receiver
from schedules.rules import merged
from schedules.tables import Schedule

router = APIRouter(include_in_schema=False)

MARKS: dict[str, str] = {"emergency": "▲", "priority": "◆", "ordinary": "○"}
_DAY, _WEEK, _HOUR = timedelta(days=1), timedelta(days=7), timedelta(hours=1)
_FIRST, _LAST = date(2000, 1, 3), date(2199, 12, 23)
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Card:
    """One airing, or a session with all of its slots, on a day."""

    entries: tuple[Entry, ...]

    @property
    def first(self) -> Entry:
        return self.entries[0]

    @property
    def starts_at(self) -> datetime:
        return min(one.starts_at for one in self.entries)

    @property
    def ends_at(self) -> datetime:
        return max(one.ends_at for one in self.entries)

    @property
    def class_(self) -> BroadcastClass:
        return highest(one.class_ for one in self.entries)

    @property
    def open(self) -> int:
        return sum(one.open for one in self.entries)

    @property
    def cancelled(self) -> bool:
        return all(one.cancelled for one in self.entries)

    @property
    def relay(self) -> bool:
        return any(one.relay for one in self.entries)

    @property
    def moved(self) -> bool:
        return any(one.moved_from for one in self.entries)


@dataclass(frozen=True, slots=True)
class Cell:
    """An hour of a day. `quiet`: none, part or all of it, with when."""

    day: date
    hour: int
    cards: tuple[Card, ...]
    quiet: str = ""
    quiet_told: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """An hour of all days; `until` is where the last of several hours that stand together ends."""

    hour: int
    until: int
    cells: tuple[Cell, ...]

    @property
    def together(self) -> bool:
        return self.until > self.hour + 1


@router.get("/lich/bang", response_class=HTMLResponse)
def board(
    request: Request,
    context: Ctx,
    who: Reader,
    noi: Annotated[str, Query(max_length=26, description="A unit")] = "",
    cho: Annotated[str, Query(max_length=26, description="A receiver there")] = "",
    tu: Annotated[date | None, Query(description="A day of the week; not given: this week")] = None,
    doi: Annotated[str, Query(max_length=200, description="What was just moved, to take back")] = "",
) -> Response:
    zone, now = context.settings.zone, context.clock.now()
    today = now.astimezone(zone).date()
    day = tu or today
    if not _FIRST <= day <= _LAST:
        raise Invalid(what="ngày phải từ năm 2000 đến 2199 / the day must lie in the years 2000 to 2199")
    monday = day - timedelta(days=day.weekday())
    with context.db.reading() as session:
        places = places_in_sight(session, who, today)
        receiver = registry.get(session, cho) if cho else None
        unit_id = receiver.unit_id if receiver else noi or (places[0].id if places else "")
        if not unit_id:
            return page(request, "week-board.html", who=who, places=[], rows=[], unit_id="", problem="")
        name = units.name(session, units.get(session, unit_id).id, on=monday)
        days = weeks.week(session, unit_id, monday, zone, receiver_id=cho or None)
        boxes = session.scalars(
            select(Receiver).where(Receiver.unit_id.in_(units.below_query(session, [unit_id], on=today)))
            .where(Receiver.status == "active").limit(60)
        ).all()  # fmt: skip
        quiet = _quiet(session, context, unit_id, monday)
        writable = _writable(session, who, days)
    return page(
        request,
        "week-board.html",
        who=who,
        places=places,
        place=name,
        unit_id=unit_id,
        receiver=receiver,
        boxes=sorted(boxes, key=lambda one: sort_key(one.name)),
        days=days,
        rows=rows(days, quiet, zone),
        first=monday,
        last=monday + _WEEK - _DAY,
        before=monday - _WEEK,
        after=monday + _WEEK,
        today=today,
        weekdays=WEEKDAYS,
        class_words=CLASS_WORDS,
        marks=MARKS,
        writable=writable,
        own=f"/lich/bang?{f'cho={cho}' if cho else f'noi={unit_id}'}&tu={monday}",
        rest_after=today + timedelta(days=context.settings.airing_days),
        **_moved(doi, zone),
    )


def _moved(doi: str, zone: ZoneInfo) -> dict[str, Any]:
    """What was just moved, and the form that takes it back."""
    found = read_moved(doi, zone)
    return {"moved": found and (*found[1:3], SCOPES[found[3]]), "doi": doi, "moved_schedule": doi.partition(".")[0]}


def _writable(session: Session, who: Principal, days: Sequence[SheetDay]) -> set[str]:
    """The schedules of this week that this person may move."""
    reach = who.reach(Right.WRITE_SCHEDULES)
    ids = {entry.schedule_id for day in days for entry in day.entries}
    if not reach or not ids:
        return set()
    return set(session.scalars(select(Schedule.id).where(Schedule.id.in_(ids), reach.at(Schedule.owner_id))))


def _quiet(session: Session, context: Context, unit_id: str, monday: date) -> list[tuple[int, int]]:
    """When nothing ordinary may sound at the unit that week, Unix ms, in order."""
    zone = context.settings.zone
    begins, ends = (to_ms(datetime.combine(one, time(), zone)) for one in (monday, monday + _WEEK))
    path = tuple(units.above(session, unit_id, on=monday))
    place = RuleBook(session, context.settings, monday - _DAY, monday + _WEEK).at(path)
    return merged((one.begins, one.ends) for one in place.forbidden("ordinary", begins, ends))


def rows(days: Sequence[SheetDay], quiet: Sequence[tuple[int, int]], zone: ZoneInfo) -> list[Row]:
    """The board: an hour a row, those that are empty and quiet all week together."""
    held: dict[tuple[date, int], list[Card]] = defaultdict(list)
    for day in days:
        for card in cards(day.entries):
            held[day.about.day, card.starts_at.astimezone(zone).hour].append(card)
    every = []
    for hour in range(24):
        cells = []
        for day in days:
            begins = to_ms(datetime.combine(day.about.day, time(hour), zone))
            share, told = _share(quiet, begins, zone)
            cells.append(Cell(day.about.day, hour, tuple(held[day.about.day, hour]), share, told))
        every.append(tuple(cells))
    found: list[Row] = []
    for blank, hours in groupby(range(24), key=lambda hour: all(c.quiet == "all" and not c.cards for c in every[hour])):
        those = list(hours)
        if blank:
            found.append(Row(those[0], those[-1] + 1, every[those[0]]))
        else:
            found += [Row(hour, hour + 1, every[hour]) for hour in those]
    return found


def _share(quiet: Iterable[tuple[int, int]], begins: int, zone: ZoneInfo) -> tuple[str, str]:
    """How much of this hour is quiet: "", "part" with its times, or "all"."""
    ends = begins + _HOUR_MS
    inside = [(max(one, begins), min(other, ends)) for one, other in quiet if one < ends and other > begins]
    if not inside:
        return "", ""
    if inside[0] == (begins, ends):
        return "all", "giờ yên tĩnh"

    def clock(ms: int) -> str:
        return f"{datetime.fromtimestamp(ms / 1000, zone):%H:%M}"

    return "part", "yên tĩnh " + ", ".join(f"{clock(one)}–{clock(other)}" for one, other in inside)


def cards(entries: Sequence[Entry]) -> list[Card]:
    """A session's slots of one day together; what was left out is told only where all of it was."""
    together: dict[tuple[str, datetime], list[Entry]] = defaultdict(list)
    for entry in entries:
        together[entry.schedule_id, entry.original_start].append(entry)
    found = []
    for those in together.values():
        standing = [one for one in those if not one.cancelled]
        found.append(Card(tuple(standing or those)))
    return sorted(found, key=lambda one: (one.starts_at, one.first.airing_id))
