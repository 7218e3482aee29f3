"""Tables of what a commune decides of its own air: which offers it takes, and what comes first where two clash.

A decision is never changed: it is ended (when, and by whom) and another one made, so that what held at any time
stays known.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from core.ids import new_id


class Decision:
    """Who decided what for which unit, when, and until when it held."""

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), index=True)  # the commune
    note: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[str] = mapped_column(String(40))
    decided_by_name: Mapped[str] = mapped_column(String(200))
    decided_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(40))


class StandingAcceptance(Decision, Base):
    """The commune takes what it is offered: by whom it may be, and of which campaign; null: by all, of all."""

    __tablename__ = "standing_acceptances"

    from_unit_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"))
    campaign_id: Mapped[str | None] = mapped_column(ForeignKey("campaigns.id"))


class OfferAnswer(Decision, Base):
    """The commune takes or declines one schedule; with `original_start` the one airing of that start."""

    __tablename__ = "offer_answers"

    schedule_id: Mapped[str] = mapped_column(ForeignKey("schedules.id"), index=True)
    original_start: Mapped[datetime | None]
    accepted: Mapped[bool]


class ClashChoice(Decision, Base):
    """Where these two clash at the commune the first comes first; without starts, whenever they do."""

    __tablename__ = "clash_choices"
    __table_args__ = (Index("ix_clash_choices_schedules", "first_schedule_id", "second_schedule_id"),)

    first_schedule_id: Mapped[str] = mapped_column(ForeignKey("schedules.id"))
    first_start: Mapped[datetime | None]
    second_schedule_id: Mapped[str] = mapped_column(ForeignKey("schedules.id"))
    second_start: Mapped[datetime | None]
