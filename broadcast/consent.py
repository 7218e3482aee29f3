"""Leave for voices that send text to a server outside: given by an administrator, for one voice at one address.

The last event about a voice is its state, so who gave leave and when is always there.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import Clock
from core.events import Actor, Event, record

_ALLOWED, _FORBIDDEN = "user:voice:allowed", "user:voice:forbidden"


def allow(session: Session, voice: str, *, address: str, actor: Actor, clock: Clock) -> Event:
    """From now on the text may be sent to `address`; another address needs leave of its own."""
    return record(session, _ALLOWED, actor=actor, at=clock.now(), subject=("voice", voice), address=address)


def forbid(session: Session, voice: str, *, actor: Actor, clock: Clock) -> Event:
    """From now on it may not."""
    return record(session, _FORBIDDEN, actor=actor, at=clock.now(), subject=("voice", voice))


def given(session: Session, voice: str, *, address: str) -> Event | None:
    """The event that gave leave and stands, or None."""
    last = session.scalar(
        select(Event)
        .where(Event.subject_kind == "voice", Event.subject_id == voice, Event.kind.in_((_ALLOWED, _FORBIDDEN)))
        .order_by(Event.seq.desc())
        .limit(1)
    )
    return last if last is not None and last.kind == _ALLOWED and last.data.get("address") == address else None
