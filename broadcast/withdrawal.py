"""Withdrawing a version takes it out of the future at once: what lies ahead is cancelled, receivers get new plans.

Airings that are expanded later from a schedule with such a programme never enter a plan either: `facts.candidates`
leaves out every programme with a version that isn't approved. What is on air goes on until somebody stops it.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcast import bulletins, delivery, programmes, slots
from core.clock import Clock
from core.events import Actor
from schedules import airings
from schedules.tables import Airing


def withdraw(session: Session, version_id: str, *, actor: Actor, clock: Clock, note: str) -> list[Airing]:
    """Withdraw an approved version; returns the airings that were cancelled for it, soonest first."""
    bulletins.withdraw(session, version_id, actor=actor, clock=clock, note=note)
    now = clock.now()
    held = [programme.id for programme in programmes.with_version(session, version_id)]
    changed = slots.empty_slots(session, held, actor=actor, now=now)
    coming = (
        select(Airing.id)
        .where(Airing.programme_id.in_(held), Airing.status == "scheduled", Airing.starts_at > now)
        .order_by(Airing.starts_at, Airing.id)
    )
    cancelled = [airings.cancel(session, airing, actor=actor, clock=clock) for airing in session.scalars(coming).all()]
    delivery.request_for_airings(session, [*changed, *cancelled], now)
    return sorted(
        (airing for airing in (*changed, *cancelled) if airing.status == "cancelled"),
        key=lambda airing: (airing.starts_at, airing.id),
    )
