"""Tables of sessions: their slots, what these were filled with, decided days, and templates of weeks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from core.ids import new_id


class Slot(Base):
    """A part of a session, by `position`. One that an edit left out is `retired`: its airings are history.

    A schedule without slots has one all the same: its programme (see `schedules.slots`).
    """

    __tablename__ = "slots"

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    schedule_id: Mapped[str] = mapped_column(ForeignKey("schedules.id"), index=True)
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(String(10))  # relay | programme
    title: Mapped[str] = mapped_column(String(200))
    owner_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"), index=True)
    each_commune: Mapped[bool] = mapped_column(default=False)
    length_ms: Mapped[int]
    fill_by_min: Mapped[int]  # minutes before its start
    fallback: Mapped[str] = mapped_column(String(10))  # previous | music | silence | close
    music_id: Mapped[str | None] = mapped_column(ForeignKey("programmes.id"))
    programme_id: Mapped[str | None] = mapped_column(ForeignKey("programmes.id"), index=True)  # its standing one
    programme_ms: Mapped[int] = mapped_column(default=0)
    source: Mapped[str | None] = mapped_column(String(200))  # of a relay
    retired: Mapped[bool] = mapped_column(default=False)


class Filling(Base):
    """What a slot was filled with on one day (and at one commune). The one that is not ended holds."""

    __tablename__ = "fillings"
    __table_args__ = (Index("ix_fillings_slot_original_start", "slot_id", "original_start"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    schedule_id: Mapped[str] = mapped_column(ForeignKey("schedules.id"), index=True)
    slot_id: Mapped[str] = mapped_column(ForeignKey("slots.id"))
    place_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"), index=True)  # the commune that it is for
    original_start: Mapped[datetime]  # of the session
    programme_id: Mapped[str | None] = mapped_column(ForeignKey("programmes.id"), index=True)  # null: silence
    programme_ms: Mapped[int] = mapped_column(default=0)
    cut: Mapped[bool] = mapped_column(default=False)  # may be cut at the slot's end
    source: Mapped[str] = mapped_column(String(10))  # owner | previous | music | silence | close
    replaces_id: Mapped[str | None] = mapped_column(ForeignKey("fillings.id"))
    filled_by: Mapped[str] = mapped_column(String(40))
    filled_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(10))  # replaced | undone | withdrawn


class DayDecision(Base):
    """What a hand decided about a whole session on one of its days: it airs at another time, or not at all. The one
    that is not ended holds.
    """

    __tablename__ = "day_decisions"
    __table_args__ = (Index("ix_day_decisions_schedule_original_start", "schedule_id", "original_start"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    schedule_id: Mapped[str] = mapped_column(ForeignKey("schedules.id"))
    original_start: Mapped[datetime]
    starts_at: Mapped[datetime | None]  # null: it doesn't air
    decided_by: Mapped[str] = mapped_column(String(40))
    decided_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(40))


class WeekTemplate(Base):
    """A named week of fillings: entries of {slot_id, place_id, weekday, at, programme_id, cut}."""

    __tablename__ = "week_templates"

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200))
    entries: Mapped[list[dict[str, Any]]]
    created_by: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]
