"""What was planned beside what happened, and the minutes that it comes to."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import Depends, Query, Response
from fastapi.responses import PlainTextResponse
from pydantic import Field, TypeAdapter
from sqlalchemy import select, tuple_

from api import reports
from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router
from api.routes.schemas import After, DateIn, DurationMs, Instant, InstantIn, Limit, Out, Page, page_of
from broadcast import airtime as room
from broadcast.tables import Playout
from core import units as tree
from core.errors import Invalid

playouts = api_router("playouts")
airtime = api_router("airtime")

Reader = Annotated[Principal, Depends(Needs(Right.READ_TODAY))]
Auditor = Annotated[Principal, Depends(Needs(Right.READ_AIRTIME))]

State = Literal["planned", "delivered", "ready", "playing", "finished", "partial", "missed", "refused", "unconfirmed"]


class PlayoutOut(Out):
    """One airing on one receiver."""

    airing_id: str
    receiver_id: str
    unit_id: str = Field(description="Where the receiver was")
    state: State
    reason: str | None
    planned_at: Instant
    planned_ms: DurationMs
    accepted_at: Instant | None = Field(description="When the receiver accepted a plan with it")
    started_at: Instant | None
    ended_at: Instant | None
    played_ms: DurationMs
    cancelled: bool = Field(description="Not wanted any more; sounded or not")


@playouts.get("/playouts", summary="Playouts by planned time", responses=responses(404))
def list_playouts(
    context: Ctx,
    who: Reader,
    airing_id: str | None = None,
    receiver_id: str | None = None,
    unit_id: Annotated[str | None, Query(description="At or below this unit")] = None,
    state: Annotated[list[State] | None, Query(max_length=20)] = None,
    since: Annotated[InstantIn | None, Query(description="Planned at this instant or later")] = None,
    until: Annotated[InstantIn | None, Query(description="Planned before this instant")] = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[PlayoutOut]:
    order = (Playout.planned_at, Playout.airing_id, Playout.receiver_id)
    wanted = select(Playout).order_by(*order).limit(limit + 1)
    if airing_id:
        wanted = wanted.where(Playout.airing_id == airing_id)
    if receiver_id:
        wanted = wanted.where(Playout.receiver_id == receiver_id)
    if state:
        wanted = wanted.where(Playout.state.in_(state))
    if since:
        wanted = wanted.where(Playout.planned_at >= since)
    if until:
        wanted = wanted.where(Playout.planned_at < until)
    if after:
        wanted = wanted.where(tuple_(*order) > tuple_(*_cursor(after)))
    wanted = wanted.where(who.reach(Right.READ_TODAY).at(Playout.unit_id))
    with context.db.reading() as session:
        if unit_id:
            today = tree.date_of(context.clock.now())
            there = tree.below_query(session, [tree.get(session, unit_id).id], on=today)
            wanted = wanted.where(Playout.unit_id.in_(there))
        return page_of(session.scalars(wanted).all(), limit, PlayoutOut.model_validate, _key)


def _key(playout: Playout) -> str:
    return f"{playout.planned_at.isoformat()}~{playout.airing_id}~{playout.receiver_id}"


_INSTANT: TypeAdapter[datetime] = TypeAdapter(InstantIn)


def _cursor(after: str) -> tuple[datetime, str, str]:
    try:
        planned_at, airing, receiver = after.split("~")
        return _INSTANT.validate_python(planned_at), airing, receiver
    except ValueError as error:
        raise Invalid(what="after không đúng: hãy dùng next của trang trước / after must be the page's next") from error


class AirtimeRow(Out):
    """Proven airtime of one unit. Programme-time counts an airing once, cluster-time once per cluster that sounded."""

    unit_id: str
    name: str
    airings: int
    playouts: int
    programme_ms: DurationMs
    cluster_ms: DurationMs


class AirtimeReport(Out):
    first_date: date
    last_date: date
    timezone: str
    rows: list[AirtimeRow]


First = Annotated[DateIn | None, Query(description="Local, inclusive; default: 30 days up to `last_date`")]
Last = Annotated[DateIn | None, Query(description="Local, inclusive; default: today")]


@airtime.get("/airtime", summary="Proven airtime per unit")
def report(context: Ctx, who: Auditor, first_date: First = None, last_date: Last = None) -> AirtimeReport:
    first, last, rows = _report(context, who, first_date, last_date)
    return AirtimeReport(
        first_date=first,
        last_date=last,
        timezone=context.settings.timezone,
        rows=[AirtimeRow.model_validate(row) for row in rows],
    )


@airtime.get(
    "/airtime.csv",
    summary="The same as a spreadsheet",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/csv": {}}}},
)
def report_csv(context: Ctx, who: Auditor, first_date: First = None, last_date: Last = None) -> Response:
    """UTF-8 with a byte order mark, so that spreadsheets read the Vietnamese; durations in seconds."""
    first, last, rows = _report(context, who, first_date, last_date)
    headers = {"Content-Disposition": f'attachment; filename="airtime-{first}-{last}.csv"'}
    text = reports.airtime_csv(rows, first, last)
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _report(
    context: Context, who: Principal, first: date | None, last: date | None
) -> tuple[date, date, list[room.UnitAirtime]]:
    zone = context.settings.zone
    since, until = reports.period(first, last, today=context.clock.now().astimezone(zone).date())
    with context.db.reading() as session:
        return since, until, room.report(session, *reports.instants(since, until, zone), who.places(Right.READ_AIRTIME))
