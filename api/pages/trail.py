"""Nhật ký thao tác: who did what to what, newest first, as far as a person's right to read it reaches."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import select

from api.auth import things, trail
from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.pages import trail_words
from api.pages.templating import page
from core.events import Event

router = APIRouter(include_in_schema=False)
Auditor = Annotated[Principal, Depends(Needs(Right.READ_EVENTS))]

A_PAGE = 100
SEQ_MAX = 2**63 - 1
# By the beginning of the kind: what people look for.
FILTERS = {
    "": "Tất cả",
    "user:bulletin:": "Bản tin",
    "user:schedule:": "Lịch phát",
    "user:airing:": "Lần phát",
    "user:receiver:": "Bộ thu",
    "user:grant:": "Cấp quyền",
    "user:login:": "Đăng nhập",
    "user:": "Mọi việc của người",
    "system:": "Việc của hệ thống",
}
_TOLD_MOST = 200
_ROWS = {"decision", "grant"}  # where it is written down: nothing to a person


@router.get("/nhat-ky", response_class=HTMLResponse)
def every(
    request: Request,
    context: Ctx,
    who: Auditor,
    loc: Annotated[str, Query(max_length=80)] = "",
    ai: Annotated[str, Query(max_length=200, description="Part of a name")] = "",
    truoc: Annotated[int | None, Query(ge=1, le=SEQ_MAX, description="Before this one")] = None,
) -> Response:
    wanted = select(Event).order_by(Event.seq.desc()).limit(A_PAGE + 1)
    if loc:
        wanted = wanted.where(Event.kind.startswith(loc, autoescape=True))
    if ai.strip():
        wanted = wanted.where(Event.actor_name.icontains(ai.strip(), autoescape=True))
    if truoc is not None:
        wanted = wanted.where(Event.seq < truoc)
    with context.db.reading() as session:
        wanted = wanted.where(trail.seen(session, things.Looker(who.user.id, who.reach(Right.READ_EVENTS))))
        found = session.scalars(wanted).all()
        rows = found[:A_PAGE]
        about = trail_words.subjects(session, rows)
    return page(
        request,
        "trail.html",
        who=who,
        rows=[(one, about.get((one.subject_kind, one.subject_id)), _details(one.data)) for one in rows],
        filters=FILTERS,
        chosen=loc,
        actor=ai,
        sentence=trail_words.sentence,
        older=rows[-1].seq if len(found) > A_PAGE else None,
    )


def _details(data: dict[str, object]) -> list[tuple[str, str]]:
    return [
        (trail_words.DETAILS.get(name, name), _told(value))
        for name, value in data.items()
        if value not in (None, [], "")
    ]


def _told(value: object) -> str:
    text = ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)
    return text if len(text) <= _TOLD_MOST else f"{text[:_TOLD_MOST]}…"
