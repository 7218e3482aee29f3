"""The part of a place's day that lies ahead: settled by the same function as plans, with what won't be heard and why.

Beyond the horizon, where airings aren't made yet, what their schedules will come to is looked at (`broadcast.nearby`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from broadcast import choice_reads, facts, nearby
from broadcast.choices import Choices
from broadcast.heard_items import Item, State, told
from broadcast.planning import AiringFacts, ReceiverFacts
from broadcast.rule_checks import PlanRules
from broadcast.settling import Promised, Settled, settle
from broadcast.tables import Playout
from core import units
from core.clock import from_ms, to_ms
from core.settings import Settings
from schedules import session_days
from schedules.conflicts import clock_time

SOON = timedelta(minutes=30)


class Ahead:
    """What is to come at some receivers until the end of a day; `seen` has whether each is there."""

    def __init__(
        self,
        session: Session,
        seen: Mapping[str, Any],
        start: datetime,
        end: datetime,
        now: datetime,
        settings: Settings,
    ) -> None:
        self._session, self._seen, self._now = session, seen, now
        self._start, self._end = start, end
        self._settings, self._zone = settings, settings.zone
        self._shifts: Mapping[tuple[str, datetime], timedelta] = {}

    def items(self, playouts: Mapping[str, Sequence[Any]]) -> dict[str, list[Item]]:
        since = max(self._start, self._now)
        there = facts.receivers(self._session, list(self._seen), since, self._end)
        places = {unit for one in there.values() for path in (one.path, *(to for _, to in one.ahead)) for unit in path}
        days = {units.date_of(since), units.date_of(self._end - timedelta(seconds=1))}
        names = nearby.named_by(self._session, {*self._seen, *places}, days)
        communes = frozenset[str]().union(*(one.communes for one in there.values()))
        choices = choice_reads.load(self._session, communes, self._now, self._end)
        rules = PlanRules(self._session, self._settings, there, self._now, self._end, choices, since=since)
        airings = nearby.airings(
            self._session,
            names,
            self._now,
            [(since, self._end)],
            settings=self._settings,
            reach_back=True,
            with_items=rules.book.limits_items,
        )
        parts = {(one.schedule_id, from_ms(one.original_start)) for one in airings if one.slot_id}
        self._shifts = session_days.shifts(self._session, parts)
        return {
            receiver: self._ahead(one, [a for a in airings if _concerns(a, one)], playouts[receiver], choices, rules)
            for receiver, one in there.items()
        }

    def _ahead(
        self,
        receiver: ReceiverFacts,
        airings: Sequence[AiringFacts],
        rows: Sequence[Any],
        choices: Choices,
        rules: PlanRules,
    ) -> list[Item]:
        playouts = {row.Playout.airing_id: row.Playout for row in rows}
        decide = partial(
            settle,
            receiver,
            choices=choices,
            zone=self._zone,
            now=to_ms(self._now),
            rules=rules.of(receiver),
            promised=_promised(playouts.values()),
            withdrawn=[],
        )
        settled = rules.settle(receiver, airings, decide)
        own_time = {airing.id: airing.starts_at for airing in airings}
        items = [
            self._from_settled(airing, own_time[airing.id], settled, playouts.get(airing.id), receiver)
            for airing in settled.airings
            if self._is_ahead(airing, playouts)
        ]
        items += [
            self._silent(airing, "against_rules" if airing.id in settled.barred else "gives_way", why)
            for airing, why in settled.silent
            if self._is_ahead(airing, playouts) and airing.id not in {one.id for one in items}
        ]
        for airing in airings:
            answer = choices.answer(airing, receiver.commune_at(airing.starts_at))
            if answer not in {"declined", "unanswered"} or airing.id in {one.id for one in items}:
                continue
            if self._is_ahead(airing, playouts):
                items.append(self._silent(airing, answer, ""))
        return items

    def _is_ahead(self, airing: AiringFacts, playouts: Mapping[str, Playout]) -> bool:
        """Of this day, and not told of by what has begun."""
        begun = airing.id in playouts and airing.starts_at <= to_ms(self._now)
        return (
            not begun
            and airing.ends_at > max(to_ms(self._start), to_ms(self._now))
            and (airing.starts_at < to_ms(self._end))
        )

    def _from_settled(
        self, airing: AiringFacts, own_time: int, settled: Settled, playout: Playout | None, receiver: ReceiverFacts
    ) -> Item:
        held = playout is not None and not playout.cancelled and playout.first_revision > 0
        state: State = playout.state if playout is not None and held else "planned"  # type: ignore[assignment]
        begins, ends = from_ms(airing.starts_at), from_ms(airing.ends_at)
        warnings = [
            *self._by_hand(airing, own_time),
            settled.notes.get(airing.id),
            self._unready(receiver.id, state, begins),
        ]
        return Item(
            kind="airing",
            id=airing.id,
            schedule_id=airing.schedule_id,
            title=airing.title,
            class_=airing.class_,
            starts_at=begins,
            ends_at=ends,
            timetable_at=from_ms(own_time),
            state=state,
            told=told(airing.title, airing.class_, begins, ends, state, self._zone),
            warnings=tuple(said for said in warnings if said),
        )

    def _by_hand(self, airing: AiringFacts, own_time: int) -> Iterator[str]:
        """What was decided about this airing alone: it isn't as the others of its schedule are."""
        shift = self._shifts.get((airing.schedule_id, from_ms(airing.original_start)), timedelta())
        due = from_ms(airing.due_at) - shift
        if due != from_ms(own_time):
            yield f"dời từ {due.astimezone(self._zone):%H:%M ngày %d/%m/%Y}"
        if airing.own_programme:
            yield "có chương trình riêng cho lần phát này"

    def _unready(self, receiver: str, state: State, begins: datetime) -> str | None:
        if state == "ready" or begins > self._now + SOON:
            return None
        seen = self._seen[receiver]
        if not seen.online and seen.heard_at is not None:
            return f"bộ thu mất kết nối, nghe lần cuối {clock_time(to_ms(seen.heard_at), self._zone)}"
        return "bộ thu chưa sẵn sàng"

    def _silent(self, airing: AiringFacts, state: State, why: str) -> Item:
        begins, ends = from_ms(airing.starts_at), from_ms(airing.ends_at)
        return Item(
            kind="airing",
            id=airing.id,
            schedule_id=airing.schedule_id,
            title=airing.title,
            class_=airing.class_,
            starts_at=begins,
            ends_at=ends,
            timetable_at=begins,
            state=state,
            told=told(airing.title, airing.class_, begins, ends, state, self._zone),
            warnings=(why,) if why else (),
        )


def _concerns(airing: AiringFacts, receiver: ReceiverFacts) -> bool:
    return airing.reach.holds(receiver.id, receiver.path_at(airing.starts_at))


def _promised(playouts: Iterable[Playout]) -> dict[str, Promised]:
    return {
        one.airing_id: Promised(to_ms(one.planned_at), one.planned_ms)
        for one in playouts
        if one.first_revision > 0 and one.dropped_revision is None
    }
