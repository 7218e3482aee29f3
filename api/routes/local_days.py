"""Local days: what a market, a funeral, an exam week does to the timetable of one place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal

from fastapi import Depends, Query
from pydantic import Field
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router, rule_gate
from api.routes.schedule_bodies import OverrideReason, tell_receivers
from api.routes.schemas import DateIn, Identifier, In, Instant, Out
from core.errors import Invalid
from schedules import local_days as room
from schedules.calendar_tables import LocalDayRow
from schedules.calendars import Days, DaysKind, Effect
from schedules.tables import Airing

router = api_router("local-days")
Reader = Annotated[Principal, Depends(Needs(Right.READ_SCHEDULES))]
Planner = Annotated[Principal, Depends(Needs(Right.WRITE_SCHEDULES))]

LONGEST_DAYS = 400


class TimetableEntry(In):
    local_time: time = Field(examples=["06:00"])
    schedule_id: Identifier


class LocalDayIn(In):
    unit_id: Identifier = Field(description="Whose day it is; it holds for everything below as well")
    name: str = Field(min_length=1, max_length=200, examples=["Chợ phiên"])
    reason: str = Field(min_length=1, max_length=500)
    days: DaysKind = Field(
        description="dates: every day from the first to the last. Within these bounds, with an open end if so wished: "
        "yearly (month, day), lunar-yearly and lunar-monthly (by the lunar calendar), holiday (public holidays)"
    )
    first_date: DateIn
    last_date: DateIn | None = Field(None, description="Inclusive; null: open, but for dates")
    month: int | None = Field(None, ge=1, le=12)
    day: int | None = Field(None, ge=1, le=31)
    length_days: int = Field(1, ge=1, le=31, description="So many days each time")
    holiday: str | None = Field(None, max_length=200, description="One by its Vietnamese name; null: any")
    effect: Effect = Field(description="skip: nothing airs; move: it airs later or earlier; replace: timetable airs")
    schedule_ids: list[Identifier] | None = Field(None, max_length=500, description="Of these only; null: of all")
    move_by_ms: int | None = Field(None, description="For move, in milliseconds; earlier where negative")
    timetable: list[TimetableEntry] | None = Field(
        None, max_length=room.TIMETABLE_MOST, description="For replace: what airs on these days instead of everything"
    )
    override_reason: OverrideReason = None


class LocalDayChange(LocalDayIn):
    version: int | None = Field(None, description="The version this change was made on; another one is refused")


class TimetableEntryOut(Out):
    local_time: time
    schedule_id: str


class LocalDayOut(Out):
    id: str
    unit_id: str
    name: str
    reason: str
    days: str
    first_date: date
    last_date: date | None
    month: int | None
    day: int | None
    length_days: int
    holiday: str | None
    effect: str
    schedule_ids: list[str] | None
    move_by_ms: int | None
    timetable: list[TimetableEntryOut] | None
    status: Literal["active", "cancelled"]
    version: int
    created_by: str
    created_at: Instant


class LocalDayDated(Out):
    local_day: LocalDayOut
    dates: list[date] = Field(description="Its days in the span that was asked for")


class LocalDaySet(Out):
    local_day: LocalDayOut
    airings_cancelled: int = Field(description="Airings of the coming days that don't air there and then any more")
    airings_made: int = Field(description="Those that stand in their place")


@router.get("/local-days", summary="Local days of a span, with their dates")
def list_local_days(
    context: Ctx,
    who: Reader,
    since: Annotated[DateIn, Query(description="From this local day")],
    until: Annotated[DateIn, Query(description="Before this local day, at most 400 days later")],
    unit_id: Annotated[str | None, Query(max_length=26, description="Those of this unit itself")] = None,
) -> list[LocalDayDated]:
    if not 0 < (until - since).days <= LONGEST_DAYS:
        raise Invalid(what="khoảng thời gian phải từ 1 đến 400 ngày / the span must be 1 to 400 days")
    with context.db.reading() as session:
        held = room.between(session, since, until)
        seen = {one.id for one in who.only(session, "local-day", [row for row, _ in held])}
        return [
            LocalDayDated(local_day=_shown(row), dates=dates)
            for row, dates in held
            if row.id in seen and unit_id in {None, row.unit_id}
        ]


@router.get("/local-days/{local_day_id}", summary="One local day", responses=responses(404))
def get_local_day(context: Ctx, _who: Reader, local_day_id: str) -> LocalDayOut:
    with context.db.reading() as session:
        return _shown(room.get(session, local_day_id))


@router.post("/local-days", summary="Set a local day", status_code=201, responses=responses(404, 409))
def set_local_day(context: Ctx, who: Planner, body: LocalDayIn) -> LocalDaySet:
    """It acts at once on the airings that there are. Those that receivers know of are cancelled and replaced."""
    with context.db.writing() as session:
        until = _horizon(context)
        row, changed = room.add(session, _wish(body), until=until, actor=who.actor, clock=context.clock)
        _require_rules(session, context, who, changed, body.override_reason)
        return _answer(session, context, row, changed)


@router.put("/local-days/{local_day_id}", summary="Make it another one", responses=responses(404, 409))
def change_local_day(context: Ctx, who: Planner, local_day_id: str, body: LocalDayChange) -> LocalDaySet:
    with context.db.writing() as session:
        row, changed = room.change(
            session,
            local_day_id,
            _wish(body),
            expected_version=body.version,
            until=_horizon(context),
            actor=who.actor,
            clock=context.clock,
        )
        _require_rules(session, context, who, changed, body.override_reason)
        return _answer(session, context, row, changed)


@router.post("/local-days/{local_day_id}/cancel", summary="Take a local day back", responses=responses(404, 409))
def cancel_local_day(context: Ctx, who: Planner, local_day_id: str) -> LocalDaySet:
    """What lies ahead airs again as its schedules say."""
    with context.db.writing() as session:
        until = _horizon(context)
        row, changed = room.cancel(session, local_day_id, until=until, actor=who.actor, clock=context.clock)
        return _answer(session, context, row, changed)


def _wish(body: LocalDayIn) -> room.Wish:
    return room.Wish(
        unit_id=body.unit_id,
        name=body.name,
        reason=body.reason,
        days=Days(
            body.days, body.first_date, body.last_date, body.month, body.day, body.length_days, body.holiday or ""
        ),
        effect=body.effect,
        schedule_ids=None if body.schedule_ids is None else tuple(body.schedule_ids),
        move_by=None if body.move_by_ms is None else timedelta(milliseconds=body.move_by_ms),
        timetable=tuple((entry.local_time, entry.schedule_id) for entry in body.timetable or ()),
    )


def _horizon(context: Context) -> datetime:
    return context.clock.now() + timedelta(days=context.settings.airing_days)


def _require_rules(
    session: Session, context: Context, who: Principal, changed: Sequence[Airing], reason: str | None
) -> None:
    """What a local day lets air at another time than its schedule has, the rules must allow then."""
    rule_gate.require_airings(session, context, who, [one for one in changed if one.local_day_id], reason)


def _answer(session: Session, context: Context, row: LocalDayRow, changed: Sequence[Airing]) -> LocalDaySet:
    tell_receivers(session, context, changed)
    made = sum(airing.status == "scheduled" for airing in changed)
    return LocalDaySet(local_day=_shown(row), airings_cancelled=len(changed) - made, airings_made=made)


def _shown(row: LocalDayRow) -> LocalDayOut:
    facts = {name: getattr(row, name) for name in LocalDayOut.model_fields if name != "timetable"}
    entries = [entry.split(" ") for entry in row.timetable or ()]
    shown = [TimetableEntryOut(local_time=time.fromisoformat(at), schedule_id=one) for at, one in entries]
    return LocalDayOut(**facts, timetable=shown or None)
