"""The page of sessions: each session of a day with its slots, what fills them where, and filling many places at once.

A press fills one slot at all of the chosen communes in one transaction; what became of each is told by itself, with a
way back. A week can be filled as another one was: looked at first, then done.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Principal
from api.auth.rights import Right
from api.context import Context
from api.pages.forms import Many, Planner, PlannerForm, Reader, Short
from api.pages.scheduling import programmes_offered
from api.pages.templating import page
from api.pages.words import sort_key
from api.routes import fillings as door
from broadcast.tables import Programme
from core import units
from core.errors import Invalid, TruyenThanhError
from schedules import timetable
from schedules.slot_tables import Filling, Slot
from schedules.tables import Airing, Schedule

router = APIRouter(include_in_schema=False)

FALLBACKS = {"previous": "phát lại bài lần trước", "music": "phát nhạc", "silence": "im lặng", "close": "kết thúc buổi"}
SOURCES = {"previous": "dự phòng: bài lần trước", "music": "dự phòng: nhạc", "silence": "im lặng", "close": "kết thúc"}
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_FIRST, _LAST = date(2000, 1, 3), date(2199, 12, 23)


@dataclass(frozen=True, slots=True)
class Part:
    """A slot at one commune, or everywhere at once (`place_id` empty). `filling` is what a hand put there."""

    place_id: str
    place: str
    airing: Airing
    programme: Programme | None
    filling: Filling | None


@dataclass(slots=True)
class SlotView:
    slot: Slot
    starts_at: datetime
    parts: list[Part] = field(default_factory=list)

    @property
    def open(self) -> list[Part]:
        return [one for one in self.parts if one.airing.status == "open"]

    @property
    def fill_by(self) -> datetime | None:
        return min((one.airing.fill_by for one in self.open if one.airing.fill_by), default=None)

    @property
    def groups(self) -> list[tuple[Part, list[Part]]]:
        """Places together at which the same stands."""
        alike: dict[tuple[str, str], list[Part]] = defaultdict(list)
        for one in self.parts:
            alike[one.airing.status, one.airing.programme_id or ""].append(one)
        return [(those[0], those) for those in alike.values()]


@dataclass(slots=True)
class SessionView:
    """A session on one of its days."""

    schedule: Schedule
    original_start: datetime
    starts_at: datetime
    slots: list[SlotView]
    may_fill: bool

    @property
    def open(self) -> int:
        return sum(len(one.open) for one in self.slots)


@router.get("/buoi-phat", response_class=HTMLResponse)
def board(request: Request, context: Ctx, who: Reader, ngay: Annotated[date | None, Query()] = None) -> Response:
    return _page(request, context, who, ngay or _today(context))


def _today(context: Context) -> date:
    return context.clock.now().astimezone(context.settings.zone).date()


def _page(
    request: Request, context: Context, who: Principal, day: date, error: TruyenThanhError | None = None
) -> HTMLResponse:
    if not _FIRST <= day <= _LAST:
        raise Invalid(what="ngày phải từ năm 2000 đến 2199 / the day must lie in the years 2000 to 2199")
    with context.db.reading() as session:
        shown = sessions_of(session, context, who, day)
        return page(
            request,
            "slots.html",
            who=who,
            status=error.status if error else 200,
            problem=error.text("vi") if error else "",
            sessions=shown,
            programmes=programmes_offered(session, who) if any(one.may_fill for one in shown) else [],
            day=day,
            today=_today(context),
            noon=datetime.combine(day, time(12), context.settings.zone),
            step=_DAY,
            monday=day - timedelta(days=day.weekday()),
            week=_WEEK,
            fallbacks=FALLBACKS,
            sources=SOURCES,
            beyond=day > (context.clock.now() + timedelta(days=context.settings.airing_days)).date(),
        )


def sessions_of(session: Session, context: Context, who: Principal, day: date) -> list[SessionView]:
    """The sessions that begin on this local day, in order, with each slot at each place."""
    zone, reach = context.settings.zone, who.reach(Right.WRITE_SCHEDULES)
    start, until = datetime.combine(day, time(), zone), datetime.combine(day + _DAY, time(), zone)
    begun = [
        one
        for one in timetable.between(session, start, until)
        if one.slot_id and one.status in {"open", "scheduled", "closed"} and one.starts_at >= start
    ]
    airings = who.only(session, "airing", begun)
    held = _by_id(session, Slot, {one.slot_id for one in airings})
    schedules = _by_id(session, Schedule, {one.schedule_id for one in airings})
    programmes = _by_id(session, Programme, {one.programme_id for one in airings if one.programme_id})
    fillings = {
        (one.slot_id, one.place_id or "", one.original_start): one
        for one in session.scalars(select(Filling).where(
            Filling.slot_id.in_(held), Filling.ended_at.is_(None),
            Filling.original_start >= start - _DAY, Filling.original_start < until + _DAY,
        ))
    }  # fmt: skip
    names = units.names(session, {one.place_id for one in airings if one.place_id}, on=day)
    by_session: dict[tuple[str, datetime], dict[str, SlotView]] = defaultdict(dict)
    for one in airings:
        views = by_session[one.schedule_id, one.original_start]
        view = views.setdefault(one.slot_id, SlotView(held[one.slot_id], one.starts_at))
        filling = fillings.get((one.slot_id, one.place_id, one.original_start))
        programme = programmes.get(one.programme_id or "")
        view.parts.append(Part(one.place_id, names.get(one.place_id, ""), one, programme, filling))
    found = []
    for (schedule_id, original), views in by_session.items():
        ordered = sorted(views.values(), key=lambda view: view.slot.position)
        for view in ordered:
            view.parts.sort(key=lambda part: sort_key(part.place))
        schedule = schedules[schedule_id]
        places = {part.place_id or view.slot.owner_id or schedule.owner_id for view in ordered for part in view.parts}
        may = bool(reach) and any(reach.covers(one) for one in places)
        found.append(SessionView(schedule, original, min(view.starts_at for view in ordered), ordered, may))
    return sorted(found, key=lambda one: (one.starts_at, one.schedule.id))


_Row = TypeVar("_Row", Slot, Schedule, Programme)


def _by_id(session: Session, kind: type[_Row], ids: set[str]) -> dict[str, _Row]:
    return {one.id: one for one in session.scalars(select(kind).where(kind.id.in_(ids)))}


@router.post("/buoi-phat/xep", response_class=HTMLResponse)
def fill(
    request: Request,
    context: Ctx,
    who: PlannerForm,
    schedule_id: Annotated[str, Form(max_length=26)],
    slot_id: Annotated[str, Form(max_length=26)],
    ngay: Annotated[date, Form()],
    gio: Annotated[time, Form()],
    programme_id: Annotated[str, Form(max_length=26)] = "",
    place_ids: Annotated[list[str] | None, Form(max_length=500)] = None,
    *,
    moi_noi: Annotated[bool, Form()] = False,
    cut: Annotated[bool, Form()] = False,
    reason: Short = "",
) -> Response:
    """One slot, at all of these communes; `moi_noi`: it is one of those that each commune fills for itself."""
    try:
        if not programme_id:
            raise Invalid(what="chưa chọn chương trình để xếp / choose a programme")
        if moi_noi and not place_ids:
            raise Invalid(what="chưa đánh dấu xã nào / mark at least one commune")
        wish = {
            "schedule_id": schedule_id, "slot_id": slot_id, "on": ngay, "at": gio, "place_ids": place_ids or None,
            "programme_id": programme_id, "cut": cut,
        }  # fmt: skip
        body = door.FillMany.model_validate({"fillings": [wish], "override_reason": reason.strip() or None})
        told = door.fill(context, who, body)
    except TruyenThanhError as error:
        return _page(request, context, who, ngay, error)
    again = {"schedule_id": schedule_id, "slot_id": slot_id, "ngay": ngay, "gio": gio, "programme_id": programme_id}
    return _told(request, context, who, told, ngay, again=again)


def _told(
    request: Request,
    context: Context,
    who: Principal,
    told: Sequence[door.FilledOut],
    day: date,
    **more: Any,
) -> HTMLResponse:
    """What became of each place."""
    with context.db.reading() as session:
        titles = {
            row.id: row.title
            for row in session.execute(
                select(Programme.id, Programme.title).where(Programme.id.in_({one.programme_id for one in told}))
            )
        }
        slots = {
            row.id: row.title
            for row in session.execute(select(Slot.id, Slot.title).where(Slot.id.in_({one.slot_id for one in told})))
        }
        names = units.names(session, {one.place_id for one in told if one.place_id}, on=day)
    ordered = sorted(told, key=lambda one: (one.ok, one.on, sort_key(names.get(one.place_id or "", ""))))
    facts: dict[str, Any] = {
        "titles": titles,
        "slots": slots,
        "names": names,
        "day": day,
        "again": None,
        "copied": None,
    } | more
    return page(
        request,
        "slots-told.html",
        who=who,
        told=ordered,
        done=[one.filling_id for one in told if one.filling_id],
        refused=sum(not one.ok for one in told),
        **facts,
    )


@router.post("/buoi-phat/bo-xep", response_class=HTMLResponse)
def undo(request: Request, context: Ctx, who: PlannerForm, ngay: Annotated[date, Form()], filling: Many) -> Response:
    """Take fillings back. One that can't be any more is told; the others are."""
    with context.db.reading() as session:
        who.require(session, Right.WRITE_SCHEDULES, "filling", *filling)
    problem: TruyenThanhError | None = None
    for one in filling:
        try:
            door.undo(context, who, one)
        except TruyenThanhError as error:
            problem = error
    return _page(request, context, who, ngay, problem)


@router.get("/buoi-phat/chep-tuan", response_class=HTMLResponse)
def copy_page(request: Request, context: Ctx, who: Planner, tu: date, sang: date) -> Response:
    """What would come of it."""
    return _copy(request, context, who, tu, sang, dry=True)


@router.post("/buoi-phat/chep-tuan", response_class=HTMLResponse)
def copy(
    request: Request, context: Ctx, who: PlannerForm, tu: Annotated[date, Form()], sang: Annotated[date, Form()]
) -> Response:
    return _copy(request, context, who, tu, sang, dry=False)


def _copy(request: Request, context: Context, who: Principal, week: date, to: date, *, dry: bool) -> HTMLResponse:
    body = door.CopyWeek.model_validate({"week": week, "to": to, "dry_run": dry})
    try:
        told = door.copy_week(context, who, body)
    except TruyenThanhError as error:
        return _page(request, context, who, to, error)
    return _told(request, context, who, told, to, copied={"tu": week, "sang": to, "dry": dry})
