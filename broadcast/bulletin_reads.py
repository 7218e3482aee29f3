"""Looking at bulletins: versions, their sounds, their decisions. Callers find all of it in `broadcast.bulletins`."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcast.tables import Approval, Bulletin, BulletinVersion, Rendition
from core.errors import NotFound
from core.profiles import Profile


def get(session: Session, version_id: str) -> BulletinVersion:
    version = session.get(BulletinVersion, version_id)
    if version is None:
        raise NotFound(what="phiên bản bản tin / version of a bulletin", id=version_id)
    return version


def bulletin_of(session: Session, version: BulletinVersion) -> Bulletin:
    return session.get_one(Bulletin, version.bulletin_id)


def renditions(session: Session, version_id: str) -> list[Rendition]:
    """The sounds of a version, one per profile."""
    return list(
        session.scalars(select(Rendition).where(Rendition.version_id == version_id).order_by(Rendition.profile))
    )


def current_sha256s(session: Session, version_id: str) -> list[str]:
    """What an approver passes back to `approve`: the names of the version's sounds."""
    return sorted(r.sha256 for r in renditions(session, version_id))


def decisions(session: Session, version_id: str) -> list[Approval]:
    """All decisions on a version, oldest first."""
    return list(session.scalars(select(Approval).where(Approval.version_id == version_id).order_by(Approval.id)))


def approved_renditions(session: Session, version_id: str) -> dict[Profile, Rendition]:
    """The sounds that are approved to go on air; none where the version isn't approved (any more).

    `full` alone: it was approved before sounds were made in two profiles, and goes to receivers of either.
    """
    version = get(session, version_id)
    if version.status != "approved":
        return {}
    bound = next((set(a.sha256s) for a in reversed(decisions(session, version_id)) if a.decision == "approved"), set())
    return {one.profile: one for one in renditions(session, version_id) if one.sha256 in bound}


def overdue(session: Session, today: date) -> list[Bulletin]:
    """Bulletins whose facts should have been looked at again before `today`, the most overdue first."""
    late = select(Bulletin).where(Bulletin.review_by < today).order_by(Bulletin.review_by, Bulletin.id)
    return list(session.scalars(late))
