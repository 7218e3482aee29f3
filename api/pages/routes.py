"""The pages: login, the day, stopping what sounds, about."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import AfterValidator
from sqlalchemy import func, select

from api.auth import sessions
from api.auth.errors import FormExpired, LoginFailed, TooManyAttempts
from api.auth.guard import (
    Ctx,
    Needs,
    NeedsForm,
    Principal,
    address_of,
    cookie_name,
    identify,
    public,
    set_login_cookie,
)
from api.auth.rights import Right
from api.auth.secrets import form_token, form_token_fits, new_secret
from api.context import Context
from api.pages import (
    airtime,
    attention,
    campaigns,
    commune,
    day,
    enrolment,
    heard,
    local_days,
    moving,
    news,
    notices,
    people,
    programmes,
    receivers,
    rules,
    scheduling,
    slots,
    timeline,
    trail,
    week,
    week_board,
)
from api.pages.forms import OnDuty, OnDutyForm, paged
from api.pages.templating import STATIC, page
from api.routes.commands import stop_airing
from api.routes.schemas import without_nul
from api.tables import User
from core.errors import NotFound

router = APIRouter(include_in_schema=False)
router.include_router(airtime.router)
router.include_router(campaigns.router)
router.include_router(commune.router)
router.include_router(enrolment.router)
router.include_router(heard.router)
router.include_router(news.router)
router.include_router(notices.router)
router.include_router(people.router)
router.include_router(programmes.router)
router.include_router(receivers.router)
router.include_router(local_days.router)
router.include_router(moving.router)
router.include_router(rules.router)
router.include_router(week_board.router)
router.include_router(scheduling.router)
router.include_router(slots.router)
router.include_router(trail.router)
router.include_router(week.router)

FORM_COOKIE = "truyenthanh_form"
COMMUNES_A_PAGE = 15  # keeps the page under 100 KB with four airings a day
YEAR_S = 365 * 24 * 3600

Viewer = Annotated[Principal, Depends(Needs(Right.READ_TODAY))]
Member = Annotated[Principal, Depends(NeedsForm(Right.OWN_ACCOUNT))]


@router.get("/static/{name}", dependencies=[Depends(public)])
def static_file(request: Request, name: str) -> Response:
    held = STATIC.get(name)
    if held is None:
        raise NotFound(what="tệp / file", id=name)
    etag = f'"{held.fingerprint}"'
    lasting = request.query_params.get("v") == held.fingerprint
    headers = {"ETag": etag, "Cache-Control": f"public, max-age={YEAR_S}, immutable" if lasting else "no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(held.content, media_type=held.media_type, headers=headers)


@router.get("/favicon.ico", dependencies=[Depends(public)])
def favicon() -> Response:
    return RedirectResponse("/static/favicon.svg", 301)


@router.get("/dang-nhap", response_class=HTMLResponse, dependencies=[Depends(public)])
def login_page(request: Request, context: Ctx, tiep: str = "/") -> Response:
    if identify(request, context) is not None:
        return RedirectResponse(_own_path(tiep), 303)
    return _login_form(request, context, back=_own_path(tiep))


@router.post("/dang-nhap", response_class=HTMLResponse, dependencies=[Depends(public)])
def log_in(
    request: Request,
    context: Ctx,
    username: Annotated[str, Form(max_length=200), AfterValidator(without_nul)] = "",
    password: Annotated[str, Form(max_length=2000)] = "",
    form: Annotated[str, Form(max_length=100)] = "",
    tiep: Annotated[str, Form(max_length=1000)] = "/",
) -> Response:
    back = _own_path(tiep)
    secret = request.cookies.get(FORM_COOKIE, "")
    if not secret or not form_token_fits(secret, form):
        return _login_form(request, context, back=back, username=username, message=FormExpired().text(), status=403)
    try:
        _user, login, cookie = sessions.log_in(
            context.db,
            username=username,
            password=password,
            address=address_of(request),
            browser=request.headers.get("user-agent", ""),
            clock=context.clock,
        )
    except (LoginFailed, TooManyAttempts) as error:
        request.app.state.metrics.logins_failed.inc()
        answer = _login_form(request, context, back=back, username=username, message=error.text(), status=error.status)
        if isinstance(error, TooManyAttempts):
            answer.headers["Retry-After"] = str(error.facts["seconds"])
        return answer
    response = RedirectResponse(back, 303)
    set_login_cookie(response, context, login, cookie)
    response.delete_cookie(FORM_COOKIE, path="/dang-nhap")
    return response


def _login_form(
    request: Request,
    context: Context,
    *,
    back: str,
    username: str = "",
    message: str = "",
    status: int = 200,
) -> HTMLResponse:
    secret = request.cookies.get(FORM_COOKIE) or new_secret()
    with context.db.reading() as session:
        nobody = not session.scalar(select(func.count(User.id)))
    response = page(
        request,
        "login.html",
        status=status,
        back=back,
        username=username,
        message=message,
        form=form_token(secret),
        nobody=nobody,
    )
    response.set_cookie(
        FORM_COOKIE,
        secret,
        path="/dang-nhap",
        httponly=True,
        secure=context.settings.secure_cookies,
        samesite="strict",
        max_age=12 * 3600,
    )
    return response


def _own_path(path: str) -> str:
    """A path of this site to go on to; anything else becomes the first page (no open redirect)."""
    harmless = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if harmless else "/"


@router.post("/dang-xuat")
def log_out(context: Ctx, who: Member) -> Response:
    if who.login is not None:
        with context.db.writing() as session:
            sessions.end(session, who.login.id, user=who.user, clock=context.clock)
    response = RedirectResponse("/dang-nhap", 303)
    response.delete_cookie(cookie_name(context), path="/", secure=context.settings.secure_cookies, httponly=True)
    return response


@router.get("/", response_class=HTMLResponse)
def today(request: Request, context: Ctx, who: Viewer, trang: int = 1) -> Response:
    return page(request, "today.html", who=who, **_board(context, who, trang))


@router.get("/hom-nay", response_class=HTMLResponse)
def board(request: Request, context: Ctx, who: Viewer, trang: int = 1) -> Response:
    """The changing part of the page of the day alone, for the script that keeps it up to date."""
    return page(request, "board.html", who=who, **_board(context, who, trang))


def _board(context: Context, who: Principal, number: int) -> dict[str, Any]:
    zone = context.settings.zone
    with context.db.reading() as session:
        whole = day.load(session, now=context.clock.now(), zone=zone, who=who)
        matters = attention.matters(session, whole, zone, who)
    # Where there are many communes, those in trouble come first, and a page holds so many.
    ordered = sorted(whole.communes, key=lambda commune: not commune.troubled)
    part = paged(ordered, number, COMMUNES_A_PAGE)
    shown = [commune for commune in whole.communes if commune in part.shown]  # by name again
    return {
        "day": whole,
        "matters": matters,
        "communes": shown,
        "timeline": timeline.draw(replace(whole, communes=shown), zone, shown),
        "number": part.number,
        "pages": part.pages,
    }


@router.get("/lan-phat/{airing_id}/dung", response_class=HTMLResponse)
def stop_page(request: Request, context: Ctx, who: OnDuty, airing_id: str) -> Response:
    """What stopping this airing will do, in numbers, before it is done."""
    with context.db.reading() as session:
        whole = day.load(session, now=context.clock.now(), zone=context.settings.zone, who=who)
    airing = next((one for one in whole.airings if one.id == airing_id), None)
    if airing is None:
        raise NotFound(what="lần phát hôm nay / airing of today", id=airing_id)
    return page(request, "stop.html", who=who, airing=airing, day=whole)


@router.post("/lan-phat/{airing_id}/dung")
def stop(
    context: Ctx,
    who: OnDutyForm,
    airing_id: str,
    reason: Annotated[str, Form(max_length=500), AfterValidator(without_nul)] = "",
) -> Response:
    with context.db.writing() as session:
        stop_airing(session, airing_id, unit_id=None, reason=reason.strip(), who=who, clock=context.clock)
    return RedirectResponse("/", 303)


@router.get("/gioi-thieu", response_class=HTMLResponse)
def about(request: Request, who: Viewer) -> Response:
    return page(request, "about.html", who=who)
