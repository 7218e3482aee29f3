"""The pages of local days: markets, funerals, exam weeks of a place, what they do to its timetable, taking one back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select

from api.auth.guard import Ctx, Principal
from api.auth.rights import Right
from api.context import Context
from api.pages.forms import Planner, PlannerForm, Reader, places_in_sight
from api.pages.scheduling import read_day, read_time
from api.pages.templating import page
from api.pages.words import duration
from api.routes import local_days as door
from core import units
from core.errors import Invalid, TruyenThanhError
from schedules import local_days as room
from schedules.tables import Schedule

router = APIRouter(include_in_schema=False)

AHEAD = timedelta(days=400)
KINDS = {
    "dates": "Những ngày này thôi",
    "yearly": "Mỗi năm, theo dương lịch",
    "lunar-yearly": "Mỗi năm, theo âm lịch",
    "lunar-monthly": "Mỗi tháng âm lịch",
    "holiday": "Ngày lễ",
}
EFFECTS = {"skip": "Không phát", "move": "Dời giờ", "replace": "Phát theo lịch khác"}
ENTRIES_OFFERED = 4
MOST_SCHEDULES = 200


@dataclass(slots=True)
class Draft:
    """What the form holds, right or wrong."""

    name: str = ""
    reason: str = ""
    kind: str = "dates"
    first: str = ""
    last: str = ""
    month: str = ""
    day: str = ""
    length: str = "1"
    holiday: str = ""
    effect: str = "skip"
    schedules: list[str] = field(default_factory=list)
    minutes: str = ""
    times: list[str] = field(default_factory=list)
    airs: list[str] = field(default_factory=list)

    def wanted(self, unit_id: str) -> door.LocalDayIn:
        """As the door takes it. Raises Invalid with what is missing or wrong, and what to do."""
        if self.kind not in KINDS or self.effect not in EFFECTS:
            raise Invalid(what="hãy chọn những ngày nào và làm gì / choose which days, and what becomes of them")
        for text, what in ((self.name, "tên / the name"), (self.reason, "lý do / the reason")):
            if not text.strip():
                vietnamese, _, english = what.partition(" / ")
                raise Invalid(what=f"chưa ghi {vietnamese} / {english} is missing")
        calendar = self.kind in {"yearly", "lunar-yearly", "lunar-monthly"}
        body: dict[str, Any] = {
            "unit_id": unit_id,
            "name": self.name,
            "reason": self.reason,
            "days": self.kind,
            "first_date": read_day(self.first, "ngày đầu / the first day"),
            "last_date": read_day(self.last, "ngày cuối / the last day") if self.last else None,
            "month": _whole(self.month, "tháng / the month", 12) if self.kind.endswith("yearly") else None,
            "day": _whole(self.day, "ngày trong tháng / the day of the month", 31) if calendar else None,
            "length_days": _whole(self.length or "1", "số ngày / the number of days", 31),
            "holiday": self.holiday.strip() or None if self.kind == "holiday" else None,
            "effect": self.effect,
        }
        if self.kind == "dates" and not self.last:
            body["last_date"] = body["first_date"]
        if self.effect != "replace":
            body["schedule_ids"] = self.schedules or None
        if self.effect == "move":
            later = self.minutes.strip().replace("+", "").removeprefix("-")
            sign = -1 if self.minutes.strip().startswith("-") else 1
            body["move_by_ms"] = sign * _whole(later, "số phút dời / the minutes", 720) * 60_000
        if self.effect == "replace":
            body["timetable"] = [
                {"local_time": read_time(at), "schedule_id": one}
                for at, one in zip(self.times, self.airs, strict=False)
                if at.strip() and one
            ]
        return door.LocalDayIn.model_validate(body)


def _whole(text: str, what: str, most: int) -> int:
    if text.strip().isdecimal() and 1 <= int(text) <= most:
        return int(text)
    vietnamese, _, english = what.partition(" / ")
    raise Invalid(what=f"{vietnamese} phải là một số từ 1 đến {most} / {english} must be 1 to {most}")


async def _draft(request: Request) -> Draft:
    form = await request.form()

    def many(name: str) -> list[str]:
        return [one.replace("\0", "")[:1000] for one in form.getlist(name)[:MOST_SCHEDULES] if isinstance(one, str)]

    def one(name: str) -> str:
        return next(iter(many(name)), "")

    return Draft(
        one("name"), one("reason"), one("kieu"), one("tu_ngay"), one("den_ngay"), one("thang"), one("ngay"),
        one("so_ngay"), one("le"), one("viec"), many("schedule_ids"), one("phut"), many("gio"), many("schedule_id"),
    )  # fmt: skip


Filled = Annotated[Draft, Depends(_draft)]


@router.get("/ngay-rieng", response_class=HTMLResponse)
def every(request: Request, context: Ctx, who: Reader, noi: Annotated[str, Query(max_length=26)] = "") -> Response:
    return _page(request, context, who, noi)


def _page(
    request: Request, context: Context, who: Principal, unit_id: str, error: TruyenThanhError | None = None
) -> HTMLResponse:
    """What lies ahead of a place, its own and what it has from above; without a place of all in sight."""
    today = units.date_of(context.clock.now())
    with context.db.reading() as session:
        places = places_in_sight(session, who, today)
        around = set(units.above(session, units.get(session, unit_id).id, on=today)) if unit_id else None
        reach = who.reach(Right.READ_SCHEDULES)
        rows = [
            (row, dates)
            for row, dates in room.between(session, today, today + AHEAD)
            if row.status == "active" and (
                row.unit_id in around if around is not None else reach.everywhere or row.unit_id in reach.around
            )
        ]  # fmt: skip
        names = units.names(session, {row.unit_id for row, _ in rows} | ({unit_id} - {""}), on=today)
        wanted = {one for row, _ in rows for one in row.schedule_ids or ()}
        wanted |= {entry.partition(" ")[2] for row, _ in rows for entry in row.timetable or ()}
        titles = {row.id: row.title for row in session.scalars(select(Schedule).where(Schedule.id.in_(wanted)))}
    rows.sort(key=lambda one: (one[1][0] if one[1] else date.max, one[0].id))
    return page(
        request,
        "local-days.html",
        who=who,
        status=error.status if error else 200,
        problem=error.text("vi") if error else "",
        places=places,
        unit_id=unit_id,
        rows=rows,
        names=names,
        titles=titles,
        kinds=KINDS,
        effects=EFFECTS,
        may=lambda unit: who.may(Right.WRITE_SCHEDULES, unit),
        moved=_moved,
    )


def _moved(ms: int) -> str:
    return f"{'muộn' if ms > 0 else 'sớm'} hơn {duration(abs(ms))}"


@router.get("/ngay-rieng/moi", response_class=HTMLResponse)
def new(request: Request, context: Ctx, who: Planner, noi: Annotated[str, Query(max_length=26)] = "") -> Response:
    today = units.date_of(context.clock.now())
    return _form(request, context, who, Draft(first=str(today + timedelta(days=1))), noi)


def _form(
    request: Request,
    context: Context,
    who: Principal,
    draft: Draft,
    unit_id: str,
    error: TruyenThanhError | None = None,
) -> HTMLResponse:
    today = units.date_of(context.clock.now())
    with context.db.reading() as session:
        places = [one for one in places_in_sight(session, who, today) if who.may(Right.WRITE_SCHEDULES, one.id)]
        newest = select(Schedule).where(Schedule.status == "active", who.sees(session, "schedule"))
        schedules = session.scalars(newest.order_by(Schedule.local_time, Schedule.id).limit(MOST_SCHEDULES)).all()
    return page(
        request,
        "local-day-new.html",
        who=who,
        status=error.status if error else 200,
        problem=error.text("vi") if error else "",
        draft=draft,
        unit_id=unit_id,
        places=places,
        schedules=schedules,
        kinds=KINDS,
        effects=EFFECTS,
        entries=ENTRIES_OFFERED,
    )


@router.post("/ngay-rieng/moi", response_class=HTMLResponse)
def create(
    request: Request,
    context: Ctx,
    who: PlannerForm,
    draft: Filled,
    unit_id: Annotated[str, Form(max_length=26)] = "",
) -> Response:
    try:
        if not unit_id:
            raise Invalid(what="chưa chọn nơi nào / choose a place")
        door.set_local_day(context, who, draft.wanted(unit_id))
    except TruyenThanhError as error:
        return _form(request, context, who, draft, unit_id, error)
    return RedirectResponse(f"/ngay-rieng?noi={unit_id}", 303)


@router.post("/ngay-rieng/{local_day_id}/bo", response_class=HTMLResponse)
def cancel(request: Request, context: Ctx, who: PlannerForm, local_day_id: str) -> Response:
    """What lies ahead airs again as its schedules say."""
    try:
        unit_id = door.cancel_local_day(context, who, local_day_id).local_day.unit_id
    except TruyenThanhError as error:
        return _page(request, context, who, "", error)
    return RedirectResponse(f"/ngay-rieng?noi={unit_id}", 303)
