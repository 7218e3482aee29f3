"""Changing a series from one airing on: what was until then ends, and another schedule goes on from it.

To change a single airing is `timetable.move_airing` and `cancel_airing`; to change all of a series `timetable.edit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import Clock
from core.events import Actor
from schedules import sessions, timetable
from schedules.errors import AiringBegun
from schedules.expansion import is_moved, rule_of
from schedules.recurrence import Rule, split
from schedules.slot_errors import HasSlots
from schedules.slots import SlotSpec
from schedules.tables import Airing, Schedule
from schedules.targets import Targets


def edit_following(
    session: Session,
    airing_id: str,
    *,
    title: str | None = None,
    programme_id: str | None = None,
    rule: Rule | None = None,
    targets: Targets | None = None,
    owner_id: str | None = None,
    duration_ms: int | None = None,
    slots: Sequence[SlotSpec] | None = None,
    expected_version: int | None = None,
    actor: Actor,
    clock: Clock,
) -> tuple[Schedule, list[Airing]]:
    """Change this airing's series from it on: (the schedule that goes on, the airings cancelled).

    Without a `rule` the rhythm goes on as it was. What a hand withdrew or moved from there on stays so, where the
    rhythm stays. The new schedule has no airings yet: call `timetable.materialise` in the same transaction.
    Raises `NothingBefore` for a series' first airing, which is an edit of all of it.
    """
    airing = timetable.get_airing(session, airing_id)
    schedule = timetable.get(session, airing.schedule_id)
    if airing.starts_at <= clock.now():
        zone = ZoneInfo(schedule.timezone)
        raise AiringBegun(at=f"{airing.starts_at.astimezone(zone):%H:%M:%S %d/%m/%Y}")
    whole = rule_of(schedule)
    before, after = split(whole, airing.original_start)
    following = rule or _with_decisions(session, schedule, after, airing.original_start)
    cancelled = timetable.edit(
        session, schedule.id, rule=before, ends=True, expected_version=expected_version, actor=actor, clock=clock
    )
    held = sessions.slots_of(session, schedule.id)
    if held and programme_id is not None:
        raise HasSlots(title=schedule.title)
    specs = [sessions.spec_of(slot) for slot in held] if slots is None else slots
    new = timetable.add(
        session,
        title=title if title is not None else schedule.title,
        programme_id=programme_id if programme_id is not None else schedule.programme_id,
        slots=[replace(spec, id="") for spec in specs],
        rule=following,
        targets=targets if targets is not None else schedule.targets,
        owner_id=owner_id or (schedule.owner_id if targets is None else None),
        duration_ms=duration_ms if duration_ms is not None else schedule.duration_ms,
        continues_id=schedule.id,
        actor=actor,
        clock=clock,
    )
    if held:
        sessions.hand_over(session, specs, new, since=airing.original_start)
    return new, cancelled


def _with_decisions(session: Session, schedule: Schedule, rule: Rule, since: datetime) -> Rule:
    """The rule, with what was withdrawn from `since` on taken out, and what was moved put where it was moved to."""
    zone = ZoneInfo(schedule.timezone)
    of_series = Airing.schedule_id == schedule.id, Airing.local_day_id.is_(None)
    rows = session.scalars(select(Airing).where(*of_series, Airing.original_start >= since))
    withdrawn: list[datetime] = []
    moved: list[datetime] = []
    for row in rows:
        if row.slot_id:  # of a session it is one slot that a hand decided about, not the day
            continue
        if row.cancel_reason == "withdrawn" or is_moved(row):
            withdrawn.append(_local(row.original_start, zone))
        if is_moved(row):
            moved.append(_local(row.starts_at, zone))
    if not withdrawn:
        return rule
    return Rule.of(
        rule.text,
        rule.start,
        rule.zone,
        rdates=[*rule.rdates, *moved],
        exdates=[*rule.exdates, *(at for at in withdrawn if at not in moved)],
    )


def _local(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)
