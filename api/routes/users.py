"""Accounts and what they hold where, for who manages accounts at those places."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth import grants, sessions, tokens
from api.auth import users as room
from api.auth.errors import NotHere
from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import RIGHT_NAMES, Right, Role
from api.context import Context
from api.problems import responses
from api.routes import api_router
from api.routes.account import SessionOut, TokenOut, session_out
from api.routes.grant_bodies import GrantIn, GrantOut, SubstituteIn, grant_out
from api.routes.schemas import VERBATIM, In, Instant, Out
from api.tables import Grant, User
from core.errors import Conflict
from core.units import date_of

router = api_router("users")
Admin = Annotated[Principal, Depends(Needs(Right.MANAGE_USERS))]


class UserIn(In):
    username: str = Field(min_length=3, max_length=64, examples=["hoa.nguyen"])
    full_name: str = Field(min_length=1, max_length=200, examples=["Nguyễn Thị Hoa"])
    roles: list[Role] = Field([], max_length=20, examples=[["editor"]], description="Held everywhere")
    grants: list[GrantIn] = Field([], max_length=100, description="Held at places")
    password: str = Field(max_length=2000, description="At least 12 characters; length counts, not signs")

    model_config = VERBATIM


class UserChange(In):
    """What is left out stays as it is."""

    full_name: str | None = Field(None, min_length=1, max_length=200)
    active: bool | None = Field(None, description="False closes the account and ends its sessions and tokens")
    password: str | None = Field(None, max_length=2000, description="Sets a new one and ends the account's sessions")

    model_config = VERBATIM


class UserOut(Out):
    id: str
    username: str
    full_name: str
    roles: list[str] = Field(description="Those held today, anywhere")
    active: bool
    created_at: Instant


class UserWhole(UserOut):
    grants: list[GrantOut] = Field(description="All that were ever given, in that order")


def _shown(session: Session, context: Context, user: User) -> UserOut:
    held = {name: getattr(user, name) for name in UserOut.model_fields if name != "roles"}
    return UserOut(**held, roles=grants.roles_of(session, user.id, on=date_of(context.clock.now())))


def _whole(session: Session, context: Context, user: User) -> UserWhole:
    given = [grant_out(one) for one in grants.of_user(session, user.id)]
    return UserWhole(**_shown(session, context, user).model_dump(), grants=given)


@router.get("/users", summary="Accounts with a grant where one manages accounts")
def list_users(context: Ctx, who: Admin) -> list[UserOut]:
    with context.db.reading() as session:
        wanted = select(User).where(who.sees(session, "user", Right.MANAGE_USERS)).order_by(User.username)
        return [_shown(session, context, user) for user in session.scalars(wanted)]


@router.post("/users", summary="Make an account", status_code=201, responses=responses(404, 409))
def create_user(context: Ctx, who: Admin, body: UserIn) -> UserWhole:
    """Who manages accounts at some places only gives it a grant there with it."""
    if body.roles or not body.grants:
        require_everywhere(who)
    with context.db.writing() as session:
        user = room.add_user(
            session,
            username=body.username,
            full_name=body.full_name,
            roles=body.roles,
            password=body.password,
            actor=who.actor,
            clock=context.clock,
        )
        for one in body.grants:
            _give(session, context, who, user.id, one)
        return _whole(session, context, user)


@router.get("/users/{user_id}", summary="One account", responses=responses(404))
def get_user(context: Ctx, _who: Admin, user_id: str) -> UserWhole:
    with context.db.reading() as session:
        return _whole(session, context, room.get(session, user_id))


@router.patch("/users/{user_id}", summary="Change or close an account", responses=responses(404, 409))
def change_user(context: Ctx, who: Admin, user_id: str, body: UserChange) -> UserOut:
    """One's own account can't be closed, and one administrator must remain."""
    if user_id == who.user.id and body.active is False:
        raise Conflict(what="không tự đóng tài khoản của mình được / you can't close your own account")
    with context.db.writing() as session:
        user = room.change(
            session, user_id, full_name=body.full_name, active=body.active, actor=who.actor, clock=context.clock
        )
        if body.password is not None:
            room.set_password(session, user, body.password, actor=who.actor, clock=context.clock)
        return _shown(session, context, user)


@router.post("/users/{user_id}/grants", summary="Give a role", status_code=201, responses=responses(404, 409))
def give(context: Ctx, who: Admin, user_id: str, body: GrantIn) -> GrantOut:
    with context.db.writing() as session:
        return grant_out(_give(session, context, who, room.get(session, user_id).id, body))


def _give(session: Session, context: Context, who: Principal, user_id: str, body: GrantIn) -> Grant:
    if body.unit_id is None and body.group_id is None:
        require_everywhere(who)
    return grants.give(
        session,
        user_id,
        body.role,
        unit_id=body.unit_id,
        group_id=body.group_id,
        since=body.valid_from,
        until=body.valid_to,
        actor=who.actor,
        clock=context.clock,
    )


def require_everywhere(who: Principal) -> None:
    """What holds everywhere is given by who manages accounts everywhere."""
    if not who.may(Right.MANAGE_USERS, None):
        raise NotHere(what=RIGHT_NAMES[Right.MANAGE_USERS])


@router.post("/grants/{grant_id}/end", summary="End a grant at once", responses=responses(404, 409))
def end(context: Ctx, who: Admin, grant_id: str) -> GrantOut:
    with context.db.writing() as session:
        grant = grants.get(session, grant_id)
        grants.end(session, grant, actor=who.actor, clock=context.clock)
        return grant_out(grant)


@router.post(
    "/grants/{grant_id}/substitutes",
    summary="Let another person stand in for who approves",
    status_code=201,
    responses=responses(404, 409),
)
def substitute(context: Ctx, who: Admin, grant_id: str, body: SubstituteIn) -> GrantOut:
    with context.db.writing() as session:
        made = grants.substitute(
            session,
            grant_id,
            body.user_id,
            since=body.valid_from,
            until=body.valid_to,
            actor=who.actor,
            clock=context.clock,
        )
        return grant_out(made)


@router.get("/users/{user_id}/sessions", summary="The running sessions of an account", responses=responses(404))
def list_sessions(context: Ctx, who: Admin, user_id: str) -> list[SessionOut]:
    with context.db.reading() as session:
        found = sessions.of_user(session, room.get(session, user_id).id, context.clock)
    return [session_out(login, who) for login in found]


@router.delete(
    "/users/{user_id}/sessions/{session_id}",
    summary="End a session of an account",
    status_code=204,
    responses=responses(404),
)
def end_session(context: Ctx, who: Admin, user_id: str, session_id: str) -> None:
    with context.db.writing() as session:
        user = room.get(session, user_id)
        sessions.end(session, session_id, user=user, clock=context.clock, actor=who.actor)


@router.get("/users/{user_id}/tokens", summary="The API tokens of an account", responses=responses(404))
def list_tokens(context: Ctx, _who: Admin, user_id: str) -> list[TokenOut]:
    with context.db.reading() as session:
        held = tokens.of_user(session, room.get(session, user_id).id)
        return [TokenOut.model_validate(token) for token in held]


@router.delete(
    "/users/{user_id}/tokens/{token_id}",
    summary="Revoke an API token of an account",
    status_code=204,
    responses=responses(404),
)
def revoke_token(context: Ctx, who: Admin, user_id: str, token_id: str) -> None:
    with context.db.writing() as session:
        user = room.get(session, user_id)
        tokens.revoke(session, token_id, user=user, clock=context.clock, actor=who.actor)
