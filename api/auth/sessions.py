"""Logins of browsers: a random secret in a cookie, its SHA-256 in the database, idle and absolute expiry."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth import passwords, throttle
from api.auth.errors import LoginFailed
from api.auth.secrets import digest, new_secret
from api.auth.users import actor_of, find
from api.tables import LoginSession, User
from core.clock import Clock
from core.database import Database
from core.errors import NotFound
from core.events import Actor, record

IDLE = timedelta(hours=8)  # a shift at the desk; the live page counts as presence only while it is asked for
ABSOLUTE = timedelta(days=7)
TOUCH = timedelta(minutes=1)  # how finely presence is kept


def log_in(
    db: Database, *, username: str, password: str, address: str, browser: str, clock: Clock
) -> tuple[User, LoginSession, str]:
    """Check a name and a password, and open a session; the string is the cookie's secret, shown this once.

    Raises `LoginFailed` and `TooManyAttempts`. Takes the database itself, because the count of attempts must
    stay when the login fails, and the slow hash must not run inside a writing transaction.
    """
    name = username.strip().lower()
    with throttle.turn(name):
        return _log_in(db, name=name, password=password, address=address, browser=browser, clock=clock)


def _log_in(
    db: Database, *, name: str, password: str, address: str, browser: str, clock: Clock
) -> tuple[User, LoginSession, str]:
    with db.writing() as session:
        throttle.attempt(session, username=name, address=address, clock=clock)
    with db.reading() as session:
        user = find(session, name)
        stored = user.password_hash if user is not None and user.active else None
    if not passwords.verify(password, stored):
        with db.writing() as session:
            known = ("user", user.id) if user is not None else ("user", "unknown")
            nobody = Actor("system:web", "Trang web")
            record(session, "user:login:failed", actor=nobody, at=clock.now(), subject=known, address=address)
        raise LoginFailed
    with db.writing() as session:
        throttle.succeeded(session, username=name, address=address)
        user = session.scalar(select(User).where(User.username == name, User.active))
        if user is None:  # closed while the hash was being checked
            raise LoginFailed
        if passwords.is_outdated(user.password_hash):
            user.password_hash = passwords.hash_password(password)
        login, secret = _open(session, user, address=address, browser=browser, clock=clock)
    return user, login, secret


def _open(session: Session, user: User, *, address: str, browser: str, clock: Clock) -> tuple[LoginSession, str]:
    secret, now = new_secret(), clock.now()
    login = LoginSession(
        user_id=user.id,
        token_sha256=digest(secret),
        created_at=now,
        seen_at=now,
        expires_at=now + ABSOLUTE,
        address=address[:64],
        browser=browser[:300],
    )
    session.add(login)
    session.flush()
    record(session, "user:login:opened", actor=actor_of(user), at=now, subject=("user", user.id), address=address)
    return login, secret


def running(session: Session, secret: str, clock: Clock) -> tuple[User, LoginSession] | None:
    """Whose session this secret opens, if it is still running and the account is open."""
    found = session.execute(
        select(User, LoginSession)
        .join(User, User.id == LoginSession.user_id)
        .where(LoginSession.token_sha256 == digest(secret), User.active)
    ).first()
    if found is None:
        return None
    user, login = found
    return (user, login) if is_running(login, clock) else None


def is_running(login: LoginSession, clock: Clock) -> bool:
    now = clock.now()
    return login.ended_at is None and now < login.expires_at and now - login.seen_at < IDLE


def is_due_for_touch(login: LoginSession, clock: Clock) -> bool:
    return clock.now() - login.seen_at >= TOUCH


def touch(session: Session, login_id: str, clock: Clock) -> None:
    login = session.get(LoginSession, login_id)
    if login is not None and login.ended_at is None:
        login.seen_at = clock.now()


def of_user(session: Session, user_id: str, clock: Clock) -> list[LoginSession]:
    """The running sessions of a user, newest first."""
    everything = session.scalars(
        select(LoginSession)
        .where(LoginSession.user_id == user_id, LoginSession.ended_at.is_(None))
        .order_by(LoginSession.created_at.desc())
    )
    return [login for login in everything if is_running(login, clock)]


def end(session: Session, login_id: str, *, user: User, clock: Clock, actor: Actor | None = None) -> None:
    """End a session of this user, by themselves or another; one that has ended stays so. Raises `NotFound`."""
    login = session.get(LoginSession, login_id)
    if login is None or login.user_id != user.id:
        raise NotFound(what="phiên đăng nhập / login session", id=login_id)
    if login.ended_at is None:
        login.ended_at = clock.now()
        record(session, "user:login:ended", actor=actor or actor_of(user), at=clock.now(), subject=("user", user.id))
