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
from broadcast.planning import AiringFacts, ReceiverFacts
from core import units
from core.clock import to_ms
from schedules import foresight, sessions
from schedules.expansion import rule_of
from schedules.reach import receivers_of
from schedules.recurrence import Rule, next_after, occurrences
from schedules.slot_tables import Slot
from schedules.tables import Schedule
from schedules.targets import Targets

_SECOND = timedelta(seconds=1)


NEW = foresight.NEW
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Waiting:
    """A slot that nobody has filled yet on a day (at a commune), as the airing that it would be at its full length."""

    airing: AiringFacts
    slot: Slot
    fill_by: datetime


@dataclass(frozen=True, slots=True)
class Drafted:
    """What it would come to: `starts` are the occurrences looked at, `airings` what would sound, by start; `waiting`
    are slots that nobody has filled yet.
    """

    starts: tuple[datetime, ...]
    airings: tuple[AiringFacts, ...]
    waiting: tuple[Waiting, ...] = ()

    @property
    def frame(self) -> list[AiringFacts]:
        """For the rules: a slot that waits may be filled to its length, by then it is too late to refuse it."""
        return [*self.airings, *(one.airing for one in self.waiting)]


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
        tuple(
            Waiting(fact, by_id[row.slot_id], row.fill_by or row.starts_at)
            for fact, row in ahead
            if row.status == "open"
        ),
    )


def receivers_meant(
    session: Session, airings: Sequence[AiringFacts], first: datetime, last: datetime
) -> list[ReceiverFacts]:
    """The active receivers that any of these airings may be for."""
    reached = frozenset[str]().union(*(airing.reach.units for airing in airings))
    named = frozenset[str]().union(*(airing.reach.receivers for airing in airings))
    targets = Targets(tuple(sorted(reached)), receivers=tuple(sorted(named)))
    ids = receivers_of(session, targets, on=units.date_of(first))
    batches = (ids[at : at + _BATCH] for at in range(0, len(ids), _BATCH))
    return [one for batch in batches for one in facts.receivers(session, batch, first, last).values()]
