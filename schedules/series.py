"""Changing a series from one airing on: what was until then ends, and another schedule goes on from it.

To change a single airing is a matter of `schedules.airings` and `schedules.occurrences`; to change all of a series of
`timetable.edit`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Unpack
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import Clock
from core.events import Actor
from schedules import airings, sessions, timetable
from schedules.errors import AiringBegun
from schedules.expansion import is_moved, rule_of, values_of
from schedules.localtime import told
from schedules.recurrence import Rule, split
from schedules.slot_errors import HasSlots
from schedules.tables import Airing, Schedule
from schedules.timetable import Edits


def edit_following(
    session: Session, airing_id: str, *, actor: Actor, clock: Clock, **edits: Unpack[Edits]
) -> tuple[Schedule, list[Airing]]:
    """Change this airing's series from it on: (the schedule that goes on, the airings cancelled). See `edit_since`."""
    airing = airings.get(session, airing_id)
    schedule = timetable.get(session, airing.schedule_id)
    if airing.starts_at <= clock.now():
        raise AiringBegun(at=told(airing.starts_at, schedule.timezone))
    return edit_since(session, schedule.id, airing.original_start, actor=actor, clock=clock, **edits)


def edit_since(
    session: Session, schedule_id: str, since: datetime, *, actor: Actor, clock: Clock, **edits: Unpack[Edits]
) -> tuple[Schedule, list[Airing]]:
    """Change the series from its occurrence of that original start on, which may lie beyond the horizon.

    Without a `rule` the rhythm goes on as it was. What a hand decided from there on stays so, where the rhythm stays.
    The new schedule has no airings yet but those: call `timetable.materialise` in the same transaction.
    Raises `NothingBefore` for a series' first airing, which is an edit of all of it.
    """
    schedule = timetable.get(session, schedule_id)
    before, after = split(rule_of(schedule), since)
    decided = _Decided(session, schedule, since)
    rule = edits.get("rule")
    cancelled = timetable.edit(
        session,
        schedule.id,
        rule=before,
        ends=True,
        expected_version=edits.get("expected_version"),
        actor=actor,
        clock=clock,
    )
    held = sessions.slots_of(session, schedule.id)
    programme_id, targets, slots = edits.get("programme_id"), edits.get("targets"), edits.get("slots")
    if held and programme_id is not None:
        raise HasSlots(title=schedule.title)
    specs = [sessions.spec_of(slot) for slot in held] if slots is None else slots
    title, duration_ms = edits.get("title"), edits.get("duration_ms")
    new = timetable.add(
        session,
        title=title if title is not None else schedule.title,
        programme_id=programme_id if programme_id is not None else schedule.programme_id,
        slots=[replace(spec, id="") for spec in specs],
        rule=rule or decided.within(after),
        targets=targets if targets is not None else schedule.targets,
        owner_id=edits.get("owner_id") or (schedule.owner_id if targets is None else None),
        duration_ms=duration_ms if duration_ms is not None else schedule.duration_ms,
        continues_id=schedule.id,
        actor=actor,
        clock=clock,
    )
    if held:
        sessions.hand_over(session, specs, new, since=since)
    if rule is None:
        decided.hand_over(session, new)
    return new, cancelled


class _Decided:
    """What hands decided about single airings of a schedule of one programme, from an occurrence on."""

    def __init__(self, session: Session, schedule: Schedule, since: datetime) -> None:
        # Of a session it is a slot that a hand decided about, not the day; whole days are handed over by themselves.
        held = Airing.schedule_id == schedule.id, Airing.local_day_id.is_(None), Airing.slot_id == ""
        rows = session.scalars(select(Airing).where(*held, Airing.original_start >= since)).all()
        replaced = {row.replaces_id for row in rows}
        last = [row for row in rows if row.id not in replaced]
        zone = ZoneInfo(schedule.timezone)
        moved = [row for row in last if is_moved(row)]
        gone = [row for row in last if row.cancel_reason == "withdrawn"]
        self._moved = [_local(row.starts_at, zone) for row in moved]
        self._left_out = [_local(row.original_start, zone) for row in (*gone, *moved)]
        self._own = [
            (row.starts_at, row.programme_id, row.duration_ms)
            for row in last
            if row.own_programme and row.status == "scheduled"
        ]

    def within(self, rule: Rule) -> Rule:
        """The rule, with what was withdrawn taken out, and what was moved put where it was moved to."""
        if not self._left_out:
            return rule
        return Rule.of(
            rule.text,
            rule.start,
            rule.zone,
            rdates=[*rule.rdates, *self._moved],
            exdates=[*rule.exdates, *(at for at in self._left_out if at not in self._moved)],
        )

    def hand_over(self, session: Session, to: Schedule) -> None:
        """The airings that had a programme of their own have it in the schedule that goes on."""
        for starts_at, programme_id, duration_ms in self._own:
            values = values_of(to, starts_at)
            values |= {"programme_id": programme_id, "duration_ms": duration_ms, "own_programme": True}
            session.add(Airing(**values))
        session.flush()


def _local(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)
