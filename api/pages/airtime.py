"""The pages of airtime: what was proven to have sounded where, beside what was to sound; and one place, play by play.

Programme time and cluster time stand apart and are never added together. What is estimated says so.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import func, select

from api import reports
from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.pages.templating import page
from api.pages.words import STATES, sort_key
from api.routes.schemas import DateIn
from broadcast import airtime as room
from broadcast.tables import Playout
from core import units
from devices.tables import Receiver
from schedules.tables import Airing, Schedule

router = APIRouter(include_in_schema=False)
Auditor = Annotated[Principal, Depends(Needs(Right.READ_AIRTIME))]
First = Annotated[DateIn | None, Query(description="Local, inclusive; not given: 30 days up to the last")]
Last = Annotated[DateIn | None, Query(description="Local, inclusive; not given: today")]

A_PAGE = 200


@router.get("/thoi-luong", response_class=HTMLResponse)
def every(request: Request, context: Ctx, who: Auditor, tu: First = None, den: Last = None) -> Response:
    zone, now = context.settings.zone, context.clock.now()
    first, last = reports.period(tu, den, today=now.astimezone(zone).date())
    since, until = reports.instants(first, last, zone)
    with context.db.reading() as session:
        # What lies ahead isn't owed yet.
        rows = room.report(session, since, min(until, now), who.places(Right.READ_AIRTIME)) if since < now else []
    rows = sorted(rows, key=lambda row: sort_key(row.name))
    return page(
        request,
        "airtime.html",
        who=who,
        rows=rows,
        first=first,
        last=last,
        most_ms=max((row.programme_ms for row in rows), default=0),
    )


@router.get("/thoi-luong/{unit_id}", response_class=HTMLResponse)
def place(
    request: Request,
    context: Ctx,
    who: Auditor,
    unit_id: str,
    tu: First = None,
    den: Last = None,
    tt: Annotated[str, Query(max_length=12, description="Only plays in this state")] = "",
    trang: int = 1,
) -> Response:
    """Every play at a place, newest first: planned beside actual, with the reason where it isn't whole."""
    zone, now = context.settings.zone, context.clock.now()
    first, last = reports.period(tu, den, today=now.astimezone(zone).date())
    since, until = reports.instants(first, last, zone)
    with context.db.reading() as session:
        name = units.name(session, units.get(session, unit_id).id, on=_seen_on(last, now.astimezone(zone).date()))
        below = units.below_query(session, [unit_id], on=_seen_on(last, now.astimezone(zone).date()))
        there = (
            Playout.planned_at >= since, Playout.planned_at < min(until, now), Playout.unit_id.in_(below)
        )  # fmt: skip
        counts = {
            row.state: row.held
            for row in session.execute(
                select(Playout.state, func.count().label("held")).where(*there).group_by(Playout.state)
            )
        }
        wanted = (
            select(Playout, Receiver.name.label("receiver"), Schedule.title)
            .join(Receiver, Receiver.id == Playout.receiver_id)
            .join(Airing, Airing.id == Playout.airing_id)
            .join(Schedule, Schedule.id == Airing.schedule_id)
            .where(*there)
            .order_by(Playout.planned_at.desc(), Receiver.name, Playout.receiver_id)
        )
        if tt in STATES:
            wanted = wanted.where(Playout.state == tt)
        total = counts.get(tt, 0) if tt in STATES else sum(counts.values())
        pages = max(1, -(-total // A_PAGE))
        number = min(max(1, trang), pages)
        rows = session.execute(wanted.limit(A_PAGE).offset((number - 1) * A_PAGE)).all()
    return page(
        request,
        "plays.html",
        who=who,
        place=name,
        unit_id=unit_id,
        rows=rows,
        first=first,
        last=last,
        chosen=tt if tt in STATES else "",
        counts=sorted(counts.items(), key=lambda one: STATES[one[0]].rank),
        total=sum(counts.values()),
        number=number,
        pages=pages,
    )


def _seen_on(last: date, today: date) -> date:
    """The tree of the period's last day, as far as there is one yet."""
    return min(last, today)
