"""Audio on its way to receivers: manifests, and chunks that lie retained at the broker while something needs them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from audio.errors import ObjectDamaged
from audio.store import ObjectStore
from broadcast.release_tables import SoftwareOffer, SoftwareRelease
from broadcast.tables import IssuedCommand, ProgrammeItem, PublishedObject
from broadcast.upserts import insert
from core.clock import Clock
from core.database import Database
from core.errors import NotFound
from devices.link import Delivery, Link
from devices.protocol import topics
from devices.protocol.plan import CHUNK_BYTES, Manifest
from devices.tables import Receiver
from schedules.slot_tables import Slot
from schedules.tables import Airing

log = logging.getLogger(__name__)

GRACE = timedelta(hours=24)  # chunks stay this long after the last airing that needed them
PUBACK_WAIT_S = 15.0
OBJECTS_PER_ROUND = 50  # so that plans never wait long behind audio


@lru_cache(maxsize=4096)
def manifest(store: ObjectStore, sha256: str) -> Manifest:
    """What an object's bytes must hash to, whole and chunk by chunk. Raises NotFound. Objects never change: cached."""
    return Manifest(
        sha256=sha256,
        bytes=len(store.read(sha256)),
        chunk_sha256=store.chunk_hashes(sha256, CHUNK_BYTES),
        chunk_bytes=CHUNK_BYTES,
    )


def manifests(store: ObjectStore, sha256s: Iterable[str]) -> dict[str, Manifest]:
    """The manifests of those that the store has; the others are not in the answer."""
    found = {}
    for sha256 in set(sha256s):
        try:
            found[sha256] = manifest(store, sha256)
        except (NotFound, ObjectDamaged) as error:
            log.error("An audio object can't be planned", extra={"sha256": sha256, "error": error.slug})  # noqa: TRY400
    return found


def needed(session: Session, now: datetime, grace: timedelta = GRACE) -> set[str]:
    """Objects of airings that are or were in a plan and have not been over for `grace`, and of live commands.

    Of an item's sounds those of the profiles that some active receiver has: where every box drives its own horns, no
    full-range sound lies at the broker.
    """
    profiles = set(session.scalars(select(Receiver.profile).where(Receiver.status == "active").distinct()))
    used = session.execute(
        select(ProgrammeItem.sha256, ProgrammeItem.horn_sha256, Airing.starts_at, Airing.duration_ms)
        .join(Airing, Airing.programme_id == ProgrammeItem.programme_id)
        # A day more, because an airing's end can't be computed alike in both databases.
        .where(Airing.planned, Airing.starts_at > now - grace - timedelta(days=1))
        .distinct()
        # And what relays sound where they can't be had.
        .union(
            select(ProgrammeItem.sha256, ProgrammeItem.horn_sha256, Airing.starts_at, Airing.duration_ms)
            .join(Slot, Slot.music_id == ProgrammeItem.programme_id)
            .join(Airing, Airing.slot_id == Slot.id)
            .where(Slot.kind == "relay", Airing.planned, Airing.starts_at > now - grace - timedelta(days=1))
        )
    )
    objects = {
        horn if profile == "horn" and horn else full
        for full, horn, starts_at, ms in used
        if starts_at + timedelta(milliseconds=ms) + grace > now
        for profile in profiles
    }
    commands = select(IssuedCommand.body).where(IssuedCommand.name == "play-now", IssuedCommand.expires_at > now)
    for body in session.scalars(commands):
        objects.update(entry["sha256"] for entry in body.get("objects", []))
    return objects | _releases(session, now)


def _releases(session: Session, now: datetime) -> set[str]:
    """Objects of receivers' software that some command still offers; they lie in the same store."""
    offered = (
        select(SoftwareRelease.sha256)
        .join(SoftwareOffer, SoftwareOffer.release_id == SoftwareRelease.id)
        .join(IssuedCommand, IssuedCommand.id == SoftwareOffer.command_id)
        .where(IssuedCommand.expires_at > now)
        .distinct()
    )
    return set(session.scalars(offered))


def publish_needed(db: Database, store: ObjectStore, link: Link, clock: Clock, *, grace: timedelta = GRACE) -> int:
    """Publish what is needed and not yet at the broker, clear what nobody needs. Returns the objects published.

    A row is written when every chunk was acknowledged, so a crash in between publishes again, never forgets.
    """
    if not link.connected:
        return 0
    with db.reading() as session:
        wanted = needed(session, clock.now(), grace)
        there = {row.sha256: (row.chunk_bytes, row.chunks) for row in session.scalars(select(PublishedObject))}
    for sha256, (chunk_bytes, chunks) in there.items():
        # Another chunk size would leave the old chunks lying beside the new ones for ever.
        if sha256 not in wanted or chunk_bytes != CHUNK_BYTES:
            _clear(db, link, clock, sha256, chunk_bytes, chunks)
    missing = sorted(sha for sha in wanted if sha not in there or there[sha][0] != CHUNK_BYTES)
    published = 0
    for found in manifests(store, missing[:OBJECTS_PER_ROUND]).values():
        published += _publish(db, store, link, clock, found)
    return published


def publish_chunk(store: ObjectStore, link: Link, sha256: str, n: int) -> Delivery | None:
    """Publish one chunk (again). None where there is no such object or chunk."""
    try:
        found = manifest(store, sha256)
        data = store.read(sha256)
    except (NotFound, ObjectDamaged):
        return None
    if not 0 <= n < len(found.chunk_sha256):
        return None
    chunk = data[n * CHUNK_BYTES : (n + 1) * CHUNK_BYTES]
    return link.publish(topics.content(sha256, CHUNK_BYTES, n), chunk, qos=1, retain=True)


def forget_published(session: Session) -> None:
    """The broker kept nothing (an embedded one starts empty): everything needed is published again."""
    session.execute(delete(PublishedObject))


def _publish(db: Database, store: ObjectStore, link: Link, clock: Clock, found: Manifest) -> bool:
    try:
        data = store.read(found.sha256)
    except (NotFound, ObjectDamaged) as error:
        log.error("An audio object can't be sent", extra={"sha256": found.sha256, "error": error.slug})  # noqa: TRY400
        return False
    deliveries = [
        link.publish(
            topics.content(found.sha256, CHUNK_BYTES, n),
            data[n * CHUNK_BYTES : (n + 1) * CHUNK_BYTES],
            qos=1,
            retain=True,
        )
        for n in range(len(found.chunk_sha256))
    ]
    if not all(acknowledged(deliveries, clock)):
        log.warning("Chunks were not acknowledged; they are published again", extra={"sha256": found.sha256})
        return False
    row = {
        "sha256": found.sha256,
        "chunk_bytes": CHUNK_BYTES,
        "chunks": len(deliveries),
        "published_at": clock.now(),
    }
    with db.writing() as session:
        session.execute(insert(session, PublishedObject).on_conflict_do_nothing(), [row])
    return True


def _clear(db: Database, link: Link, clock: Clock, sha256: str, chunk_bytes: int, chunks: int) -> None:
    deliveries = [link.publish(topics.content(sha256, chunk_bytes, n), b"", qos=1, retain=True) for n in range(chunks)]
    if all(acknowledged(deliveries, clock)):
        with db.writing() as session:
            session.execute(delete(PublishedObject).where(PublishedObject.sha256 == sha256))


def acknowledged(deliveries: Iterable[Delivery], clock: Clock, within_s: float = PUBACK_WAIT_S) -> list[bool]:
    """Which of these the broker has, after waiting for all of them together at most `within_s` seconds."""
    deadline = clock.monotonic() + within_s
    return [delivery.wait(max(deadline - clock.monotonic(), 0.0)) for delivery in deliveries]
