"""Tables of the receivers' software."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base


class SoftwareRelease(Base):
    """A signed release. Its object lies in the store of sounds, and goes out as they do."""

    __tablename__ = "software_releases"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    version: Mapped[str] = mapped_column(String(40), unique=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int]
    health_s: Mapped[int]
    token: Mapped[str] = mapped_column(Text)
    added_at: Mapped[datetime]
    added_by: Mapped[str] = mapped_column(String(40))
    halted_at: Mapped[datetime | None]


class SoftwareOffer(Base):
    """A release was offered to a receiver, by its newest command."""

    __tablename__ = "software_offers"

    release_id: Mapped[str] = mapped_column(ForeignKey("software_releases.id"), primary_key=True)
    receiver_id: Mapped[str] = mapped_column(ForeignKey("receivers.id"), primary_key=True)
    command_id: Mapped[str] = mapped_column(ForeignKey("commands.id"))
    offered_at: Mapped[datetime]
