"""The page of one's own commune, made for a phone: what sounds there today and what is to be decided about it.

Each thing that it is for takes at most four taps: pausing two, taking back one, an offer one, an order one, the volume
one, a notice three and the typing, an approved notice on the air two (`api.pages.notices`). All of it are plain forms;
`live.js` keeps the page up to date.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Principal
from api.auth.rights import Right
from api.context import Context
from api.pages.forms import OnDuty, OnDutyForm, PlannerForm, Reader, Short
from api.pages.heard import SHAPES, together
from api.pages.newsdesk import CLASSES, plain
from api.pages.notices import waiting
from api.pages.templating import page
from api.pages.words import sort_key
from api.routes import airings as airings_door
from api.routes import commands as commands_door
from api.routes import offers as offers_door
from broadcast import heard, heard_items, offer_lists, pauses
from broadcast.choice_tables import StandingAcceptance
from broadcast.offers import receivers_of
from core import units
from core.errors import TruyenThanhError
from devices.tables import Receiver
from schedules.tables import Airing

router = APIRouter(include_in_schema=False)

OFFERED = timedelta(days=7)
CLASHING = timedelta(days=3)
PAUSES = {"15": "15 phút", "60": "1 giờ", "180": "3 giờ", "hom-nay": "hết hôm nay"}
VOLUMES = {40: "Nhỏ", 60: "Vừa", 80: "Lớn", 100: "Hết cỡ"}
COOKIE = "truyenthanh_xa"
_YEAR_S = 365 * 24 * 3600


@router.get("/xa-toi", response_class=HTMLResponse)
def choose(
    request: Request, context: Ctx, who: Reader, tim: Annotated[str, Query(max_length=200)] = "", doi: str = ""
) -> Response:
    """To one's own commune: the only one in sight, or the one looked at last; with `doi` or a search one chooses."""
    today = units.date_of(context.clock.now())
    sight = who.reach(Right.READ_SCHEDULES)
    with context.db.reading() as session:
        communes = [one for one in units.standing(session, on=today) if one.kind == "commune"]
    standing = [one for one in communes if sight.covers(one.id)]
    last = request.cookies.get(COOKIE, "")
    own = standing[0].id if len(standing) == 1 else next((one.id for one in standing if one.id == last), None)
    if own and not doi and not tim:
        return RedirectResponse(f"/xa-toi/{own}", 303)
    wanted = plain(" ".join(tim.split()))
    found = sorted((one for one in standing if wanted in plain(one.name)), key=lambda one: sort_key(one.name))
    return page(request, "places.html", who=who, units=found, search=tim, any=bool(standing), own=True)


@router.get("/xa-toi/{unit_id}", response_class=HTMLResponse)
def commune(request: Request, context: Ctx, who: Reader, unit_id: str) -> Response:
    response = _page(request, context, who, unit_id)
    response.set_cookie(
        COOKIE, unit_id, path="/xa-toi", max_age=_YEAR_S, httponly=True, samesite="lax",
        secure=context.settings.secure_cookies,
    )  # fmt: skip
    return response


@router.get("/xa-toi/{unit_id}/bang", response_class=HTMLResponse)
def board(request: Request, context: Ctx, who: Reader, unit_id: str) -> Response:
    """The changing part of the page alone, for the script that keeps it up to date."""
    return page(request, "commune-board.html", who=who, **_board(context, unit_id))


def _page(
    request: Request, context: Context, who: Principal, unit_id: str, error: TruyenThanhError | None = None
) -> HTMLResponse:
    problem = error.text("vi") if error else ""
    shown = _board(context, unit_id)
    return page(request, "commune.html", who=who, status=error.status if error else 200, problem=problem, **shown)


def _board(context: Context, unit_id: str) -> dict[str, Any]:
    now, zone = context.clock.now(), context.settings.zone
    today = now.astimezone(zone).date()
    problem = ""
    with context.db.reading() as session:
        name = units.name(session, units.get(session, unit_id).id, on=today)
        try:
            day = heard.at_unit(session, unit_id, today, now=now, settings=context.settings)
        except heard.TooManyReceivers as error:  # of a whole province: its communes have pages of their own
            problem, day = error.text("vi"), heard.Day(today, 0, ())
        offers = offer_lists.to_commune(session, unit_id, now, now + OFFERED)
        standing = session.scalars(
            select(StandingAcceptance)
            .where(StandingAcceptance.unit_id == unit_id, StandingAcceptance.ended_at.is_(None))
            .order_by(StandingAcceptance.id)
        ).all()
        from_units = {one.from_unit_id for one in standing if one.from_unit_id}
        names = units.names(session, from_units, on=today)
        boxes = _boxes(session, unit_id, now)
        groups = together(day.items)
        return {
            "unit_id": unit_id,
            "place": name,
            "found": day,
            "groups": groups,
            "playing": _playing(session, groups, now),
            "coming": _coming(groups, now),
            "pause": pauses.of(session, unit_id, now),
            "offers": sorted(offers, key=lambda one: (not one.unanswered, one.airings[0].starts_at)),
            "clashes": offer_lists.clashes(session, unit_id, now, now + CLASHING),
            "standing": standing,
            "standing_from": {one.from_unit_id for one in standing if one.campaign_id is None},
            "names": names,
            "boxes": boxes,
            "loudness": _loudness(boxes),
            "volumes": VOLUMES,
            "notices": waiting(session, unit_id, now),
            "words": heard_items.WORDS,
            "shapes": SHAPES,
            "silent": heard_items.SILENT,
            "classes": CLASSES,
            "programmes": {},
            "too_many": problem,
        }  # fmt: skip


def _boxes(session: Session, unit_id: str, now: datetime) -> list[Receiver]:
    ids = receivers_of(session, unit_id, now)
    return sorted(session.scalars(select(Receiver).where(Receiver.id.in_(ids))), key=lambda one: sort_key(one.name))


def _loudness(boxes: list[Receiver]) -> tuple[int, int] | None:
    """The least and the greatest volume that receivers say of themselves, per cent."""
    told = [(one.last_status or {}).get("volume") for one in boxes]
    said: list[float] = [volume for volume in told if isinstance(volume, int | float)]
    return (round(min(said)), round(max(said))) if said else None


def _coming(groups: list[list[heard_items.Item]], now: datetime) -> heard_items.Item | None:
    ahead = (group[0] for group in groups if group[0].starts_at > now)
    return next((item for item in ahead if item.state not in heard_items.SILENT), None)


def _playing(session: Session, groups: list[list[heard_items.Item]], now: datetime) -> list[heard_items.Item]:
    """What is on air here and can be stopped: what was to begin by now, is not over and was not stopped already."""
    due = [
        group[0]
        for group in groups
        if group[0].starts_at <= now < group[0].ends_at and group[0].kind == "airing" and not group[0].ended_at
    ]
    there = session.scalars(select(Airing.id).where(Airing.id.in_([one.id for one in due])))
    held = set(there)
    return [one for one in due if one.id in held and one.state not in heard_items.SILENT]


# --- Pausing ---------------------------------------------------------------------------------------------------------


@router.get("/xa-toi/{unit_id}/tam-dung", response_class=HTMLResponse)
def pause_page(request: Request, context: Ctx, who: OnDuty, unit_id: str) -> Response:
    """What a pause will do, in numbers, and for how long."""
    return page(request, "pause.html", who=who, pauses=PAUSES, **_board(context, unit_id))


@router.post("/xa-toi/{unit_id}/tam-dung")
def pause(context: Ctx, who: OnDutyForm, unit_id: str, bao_lau: Short = "60", reason: Short = "") -> Response:
    until = _until(bao_lau, context.clock.now(), context)
    body = commands_door.MuteIn(until=until, reason=reason.strip()[:500])
    commands_door.pause(context, who, unit_id, body)
    return _back(unit_id)


def _until(how_long: str, now: datetime, context: Context) -> datetime:
    if how_long.isdecimal() and how_long in PAUSES:
        return now + timedelta(minutes=int(how_long))
    tomorrow = now.astimezone(context.settings.zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), context.settings.zone)


@router.post("/xa-toi/{unit_id}/phat-lai")
def resume(context: Ctx, who: OnDutyForm, unit_id: str) -> Response:
    commands_door.pause(context, who, unit_id, commands_door.MuteIn(until=None, reason=""))
    return _back(unit_id)


@router.post("/xa-toi/{unit_id}/dung/{airing_id}", response_class=HTMLResponse)
def stop(request: Request, context: Ctx, who: OnDutyForm, unit_id: str, airing_id: str) -> Response:
    """Stop one airing here alone; it goes on elsewhere."""
    try:
        airings_door.stop(context, who, airing_id, commands_door.StopIn(unit_id=unit_id, reason=""))
    except TruyenThanhError as error:
        return _page(request, context, who, unit_id, error)
    return _back(unit_id)


# --- What comes from above -------------------------------------------------------------------------------------------


@router.post("/xa-toi/{unit_id}/tra-loi", response_class=HTMLResponse)
def answer(
    request: Request,
    context: Ctx,
    who: PlannerForm,
    unit_id: str,
    nhan: Annotated[bool, Form()],
    schedule_id: Annotated[str, Form(max_length=26)] = "",
    airing_id: Annotated[str, Form(max_length=26)] = "",
) -> Response:
    """Take or decline a schedule, or one airing of it."""
    try:
        about = {"airing_id": airing_id} if airing_id else {"schedule_id": schedule_id}
        body = offers_door.AnswerIn.model_validate({"unit_id": unit_id, "accepted": nhan} | about)
        offers_door.answer(context, who, body)
    except TruyenThanhError as error:
        return _page(request, context, who, unit_id, error)
    return _back(unit_id, "de-nghi")


@router.post("/xa-toi/{unit_id}/luon-nhan", response_class=HTMLResponse)
def always(
    request: Request, context: Ctx, who: PlannerForm, unit_id: str, from_unit_id: Annotated[str, Form(max_length=26)]
) -> Response:
    """Take what this unit above offers, from now on."""
    try:
        body = offers_door.AcceptanceIn.model_validate({"unit_id": unit_id, "from_unit_id": from_unit_id})
        offers_door.accept(context, who, body)
    except TruyenThanhError as error:
        return _page(request, context, who, unit_id, error)
    return _back(unit_id, "de-nghi")


@router.post("/xa-toi/{unit_id}/thoi-nhan", response_class=HTMLResponse)
def no_longer(
    request: Request, context: Ctx, who: PlannerForm, unit_id: str, decision: Annotated[str, Form(max_length=26)]
) -> Response:
    try:
        with context.db.reading() as session:
            held = session.get(StandingAcceptance, decision)
        if held is not None and held.unit_id == unit_id:
            offers_door.revoke_acceptance(context, who, decision)
    except TruyenThanhError as error:
        return _page(request, context, who, unit_id, error)
    return _back(unit_id, "de-nghi")


@router.post("/xa-toi/{unit_id}/thu-tu", response_class=HTMLResponse)
def order(
    request: Request,
    context: Ctx,
    who: PlannerForm,
    unit_id: str,
    first_airing_id: Annotated[str, Form(max_length=26)],
    second_airing_id: Annotated[str, Form(max_length=26)],
) -> Response:
    """Of two that overlap the first comes first."""
    try:
        body = offers_door.OrderIn.model_validate(
            {"unit_id": unit_id, "first_airing_id": first_airing_id, "second_airing_id": second_airing_id}
        )
        offers_door.order(context, who, body)
    except TruyenThanhError as error:
        return _page(request, context, who, unit_id, error)
    return _back(unit_id, "thu-tu")


@router.post("/xa-toi/{unit_id}/am-luong")
def volume(context: Ctx, who: PlannerForm, unit_id: str, muc: Annotated[int, Form(ge=0, le=100)]) -> Response:
    commands_door.set_unit_volume(context, who, unit_id, commands_door.VolumeIn(volume=muc))
    return _back(unit_id, "am-luong")


def _back(unit_id: str, place: str = "") -> RedirectResponse:
    return RedirectResponse(f"/xa-toi/{unit_id}{'#' if place else ''}{place}", 303)
