"""Playouts as plans promise them: one row for each airing at each receiver, from its first plan on.

A row is never deleted. What a later plan no longer holds, though its time has not passed, is marked `cancelled` with
the revision that dropped it; an airing that a shortened plan doesn't reach (any more) isn't cancelled, only dropped
until a later plan holds it again. An airing that concerns a receiver and that no plan can hold (its audio is gone, or
it gives way to others there) has a row too, with `first_revision` 0, so that the silence has an entry and a reason.

Where a clash moves an airing at a receiver, its playout there says when it is planned and why (`note`). If a plan had
promised it for another time, the playout takes the new one and an event keeps the old: the airing, which is what the
timetable decided, is not re-timed, and its id stays the same, so that a receiver which has played it by the old plan
doesn't play it again by the new one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import and_, bindparam, func, select, update
from sqlalchemy.orm import Session

from broadcast import bulk
from broadcast.facts import LONGEST_AIRING
from broadcast.planning import AiringFacts, ReceiverFacts
from broadcast.settling import Settled
from broadcast.tables import IssuedPlan, Playout
from broadcast.upserts import table
from core import events
from core.clock import from_ms, to_ms
from devices.protocol.plan import Plan
from schedules.tables import Airing

AUDIO_MISSING = "thiếu tệp âm thanh trên máy chủ"


@dataclass(frozen=True, slots=True)
class Promise:
    """The part of a playout that plans decide."""

    first_revision: int
    starts_at: datetime
    duration_ms: int
    dropped_revision: int | None = None
    cancelled: bool = False
    note: str | None = None  # what a clash made of it, or why no plan holds it

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(milliseconds=self.duration_ms)

    @property
    def held(self) -> bool:
        """The plan in force holds it."""
        return self.first_revision > 0 and self.dropped_revision is None


_promise = lru_cache(maxsize=16_384)(Promise)  # plans of one batch mostly promised the same
Promises = Mapping[str, Mapping[str, Promise]]  # by receiver and airing


@dataclass(slots=True)
class Change:
    """What a plan brought to its receiver and took from it, as airing ids."""

    added: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    rejudged: list[str] = field(default_factory=list)  # left to a later plan, or held again: their states change
    retimed: list[tuple[str, Promise, Promise]] = field(default_factory=list)

    def note(self, airing_id: str, before: Promise, after: Promise) -> None:
        """A playout that was there already is promised otherwise."""
        if after.dropped_revision is not None:
            self.dropped.append(airing_id)
        elif before.first_revision == 0 or before.dropped_revision is not None:
            self.added.append(airing_id)
        elif (before.starts_at, before.duration_ms) != (after.starts_at, after.duration_ms):
            self.retimed.append((airing_id, before, after))
        if not after.cancelled and after.dropped_revision != before.dropped_revision:
            self.rejudged.append(airing_id)


def existing(session: Session, receivers: Collection[str], now: datetime) -> dict[str, dict[str, Promise]]:
    """What was promised to these receivers since a day ago and for all that lies ahead."""
    rows = session.execute(
        select(
            Playout.receiver_id,
            Playout.airing_id,
            Playout.first_revision,
            Playout.planned_at,
            Playout.planned_ms,
            Playout.dropped_revision,
            Playout.cancelled,
            Playout.note,
        ).where(Playout.receiver_id.in_(receivers), Playout.planned_at > now - LONGEST_AIRING)
    )
    found: dict[str, dict[str, Promise]] = {receiver: {} for receiver in receivers}
    for receiver, airing, *promised in rows:
        found[receiver][airing] = _promise(*promised)
    return found


def keep(
    session: Session,
    receivers: Mapping[str, ReceiverFacts],
    plans: Sequence[Plan],
    settled: Mapping[str, Settled],
    before: Promises,
    now: datetime,
    *,
    withdrawn: Collection[str] = (),
) -> dict[str, Change]:
    """Bring the playouts of these receivers in line with their current plans, new or unchanged.

    `before` is what was promised until now (`existing`). `withdrawn` airings are cancelled and still to be finished.
    """
    inserts: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    changes: dict[str, Change] = {}
    for plan in plans:
        ahead = {one: promise for one, promise in before[plan.receiver].items() if promise.ends_at > now}
        after = _promised(plan, ahead, settled[plan.receiver], withdrawn, now)
        change = changes[plan.receiver] = Change()
        for airing_id, promise in after.items():
            if airing_id not in before[plan.receiver]:
                place = receivers[plan.receiver].path_at(to_ms(promise.starts_at))[0]
                inserts.append(_new_row(plan, place, airing_id, promise, now))
                if promise.first_revision > 0:
                    change.added.append(airing_id)
            elif promise is not before[plan.receiver][airing_id] and promise != before[plan.receiver][airing_id]:
                updates.append(_changed_row(plan.receiver, airing_id, promise, now))
                change.note(airing_id, before[plan.receiver][airing_id], promise)
    if inserts:
        _insert(session, inserts)
    if updates:
        session.execute(_UPDATE, updates)
    _forget_acceptance(session, plans, before, changes)
    _mark_planned(session, {airing.airing for plan in plans for airing in plan.airings})
    _tell_missing_audio(session, inserts + updates, now)
    _tell_retimed(session, changes, now)
    return changes


def _promised(
    plan: Plan,
    before: Mapping[str, Promise],
    settled: Settled,
    withdrawn: Collection[str],
    now: datetime,
) -> dict[str, Promise]:
    after: dict[str, Promise] = {}
    in_plan = {airing.airing for airing in plan.airings}
    for airing in settled.airings:
        old = before.get(airing.id)
        if airing.ends_at <= to_ms(now):
            continue
        if airing.starts_at < plan.valid_until:
            cancelled, note = airing.id in withdrawn, settled.notes.get(airing.id)
            promise = _heard(airing, old, plan.revision, now, cancelled=cancelled, note=note)
            after[airing.id] = promise if airing.id in in_plan else _without_audio(promise, old, plan.revision)
        elif old is not None:  # a later plan's
            after[airing.id] = _postponed(old, plan.revision)
    for airing, note in settled.silent:
        old = before.get(airing.id)
        if old is not None and old.first_revision > 0:
            after[airing.id] = replace(_postponed(old, plan.revision), cancelled=True, note=note)
        elif airing.ends_at > to_ms(now) and airing.starts_at < plan.valid_until:
            after[airing.id] = Promise(0, from_ms(airing.starts_at), airing.duration_ms, cancelled=True, note=note)
    concerned = {airing.id for airing in settled.airings} | {airing.id for airing, _ in settled.silent}
    for airing_id, promise in before.items():
        if airing_id not in concerned:
            dropped = promise.dropped_revision or plan.revision
            after[airing_id] = replace(promise, dropped_revision=dropped, cancelled=True)
    return after


def _heard(
    airing: AiringFacts, old: Promise | None, revision: int, now: datetime, *, cancelled: bool, note: str | None
) -> Promise:
    """It is to sound, at this time."""
    starts_at = _instant(airing.starts_at)
    promised = (starts_at, airing.duration_ms, cancelled, note)
    if old is not None and old.held and (old.starts_at, old.duration_ms, old.cancelled, old.note) == promised:
        return old
    if old is not None and note is None and airing.starts_at <= to_ms(now):
        note = old.note  # as it was decided before it began
    first = old.first_revision if old else 0
    return Promise(first or revision, starts_at, airing.duration_ms, cancelled=cancelled, note=note)


def _without_audio(promise: Promise, old: Promise | None, revision: int) -> Promise:
    """It is to sound, and no plan can hold it."""
    if old is None or old.first_revision == 0:
        return replace(promise, first_revision=0, cancelled=False, note=AUDIO_MISSING)
    dropped = old.dropped_revision or revision
    return replace(promise, dropped_revision=dropped, cancelled=False, note=AUDIO_MISSING)


def _postponed(before: Promise, revision: int) -> Promise:
    if before.first_revision == 0:
        return before
    return replace(before, dropped_revision=before.dropped_revision or revision, cancelled=False)


def _new_row(plan: Plan, unit: str, airing_id: str, promise: Promise, now: datetime) -> dict[str, Any]:
    return {
        "airing_id": airing_id,
        "receiver_id": plan.receiver,
        "unit_id": unit,
        "planned_at": promise.starts_at,
        "planned_ms": promise.duration_ms,
        "state": "planned",
        "reason": None if promise.held else promise.note,
        "note": promise.note,
        "first_revision": promise.first_revision,
        "dropped_revision": promise.dropped_revision,
        "played_ms": 0,
        "cancelled": promise.cancelled,
        "updated_at": now,
    }


def _changed_row(receiver: str, airing_id: str, promise: Promise, now: datetime) -> dict[str, Any]:
    return {
        "of_airing": airing_id,
        "of_receiver": receiver,
        "planned_at": promise.starts_at,
        "planned_ms": promise.duration_ms,
        "first_revision": promise.first_revision,
        "dropped_revision": promise.dropped_revision,
        "cancelled": promise.cancelled,
        "reason": None if promise.held else promise.note,
        "note": promise.note,
        "updated_at": now,
    }


_instant = lru_cache(maxsize=16_384)(from_ms)  # thousands of receivers have the same airings
_columns = table(Playout).c
_UPDATE = update(table(Playout)).where(
    and_(_columns.airing_id == bindparam("of_airing"), _columns.receiver_id == bindparam("of_receiver"))
)


def _insert(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """A change may promise something to every receiver there is."""
    put = [
        [bulk.moment(session, value) if isinstance(value, datetime) else value for value in row.values()]
        for row in rows
    ]
    bulk.put(session, Playout, list(rows[0]), put, "ON CONFLICT DO NOTHING")


def _forget_acceptance(
    session: Session,
    plans: Sequence[Plan],
    before: Promises,
    changes: Mapping[str, Change],
) -> None:
    """What is held again must be accepted again by those that accepted a plan without it; the others hold it still."""
    again = [
        (airing_id, plan, dropped)
        for plan in plans
        for airing_id in changes[plan.receiver].added
        if airing_id in before.get(plan.receiver, {})
        and (dropped := before[plan.receiver][airing_id].dropped_revision) is not None
    ]
    if not again:
        return
    accepted = session.execute(
        select(IssuedPlan.receiver_id, func.max(IssuedPlan.revision).label("revision"))
        .where(IssuedPlan.receiver_id.in_({plan.receiver for _, plan, _ in again}), IssuedPlan.accepted_at.is_not(None))
        .group_by(IssuedPlan.receiver_id)
    )
    last = {row.receiver_id: row.revision for row in accepted}
    forgotten = [
        {
            "of_airing": airing_id,
            "of_receiver": plan.receiver,
            "first_revision": plan.revision,
            "accepted_at": None,
        }
        for airing_id, plan, dropped in again
        if last.get(plan.receiver, 0) >= dropped
    ]
    if forgotten:
        session.execute(_UPDATE, forgotten)


def _mark_planned(session: Session, airing_ids: Collection[str]) -> None:
    """They are history from now on."""
    fresh = list(session.scalars(select(Airing.id).where(Airing.id.in_(airing_ids), ~Airing.planned)))
    if fresh:
        session.execute(update(table(Airing)).where(table(Airing).c.id.in_(fresh)).values(planned=True))


def _tell_missing_audio(session: Session, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    silent: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row["note"] == AUDIO_MISSING:
            silent[row.get("airing_id") or row["of_airing"]].append(row.get("receiver_id") or row["of_receiver"])
    for airing_id, receiver_ids in silent.items():
        events.record(
            session,
            "system:airing:audio-missing",
            actor=events.SYSTEM,
            at=now,
            subject=("airing", airing_id),
            receivers=receiver_ids,
        )


def _tell_retimed(session: Session, changes: Mapping[str, Change], now: datetime) -> None:
    """A playout that was promised for one time is promised for another, because of a clash there: once for each airing
    and time. The airing itself keeps its own.
    """
    told: dict[tuple[str, datetime, datetime, str | None], list[str]] = defaultdict(list)
    for receiver, change in changes.items():
        for airing_id, before, after in change.retimed:
            told[airing_id, before.starts_at, after.starts_at, after.note].append(receiver)
    for (airing_id, was, is_now, note), receiver_ids in told.items():
        events.record(
            session,
            "system:airing:retimed",
            actor=events.SYSTEM,
            at=now,
            subject=("airing", airing_id),
            before=was.isoformat(),
            after=is_now.isoformat(),
            because=note,
            receivers=receiver_ids,
        )
