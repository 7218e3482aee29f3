"""A unit's timetable as a calendar that can be subscribed to, at an address that is its own key."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field

from api import feeds as room
from api.auth.guard import Ctx, Needs, Principal, public
from api.auth.rights import Right
from api.problems import responses
from api.routes import api_router
from api.routes.schemas import Identifier, In, Instant, Out
from broadcast import icalendar, weeks
from core import units
from core.errors import NotFound

router = api_router("feeds")
calendar_router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(Needs(Right.READ_SCHEDULES))]
Planner = Annotated[Principal, Depends(Needs(Right.WRITE_SCHEDULES))]

BACK = timedelta(days=28)  # so that a calendar learns of what was cancelled


class FeedIn(In):
    unit_id: Identifier
    name: str = Field(min_length=1, max_length=100, description="Who uses it, for what", examples=["Điện thoại chị Hà"])


class FeedOut(Out):
    id: str
    unit_id: str
    name: str
    created_by: str
    created_at: Instant
    used_at: Instant | None = Field(description="When a calendar last asked for it, to the minute")
    revoked_at: Instant | None


class FeedMade(Out):
    feed: FeedOut
    path: str = Field(description="The secret address on this server, shown this once")


@router.post("/feeds", summary="Make an address for a unit's calendar", status_code=201, responses=responses(404))
def create_feed(context: Ctx, who: Planner, body: FeedIn) -> FeedMade:
    with context.db.writing() as session:
        feed, secret = room.create(session, unit_id=body.unit_id, name=body.name, actor=who.actor, clock=context.clock)
        return FeedMade(feed=FeedOut.model_validate(feed), path=f"/lich/{secret}.ics")


@router.get("/units/{unit_id}/feeds", summary="Addresses of a unit's calendar that hold", responses=responses(404))
def list_feeds(context: Ctx, _who: Reader, unit_id: str) -> list[FeedOut]:
    with context.db.reading() as session:
        return [FeedOut.model_validate(one) for one in room.of_unit(session, units.get(session, unit_id).id)]


@router.post("/feeds/{feed_id}/revoke", summary="End an address", responses=responses(404))
def revoke_feed(context: Ctx, who: Planner, feed_id: str) -> FeedOut:
    with context.db.writing() as session:
        return FeedOut.model_validate(room.revoke(session, feed_id, actor=who.actor, clock=context.clock))


@calendar_router.get("/lich/{secret}.ics", dependencies=[Depends(public)])
def calendar(request: Request, context: Ctx, secret: str) -> Response:
    """The iCalendar. Who asks with a secret that holds no more learns no more than with one that never did."""
    now = context.clock.now()
    start, until = now - BACK, now + timedelta(days=context.settings.airing_days)
    with context.db.reading() as session:
        feed = room.valid(session, secret)
        if feed is None:
            raise NotFound(what="lịch / calendar", id="…")
        unit = units.name(session, feed.unit_id, on=units.date_of(now))
        entries = weeks.entries(session, feed.unit_id, start, until)
    if room.is_due_for_touch(feed, context.clock):
        with context.db.writing() as session:
            room.touch(session, feed.id, context.clock)
    host = request.url.hostname or "localhost"
    text = icalendar.render(
        f"Lịch phát thanh {unit}", entries, context.settings.zone, start=start, until=until, host=host
    )
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, max-age=300", "Referrer-Policy": "no-referrer"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(text, media_type="text/calendar; charset=utf-8", headers=headers)
