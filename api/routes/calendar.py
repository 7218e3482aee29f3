"""The calendar that the timetable stands in: public holidays and lunar dates."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Depends, Query
from pydantic import Field

from api.auth.guard import Needs, Principal
from api.auth.rights import Right
from api.routes import api_router
from api.routes.schemas import DateIn, Out
from core.errors import Invalid
from schedules import calendars

router = api_router("schedules")
Reader = Annotated[Principal, Depends(Needs(Right.READ_SCHEDULES))]

LONGEST_DAYS = 400


class CalendarDayOut(Out):
    day: date
    lunar_year: int
    lunar_month: int
    lunar_leap: bool = Field(description="Of the leap month that follows the one of the same number")
    lunar_day: int
    lunar_feast: str | None = Field(description="mùng một or rằm")
    holiday: str | None = Field(description="The public holiday or day off, in Vietnamese")


@router.get("/calendar", summary="Days with their public holidays and lunar dates")
def list_days(
    _who: Reader,
    since: Annotated[DateIn, Query(description="From this local day")],
    until: Annotated[DateIn, Query(description="Before this local day, at most 400 days later")],
) -> list[CalendarDayOut]:
    if not 0 < (until - since).days <= LONGEST_DAYS:
        raise Invalid(what="khoảng thời gian phải từ 1 đến 400 ngày / the span must be 1 to 400 days")
    return [
        CalendarDayOut(
            day=one.day,
            lunar_year=one.lunar.year,
            lunar_month=one.lunar.month,
            lunar_leap=one.lunar.leap,
            lunar_day=one.lunar.day,
            lunar_feast=one.lunar_feast,
            holiday=one.holiday,
        )
        for one in calendars.calendar(since, until)
    ]
