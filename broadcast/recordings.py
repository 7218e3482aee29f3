"""Recordings (bản thu âm) of bulletins: versions that a person speaks instead of an engine.

A recorded version has a recipe: stretches of originals, one behind the other. Its text, if any, is its transcript.
Making its sound masters the recipe; from there it goes the way of every version: listened to, submitted, approved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audio.recordings.analysis import Analysis, analyse
from audio.recordings.checks import Check, check, check_lengths
from audio.recordings.decoding import MINUTES_MAX, Decoder, Header
from audio.recordings.errors import RecordingRefused
from audio.recordings.originals import Incoming, Originals
from audio.recordings.recipe import Cut, check_cut, mastered
from audio.studio import Speech, Studio
from broadcast import bulletins
from broadcast.bulletin_rules import CHARACTERS_MAX, check_language, checked_text, wrong_state
from broadcast.recording_tables import Recipe, Recording
from broadcast.tables import Bulletin, BulletinVersion, Rendition
from core import languages
from core.clock import Clock
from core.database import Database
from core.errors import Invalid, NotFound
from core.events import Actor, record
from core.profiles import Profile

PARTS_MAX = 50


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a recording; `end_ms` None: to its end."""

    recording_id: str
    start_ms: int = 0
    end_ms: int | None = None


def examine(incoming: Incoming, progress: Callable[[float], None] | None = None) -> tuple[Header, Analysis]:
    """Decode a whole upload and measure it; `progress` is told a share, 0 to 1. Raises the errors of `Decoder`."""
    with Decoder(incoming.path) as decoder:
        header = decoder.header
        whole_ms = header.claimed_ms or MINUTES_MAX * 60_000
        found = analyse(decoder, progress=lambda ms: progress(min(ms / whole_ms, 1.0)) if progress else None)
        return header, found


def require(db: Database, bulletin_id: str, language: str, speaker: str) -> None:
    """Before an hour is uploaded: is there such a bulletin, are language and speaker right?"""
    check_language(language)
    _speaker(speaker)
    with db.reading() as session:
        _bulletin(session, bulletin_id)


def add(
    db: Database,
    bulletin_id: str,
    incoming: Incoming,
    *,
    language: str,
    speaker: str,
    transcript: str = "",
    new_version: bool = True,
    actor: Actor,
    clock: Clock,
    characters_max: int = CHARACTERS_MAX,
    progress: Callable[[float], None] | None = None,
) -> tuple[Recording, BulletinVersion | None]:
    """Keep a whole upload as an original of the bulletin and, unless told not to, make a version of it, a draft.

    `progress` is told how much of it is checked, 0 to 1. Raises what `examine` raises; then nothing is kept. No
    transaction is held while it is decoded.
    """
    check_language(language)
    speaker = _speaker(speaker)
    transcript = checked_text(transcript, characters_max) if transcript.strip() else ""
    header, found = examine(incoming, progress)
    size = incoming.bytes
    with db.writing() as session:
        bulletin = _bulletin(session, bulletin_id)
        recording = Recording(
            bulletin_id=bulletin_id,
            language=language,
            speaker=speaker,
            sha256=incoming.keep(),
            bytes=size,
            format=header.kind,
            duration_ms=found.duration_ms,
            analysis=found.as_json(),
            added_by=actor.id,
            added_at=clock.now(),
        )
        session.add(recording)
        session.flush()
        _record(session, "added", bulletin_id, actor, clock, recording=recording.id, sha256=recording.sha256)
        version = None
        if new_version:
            version = bulletins.new_version(session, bulletin, language, transcript, actor=actor, clock=clock)
            _add_recipe(session, version, [_part(recording)], actor, clock)
        return recording, version


def get(session: Session, recording_id: str) -> Recording:
    recording = session.get(Recording, recording_id)
    if recording is None:
        raise NotFound(what="bản thu âm / recording", id=recording_id)
    return recording


def of_bulletin(session: Session, bulletin_id: str) -> list[Recording]:
    _bulletin(session, bulletin_id)
    return list(session.scalars(select(Recording).where(Recording.bulletin_id == bulletin_id).order_by(Recording.id)))


def checks(session: Session, recording: Recording, limit_ms: int | None = None) -> list[Check]:
    """What is wrong with a recording by itself, beside its bulletin's other languages, and in its slot."""
    lengths = _other_lengths(session, recording.bulletin_id, recording.language)
    others = [(languages.name(tag), length_ms) for tag, length_ms in lengths]
    found = Analysis.from_json(recording.analysis)
    every = [*check(found), *check_lengths(recording.duration_ms, others, limit_ms)]
    return sorted(every, key=lambda one: one.severity != "blocks")


def recipes(session: Session, version_id: str) -> list[Recipe]:
    """All recipes of a version, the one in force last; none: it isn't recorded."""
    return list(session.scalars(select(Recipe).where(Recipe.version_id == version_id).order_by(Recipe.number)))


def set_recipe(session: Session, version_id: str, parts: Sequence[Part], *, actor: Actor, clock: Clock) -> Recipe:
    """Another recipe for a recorded version that isn't decided yet. The originals and earlier recipes stay.

    The sound that was made of the earlier recipe is taken off, so that nobody submits what isn't meant any more.
    """
    version = _editable(session, version_id)
    if not 1 <= len(parts) <= PARTS_MAX:
        raise Invalid(what=f"công thức ghép cần từ 1 đến {PARTS_MAX} đoạn / a recipe has 1 to {PARTS_MAX} parts")
    stored = []
    for part in parts:
        recording = get(session, part.recording_id)
        if recording.bulletin_id != version.bulletin_id:
            raise Invalid(what="bản thu âm thuộc bản tin khác / the recording belongs to another bulletin")
        end_ms = recording.duration_ms if part.end_ms is None else part.end_ms
        check_cut(part.start_ms, end_ms, recording.duration_ms)
        stored.append(_part(recording, part.start_ms, end_ms))
    return _add_recipe(session, version, stored, actor, clock)


def restore(session: Session, version_id: str, number: int, *, actor: Actor, clock: Clock) -> Recipe:
    """Undo: an earlier recipe comes into force again, as a new one. Raises `NotFound` where there is no such number."""
    version = _editable(session, version_id)
    earlier = next((one for one in recipes(session, version_id) if one.number == number), None)
    if earlier is None:
        raise NotFound(what="công thức ghép / recipe", id=number)
    return _add_recipe(session, version, earlier.parts, actor, clock)


def render(
    db: Database,
    version_id: str,
    *,
    studio: Studio,
    originals: Originals,
    actor: Actor,
    clock: Clock,
    progress: Callable[[float], None] | None = None,
) -> dict[Profile, Rendition]:
    """Master the recipe of a recorded version and keep the sounds, without holding a transaction meanwhile.

    Raises `RecordingRefused` where a check blocks, `SoundUnusable`, `DiskFull`.
    """
    with db.reading() as session:
        version = _editable(session, version_id, locked=False)
        text = version.text
        parts = recipes(session, version_id)[-1].parts
        used = {part["recording_id"]: get(session, part["recording_id"]) for part in parts}
        findings = [one for recording in used.values() for one in checks(session, recording)]
        speakers = ", ".join(dict.fromkeys(recording.speaker for recording in used.values()))
        cuts = [
            Cut(originals.path(one.sha256), Analysis.from_json(one.analysis).mix, part["start_ms"], part["end_ms"])
            for part in parts
            for one in [used[part["recording_id"]]]
        ]
    blocking = [one for one in findings if one.severity == "blocks"]
    if blocking:
        vi, en = " ".join(one.vi for one in blocking), " ".join(one.en for one in blocking)
        raise RecordingRefused(faults=f"{vi} / {en}")
    sounds = studio.keep(mastered(cuts, studio.kbps, folder=studio.store.folder, progress=progress))
    speech = Speech(
        sounds=sounds,
        voice=f"recording: {speakers}"[:80],
        fallback=False,
        spoken=text,
        warnings=[one.vi for one in findings],
        spoke_outside=False,
    )
    with db.writing() as session:
        _editable(session, version_id)
        if recipes(session, version_id)[-1].parts != parts:
            raise Invalid(
                what="công thức vừa được sửa, hãy tạo lại âm thanh / the recipe was changed just now, try again"
            )
        return bulletins.attach(session, version_id, speech, actor=actor, clock=clock)


def _add_recipe(
    session: Session, version: BulletinVersion, parts: list[dict[str, Any]], actor: Actor, clock: Clock
) -> Recipe:
    last = session.scalar(select(func.max(Recipe.number)).where(Recipe.version_id == version.id)) or 0
    for rendition in bulletins.renditions(session, version.id):
        session.delete(rendition)
    recipe = Recipe(version_id=version.id, number=last + 1, parts=parts, made_by=actor.id, made_at=clock.now())
    session.add(recipe)
    session.flush()
    _record(session, "recipe", version.bulletin_id, actor, clock, version=version.id, number=recipe.number, parts=parts)
    return recipe


def _part(recording: Recording, start_ms: int = 0, end_ms: int | None = None) -> dict[str, Any]:
    end_ms = recording.duration_ms if end_ms is None else end_ms
    return {"recording_id": recording.id, "start_ms": start_ms, "end_ms": end_ms}


def _editable(session: Session, version_id: str, *, locked: bool = True) -> BulletinVersion:
    """A recorded version whose sound may still change."""
    version = session.get(BulletinVersion, version_id, with_for_update=locked, populate_existing=True)
    if version is None:
        raise NotFound(what="phiên bản bản tin / version of a bulletin", id=version_id)
    if not recipes(session, version_id):
        raise NotFound(what="bản thu âm của phiên bản / recording of this version", id=version_id)
    if version.status not in {"draft", "returned"}:
        raise wrong_state(bulletins.bulletin_of(session, version).title, version.status, "render")
    return version


def _other_lengths(session: Session, bulletin_id: str, language: str) -> list[tuple[str, int]]:
    """The length of the newest version with a sound in each other language."""
    rows = session.execute(
        select(BulletinVersion.language, Rendition.duration_ms)
        .join(Rendition, Rendition.version_id == BulletinVersion.id)
        .where(
            BulletinVersion.bulletin_id == bulletin_id,
            BulletinVersion.language != language,
            BulletinVersion.status != "withdrawn",
        )
        .order_by(BulletinVersion.number)
    )
    newest: dict[str, int] = {row.language: row.duration_ms for row in rows}
    return sorted(newest.items())


def _bulletin(session: Session, bulletin_id: str) -> Bulletin:
    bulletin = session.get(Bulletin, bulletin_id)
    if bulletin is None:
        raise NotFound(what="bản tin / bulletin", id=bulletin_id)
    return bulletin


def _speaker(speaker: str) -> str:
    speaker = " ".join(speaker.split())
    if not speaker or len(speaker) > 60 or not speaker.isprintable():
        raise Invalid(what="hãy ghi tên người đọc, nhiều nhất 60 ký tự / name the speaker in at most 60 characters")
    return speaker


def _record(session: Session, action: str, bulletin_id: str, actor: Actor, clock: Clock, **data: object) -> None:
    kind = f"user:recording:{action}"
    record(session, kind, actor=actor, at=clock.now(), subject=("bulletin", bulletin_id), **data)
