"""The pages of rules: what may sound when at a place, whose rule each is, and setting or ending one's own.

A rule of each kind has a form with just what it needs, so nothing has to be hidden by a script.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.auth.guard import Ctx, Needs, NeedsForm, Principal
from api.auth.rights import Right
from api.context import Context
from api.pages.forms import Reader, places_in_sight
from api.pages.scheduling import read_day, read_time
from api.pages.templating import page
from api.pages.words import WEEKDAYS
from api.routes import rules as door
from core import units
from core.errors import Invalid, TruyenThanhError
from schedules.rule_words import NAMES
from schedules.rules import KINDS, SPANNED, Kind

router = APIRouter(include_in_schema=False)
RuleWriter = Annotated[Principal, Depends(Needs(Right.WRITE_RULES))]
RuleWriterForm = Annotated[Principal, Depends(NeedsForm(Right.WRITE_RULES))]

CLASS_CHOICES = {"ordinary": "thông thường", "priority": "ưu tiên"}
SPANS_OFFERED = 3
STEPS_OFFERED = 4
# Rules that hold for everything but emergencies, or for emergencies alone: there is nothing to choose.
FOR_ALL = frozenset({"quiet", "volume", "curve", "emergency_ms"})
EXPLAINED: dict[Kind, str] = {
    "quiet": "Trong những giờ này chỉ tin khẩn cấp được phát.",
    "window": "Ngoài những giờ này không phát.",
    "item_ms": "Mỗi bản tin không dài hơn mức này.",
    "session_ms": "Mỗi buổi không dài hơn mức này.",
    "day_ms": "Cả ngày không phát quá mức này.",
    "week_ms": "Cả tuần, từ Thứ Hai đến Chủ Nhật, không phát quá mức này.",
    "sessions_a_day": "Mỗi ngày không quá ngần này buổi.",
    "days_a_week": "Mỗi tuần chỉ phát trong ngần này ngày.",
    "gap_ms": "Giữa hai buổi phải nghỉ ít nhất ngần này.",
    "repeats": "Cùng một bản tin không phát quá ngần này lần.",
    "volume": "Loa không to hơn mức này.",
    "curve": "Âm lượng theo giờ trong ngày.",
    "emergency_ms": "Mỗi tin khẩn cấp không dài hơn mức này.",
}


@dataclass(slots=True)
class Draft:
    """What the form holds, right or wrong."""

    value: str = ""
    days: str = "7"
    classes: list[str] = field(default_factory=lambda: list(CLASS_CHOICES))
    begins: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    weekdays: list[str] = field(default_factory=lambda: [str(day) for day in range(1, 8)])
    volumes: list[str] = field(default_factory=list)
    yields: bool = False
    first: str = ""
    last: str = ""
    note: str = ""

    def wanted(self, kind: Kind) -> door.SoundRuleIn:
        """As the door takes it. Raises Invalid with what is wrong, and what to do."""
        body: dict[str, Any] = {
            "kind": kind,
            "yields": self.yields,
            "valid_from": read_day(self.first, "ngày bắt đầu / the first day") if self.first else None,
            "valid_to": read_day(self.last, "ngày thôi / the last day") if self.last else None,
            "note": self.note.strip() or None,
        }
        if kind not in FOR_ALL:
            body["classes"] = [one for one in self.classes if one in CLASS_CHOICES]
        if kind in SPANNED:
            days = [int(one) for one in self.weekdays if one in set("1234567")]
            body["spans"] = [
                {"begins": read_time(one), "ends": read_time(other), "weekdays": days}
                for one, other in zip(self.begins, self.ends, strict=False)
                if one.strip() or other.strip()
            ]
        elif kind == "curve":
            body["steps"] = [
                {"at": read_time(at), "volume": _number(volume, "âm lượng / the volume", most=100)}
                for at, volume in zip(self.begins, self.volumes, strict=False)
                if at.strip() or volume.strip()
            ]
        elif kind.endswith("_ms"):
            body["value"] = round(_number(self.value, "số phút / the minutes", most=10_080) * 60_000)
        else:
            body["value"] = round(_number(self.value, "con số / the number", most=1000))
        if kind == "repeats":
            body["days"] = round(_number(self.days, "số ngày / the days", most=1000))
        return door.SoundRuleIn.model_validate(body)


def _number(text: str, what: str, *, most: int) -> float:
    """`15`, `2,5`. Raises Invalid."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        vietnamese, _, english = what.partition(" / ")
        raise Invalid(what=f"{vietnamese} phải là một số từ 0 đến {most} / {english} must be 0 to {most}")
    return value


async def _draft(request: Request) -> Draft:
    form = await request.form()

    def many(name: str) -> list[str]:
        return [one.replace("\0", "")[:2000] for one in form.getlist(name)[:20] if isinstance(one, str)]

    def one(name: str) -> str:
        return next(iter(many(name)), "")

    return Draft(
        one("gia_tri"), one("so_ngay"), many("lop"), many("bat_dau"), many("ket_thuc"), many("thu"), many("am_luong"),
        bool(one("noi_long")), one("tu_ngay"), one("den_ngay"), one("note"),
    )  # fmt: skip


Filled = Annotated[Draft, Depends(_draft)]


@router.get("/quy-dinh", response_class=HTMLResponse)
def choose(request: Request, context: Ctx, who: Reader, noi: Annotated[str, Query(max_length=26)] = "") -> Response:
    with context.db.reading() as session:
        places = places_in_sight(session, who, units.date_of(context.clock.now()))
    if noi or places:
        return RedirectResponse(f"/quy-dinh/{noi or places[0].id}", 303)
    return page(request, "rules.html", who=who, places=[], unit_id="", problem="")


@router.get("/quy-dinh/{unit_id}", response_class=HTMLResponse)
def held(
    request: Request, context: Ctx, who: Reader, unit_id: str, ngay: Annotated[date | None, Query()] = None
) -> Response:
    return _page(request, context, who, unit_id, ngay)


def _page(
    request: Request,
    context: Context,
    who: Principal,
    unit_id: str,
    on: date | None = None,
    error: TruyenThanhError | None = None,
) -> HTMLResponse:
    today = units.date_of(context.clock.now())
    found = door.held(context, who, unit_id, on)
    with context.db.reading() as session:
        places = places_in_sight(session, who, today)
        name = units.name(session, unit_id, on=found.on)
    return page(
        request,
        "rules.html",
        who=who,
        status=error.status if error else 200,
        problem=error.text("vi") if error else "",
        places=places,
        place=name,
        unit_id=unit_id,
        found=found,
        history=door.history(context, who, unit_id),
        kinds=[(kind, NAMES[kind][0]) for kind in KINDS],
        explained=EXPLAINED,
        may_write=who.may(Right.WRITE_RULES, unit_id),
        today=today,
    )


@router.get("/quy-dinh/{unit_id}/them/{kind}", response_class=HTMLResponse)
def new(request: Request, context: Ctx, who: RuleWriter, unit_id: str, kind: Kind) -> Response:
    return _form(request, context, who, unit_id, kind, Draft())


def _form(
    request: Request,
    context: Context,
    who: Principal,
    unit_id: str,
    kind: Kind,
    draft: Draft,
    error: TruyenThanhError | None = None,
) -> HTMLResponse:
    today = units.date_of(context.clock.now())
    with context.db.reading() as session:
        name = units.name(session, units.get(session, unit_id).id, on=today)
    same = [one for one in door.held(context, who, unit_id, None).holds if one.kind == kind]
    return page(
        request,
        "rule-new.html",
        who=who,
        status=error.status if error else 200,
        problem=error.text("vi") if error else "",
        place=name,
        unit_id=unit_id,
        kind=kind,
        title=NAMES[kind][0],
        explained=EXPLAINED[kind],
        same=same,
        draft=draft,
        spanned=kind in SPANNED,
        classes=None if kind in FOR_ALL else CLASS_CHOICES,
        weekdays=WEEKDAYS,
        today=today,
        spans_offered=SPANS_OFFERED,
        steps_offered=STEPS_OFFERED,
    )


@router.post("/quy-dinh/{unit_id}/them/{kind}", response_class=HTMLResponse)
def put(request: Request, context: Ctx, who: RuleWriterForm, unit_id: str, kind: Kind, draft: Filled) -> Response:
    try:
        door.put(context, who, unit_id, draft.wanted(kind))
    except TruyenThanhError as error:
        return _form(request, context, who, unit_id, kind, draft, error)
    return RedirectResponse(f"/quy-dinh/{unit_id}", 303)


@router.post("/quy-dinh/{unit_id}/thoi/{rule_id}", response_class=HTMLResponse)
def end(
    request: Request,
    context: Ctx,
    who: RuleWriterForm,
    unit_id: str,
    rule_id: str,
    thoi_ngay: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """It holds no more from a day on; what is above holds alone."""
    try:
        on = read_day(thoi_ngay, "ngày thôi / the day") if thoi_ngay else None
        door.end(context, who, rule_id, door.EndIn(on=on))
    except TruyenThanhError as error:
        return _page(request, context, who, unit_id, error=error)
    return RedirectResponse(f"/quy-dinh/{unit_id}", 303)
