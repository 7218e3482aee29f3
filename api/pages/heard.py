"""What is heard at a place on a day: pick a place, see the day as it runs down the page, and listen to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import select

from api.auth.guard import Ctx
from api.pages.forms import Reader
from api.pages.newsdesk import CLASSES, plain
from api.pages.templating import page
from api.pages.words import sort_key
from broadcast import heard as room
from broadcast import heard_items
from core import units
from core.errors import Invalid
from schedules.tables import Airing

router = APIRouter(include_in_schema=False)

_FIRST, _LAST = date(2000, 1, 1), date(2199, 12, 31)

# What isn't heard has the shape of the state of a playout that is nearest to it.
SHAPES: dict[heard_items.State, str] = {
    "gives_way": "cancelled",
    "against_rules": "refused",
    "declined": "refused",
    "unanswered": "unconfirmed",
}


@router.get("/noi-nay", response_class=HTMLResponse)
def choose(request: Request, context: Ctx, who: Reader, tim: Annotated[str, Query(max_length=200)] = "") -> Response:
    wanted = plain(" ".join(tim.split()))
    today = units.date_of(context.clock.now())
    with context.db.reading() as session:
        every = who.only(session, "place", units.standing(session, on=today))
    standing = [one for one in every if one.kind in {"commune", "village"}]
    found = sorted((one for one in standing if wanted in plain(one.name)), key=lambda one: sort_key(one.name))
    return page(request, "places.html", who=who, units=found, search=tim, any=bool(standing))


@router.get("/noi-nay/{unit_id}", response_class=HTMLResponse)
def place(
    request: Request,
    context: Ctx,
    who: Reader,
    unit_id: str,
    ngay: Annotated[date | None, Query(description="Local day; not given: today")] = None,
) -> Response:
    now, settings = context.clock.now(), context.settings
    today = now.astimezone(settings.zone).date()
    day = ngay or today
    if not _FIRST <= day <= _LAST:
        raise Invalid(what="ngày phải từ năm 2000 đến 2199 / the day must lie in the years 2000 to 2199")
    problem = ""
    with context.db.reading() as session:
        name = units.name(session, units.get(session, unit_id).id, on=day)
        try:
            found = room.at_unit(session, unit_id, day, now=now, settings=settings)
        except (room.TooManyReceivers, room.TooFarAhead) as error:
            problem, found = error.text("vi"), room.Day(day, 0, ())
        airings = [item.id for item in found.items if item.kind == "airing"]
        programmes = {
            row.id: row.programme_id
            for row in session.execute(select(Airing.id, Airing.programme_id).where(Airing.id.in_(airings)))
        }
    return page(
        request,
        "heard.html",
        who=who,
        unit_id=unit_id,
        place=name,
        found=found,
        groups=together(found.items),
        day=day,
        noon=datetime.combine(day, datetime.min.time(), settings.zone) + timedelta(hours=12),
        today=today,
        step=timedelta(days=1),
        programmes=programmes,
        words=heard_items.WORDS,
        shapes=SHAPES,
        silent=heard_items.SILENT,
        classes=CLASSES,
        warnings=room.beyond_horizon(day, now, settings),
        problem=problem,
    )


def together(items: Sequence[heard_items.Item]) -> list[list[heard_items.Item]]:
    """What is one thing to whoever listens: the same at the same time, however far each receiver is with it."""
    ordered = sorted(items, key=lambda one: (one.starts_at, one.ends_at, one.id, one.state in heard_items.SILENT))
    by_thing = groupby(ordered, key=lambda one: (one.starts_at, one.ends_at, one.id, one.state in heard_items.SILENT))
    return [list(same) for _, same in by_thing]
