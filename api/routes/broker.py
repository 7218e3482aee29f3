"""The door for a broker that asks who may connect, as EMQX does; mosquitto and the embedded broker don't need it."""

from __future__ import annotations

import hmac
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel, Field

from api.auth.guard import Ctx, public
from api.routes.schemas import Checked
from core.errors import NotFound
from devices import passwords, registry

router = APIRouter(prefix="/internal/broker", dependencies=[Depends(public)], include_in_schema=False)


class Login(Checked):
    username: str = Field(max_length=200)
    password: str = Field(max_length=200)


class Answer(BaseModel):
    """As EMQX wants it. Receivers are never superusers: what they may read and write stands in the broker's rules."""

    result: Literal["allow", "deny"]
    is_superuser: bool = False


@router.post("/login")
def log_in(context: Ctx, body: Login, x_broker_secret: Annotated[str, Header(max_length=200)] = "") -> Answer:
    """Is this an active receiver with its password? Raises NotFound, as if nothing were here, without the secret."""
    secret = context.settings.broker_hook_secret.get_secret_value()
    if not secret or not hmac.compare_digest(x_broker_secret.encode(), secret.encode()):
        raise NotFound(what="trang / page", id="/internal/broker/login")
    with context.db.reading() as session:
        stored = registry.password_hash(session, body.username)
    return Answer(result="allow" if stored is not None and passwords.verify(body.password, stored) else "deny")
