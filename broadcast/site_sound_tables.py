"""Tables of a site's own chimes and music."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from core.ids import new_id
from core.profiles import Profile


class SiteSound(Base):
    """A chime or a piece of music that somebody handed in. Its file as it came is kept among the originals.

    A name is taken as long as its sound isn't retired; the database holds that for names that are alike to the letter.
    """

    __tablename__ = "site_sounds"
    __table_args__ = (
        Index(
            "ix_site_sounds_in_use",
            "kind",
            "name",
            unique=True,
            sqlite_where=text("status <> 'retired'"),
            postgresql_where=text("status <> 'retired'"),
        ),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(10))  # chime | music
    name: Mapped[str] = mapped_column(String(60))
    status: Mapped[str] = mapped_column(String(10), default="waiting")  # waiting | approved | retired
    original_sha256: Mapped[str] = mapped_column(String(64))
    original_bytes: Mapped[int] = mapped_column(BigInteger)
    format: Mapped[str] = mapped_column(String(80))  # as found in the content, with the codec
    duration_ms: Mapped[int]
    added_by: Mapped[str] = mapped_column(String(40))
    added_by_name: Mapped[str] = mapped_column(String(200))
    added_at: Mapped[datetime]
    approved_by: Mapped[str | None] = mapped_column(String(40))
    approved_by_name: Mapped[str | None] = mapped_column(String(200))
    approved_at: Mapped[datetime | None]


class SiteSoundRendition(Base):
    """Its sound in one profile. The object's sha256 is its name in the store."""

    __tablename__ = "site_sound_renditions"

    sound_id: Mapped[str] = mapped_column(ForeignKey("site_sounds.id"), primary_key=True)
    profile: Mapped[Profile] = mapped_column(String(4), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    bytes: Mapped[int]
    duration_ms: Mapped[int]
    loudness_lufs: Mapped[float]
    true_peak_dbtp: Mapped[float]
