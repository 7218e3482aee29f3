"""Which of a sound's renditions a receiver plays, changed: recorded, and its plan issued anew.

Until the receiver holds the new plan it plays by the old one, and what it plays counts. What is ahead is ready again
when it has the sounds of the new profile.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from broadcast import delivery, playouts
from core.clock import Clock
from core.events import Actor
from devices import registry
from devices.tables import Receiver


def change(session: Session, receiver_id: str, profile: str, *, actor: Actor, clock: Clock) -> Receiver:
    """Raises `NotFound`, `Invalid` (no such profile), `Conflict` (the receiver is revoked)."""
    now = clock.now()
    if registry.set_profile(session, receiver_id, profile, clock=clock, actor=actor):
        session.flush()
        delivery.request(session, [receiver_id], now)
        playouts.recompute(session, playouts.open_of(session, [receiver_id], now), now)
    return registry.get(session, receiver_id)
