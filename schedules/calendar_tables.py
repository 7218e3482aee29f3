"""Table of the local days: markets, funerals, exam weeks, mournings of one unit."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from core.ids import new_id


class LocalDayRow(Base):
    """A local day as it stands; how it came about is told by its events. See `schedules.calendars.Days`."""

    __tablename__ = "local_days"

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(500))
    days: Mapped[str] = mapped_column(String(14))  # dates | yearly | lunar-yearly | lunar-monthly | holiday
    first_date: Mapped[date]  # local, inclusive
    last_date: Mapped[date | None]  # local, inclusive; null: open
    month: Mapped[int | None]
    day: Mapped[int | None]
    length_days: Mapped[int] = mapped_column(default=1)
    holiday: Mapped[str | None] = mapped_column(String(200))
    effect: Mapped[str] = mapped_column(String(8))  # skip | move | replace
    schedule_ids: Mapped[list[str] | None]  # of these only; null: of all
    move_by_ms: Mapped[int | None]  # for move; earlier where negative
    timetable: Mapped[list[str] | None]  # for replace: "HH:MM[:SS] schedule"
    status: Mapped[str] = mapped_column(String(10), default="active")  # active | cancelled
    version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]
