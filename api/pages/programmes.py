"""The pages of programmes: the list, putting one together, and one to be looked at and listened to.

A programme that is put together is a list of keys (`chime:mở đầu`, `music:…`, `bulletin:…`) in hidden fields of a form,
which every press of a button hands to the server and gets back changed: it works as plain forms. `programme.js` does
the same on the spot, and lets items be dragged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Principal
from api.auth.rights import Right
from api.context import Context
from api.pages.forms import NewsReader as Reader
from api.pages.forms import Short, Writer, WriterForm, paged
from api.pages.newsdesk import A_PAGE, names_of, plain
from api.pages.templating import page
from api.routes.schemas import without_nul
from audio import chime as chimes
from broadcast import programmes as room
from broadcast.site_sound_tables import SiteSound, SiteSoundRendition
from broadcast.tables import Bulletin, BulletinVersion, Programme, ProgrammeItem, Rendition
from core import languages
from core.errors import TruyenThanhError
from schedules.tables import Airing

router = APIRouter(include_in_schema=False)


_KIND_WORDS = {"chime": "nhạc hiệu", "music": "bài nhạc", "bulletin": "bản tin"}
_OFFERED_MOST = 60  # approved bulletins to choose from at once; the search finds the others


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that can stand in a programme."""

    key: str
    kind: str
    name: str
    duration_ms: int | None  # None: of what can't be used any more
    listen: str | None = None  # where it can be heard

    @property
    def word(self) -> str:
        return _KIND_WORDS[self.kind]


@router.get("/chuong-trinh", response_class=HTMLResponse)
def every(
    request: Request, context: Ctx, who: Reader, tim: Annotated[str, Query(max_length=200)] = "", trang: int = 1
) -> Response:
    wanted = plain(" ".join(tim.split()))
    with context.db.reading() as session:
        shown_to = who.sees(session, "programme")
        titles = session.execute(
            select(Programme.id, Programme.title).where(shown_to).order_by(Programme.id.desc())
        ).all()
        ids = [row.id for row in titles if wanted in plain(row.title)]
        part = paged(ids, trang, A_PAGE)
        shown = part.shown
        held = {one.id: one for one in session.scalars(select(Programme).where(Programme.id.in_(shown)))}
        lengths = {
            row.programme_id: row
            for row in session.execute(
                select(
                    ProgrammeItem.programme_id,
                    func.count().label("items"),
                    func.sum(ProgrammeItem.duration_ms).label("duration_ms"),
                )
                .where(ProgrammeItem.programme_id.in_(shown))
                .group_by(ProgrammeItem.programme_id)
            )
        }
        names = names_of(session, {one.created_by for one in held.values()})
        rows = [(held[one], lengths.get(one), names.get(held[one].created_by, "")) for one in shown]
    return page(
        request, "programmes.html", who=who, rows=rows, search=tim, number=part.number, pages=part.pages, total=len(ids)
    )


# --- Putting one together ------------------------------------------------------------------------------------------


@router.get("/chuong-trinh/moi", response_class=HTMLResponse)
def new(
    request: Request,
    context: Ctx,
    who: Writer,
    ban: Annotated[str | None, Query(max_length=26)] = None,
    tu: Annotated[str | None, Query(max_length=26)] = None,
) -> Response:
    """An opening and a closing, with a bulletin between them where one is named (`ban`), or all of another (`tu`)."""
    title = ""
    keys = [f"chime:{room.OPENING}", *([f"bulletin:{ban}"] if ban else []), f"chime:{room.CLOSING}"]
    with context.db.reading() as session:
        if tu:
            title = room.get(session, tu).title
            keys = [_key(item) for item in room.items(session, tu)]
        elif ban and (version := session.get(BulletinVersion, ban)):
            title = session.get_one(Bulletin, version.bulletin_id).title
    return _compose(request, context, who, title, keys)


def _key(item: ProgrammeItem) -> str:
    return f"{item.kind}:{item.version_id if item.kind == 'bulletin' else item.name}"


@router.post("/chuong-trinh/moi", response_class=HTMLResponse)
def change(
    request: Request,
    context: Ctx,
    who: WriterForm,
    muc: Annotated[list[str], Form(max_length=room.ITEMS_MAX + 1)] = [],  # noqa: B006 - FastAPI copies it
    title: Short = "",
    tim: Short = "",
    viec: Short = "luu",
) -> Response:
    """What a button says is done to the list, which comes back; `luu` keeps the programme."""
    keys = [without_nul(key) for key in muc]
    if viec != "luu":
        return _compose(request, context, who, title, _moved(keys, viec), search=tim)
    try:
        wanted = [_wanted(key) for key in keys]
        for one in wanted:
            if isinstance(one, room.Chime) and chimes.named(one.name):
                context.studio.chime(one.name)  # made before the transaction, which shouldn't wait for it
        with context.db.writing() as session:
            made = room.create(
                session,
                title=title,
                items=wanted,
                unit_id=who.home(Right.WRITE_NEWS),
                studio=context.studio,
                actor=who.actor,
                clock=context.clock,
            )
            return RedirectResponse(f"/chuong-trinh/{made.id}", 303)
    except TruyenThanhError as error:
        return _compose(request, context, who, title, keys, search=tim, error=error)


def _moved(keys: list[str], what: str) -> list[str]:
    """`them:KEY` adds before a closing chime, `len:N`, `xuong:N` and `bo:N` move and remove the Nth; else as it was."""
    action, _, given = what.partition(":")
    if action == "them" and given:
        last = len(keys) - 1 if keys and keys[-1].startswith(f"chime:{room.CLOSING}") else len(keys)
        return [*keys[:last], given, *keys[last:]]
    if action not in {"len", "xuong", "bo"} or not given.isdecimal() or int(given) >= len(keys):
        return keys
    at = int(given)
    rest = keys[:at] + keys[at + 1 :]
    if action == "bo":
        return rest
    to = max(0, at - 1) if action == "len" else at + 1
    return [*rest[:to], keys[at], *rest[to:]]


def _wanted(key: str) -> room.Wanted:
    kind, _, name = key.partition(":")
    if kind == "chime":
        return room.Chime(name)
    return room.Music(name) if kind == "music" else name


def _compose(
    request: Request,
    context: Context,
    who: Principal,
    title: str,
    keys: list[str],
    *,
    search: str = "",
    error: TruyenThanhError | None = None,
) -> HTMLResponse:
    with context.db.reading() as session:
        sounds = _sounds(session)
        offered = _bulletins(session, who, plain(search))
        known = {one.key: one for one in [*sounds, *offered]}
        missing = [key.removeprefix("bulletin:") for key in keys if key.startswith("bulletin:") and key not in known]
        known |= {one.key: one for one in _bulletins(session, who, "", only=missing)}
    chosen = [known.get(key) or Piece(key, "bulletin", "mục này không còn dùng được, hãy bỏ ra", None) for key in keys]
    return page(
        request,
        "compose.html",
        who=who,
        status=error.status if error else 200,
        title=title,
        chosen=chosen,
        sounds=sounds,
        offered=offered,
        search=search,
        total_ms=sum(one.duration_ms or 0 for one in chosen),
        problem=error.text("vi") if error else "",
    )


def _sounds(session: Session) -> list[Piece]:
    """The project's chimes and what the site handed in and approved."""
    made = [Piece(f"chime:{name}", "chime", name, round(chimes.length_s(name) * 1000)) for name in chimes.NAMES]
    own = session.execute(
        select(SiteSound.id, SiteSound.kind, SiteSound.name, SiteSoundRendition.duration_ms)
        .join(SiteSoundRendition, SiteSoundRendition.sound_id == SiteSound.id)
        .where(SiteSound.status == "approved", SiteSoundRendition.profile == "full")
        .order_by(SiteSound.kind, SiteSound.name)
    )
    return made + [Piece(f"{row.kind}:{row.name}", row.kind, row.name, row.duration_ms) for row in own]


def _bulletins(session: Session, who: Principal, search: str, *, only: list[str] | None = None) -> list[Piece]:
    """Approved versions with their sound, the newest first; `only`: these."""
    wanted = (
        select(
            BulletinVersion.id,
            BulletinVersion.language,
            Bulletin.title,
            Rendition.duration_ms,
            Rendition.sha256,
        )
        .join(Bulletin, Bulletin.id == BulletinVersion.bulletin_id)
        .join(Rendition, Rendition.version_id == BulletinVersion.id)
        .where(BulletinVersion.status == "approved", Rendition.profile == "full", who.sees(session, "version"))
        .order_by(BulletinVersion.id.desc())
    )
    if only is not None:
        wanted = wanted.where(BulletinVersion.id.in_(only))
    found = [row for row in session.execute(wanted) if not search or search in plain(row.title)]
    return [
        Piece(
            f"bulletin:{row.id}",
            "bulletin",
            row.title if row.language == "vi" else f"{row.title} ({languages.name(row.language)})",
            row.duration_ms,
            f"/api/v1/versions/{row.id}/audio/{row.sha256}",
        )
        for row in found[:_OFFERED_MOST]
    ]


# --- One programme -------------------------------------------------------------------------------------------------


@router.get("/chuong-trinh/{programme_id}", response_class=HTMLResponse)
def one(request: Request, context: Ctx, who: Reader, programme_id: str) -> Response:
    now = context.clock.now()
    with context.db.reading() as session:
        programme = room.get(session, programme_id)
        items = room.items(session, programme_id)
        named = session.execute(
            select(BulletinVersion.id, Bulletin)
            .join(Bulletin, Bulletin.id == BulletinVersion.bulletin_id)
            .where(BulletinVersion.id.in_([item.version_id for item in items if item.version_id]))
        )
        titles = {row[0]: row[1] for row in named}
        coming = session.scalars(
            select(Airing)
            .where(Airing.programme_id == programme_id, Airing.status == "scheduled", Airing.starts_at > now)
            .order_by(Airing.starts_at)
        ).all()
        return page(
            request,
            "programme.html",
            who=who,
            programme=programme,
            items=items,
            titles=titles,
            kind_words=_KIND_WORDS,
            total_ms=sum(item.duration_ms for item in items),
            problems=[problem.text("vi") for problem in room.problems(session, programme_id)],
            by=names_of(session, {programme.created_by}).get(programme.created_by, "hệ thống"),
            coming=coming,
        )
