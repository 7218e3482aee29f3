"""The audit trail: who did what to what, and when."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import Field
from sqlalchemy import select

from api.auth import things, trail
from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.routes import api_router
from api.routes.schemas import After, Instant, InstantIn, Limit, Out, Page, page_of
from core.errors import Invalid
from core.events import Event

router = api_router("events")
SEQ_MAX = 2**63 - 1  # the column is a bigint
Auditor = Annotated[Principal, Depends(Needs(Right.READ_EVENTS))]


class EventOut(Out):
    seq: int = Field(description="Rises with every event; gaps mean nothing")
    at: Instant
    kind: str = Field(examples=["user:bulletin:approved"])
    actor_id: str
    actor_name: str
    subject_kind: str = Field(examples=["bulletin"])
    subject_id: str
    data: dict[str, Any]


@router.get("/events", summary="Events, newest first")
def list_events(
    context: Ctx,
    who: Auditor,
    kind: Annotated[str | None, Query(max_length=80, description="A kind, or its beginning up to a colon")] = None,
    actor_id: Annotated[str | None, Query(max_length=40)] = None,
    subject_kind: Annotated[str | None, Query(max_length=40)] = None,
    subject_id: Annotated[str | None, Query(max_length=64)] = None,
    since: Annotated[InstantIn | None, Query(description="At this instant or later")] = None,
    until: Annotated[InstantIn | None, Query(description="Before this instant")] = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[EventOut]:
    wanted = select(Event).order_by(Event.seq.desc()).limit(limit + 1)
    if kind:
        wanted = wanted.where(Event.kind.startswith(kind, autoescape=True))
    if actor_id:
        wanted = wanted.where(Event.actor_id == actor_id)
    if subject_kind:
        wanted = wanted.where(Event.subject_kind == subject_kind)
    if subject_id:
        wanted = wanted.where(Event.subject_id == subject_id)
    if since:
        wanted = wanted.where(Event.at >= since)
    if until:
        wanted = wanted.where(Event.at < until)
    if after:
        if not after.isdecimal() or int(after) > SEQ_MAX:
            raise Invalid(what="after phải là số thứ tự của một sự kiện / after must be an event's seq")
        wanted = wanted.where(Event.seq < int(after))
    with context.db.reading() as session:
        wanted = wanted.where(trail.seen(session, things.Looker(who.user.id, who.reach(Right.READ_EVENTS))))
        return page_of(session.scalars(wanted).all(), limit, EventOut.model_validate, lambda event: event.seq)
