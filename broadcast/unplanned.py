"""Airings at receivers that no plan of this database promised them to: which have a playout, and which are told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from broadcast import offers
from broadcast.reconcile import Evidence
from broadcast.tables import Playout
from broadcast.upserts import insert
from core import events, units
from devices.tables import Receiver
from schedules.reach import Resolver, receivers_of
from schedules.tables import Airing

Pair = tuple[str, str]  # (airing, receiver)

CHUNK = 300
NAMED_MAX = 100  # airings named in one event


def enter_recorded(session: Session, records: Mapping[Pair, Sequence[Evidence]], now: datetime) -> bool:
    """Records speak of airings that this database promised to nobody: it was restored from a backup taken before.

    Only where they can be right: the receiver was there before the airing's end, and either it is among its targets
    or it signed that something of the airing sounded, which nothing but a plan that held it brings about.
    """
    airings = _airings(session, {pair[0] for pair in records})
    receivers = _receivers(session, {pair[1] for pair in records})
    there_are = {row.unit_id for row in receivers.values()}
    days = {units.date_of(airing.starts_at) for airing in airings.values()}
    paths = {day: units.paths(session, there_are, on=day) for day in days}
    resolver = Resolver(session)
    rows = []
    for (airing_id, receiver), told in records.items():
        airing, there = airings.get(airing_id), receivers.get(receiver)
        if airing is None or there is None or there.enrolled_at >= _end_of(airing):
            continue
        sounded = any(one.outcome in {"finished", "partial"} for one in told)
        day = units.date_of(airing.starts_at)
        path = paths[day][there.unit_id]
        if sounded or resolver.reach(airing.targets, on=day).holds(receiver, path):
            rows.append(_row(airing, receiver, path[0], now))
    if rows:
        session.execute(insert(session, Playout).on_conflict_do_nothing(), rows)
    return bool(rows)


def tell(session: Session, pairs: Collection[Pair], now: datetime) -> None:
    """One event a receiver about records, just stored, of airings that were never its own: kept, and no playouts."""
    strange: dict[str, list[str]] = defaultdict(list)
    wanted = sorted(pairs)
    for chunk in (wanted[at : at + CHUNK] for at in range(0, len(wanted), CHUNK)):
        held = session.execute(
            select(Playout.airing_id, Playout.receiver_id).where(
                tuple_(Playout.airing_id, Playout.receiver_id).in_(chunk)
            )
        )
        without = set(chunk) - {(row.airing_id, row.receiver_id) for row in held}
        # Records of a play-now command stand under the command: they are of no airing.
        airings = _airings(session, {airing_id for airing_id, _ in without})
        for airing_id, receiver in sorted(without):
            if airing_id in airings:
                strange[receiver].append(airing_id)
    for receiver, airing_ids in strange.items():
        events.record(
            session,
            "receiver:log:unplanned",
            actor=events.Actor(f"receiver:{receiver}", "Bộ thu"),
            at=now,
            subject=("receiver", receiver),
            count=len(airing_ids),
            airings=airing_ids[:NAMED_MAX],
        )


def enter_targets(session: Session, airing: Airing, there: Collection[str], now: datetime) -> None:
    """At its close: receivers that no plan ever promised it to are missed, not forgotten. `there` have their rows.

    Those of communes that did not take it have missed nothing: it was offered to them.
    """
    day = units.date_of(airing.starts_at)
    receivers = _receivers(session, receivers_of(session, airing.targets, on=day))
    paths = units.paths(session, {row.unit_id for row in receivers.values()}, on=day)
    rows = [
        _row(airing, receiver, paths[row.unit_id][0], now)
        for receiver, row in receivers.items()
        if receiver not in there and row.enrolled_at < _end_of(airing)
    ]
    if rows:
        untaken = offers.untaken(session, airing.id, [row["receiver_id"] for row in rows])
        wanted = [row for row in rows if row["receiver_id"] not in untaken]
        if wanted:
            session.execute(insert(session, Playout).on_conflict_do_nothing(), wanted)


def _end_of(airing: Airing) -> datetime:
    return airing.starts_at + timedelta(milliseconds=airing.duration_ms)


def _airings(session: Session, ids: Collection[str]) -> dict[str, Airing]:
    if not ids:
        return {}
    return {airing.id: airing for airing in session.scalars(select(Airing).where(Airing.id.in_(ids)))}


def _row(airing: Airing, receiver: str, unit: str, now: datetime) -> dict[str, Any]:
    return {
        "airing_id": airing.id,
        "receiver_id": receiver,
        "unit_id": unit,
        "planned_at": airing.starts_at,
        "planned_ms": airing.duration_ms,
        "state": "planned",
        "first_revision": 0,
        "played_ms": 0,
        "cancelled": airing.status == "cancelled",
        "updated_at": now,
    }


def _receivers(session: Session, ids: Collection[str]) -> dict[str, Any]:
    rows = session.execute(select(Receiver.id, Receiver.unit_id, Receiver.enrolled_at).where(Receiver.id.in_(ids)))
    return {row.id: row for row in rows}
