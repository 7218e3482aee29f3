"""What follows at once when units join or leave a group, are merged, or stand below another unit.

What is stored are targets as they were meant, so that most airings follow by themselves, each as of its own date. Two
kinds don't: what each commune fills of a session, and what local days took apart. Those are brought in line here, and
the receivers at the places concerned have their plans looked at, without waiting for the next expansion.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcast import delivery
from core import units
from core.events import Actor
from schedules import timetable
from schedules.reach import receivers_touched
from schedules.tables import Airing, ScheduleTarget
from schedules.targets import Targets

_BATCH = 500


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
