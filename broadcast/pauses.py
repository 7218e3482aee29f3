"""A place that is paused: all at and below it is silent until a time, emergencies excepted, or until it is taken back.

A pause is a mute that is sent to the area; a receiver obeys the newest mute that it has heard, so the newest one at the
unit, or at a unit above it, says whether the unit is paused. What sounds when it is paused breaks off and doesn't come
again; what begins after it has been taken back sounds as planned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broadcast import commands
from broadcast.offers import receivers_of
from broadcast.tables import CommandAnswer, IssuedCommand
from core import units
from core.clock import from_ms
from core.events import Actor


@dataclass(frozen=True, slots=True)
class Pause:
    """How far a pause has come: of `receivers` at the place `obeyed` have said that they obey it."""

    command: IssuedCommand
    until: datetime
    receivers: int
    obeyed: int


def of(session: Session, unit_id: str, now: datetime) -> Pause | None:
    """The pause that holds at this unit now. Raises NotFound."""
    units.get(session, unit_id)
    path = units.above(session, unit_id, on=units.date_of(now))
    newest = session.scalar(
        select(IssuedCommand)
        .where(IssuedCommand.name == "mute", IssuedCommand.audience.in_([f"area/{one}" for one in path]))
        .order_by(IssuedCommand.id.desc())
        .limit(1)
    )
    if newest is None or not newest.body.get("until") or from_ms(newest.body["until"]) <= now:
        return None
    there = receivers_of(session, unit_id, now)
    return Pause(newest, from_ms(newest.body["until"]), len(there), accepted(session, [newest.id], there))


def accepted(session: Session, command_ids: list[str], receiver_ids: list[str]) -> int:
    """How many of these receivers have said that they obey one of these commands."""
    said = select(func.count(CommandAnswer.receiver_id.distinct())).where(
        CommandAnswer.command_id.in_(command_ids),
        CommandAnswer.receiver_id.in_(receiver_ids),
        CommandAnswer.result == "accepted",
    )
    return session.scalar(said) or 0


def set_volume(session: Session, unit_id: str, volume: int, *, actor: Actor, now: datetime) -> list[IssuedCommand]:
    """The same volume for every receiver in use at or below the unit: a command for each. Raises NotFound."""
    units.get(session, unit_id)
    there = sorted(receivers_of(session, unit_id, now))
    return [commands.set_volume(session, one, volume, actor=actor, now=now) for one in there]
