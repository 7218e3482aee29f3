"""Programmes: approved items in order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from fastapi import Depends, Query, Request
from fastapi.responses import FileResponse
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.background import BackgroundTask

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router
from api.routes.schemas import After, DurationMs, Identifier, In, Instant, Limit, Out, Page, page_of
from api.turns import Turns
from audio import chime as chimes
from audio import export
from audio.export import MEDIA_TYPES, Format
from broadcast import programmes as room
from broadcast.tables import Programme, ProgrammeItem
from core.ids import new_id
from core.profiles import Profile

router = api_router("programmes")
Reader = Annotated[Principal, Depends(Needs(Right.READ_NEWS))]
Editor = Annotated[Principal, Depends(Needs(Right.WRITE_NEWS))]


class ChimeItem(In):
    chime: str = Field(
        max_length=100,
        examples=["mở đầu", "kết thúc"],
        description="One of the project's, or an approved one of the site's",
    )


class MusicItem(In):
    music: str = Field(max_length=100, description="Name of an approved piece of music of the site's")


class BulletinItem(In):
    version_id: Identifier = Field(description="An approved version of a bulletin")


class ProgrammeIn(In):
    title: str = Field(min_length=1, max_length=300, examples=["Bản tin phòng chống mua bán người"])
    items: list[ChimeItem | MusicItem | BulletinItem] = Field(min_length=1, max_length=room.ITEMS_MAX)
    unit_id: Identifier | None = Field(None, description="Whose it is; null: of one's only place, else the province's")


class ItemOut(Out):
    position: int
    kind: Literal["chime", "music", "bulletin"]
    name: str | None = Field(description="Of a chime or a piece of music")
    sound_id: str | None = Field(description="One of the site's own sounds; null: the project's, or a bulletin")
    version_id: str | None
    sounds: dict[Profile, str] = Field(
        description="The sha256 of its sound in each profile; full alone: put in before there were two, all play it"
    )
    duration_ms: DurationMs


class ProgrammeOut(Out):
    id: str
    title: str
    unit_id: str | None = Field(description="Whose it is; null: the province's")
    created_by: str
    created_at: Instant


class ProgrammeWhole(ProgrammeOut):
    items: list[ItemOut]
    duration_ms: DurationMs
    problems: list[str] = Field(description="Why it can't be aired any more; empty: it can")


def _item(item: ProgrammeItem) -> ItemOut:
    held = {name: getattr(item, name) for name in ItemOut.model_fields if name != "sounds"}
    return ItemOut(**held, sounds=room.sounds_of(item))


def _wanted(item: ChimeItem | MusicItem | BulletinItem) -> room.Wanted:
    if isinstance(item, ChimeItem):
        return room.Chime(item.chime)
    return room.Music(item.music) if isinstance(item, MusicItem) else item.version_id


def _whole(session: Session, programme: Programme) -> ProgrammeWhole:
    return ProgrammeWhole(
        **ProgrammeOut.model_validate(programme).model_dump(),
        items=[_item(item) for item in room.items(session, programme.id)],
        duration_ms=room.duration_ms(session, programme.id),
        problems=[problem.text("vi") for problem in room.problems(session, programme.id)],
    )


@router.get("/programmes", summary="Programmes, newest first")
def list_programmes(context: Ctx, who: Reader, after: After = None, limit: Limit = 50) -> Page[ProgrammeOut]:
    wanted = select(Programme).order_by(Programme.id.desc()).limit(limit + 1)
    if after:
        wanted = wanted.where(Programme.id < after)
    with context.db.reading() as session:
        wanted = wanted.where(who.sees(session, "programme"))
        return page_of(session.scalars(wanted).all(), limit, ProgrammeOut.model_validate, lambda one: one.id)


@router.post("/programmes", summary="Put a programme together", status_code=201, responses=responses(404, 409))
def create_programme(context: Ctx, who: Editor, body: ProgrammeIn) -> ProgrammeWhole:
    """Binds the sounds that are approved now: what was approved is what plays, bit for bit."""
    items = [_wanted(item) for item in body.items]
    for item in items:
        if isinstance(item, room.Chime) and chimes.named(item.name):
            context.studio.chime(item.name)  # made before the transaction, which shouldn't wait for it
    with context.db.writing() as session:
        programme = room.create(
            session,
            title=body.title,
            items=items,
            unit_id=body.unit_id or who.home(Right.WRITE_NEWS),
            studio=context.studio,
            actor=who.actor,
            clock=context.clock,
        )
        return _whole(session, programme)


@router.get("/programmes/{programme_id}", summary="One programme", responses=responses(404))
def get_programme(context: Ctx, _who: Reader, programme_id: str) -> ProgrammeWhole:
    with context.db.reading() as session:
        return _whole(session, room.get(session, programme_id))


@router.get(
    "/programmes/{programme_id}/audio",
    summary="Listen to the whole programme",
    response_class=FileResponse,
    responses={**responses(404, 503, 507), 200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}}},
)
def listen(
    request: Request,
    context: Ctx,
    _who: Reader,
    programme_id: str,
    profile: Annotated[Profile, Query(description="As receivers of this profile play it")] = "full",
    form: Annotated[Format | Literal["opus"], Query(alias="format", description="Of the file; opus: ogg")] = "ogg",
) -> FileResponse:
    """The items joined into one file, in order and without a gap, as receivers play them one behind the other."""
    with context.db.reading() as session:
        sha256s = room.sha256s(session, programme_id, profile)
        title = room.get(session, programme_id).title
    turns: Turns = request.app.state.renders
    with turns.taken():
        content: Format = "ogg" if form == "opus" else form
        out = _joined(context, sha256s, profile, content)
    return FileResponse(
        out,
        media_type=MEDIA_TYPES[content],
        filename=f"{title}.{form}",
        content_disposition_type="inline",
        background=BackgroundTask(out.unlink, missing_ok=True),
    )


def _joined(context: Context, sha256s: list[str], profile: Profile, form: Format) -> Path:
    """A file for one answer, beside the objects: what a killed process leaves there is swept at the next start."""
    folder = context.store.folder / "ex"
    out = folder / f"{new_id()}.part"
    export.write(context.store, sha256s, out, form, kbps=context.studio.kbps[profile])
    return out
