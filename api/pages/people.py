"""Người dùng: who has an account, what each holds where, and where they are logged in. For who manages accounts there.

A password is never chosen for somebody: a new one is made, shown on one page once, and ends all their sessions.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth import grants, sessions, users
from api.auth.guard import Ctx, Needs, NeedsForm, Principal
from api.auth.rights import ROLE_NAMES, ROLES, Right
from api.context import Context
from api.pages.newsdesk import plain
from api.pages.templating import page
from api.pages.words import sort_key
from api.routes.users import require_everywhere
from api.tables import Grant, User
from core import units
from core.errors import Conflict, Invalid, TruyenThanhError
from core.units import ALWAYS, FOREVER

router = APIRouter(include_in_schema=False)
Admin = Annotated[Principal, Depends(Needs(Right.MANAGE_USERS))]
AdminForm = Annotated[Principal, Depends(NeedsForm(Right.MANAGE_USERS))]
Short = Annotated[str, Form(max_length=200)]

A_PAGE = 100


@dataclass(frozen=True, slots=True)
class Line:
    """A grant as the page tells it."""

    grant: Grant
    role: str
    place: str
    days: str
    holds: bool


def _lines(session: Session, given: list[Grant], today: date) -> list[Line]:
    names = units.names(session, {one.unit_id for one in given if one.unit_id}, on=today)
    return [
        Line(
            one,
            ROLE_NAMES.get(one.role, one.role),  # type: ignore[call-overload]
            _place(session, one, names),
            _days(one),
            one.ended_at is None and one.valid_from <= today < one.valid_to,
        )
        for one in given
    ]


def _place(session: Session, grant: Grant, names: dict[str, str]) -> str:
    if grant.unit_id is not None:
        return names.get(grant.unit_id, grant.unit_id)
    return units.get_group(session, grant.group_id).name if grant.group_id is not None else "toàn tỉnh"


def _days(grant: Grant) -> str:
    since = "" if grant.valid_from == ALWAYS else f"từ {grant.valid_from.day}/{grant.valid_from:%-m/%Y}"
    until = "" if grant.valid_to == FOREVER else f"trước {grant.valid_to.day}/{grant.valid_to:%-m/%Y}"
    return " ".join(part for part in (since, until) if part)


@router.get("/nguoi-dung", response_class=HTMLResponse)
def every(
    request: Request, context: Ctx, who: Admin, tim: Annotated[str, Query(max_length=200)] = "", trang: int = 1
) -> Response:
    wanted, today = plain(" ".join(tim.split())), units.date_of(context.clock.now())
    with context.db.reading() as session:
        seen = session.scalars(select(User).where(who.sees(session, "user", Right.MANAGE_USERS))).all()
        found = [one for one in seen if wanted in plain(f"{one.full_name} {one.username}")]
        found.sort(key=lambda one: (not one.active, sort_key(one.full_name), one.id))
        pages = max(1, -(-len(found) // A_PAGE))
        number = min(max(1, trang), pages)
        shown = found[(number - 1) * A_PAGE : number * A_PAGE]
        held: dict[str, list[Grant]] = {}
        for one in session.scalars(select(Grant).where(Grant.user_id.in_([user.id for user in shown]))):
            held.setdefault(one.user_id, []).append(one)
        rows = [
            (user, [line for line in _lines(session, held.get(user.id, []), today) if line.holds]) for user in shown
        ]
    return page(request, "people.html", who=who, rows=rows, search=tim, number=number, pages=pages, total=len(found))


@router.get("/nguoi-dung/moi", response_class=HTMLResponse)
def new(request: Request, context: Ctx, who: Admin) -> Response:
    return _new(request, context, who)


def _new(
    request: Request,
    context: Context,
    who: Principal,
    *,
    username: str = "",
    full_name: str = "",
    role: str = "",
    error: TruyenThanhError | None = None,
) -> HTMLResponse:
    return page(
        request,
        "person-new.html",
        who=who,
        status=error.status if error else 200,
        username=username,
        full_name=full_name,
        chosen=role,
        problem=error.text("vi") if error else "",
        **_choices(context, who),
    )


def _choices(context: Context, who: Principal) -> dict[str, object]:
    """Roles, and the places at which this person may give them."""
    today = units.date_of(context.clock.now())
    with context.db.reading() as session:
        reach = who.reach(Right.MANAGE_USERS)
        standing = [one for one in units.standing(session, on=today) if one.kind != "village" and reach.covers(one.id)]
        groups = who.only(session, "unit-group", units.groups(session, on=today))
    standing.sort(key=lambda one: (one.kind != "province", one.kind != "district", sort_key(one.name)))
    return {
        "roles": [(role, ROLE_NAMES[role]) for role in ROLES],
        "units": standing,
        "groups": groups,
        "everywhere": reach.everywhere,
    }


@router.post("/nguoi-dung/moi", response_class=HTMLResponse)
def create(
    request: Request,
    context: Ctx,
    who: AdminForm,
    username: Short = "",
    full_name: Short = "",
    role: Short = "",
    unit_id: Short = "",
    group_id: Short = "",
) -> Response:
    password = secrets.token_urlsafe(12)
    try:
        if not unit_id and not group_id:
            require_everywhere(who)
        with context.db.writing() as session:
            user = users.add_user(session, username, full_name, [], password, who.actor, context.clock)
            grants.give(
                session,
                user.id,
                role,
                unit_id=unit_id or None,
                group_id=group_id or None,
                actor=who.actor,
                clock=context.clock,
            )
    except TruyenThanhError as error:
        return _new(request, context, who, username=username, full_name=full_name, role=role, error=error)
    return _person(request, context, who, user.id, password=password)


@router.get("/nguoi-dung/{user_id}", response_class=HTMLResponse)
def one(request: Request, context: Ctx, who: Admin, user_id: str) -> Response:
    return _person(request, context, who, user_id)


def _person(
    request: Request,
    context: Context,
    who: Principal,
    user_id: str,
    *,
    error: TruyenThanhError | None = None,
    password: str = "",
) -> HTMLResponse:
    """`password`: the one that was just made, shown this once."""
    today = units.date_of(context.clock.now())
    with context.db.reading() as session:
        user = users.get(session, user_id)
        lines = _lines(session, grants.of_user(session, user_id), today)
        running = sessions.of_user(session, user_id, context.clock)
    return page(
        request,
        "person.html",
        who=who,
        status=error.status if error else 200,
        user=user,
        lines=lines,
        running=running,
        today=today,
        problem=error.text("vi") if error else "",
        password=password,
        **_choices(context, who),
    )


def _back(user_id: str) -> RedirectResponse:
    return RedirectResponse(f"/nguoi-dung/{user_id}", 303)


@router.post("/nguoi-dung/{user_id}/quyen", response_class=HTMLResponse)
def give(
    request: Request,
    context: Ctx,
    who: AdminForm,
    user_id: str,
    role: Short = "",
    unit_id: Short = "",
    group_id: Short = "",
    since: Short = "",
    until: Short = "",
) -> Response:
    try:
        if not unit_id and not group_id:
            require_everywhere(who)
        with context.db.writing() as session:
            grants.give(
                session,
                users.get(session, user_id).id,
                role,
                unit_id=unit_id or None,
                group_id=group_id or None,
                since=_day(since),
                until=_day(until),
                actor=who.actor,
                clock=context.clock,
            )
    except TruyenThanhError as error:
        return _person(request, context, who, user_id, error=error)
    return _back(user_id)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise Invalid(what="ngày chưa đúng, hãy chọn lại trong lịch / not a date") from None


@router.post("/nguoi-dung/{user_id}/quyen/{grant_id}/thoi", response_class=HTMLResponse)
def end(request: Request, context: Ctx, who: AdminForm, user_id: str, grant_id: str) -> Response:
    try:
        with context.db.writing() as session:
            grants.end(session, grants.get(session, grant_id), actor=who.actor, clock=context.clock)
    except TruyenThanhError as error:
        return _person(request, context, who, user_id, error=error)
    return _back(user_id)


@router.post("/nguoi-dung/{user_id}/khoa", response_class=HTMLResponse)
def lock(
    request: Request, context: Ctx, who: AdminForm, user_id: str, viec: Annotated[str, Form(max_length=10)] = "khoa"
) -> Response:
    """Close the account, or (`mo`) open it again."""
    try:
        if user_id == who.user.id:
            raise Conflict(what="không tự khóa tài khoản của mình được / you can't lock your own account")
        with context.db.writing() as session:
            active = viec == "mo"
            users.change(session, user_id, full_name=None, active=active, actor=who.actor, clock=context.clock)
    except TruyenThanhError as error:
        return _person(request, context, who, user_id, error=error)
    return _back(user_id)


@router.post("/nguoi-dung/{user_id}/mat-khau", response_class=HTMLResponse)
def new_password(request: Request, context: Ctx, who: AdminForm, user_id: str) -> Response:
    password = secrets.token_urlsafe(12)
    with context.db.writing() as session:
        users.set_password(session, users.get(session, user_id), password, actor=who.actor, clock=context.clock)
    return _person(request, context, who, user_id, password=password)


@router.post("/nguoi-dung/{user_id}/phien/{session_id}/thoat")
def log_out(context: Ctx, who: AdminForm, user_id: str, session_id: str) -> Response:
    with context.db.writing() as session:
        user = users.get(session, user_id)
        sessions.end(session, session_id, user=user, clock=context.clock, actor=who.actor)
    return _back(user_id)
