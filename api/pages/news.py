"""The pages of bulletins: the list, writing with how it will be read beside it, and one bulletin until its approval.

Everything works as plain forms. `write.js` shows the reading while one types and keeps what was typed if the browser
goes away; `news.js` shows how far the speaking is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import AfterValidator
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, NeedsForm, Principal
from api.auth.rights import Right
from api.context import Context
from api.pages import newsdesk, spoken
from api.pages.forms import NewsReader as Reader
from api.pages.forms import NewsReaderForm as ReaderForm
from api.pages.forms import Short, Writer, WriterForm
from api.pages.templating import page
from api.pages.words import sort_key
from api.routes.bulletins import BroadcastClass, speak
from api.routes.schemas import without_nul
from audio import lexicon
from audio.reading import read
from audio.voices.espeak import RATE_WPM
from broadcast import bulletins, withdrawal
from broadcast.bulletin_lexicon import lexicon_of
from broadcast.tables import Bulletin
from core import units
from core.errors import Invalid, TruyenThanhError
from core.events import Actor

router = APIRouter(include_in_schema=False)

ApproverForm = Annotated[Principal, Depends(NeedsForm(Right.APPROVE_NEWS))]
LexiconForm = Annotated[Principal, Depends(NeedsForm(Right.WRITE_LEXICON))]

Words = Annotated[str, Form(max_length=400_000), AfterValidator(without_nul)]


@dataclass(slots=True)
class Draft:
    """What the form holds, right or wrong: it comes back as it was typed."""

    title: str = ""
    text: str = ""
    class_: str = "ordinary"
    unit_id: str = ""
    rate: str = ""
    campaign_id: str = ""


@router.get("/ban-tin", response_class=HTMLResponse)
def every(
    request: Request,
    context: Ctx,
    who: Reader,
    loc: str = "",
    tim: Annotated[str, Query(max_length=200)] = "",
    trang: int = 1,
) -> Response:
    with context.db.reading() as session:
        listed = newsdesk.listed(session, who, chosen=loc, search=tim, number=trang)
    return page(request, "bulletins.html", who=who, listed=listed, chosen=loc, search=tim, filters=newsdesk.FILTERS,
                classes=newsdesk.CLASSES)  # fmt: skip


# --- Writing -----------------------------------------------------------------------------------------------------


@router.get("/ban-tin/moi", response_class=HTMLResponse)
def new(request: Request, context: Ctx, who: Writer, dot: str = "") -> Response:
    return _form(request, context, who, Draft(campaign_id=dot))


@router.get("/ban-tin/{bulletin_id}/sua", response_class=HTMLResponse)
def edit(request: Request, context: Ctx, who: Writer, bulletin_id: str, ban: str | None = None) -> Response:
    with context.db.reading() as session:
        desk = newsdesk.desk(session, bulletin_id, ban, now=context.clock.now())
    return _form(request, context, who, _draft_of(desk), desk=desk)


def _draft_of(desk: newsdesk.Desk) -> Draft:
    rate = desk.bulletin.rate_wpm
    return Draft(
        title=desk.bulletin.title,
        text=desk.version.text,
        class_=desk.bulletin.class_,
        unit_id=desk.bulletin.unit_id or "",
        rate=str(rate) if rate else "",
    )


@router.post("/ban-tin/moi", response_class=HTMLResponse)
def create(
    request: Request,
    context: Ctx,
    who: WriterForm,
    title: Short = "",
    text: Words = "",
    class_: Annotated[BroadcastClass, Form(alias="class")] = "ordinary",
    unit_id: Short = "",
    rate: Short = "",
    dot: Short = "",
    viec: Short = "",
) -> Response:
    draft = Draft(title, _lines(text), class_, unit_id, rate, dot)
    if viec == "doc":
        return _form(request, context, who, draft)
    try:
        with context.db.writing() as session:
            version = bulletins.create(
                session,
                title=title,
                text=draft.text,
                class_=class_,
                # One for a campaign is its places'.
                unit_id=unit_id or (None if dot else who.home(Right.WRITE_NEWS)),
                campaign_id=dot or None,
                actor=who.actor,
                clock=context.clock,
                characters_max=context.settings.bulletin_characters_max,
            )
            if wanted := _rate(rate):
                bulletins.set_rate(session, version.bulletin_id, rate_wpm=wanted, actor=who.actor, clock=context.clock)
            return _to(version.bulletin_id)
    except TruyenThanhError as error:
        return _form(request, context, who, draft, error=error)


@router.post("/ban-tin/{bulletin_id}/sua", response_class=HTMLResponse)
def save(
    request: Request,
    context: Ctx,
    who: WriterForm,
    bulletin_id: str,
    ban: Short = "",
    text: Words = "",
    rate: Short = "",
    viec: Short = "",
) -> Response:
    with context.db.reading() as session:
        desk = newsdesk.desk(session, bulletin_id, ban or None, now=context.clock.now())
    draft = _draft_of(desk)
    draft.text, draft.rate = _lines(text), rate
    if viec == "doc":
        return _form(request, context, who, draft, desk=desk)
    try:
        with context.db.writing() as session:
            if _rate(rate) != desk.bulletin.rate_wpm:
                bulletins.set_rate(session, bulletin_id, rate_wpm=_rate(rate), actor=who.actor, clock=context.clock)
            if draft.text.strip() == desk.version.text and desk.version.id == desk.newest.id:
                return _to(bulletin_id, desk.version.id)
            version = bulletins.edit(
                session,
                desk.version.id,
                text=draft.text,
                actor=who.actor,
                clock=context.clock,
                characters_max=context.settings.bulletin_characters_max,
            )
            return _to(bulletin_id, version.id)
    except TruyenThanhError as error:
        return _form(request, context, who, draft, desk=desk, error=error)


@router.post("/ban-tin/doc", response_class=HTMLResponse)
def preview(
    request: Request, context: Ctx, who: ReaderForm, text: Words = "", unit_id: Short = "", rate: Short = ""
) -> Response:
    """How a text will be read: the right-hand side of the page of writing, for the script that keeps it up to date."""
    return page(request, "preview.html", who=who, **read_draft(context, Draft(text=_lines(text), unit_id=unit_id,
                rate=rate)))  # fmt: skip


def _form(
    request: Request,
    context: Context,
    who: Principal,
    draft: Draft,
    *,
    desk: newsdesk.Desk | None = None,
    error: TruyenThanhError | None = None,
) -> HTMLResponse:
    with context.db.reading() as session:
        today = units.date_of(context.clock.now())
        standing = [
            one for one in who.only(session, "place", units.standing(session, on=today)) if one.kind != "village"
        ]
    standing.sort(key=lambda one: (one.kind != "province", one.kind != "district", sort_key(one.name)))
    return page(
        request,
        "write.html",
        who=who,
        status=error.status if error else 200,
        draft=draft,
        desk=desk,
        problem=error.text("vi") if error else "",
        units=standing,
        classes=newsdesk.CLASSES,
        characters_max=context.settings.bulletin_characters_max,
        **read_draft(context, draft),
    )


def read_draft(context: Context, draft: Draft, bulletin: Bulletin | None = None) -> dict[str, Any]:
    """How a draft is read by the lexicon of its place."""
    now = context.clock.now()
    today = units.date_of(now)
    with context.db.reading() as session:
        known = bulletin or Bulletin(unit_id=draft.unit_id or None, campaign_id=draft.campaign_id or None)
        names = lexicon_of(session, known, on=today)
    text = draft.text[: context.settings.bulletin_characters_max]
    found = read(text, names)
    rate = _rate(draft.rate, none_for_wrong=True) or RATE_WPM
    return {
        "pieces": spoken.pieces(text, found),
        "doubts": [(one, spoken.why(one), spoken.choices(one)) for one in found.warnings],
        "in_lexicon": spoken.IN_LEXICON,
        "syllables": len(found.spoken.split()),
        "seconds": spoken.seconds_of(found.spoken, rate),
    }


def _lines(text: str) -> str:
    """Browsers send line ends as CR LF."""
    return text.replace("\r\n", "\n")


def _rate(text: str, *, none_for_wrong: bool = False) -> int | None:
    """Words a minute; what is no number is refused as the room refuses it."""
    text = text.strip()
    if not text:
        return None
    if text.isdecimal() and len(text) < 6:
        return int(text)
    return None if none_for_wrong else 0


# --- One bulletin ------------------------------------------------------------------------------------------------


@router.get("/ban-tin/{bulletin_id}", response_class=HTMLResponse)
def one(request: Request, context: Ctx, who: Reader, bulletin_id: str, ban: str | None = None) -> Response:
    return bulletin_page(request, context, who, bulletin_id, ban)


def bulletin_page(
    request: Request,
    context: Context,
    who: Principal,
    bulletin_id: str,
    version_id: str | None,
    error: TruyenThanhError | None = None,
) -> HTMLResponse:
    with context.db.reading() as session:
        desk = newsdesk.desk(session, bulletin_id, version_id, now=context.clock.now())
    return page(
        request,
        "bulletin.html",
        who=who,
        status=error.status if error else 200,
        desk=desk,
        problem=error.text("vi") if error else "",
        classes=newsdesk.CLASSES,
        states=bulletins.STATUS_VI,
        decided=newsdesk.DECISIONS,
        fallback_permitted=context.settings.fallback_voices_permitted,
        share=request.app.state.renderings.share(desk.version.id),
        **read_draft(context, _draft_of(desk), desk.bulletin),
    )


def _to(bulletin_id: str, version_id: str | None = None, place: str = "") -> RedirectResponse:
    query = f"?ban={version_id}" if version_id else ""
    return RedirectResponse(f"/ban-tin/{bulletin_id}{query}{place}", 303)


def _changed(
    request: Request,
    context: Context,
    who: Principal,
    bulletin_id: str,
    version_id: str,
    change: Callable[[Session], object],
    place: str = "",
) -> Response:
    """The page after a change, or the page with what stands in its way."""
    try:
        with context.db.writing() as session:
            change(session)
    except TruyenThanhError as error:
        return bulletin_page(request, context, who, bulletin_id, version_id, error)
    return _to(bulletin_id, version_id, place)


@router.post("/ban-tin/{bulletin_id}/tao-tieng")
def make_sound(request: Request, context: Ctx, who: WriterForm, bulletin_id: str, ban: Short) -> Response:
    try:
        speak(request, context, who, ban)
    except TruyenThanhError as error:
        return bulletin_page(request, context, who, bulletin_id, ban, error)
    return _to(bulletin_id, ban, "#nghe")


@router.post("/ban-tin/{bulletin_id}/gui-duyet")
def submit(request: Request, context: Ctx, who: WriterForm, bulletin_id: str, ban: Short) -> Response:
    return _changed(
        request, context, who, bulletin_id, ban,
        lambda session: bulletins.submit(session, ban, actor=who.actor, clock=context.clock),
    )  # fmt: skip


def _decider(who: Principal, session: Session, version_id: str) -> Actor:
    return who.acting(Right.APPROVE_NEWS, session, "version", version_id)


@router.post("/ban-tin/{bulletin_id}/duyet")
def approve(
    request: Request,
    context: Ctx,
    who: ApproverForm,
    bulletin_id: str,
    ban: Short,
    sha256: Annotated[list[str], Form(max_length=10)],
    note: Short = "",
) -> Response:
    """Approve the sounds that this page had in its players, no others."""
    permitted = context.settings.fallback_voices_permitted
    return _changed(
        request, context, who, bulletin_id, ban,
        lambda session: bulletins.approve(
            session, ban, actor=_decider(who, session, ban), clock=context.clock, sha256s=sha256,
            fallback_permitted=permitted, note=note,
        ),
    )  # fmt: skip


@router.post("/ban-tin/{bulletin_id}/tra-lai")
def give_back(
    request: Request, context: Ctx, who: ApproverForm, bulletin_id: str, ban: Short, note: Short = ""
) -> Response:
    return _changed(
        request, context, who, bulletin_id, ban,
        lambda session: bulletins.return_(
            session, ban, actor=_decider(who, session, ban), clock=context.clock, note=note
        ),
    )  # fmt: skip


@router.post("/ban-tin/{bulletin_id}/thu-hoi")
def withdraw(
    request: Request, context: Ctx, who: ApproverForm, bulletin_id: str, ban: Short, note: Short = ""
) -> Response:
    return _changed(
        request, context, who, bulletin_id, ban,
        lambda session: withdrawal.withdraw(
            session, ban, actor=_decider(who, session, ban), clock=context.clock, note=note
        ),
    )  # fmt: skip


@router.post("/ban-tin/{bulletin_id}/tu-dien")
def teach(
    request: Request,
    context: Ctx,
    who: LexiconForm,
    bulletin_id: str,
    ban: Short,
    written: Short,
    said: Short = "",
    other: Short = "",
) -> Response:
    """Put a reading into the lexicon of the bulletin's place. Its sound stays as it is until it is made again."""

    def put(session: Session) -> None:
        desk = newsdesk.desk(session, bulletin_id, ban, now=context.clock.now())
        if desk.unit_id is None:
            raise Invalid(what="chưa có đơn vị nào để giữ từ điển; người quản trị nạp đơn vị trước / no unit yet")
        own = [one for one in lexicon.own(session, desk.unit_id) if one.key == lexicon.key_of(written)]
        lexicon.put(
            session,
            desk.unit_id,
            written=written,
            spoken=other.strip() or said,
            number=own[0].number if own else 0,
            actor=who.actor,
            clock=context.clock,
        )

    return _changed(request, context, who, bulletin_id, ban, put, "#cach-doc")
