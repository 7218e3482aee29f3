"""Guessing passwords gets slow: failed logins are counted per name and address, and per address.

1. `attempt` comes first: while a wait is running it refuses, and the password is not even looked at. Otherwise
   it counts the attempt as a failure at once, so that a hundred guesses at the same time count as a hundred.
2. The first `FREE` failures cost nothing; from then on each doubles the wait, up to `LONGEST`.
3. `succeeded` clears the name's counter and takes one off the address's: one known password doesn't open the way
   to guess others.
4. A counter that rested for `FORGET` is forgotten.

Counters stand in the database, so it doesn't help to ask another process. Per name *and* address, so that
nobody can lock a colleague out from elsewhere.
"""

from __future__ import annotations

from datetime import timedelta
from math import ceil

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from api.auth.errors import TooManyAttempts
from api.auth.secrets import digest
from api.tables import LoginFailure
from core.clock import Clock

FREE = 5
FREE_PER_ADDRESS = 30  # a whole office may stand behind one address
FIRST_WAIT = timedelta(seconds=15)
LONGEST = timedelta(minutes=15)
FORGET = timedelta(hours=1)


def _keys(username: str, address: str) -> list[tuple[str, int]]:
    return [(digest(f"{username}\n{address}"), FREE), (digest(f"\n{address}"), FREE_PER_ADDRESS)]


def _wait(count: int, free: int) -> timedelta:
    if count < free:
        return timedelta()
    doublings = min(count - free, 10)
    return min(FIRST_WAIT * (1 << doublings), LONGEST)


def attempt(session: Session, *, username: str, address: str, clock: Clock) -> None:
    """Count an attempt. Raises `TooManyAttempts` while a wait is running."""
    now = clock.now()
    session.execute(delete(LoginFailure).where(LoginFailure.last_at < now - FORGET))
    held = {key: session.get(LoginFailure, key) for key, _free in _keys(username, address)}
    longest = timedelta()
    for key, free in _keys(username, address):
        failure = held[key]
        if failure is not None:
            longest = max(longest, failure.last_at + _wait(failure.count, free) - now)
    if longest > timedelta():
        seconds = ceil(longest.total_seconds())
        wait = f"{seconds} giây" if seconds < 90 else f"{ceil(seconds / 60)} phút"
        raise TooManyAttempts(seconds=seconds, wait=wait)
    for key, failure in held.items():
        if failure is None:
            session.add(LoginFailure(key=key, count=1, first_at=now, last_at=now))
        else:
            failure.count += 1
            failure.last_at = now


def succeeded(session: Session, *, username: str, address: str) -> None:
    """The attempt was none of a guesser's."""
    (name, _), (place, _) = _keys(username, address)
    session.execute(delete(LoginFailure).where(LoginFailure.key == name))
    session.execute(update(LoginFailure).where(LoginFailure.key == place).values(count=LoginFailure.count - 1))
