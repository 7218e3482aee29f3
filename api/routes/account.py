"""The own account: logging in and out, sessions, tokens, the password."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import Field
from sqlalchemy.orm import Session

from api.auth import grants, passwords, sessions, tokens, users
from api.auth.errors import LoginFailed, TooManyAttempts
from api.auth.guard import Ctx, Needs, Principal, address_of, cookie_name, public, set_login_cookie
from api.auth.rights import ROLES, Right, Role, rights_of
from api.problems import responses
from api.routes import api_router
from api.routes.grant_bodies import GrantOut, SubstituteIn, grant_out
from api.routes.schemas import VERBATIM, In, Instant, InstantIn, Out
from api.tables import Grant, LoginSession, User
from core.errors import Forbidden, NotFound
from core.units import date_of

router = api_router("account")
Member = Annotated[Principal, Depends(Needs(Right.OWN_ACCOUNT))]


class Credentials(In):
    username: str = Field(max_length=200, examples=["hoa.nguyen"])
    password: Annotated[str, Field(max_length=2000)]

    model_config = VERBATIM


class Me(Out):
    """Who is logged in and what they may do."""

    id: str
    username: str = Field(examples=["hoa.nguyen"])
    full_name: str = Field(examples=["Nguyễn Thị Hoa"])
    roles: list[Role] = Field(description="Those held today, anywhere")
    rights: list[Right] = Field(description="What they come to; where each is held is said by the grants")


class SessionOut(Out):
    """A login of one browser."""

    id: str
    created_at: Instant
    seen_at: Instant
    expires_at: Instant
    address: str
    browser: str
    current: bool = Field(description="The session that asks")


class TokenIn(In):
    name: str = Field(min_length=1, max_length=100, examples=["Báo cáo hằng tuần"])
    expires_at: InstantIn | None = Field(None, description="Null: until it is revoked")


class TokenOut(Out):
    id: str
    name: str
    hint: str = Field(description="The first characters of the secret", examples=["tt_Xk3v"])
    created_at: Instant
    expires_at: Instant | None
    used_at: Instant | None


class TokenMade(TokenOut):
    secret: str = Field(description="Shown this once. Send it as `Authorization: Bearer …`")


class PasswordIn(In):
    current: str = Field(max_length=2000)
    new: str = Field(max_length=2000, description="At least 12 characters; length counts, not signs")

    model_config = VERBATIM


def _me(user: User, roles: Collection[str]) -> Me:
    held = rights_of(roles) | {Right.OWN_ACCOUNT}
    return Me(
        id=user.id,
        username=user.username,
        full_name=user.full_name,
        roles=[role for role in ROLES if role in roles],
        rights=[right for right in Right if right in held],
    )


@router.post("/login", summary="Log in", dependencies=[Depends(public)], responses=responses(429), response_model=Me)
def log_in(request: Request, response: Response, context: Ctx, body: Credentials) -> Me:
    """Open a session and set its cookie. Programs use a token instead."""
    try:
        user, login, secret = sessions.log_in(
            context.db,
            username=body.username,
            password=body.password,
            address=address_of(request),
            browser=request.headers.get("user-agent", ""),
            clock=context.clock,
        )
    except (LoginFailed, TooManyAttempts):
        request.app.state.metrics.logins_failed.inc()
        raise
    set_login_cookie(response, context, login, secret)
    with context.db.reading() as session:
        return _me(user, grants.roles_of(session, user.id, on=date_of(context.clock.now())))


@router.post("/logout", summary="Log out", status_code=204)
def log_out(response: Response, context: Ctx, who: Member) -> None:
    """End the session that asks. A token stays valid: revoke it."""
    if who.login is not None:
        with context.db.writing() as session:
            sessions.end(session, who.login.id, user=who.user, clock=context.clock)
    response.delete_cookie(cookie_name(context), path="/", secure=context.settings.secure_cookies, httponly=True)


@router.get("/me", summary="Who am I?")
def me(who: Member) -> Me:
    return _me(who.user, who.scope.roles)


@router.put("/me/password", summary="Change the own password", status_code=204)
def change_password(context: Ctx, who: Member, body: PasswordIn) -> None:
    """Needs the current password; ends every session of the account, this one too."""
    _only_with_a_session(who, "đổi mật khẩu bằng khóa truy cập / change the password by a token")
    if not passwords.verify(body.current, who.user.password_hash):
        raise LoginFailed
    with context.db.writing() as session:
        users.set_password(session, users.get(session, who.user.id), body.new, actor=who.actor, clock=context.clock)


@router.get("/me/sessions", summary="The own running sessions")
def list_sessions(context: Ctx, who: Member) -> list[SessionOut]:
    with context.db.reading() as session:
        found = sessions.of_user(session, who.user.id, context.clock)
    return [session_out(login, who) for login in found]


def session_out(login: LoginSession, who: Principal) -> SessionOut:
    return SessionOut(
        id=login.id,
        created_at=login.created_at,
        seen_at=login.seen_at,
        expires_at=login.expires_at,
        address=login.address,
        browser=login.browser,
        current=who.login is not None and who.login.id == login.id,
    )


@router.delete("/me/sessions/{session_id}", summary="End a session", status_code=204, responses=responses(404))
def end_session(context: Ctx, who: Member, session_id: str) -> None:
    with context.db.writing() as session:
        sessions.end(session, session_id, user=who.user, clock=context.clock)


@router.get("/me/tokens", summary="The own API tokens")
def list_tokens(context: Ctx, who: Member) -> list[TokenOut]:
    with context.db.reading() as session:
        return [TokenOut.model_validate(token) for token in tokens.of_user(session, who.user.id)]


@router.post("/me/tokens", summary="Make an API token", status_code=201)
def create_token(context: Ctx, who: Member, body: TokenIn) -> TokenMade:
    """The token has the rights of its owner, whatever they are when it is used. A token can't make tokens."""
    _only_with_a_session(who, "tạo khóa truy cập bằng một khóa truy cập khác / make a token by a token")
    with context.db.writing() as session:
        token, secret = tokens.create(
            session, user=who.user, name=body.name, expires_at=body.expires_at, clock=context.clock
        )
        return TokenMade(**TokenOut.model_validate(token).model_dump(), secret=secret)


@router.delete("/me/tokens/{token_id}", summary="Revoke an API token", status_code=204, responses=responses(404))
def revoke_token(context: Ctx, who: Member, token_id: str) -> None:
    with context.db.writing() as session:
        tokens.revoke(session, token_id, user=who.user, clock=context.clock)


@router.get("/me/grants", summary="What one holds, and where")
def list_grants(context: Ctx, who: Member) -> list[GrantOut]:
    with context.db.reading() as session:
        return [grant_out(one) for one in grants.of_user(session, who.user.id)]


@router.post(
    "/me/grants/{own_grant_id}/substitutes",
    summary="Let another person approve in one's place",
    status_code=201,
    responses=responses(404, 409),
)
def substitute(context: Ctx, who: Member, own_grant_id: str, body: SubstituteIn) -> GrantOut:
    """For a grant of one's own, until a day. Nobody approves what they wrote themselves, as a substitute neither."""
    with context.db.writing() as session:
        _own_grant(session, who, own_grant_id)
        made = grants.substitute(
            session,
            own_grant_id,
            body.user_id,
            since=body.valid_from,
            until=body.valid_to,
            actor=who.actor,
            clock=context.clock,
        )
        return grant_out(made)


@router.post(
    "/me/grants/{own_grant_id}/end-substitutes",
    summary="End what others hold in one's place",
    responses=responses(404),
)
def end_substitutes(context: Ctx, who: Member, own_grant_id: str) -> list[GrantOut]:
    with context.db.writing() as session:
        base = _own_grant(session, who, own_grant_id)
        return [grant_out(one) for one in grants.end_substitutes(session, base, actor=who.actor, clock=context.clock)]


def _own_grant(session: Session, who: Principal, grant_id: str) -> Grant:
    grant = grants.get(session, grant_id)
    if grant.user_id != who.user.id:
        raise NotFound(what="quyền của mình / grant of one's own", id=grant_id)
    return grant


def _only_with_a_session(who: Principal, what: str) -> None:
    """A leaked token must not become more than one token."""
    if who.login is None:
        raise Forbidden(what=what)
