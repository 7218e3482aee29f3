"""Will an airing sound? Which of its receivers are not ready for it yet, and why not.

Ready is a receiver that reported, signed, every sound object of the airing complete and checked; where it is at that
moment does not matter then, because it plays by itself. One that is not ready may still become so while it is
connected. The reasons, of which several may hold: "no-plan" (none that holds the airing was issued to it),
"not-accepted" (issued, but not accepted yet), "no-audio" (accepted, but sounds are missing), "refused", "offline".
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcast import offers
from broadcast.tables import Playout
from core import units
from devices.tables import Receiver
from schedules.reach import receivers_of
from schedules.tables import Airing

_LACKING = {None: "no-plan", "planned": "not-accepted", "delivered": "no-audio", "refused": "refused"}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A receiver that is not ready, and why."""

    receiver_id: str
    why: tuple[str, ...]


def why_not(state: str | None, *, online: bool) -> tuple[str, ...]:
    """Why a receiver is not ready, by the state of its playout (None: there is none yet); empty: it is ready."""
    if state not in _LACKING:
        return ()
    return (_LACKING[state],) if online or state == "refused" else (_LACKING[state], "offline")


def of_airing(session: Session, airing: Airing) -> tuple[int, list[Waiting]]:
    """How many receivers are to sound it, and those that are not ready.

    Not to sound it are those where it gives way to others, and those of communes that have not taken it.
    """
    rows = session.execute(
        select(Playout.receiver_id, Playout.state, Playout.cancelled).where(Playout.airing_id == airing.id)
    ).all()
    held = {row.receiver_id: row.state for row in rows if not row.cancelled}
    unpromised = set(receivers_of(session, airing.targets, on=units.date_of(airing.starts_at)))
    unpromised -= {row.receiver_id for row in rows}
    everyone = sorted({*held, *unpromised} - offers.untaken(session, airing.id, unpromised))
    online = set(session.scalars(select(Receiver.id).where(Receiver.id.in_(everyone), Receiver.online)))
    waiting = [Waiting(one, why_not(held.get(one), online=one in online)) for one in everyone]
    return len(everyone), [one for one in waiting if one.why]
