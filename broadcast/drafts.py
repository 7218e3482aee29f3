"""A schedule or session that is being made or changed, as the airings that it would come to.

What the rules are asked about and what is looked at before saving is the same: every slot with what it brings, at the
places and times at which it would, local days and what hands decided about single days included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy.orm import Session

from broadcast import facts
from broadcast.planning import AiringFacts
from core.clock import to_ms
from schedules import foresight, sessions
from schedules.expansion import rule_of
from schedules.recurrence import Rule, next_after, occurrences
from schedules.slot_tables import Slot
from schedules.tables import Airing, Schedule

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Drafted:
    """What it would come to: `starts` are the occurrences looked at, `airings` what would sound, by start; `waiting`
    are slots that nobody has filled yet.
    """

    starts: tuple[datetime, ...]
    airings: tuple[AiringFacts, ...]
    waiting: tuple[tuple[AiringFacts, Airing, Slot], ...] = ()

    @property
    def frame(self) -> list[AiringFacts]:
        """For the rules: a slot that waits may be filled to its length, by then it is too late to refuse it."""
        return [*self.airings, *(fact for fact, _, _ in self.waiting)]


def upcoming(rule: Rule, now: datetime, span: timedelta, most: int) -> tuple[datetime, ...]:
    """The occurrences of so long from the next one on: a schedule that begins next year too."""
    first = next_after(rule, now)
    if first is None:
        return ()
    return tuple(islice(occurrences(rule, first, first + span), most))


def drafted(
    session: Session,
    schedule: Schedule,
    now: datetime,
    span: timedelta,
    most: int,
    *,
    slots: Sequence[Slot] | None = None,
    with_items: bool = False,
) -> Drafted:
    """What this schedule, saved or not, would come to. `slots`: of a session that isn't saved like that."""
    starts = upcoming(rule_of(schedule), now, span, most)
    if not starts:
        return Drafted((), ())
    until = starts[-1] + _SECOND
    if schedule.programme_id is None:
        until += timedelta(milliseconds=schedule.duration_ms)
    made = foresight.foresee_anew(session, schedule, since=max(now, starts[0] - _SECOND), until=until, slots=slots)
    held = slots if slots is not None or schedule.programme_id is not None else sessions.slots_of(session, schedule.id)
    by_id = {slot.id: slot for slot in held or ()}
    found = facts.foreseen(session, made, {schedule.id: schedule}, by_id, with_items=with_items)
    ahead = [(fact, row) for fact, row in zip(found, made, strict=True) if fact.starts_at > to_ms(now)]
    return Drafted(
        starts,
        tuple(fact for fact, row in ahead if row.status == "scheduled"),
        tuple((fact, row, by_id[row.slot_id]) for fact, row in ahead if row.status == "open"),
    )
