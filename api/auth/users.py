"""Accounts: made, changed, closed; never deleted, because what they did stays under their name."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.auth import grants, passwords
from api.tables import ApiToken, LoginSession, User
from core import units
from core.clock import Clock
from core.errors import Conflict, Invalid, NotFound
from core.events import Actor, record

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,62}[a-z0-9]")


def actor_of(user: User) -> Actor:
    return Actor(user.id, user.full_name)


def add_user(
    session: Session,
    username: str,
    full_name: str,
    roles: Iterable[str],
    password: str,
    actor: Actor,
    clock: Clock,
) -> User:
    """Make an account, which holds these roles everywhere.

    Raises `Invalid`, `Conflict` (the name is taken), `PasswordTooShort`, `PasswordTooEasy`.
    """
    name = username.strip().lower()
    if not _USERNAME.fullmatch(name):
        raise Invalid(what="tên đăng nhập gồm 3–64 chữ cái không dấu, chữ số, dấu chấm, gạch ngang / user name")
    if find(session, name) is not None:
        raise Conflict(what=f"tên đăng nhập “{name}” đã có người dùng / this user name is taken")
    passwords.check_strength(password, username=name)
    now = clock.now()
    user = User(
        username=name,
        full_name=_full_name(full_name),
        password_hash=passwords.hash_password(password),
        created_at=now,
        password_changed_at=now,
    )
    session.add(user)
    session.flush()
    record(
        session,
        "user:account:created",
        actor=actor,
        at=now,
        subject=("user", user.id),
        username=name,
    )
    for role in dict.fromkeys(roles):
        grants.give(session, user.id, role, actor=actor, clock=clock)
    return user


def find(session: Session, username: str) -> User | None:
    return session.scalar(select(User).where(User.username == username.strip().lower()))


def get(session: Session, user_id: str) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise NotFound(what="tài khoản / account", id=user_id)
    return user


def change(
    session: Session,
    user_id: str,
    *,
    full_name: str | None,
    active: bool | None,
    actor: Actor,
    clock: Clock,
) -> User:
    """Change an account; None leaves a part as it is. Closing it ends its sessions and tokens at once.

    Raises `Conflict` where nobody would be left who manages accounts.
    """
    user = get(session, user_id)
    if full_name is not None:
        user.full_name = _full_name(full_name)
    if active is not None:
        user.active = active
        session.flush()
        if not active:
            grants.keep_an_admin(session, on=units.date_of(clock.now()))
    if not user.active:
        _shut_out(session, user, clock)
    facts = {"full_name": user.full_name, "active": user.active}
    record(session, "user:account:changed", actor=actor, at=clock.now(), subject=("user", user.id), **facts)
    return user


def set_password(session: Session, user: User, password: str, *, actor: Actor, clock: Clock) -> None:
    """Set a new password and end every session of the account. Raises as `add_user`."""
    passwords.check_strength(password, username=user.username)
    user.password_hash = passwords.hash_password(password)
    user.password_changed_at = clock.now()
    _end_sessions(session, user, clock)
    record(session, "user:password:changed", actor=actor, at=clock.now(), subject=("user", user.id))


def _full_name(given: str) -> str:
    if not given.strip() or len(given) > 200:
        raise Invalid(what="họ tên cần từ 1 đến 200 ký tự / the full name needs 1 to 200 characters")
    return given.strip()


def _end_sessions(session: Session, user: User, clock: Clock) -> None:
    running = (LoginSession.user_id == user.id, LoginSession.ended_at.is_(None))
    session.execute(update(LoginSession).where(*running).values(ended_at=clock.now()))


def _shut_out(session: Session, user: User, clock: Clock) -> None:
    _end_sessions(session, user, clock)
    valid = (ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None))
    session.execute(update(ApiToken).where(*valid).values(revoked_at=clock.now()))
