"""Tables of the doors: accounts, what they hold where, the sessions they opened, the tokens they gave to programs.

An account is never deleted, only closed: what it did stays under its name. Of a session or a token only the
SHA-256 is stored, so a copy of the database opens no door.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Boolean, CheckConstraint, Date, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from core.ids import new_id


def _id() -> Mapped[str]:
    return mapped_column(String(26), primary_key=True, default=new_id)


class User(Base):
    """An account of one person. `username` is kept in lower case."""

    __tablename__ = "users"

    id: Mapped[str] = _id()
    username: Mapped[str] = mapped_column(String(64), unique=True)
    full_name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(200))  # argon2id, with its parameters
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime]
    password_changed_at: Mapped[datetime]


class Grant(Base):
    """A role that a person holds at a unit or a group of units, and below it, on the local days [valid_from, valid_to).

    With neither it is held at the root unit, whichever that is: everywhere. A substitute's grant names the one that it
    stands in for and holds only as long as that one does. Grants are ended, never deleted.
    """

    __tablename__ = "grants"
    __table_args__ = (
        CheckConstraint("valid_from < valid_to", name="dates"),
        CheckConstraint("unit_id IS NULL OR group_id IS NULL", name="place"),
    )

    id: Mapped[str] = _id()
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    role: Mapped[str] = mapped_column(String(12))
    unit_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"), index=True)
    group_id: Mapped[str | None] = mapped_column(ForeignKey("unit_groups.id"))
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date] = mapped_column(Date)
    stands_for_id: Mapped[str | None] = mapped_column(ForeignKey("grants.id"), index=True)
    given_by: Mapped[str] = mapped_column(String(40))
    given_at: Mapped[datetime]
    ended_by: Mapped[str | None] = mapped_column(String(40))
    ended_at: Mapped[datetime | None]


class LoginSession(Base):
    """One login of one browser. It ends when it is idle too long, too old, or ended by its owner."""

    __tablename__ = "login_sessions"

    id: Mapped[str] = _id()
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]  # moved on at most once a minute
    expires_at: Mapped[datetime] = mapped_column(index=True)  # absolute end
    ended_at: Mapped[datetime | None]
    address: Mapped[str] = mapped_column(String(64))
    browser: Mapped[str] = mapped_column(String(300))


class ApiToken(Base):
    """A key for a program, with the rights of its owner. The secret is shown once."""

    __tablename__ = "api_tokens"

    id: Mapped[str] = _id()
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    hint: Mapped[str] = mapped_column(String(12))  # the first characters, to tell one from another
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]  # moved on at most once a minute
    revoked_at: Mapped[datetime | None]


class Feed(Base):
    """A secret address of one unit's calendar. The secret is shown once."""

    __tablename__ = "feeds"

    id: Mapped[str] = _id()
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_by: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]  # moved on at most once a minute
    revoked_at: Mapped[datetime | None]


class LoginFailure(Base):
    """Failed logins of one name from one address, so that guessing slows down whichever process is asked."""

    __tablename__ = "login_failures"
    __table_args__ = (Index("ix_login_failures_last_at", "last_at"),)

    key: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256 of what is counted
    count: Mapped[int] = mapped_column(Integer, default=0)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
