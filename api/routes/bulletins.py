"""Bulletins and their versions: written, spoken, listened to, submitted, approved."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import Depends, Query, Request
from fastapi.responses import FileResponse
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth import things
from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router
from api.routes.schemas import After, DateIn, DurationMs, Identifier, In, Instant, Limit, Out, Page, Sha256, page_of
from api.turns import Renderings, Turns
from broadcast import bulletins as room
from broadcast import recordings, withdrawal
from broadcast.tables import Approval, Bulletin, BulletinVersion
from core.errors import NotFound
from core.profiles import Profile

router = api_router("bulletins")
Reader = Annotated[Principal, Depends(Needs(Right.READ_NEWS))]
Editor = Annotated[Principal, Depends(Needs(Right.WRITE_NEWS))]
Approver = Annotated[Principal, Depends(Needs(Right.APPROVE_NEWS))]

BroadcastClass = Literal["emergency", "priority", "ordinary"]
Status = Literal["draft", "submitted", "approved", "returned", "withdrawn"]


class BulletinIn(In):
    title: str = Field(min_length=1, max_length=300, examples=["Việc nhẹ lương cao: cảnh giác"])
    text: str = Field(min_length=1, description="As it is written; how it is read out is shown beside it")
    class_: BroadcastClass = Field("ordinary", alias="class")
    campaign_id: Identifier | None = None
    unit_id: Identifier | None = Field(
        None, description="Whose lexicon reads it; null: that of the campaign's one unit, or the province's"
    )
    language: str = Field("vi", max_length=12)
    review_by: DateIn | None = Field(None, description="When its facts must be looked at again")
    source_note: str | None = Field(None, max_length=5000)


class RateIn(In):
    rate_wpm: int | None = Field(description="Words a minute, 80 to 260; null: as the voice does by itself")


class RenderingOut(Out):
    going_on: bool
    share: float | None = Field(description="Of the whole, 0 to 1; null where nothing goes on")


class VersionIn(In):
    text: str = Field(min_length=1)


class TranslationIn(In):
    language: str = Field(min_length=2, max_length=12, examples=["tyz"])
    text: str = Field(min_length=1)


class RenderIn(In):
    voice: str | None = Field(None, max_length=40, description="One of /voices, alone; null: in the site's order")


class Decision(In):
    note: str | None = Field(None, max_length=5000)


class ApprovalIn(Decision):
    sha256s: list[Sha256] = Field(
        min_length=1, max_length=100, description="Exactly the sounds that were listened to, one per profile"
    )


class Refusal(In):
    note: str = Field(min_length=1, max_length=5000, description="Why")


class RenditionOut(Out):
    profile: Profile = Field(description="full: for amplifiers and transmitters; horn: for horn loudspeakers")
    sha256: str
    bytes: int
    duration_ms: DurationMs
    loudness_lufs: float
    true_peak_dbtp: float
    voice: str
    fallback: bool = Field(
        description="Not the voice that the site wants spoke; approved only where the site permits it"
    )
    passed_over: list[str] = Field(description="Why the voices that the site wants more did not speak, in Vietnamese")
    made_at: Instant


class ApprovalOut(Out):
    decision: str = Field(description="approved, returned or withdrawn")
    sha256s: list[str]
    note: str | None
    decided_by: str
    decided_by_name: str
    decided_at: Instant


class VersionOut(Out):
    id: str
    bulletin_id: str
    language: str
    number: int
    text: str
    spoken: str | None
    lexicon: str | None = Field(description="Digest of the lexicon that it was read with; null: none, or not read")
    status: Status
    written_by: str
    written_at: Instant
    submitted_at: Instant | None
    renditions: list[RenditionOut]
    decisions: list[ApprovalOut]


class BulletinOut(Out):
    id: str
    campaign_id: str | None
    unit_id: str | None
    title: str
    class_: BroadcastClass = Field(alias="class")
    review_by: date | None
    rate_wpm: int | None = Field(description="How fast it is spoken, words a minute; null: as the voice does by itself")
    source_note: str | None
    drafted_from_dispatch: bool
    created_by: str
    created_at: Instant


class BulletinWhole(BulletinOut):
    versions: list[VersionOut]


def _version(session: Session, version: BulletinVersion) -> VersionOut:
    return VersionOut(
        **{name: getattr(version, name) for name in VersionOut.model_fields if hasattr(version, name)},
        renditions=[RenditionOut.model_validate(one) for one in room.renditions(session, version.id)],
        decisions=[ApprovalOut.model_validate(one) for one in room.decisions(session, version.id)],
    )


def _bulletin(bulletin: Bulletin) -> BulletinOut:
    names = {name: getattr(bulletin, name) for name in BulletinOut.model_fields}
    return BulletinOut(**names)


def _whole(session: Session, bulletin_id: str) -> BulletinWhole:
    bulletin = session.get(Bulletin, bulletin_id)
    if bulletin is None:
        raise NotFound(what="bản tin / bulletin", id=bulletin_id)
    versions = session.scalars(
        select(BulletinVersion)
        .where(BulletinVersion.bulletin_id == bulletin_id)
        .order_by(BulletinVersion.language, BulletinVersion.number)
    )
    shown = [_version(session, version) for version in versions]
    return BulletinWhole(**_bulletin(bulletin).model_dump(), versions=shown)


@router.get("/bulletins", summary="Bulletins, newest first")
def list_bulletins(
    context: Ctx,
    who: Reader,
    campaign_id: str | None = None,
    status: Annotated[Status | None, Query(description="With a version in this state")] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[BulletinOut]:
    wanted = select(Bulletin).order_by(Bulletin.id.desc()).limit(limit + 1)
    if campaign_id:
        wanted = wanted.where(Bulletin.campaign_id == campaign_id)
    if status:
        wanted = wanted.where(
            Bulletin.id.in_(select(BulletinVersion.bulletin_id).where(BulletinVersion.status == status))
        )
    if after:
        wanted = wanted.where(Bulletin.id < after)
    with context.db.reading() as session:
        wanted = wanted.where(who.sees(session, "bulletin"))
        return page_of(session.scalars(wanted).all(), limit, _bulletin, lambda bulletin: bulletin.id)


def home_of_news(session: Session, who: Principal, campaign_id: str | None) -> str | None:
    """The unit of a bulletin that names none: its campaign's, where the writer may write for that; else their own."""
    reach = who.reach(Right.WRITE_NEWS)
    if reach.everywhere or (campaign_id and things.held_at(session, "campaign", campaign_id, reach)):
        return None
    return who.home(Right.WRITE_NEWS)


@router.post("/bulletins", summary="Write a bulletin", status_code=201, responses=responses(404))
def create_bulletin(context: Ctx, who: Editor, body: BulletinIn) -> BulletinWhole:
    """A bulletin with its first version, a draft."""
    with context.db.writing() as session:
        version = room.create(
            session,
            title=body.title,
            text=body.text,
            class_=body.class_,
            campaign_id=body.campaign_id,
            unit_id=body.unit_id or home_of_news(session, who, body.campaign_id),
            language=body.language,
            review_by=body.review_by,
            source_note=body.source_note,
            actor=who.actor,
            clock=context.clock,
            characters_max=context.settings.bulletin_characters_max,
        )
        return _whole(session, version.bulletin_id)


@router.get("/bulletins/{bulletin_id}", summary="One bulletin with all its versions", responses=responses(404))
def get_bulletin(context: Ctx, _who: Reader, bulletin_id: str) -> BulletinWhole:
    with context.db.reading() as session:
        return _whole(session, bulletin_id)


@router.post(
    "/bulletins/{bulletin_id}/translations", summary="Add a language", status_code=201, responses=responses(404)
)
def translate(context: Ctx, who: Editor, bulletin_id: str, body: TranslationIn) -> VersionOut:
    with context.db.writing() as session:
        version = room.translate(
            session,
            bulletin_id,
            language=body.language,
            text=body.text,
            actor=who.actor,
            clock=context.clock,
            characters_max=context.settings.bulletin_characters_max,
        )
        return _version(session, version)


@router.post("/bulletins/{bulletin_id}/rate", summary="Set how fast it is spoken", responses=responses(404))
def set_rate(context: Ctx, who: Editor, bulletin_id: str, body: RateIn) -> BulletinOut:
    """Holds from the next time that it is spoken; what was spoken already stays as it is."""
    with context.db.writing() as session:
        bulletin = room.set_rate(session, bulletin_id, rate_wpm=body.rate_wpm, actor=who.actor, clock=context.clock)
        return _bulletin(bulletin)


@router.get("/versions/{version_id}", summary="One version", responses=responses(404))
def get_version(context: Ctx, _who: Reader, version_id: str) -> VersionOut:
    with context.db.reading() as session:
        return _version(session, room.get(session, version_id))


@router.post("/versions/{version_id}/edit", summary="Reword", status_code=201, responses=responses(404, 409))
def edit(context: Ctx, who: Editor, version_id: str, body: VersionIn) -> VersionOut:
    """Makes a new version, a draft; the one that was edited stays as it is."""
    with context.db.writing() as session:
        version = room.edit(
            session,
            version_id,
            text=body.text,
            actor=who.actor,
            clock=context.clock,
            characters_max=context.settings.bulletin_characters_max,
        )
        return _version(session, version)


@router.post("/versions/{version_id}/render", summary="Speak", responses=responses(404, 409, 503, 507))
def render(request: Request, context: Ctx, who: Editor, version_id: str, body: RenderIn | None = None) -> VersionOut:
    """Turn the text, or the recipe of a recording, into sound. Takes about a twentieth of its length.
    Few at a time: 503 says when to come again.
    """
    speak(request, context, who, version_id, voice=body.voice if body else None)
    with context.db.reading() as session:
        return _version(session, room.get(session, version_id))


def speak(request: Request, context: Context, who: Principal, version_id: str, *, voice: str | None = None) -> None:
    """Make the sound of a version, in its turn, telling how far it is. Raises what the rooms raise, and StudioBusy."""
    renderings: Renderings = request.app.state.renderings
    turns: Turns = request.app.state.renders
    with context.db.reading() as session:
        recorded = bool(recordings.recipes(session, version_id))
    if recorded and voice is not None:
        raise room.RecordedNotSpoken(title=version_id)
    with renderings.told(version_id) as tell, turns.taken():
        if recorded:
            recordings.render(
                context.db,
                version_id,
                studio=context.studio,
                originals=request.app.state.originals,
                actor=who.actor,
                clock=context.clock,
                progress=tell,
            )
        else:
            room.render(
                context.db,
                version_id,
                studio=context.studio,
                actor=who.actor,
                clock=context.clock,
                voice=voice,
                progress=tell,
            )


@router.get("/versions/{version_id}/rendering", summary="How far the speaking is", responses=responses(404))
def rendering(request: Request, context: Ctx, _who: Reader, version_id: str) -> RenderingOut:
    """While `render` is answered: the share of the whole. What came of it is what `render` answers."""
    with context.db.reading() as session:
        room.get(session, version_id)
    renderings: Renderings = request.app.state.renderings
    share = renderings.share(version_id)
    return RenderingOut(going_on=share is not None, share=share)


@router.post("/versions/{version_id}/submit", summary="Hand in for approval", responses=responses(404, 409))
def submit(context: Ctx, who: Editor, version_id: str) -> VersionOut:
    with context.db.writing() as session:
        return _version(session, room.submit(session, version_id, actor=who.actor, clock=context.clock))


@router.post("/versions/{version_id}/approve", summary="Approve", responses=responses(404, 409))
def approve(context: Ctx, who: Approver, version_id: str, body: ApprovalIn) -> VersionOut:
    """Approves exactly the sounds named. Who wrote a version can't approve it."""
    with context.db.writing() as session:
        room.approve(
            session,
            version_id,
            actor=who.acting(Right.APPROVE_NEWS, session, "version", version_id),
            clock=context.clock,
            sha256s=body.sha256s,
            fallback_permitted=context.settings.fallback_voices_permitted,
            note=body.note,
        )
        return _version(session, room.get(session, version_id))


@router.post("/versions/{version_id}/return", summary="Give back to the author", responses=responses(404, 409))
def return_(context: Ctx, who: Approver, version_id: str, body: Refusal) -> VersionOut:
    with context.db.writing() as session:
        room.return_(
            session,
            version_id,
            actor=who.acting(Right.APPROVE_NEWS, session, "version", version_id),
            clock=context.clock,
            note=body.note,
        )
        return _version(session, room.get(session, version_id))


@router.post("/versions/{version_id}/withdraw", summary="Take out of use", responses=responses(404, 409))
def withdraw(context: Ctx, who: Approver, version_id: str, body: Refusal) -> VersionOut:
    """No programme with it airs any more: its coming airings are cancelled, receivers get plans without them."""
    with context.db.writing() as session:
        withdrawal.withdraw(
            session,
            version_id,
            actor=who.acting(Right.APPROVE_NEWS, session, "version", version_id),
            clock=context.clock,
            note=body.note,
        )
        return _version(session, room.get(session, version_id))


@router.get(
    "/versions/{version_id}/audio/{sha256}",
    summary="Listen to one rendition",
    response_class=FileResponse,
    responses={**responses(404, 416), 200: {"content": {"audio/ogg": {}}}, 206: {"description": "The range asked for"}},
)
def listen(context: Ctx, _who: Reader, version_id: str, sha256: str) -> FileResponse:
    """The sound of a version, Ogg Opus; `Range` works. A sound never changes: its name is its hash."""
    with context.db.reading() as session:
        version = room.get(session, version_id)
        known = {one.sha256 for one in room.renditions(session, version.id)}
        for approval in session.scalars(select(Approval).where(Approval.version_id == version.id)):
            known.update(approval.sha256s)
    return sound_file(context, sha256, known)


def sound_file(context: Context, sha256: str, known: set[str]) -> FileResponse:
    if sha256 not in known or not context.store.has(sha256):
        raise NotFound(what="âm thanh / sound", id=sha256)
    headers = {"ETag": f'"{sha256}"', "Cache-Control": "private, max-age=31536000, immutable"}
    return FileResponse(context.store.path(sha256), media_type="audio/ogg", headers=headers)
