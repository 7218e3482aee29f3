"""The week's sheet of a unit: what airs there on which day, made to be printed on A4 and hung up."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from api.auth.guard import Ctx
from api.pages.forms import Reader
from api.pages.templating import page
from api.pages.words import WEEKDAYS, duration, sort_key
from broadcast import weeks
from broadcast.icalendar import CLASS_WORDS
from core import units
from core.errors import Invalid

router = APIRouter(include_in_schema=False)

_WEEK = timedelta(days=7)
MOST_NAMED = 4  # of the places below that one row is for
_FIRST, _LAST = date(2000, 1, 3), date(2199, 12, 23)


@router.get("/tuan", response_class=HTMLResponse)
def choose(request: Request, context: Ctx, who: Reader) -> Response:
    """Whose week? Communes and what is above them, by name."""
    today = context.clock.now().astimezone(context.settings.zone).date()
    with context.db.reading() as session:
        standing = [
            one for one in who.only(session, "place", units.standing(session, on=today)) if one.kind != "village"
        ]
    ordered = sorted(standing, key=lambda one: (one.kind != "province", one.kind != "district", sort_key(one.name)))
    return page(request, "weeks.html", who=who, units=ordered)


@router.get("/tuan/{unit_id}", response_class=HTMLResponse)
def sheet(
    request: Request,
    context: Ctx,
    who: Reader,
    unit_id: str,
    tu: Annotated[date | None, Query(description="A day of the week; not given: this week")] = None,
) -> Response:
    zone = context.settings.zone
    today = context.clock.now().astimezone(zone).date()
    day = tu or today
    if not _FIRST <= day <= _LAST:
        raise Invalid(what="ngày phải từ năm 2000 đến 2199 / the day must lie in the years 2000 to 2199")
    monday = day - timedelta(days=day.weekday())
    with context.db.reading() as session:
        name = units.name(session, units.get(session, unit_id).id, on=monday)
        days = weeks.week(session, unit_id, monday, zone)
    return page(
        request,
        "week.html",
        who=who,
        unit_id=unit_id,
        place=name,
        days=days,
        first=monday,
        last=monday + _WEEK - timedelta(days=1),
        before=monday - _WEEK,
        after=monday + _WEEK,
        this_week=monday <= today < monday + _WEEK,
        today=today,
        weekdays=WEEKDAYS,
        class_words=CLASS_WORDS,
        most_named=MOST_NAMED,
        moved=lambda entry: _moved(entry, zone),
        rest_after=today + timedelta(days=context.settings.airing_days),
        total=duration(sum(one.total_ms for one in days)),
    )


def _moved(entry: weeks.Entry, zone: ZoneInfo) -> str:
    """From when: the time alone where the day stayed the same."""
    before, at = ((one or entry.starts_at).astimezone(zone) for one in (entry.moved_from, entry.starts_at))
    day = "" if before.date() == at.date() else f" {WEEKDAYS[before.weekday()]} {before.day}/{before.month}"
    return f"{before:%H:%M}{day}"
