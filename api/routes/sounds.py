"""Chimes and music: the project's own chimes, and what a site handed in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request
from fastapi.responses import FileResponse
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router
from api.routes.bulletins import sound_file
from api.routes.schemas import DurationMs, In, Instant, Out, Sha256
from api.turns import Turns
from api.uploads import receive
from audio import chime as chimes
from audio.recordings.originals import Incoming, Originals
from broadcast import site_sounds as room
from broadcast.site_sound_tables import SiteSound
from core.profiles import Profile

router = api_router("sounds")
Reader = Annotated[Principal, Depends(Needs(Right.READ_NEWS))]
Editor = Annotated[Principal, Depends(Needs(Right.WRITE_NEWS, everywhere=True))]
Approver = Annotated[Principal, Depends(Needs(Right.APPROVE_NEWS, everywhere=True))]
Kind = Literal["chime", "music"]
ProfileQuery = Annotated[
    Profile, Query(description="full: for amplifiers and transmitters; horn: for horn loudspeakers")
]
OGG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"audio/ogg": {}}},
    206: {"description": "The range asked for"},
}


class SoundRenditionOut(Out):
    profile: Profile
    sha256: str
    bytes: int
    duration_ms: DurationMs
    loudness_lufs: float
    true_peak_dbtp: float


class SoundOut(Out):
    id: str
    kind: Kind
    name: str
    status: Literal["waiting", "approved", "retired"]
    format: str = Field(description="As found in the content; a file's name is never looked at")
    duration_ms: DurationMs
    added_by: str
    added_by_name: str
    added_at: Instant
    approved_by: str | None
    approved_by_name: str | None
    approved_at: Instant | None
    renditions: list[SoundRenditionOut]
    remarks: list[str] = Field([], description="What was found in the file when it was handed in, in Vietnamese")


class SoundsOut(Out):
    chimes: list[str] = Field(description="Names of the project's own chimes, which need no approval")
    sounds: list[SoundOut] = Field(description="What the site handed in, retired ones too")


class SoundApproval(In):
    sha256s: list[Sha256] = Field(min_length=1, max_length=10, description="The sounds listened to, one per profile")


def _shown(session: Session, sound: SiteSound, remarks: list[str] | None = None) -> SoundOut:
    held = {name: getattr(sound, name) for name in SoundOut.model_fields if hasattr(sound, name)}
    made = [SoundRenditionOut.model_validate(one) for one in room.renditions(session, sound.id)]
    return SoundOut(**held, renditions=made, remarks=remarks or [])


@router.get("/sounds", summary="Chimes and music to choose from")
def list_sounds(context: Ctx, _who: Reader) -> SoundsOut:
    with context.db.reading() as session:
        found = [_shown(session, sound) for sound in room.all_of(session)]
    return SoundsOut(chimes=list(chimes.NAMES), sounds=found)


@router.post(
    "/sounds",
    summary="Hand in a chime or music",
    status_code=201,
    responses=responses(409, 413, 503, 507),
    openapi_extra={"requestBody": {"required": True, "content": {"audio/*": {"schema": {"type": "string"}}}}},
)
async def add_sound(
    request: Request,
    context: Ctx,
    who: Editor,
    name: Annotated[str, Query(min_length=1, max_length=room.NAME_MAX, examples=["Nhạc hiệu xã Lục Ngạn"])],
    kind: Kind = "chime",
) -> SoundOut:
    """The body is the file itself (WAV, MP3, M4A, OGG, Opus, FLAC …): a chime of at most 30 seconds, music of at most
    15 minutes. It is mastered in both profiles and waits until somebody else has listened and approves it.
    """
    await run_in_threadpool(_require, context, kind, name)
    originals: Originals = request.app.state.originals
    with originals.incoming(room.BYTES_MAX) as incoming:
        await receive(request, incoming)
        return await run_in_threadpool(_take, request.app.state.renders, context, who, incoming, kind, name)


def _require(context: Context, kind: Kind, name: str) -> None:
    """Before anything is uploaded: is the name right and free?"""
    with context.db.reading() as session:
        room.require_free(session, kind, room.checked_name(name))


def _take(turns: Turns, context: Context, who: Principal, incoming: Incoming, kind: Kind, name: str) -> SoundOut:
    incoming.complete()
    with turns.taken():
        sound, findings = room.add(
            context.db, incoming, kind=kind, name=name, studio=context.studio, actor=who.actor, clock=context.clock
        )
    with context.db.reading() as session:
        return _shown(session, room.get(session, sound.id), [one.vi for one in findings])


@router.get("/sounds/{sound_id}", summary="One of the site's sounds", responses=responses(404))
def get_sound(context: Ctx, _who: Reader, sound_id: str) -> SoundOut:
    with context.db.reading() as session:
        return _shown(session, room.get(session, sound_id))


@router.get(
    "/sounds/{sound_id}/audio",
    summary="Listen to one of the site's sounds",
    response_class=FileResponse,
    responses={**responses(404, 416), **OGG},
)
def listen(context: Ctx, _who: Reader, sound_id: str, profile: ProfileQuery = "full") -> FileResponse:
    """Ogg Opus, as receivers of this profile play it; `Range` works."""
    with context.db.reading() as session:
        made = {one.profile: one.sha256 for one in room.renditions(session, room.get(session, sound_id).id)}
    return sound_file(context, made[profile], set(made.values()))


@router.get(
    "/chimes/{name}/audio",
    summary="Listen to one of the project's chimes",
    response_class=FileResponse,
    responses={**responses(404, 416), **OGG},
)
def listen_to_chime(context: Ctx, _who: Reader, name: str, profile: ProfileQuery = "full") -> FileResponse:
    """By its name, as `GET /sounds` lists it."""
    sha256 = context.studio.chime(name)[profile].sha256
    return sound_file(context, sha256, {sha256})


@router.post("/sounds/{sound_id}/approve", summary="Approve a sound", responses=responses(404, 409))
def approve(context: Ctx, who: Approver, sound_id: str, body: SoundApproval) -> SoundOut:
    """Approves exactly the sounds named, one per profile. Who handed it in can't approve it."""
    with context.db.writing() as session:
        sound = room.approve(session, sound_id, sha256s=body.sha256s, actor=who.actor, clock=context.clock)
        return _shown(session, sound)


@router.post("/sounds/{sound_id}/retire", summary="Take a sound out of the choice", responses=responses(404, 409))
def retire(context: Ctx, who: Editor, sound_id: str) -> SoundOut:
    """New programmes don't take it any more, and its name is free. Programmes that hold it play on."""
    with context.db.writing() as session:
        return _shown(session, room.retire(session, sound_id, actor=who.actor, clock=context.clock))


@router.delete("/sounds/{sound_id}", summary="Delete an unused sound", status_code=204, responses=responses(404, 409))
def delete(context: Ctx, who: Editor, sound_id: str) -> None:
    """One that no programme ever held; another is retired instead."""
    with context.db.writing() as session:
        room.delete(session, sound_id, actor=who.actor, clock=context.clock)
