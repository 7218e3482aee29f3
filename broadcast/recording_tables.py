"""Tables of recordings: originals as they were handed in, and recipes of what is made of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from core.ids import new_id


class Recording(Base):
    """An original of a bulletin, in one language. The file's sha256 is its name among the originals."""

    __tablename__ = "recordings"

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    bulletin_id: Mapped[str] = mapped_column(ForeignKey("bulletins.id"), index=True)
    language: Mapped[str] = mapped_column(String(12))
    speaker: Mapped[str] = mapped_column(String(60))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    bytes: Mapped[int] = mapped_column(BigInteger)
    format: Mapped[str] = mapped_column(String(80))  # as people call it, found in the content
    duration_ms: Mapped[int]
    analysis: Mapped[dict[str, Any]]
    added_by: Mapped[str] = mapped_column(String(40))
    added_at: Mapped[datetime]


class Recipe(Base):
    """What a recorded version is made of. A change is a new row with the next number; none is ever changed."""

    __tablename__ = "recording_recipes"
    __table_args__ = (UniqueConstraint("version_id", "number"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    version_id: Mapped[str] = mapped_column(ForeignKey("bulletin_versions.id"), index=True)
    number: Mapped[int] = mapped_column(Integer)
    parts: Mapped[list[dict[str, Any]]]  # recording_id, start_ms, end_ms
    made_by: Mapped[str] = mapped_column(String(40))
    made_at: Mapped[datetime]
