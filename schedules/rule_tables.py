"""Tables of the rules of sound: what a unit set and from when to when, and what was let through against a rule."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from core.ids import new_id


class RuleRow(Base):
    """A rule of a unit, in [valid_from, valid_to). What it says is never changed; only its end is brought forward.

    One that was replaced before it held for a day begins and ends on the same date.
    """

    __tablename__ = "sound_rules"
    __table_args__ = (
        CheckConstraint("valid_from <= valid_to", name="dates"),
        Index("ix_sound_rules_unit", "unit_id", "valid_from"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"))
    kind: Mapped[str] = mapped_column(String(16))  # one of schedules.rules.KINDS
    body: Mapped[dict[str, Any]]  # what stands in a SoundRule beside the columns
    yields: Mapped[bool] = mapped_column(default=False)  # units below may set one that is laxer
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date] = mapped_column(Date)
    note: Mapped[str | None] = mapped_column(Text)  # such as the decision that it rests on
    # The rule that this one goes on with, after one for some days only stood between.
    continues_id: Mapped[str | None] = mapped_column(ForeignKey("sound_rules.id"))
    set_by: Mapped[str] = mapped_column(String(40))
    set_by_name: Mapped[str] = mapped_column(String(200))
    set_at: Mapped[datetime]


class RuleOverride(Base):
    """A schedule that was let through against a rule, by whom and why. It ends when the schedule is changed.

    With `filling_id` only what a slot of it is filled with on one day was: it holds as long as that filling does.
    """

    __tablename__ = "rule_overrides"

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    schedule_id: Mapped[str] = mapped_column(ForeignKey("schedules.id"), index=True)
    filling_id: Mapped[str | None] = mapped_column(ForeignKey("fillings.id"))
    rule_id: Mapped[str] = mapped_column(ForeignKey("sound_rules.id"))
    reason: Mapped[str] = mapped_column(Text)
    allowed_by: Mapped[str] = mapped_column(String(40))
    allowed_by_name: Mapped[str] = mapped_column(String(200))
    allowed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
