"""The pages of campaigns: which there are, making one from a dispatch, and what came of one in each commune by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import AfterValidator
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Principal
from api.auth.rights import Right
from api.context import Context
from api.pages.forms import Many, NewsReader, Short, Writer, WriterForm, paged
from api.pages.newsdesk import A_PAGE
from api.pages.scheduling import tree_of
from api.pages.templating import page
from api.pages.words import STATES, sort_key
from api.routes.schemas import without_nul
from broadcast import campaign_plays, dispatches
from broadcast import campaigns as room
from broadcast.tables import Bulletin, BulletinVersion, Campaign, Dispatch
from core import units
from core.errors import Invalid, TruyenThanhError

router = APIRouter(include_in_schema=False)

Words = Annotated[str, Form(max_length=400_000), AfterValidator(without_nul)]

DAYS_SHOWN = 31
COMMUNES_SHOWN = 40  # of 31 days each a page stays below 100 KB
GAPS_SHOWN = 60

# How a verdict is shown: the shape of the state that is nearest to it, and its words.
VERDICTS: Mapping[campaign_plays.Verdict, tuple[str, str]] = {
    "everywhere": ("finished", "phát đủ ở mọi bộ thu"),
    "some": ("partial", "có nơi chưa phát đủ"),
    "unconfirmed": ("unconfirmed", "chưa có bằng chứng"),
    "none": ("missed", "không phát"),
    "ahead": ("planned", "đã hẹn, chưa tới giờ"),
}


@dataclass(slots=True)
class Draft:
    """What the form holds, right or wrong."""

    van_ban: str = ""
    title: str = ""
    first: str = ""
    last: str = ""
    unit_ids: list[str] = field(default_factory=list)


@router.get("/dot", response_class=HTMLResponse)
def every(request: Request, context: Ctx, who: NewsReader, trang: int = 1) -> Response:
    today = context.clock.now().astimezone(context.settings.zone).date()
    with context.db.reading() as session:
        mine = who.sees(session, "campaign")
        total = session.scalar(select(func.count(Campaign.id)).where(mine)) or 0
        pages = max(1, -(-total // A_PAGE))
        number = min(max(1, trang), pages)
        wanted = select(Campaign, Dispatch.number).outerjoin(Dispatch, Dispatch.id == Campaign.dispatch_id).where(mine)
        ordered = wanted.order_by(Campaign.last_date < today, Campaign.first_date, Campaign.id)
        rows = session.execute(ordered.limit(A_PAGE).offset((number - 1) * A_PAGE)).all()
        held = session.execute(
            select(Bulletin.campaign_id, func.count())
            .where(Bulletin.campaign_id.in_([one.id for one, _ in rows]))
            .group_by(Bulletin.campaign_id)
        )
        bulletins = {row[0]: row[1] for row in held}
    return page(request, "campaigns.html", who=who, rows=rows, bulletins=bulletins, today=today, number=number,
                pages=pages)  # fmt: skip


# --- making one ------------------------------------------------------------------------------------------------------


@router.get("/dot/moi", response_class=HTMLResponse)
def new(request: Request, context: Ctx, who: Writer, van_ban: str = "") -> Response:
    """With a dispatch, what was read out of it stands in the form."""
    draft = Draft(van_ban=van_ban)
    if van_ban:
        with context.db.reading() as session:
            dispatch = dispatches.get(session, van_ban)
            today = context.clock.now().astimezone(context.settings.zone).date()
            window = room.window_for(dispatch, today)
            subject = dispatch.subject or ""
            draft.title = subject[:1].upper() + subject[1:]
            draft.first, draft.last = str(window.first), str(window.last)
    return _form(request, context, who, draft)


@router.post("/van-ban", response_class=HTMLResponse)
def take(request: Request, context: Ctx, who: WriterForm, text: Words = "", tep: UploadFile | None = None) -> Response:
    """Take a dispatch as pasted text or as a text file, and go on to the campaign that it is for."""
    given = tep.file.read() if tep is not None and tep.filename else text.encode()
    home = who.home(Right.WRITE_NEWS)
    try:
        read = dispatches.decode(given)
        with context.db.writing() as session:
            dispatch = dispatches.import_dispatch(session, read, unit_id=home, actor=who.actor, clock=context.clock)
            return RedirectResponse(f"/dot/moi?van_ban={dispatch.id}", 303)
    except TruyenThanhError as error:
        return _form(request, context, who, Draft(), text=text, error=error)


@router.post("/dot/moi", response_class=HTMLResponse)
def create(
    request: Request,
    context: Ctx,
    who: WriterForm,
    unit: Many | None = None,
    van_ban: Short = "",
    title: Short = "",
    first: Short = "",
    last: Short = "",
) -> Response:
    draft = Draft(van_ban, title, first, last, unit or [])
    try:
        with context.db.writing() as session:
            campaign = room.create_campaign(
                session,
                title=title,
                dispatch_id=van_ban or None,
                first_date=_day(first),
                last_date=_day(last),
                unit_ids=draft.unit_ids,
                actor=who.actor,
                clock=context.clock,
                zone=context.settings.zone,
            )
            return RedirectResponse(f"/dot/{campaign.id}", 303)
    except TruyenThanhError as error:
        return _form(request, context, who, draft, error=error)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid(what=f"ngày “{text}” không đúng, ví dụ đúng: 2026-07-30 / “{text}” is no date") from None


def _form(
    request: Request,
    context: Context,
    who: Principal,
    draft: Draft,
    *,
    text: str = "",
    error: TruyenThanhError | None = None,
) -> Response:
    now = context.clock.now()
    with context.db.reading() as session:
        dispatch = dispatches.get(session, draft.van_ban) if draft.van_ban else None
        remark = room.window_for(dispatch, now.astimezone(context.settings.zone).date()).remark() if dispatch else ""
        tree = tree_of(session, who.reach(Right.WRITE_NEWS), units.date_of(now))
    return page(
        request,
        "campaign-new.html",
        who=who,
        draft=draft,
        dispatch=dispatch,
        remark=remark,
        tree=tree,
        text=text,
        problem=error.text("vi") if error else "",
        status=error.status if error else 200,
    )


# --- one of them -----------------------------------------------------------------------------------------------------


@router.get("/dot/{campaign_id}", response_class=HTMLResponse)
def one(
    request: Request,
    context: Ctx,
    who: NewsReader,
    campaign_id: str,
    tu: Annotated[date | None, Query(description="First day shown; not given: the part that today lies in")] = None,
    trang: int = 1,
) -> Response:
    """The heat table of communes and days, the bulletins, and the gaps with their reasons."""
    zone, now = context.settings.zone, context.clock.now()
    today = now.astimezone(zone).date()
    reach = who.reach(Right.READ_AIRTIME)
    with context.db.reading() as session:
        campaign = room.get(session, campaign_id)
        dispatch = session.get(Dispatch, campaign.dispatch_id) if campaign.dispatch_id else None
        within = None if reach.everywhere else reach.units
        found = campaign_plays.plays(session, campaign, now=now, zone=zone, within=within)
        bulletins = _bulletins(session, who, campaign_id)
        places = units.names(session, campaign.unit_ids, on=today)
    communes = sorted(found.communes, key=lambda row: sort_key(row.name))
    listed = paged(communes, trang, COMMUNES_SHOWN)
    starts = [found.days[at] for at in range(0, len(found.days), DAYS_SHOWN)]
    at = tu or today
    first = max((day for day in starts if day <= at), default=starts[0])
    days = [day for day in found.days if first <= day < first + timedelta(days=DAYS_SHOWN)]
    return page(
        request,
        "campaign.html",
        who=who,
        campaign=campaign,
        dispatch=dispatch,
        bulletins=bulletins,
        places=list(places.values()),
        communes=listed.shown,
        sums=Counter(verdict for row in communes for verdict in VERDICTS for _ in range(row.of(verdict))),
        owed=sum(row.owed for row in communes),
        sounded=sum(row.sounded for row in communes),
        silent=[row for row in communes if row.empty],
        verdicts=VERDICTS,
        names={row.unit_id: row.name for row in communes},
        gaps=found.gaps[:GAPS_SHOWN],
        gaps_total=len(found.gaps),
        states=STATES,
        days=days,
        starts=starts,
        first=first,
        today=today,
        number=listed.number,
        pages=listed.pages,
    )


@dataclass(frozen=True, slots=True)
class Row:
    """A bulletin of the campaign with the state of its newest version."""

    id: str
    title: str
    status: str


def _bulletins(session: Session, who: Principal, campaign_id: str) -> list[Row]:
    newest = (
        select(BulletinVersion.bulletin_id, func.max(BulletinVersion.id).label("id"))
        .group_by(BulletinVersion.bulletin_id)
        .subquery()
    )
    rows = session.execute(
        select(Bulletin.id, Bulletin.title, BulletinVersion.status)
        .join(newest, newest.c.bulletin_id == Bulletin.id)
        .join(BulletinVersion, BulletinVersion.id == newest.c.id)
        .where(Bulletin.campaign_id == campaign_id, who.sees(session, "bulletin"))
        .order_by(Bulletin.id)
    )
    return [Row(*row) for row in rows]
