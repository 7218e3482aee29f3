"""Short notices of a commune: chosen, filled in, sent for approval; and once approved, put on the air.

The wording is made by the server from what is filled in; `notice.js` shows it with its reading while one types.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Principal
from api.context import Context
from api.pages import newsdesk
from api.pages.forms import Planner, PlannerForm, Short, Writer, WriterForm
from api.pages.news import Draft, bulletin_page, read_draft
from api.pages.templating import page
from api.routes.bulletins import speak
from api.routes.schedule_bodies import ScheduleIn
from api.routes.schedules import scheduled
from broadcast import bulletins, notices, programmes
from broadcast.tables import Bulletin, BulletinVersion, ProgrammeItem
from core import units
from core.errors import Conflict, Invalid, NotFound, TruyenThanhError
from schedules.tables import Airing

router = APIRouter(include_in_schema=False)

RECENT = timedelta(days=7)
SOON = timedelta(minutes=3)  # in which receivers fetch the sound
TIMES = (time(5), time(5, 30), time(11), time(17), time(17, 30), time(19))  # those that stations keep to
OFFERED_TIMES = 5


def waiting(session: Session, unit_id: str, now: datetime) -> list[tuple[Bulletin, BulletinVersion]]:
    """The commune's own notices of the last days that aren't on their way yet: waiting, returned, or approved."""
    rows = session.execute(
        select(Bulletin, BulletinVersion)
        .join(BulletinVersion, BulletinVersion.bulletin_id == Bulletin.id)
        .where(Bulletin.unit_id == unit_id, BulletinVersion.written_at > now - RECENT)
        .order_by(BulletinVersion.number.desc())
    ).all()
    newest: dict[tuple[str, str], tuple[Bulletin, BulletinVersion]] = {}
    for bulletin, version in rows:
        newest.setdefault((bulletin.id, version.language), (bulletin, version))
    kept = [one for one in newest.values() if one[1].status in {"draft", "submitted", "returned", "approved"}]
    aired = set(
        session.scalars(
            select(ProgrammeItem.version_id)
            .join(Airing, Airing.programme_id == ProgrammeItem.programme_id)
            .where(ProgrammeItem.version_id.in_([version.id for _, version in kept]), Airing.status != "cancelled")
        )
    )
    return sorted((one for one in kept if one[1].id not in aired), key=lambda one: one[0].id, reverse=True)


def _place(context: Context, unit_id: str) -> str:
    with context.db.reading() as session:
        return units.name(session, units.get(session, unit_id).id, on=units.date_of(context.clock.now()))


# --- Writing one -----------------------------------------------------------------------------------------------------


@router.get("/xa-toi/{unit_id}/thong-bao", response_class=HTMLResponse)
def choose(request: Request, context: Ctx, who: Writer, unit_id: str) -> Response:
    return page(
        request,
        "notice-choose.html",
        who=who,
        unit_id=unit_id,
        place=_place(context, unit_id),
        templates=notices.TEMPLATES,
        classes=newsdesk.CLASSES,
    )


@router.get("/xa-toi/{unit_id}/thong-bao/{mau}", response_class=HTMLResponse)
def fill(request: Request, context: Ctx, who: Writer, unit_id: str, mau: str) -> Response:
    tomorrow = context.clock.now().astimezone(context.settings.zone).date() + timedelta(days=1)
    return _form(request, context, who, unit_id, notices.named(mau), {"ngay": str(tomorrow)})


async def _filled(request: Request) -> dict[str, str]:
    """What the form holds, right or wrong."""
    form = await request.form()
    names = {gap.name for one in notices.TEMPLATES for gap in one.gaps} | {"title"}
    given = {name: form.get(name) for name in names}
    return {name: value.replace("\0", "")[:5000] for name, value in given.items() if isinstance(value, str)}


Filled = Annotated[dict[str, str], Depends(_filled)]


@router.post("/xa-toi/{unit_id}/thong-bao/{mau}/doc", response_class=HTMLResponse)
def look(request: Request, context: Ctx, who: WriterForm, unit_id: str, mau: str, filled: Filled) -> Response:
    """How it will be read, for the script that shows it while one types."""
    draft, problem = _draft(context, unit_id, notices.named(mau), filled)
    return page(request, "notice-read.html", who=who, problem=problem, **read_draft(context, draft))


@router.post("/xa-toi/{unit_id}/thong-bao/{mau}", response_class=HTMLResponse)
def send(
    request: Request, context: Ctx, who: WriterForm, unit_id: str, mau: str, filled: Filled, viec: Short = "gui"
) -> Response:
    """Written, spoken and handed in for approval at once. What comes in the way of the sound stands at the bulletin."""
    template = notices.named(mau)
    draft, problem = _draft(context, unit_id, template, filled)
    lacking = notices.missing(template, filled)
    if viec != "gui" or problem or lacking:
        if lacking and not problem and viec == "gui":
            problem = f"Còn thiếu: {', '.join(gap.label.lower() for gap in lacking)}."
        return _form(request, context, who, unit_id, template, filled, problem=problem)
    try:
        with context.db.writing() as session:
            version = bulletins.create(
                session,
                title=draft.title,
                text=draft.text,
                class_=template.class_,
                unit_id=unit_id,
                actor=who.actor,
                clock=context.clock,
                characters_max=context.settings.bulletin_characters_max,
            )
            bulletin_id, version_id = version.bulletin_id, version.id
    except TruyenThanhError as error:
        return _form(request, context, who, unit_id, template, filled, problem=error.text("vi"))
    try:
        speak(request, context, who, version_id)
        with context.db.writing() as session:
            bulletins.submit(session, version_id, actor=who.actor, clock=context.clock)
    except TruyenThanhError as error:
        return bulletin_page(request, context, who, bulletin_id, version_id, error)
    return RedirectResponse(f"/xa-toi/{unit_id}#thong-bao", 303)


def _draft(context: Context, unit_id: str, template: notices.Template, filled: dict[str, str]) -> tuple[Draft, str]:
    """The bulletin as it stands, and what is wrong with it."""
    place = _place(context, unit_id)
    title = " ".join(filled.get("title", "").split()) or f"{template.title}, {place}"
    try:
        text, problem = notices.compose(template, filled, unit_name=place), ""
    except Invalid as error:
        text, problem = "", error.text("vi")
    return Draft(title=title, text=text, class_=template.class_, unit_id=unit_id), problem


def _form(
    request: Request,
    context: Context,
    who: Principal,
    unit_id: str,
    template: notices.Template,
    filled: dict[str, str],
    *,
    problem: str = "",
) -> HTMLResponse:
    draft, wrong = _draft(context, unit_id, template, filled)
    return page(
        request,
        "notice.html",
        who=who,
        status=422 if problem else 200,
        unit_id=unit_id,
        place=_place(context, unit_id),
        template=template,
        filled=filled,
        problem=problem or wrong,
        classes=newsdesk.CLASSES,
        **read_draft(context, draft),
    )


# --- On the air ------------------------------------------------------------------------------------------------------


@router.get("/xa-toi/{unit_id}/phat/{version_id}", response_class=HTMLResponse)
def when_to_air(request: Request, context: Ctx, who: Planner, unit_id: str, version_id: str) -> Response:
    return _when(request, context, who, unit_id, version_id)


def _when(
    request: Request,
    context: Context,
    who: Principal,
    unit_id: str,
    version_id: str,
    error: TruyenThanhError | None = None,
) -> HTMLResponse:
    with context.db.reading() as session:
        bulletin, version = _of(session, unit_id, version_id)
        sounds = bulletins.renditions(session, version_id)
    return page(
        request,
        "notice-air.html",
        who=who,
        status=error.status if error else 200,
        unit_id=unit_id,
        place=_place(context, unit_id),
        bulletin=bulletin,
        version=version,
        sounds=sounds,
        starts=starts(context),
        problem=error.text("vi") if error else "",
    )


def _of(session: Session, unit_id: str, version_id: str) -> tuple[Bulletin, BulletinVersion]:
    version = session.get(BulletinVersion, version_id)
    bulletin = session.get(Bulletin, version.bulletin_id) if version else None
    if version is None or bulletin is None or bulletin.unit_id != unit_id:
        raise NotFound(what="thông báo của xã này / notice of this commune", id=version_id)
    return bulletin, version


def starts(context: Context) -> list[datetime]:
    """When it could air: as soon as receivers can have it, and the next times that stations keep to."""
    now, zone = context.clock.now(), context.settings.zone
    local = now.astimezone(zone)
    soon = (local + SOON + timedelta(minutes=1)).replace(second=0, microsecond=0)
    days = (local.date(), local.date() + timedelta(days=1))
    kept = [datetime.combine(day, at, zone) for day in days for at in TIMES]
    return [soon, *[at for at in kept if at > soon][:OFFERED_TIMES]]


@router.post("/xa-toi/{unit_id}/phat/{version_id}", response_class=HTMLResponse)
def air(request: Request, context: Ctx, who: PlannerForm, unit_id: str, version_id: str, luc: Short = "") -> Response:
    """Once, here, between the opening and the closing chime: a programme and a schedule of its own."""
    try:
        start = _start(luc, context)
        with context.db.writing() as session:
            bulletin, _version = _of(session, unit_id, version_id)
            made = programmes.create(
                session,
                title=bulletin.title,
                items=[programmes.Chime(programmes.OPENING), version_id, programmes.Chime(programmes.CLOSING)],
                unit_id=unit_id,
                studio=context.studio,
                actor=who.actor,
                clock=context.clock,
            )
            body: dict[str, Any] = {
                "title": bulletin.title,
                "programme_id": made.id,
                "rule": {"kind": "once", "first_date": start.date(), "local_time": start.time()},
                "unit_ids": [unit_id],
            }
            scheduled(session, context, who, ScheduleIn.model_validate(body))
    except TruyenThanhError as error:
        return _when(request, context, who, unit_id, version_id, error)
    return RedirectResponse(f"/xa-toi/{unit_id}#hom-nay", 303)


def _start(text: str, context: Context) -> datetime:
    try:
        start = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Invalid(what="chưa chọn giờ phát / choose when it airs") from None
    local = start.replace(tzinfo=None).replace(tzinfo=context.settings.zone)
    if local <= context.clock.now():
        raise Conflict(what="giờ đó đã qua, hãy chọn giờ khác / that time is past, choose another one")
    return local
