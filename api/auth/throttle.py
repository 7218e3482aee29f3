"""Guessing passwords gets slow: failed logins are counted per name and address, per address, and per name.

1. `attempt` comes first: while a wait is running it refuses, and the password is not even looked at. Otherwise
   it counts the attempt as a failure at once, so that a hundred guesses at the same time count as a hundred.
   Within a process the attempts for one name go one after the other (`turn`): a right one that is still being looked
   at doesn't count against the next.
2. The first `FREE` failures cost nothing; from then on each doubles the wait, up to `LONGEST`.
3. `succeeded` clears the name's counters and takes one off the address's: one known password doesn't open the way
   to guess others.
4. A counter that rested for `FORGET` is forgotten.

The two doors that are open to boxes (enrolment and renewal) are held in the same way, by address alone: `admit`
refuses while a wait is running, `refused` counts a box that was sent away. Whoever comes with a good code or key counts
for nothing, so a whole sheet of boxes may enrol from one workshop.

Counters stand in the database, so it doesn't help to ask another process. A name and an address together wait
long. A name alone, from wherever, has more that is free and waits a minute at most: whoever has many addresses guesses
sixty times an hour, and can't lock a colleague out for longer than that minute.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from api.auth.errors import TooManyAttempts, TooManyRefused
from api.auth.secrets import digest
from api.tables import LoginFailure
from core.clock import Clock

FREE = 5
FREE_PER_ADDRESS = 30  # a whole office may stand behind one address
FREE_PER_NAME = 10
FIRST_WAIT = timedelta(seconds=15)
LONGEST = timedelta(minutes=15)
LONGEST_PER_NAME = timedelta(minutes=1)
FORGET = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Counter:
    """What is counted, how much of it is free, and the longest wait beyond that."""

    key: str
    free: int
    longest: timedelta = LONGEST

    def wait(self, count: int) -> timedelta:
        if count < self.free:
            return timedelta()
        return min(FIRST_WAIT * (1 << min(count - self.free, 10)), self.longest)


@dataclass(slots=True)
class _Turn:
    lock: threading.Lock = field(default_factory=threading.Lock)
    wanted: int = 0  # by how many, whoever has it among them


_turns: defaultdict[str, _Turn] = defaultdict(_Turn)
_turns_lock = threading.Lock()


@contextmanager
def turn(username: str) -> Iterator[None]:
    """From the attempt for a name to its outcome, no other one for that name."""
    with _turns_lock:
        held = _turns[username]
        held.wanted += 1
    try:
        with held.lock:
            yield
    finally:
        with _turns_lock:
            held.wanted -= 1
            if not held.wanted:
                del _turns[username]


def _counters(username: str, address: str) -> list[_Counter]:
    return [
        _Counter(digest(f"{username}\n{address}"), FREE),
        _Counter(digest(f"{username}\n"), FREE_PER_NAME, LONGEST_PER_NAME),
        _Counter(digest(f"\n{address}"), FREE_PER_ADDRESS),
    ]


def attempt(session: Session, *, username: str, address: str, clock: Clock) -> None:
    """Count an attempt. Raises `TooManyAttempts` while a wait is running."""
    now = clock.now()
    session.execute(delete(LoginFailure).where(LoginFailure.last_at < now - FORGET))
    counters = _counters(username, address)
    held = {counter.key: session.get(LoginFailure, counter.key) for counter in counters}
    longest = timedelta()
    for counter in counters:
        failure = held[counter.key]
        if failure is not None:
            longest = max(longest, failure.last_at + counter.wait(failure.count) - now)
    if longest > timedelta():
        raise TooManyAttempts(**_said(longest))
    for key, failure in held.items():
        _count(session, key, failure, now)


def succeeded(session: Session, *, username: str, address: str) -> None:
    """The attempt was none of a guesser's."""
    *names, place = _counters(username, address)
    session.execute(delete(LoginFailure).where(LoginFailure.key.in_([name.key for name in names])))
    session.execute(update(LoginFailure).where(LoginFailure.key == place.key).values(count=LoginFailure.count - 1))


def _door(address: str) -> _Counter:
    return _Counter(digest(f"door\n{address}"), FREE_PER_ADDRESS)


def admit(session: Session, *, address: str, clock: Clock) -> None:
    """A box knocks at one of the open doors. Raises `TooManyRefused` while a wait is running for its address."""
    counter = _door(address)
    held = session.get(LoginFailure, counter.key)
    if held is None or held.last_at < clock.now() - FORGET:
        return
    left = held.last_at + counter.wait(held.count) - clock.now()
    if left > timedelta():
        raise TooManyRefused(**_said(left))


def refused(session: Session, *, address: str, clock: Clock) -> None:
    """The box that knocked from this address was sent away."""
    now, key = clock.now(), _door(address).key
    session.execute(delete(LoginFailure).where(LoginFailure.last_at < now - FORGET))
    _count(session, key, session.get(LoginFailure, key), now)


def _count(session: Session, key: str, held: LoginFailure | None, now: datetime) -> None:
    if held is None:
        session.add(LoginFailure(key=key, count=1, first_at=now, last_at=now))
    else:
        held.count += 1
        held.last_at = now


def _said(wait: timedelta) -> dict[str, Any]:
    """A wait as an error tells it."""
    seconds = ceil(wait.total_seconds())
    return {"seconds": seconds, "wait": f"{seconds} giây" if seconds < 90 else f"{ceil(seconds / 60)} phút"}
