"""Keys for programs: named, revocable, with an end if so wished; they act with the rights of their owner."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.secrets import API_TOKEN_PREFIX, digest, new_api_token
from api.auth.users import actor_of
from api.tables import ApiToken, User
from core.clock import Clock
from core.errors import Invalid, NotFound
from core.events import Actor, record

TOUCH = timedelta(minutes=1)


def create(
    session: Session, *, user: User, name: str, expires_at: datetime | None, clock: Clock
) -> tuple[ApiToken, str]:
    """Make a token; the string is the secret, shown this once. Raises `Invalid`."""
    now = clock.now()
    if not name.strip():
        raise Invalid(what="khóa truy cập cần có tên / the token needs a name")
    if expires_at is not None and expires_at <= now:
        raise Invalid(what="ngày hết hạn đã qua / the expiry has passed")
    secret = new_api_token()
    token = ApiToken(
        user_id=user.id,
        name=name.strip(),
        hint=secret[: len(API_TOKEN_PREFIX) + 4],
        token_sha256=digest(secret),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(token)
    session.flush()
    record(session, "user:token:created", actor=actor_of(user), at=now, subject=("token", token.id), name=token.name)
    return token, secret


def valid(session: Session, secret: str, clock: Clock) -> tuple[User, ApiToken] | None:
    """Whose token this is, if it still holds and the account is open."""
    found = session.execute(
        select(User, ApiToken)
        .join(User, User.id == ApiToken.user_id)
        .where(ApiToken.token_sha256 == digest(secret), ApiToken.revoked_at.is_(None), User.active)
    ).first()
    if found is None:
        return None
    user, token = found
    if token.expires_at is not None and token.expires_at <= clock.now():
        return None
    return user, token


def is_due_for_touch(token: ApiToken, clock: Clock) -> bool:
    return token.used_at is None or clock.now() - token.used_at >= TOUCH


def touch(session: Session, token_id: str, clock: Clock) -> None:
    token = session.get(ApiToken, token_id)
    if token is not None:
        token.used_at = clock.now()


def of_user(session: Session, user_id: str) -> list[ApiToken]:
    """Every token of a user that was not revoked, newest first."""
    return list(
        session.scalars(
            select(ApiToken)
            .where(ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None))
            .order_by(ApiToken.created_at.desc())
        )
    )


def revoke(session: Session, token_id: str, *, user: User, clock: Clock, actor: Actor | None = None) -> None:
    """Take a token of this user back, by themselves or another. Raises `NotFound` where it is none of theirs."""
    token = session.get(ApiToken, token_id)
    if token is None or token.user_id != user.id:
        raise NotFound(what="khóa truy cập / API token", id=token_id)
    if token.revoked_at is None:
        token.revoked_at = clock.now()
        who = actor or actor_of(user)
        record(session, "user:token:revoked", actor=who, at=clock.now(), subject=("token", token.id), user=user.id)
