"""The table of lexicons: every change of every entry, appended and never changed; the last one is what holds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from core.ids import new_id


class LexiconChange(Base):
    """One version of one entry of one unit, numbered from 1. A removal is a version without a spoken form."""

    __tablename__ = "lexicon_changes"
    # Two people who edit the same version can't both write the next one.
    __table_args__ = (UniqueConstraint("unit_id", "key", "number"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"))
    key: Mapped[str] = mapped_column(String(120))  # see match.key_of
    number: Mapped[int]
    written: Mapped[str] = mapped_column(String(120))
    spoken: Mapped[str | None] = mapped_column(String(400))
    note: Mapped[str | None] = mapped_column(Text)
    changed_by: Mapped[str] = mapped_column(String(40))
    changed_by_name: Mapped[str] = mapped_column(String(200))
    changed_at: Mapped[datetime]
