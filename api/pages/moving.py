"""Moving an airing on the week board: this one, this and the following, or the whole series; looked at, done, undone.

A move is from one local start to another. Of a whole series it changes the rule: its time, and where it airs on chosen
weekdays the one that was moved. Of a session the whole day moves with all of its slots. What is shown beforehand is
what saving would bring, by the same functions; saving holds it against the rules once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Principal
from api.context import Context
from api.pages.forms import Planner, PlannerForm, Short
from api.pages.scheduling import NOTHING_FORESEEN, TARGETED, foreseen, read_day, read_time, repetition, told_of
from api.pages.templating import page
from api.routes import occurrences as occurrences_door
from api.routes import preview as preview_door
from api.routes import rules as rules_door
from api.routes import schedule_bodies as bodies
from api.routes import schedules as schedules_door
from api.routes.sessions import SlotIn
from core.clock import to_ms
from core.errors import Invalid, TruyenThanhError
from schedules import airings, sessions, timetable
from schedules.slots import SlotSpec
from schedules.tables import Airing, Schedule

router = APIRouter(include_in_schema=False)

SCOPES = {"lan-nay": "Chỉ lần này", "tu-day": "Từ lần này trở đi", "tat-ca": "Mọi lần"}


@dataclass(frozen=True, slots=True)
class Move:
    """From when to when, in local time, and how much of the series."""

    schedule: Schedule
    original_start: datetime
    before: datetime
    after: datetime
    scope: str

    @property
    def rule(self) -> bodies.RuleIn:
        """The rule as it becomes; of a move of this one, the rule of that day alone. Raises Invalid."""
        schedule, after = self.schedule, self.after
        if self.scope == "lan-nay":
            once = {"kind": "once", "first_date": after.date(), "local_time": after.time()}
            return bodies.RuleIn.model_validate(once)
        if schedule.kind == "rrule":
            raise Invalid(
                what="lịch này lặp theo quy tắc riêng, nên chỉ dời được từng lần; hãy chọn “Chỉ lần này”"
                " / this schedule has a rule of its own: only single airings can be moved"
            )
        days = after.date() - self.before.date()
        first, weekdays = schedule.first_date, schedule.weekdays
        if schedule.kind == "once":
            first += days
        elif days and schedule.kind == "daily":
            raise Invalid(
                what="lịch hằng ngày chỉ dời được giờ, không dời được ngày; muốn đổi ngày hãy chọn “Chỉ lần này”"
                " / of a daily schedule only the time can be moved; choose this one alone to change the day"
            )
        elif weekdays:
            away, there = self.before.isoweekday(), after.isoweekday()
            weekdays = sorted({there if one == away else one for one in weekdays})
        return bodies.RuleIn.model_validate(
            {
                "kind": schedule.kind,
                "first_date": min(self.original_start.date(), after.date()) if self.scope == "tu-day" else first,
                "last_date": schedule.last_date,
                "local_time": after.time(),
                "weekdays": weekdays,
                "exdates": schedule.exdates,
                "rdates": schedule.rdates,
            }
        )


def _move(session: Session, context: Context, airing_id: str, day: str, at: str, scope: str) -> tuple[Airing, Move]:
    """What is wanted; the day and time as they stand where they aren't given. Raises Invalid for what isn't one."""
    zone = context.settings.zone
    airing = airings.get(session, airing_id)
    schedule = timetable.get(session, airing.schedule_id)
    # Of a session the whole day moves: the start of its first slot stands for it.
    before = (airing.starts_at - timedelta(milliseconds=airing.offset_ms)).astimezone(zone)
    to_day = read_day(day, "ngày / the day") if day else before.date()
    to_time = read_time(at) if at else before.time()
    after = datetime.combine(to_day, to_time, zone)
    scope = scope if scope in SCOPES else "lan-nay"
    return airing, Move(schedule, airing.original_start.astimezone(zone), before, after, scope)


@router.get("/lich/doi/{airing_id}", response_class=HTMLResponse)
def look(
    request: Request,
    context: Ctx,
    who: Planner,
    airing_id: str,
    ngay: Annotated[str, Query(max_length=20)] = "",
    gio: Annotated[str, Query(max_length=20)] = "",
    pham_vi: Annotated[str, Query(max_length=20, alias="pham-vi")] = "lan-nay",
    ve: Annotated[str, Query(max_length=300)] = "",
    viec: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """When it is to air, and what would come of that."""
    at = viec.removeprefix("gio:") if viec.startswith("gio:") else gio
    return _page(request, context, who, airing_id, ngay, at, pham_vi, ve)


def _page(
    request: Request,
    context: Context,
    who: Principal,
    airing_id: str,
    day: str,
    at: str,
    scope: str,
    back: str,
    error: TruyenThanhError | None = None,
) -> HTMLResponse:
    problem = error
    with context.db.reading() as session:
        try:
            airing, move = _move(session, context, airing_id, day, at, scope)
        except Invalid as wrong:
            airing, move = _move(session, context, airing_id, "", "", scope)
            problem = problem or wrong
    told: dict[str, Any] = NOTHING_FORESEEN
    if problem is None and move.after != move.before:
        told = foreseen_of(context, who, move)
    return page(
        request,
        "move.html",
        who=who,
        status=problem.status if problem else 200,
        problem=problem.text("vi") if problem else "",
        airing=airing,
        move=move,
        words=repetition(move.schedule),
        scopes=SCOPES,
        back=own_board(back),
        **told,
    )


def foreseen_of(context: Context, who: Principal, move: Move) -> dict[str, Any]:
    """What comes of a move, as `foreseen.html` shows it."""
    schedule = move.schedule
    try:
        targets = {name: getattr(schedule, name) or [] for name in TARGETED}
        body: dict[str, Any] = {"title": schedule.title, "rule": move.rule, "owner_id": schedule.owner_id, **targets}
        if schedule.programme_id is not None:
            wanted = bodies.ScheduleIn(**body, programme_id=schedule.programme_id)
            return foreseen(context, who, wanted, schedule.id)
        with context.db.reading() as session:
            slots = [sessions.spec_of(one) for one in sessions.slots_of(session, schedule.id)]
        whole = preview_door.SessionPreviewIn.model_validate(
            body | {"schedule_id": schedule.id, "slots": [_slot(one) for one in slots]}
        )
        found = preview_door.preview_session(context, who, whole)
        broken = rules_door.CheckOut(
            occurrences=found.occurrences,
            first=found.first,
            last=found.last,
            may_be_saved=not found.violations,
            may_be_overridden=bool(found.violations) and all(one.can_be_overridden for one in found.violations),
            violations=found.violations,
        )
        return told_of(context, who, whole, found, broken)
    except TruyenThanhError as error:
        return NOTHING_FORESEEN | {"missing": error.text("vi")}


def _slot(spec: SlotSpec) -> SlotIn:
    return SlotIn.model_validate({name: getattr(spec, name) for name in SlotIn.model_fields})


@router.post("/lich/doi/{airing_id}", response_class=HTMLResponse)
def save(
    request: Request,
    context: Ctx,
    who: PlannerForm,
    airing_id: str,
    ngay: Short = "",
    gio: Short = "",
    pham_vi: Short = "lan-nay",
    ve: Short = "",
    reason: Short = "",
) -> Response:
    try:
        with context.db.reading() as session:
            _airing, move = _move(session, context, airing_id, ngay, gio, pham_vi)
        schedule_id = carry_out(context, who, move, reason.strip() or None)
    except TruyenThanhError as error:
        return _page(request, context, who, airing_id, ngay, gio, pham_vi, ve, error)
    board = own_board(ve) or f"/lich/bang?tu={move.after.date()}"
    undo = f"doi={schedule_id}.{to_ms(move.original_start)}.{to_ms(move.before)}.{to_ms(move.after)}.{move.scope}"
    return RedirectResponse(f"{board}{'&' if '?' in board else '?'}{undo}", 303)


def carry_out(context: Context, who: Principal, move: Move, reason: str | None) -> str:
    """Move it. Returns the id of the schedule that airs it now."""
    if move.after == move.before:
        raise Invalid(what="ngày giờ vẫn như cũ, không có gì để dời / the day and time are the same as before")
    schedule_id = move.schedule.id
    if move.scope == "lan-nay":
        moved = {"original_start": move.original_start, "starts_at": move.after, "override_reason": reason}
        body = occurrences_door.OccurrenceMove.model_validate(moved)
        occurrences_door.move_occurrence(context, who, schedule_id, body)
        return schedule_id
    change: dict[str, Any] = {"rule": move.rule, "override_reason": reason}
    if move.scope == "tat-ca":
        return schedules_door.edit_schedule(context, who, schedule_id, bodies.ScheduleChange(**change)).id
    following = occurrences_door.OccurrenceEditFollowing(**change, original_start=move.original_start)
    return occurrences_door.edit_following_occurrences(context, who, schedule_id, following).id


@router.post("/lich/tra-lai/{schedule_id}", response_class=HTMLResponse)
def undo(
    context: Ctx, who: PlannerForm, schedule_id: str, doi: Annotated[str, Form(max_length=200)], ve: Short = ""
) -> Response:
    """Take a move back: what was decided about one airing is lifted, a series gets its time back."""
    moved = read_moved(doi, context.settings.zone)
    if moved is None:
        raise Invalid(what="không đọc được lần dời để trả lại / the move to be taken back can't be read")
    original, before, after, scope = moved
    with context.db.reading() as session:
        schedule = timetable.get(session, schedule_id)
    if scope == "lan-nay" and before == original:
        body = occurrences_door.OccurrenceIn(original_start=original)
        occurrences_door.restore_occurrence(context, who, schedule_id, body)
    elif scope == "lan-nay":
        carry_out(context, who, Move(schedule, original, after, before, scope), None)
    else:
        carry_out(context, who, Move(schedule, original, after, before, "tat-ca"), None)
    return RedirectResponse(own_board(ve) or "/lich/bang", 303)


def read_moved(text: str, zone: ZoneInfo) -> tuple[datetime, datetime, datetime, str] | None:
    """Original start, start before, start after and scope, as `save` hands them to the board."""
    parts = text.split(".")
    if len(parts) != 5 or not all(one.isdecimal() and len(one) < 15 for one in parts[1:4]) or parts[4] not in SCOPES:
        return None
    original, before, after = (datetime.fromtimestamp(int(one) / 1000, zone) for one in parts[1:4])
    return original, before, after, parts[4]


def own_board(path: str) -> str:
    """The board to go back to; anything else becomes none (no open redirect)."""
    return path if path.startswith("/lich/bang") and path.isprintable() and "\\" not in path else ""
