"""What slots are filled with, held against the rules of sound at the door, like a schedule.

The slots have been filled in the transaction already, so that they stand as they would: those within the horizon as
airings, those beyond it as `schedules.foresight` has them. All are looked at together, since they count together
(the same bulletin on five days), and what each of them breaks is told by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from broadcast import facts, rule_look
from broadcast.planning import AiringFacts
from broadcast.rule_look import Breach, Draft
from broadcast.slots import Fill, Filled, Outcome
from core.clock import to_ms
from core.settings import Settings
from schedules import foresight, sessions
from schedules.slot_tables import Filling
from schedules.tables import Schedule

_Part = tuple[str, str, int]  # slot, place, start of the session


def broken(session: Session, settings: Settings, outcome: Outcome, now: datetime) -> dict[Fill, list[Breach]]:
    """By wish that was filled: the rules that it breaks, if any. Nothing is changed."""
    filled = {_part(one.filling): one for one in outcome.filled if one.filling is not None}
    if not filled:
        return {}
    made = [airing.id for airing in outcome.changed if airing.status == "scheduled"]
    airings = {_of(one): one for one in facts.airings(session, made) if _of(one) in filled}
    airings |= _foreseen(session, [one for part, one in filled.items() if part not in airings], now)
    draft = Draft(list(airings.values()), without=frozenset(one.id for one in airings.values()), apart=True)
    parts = {airing.id: part for part, airing in airings.items()}
    found: dict[Fill, list[Breach]] = defaultdict(list)
    for breach in rule_look.look(session, settings, draft, now):
        found[filled[parts[breach.airing_id]].wish].append(breach)
    return dict(found)


def _foreseen(session: Session, filled: Sequence[Filled], now: datetime) -> dict[_Part, AiringFacts]:
    """Those whose airing wasn't made now: it stood already, or lies beyond the horizon."""
    wanted: dict[str, set[_Part]] = defaultdict(set)
    spans: dict[str, list[datetime]] = defaultdict(list)
    for one in filled:
        if one.filling is not None:
            wanted[one.wish.schedule_id].add(_part(one.filling))
            spans[one.wish.schedule_id].append(one.filling.original_start)
    found: dict[_Part, AiringFacts] = {}
    for schedule_id, parts in wanted.items():
        schedule = session.get_one(Schedule, schedule_id)
        slots = {slot.id: slot for slot in sessions.slots_of(session, schedule_id)}
        until = max(spans[schedule_id]) + timedelta(milliseconds=schedule.duration_ms)
        made = foresight.foresee_anew(session, schedule, since=max(now, min(spans[schedule_id])), until=until)
        held = [
            one
            for one in made
            if one.status == "scheduled" and (one.slot_id, one.place_id, to_ms(one.original_start)) in parts
        ]
        found |= {_of(one): one for one in facts.foreseen(session, held, {schedule_id: schedule}, slots)}
    return found


def _part(filling: Filling) -> _Part:
    return filling.slot_id, filling.place_id or "", to_ms(filling.original_start)


def _of(airing: AiringFacts) -> _Part:
    return airing.slot_id, airing.place_id, airing.original_start
