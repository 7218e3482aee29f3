"""What is decided on a version: handed in, approved, returned, withdrawn.

An approval binds the set of renditions that the approver has listened to, one per profile. What is bound plays, bit
for bit; another set, whichever of them differs, is another sound and needs another approval.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcast.bulletin_changes import locked, record_change, require, require_filled
from broadcast.bulletin_reads import bulletin_of, current_sha256s, renditions
from broadcast.bulletin_rules import (
    FallbackVoice,
    NotAPerson,
    NotSpoken,
    OwnApproval,
    ProfileMissing,
    ReasonMissing,
    SoundChanged,
)
from broadcast.recording_tables import Recipe, Recording
from broadcast.tables import Approval, BulletinVersion
from core.clock import Clock
from core.events import Actor
from core.profiles import PROFILE_VI, PROFILES

log = logging.getLogger(__name__)


def submit(session: Session, version_id: str, *, actor: Actor, clock: Clock) -> BulletinVersion:
    """Hand a version in for approval. Raises BlankLeft, NotSpoken, ProfileMissing (spoken in one profile alone) or
    WrongState.
    """
    version = locked(session, version_id)
    require(session, version, "submit")
    require_filled(session, version)
    made = {rendition.profile for rendition in renditions(session, version_id)}
    title = bulletin_of(session, version).title
    if not made:
        raise NotSpoken(title=title)
    if missing := [profile for profile in PROFILES if profile not in made]:
        names = ", ".join(PROFILE_VI[profile] for profile in missing)
        raise ProfileMissing(title=title, missing_vi=names, missing=", ".join(missing))
    version.status = "submitted"
    version.submitted_at = clock.now()
    record_change(session, "submitted", version, actor, clock, sha256s=current_sha256s(session, version_id))
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
    """Approve exactly the set of sounds `sha256s`, one per profile, which the approver has listened to.

    One that was submitted before sounds were made in two profiles is approved as it is, with its `full` one.

    Raises OwnApproval, NotAPerson, SoundChanged (these aren't the version's sounds any more), FallbackVoice (unless
    the site permits it), BlankLeft or WrongState.
    """
    version = locked(session, version_id)
    require(session, version, "approve")
    title = bulletin_of(session, version).title
    if actor.is_system:
        raise NotAPerson(title=title)
    if actor.id in _makers(session, version):
        raise OwnApproval(title=title)
    require_filled(session, version)
    sounds = renditions(session, version_id)
    if not sounds or set(sha256s) != {r.sha256 for r in sounds}:
        raise SoundChanged(title=title)
    spare = next((r.voice for r in sounds if r.fallback), None)
    if spare is not None and not fallback_permitted:
        raise FallbackVoice(title=title, voice=spare)
    version.status = "approved"
    bound = sorted(r.sha256 for r in sounds)
    return _decide(session, version, "approved", bound, note, actor=actor, clock=clock)


def _makers(session: Session, version: BulletinVersion) -> set[str]:
    """Who wrote it; of a recorded one, who handed in what it is made of and who trimmed it as well."""
    makers = {version.written_by}
    recipe = session.scalar(
        select(Recipe).where(Recipe.version_id == version.id).order_by(Recipe.number.desc()).limit(1)
    )
    if recipe is not None:
        used = {part["recording_id"] for part in recipe.parts}
        makers |= {recipe.made_by, *session.scalars(select(Recording.added_by).where(Recording.id.in_(used)))}
    return makers


def return_(session: Session, version_id: str, *, actor: Actor, clock: Clock, note: str) -> Approval:
    """Give a submitted version back to its author, with the reason."""
    if not note.strip():
        raise ReasonMissing
    version = locked(session, version_id)
    require(session, version, "return")
    version.status = "returned"
    return _decide(session, version, "returned", current_sha256s(session, version_id), note, actor=actor, clock=clock)


def withdraw(session: Session, version_id: str, *, actor: Actor, clock: Clock, note: str) -> Approval:
    """Take a version out of use for good, with the reason. Anyone with the right may, its author too: it only silences.

    Programmes that hold it can't be scheduled any more (`programmes.with_version` names them).
    """
    if not note.strip():
        raise ReasonMissing
    version = locked(session, version_id)
    require(session, version, "withdraw")
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
    record_change(session, decision, version, actor, clock, sha256s=sha256s, note=approval.note)
    log.info("bulletin decided", extra={"version": version.id, "decision": decision})
    return approval
