"""Secret addresses under which a unit's timetable can be subscribed to by any calendar, without logging in.

Whoever has the address can read that unit's timetable and nothing else. Of the secret only its SHA-256 is kept; it is
shown once, and one that got about is revoked without touching the others.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.secrets import digest, new_secret
from api.tables import Feed
from core import units
from core.clock import Clock
from core.errors import Invalid, NotFound
from core.events import Actor, record

TOUCH = timedelta(minutes=1)


def create(session: Session, *, unit_id: str, name: str, actor: Actor, clock: Clock) -> tuple[Feed, str]:
    """Make an address for the unit's timetable; the string is its secret part, shown this once."""
    now = clock.now()
    if not name.strip():
        raise Invalid(what="địa chỉ lịch cần có tên: ai dùng, để làm gì / name the address: who uses it, for what")
    secret = new_secret()
    feed = Feed(
        unit_id=units.get(session, unit_id).id,
        name=name.strip(),
        token_sha256=digest(secret),
        created_by=actor.id,
        created_at=now,
    )
    session.add(feed)
    session.flush()
    record(session, "user:feed:created", actor=actor, at=now, subject=("feed", feed.id), unit=unit_id, name=feed.name)
    return feed, secret


def valid(session: Session, secret: str) -> Feed | None:
    """The address that has this secret, if it still holds."""
    return session.scalar(select(Feed).where(Feed.token_sha256 == digest(secret), Feed.revoked_at.is_(None)))


def is_due_for_touch(feed: Feed, clock: Clock) -> bool:
    return feed.used_at is None or clock.now() - feed.used_at >= TOUCH


def touch(session: Session, feed_id: str, clock: Clock) -> None:
    session.get_one(Feed, feed_id).used_at = clock.now()


def of_unit(session: Session, unit_id: str) -> list[Feed]:
    """Those of a unit that hold, newest first."""
    held = select(Feed).where(Feed.unit_id == unit_id, Feed.revoked_at.is_(None))
    return list(session.scalars(held.order_by(Feed.created_at.desc(), Feed.id.desc())))


def revoke(session: Session, feed_id: str, *, actor: Actor, clock: Clock) -> Feed:
    """End it; one that was ended before stays so."""
    feed = session.get(Feed, feed_id)
    if feed is None:
        raise NotFound(what="địa chỉ lịch / feed", id=feed_id)
    if feed.revoked_at is None:
        feed.revoked_at = clock.now()
        record(session, "user:feed:revoked", actor=actor, at=clock.now(), subject=("feed", feed.id), unit=feed.unit_id)
    return feed
