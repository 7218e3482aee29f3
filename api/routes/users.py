"""Accounts, for the administrator."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from pydantic import Field
from sqlalchemy import select

from api.auth import users as room
from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right, Role
from api.problems import responses
from api.routes import api_router
from api.routes.schemas import VERBATIM, In, Instant, Out
from api.tables import User
from core.errors import Conflict

router = api_router("users")
Admin = Annotated[Principal, Depends(Needs(Right.MANAGE_USERS))]


class UserIn(In):
    username: str = Field(min_length=3, max_length=64, examples=["hoa.nguyen"])
    full_name: str = Field(min_length=1, max_length=200, examples=["Nguyễn Thị Hoa"])
    roles: list[Role] = Field(min_length=1, max_length=20, examples=[["editor"]])
    password: str = Field(max_length=2000, description="At least 12 characters; length counts, not signs")

    model_config = VERBATIM


class UserChange(In):
    """What is left out stays as it is."""

    full_name: str | None = Field(None, min_length=1, max_length=200)
    roles: list[Role] | None = Field(None, min_length=1, max_length=20)
    active: bool | None = Field(None, description="False closes the account and ends its sessions and tokens")
    password: str | None = Field(None, max_length=2000, description="Sets a new one and ends the account's sessions")

    model_config = VERBATIM


class UserOut(Out):
    id: str
    username: str
    full_name: str
    roles: list[str]
    active: bool
    created_at: Instant


@router.get("/users", summary="All accounts")
def list_users(context: Ctx, _who: Admin) -> list[UserOut]:
    with context.db.reading() as session:
        return [UserOut.model_validate(user) for user in session.scalars(select(User).order_by(User.username))]


@router.post("/users", summary="Make an account", status_code=201, responses=responses(409))
def create_user(context: Ctx, who: Admin, body: UserIn) -> UserOut:
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
        return UserOut.model_validate(user)


@router.get("/users/{user_id}", summary="One account", responses=responses(404))
def get_user(context: Ctx, _who: Admin, user_id: str) -> UserOut:
    with context.db.reading() as session:
        return UserOut.model_validate(room.get(session, user_id))


@router.patch("/users/{user_id}", summary="Change or close an account", responses=responses(404, 409))
def change_user(context: Ctx, who: Admin, user_id: str, body: UserChange) -> UserOut:
    """One's own account can't be closed, and one administrator must remain."""
    if user_id == who.user.id and body.active is False:
        raise Conflict(what="không tự đóng tài khoản của mình được / you can't close your own account")
    with context.db.writing() as session:
        user = room.change(
            session,
            user_id,
            full_name=body.full_name,
            roles=body.roles,
            active=body.active,
            actor=who.actor,
            clock=context.clock,
        )
        if body.password is not None:
            room.set_password(session, user, body.password, actor=who.actor, clock=context.clock)
        return UserOut.model_validate(user)
