"""The pages of the timetable: which schedules there are, setting one up with what will be heard beside it, and one.

They go through the same doors as programs do: what is checked, refused or let through there is so here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Principal
from api.auth.rights import Right
from api.auth.scope import Reach
from api.context import Context
from api.pages.forms import Planner, PlannerForm, Reader, Short, paged
from api.pages.newsdesk import A_PAGE, names_of, plain
from api.pages.templating import page
from api.pages.words import WEEKDAYS, sort_key
from api.routes import airings as airings_door
from api.routes import preview as preview_door
from api.routes import rules as rules_door
from api.routes import schedule_bodies as bodies
from api.routes import schedules as door
from api.routes import sessions as sessions_door
from broadcast import programmes
from broadcast.tables import Programme
from core import units
from core.errors import Invalid, TruyenThanhError
from schedules import timetable
from schedules.expansion import rule_of
from schedules.recurrence import occurrences
from schedules.tables import Airing, Schedule

router = APIRouter(include_in_schema=False)

TIMES = ("05:00", "05:30", "06:00", "11:00", "17:00", "17:30", "18:00")  # those that stations keep to
NEXT = 10  # airings that are shown ahead
KINDS = {"once": "Một lần", "daily": "Hằng ngày", "weekly": "Theo thứ trong tuần"}
_PROGRAMMES_MOST = 100
_FAR = timedelta(days=400)


@dataclass(slots=True)
class Draft:
    """What the form holds, right or wrong."""

    programme_id: str = ""
    title: str = ""
    kind: str = "once"
    weekdays: list[str] = field(default_factory=list)
    first: str = ""
    last: str = ""
    at: str = ""
    unit_ids: list[str] = field(default_factory=list)
    reason: str = ""

    def wanted(self) -> bodies.ScheduleIn:
        """As the door takes it. Raises Invalid with what is missing or wrong, and what to do."""
        if not self.programme_id:
            raise Invalid(what="chưa chọn chương trình để phát / choose a programme")
        if not self.unit_ids:
            raise Invalid(what="chưa chọn nơi phát: hãy đánh dấu ít nhất một xã, phường / choose where it is heard")
        if self.kind not in KINDS:
            raise Invalid(what="hãy chọn một lần, hằng ngày, hay theo thứ / choose how it repeats")
        if self.kind == "weekly" and not self.weekdays:
            raise Invalid(what="chưa chọn thứ nào trong tuần / choose weekdays")
        first = read_day(self.first, "ngày phát đầu tiên / the first day")
        last = read_day(self.last, "ngày cuối / the last day") if self.last.strip() and self.kind != "once" else None
        rule = {
            "kind": self.kind,
            "first_date": first,
            "last_date": last,
            "local_time": read_time(self.at),
            "weekdays": [int(one) for one in self.weekdays if one in set("1234567")] or None,
        }
        return bodies.ScheduleIn.model_validate(
            {
                "title": " ".join(self.title.split()) or "Lịch phát",
                "programme_id": self.programme_id,
                "rule": rule if self.kind == "weekly" else rule | {"weekdays": None},
                "unit_ids": self.unit_ids,
                "override_reason": self.reason.strip() or None,
            }
        )


def read_day(text: str, what: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        vietnamese, _, english = what.partition(" / ")
        raise Invalid(what=f"{vietnamese} chưa đúng, hãy chọn lại trong lịch / {english} is not a date") from None


def read_time(text: str) -> time:
    """`5h30`, `05:30`, `17h`, `17.30`: as people write a time of day."""
    hours, _, minutes = text.strip().lower().replace("giờ", ":").replace("h", ":").replace(".", ":").partition(":")
    try:
        return time(int(hours), int(minutes.strip() or 0))
    except ValueError:
        raise Invalid(what="giờ phát chưa đúng, hãy ghi như 05:30 hoặc 17:00 / write the time as 17:00") from None


@router.get("/lich", response_class=HTMLResponse)
def every(
    request: Request,
    context: Ctx,
    who: Reader,
    tim: Annotated[str, Query(max_length=200)] = "",
    het: str = "",
    trang: int = 1,
) -> Response:
    """Schedules that hold, newest first; with `het` those that were ended."""
    now, wanted = context.clock.now(), plain(" ".join(tim.split()))
    with context.db.reading() as session:
        status = "cancelled" if het else "active"
        titles = session.execute(
            select(Schedule.id, Schedule.title)
            .where(Schedule.status == status, who.sees(session, "schedule"))
            .order_by(Schedule.id.desc())
        ).all()
        ids = [row.id for row in titles if wanted in plain(row.title)]
        part = paged(ids, trang, A_PAGE)
        held = {one.id: one for one in session.scalars(select(Schedule).where(Schedule.id.in_(part.shown)))}
        rows = [(held[one], _next(held[one], now)) for one in part.shown]
        names = units.names(session, {unit for one in held.values() for unit in one.unit_ids}, on=units.date_of(now))
    return page(request, "schedules.html", who=who, rows=rows, names=names, search=tim, ended=bool(het),
                number=part.number, pages=part.pages, total=len(ids), words=repetition)  # fmt: skip


def _next(schedule: Schedule, now: datetime) -> datetime | None:
    """When its rule comes round next; local days may still change it, as its own page shows."""
    return next(iter(occurrences(rule_of(schedule), now, now + _FAR)), None)


def repetition(schedule: Schedule) -> str:
    """How a schedule repeats, in words: `17:00 Thứ Hai, Thứ Sáu từ 3/8/2026`."""
    at, first = f"{schedule.local_time:%H:%M}", _short(schedule.first_date)
    if schedule.kind == "once":
        return f"{at} ngày {first}"
    until = f" đến {_short(schedule.last_date)}" if schedule.last_date else ""
    if schedule.kind == "weekly":
        days = ", ".join(WEEKDAYS[day - 1] for day in schedule.weekdays or [])
        return f"{at} {days}, từ {first}{until}"
    if schedule.kind == "daily":
        return f"{at} hằng ngày, từ {first}{until}"
    return f"{at}, theo quy tắc riêng, từ {first}{until}"


def _short(day: date) -> str:
    return f"{day.day}/{day.month}/{day.year}"


# --- Setting one up ------------------------------------------------------------------------------------------------


@router.get("/lich/moi", response_class=HTMLResponse)
def new(
    request: Request,
    context: Ctx,
    who: Planner,
    chuong_trinh: Annotated[str, Query(alias="chuong-trinh", max_length=26)] = "",
    noi: Annotated[list[str] | None, Query(max_length=500)] = None,
) -> Response:
    tomorrow = context.clock.now().astimezone(context.settings.zone).date() + timedelta(days=1)
    draft = Draft(programme_id=chuong_trinh, first=str(tomorrow), unit_ids=noi or [])
    return _form(request, context, who, draft)


async def _draft(request: Request) -> Draft:
    form = await request.form()

    def one(name: str) -> str:
        value = form.get(name)
        return value.replace("\0", "")[:1000] if isinstance(value, str) else ""

    def many(name: str) -> list[str]:
        return [value for value in form.getlist(name) if isinstance(value, str) and "\0" not in value]

    return Draft(
        one("programme_id"), one("title"), one("kind"), many("weekday"), one("first"), one("last"), one("at"),
        many("unit"), one("reason"),
    )  # fmt: skip


Filled = Annotated[Draft, Depends(_draft)]


@router.post("/lich/moi", response_class=HTMLResponse)
def create(request: Request, context: Ctx, who: PlannerForm, draft: Filled, viec: Short = "luu") -> Response:
    if viec.startswith("gio:"):
        draft.at = viec.removeprefix("gio:")
    if viec != "luu":
        return _form(request, context, who, draft, looked_at=True)
    try:
        draft.title = draft.title.strip() or _title(context, draft.programme_id)
        made = door.create_schedule(context, who, draft.wanted())
    except TruyenThanhError as error:
        return _form(request, context, who, draft, error=error, looked_at=True)
    return RedirectResponse(f"/lich/{made.id}", 303)


@router.post("/lich/xem-truoc", response_class=HTMLResponse)
def look(request: Request, context: Ctx, who: PlannerForm, draft: Filled) -> Response:
    """What will be heard: the right-hand side of the page, for the script that keeps it up to date."""
    return page(request, "foreseen.html", who=who, **_foreseen(context, who, draft))


def _foreseen(context: Context, who: Principal, draft: Draft) -> dict[str, Any]:
    """What will be heard if the draft is saved, what stands against it, or what is still missing."""
    try:
        told = foreseen(context, who, draft.wanted())
    except TruyenThanhError as error:
        told = NOTHING_FORESEEN | {"missing": error.text("vi")}
    return told | {"draft": draft}


NOTHING_FORESEEN: dict[str, Any] = {
    "found": None, "broken": None, "starts": [], "missing": "", "silent": [], "mends": {},
}  # fmt: skip


def foreseen(
    context: Context, who: Principal, wanted: bodies.ScheduleIn, schedule_id: str | None = None
) -> dict[str, Any]:
    """What will be heard if this is saved (as a change of that schedule), as `foreseen.html` shows it."""
    whole = wanted.model_dump(by_alias=True) | {"schedule_id": schedule_id}
    checked = wanted.model_dump(include={"title", "programme_id", "rule"} | TARGETED) | {"schedule_id": schedule_id}
    found = preview_door.preview(context, who, preview_door.PreviewIn(**whole))
    broken = rules_door.check(context, who, rules_door.CheckIn(**checked))
    return told_of(context, who, wanted, found, broken)


TARGETED = {"unit_ids", "group_ids", "receiver_ids", "except_unit_ids", "except_receiver_ids"}


def told_of(
    context: Context,
    who: Principal,
    wanted: bodies.ScheduleIn | sessions_door.SessionIn,
    found: preview_door.PreviewOut,
    broken: rules_door.CheckOut,
) -> dict[str, Any]:
    """With when it airs next, where nobody would hear it, and the times that would mend what stands against it."""
    targets = bodies.TargetsIn(**wanted.model_dump(include=TARGETED))
    reach = door.preview_targets(context, who, targets, on=wanted.rule.first_date)
    rule, now = bodies.rule_of(wanted.rule, context), context.clock.now()
    with context.db.reading() as session:
        silent = list(units.names(session, reach.silent_unit_ids, on=wanted.rule.first_date).values())
    return NOTHING_FORESEEN | {
        "found": found,
        "broken": broken,
        "mends": dict(_mends(found, broken, wanted.rule.local_time, context.settings.zone)),
        "starts": [start for start, _ in zip(occurrences(rule, now, now + _FAR), range(NEXT), strict=False)],
        "silent": silent,
    }


def _mends(
    found: preview_door.PreviewOut, broken: rules_door.CheckOut, at: time, zone: ZoneInfo
) -> list[tuple[str, str]]:
    """The times that would mend it, by the minute: an earlier one begins no later than it must, a later no sooner."""
    times = [(one.vi, one.mend_starts_at.astimezone(zone).time()) for one in broken.violations if one.mend_starts_at]
    times += [(one.told, time.fromisoformat(one.local_time)) for one in found.options if one.local_time]
    return [(what, _by_the_minute(other, later=other > at)) for what, other in times]


def _by_the_minute(at: time, *, later: bool) -> str:
    whole = datetime.combine(date.min, at)
    if later and (at.second or at.microsecond):
        whole += timedelta(minutes=1)
    return f"{whole:%H:%M}"


def _form(
    request: Request,
    context: Context,
    who: Principal,
    draft: Draft,
    *,
    error: TruyenThanhError | None = None,
    looked_at: bool = False,
) -> HTMLResponse:
    with context.db.reading() as session:
        offered = programmes_offered(session, who, draft.programme_id)
        tree = tree_of(session, who.reach(Right.WRITE_SCHEDULES), units.date_of(context.clock.now()))
    if not draft.title:
        draft.title = next((one.title for one in offered if one.id == draft.programme_id), "")
    foreseen = _foreseen(context, who, draft) if looked_at else None
    return page(
        request,
        "schedule-new.html",
        who=who,
        status=error.status if error else 200,
        programmes=offered,
        tree=tree,
        kinds=KINDS,
        times=TIMES,
        weekdays=WEEKDAYS,
        problem=error.text("vi") if error else "",
        foreseen=foreseen,
        **(foreseen or {"draft": draft, "broken": None}),
    )


def _title(context: Context, programme_id: str) -> str:
    """A schedule without a name of its own has its programme's."""
    with context.db.reading() as session:
        programme = session.get(Programme, programme_id)
    return programme.title if programme else ""


def programmes_offered(session: Session, who: Principal, chosen: str = "") -> list[Programme]:
    """The newest ones in sight, and the one that is chosen."""
    newest = select(Programme).where(who.sees(session, "programme")).order_by(Programme.id.desc())
    found = list(session.scalars(newest.limit(_PROGRAMMES_MOST)))
    if chosen and all(one.id != chosen for one in found) and (one := session.get(Programme, chosen)):
        found.insert(0, one)
    return found


def tree_of(session: Session, reach: Reach, on: date) -> list[tuple[units.Placed, int, str]]:
    """Units within reach in the order of a tree, with their depth and what a search without marks looks in."""
    standing = [one for one in units.standing(session, on=on) if one.kind != "village" and reach.covers(one.id)]
    below: dict[str | None, list[units.Placed]] = {}
    known = {one.id for one in standing}
    for one in standing:
        below.setdefault(one.parent_id if one.parent_id in known else None, []).append(one)
    ordered: list[tuple[units.Placed, int, str]] = []

    def walk(parent: str | None, depth: int) -> None:
        for one in sorted(below.get(parent, []), key=lambda unit: sort_key(unit.name)):
            ordered.append((one, depth, plain(one.name)))
            walk(one.id, depth + 1)

    walk(None, 0)
    return ordered


# --- One schedule ----------------------------------------------------------------------------------------------------


@router.get("/lich/{schedule_id}", response_class=HTMLResponse)
def one(request: Request, context: Ctx, who: Reader, schedule_id: str) -> Response:
    return _page(request, context, who, schedule_id)


def _page(
    request: Request, context: Context, who: Principal, schedule_id: str, error: TruyenThanhError | None = None
) -> HTMLResponse:
    now = context.clock.now()
    today = units.date_of(now)
    with context.db.reading() as session:
        schedule = timetable.get(session, schedule_id)
        coming = session.scalars(
            select(Airing)
            .where(Airing.schedule_id == schedule_id, Airing.starts_at > now)
            .where(Airing.status.in_(("scheduled", "open", "cancelled")))
            .order_by(Airing.starts_at, Airing.id)
        ).all()
        replaced = {one.replaces_id for one in coming if one.replaces_id}
        programme = programmes.get(session, schedule.programme_id) if schedule.programme_id else None
        return page(
            request,
            "schedule.html",
            who=who,
            status=error.status if error else 200,
            schedule=schedule,
            programme=programme,
            words=repetition(schedule),
            places=list(units.names(session, schedule.unit_ids, on=today).items()),
            except_places=list(units.names(session, schedule.except_unit_ids or [], on=today).values()),
            groups=[units.get_group(session, one).name for one in schedule.group_ids or []],
            by=names_of(session, {schedule.created_by}).get(schedule.created_by, "hệ thống"),
            coming=[one for one in coming if one.id not in replaced],
            waiting=sum(one.status == "scheduled" for one in coming),
            problem=error.text("vi") if error else "",
        )


@router.post("/lich/{schedule_id}/huy")
def cancel(request: Request, context: Ctx, who: PlannerForm, schedule_id: str) -> Response:
    try:
        door.cancel_schedule(context, who, schedule_id)
    except TruyenThanhError as error:
        return _page(request, context, who, schedule_id, error)
    return RedirectResponse(f"/lich/{schedule_id}", 303)


@router.post("/lich/{schedule_id}/huy-lan/{airing_id}")
def cancel_one(request: Request, context: Ctx, who: PlannerForm, schedule_id: str, airing_id: str) -> Response:
    try:
        airings_door.cancel_airing(context, who, airing_id)
    except TruyenThanhError as error:
        return _page(request, context, who, schedule_id, error)
    return RedirectResponse(f"/lich/{schedule_id}", 303)
