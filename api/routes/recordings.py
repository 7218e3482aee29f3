"""Recordings of bulletins: handed in, checked, looked at, trimmed and joined."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request, Response
from fastapi import Path as PathParameter
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router
from api.routes.schemas import DurationMs, Identifier, In, Instant, Out
from api.turns import Turns
from api.uploads import Arrival, Arrivals, Phase, receive, said_bytes
from audio.recordings.analysis import Analysis
from audio.recordings.checks import Check
from audio.recordings.originals import Incoming, Originals
from audio.recordings.waveform import svg
from broadcast import recordings as room
from broadcast.recording_tables import Recipe, Recording
from core import languages

router = api_router("recordings")
Reader = Annotated[Principal, Depends(Needs(Right.READ_NEWS))]
Editor = Annotated[Principal, Depends(Needs(Right.WRITE_NEWS))]
LimitMs = Annotated[int | None, Query(ge=1000, le=86_400_000, description="Length of the slot, milliseconds")]


class CheckOut(Out):
    kind: str = Field(examples=["clipped"])
    severity: Literal["blocks", "warns"]
    vi: str = Field(description="What is wrong, with numbers, and what to do")
    en: str
    at_ms: int | None = Field(description="Where in the recording it begins, if it has a place")
    until_ms: int | None


class RecordingOut(Out):
    id: str
    bulletin_id: str
    language: str
    language_name: str
    speaker: str
    sha256: str
    bytes: int
    format: str = Field(description="As found in the content; a file's name is never looked at")
    duration_ms: DurationMs
    added_by: str
    added_at: Instant
    version_id: str | None = Field(None, description="The version that was made of it just now")
    checks: list[CheckOut]


class PartIn(In):
    recording_id: Identifier
    start_ms: int = Field(0, ge=0, le=86_400_000)
    end_ms: int | None = Field(None, ge=1, le=86_400_000, description="null: to its end")


class ArrivalOut(Out):
    language: str
    speaker: str
    phase: Phase = Field(description="receiving, waiting for its turn, checking")
    bytes: int = Field(description="Come so far")
    bytes_whole: int | None = Field(description="To come in all, where the sender says it")
    share: float = Field(description="Of the checks, 0 to 1")


class RecipeIn(In):
    parts: list[PartIn] = Field(min_length=1, max_length=room.PARTS_MAX, description="Played one behind the other")


class RecipeOut(Out):
    version_id: str
    number: int = Field(description="The highest is in force")
    parts: list[dict[str, Any]]
    made_by: str
    made_at: Instant


class WaveformOut(Out):
    duration_ms: DurationMs
    lows: list[float] = Field(description="Lowest sample of each column, −1…1")
    highs: list[float]
    rms: list[float]


class LanguageOut(Out):
    tag: str = Field(examples=["tyz"], description="BCP 47")
    vi: str
    en: str
    source: str = Field(description="Where the code comes from")


def _shown(recording: Recording, found: list[Check], version_id: str | None = None) -> RecordingOut:
    names = {name: getattr(recording, name) for name in RecordingOut.model_fields if hasattr(recording, name)}
    return RecordingOut(
        **names,
        language_name=languages.name(recording.language),
        version_id=version_id,
        checks=[CheckOut.model_validate(one) for one in found],
    )


@router.get("/languages", summary="Languages with their tags")
def list_languages(_who: Reader) -> list[LanguageOut]:
    """The languages spoken in the villages of Vietnam; any other well-formed tag may be used as well."""
    return [LanguageOut.model_validate(language) for language in languages.LANGUAGES]


@router.post(
    "/bulletins/{bulletin_id}/recordings",
    summary="Hand in a recording",
    status_code=201,
    responses=responses(404, 413, 503, 507),
    openapi_extra={"requestBody": {"required": True, "content": {"audio/*": {"schema": {"type": "string"}}}}},
)
async def add_recording(
    request: Request,
    context: Ctx,
    who: Editor,
    bulletin_id: str,
    language: Annotated[str, Query(min_length=2, max_length=12, examples=["tyz"])],
    speaker: Annotated[str, Query(min_length=1, max_length=60, description="Who speaks")],
    transcript: Annotated[str, Query(max_length=8000, description="What is said, if somebody wrote it down")] = "",
    use: Annotated[Literal["version", "part"], Query(description="part: only to be joined with others")] = "version",
) -> RecordingOut:
    """The body is the file itself (WAV, MP3, M4A, OGG, Opus, FLAC, 3GP, WebM …), up to an hour and 1 GB, as
    `curl --data-binary @tin.mp3` sends it. Its content decides what it is. A version is made of it, a draft.
    """
    await run_in_threadpool(room.require, context.db, bulletin_id, language, speaker)
    originals: Originals = request.app.state.originals
    arrivals: Arrivals = request.app.state.arrivals
    arrival = Arrival(bulletin_id, language, speaker, said_bytes(request))
    with originals.incoming() as incoming, arrivals.told(arrival):
        await receive(request, incoming, arrival)
        given = {"language": language, "speaker": speaker, "transcript": transcript, "new_version": use == "version"}
        return await run_in_threadpool(_take, request.app.state.renders, context, who, arrival, incoming, given)


def _take(
    turns: Turns, context: Context, who: Principal, arrival: Arrival, incoming: Incoming, given: dict[str, Any]
) -> RecordingOut:
    incoming.complete()

    def tell(share: float) -> None:
        arrival.share = share

    arrival.phase = "waiting"
    with turns.taken():
        arrival.phase = "checking"
        recording, version = room.add(
            context.db, arrival.of, incoming, actor=who.actor, clock=context.clock, progress=tell, **given
        )
    with context.db.reading() as session:
        found = room.checks(session, room.get(session, recording.id))
        return _shown(recording, found, version.id if version else None)


@router.get(
    "/bulletins/{bulletin_id}/recordings/arriving",
    summary="How far recordings on their way are",
    responses=responses(404),
)
def list_arriving(request: Request, context: Ctx, _who: Reader, bulletin_id: str) -> list[ArrivalOut]:
    """While handing one in is answered: what has come, and how much of it is checked. What came of it is the answer."""
    with context.db.reading() as session:
        room.of_bulletin(session, bulletin_id)  # there is such a bulletin
    arrivals: Arrivals = request.app.state.arrivals
    return [ArrivalOut.model_validate(one) for one in arrivals.of(bulletin_id)]


@router.get("/bulletins/{bulletin_id}/recordings", summary="Recordings of a bulletin", responses=responses(404))
def list_recordings(context: Ctx, _who: Reader, bulletin_id: str) -> list[RecordingOut]:
    with context.db.reading() as session:
        held = room.of_bulletin(session, bulletin_id)
        return [_shown(one, room.checks(session, one)) for one in held]


@router.get("/recordings/{recording_id}/checks", summary="What is wrong with it", responses=responses(404))
def get_checks(context: Ctx, _who: Reader, recording_id: str, limit_ms: LimitMs = None) -> list[CheckOut]:
    with context.db.reading() as session:
        found = room.checks(session, room.get(session, recording_id), limit_ms)
        return [CheckOut.model_validate(one) for one in found]


@router.get("/recordings/{recording_id}/waveform", summary="Its waveform as numbers", responses=responses(404))
def get_waveform(context: Ctx, _who: Reader, recording_id: str) -> WaveformOut:
    with context.db.reading() as session:
        analysis = room.get(session, recording_id).analysis
        return WaveformOut(**{name: analysis[name] for name in WaveformOut.model_fields})


@router.get(
    "/recordings/{recording_id}/waveform.svg",
    summary="Its waveform as a picture",
    response_class=Response,
    responses={**responses(404), 200: {"content": {"image/svg+xml": {}}}},
)
def get_picture(context: Ctx, _who: Reader, recording_id: str) -> Response:
    with context.db.reading() as session:
        recording = room.get(session, recording_id)
        title = f"Bản thu {languages.name(recording.language)}, {recording.speaker}"
        picture = svg(Analysis.from_json(recording.analysis), title)
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(picture, media_type="image/svg+xml", headers=headers)


@router.get("/versions/{version_id}/recipes", summary="How a recorded version was trimmed", responses=responses(404))
def list_recipes(context: Ctx, _who: Reader, version_id: str) -> list[RecipeOut]:
    """All recipes, the one in force last; none: the version isn't recorded."""
    with context.db.reading() as session:
        return [RecipeOut.model_validate(one) for one in room.recipes(session, version_id)]


@router.put("/versions/{version_id}/recipe", summary="Trim and join", responses=responses(404, 409))
def set_recipe(context: Ctx, who: Editor, version_id: str, body: RecipeIn) -> RecipeOut:
    """The originals stay untouched. The sound has to be made again (`render`) and listened to."""
    parts = [room.Part(**part.model_dump()) for part in body.parts]
    with context.db.writing() as session:
        return _recipe(room.set_recipe(session, version_id, parts, actor=who.actor, clock=context.clock))


@router.post("/versions/{version_id}/recipes/{number}/restore", summary="Undo trimming", responses=responses(404, 409))
def restore_recipe(
    context: Ctx, who: Editor, version_id: str, number: Annotated[int, PathParameter(ge=1, le=1_000_000)]
) -> RecipeOut:
    """An earlier recipe comes into force again, as a new one."""
    with context.db.writing() as session:
        return _recipe(room.restore(session, version_id, number, actor=who.actor, clock=context.clock))


def _recipe(recipe: Recipe) -> RecipeOut:
    return RecipeOut.model_validate(recipe)
