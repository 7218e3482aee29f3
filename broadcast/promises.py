"""Playouts as plans promise them: one row for each airing at each receiver, from its first plan on.

A row is never deleted. What a later plan no longer holds, though its time has not passed, is marked `cancelled` with
the revision that dropped it; an airing that a shortened plan doesn't reach (any more) isn't cancelled, only dropped
until a later plan holds it again. An airing that concerns a receiver and that no plan can hold (its audio is gone) has
a row too, with `first_revision` 0, so that the silence has an entry and a reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, func, select, update
from sqlalchemy.orm import Session

from broadcast.facts import LONGEST_AIRING, Candidates
from broadcast.planning import AiringFacts, ReceiverFacts
from broadcast.tables import IssuedPlan, Playout
from broadcast.upserts import insert, table
from core import events
from core.clock import from_ms
from devices.protocol.plan import Plan
from schedules.tables import Airing

AUDIO_MISSING = "thiếu tệp âm thanh trên máy chủ"


@dataclass(frozen=True, slots=True)
class _Promise:
    """The part of a playout that plans decide."""

    first_revision: int
    dropped_revision: int | None = None
    cancelled: bool = False
    reason: str | None = None


@dataclass(slots=True)
class Change:
    """What a plan brought to its receiver and took from it, as airing ids."""

    added: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    rejudged: list[str] = field(default_factory=list)  # left to a later plan, or held again: their states change

    def note(self, airing_id: str, before: _Promise, after: _Promise) -> None:
        """A playout that was there already is promised otherwise."""
        if after.dropped_revision is not None:
            self.dropped.append(airing_id)
        elif before.first_revision == 0 or before.dropped_revision is not None:
            self.added.append(airing_id)
        if not after.cancelled and after.dropped_revision != before.dropped_revision:
            self.rejudged.append(airing_id)


def keep(
    session: Session,
    receivers: Mapping[str, ReceiverFacts],
    plans: Sequence[Plan],
    candidates: Candidates,
    now: datetime,
) -> dict[str, Change]:
    """Bring the playouts of these receivers in line with their current plans, new or unchanged."""
    existing = _existing(session, [plan.receiver for plan in plans], now)
    inserts: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    changes: dict[str, Change] = {}
    for plan in plans:
        before = existing.get(plan.receiver, {})
        concerned = {airing.id: airing for airing in candidates.of(receivers[plan.receiver])}
        after = _promised(plan, before, concerned, candidates.withdrawn)
        change = changes[plan.receiver] = Change()
        for airing_id, promise in after.items():
            if airing_id not in before:
                place = receivers[plan.receiver].path_at(concerned[airing_id].starts_at)[0]
                inserts.append(_new_row(plan, place, concerned[airing_id], promise, now))
                if promise.first_revision > 0:
                    change.added.append(airing_id)
            elif promise != before[airing_id]:
                updates.append(_changed_row(plan.receiver, airing_id, promise, now))
                change.note(airing_id, before[airing_id], promise)
    if inserts:
        session.execute(insert(session, Playout).on_conflict_do_nothing(), inserts)
    if updates:
        session.execute(_UPDATE, updates)
    _forget_acceptance(session, plans, existing, changes)
    _mark_planned(session, {airing.airing for plan in plans for airing in plan.airings})
    _tell_missing_audio(session, inserts + updates, now)
    return changes


def _promised(
    plan: Plan,
    before: Mapping[str, _Promise],
    concerned: Mapping[str, AiringFacts],
    withdrawn: Collection[str],
) -> dict[str, _Promise]:
    held = {airing.airing for airing in plan.airings}
    after = {}
    for airing_id, airing in concerned.items():
        if airing.starts_at >= plan.valid_until:  # a later plan's
            if airing_id in before:
                after[airing_id] = _postponed(before[airing_id], plan.revision)
            continue
        first = before[airing_id].first_revision if airing_id in before else 0
        if airing_id in held:
            after[airing_id] = _Promise(first or plan.revision, cancelled=airing_id in withdrawn)
        elif first == 0:
            after[airing_id] = _Promise(0, reason=AUDIO_MISSING)
        else:
            dropped = before[airing_id].dropped_revision or plan.revision
            after[airing_id] = _Promise(first, dropped, reason=AUDIO_MISSING)
    for airing_id, promise in before.items():
        if airing_id not in concerned:
            dropped = promise.dropped_revision or plan.revision
            after[airing_id] = _Promise(promise.first_revision, dropped, cancelled=True)
    return after


def _postponed(before: _Promise, revision: int) -> _Promise:
    if before.first_revision == 0:
        return before
    return _Promise(before.first_revision, before.dropped_revision or revision)


def _existing(session: Session, receivers: Collection[str], now: datetime) -> dict[str, dict[str, _Promise]]:
    """The playouts of these receivers whose time has not passed."""
    rows = session.execute(
        select(
            Playout.receiver_id,
            Playout.airing_id,
            Playout.first_revision,
            Playout.dropped_revision,
            Playout.cancelled,
            Playout.reason,
            Playout.planned_at,
            Playout.planned_ms,
        ).where(Playout.receiver_id.in_(receivers), Playout.planned_at > now - LONGEST_AIRING)
    )
    existing: dict[str, dict[str, _Promise]] = defaultdict(dict)
    for row in rows:
        if row.planned_at + timedelta(milliseconds=row.planned_ms) > now:
            # Any other reason is the verdict's, not the plan's.
            reason = row.reason if row.reason == AUDIO_MISSING else None
            promise = _Promise(row.first_revision, row.dropped_revision, row.cancelled, reason)
            existing[row.receiver_id][row.airing_id] = promise
    return existing


def _new_row(plan: Plan, unit: str, airing: AiringFacts, promise: _Promise, now: datetime) -> dict[str, Any]:
    return {
        "airing_id": airing.id,
        "receiver_id": plan.receiver,
        "unit_id": unit,
        "planned_at": from_ms(airing.starts_at),
        "planned_ms": airing.duration_ms,
        "state": "planned",
        "reason": promise.reason,
        "first_revision": promise.first_revision,
        "dropped_revision": promise.dropped_revision,
        "played_ms": 0,
        "cancelled": promise.cancelled,
        "updated_at": now,
    }


def _changed_row(receiver: str, airing_id: str, promise: _Promise, now: datetime) -> dict[str, Any]:
    return {
        "of_airing": airing_id,
        "of_receiver": receiver,
        "first_revision": promise.first_revision,
        "dropped_revision": promise.dropped_revision,
        "cancelled": promise.cancelled,
        "reason": promise.reason,
        "updated_at": now,
    }


_columns = table(Playout).c
_UPDATE = update(table(Playout)).where(
    and_(_columns.airing_id == bindparam("of_airing"), _columns.receiver_id == bindparam("of_receiver"))
)


def _forget_acceptance(
    session: Session,
    plans: Sequence[Plan],
    before: Mapping[str, Mapping[str, _Promise]],
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
        if row["reason"] == AUDIO_MISSING:
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
