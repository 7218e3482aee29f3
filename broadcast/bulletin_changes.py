"""How every change of a version begins and ends: its row locked, its state looked at, an event."""

from __future__ import annotations

from sqlalchemy.orm import Session

from broadcast.bulletin_reads import bulletin_of
from broadcast.bulletin_rules import ALLOWED, Action, BlankLeft, blanks, wrong_state
from broadcast.tables import BulletinVersion
from core.clock import Clock
from core.errors import NotFound
from core.events import Actor, record


def locked(session: Session, version_id: str) -> BulletinVersion:
    """The version as it stands now, locked until the end of the transaction (SQLite has one writer anyway)."""
    version = session.get(BulletinVersion, version_id, with_for_update=True, populate_existing=True)
    if version is None:
        raise NotFound(what="phiên bản bản tin / version of a bulletin", id=version_id)
    return version


def require(session: Session, version: BulletinVersion, action: Action) -> None:
    """Raises WrongState where the version's state doesn't allow the action."""
    if version.status not in ALLOWED[action]:
        raise wrong_state(bulletin_of(session, version).title, version.status, action)


def require_filled(session: Session, version: BulletinVersion) -> None:
    """Raises BlankLeft where title or text have places that somebody still has to fill in."""
    title = bulletin_of(session, version).title
    left = blanks(title) + blanks(version.text)
    if left:
        raise BlankLeft(title=title, count=len(left), blanks=", ".join(left))


def record_change(
    session: Session, action: str, version: BulletinVersion, actor: Actor, clock: Clock, **data: object
) -> None:
    """The event of a change."""
    record(
        session,
        f"user:bulletin:{action}",
        actor=actor,
        at=clock.now(),
        subject=("bulletin", version.bulletin_id),
        version=version.id,
        **data,
    )
