"""The rules of sound when plans are made: what goes into each plan of them, and what has to stay out of it.

A schedule is held against the rules when it is saved; by the time its airings enter a plan, rules may have been set,
communes merged, airings moved by clashes or local days. So everything that a plan is to hold is checked again, at the
times at which it would be heard. What breaks a rule is left out, with the reason in its playout and in an event.

What counts of the past is what the receiver played or should have (its playouts); of the days behind the plan, which
share a week with it, what the timetable has.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from broadcast import facts, nearby, planning
from broadcast.choices import Choices
from broadcast.planning import AiringFacts, ReceiverFacts, Rules
from broadcast.promises import Promises
from broadcast.rules import RuleBook, in_plan
from broadcast.settling import Settled
from broadcast.tables import Playout
from core import events, units
from core.clock import from_ms, to_ms
from core.settings import Settings
from devices.protocol.plan import Caps
from schedules import rule_store
from schedules.airtime_limits import DayEntry, Violation, check
from schedules.rule_store import Waived
from schedules.rule_words import sentence
from schedules.tables import Airing, Schedule

log = logging.getLogger(__name__)

AGAINST = "trái quy định phát: "  # how the reason of a playout begins that was left out for a rule
_WEEK = timedelta(days=8)
_PASSES_MOST = 20

Settle = Callable[[Sequence[AiringFacts]], Settled]


class PlanRules:
    """The rules of some receivers between two instants."""

    def __init__(
        self,
        session: Session,
        settings: Settings,
        receivers: Mapping[str, ReceiverFacts],
        now: datetime,
        until: datetime,
        choices: Choices,
        *,
        since: datetime | None = None,
    ) -> None:
        """`since`: what is settled begins later than `now`."""
        self._session, self._settings, self._now, self._until = session, settings, now, until
        self._since = since or now
        self._receivers, self._choices, self._zone = receivers, choices, settings.zone
        self.book = RuleBook(session, settings, units.date_of(now - _WEEK), units.date_of(until + _WEEK))
        self._waived = rule_store.overridden(session)
        self._in_plan = lru_cache(maxsize=None)(lambda place: in_plan(place, now, until))
        self._checked = lru_cache(maxsize=None)(lambda place, entries: check(entries, place))
        self._past: dict[str, list[DayEntry]] | None = None
        self._later: list[AiringFacts] | None = None

    def of(self, receiver: ReceiverFacts) -> Rules:
        """What its plan carries of the rules."""
        return self._in_plan(self.book.of(receiver))

    def signature(self, receiver: ReceiverFacts) -> Hashable:
        """Receivers with the same one have the same rules; those of which more is looked at have one each."""
        return receiver.id if self.book.counts(receiver) else self.book.signature(receiver)

    def with_waived(self, rules: Rules, airings: Iterable[AiringFacts]) -> Rules:
        """The same, with caps that let sound what was let through against a rule."""
        let = [airing for airing in airings if waived_of(self._waived, airing)]
        if not let:
            return rules
        caps = rules.caps
        caps = Caps(
            volume=caps.volume,
            item_ms=max([caps.item_ms, *(item.duration_ms for airing in let for item in airing.items)]),
            airing_ms=max([caps.airing_ms, *(airing.duration_ms for airing in let)]),
            day_ms=min(86_400_000, caps.day_ms + sum(airing.duration_ms for airing in let)),
            emergency_ms=caps.emergency_ms,
        )
        return replace(rules, caps=caps)

    def settle(self, receiver: ReceiverFacts, airings: Sequence[AiringFacts], settle: Settle) -> Settled:
        """What `settle` makes of these airings without those that would break a rule as they would be heard.

        Leaving one out may let another one keep its own time, which is looked at in turn.
        """
        barred: dict[str, list[Violation]] = {}
        for _ in range(_PASSES_MOST):
            settled = settle([airing for airing in airings if airing.id not in barred])
            found = self._broken(receiver, settled.airings)
            if not found:
                break
            barred |= found
        if not barred:
            return settled
        names = self.book.names
        silent = [
            (airing, AGAINST + sentence(barred[airing.id][0], names[barred[airing.id][0].rule.unit_id], self._zone))
            for airing in airings
            if airing.id in barred
        ]
        return replace(settled, silent=(*settled.silent, *silent), barred=barred)

    def _broken(self, receiver: ReceiverFacts, airings: Sequence[AiringFacts]) -> dict[str, list[Violation]]:
        place, now = self.book.of(receiver), to_ms(self._now)
        entries = [
            entry_of(airing, settled=airing.starts_at <= now, waived=waived_of(self._waived, airing))
            for airing in airings
        ]
        if self.book.counts(receiver):
            entries += self._around(receiver, {entry.id for entry in entries})
        found: dict[str, list[Violation]] = defaultdict(list)
        planned = {airing.id for airing in airings}
        for violation in self._checked(place, tuple(entries)):
            if violation.entry.id in planned:
                found[violation.entry.id].append(violation)
        return dict(found)

    def _around(self, receiver: ReceiverFacts, planned: set[str]) -> list[DayEntry]:
        """What counts at this receiver beside what its plan is to hold."""
        if self._past is None or self._later is None:
            self._past = self._played()
            self._later = self._coming()
        before = [entry for entry in self._past.get(receiver.id, ()) if entry.id not in planned]
        after = [
            entry_of(airing, waived=waived_of(self._waived, airing))
            for airing in self._later
            if airing.id not in planned
            and planning.concerns(airing, receiver)
            and self._choices.taken(airing, receiver.commune_at(airing.starts_at))
        ]
        return before + after

    def _played(self) -> dict[str, list[DayEntry]]:
        """By receiver: what it played, or was to play and may have, in the days that limits look back on."""
        since = self._now - max(_WEEK, timedelta(days=self.book.longest_repeat + 1))
        rows = self._session.execute(
            select(
                Playout.receiver_id,
                Playout.airing_id,
                Playout.planned_at,
                Playout.planned_ms,
                Airing.programme_id,
                Airing.schedule_id,
                Schedule.title,
            )
            .join(Airing, Airing.id == Playout.airing_id)
            .join(Schedule, Schedule.id == Airing.schedule_id)
            .where(Playout.receiver_id.in_(self._receivers), Playout.planned_at > since)
            .where(Playout.planned_at <= self._now, Playout.state.not_in(("missed", "refused")))
            .where(~and_(Playout.cancelled, Playout.started_at.is_(None)))
        ).all()
        programmes = {row.programme_id for row in rows}
        held = facts.contents(self._session, programmes)
        found: dict[str, list[DayEntry]] = defaultdict(list)
        for row in rows:
            found[row.receiver_id].append(
                DayEntry(
                    id=row.airing_id,
                    starts_at=to_ms(row.planned_at),
                    duration_ms=row.planned_ms,
                    class_=planning.highest(held.classes[row.programme_id]),
                    title=row.title,
                    bulletins=held.bulletins[row.programme_id],
                    settled=True,
                )
            )
        return found

    def _coming(self) -> list[AiringFacts]:
        """What the timetable has behind the plan, for as long as a week that it touches; and before a day to come."""
        places = {
            unit
            for one in self._receivers.values()
            for path in (one.path, *(path for _, path in one.ahead))
            for unit in path
        }
        days = {units.date_of(self._now), units.date_of(self._until)}
        names = nearby.named_by(self._session, {*places, *self._receivers}, days)
        around = max(_WEEK, timedelta(days=self.book.longest_repeat + 1))
        spans = [(self._until, self._until + around)]
        if self._since > self._now:
            spans.insert(0, (max(self._now, self._since - around), self._since))
        return nearby.airings(
            self._session,
            names,
            self._now,
            spans,
            settings=self._settings,
            with_items=self.book.limits_items,
        )


def waived_of(waived: Waived, airing: AiringFacts) -> frozenset[str]:
    """The ids of the rules that the airing was let through against."""
    return waived.of(airing.schedule_id, airing.slot_id, airing.place_id, from_ms(airing.original_start))


def entry_of(airing: AiringFacts, *, settled: bool = False, waived: frozenset[str] = frozenset()) -> DayEntry:
    """An airing as the rules look at it."""
    return DayEntry(
        id=airing.id,
        starts_at=airing.starts_at,
        duration_ms=airing.duration_ms,
        class_=airing.class_,
        title=airing.title,
        bulletins=airing.bulletins,
        longest_item_ms=max((item.duration_ms for item in airing.items), default=0),
        session=f"{airing.schedule_id} {airing.original_start}",  # the slots of one session are one
        settled=settled,
        waived=waived,
    )


def tell(session: Session, settled: Mapping[str, Settled], before: Promises, now: datetime) -> None:
    """An event for each airing that is left out for a rule where it was not before, with the receivers."""
    silent: dict[tuple[str, str], list[str]] = defaultdict(list)
    rules: dict[str, set[str]] = defaultdict(set)
    for receiver, one in settled.items():
        for airing, note in one.silent:
            old = before[receiver].get(airing.id)
            if airing.id in one.barred and (old is None or old.note != note):
                silent[airing.id, note].append(receiver)
                rules[airing.id] |= {violation.rule.id for violation in one.barred[airing.id]}
    for (airing_id, note), receivers in silent.items():
        log.warning("An airing breaks a rule and is left out", extra={"airing": airing_id, "receivers": len(receivers)})
        events.record(
            session,
            "system:airing:against-rules",
            actor=events.SYSTEM,
            at=now,
            subject=("airing", airing_id),
            rules=sorted(rules[airing_id]),
            reason=note,
            receivers=sorted(receivers),
        )
