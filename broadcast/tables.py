"""Tables of the newsroom.

Who did something is kept as the id of a user (or of a part of the system) without a foreign key: accounts
belong to the floor above and are never deleted, only closed.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from core.ids import new_id
from core.profiles import Profile


def _id() -> Mapped[str]:
    return mapped_column(String(26), primary_key=True, default=new_id)


class Dispatch(Base):
    """An instruction from above, as it was read; what was not found in it is null."""

    __tablename__ = "dispatches"

    id: Mapped[str] = _id()
    number: Mapped[str | None] = mapped_column(String(100))
    issued_on: Mapped[date | None]
    issued_text: Mapped[str | None] = mapped_column(String(200))  # the date line as written, even where incomplete
    issuer: Mapped[str | None] = mapped_column(String(300))
    subject: Mapped[str | None] = mapped_column(Text)
    addressees: Mapped[list[str]]
    observance_day: Mapped[int | None]
    observance_month: Mapped[int | None]
    missing: Mapped[list[str]]  # names of the facts that the text doesn't give
    text: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    unit_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"))  # whose desk it came to; null: the province's
    imported_by: Mapped[str] = mapped_column(String(40))
    imported_at: Mapped[datetime]


class Campaign(Base):
    """Dispatch + window + areas. Dates are local and inclusive."""

    __tablename__ = "campaigns"

    id: Mapped[str] = _id()
    dispatch_id: Mapped[str | None] = mapped_column(ForeignKey("dispatches.id"), index=True)
    title: Mapped[str] = mapped_column(String(300))
    first_date: Mapped[date]
    last_date: Mapped[date]
    unit_ids: Mapped[list[str]]
    languages: Mapped[list[str]]
    created_by: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]


class Bulletin(Base):
    """One message with its class; what is said stands in its versions."""

    __tablename__ = "bulletins"

    id: Mapped[str] = _id()
    campaign_id: Mapped[str | None] = mapped_column(ForeignKey("campaigns.id"), index=True)
    # Whose names it says: its lexicon reads it. Null: that of its campaign's one unit, or the province's.
    unit_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"))
    title: Mapped[str] = mapped_column(String(300))
    class_: Mapped[str] = mapped_column("class", String(10), default="ordinary")  # one of BroadcastClass
    review_by: Mapped[date | None]
    rate_wpm: Mapped[int | None]  # how fast it is spoken, in words a minute; None: as the voice does by itself
    source_note: Mapped[str | None] = mapped_column(Text)
    drafted_from_dispatch: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]


class BulletinVersion(Base):
    """One language of a bulletin, in one wording. A change of wording is a new version with the next number."""

    __tablename__ = "bulletin_versions"
    __table_args__ = (UniqueConstraint("bulletin_id", "language", "number"),)

    id: Mapped[str] = _id()
    bulletin_id: Mapped[str] = mapped_column(ForeignKey("bulletins.id"), index=True)
    language: Mapped[str] = mapped_column(String(12), default="vi")
    number: Mapped[int] = mapped_column(default=1)
    text: Mapped[str] = mapped_column(Text)
    spoken: Mapped[str | None] = mapped_column(Text)  # as it was read out, kept beside what was written
    lexicon: Mapped[str | None] = mapped_column(String(64))  # digest of the lexicon that it was read with
    # One of: draft, submitted, approved, returned, withdrawn.
    status: Mapped[str] = mapped_column(String(10), default="draft")
    written_by: Mapped[str] = mapped_column(String(40))
    written_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]


class Rendition(Base):
    """One mastered encoding of a version, for one profile. The object's sha256 is its name in the store."""

    __tablename__ = "renditions"
    __table_args__ = (UniqueConstraint("version_id", "profile", "sha256"),)

    id: Mapped[str] = _id()
    version_id: Mapped[str] = mapped_column(ForeignKey("bulletin_versions.id"), index=True)
    profile: Mapped[Profile] = mapped_column(String(20))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    bytes: Mapped[int]
    duration_ms: Mapped[int]
    loudness_lufs: Mapped[float]
    true_peak_dbtp: Mapped[float]
    voice: Mapped[str] = mapped_column(String(80))  # which voice spoke
    fallback: Mapped[bool] = mapped_column(Boolean, default=False)  # not the voice that the site wants
    passed_over: Mapped[list[str]] = mapped_column(default=list)  # why those did not speak, in Vietnamese
    made_at: Mapped[datetime]


class Approval(Base):
    """A decision on the renditions of a version: exactly these sha256, no others."""

    __tablename__ = "approvals"

    id: Mapped[str] = _id()
    version_id: Mapped[str] = mapped_column(ForeignKey("bulletin_versions.id"), index=True)
    decision: Mapped[str] = mapped_column(String(10))  # approved | returned | withdrawn
    sha256s: Mapped[list[str]]
    note: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[str] = mapped_column(String(40))
    decided_by_name: Mapped[str] = mapped_column(String(200))
    decided_at: Mapped[datetime]


class Programme(Base):
    """Ordered items that are played gaplessly."""

    __tablename__ = "programmes"

    id: Mapped[str] = _id()
    title: Mapped[str] = mapped_column(String(300))
    unit_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"))  # whose it is; null: the province's
    created_by: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]


class ProgrammeItem(Base):
    """A chime, a piece of music or an approved version of a bulletin, with its sounds as they were when it was put in.

    One of before sounds were made in two profiles has the full-range one alone, which all receivers play.
    """

    __tablename__ = "programme_items"
    __table_args__ = (UniqueConstraint("programme_id", "position"),)

    id: Mapped[str] = _id()
    programme_id: Mapped[str] = mapped_column(ForeignKey("programmes.id"), index=True)
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(String(10))  # chime | music | bulletin
    name: Mapped[str | None] = mapped_column(String(60))  # of a chime or a piece of music
    sound_id: Mapped[str | None] = mapped_column(ForeignKey("site_sounds.id"), index=True)  # null: the project's own
    version_id: Mapped[str | None] = mapped_column(ForeignKey("bulletin_versions.id"), index=True)
    sha256: Mapped[str] = mapped_column(String(64))  # the full-range sound
    horn_sha256: Mapped[str | None] = mapped_column(String(64))  # the one for horns
    duration_ms: Mapped[int]


class IssuedPlan(Base):
    """Every plan ever issued, with the signed document. What is expected of a receiver is what it accepted.

    The one that is not superseded is the receiver's current plan; the database holds that there is one at most.
    """

    __tablename__ = "plans"
    __table_args__ = (
        Index(
            "ix_plans_current",
            "receiver_id",
            unique=True,
            sqlite_where=text("superseded_at IS NULL"),
            postgresql_where=text("superseded_at IS NULL"),
        ),
        Index(
            "ix_plans_unpublished",
            "published_at",
            sqlite_where=text("superseded_at IS NULL"),
            postgresql_where=text("superseded_at IS NULL"),
        ),
    )

    receiver_id: Mapped[str] = mapped_column(ForeignKey("receivers.id"), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    issued_at: Mapped[datetime]
    valid_until: Mapped[datetime]
    digest: Mapped[str] = mapped_column(String(64))  # of the plan without revision and validity: has anything changed?
    token: Mapped[str] = mapped_column(Text)  # the JWS as published
    fence: Mapped[int] = mapped_column(BigInteger)
    published_at: Mapped[datetime | None]
    superseded_at: Mapped[datetime | None]  # when a higher revision took its place
    accepted_at: Mapped[datetime | None]
    refused_reason: Mapped[str | None] = mapped_column(String(500))


class PlanRequest(Base):
    """This receiver's plan is to be looked at again; the leader takes the row and issues what has changed."""

    __tablename__ = "plan_requests"

    receiver_id: Mapped[str] = mapped_column(ForeignKey("receivers.id"), primary_key=True)
    requested_at: Mapped[datetime]


class Sequence(Base):
    """The last `seq` given out per audience; it never goes back."""

    __tablename__ = "sequences"

    audience: Mapped[str] = mapped_column(String(60), primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


class PublishedObject(Base):
    """An audio object whose chunks lie retained at the broker."""

    __tablename__ = "published_objects"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    chunk_bytes: Mapped[int]
    chunks: Mapped[int]
    published_at: Mapped[datetime]


class ReceiverObject(Base):
    """This receiver said that it holds this object, complete and checked."""

    __tablename__ = "receiver_objects"

    receiver_id: Mapped[str] = mapped_column(ForeignKey("receivers.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    ready_at: Mapped[datetime]


class IssuedCommand(Base):
    """A command on its way: written by whoever may, signed and published by the leader, answered by receivers."""

    __tablename__ = "commands"
    __table_args__ = (Index("ix_commands_unpublished", "published_at"),)

    id: Mapped[str] = _id()
    audience: Mapped[str] = mapped_column(String(60), index=True)  # rx/{id} or area/{unit}
    name: Mapped[str] = mapped_column(String(12))
    body: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime]
    reason: Mapped[str | None] = mapped_column(String(500))
    airing_id: Mapped[str | None] = mapped_column(String(26), index=True)  # the airing that a stop names
    # A receiver that was away gets an area's command again under its own audience: a row of its own, the same body.
    copy_of_id: Mapped[str | None] = mapped_column(ForeignKey("commands.id"), index=True)
    issued_by: Mapped[str] = mapped_column(String(40))
    issued_at: Mapped[datetime]
    token: Mapped[str | None] = mapped_column(Text)
    published_at: Mapped[datetime | None]


class CommandAnswer(Base):
    __tablename__ = "command_answers"

    command_id: Mapped[str] = mapped_column(ForeignKey("commands.id"), primary_key=True)
    receiver_id: Mapped[str] = mapped_column(ForeignKey("receivers.id"), primary_key=True)
    result: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(String(500))
    answered_at: Mapped[datetime]


class Playout(Base):
    """One airing on one receiver: what was planned beside what happened, recomputable from records and plans."""

    __tablename__ = "playouts"
    __table_args__ = (
        Index("ix_playouts_receiver_planned_at", "receiver_id", "planned_at"),
        Index("ix_playouts_planned_at", "planned_at"),
    )

    airing_id: Mapped[str] = mapped_column(ForeignKey("airings.id"), primary_key=True)
    receiver_id: Mapped[str] = mapped_column(ForeignKey("receivers.id"), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), index=True)  # where the receiver was
    planned_at: Mapped[datetime]  # at this receiver: a clash may have moved it from the airing's own start
    planned_ms: Mapped[int]
    note: Mapped[str | None] = mapped_column(String(500))  # what a clash made of it, or why no plan holds it
    state: Mapped[str] = mapped_column(String(12), default="planned", index=True)
    reason: Mapped[str | None] = mapped_column(String(500))
    first_revision: Mapped[int] = mapped_column(BigInteger)  # the first plan that held it; 0: no plan ever did
    dropped_revision: Mapped[int | None] = mapped_column(BigInteger)  # the first plan that no longer held it
    accepted_at: Mapped[datetime | None]  # when the receiver accepted the first plan that held it
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    played_ms: Mapped[int] = mapped_column(default=0)
    cancelled: Mapped[bool] = mapped_column(default=False)  # sounded or not, it was not wanted any more
    updated_at: Mapped[datetime]


class StoredRecord(Base):
    """A play record as a receiver signed it. `canonical_sha256` is what the next one's `prev` must be.

    On PostgreSQL the table is partitioned by the month of `planned_at` (see `broadcast.partitions`), which therefore
    belongs to its key there. That a number comes once only is held by the lock on the log's watermark.
    """

    __tablename__ = "play_records"
    __table_args__ = (Index("ix_play_records_airing_receiver", "airing_id", "receiver_id"),)

    receiver_id: Mapped[str] = mapped_column(String(26), primary_key=True)  # its watermark refers to the receiver
    log: Mapped[str] = mapped_column(String(26), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    canonical_sha256: Mapped[str] = mapped_column(String(64))
    prev: Mapped[str] = mapped_column(String(64))
    airing_id: Mapped[str] = mapped_column(String(26))
    item_id: Mapped[str] = mapped_column(String(26))
    outcome: Mapped[str] = mapped_column(String(10))
    planned_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    played_ms: Mapped[int]
    body: Mapped[dict[str, Any]]  # the whole record
    received_at: Mapped[datetime]


class RecordFork(Base):
    """The same (receiver, log, seq) came with another content: a cloned or tampered box. Kept, and raised."""

    __tablename__ = "record_forks"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    receiver_id: Mapped[str] = mapped_column(ForeignKey("receivers.id"), index=True)
    log: Mapped[str] = mapped_column(String(26))
    seq: Mapped[int] = mapped_column(BigInteger)
    canonical_sha256: Mapped[str] = mapped_column(String(64))
    body: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("receiver_id", "log", "seq", "canonical_sha256"),)


class PlayBatch(Base):
    """A `plays` message as it was signed: what proves its records to someone who doesn't trust this database."""

    __tablename__ = "play_batches"

    receiver_id: Mapped[str] = mapped_column(ForeignKey("receivers.id"), primary_key=True)
    log: Mapped[str] = mapped_column(String(26), primary_key=True)
    first_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    last_seq: Mapped[int] = mapped_column(BigInteger)
    token: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime]


class UnjudgedBatch(Base):
    """New records that are committed, and acknowledged, and whose playouts have not been judged by them yet.

    The row goes in the transaction that judges them: whatever is killed when, they are judged.
    """

    __tablename__ = "unjudged_batches"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    receiver_id: Mapped[str] = mapped_column(String(26))
    airing_ids: Mapped[list[str]]


class Watermark(Base):
    """Of this log, all of 1…`through` are committed and may be acknowledged.

    `highest` above `through` says that records came out of order and some between are missing.
    """

    __tablename__ = "watermarks"

    receiver_id: Mapped[str] = mapped_column(ForeignKey("receivers.id"), primary_key=True)
    log: Mapped[str] = mapped_column(String(26), primary_key=True)
    through: Mapped[int] = mapped_column(BigInteger)
    through_sha256: Mapped[str] = mapped_column(
        String(64)
    )  # of the record `through`: what the next one's `prev` must be
    highest: Mapped[int] = mapped_column(BigInteger)
