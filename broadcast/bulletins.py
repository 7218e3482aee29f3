"""Bulletins (bản tin): written, spoken, submitted, approved, returned, withdrawn.

Writing stands here, and everything else of the room is found here: how a version gets its sounds in `bulletin_speech`,
what is decided on it in `bulletin_decisions`.

A bulletin has versions: one wording in one language each, numbered from 1. A version's text never changes; another
wording is another version, and the earlier ones stay as they were, with their sound and their decisions.

`ALLOWED` is the whole table of states. Two rules stand beside it: who wrote a version does not approve it, and an
approval binds exactly the set of sounds (sha256, one per profile) that the approver has listened to. What is bound
plays, bit for bit.

Speech takes seconds, so `render` takes the `Database` and speaks between two short transactions; `attach` is its second
half for those who have the speech already. Everything else takes a session and leaves the commit to whoever opened it.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audio.voices import check_rate
from broadcast import campaigns
from broadcast.bulletin_changes import record_change
from broadcast.bulletin_decisions import approve, return_, submit, withdraw
from broadcast.bulletin_reads import (
    approved_renditions,
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
    STATUS_VI,
    Action,
    BlankLeft,
    FallbackVoice,
    NotAPerson,
    NotSpoken,
    OwnApproval,
    ProfileMissing,
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
)
from broadcast.bulletin_speech import Speaker, attach, render
from broadcast.tables import Bulletin, BulletinVersion
from core import units
from core.clock import Clock
from core.errors import NotFound
from core.events import Actor, record
from devices.protocol.plan import BroadcastClass

__all__ = [
    "ALLOWED",
    "CHARACTERS_MAX",
    "STATUS_VI",
    "Action",
    "BlankLeft",
    "FallbackVoice",
    "NotAPerson",
    "NotSpoken",
    "OwnApproval",
    "ProfileMissing",
    "ReasonMissing",
    "RecordedNotSpoken",
    "SoundChanged",
    "Speaker",
    "Status",
    "WrongState",
    "approve",
    "approved_renditions",
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
        raise NotFound(what="bản tin / bulletin", id=bulletin_id)
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
    record_change(session, "written", version, actor, clock, number=version.number, language=language)
    return version


def set_rate(session: Session, bulletin_id: str, *, rate_wpm: int | None, actor: Actor, clock: Clock) -> Bulletin:
    """How fast the bulletin is spoken from now on, in words a minute (None: as the voice does by itself). What was
    spoken already stays as it is. Raises RateRefused or NotFound.
    """
    check_rate(rate_wpm)
    bulletin = session.get(Bulletin, bulletin_id)
    if bulletin is None:
        raise NotFound(what="bản tin / bulletin", id=bulletin_id)
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
