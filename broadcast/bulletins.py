"""Bulletins (bản tin): written, spoken, submitted, approved, returned, withdrawn.

A bulletin has versions: one wording in one language each, numbered from 1. A version's text never changes; another
wording is another version, and the earlier ones stay as they were, with their sound and their decisions.

`ALLOWED` is the whole table of states. Two rules stand beside it: who wrote a version does not approve it, and an
approval binds exactly the sounds (sha256) that the approver has listened to. What is bound plays, bit for bit.

Speech takes seconds, so `render` takes the `Database` and speaks between two short transactions; `attach` is its second
half for those who have the speech already. Everything else takes a session and leaves the commit to whoever opened it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import date
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audio.lexicon import Lexicon
from audio.studio import Speech
from audio.voices import check_rate
from broadcast import campaigns
from broadcast.bulletin_lexicon import lexicon_of
from broadcast.bulletin_reads import (
    approved_rendition,
    bulletin_of,
    current_sha256s,
    decisions,
    get,
    overdue,
    renditions,
)
from broadcast.bulletin_rules import (
    ALLOWED,
    CHARACTERS_MAX,
    PROFILE,
    STATUS_VI,
    Action,
    BlankLeft,
    FallbackVoice,
    NotAPerson,
    NotSpoken,
    OwnApproval,
    ReasonMissing,
    RecordedNotSpoken,
    SoundChanged,
    Status,
    WrongState,
    blanks,
    check_class,
    check_language,
    checked_text,
    checked_title,
    wrong_state,
)
from broadcast.recording_tables import Recipe
from broadcast.tables import Approval, Bulletin, BulletinVersion, Rendition
from core import units
from core.clock import Clock
from core.database import Database
from core.errors import NotFound
from core.events import Actor, record
from devices.protocol.plan import BroadcastClass

__all__ = [
    "ALLOWED",
    "CHARACTERS_MAX",
    "PROFILE",
    "STATUS_VI",
    "Action",
    "BlankLeft",
    "FallbackVoice",
    "NotAPerson",
    "NotSpoken",
    "OwnApproval",
    "ReasonMissing",
    "RecordedNotSpoken",
    "SoundChanged",
    "Speaker",
    "Status",
    "WrongState",
    "approve",
    "approved_rendition",
    "attach",
    "blanks",
    "bulletin_of",
    "create",
    "current_sha256s",
    "decisions",
    "edit",
    "get",
    "new_version",
    "overdue",
    "render",
    "renditions",
    "return_",
    "set_rate",
    "submit",
    "translate",
    "withdraw",
]

log = logging.getLogger(__name__)


class Speaker(Protocol):
    """What `render` needs of `audio.studio.Studio`."""

    def speak(
        self,
        text: str,
        *,
        rate: int | None = None,
        voice: str | None = None,
        lexicon: Lexicon | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Speech: ...


# --- Writing -----------------------------------------------------------------------------------------------------


def create(
    session: Session,
    *,
    title: str,
    text: str,
    class_: BroadcastClass = "ordinary",
    campaign_id: str | None = None,
    unit_id: str | None = None,
    language: str = "vi",
    review_by: date | None = None,
    source_note: str | None = None,
    drafted_from_dispatch: bool = False,
    actor: Actor,
    clock: Clock,
    characters_max: int = CHARACTERS_MAX,
) -> BulletinVersion:
    """A new bulletin and its first version, a draft.

    Raises TextEmpty, TextTooLong, Invalid (title, class, language) or NotFound (campaign, unit); then nothing
    is stored.
    """
    text = checked_text(text, characters_max)
    title = checked_title(title)
    check_class(class_)
    check_language(language)
    if campaign_id is not None:
        campaigns.get(session, campaign_id)
    if unit_id is not None:
        units.get(session, unit_id)
    now = clock.now()
    bulletin = Bulletin(
        campaign_id=campaign_id,
        unit_id=unit_id,
        title=title,
        class_=class_,
        review_by=review_by,
        source_note=(source_note or "").strip() or None,
        drafted_from_dispatch=drafted_from_dispatch,
        created_by=actor.id,
        created_at=now,
    )
    session.add(bulletin)
    session.flush()
    record(
        session,
        "user:bulletin:created",
        actor=actor,
        at=now,
        subject=("bulletin", bulletin.id),
        title=title,
        campaign=campaign_id,
        drafted_from_dispatch=drafted_from_dispatch,
    )
    return new_version(session, bulletin, language, text, actor=actor, clock=clock)


def edit(
    session: Session,
    version_id: str,
    *,
    text: str,
    actor: Actor,
    clock: Clock,
    characters_max: int = CHARACTERS_MAX,
) -> BulletinVersion:
    """Another wording: a new version, a draft by `actor`. The version that was edited stays as it is."""
    text = checked_text(text, characters_max)
    version = get(session, version_id)
    return new_version(session, bulletin_of(session, version), version.language, text, actor=actor, clock=clock)


def translate(
    session: Session,
    bulletin_id: str,
    *,
    language: str,
    text: str,
    actor: Actor,
    clock: Clock,
    characters_max: int = CHARACTERS_MAX,
) -> BulletinVersion:
    """The same message in another language: its first version there, or its next."""
    text = checked_text(text, characters_max)
    check_language(language)
    bulletin = session.get(Bulletin, bulletin_id)
    if bulletin is None:
        raise NotFound(what="bản tin", id=bulletin_id)
    return new_version(session, bulletin, language, text, actor=actor, clock=clock)


def new_version(
    session: Session, bulletin: Bulletin, language: str, text: str, *, actor: Actor, clock: Clock
) -> BulletinVersion:
    # The bulletin's row is locked so that two editors get two numbers.
    session.execute(select(Bulletin.id).where(Bulletin.id == bulletin.id).with_for_update())
    last = session.scalar(
        select(func.max(BulletinVersion.number)).where(
            BulletinVersion.bulletin_id == bulletin.id, BulletinVersion.language == language
        )
    )
    version = BulletinVersion(
        bulletin_id=bulletin.id,
        language=language,
        number=(last or 0) + 1,
        text=text,
        written_by=actor.id,
        written_at=clock.now(),
    )
    session.add(version)
    session.flush()
    _record(session, "written", version, actor, clock, number=version.number, language=language)
    return version


def set_rate(session: Session, bulletin_id: str, *, rate_wpm: int | None, actor: Actor, clock: Clock) -> Bulletin:
    """How fast the bulletin is spoken from now on, in words a minute (None: as the voice does by itself). What was
    spoken already stays as it is. Raises RateRefused or NotFound.
    """
    check_rate(rate_wpm)
    bulletin = session.get(Bulletin, bulletin_id)
    if bulletin is None:
        raise NotFound(what="bản tin", id=bulletin_id)
    record(
        session,
        "user:bulletin:rate-set",
        actor=actor,
        at=clock.now(),
        subject=("bulletin", bulletin_id),
        before=bulletin.rate_wpm,
        rate_wpm=rate_wpm,
    )
    bulletin.rate_wpm = rate_wpm
    return bulletin


# --- Speaking ----------------------------------------------------------------------------------------------------


def render(
    db: Database,
    version_id: str,
    *,
    studio: Speaker,
    actor: Actor,
    clock: Clock,
    voice: str | None = None,
    rate: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Rendition:
    """Speak a version and keep the sound, without holding a transaction while it is spoken.

    Raises what `Studio.speak` raises, and WrongState where the version isn't to be spoken any more.
    """
    with db.reading() as session:
        version = get(session, version_id)
        _require(session, version, "render")
        if session.scalar(select(Recipe.id).where(Recipe.version_id == version_id).limit(1)):
            raise RecordedNotSpoken(title=bulletin_of(session, version).title)
        text = version.text
        if rate is None:
            rate = bulletin_of(session, version).rate_wpm
        lexicon = lexicon_of(session, bulletin_of(session, version), on=units.date_of(clock.now()))
    speech = studio.speak(text, rate=rate, voice=voice, lexicon=lexicon, progress=progress)
    with db.writing() as session:
        return attach(session, version_id, speech, lexicon=lexicon, actor=actor, clock=clock)


def attach(
    session: Session,
    version_id: str,
    speech: Speech,
    *,
    lexicon: Lexicon | None = None,
    actor: Actor,
    clock: Clock,
) -> Rendition:
    """Keep what was spoken as the version's sound, and with which lexicon. An earlier sound of it that nobody approved
    gives way; the event names both. The same sound again changes nothing.
    """
    version = _locked(session, version_id)
    _require(session, version, "render")
    before = renditions(session, version_id)
    sound = speech.sound
    same = next((r for r in before if r.sha256 == sound.sha256), None)
    if same is not None:
        return same
    for rendition in before:
        session.delete(rendition)
    rendition = Rendition(
        version_id=version_id,
        profile=PROFILE,
        sha256=sound.sha256,
        bytes=sound.bytes,
        duration_ms=sound.duration_ms,
        loudness_lufs=sound.loudness_lufs,
        true_peak_dbtp=sound.true_peak_dbtp,
        voice=speech.voice,
        fallback=speech.fallback,
        made_at=clock.now(),
    )
    version.spoken = speech.spoken
    version.lexicon = lexicon.digest if lexicon else None
    session.add(rendition)
    session.flush()
    _record(
        session,
        "rendered",
        version,
        actor,
        clock,
        sha256=sound.sha256,
        voice=speech.voice,
        fallback=speech.fallback,
        spoke_outside=speech.spoke_outside,
        voice_identity=speech.voice_identity,
        voices_failed=list(speech.failures),
        replaced=[r.sha256 for r in before],
        warnings=speech.warnings,
        lexicon=version.lexicon,
    )
    return rendition


# --- Deciding ----------------------------------------------------------------------------------------------------


def submit(session: Session, version_id: str, *, actor: Actor, clock: Clock) -> BulletinVersion:
    """Hand a version in for approval. Raises BlankLeft, NotSpoken or WrongState."""
    version = _locked(session, version_id)
    _require(session, version, "submit")
    _require_filled(session, version)
    if not renditions(session, version_id):
        raise NotSpoken(title=bulletin_of(session, version).title)
    version.status = "submitted"
    version.submitted_at = clock.now()
    _record(session, "submitted", version, actor, clock, sha256s=current_sha256s(session, version_id))
    return version


def approve(
    session: Session,
    version_id: str,
    *,
    actor: Actor,
    clock: Clock,
    sha256s: Collection[str],
    fallback_permitted: bool = False,
    note: str | None = None,
) -> Approval:
    """Approve exactly the sounds `sha256s`, which the approver has listened to.

    Raises OwnApproval, NotAPerson, SoundChanged (these aren't the version's sounds any more), FallbackVoice (unless
    the site permits it), BlankLeft or WrongState.
    """
    version = _locked(session, version_id)
    _require(session, version, "approve")
    title = bulletin_of(session, version).title
    if actor.is_system:
        raise NotAPerson(title=title)
    if actor.id == version.written_by:
        raise OwnApproval(title=title)
    _require_filled(session, version)
    sounds = renditions(session, version_id)
    if not sounds or set(sha256s) != {r.sha256 for r in sounds}:
        raise SoundChanged(title=title)
    spare = next((r.voice for r in sounds if r.fallback), None)
    if spare is not None and not fallback_permitted:
        raise FallbackVoice(title=title, voice=spare)
    version.status = "approved"
    bound = sorted(r.sha256 for r in sounds)
    return _decide(session, version, "approved", bound, note, actor=actor, clock=clock)


def return_(session: Session, version_id: str, *, actor: Actor, clock: Clock, note: str) -> Approval:
    """Give a submitted version back to its author, with the reason."""
    if not note.strip():
        raise ReasonMissing
    version = _locked(session, version_id)
    _require(session, version, "return")
    version.status = "returned"
    return _decide(session, version, "returned", current_sha256s(session, version_id), note, actor=actor, clock=clock)


def withdraw(session: Session, version_id: str, *, actor: Actor, clock: Clock, note: str) -> Approval:
    """Take a version out of use for good, with the reason. Anyone with the right may, its author too: it only silences.

    Programmes that hold it can't be scheduled any more (`programmes.with_version` names them).
    """
    if not note.strip():
        raise ReasonMissing
    version = _locked(session, version_id)
    _require(session, version, "withdraw")
    version.status = "withdrawn"
    return _decide(session, version, "withdrawn", current_sha256s(session, version_id), note, actor=actor, clock=clock)


def _decide(
    session: Session,
    version: BulletinVersion,
    decision: str,
    sha256s: list[str],
    note: str | None,
    *,
    actor: Actor,
    clock: Clock,
) -> Approval:
    approval = Approval(
        version_id=version.id,
        decision=decision,
        sha256s=sha256s,
        note=(note or "").strip() or None,
        decided_by=actor.id,
        decided_by_name=actor.name,
        decided_at=clock.now(),
    )
    session.add(approval)
    session.flush()
    _record(session, decision, version, actor, clock, sha256s=sha256s, note=approval.note)
    log.info("bulletin decided", extra={"version": version.id, "decision": decision})
    return approval


# --- Within -------------------------------------------------------------------------------------------------------


def _locked(session: Session, version_id: str) -> BulletinVersion:
    """The version as it stands now, locked until the end of the transaction (SQLite has one writer anyway)."""
    version = session.get(BulletinVersion, version_id, with_for_update=True, populate_existing=True)
    if version is None:
        raise NotFound(what="phiên bản bản tin", id=version_id)
    return version


def _require(session: Session, version: BulletinVersion, action: Action) -> None:
    if version.status not in ALLOWED[action]:
        raise wrong_state(bulletin_of(session, version).title, version.status, action)


def _require_filled(session: Session, version: BulletinVersion) -> None:
    title = bulletin_of(session, version).title
    left = blanks(title) + blanks(version.text)
    if left:
        raise BlankLeft(title=title, count=len(left), blanks=", ".join(left))


def _record(
    session: Session, action: str, version: BulletinVersion, actor: Actor, clock: Clock, **data: object
) -> None:
    record(
        session,
        f"user:bulletin:{action}",
        actor=actor,
        at=clock.now(),
        subject=("bulletin", version.bulletin_id),
        version=version.id,
        **data,
    )
