"""What follows at once when units join or leave a group, are merged, or stand below another unit.

What is stored are targets as they were meant, so that most airings follow by themselves, each as of its own date. Two
kinds don't: what each commune fills of a session, and what local days took apart. Those are brought in line here, and
the receivers at the places concerned have their plans looked at, without waiting for the next expansion.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcast import delivery
from core import events, units
from core.clock import Clock
from core.events import Actor
from core.units import importing
from core.units.importing import Imported
from core.units.sheets import Row
from schedules import timetable
from schedules.reach import receivers_touched
from schedules.tables import Airing, ScheduleTarget
from schedules.targets import Targets

_BATCH = 500


def take_in(
    session: Session, rows: Sequence[Row], name: str, *, actor: Actor, clock: Clock, dry_run: bool = False
) -> Imported:
    """Bring a sheet of units into the tree, with all that follows. With `dry_run` nothing of it is left.

    Raises `SheetWrong` with every row that can't be.
    """
    attempt = session.begin_nested()
    try:
        done = importing.apply(session, rows, name)
        if done.touched and not dry_run:
            _follow_import(session, done, name, actor, clock.now())
    except BaseException:
        attempt.rollback()
        raise
    if dry_run:
        attempt.rollback()
    else:
        attempt.commit()
    return done


def _follow_import(session: Session, done: Imported, name: str, actor: Actor, now: datetime) -> None:
    day = units.date_of(now)
    named = set(done.touched)
    for unit in done.touched:
        named |= {*units.above(session, unit, on=day), *units.followed(session, [unit], on=day)}
    tops = {unit.id for unit in units.standing(session, on=day) if unit.parent_id is None}
    follow(session, named=named, places=tops, since=day, now=now, actor=actor)
    facts = {"added": len(done.added), "extended": len(done.extended)}
    events.record(session, "user:units:imported", actor=actor, at=now, subject=("units", name[:64]), **facts)


def follow(
    session: Session,
    *,
    named: Collection[str],
    places: Collection[str],
    since: date,
    now: datetime,
    actor: Actor,
) -> list[Airing]:
    """`named`: the groups and units whose schedules are concerned; `places`: the units that hear something else.

    To be called when the tree is as it shall be. Returns the airings that were cancelled and made.
    """
    ordered = sorted(named)
    schedules: set[str] = set()
    for start in range(0, len(ordered), _BATCH):
        held = select(ScheduleTarget.schedule_id).where(ScheduleTarget.target_id.in_(ordered[start : start + _BATCH]))
        schedules.update(session.scalars(held))
    changed = timetable.follow_tree(session, schedules, now=now, actor=actor)
    delivery.request_for_airings(session, changed, now)
    there = receivers_touched(session, [Targets(units=tuple(sorted(places)))], on=max(since, units.date_of(now)))
    delivery.request(session, there, now)
    return changed
