"""Playouts in the database: every one can be recomputed at any time from records, plans and reports.

`recompute` reads what bears on a set of playouts in a handful of queries, asks `reconcile` for each, and writes what
changed. A late record recomputes a closed playout like any other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, select, tuple_, update
from sqlalchemy.orm import Session

from broadcast import facts, unplanned
from broadcast.facts import LONGEST_AIRING
from broadcast.planning import ItemFacts
from broadcast.reconcile import OPEN_STATES, Evidence, Expected, State, Verdict, reconcile
from broadcast.tables import IssuedPlan, Playout, ReceiverObject, StoredRecord
from broadcast.unplanned import Pair
from broadcast.upserts import insert, table
from core import events
from core.errors import NotFound
from devices.tables import Receiver
from schedules.tables import Airing

CLOSED_AFTER = timedelta(minutes=5)  # after its end a playout is closed even if nothing closed its airing
CHUNK = 300

# These follow from one event about the receiver (a plan accepted, objects ready), which names the cause once.
_QUIET_STATES: frozenset[State] = frozenset({"planned", "delivered", "ready"})


def recompute(
    session: Session,
    pairs: Iterable[Pair],
    now: datetime,
    *,
    playing: Collection[Pair] = (),
    closing: bool = False,
) -> int:
    """Judge these playouts anew; those without a row get one if their records can be of a plan of theirs.

    `playing`: a receiver's status says so. `closing`: their close has come. Returns how many changed.
    """
    changed = 0
    for chunk in _chunks(sorted(set(pairs))):
        rows = _rows(session, chunk)
        records = _records(session, chunk)
        strange = {pair: told for pair, told in records.items() if pair not in rows}
        if strange and unplanned.enter_recorded(session, strange, now):
            rows = _rows(session, chunk)
        items = facts.programme_items(session, {row.programme_id for row in rows.values()})
        have = _objects_held(session, rows.values(), items)
        withdrawn = _withdrawals(session, rows.values())
        updates = []
        told = []
        for pair, row in rows.items():
            expected = _expected(row, items, have, withdrawn)
            verdict = reconcile(
                expected,
                records.get(pair, []),
                now=now,
                closed=now >= expected.ends_at + CLOSED_AFTER
                or ((closing or row.status == "closed") and now >= expected.ends_at),
                heard_playing=pair in playing or row.state == "playing",
            )
            update_ = _update_of(row, verdict, now)
            if update_ is not None:
                updates.append(update_)
                if verdict.state != row.state and verdict.state not in _QUIET_STATES:
                    told.append(_event(row, verdict, now))
        if updates:
            session.execute(_UPDATE, updates)
        if told:
            session.execute(insert(session, events.Event), told)
        changed += len(updates)
    return changed


def accept(session: Session, told: Mapping[tuple[str, int], datetime], now: datetime) -> set[Pair]:
    """Receivers signed that they accepted plans: (receiver, revision) → when they say. Returns the playouts concerned.

    A plan held an airing from its first revision on, until one dropped it or its time had passed. What a receiver
    says about the time is bounded by when the plan was issued and now.
    """
    plans = session.execute(
        select(IssuedPlan.receiver_id, IssuedPlan.revision, IssuedPlan.issued_at, IssuedPlan.accepted_at).where(
            tuple_(IssuedPlan.receiver_id, IssuedPlan.revision).in_(list(told))
        )
    ).all()
    if not plans:
        return set()
    when = {
        (plan.receiver_id, plan.revision): plan.accepted_at
        or max(plan.issued_at, min(told[plan.receiver_id, plan.revision], now))
        for plan in plans
    }
    columns = table(IssuedPlan).c
    session.execute(
        update(table(IssuedPlan))
        .where(columns.receiver_id == bindparam("of_receiver"), columns.revision == bindparam("of_revision"))
        .values(refused_reason=None),
        [
            {"of_receiver": receiver, "of_revision": revision, "accepted_at": at}
            for (receiver, revision), at in when.items()
        ],
    )
    waiting = session.execute(
        select(
            Playout.airing_id,
            Playout.receiver_id,
            Playout.first_revision,
            Playout.dropped_revision,
            Playout.planned_at,
            Playout.planned_ms,
        ).where(
            Playout.receiver_id.in_({plan.receiver_id for plan in plans}),
            Playout.accepted_at.is_(None),
            Playout.first_revision > 0,
            Playout.planned_at > min(plan.issued_at for plan in plans) - LONGEST_AIRING,
        )
    ).all()
    waiting_of: dict[str, list[Any]] = defaultdict(list)
    for row in waiting:
        waiting_of[row.receiver_id].append(row)
    accepted: dict[Pair, datetime] = {}
    for plan in sorted(plans, key=lambda plan: plan.revision):
        at = when[plan.receiver_id, plan.revision]
        for row in waiting_of[plan.receiver_id]:
            if _held_by(row, plan.revision, plan.issued_at):
                pair = (row.airing_id, row.receiver_id)
                accepted[pair] = min(accepted.get(pair, at), at)
    if accepted:
        session.execute(
            _UPDATE,
            [{"of_airing": airing, "of_receiver": rx, "accepted_at": at} for (airing, rx), at in accepted.items()],
        )
    return set(accepted)


def open_of(session: Session, receiver_ids: Collection[str], now: datetime) -> set[Pair]:
    """Playouts of these receivers that are still ahead or on air."""
    rows = session.execute(
        select(Playout.airing_id, Playout.receiver_id).where(
            Playout.receiver_id.in_(receiver_ids),
            Playout.state.in_(OPEN_STATES),
            Playout.planned_at > now - LONGEST_AIRING,
        )
    )
    return {(row.airing_id, row.receiver_id) for row in rows}


def close(session: Session, airing_id: str, now: datetime) -> dict[str, int]:
    """The time of an airing is over: every receiver that it was for gets its state. Returns how many have which.

    Receivers that no plan ever promised it to are entered too: they are missed, not forgotten.
    """
    airing = session.get(Airing, airing_id)
    if airing is None:
        raise NotFound(what="lần phát / airing", id=airing_id)
    if airing.status == "scheduled":
        unplanned.enter_targets(session, airing, _receivers_of(session, airing_id), now)
    pairs = [(airing_id, receiver) for receiver in _receivers_of(session, airing_id)]
    recompute(session, pairs, now, closing=True)
    states = Counter(session.scalars(select(Playout.state).where(Playout.airing_id == airing_id)))
    if airing.status == "scheduled":
        airing.status = "closed"
        events.record(
            session,
            "system:airing:closed",
            actor=events.SYSTEM,
            at=now,
            subject=("airing", airing_id),
            states=dict(sorted(states.items())),
        )
    return dict(states)


def close_overdue(session: Session, now: datetime) -> int:
    """Close what is long over and still open: cancelled airings, and what a missed firing left."""
    rows = session.execute(
        select(Playout.airing_id, Playout.receiver_id, Playout.planned_at, Playout.planned_ms).where(
            Playout.state.in_(OPEN_STATES), Playout.planned_at < now - CLOSED_AFTER
        )
    )
    over = [
        (row.airing_id, row.receiver_id)
        for row in rows
        if row.planned_at + timedelta(milliseconds=row.planned_ms) + CLOSED_AFTER <= now
    ]
    return recompute(session, over, now, closing=True)


_columns = table(Playout).c
_UPDATE = update(table(Playout)).where(
    and_(_columns.airing_id == bindparam("of_airing"), _columns.receiver_id == bindparam("of_receiver"))
)


def _chunks(pairs: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
    for at in range(0, len(pairs), CHUNK):
        yield pairs[at : at + CHUNK]


def _rows(session: Session, pairs: Sequence[Pair]) -> dict[Pair, Any]:
    rows = session.execute(
        select(*table(Playout).c, facts.CONTENT.label("programme_id"), Airing.status, Receiver.profile)
        .join(Airing, Airing.id == Playout.airing_id)
        .join(Receiver, Receiver.id == Playout.receiver_id)
        .where(tuple_(Playout.airing_id, Playout.receiver_id).in_(pairs))
        .order_by(Playout.airing_id, Playout.receiver_id)
        # Whoever judges it meanwhile ends first, so that the last word is of who saw the most.
        .with_for_update(of=table(Playout))
    )
    return {(row.airing_id, row.receiver_id): row for row in rows}


def _records(session: Session, pairs: Sequence[Pair]) -> dict[Pair, list[Evidence]]:
    columns = table(StoredRecord).c
    rows = session.execute(
        select(
            columns.airing_id,
            columns.receiver_id,
            columns.log,
            columns.seq,
            columns.item_id,
            columns.outcome,
            columns.started_at,
            columns.ended_at,
            columns.played_ms,
            columns.body["sha256"].as_string().label("sha256"),
            columns.body["reason"].as_string().label("reason"),
            columns.body["output_dbfs"].as_float().label("output_dbfs"),
            columns.body["heard_match"].as_float().label("heard_match"),
        ).where(tuple_(columns.airing_id, columns.receiver_id).in_(pairs))
    )
    records: dict[Pair, list[Evidence]] = defaultdict(list)
    for row in rows:
        records[row.airing_id, row.receiver_id].append(
            Evidence(
                row.log,
                row.seq,
                row.item_id,
                row.outcome,
                row.sha256,
                row.started_at,
                row.ended_at,
                row.played_ms,
                row.reason or "",
                row.output_dbfs,
                row.heard_match,
            )
        )
    return records


def _receivers_of(session: Session, airing_id: str) -> list[str]:
    return list(session.scalars(select(Playout.receiver_id).where(Playout.airing_id == airing_id)))


def _objects_held(
    session: Session, rows: Iterable[Any], items: Mapping[str, Sequence[ItemFacts]]
) -> set[tuple[str, str]]:
    """(receiver, sha256) of what lies on the receivers, as far as an open playout asks."""
    waiting = [row for row in rows if row.accepted_at is not None and row.state in OPEN_STATES]
    audio = {item.sound(row.profile) for row in waiting for item in items.get(row.programme_id, ()) if item.needs_audio}
    if not audio:
        return set()
    held = session.execute(
        select(ReceiverObject.receiver_id, ReceiverObject.sha256).where(
            ReceiverObject.receiver_id.in_({row.receiver_id for row in waiting}), ReceiverObject.sha256.in_(audio)
        )
    )
    return {(row.receiver_id, row.sha256) for row in held}


def _withdrawals(session: Session, rows: Iterable[Any]) -> set[Pair]:
    """Cancelled playouts whose receivers accepted a plan without them before they would have begun."""
    dropped = [row for row in rows if row.cancelled and row.dropped_revision is not None]
    if not dropped:
        return set()
    plans = session.execute(
        select(IssuedPlan.receiver_id, IssuedPlan.revision, IssuedPlan.accepted_at).where(
            IssuedPlan.receiver_id.in_({row.receiver_id for row in dropped}),
            IssuedPlan.revision >= min(row.dropped_revision for row in dropped),
            IssuedPlan.accepted_at.is_not(None),
        )
    ).all()
    return {
        (row.airing_id, row.receiver_id)
        for row in dropped
        for plan in plans
        if plan.receiver_id == row.receiver_id
        and plan.revision >= row.dropped_revision
        and plan.accepted_at < row.planned_at
    }


def _expected(
    row: Any,
    items: Mapping[str, Sequence[ItemFacts]],
    have: Collection[tuple[str, str]],
    withdrawn: Collection[Pair],
) -> Expected:
    held = tuple(items.get(row.programme_id, ()))
    return Expected(
        items=held,
        starts_at=row.planned_at,
        ends_at=row.planned_at + timedelta(milliseconds=row.planned_ms),
        issued=row.first_revision > 0,
        accepted_at=row.accepted_at,
        ready=all(not item.needs_audio or (row.receiver_id, item.sound(row.profile)) in have for item in held),
        cancelled=row.cancelled,
        withdrawal_accepted=(row.airing_id, row.receiver_id) in withdrawn,
        postponed=row.dropped_revision is not None and not row.cancelled,
    )


def _held_by(row: Any, revision: int, issued_at: datetime) -> bool:
    ends_at = row.planned_at + timedelta(milliseconds=row.planned_ms)
    dropped = row.dropped_revision
    return bool(row.first_revision <= revision and (dropped is None or revision < dropped) and ends_at > issued_at)


def _update_of(row: Any, verdict: Verdict, now: datetime) -> dict[str, Any] | None:
    unheld = row.first_revision == 0 or row.dropped_revision is not None
    reason = row.note if row.note and unheld and verdict.started_at is None else verdict.reason
    before = (row.state, row.reason, row.started_at, row.ended_at, row.played_ms)
    after = (verdict.state, reason, verdict.started_at, verdict.ended_at, verdict.played_ms)
    if before == after:
        return None
    names = ("state", "reason", "started_at", "ended_at", "played_ms")
    keys = {"of_airing": row.airing_id, "of_receiver": row.receiver_id, "updated_at": now}
    return keys | dict(zip(names, after, strict=True))


def _event(row: Any, verdict: Verdict, now: datetime) -> dict[str, Any]:
    """A row of the audit trail. They are put in together: a batch of records ends thousands of playouts."""
    return {
        "at": now,
        "kind": f"system:playout:{verdict.state}",
        "actor_id": events.SYSTEM.id,
        "actor_name": events.SYSTEM.name,
        "subject_kind": "playout",
        "subject_id": f"{row.airing_id}/{row.receiver_id}",
        "data": {"before": row.state, "played_ms": verdict.played_ms, "reason": verdict.reason},
    }
