"""Taking in play records: whole batches, idempotently, past the session's objects.

1. The rows of `watermarks` for the logs in the batch are locked, so that two ingest processes take turns at one log.
2. A watermark knows the highest number that its log ever had: what lies above is new, and is put in without a look at
   what is there. Only what lies below is compared with what is stored: the same hash is a duplicate, another one is a
   *fork*. So a duplicate is never stored twice, on either database, whatever its table's key is.
3. The watermark is the largest n for which all of 1…n are stored. On the way to it every record's `prev` must be the
   hash of the one before; where it isn't, an event says so and the record stays: it is signed, and so is the break.
4. What is new is queued for judging (`broadcast.judging`) in the same transaction. An acknowledgement says that records
   are kept, and doesn't wait for what follows from them.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from broadcast import bulk
from broadcast.play_messages import Batch, Taken
from broadcast.tables import PlayBatch, RecordFork, StoredRecord, UnjudgedBatch, Watermark
from broadcast.upserts import insert_new, table
from core import events
from devices.protocol.signing import GENESIS

_Key = tuple[str, str]  # (receiver, log)

_RECORD = (
    "receiver_id",
    "log",
    "seq",
    "canonical_sha256",
    "prev",
    "airing_id",
    "item_id",
    "outcome",
    "planned_at",
    "started_at",
    "ended_at",
    "played_ms",
    "body",
    "received_at",
)
_BATCH = ("receiver_id", "log", "first_seq", "last_seq", "token_sha256", "token", "received_at")
_MARK = ("receiver_id", "log", "through", "through_sha256", "highest")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a log stands after the intake: what may be acknowledged."""

    receiver_id: str
    log: str
    through: int


@dataclass(frozen=True, slots=True)
class Intake:
    standings: list[Standing]
    stored: int
    forks: int


def take_in(session: Session, batches: Sequence[Batch], now: datetime) -> Intake:
    """Store what is new, find forks and broken chains, move the watermarks. Any number of receivers at once."""
    if not batches:
        return Intake([], 0, 0)
    by_log: dict[_Key, list[Batch]] = defaultdict(list)
    for batch in batches:
        by_log[batch.receiver_id, batch.log].append(batch)
    marks = _lock_watermarks(session, sorted(by_log))
    sorted_out = {key: _sort_out(session, marks[key], of_log) for key, of_log in by_log.items()}
    new = [one for found in sorted_out.values() for one in found.new]
    differing = [one for found in sorted_out.values() for one in found.differing]
    _insert_records(session, new, now)
    _insert_batches(session, batches, new, differing, now)
    forks = _keep_forks(session, differing, now)
    for key, found in sorted_out.items():
        _advance(session, marks[key], found.new, now)
    _save_watermarks(session, marks.values())
    return Intake([Standing(mark.receiver_id, mark.log, mark.through) for mark in marks.values()], len(new), forks)


@dataclass(slots=True)
class _Mark:
    receiver_id: str
    log: str
    through: int
    through_sha256: str
    highest: int


@dataclass(frozen=True, slots=True)
class _SortedOut:
    """Of one log: what has to be stored, by number, and what has another content than what is, or will be, there."""

    new: list[Taken]
    differing: list[Taken]


def _lock_watermarks(session: Session, keys: Sequence[_Key]) -> dict[_Key, _Mark]:
    marks = _locked(session, keys)
    missing = [key for key in keys if key not in marks]
    if missing:
        rows = [(receiver, log, 0, GENESIS, 0) for receiver, log in missing]
        bulk.put(session, Watermark, _MARK, rows, "ON CONFLICT DO NOTHING")
        marks |= _locked(session, missing)
    return marks


def _locked(session: Session, keys: Sequence[_Key]) -> dict[_Key, _Mark]:
    columns = table(Watermark).c
    rows = session.execute(
        select(*columns)
        .where(tuple_(columns.receiver_id, columns.log).in_(keys))
        .order_by(columns.receiver_id, columns.log)
        .with_for_update()
    )
    return {
        (row.receiver_id, row.log): _Mark(row.receiver_id, row.log, row.through, row.through_sha256, row.highest)
        for row in rows
    }


def _sort_out(session: Session, mark: _Mark, batches: Sequence[Batch]) -> _SortedOut:
    highest = mark.highest
    for batch in batches:
        if batch.first <= highest:
            return _sort_out_slowly(session, mark, batches)
        highest = batch.last
    return _SortedOut([one for batch in batches for one in batch.records], [])


def _sort_out_slowly(session: Session, mark: _Mark, batches: Sequence[Batch]) -> _SortedOut:
    """Something came twice, or out of order."""
    firsts: dict[int, Taken] = {}
    others: list[Taken] = []
    for batch in batches:
        others += [
            one
            for one in batch.records
            if firsts.setdefault(one.record.seq, one).canonical_sha256 != one.canonical_sha256
        ]
    stored: dict[int, str] = {}
    if min(firsts) <= mark.highest:
        columns = table(StoredRecord).c
        rows = session.execute(
            select(columns.seq, columns.canonical_sha256).where(
                columns.receiver_id == mark.receiver_id,
                columns.log == mark.log,
                columns.seq.between(min(firsts), min(max(firsts), mark.highest)),
            )
        )
        stored = {row.seq: row.canonical_sha256 for row in rows}
    kept = {seq: one.canonical_sha256 for seq, one in firsts.items()} | stored
    differing = [one for one in (*firsts.values(), *others) if kept[one.record.seq] != one.canonical_sha256]
    return _SortedOut([firsts[seq] for seq in sorted(firsts) if seq not in stored], differing)


def _insert_records(session: Session, new: Sequence[Taken], now: datetime) -> None:
    instant = bulk.instants(session)
    received_at = bulk.moment(session, now)
    bulk.add(
        session,
        StoredRecord,
        _RECORD,
        [
            (
                one.receiver_id,
                (told := one.record).log,
                told.seq,
                one.canonical_sha256,
                told.prev,
                told.airing,
                told.item,
                told.outcome,
                instant(told.planned_at),
                None if told.started_at is None else instant(told.started_at),
                None if told.ended_at is None else instant(told.ended_at),
                told.played_ms,
                one.body,
                received_at,
            )
            for one in new
        ],
    )


def _insert_batches(
    session: Session, batches: Sequence[Batch], new: Collection[Taken], differing: Collection[Taken], now: datetime
) -> None:
    """The messages that anything came of, as they were signed, and their airings for judging."""
    nothing_known = not differing and len(new) == sum(len(batch.records) for batch in batches)
    fresh = set() if nothing_known else {id(one) for one in new}
    telling = fresh | {id(one) for one in differing}
    received_at = bulk.moment(session, now)
    kept, unjudged = [], []
    seen: set[str] = set()
    for batch in batches:
        digest = hashlib.sha256(batch.token).hexdigest()
        if digest in seen or not (nothing_known or any(id(one) in telling for one in batch.records)):
            continue
        seen.add(digest)
        token = batch.token.decode("ascii")
        kept.append((batch.receiver_id, batch.log, batch.first, batch.last, digest, token, received_at))
        airings = {one.record.airing for one in batch.records if nothing_known or id(one) in fresh}
        if airings:
            unjudged.append((batch.receiver_id, msgspec.json.encode(sorted(airings)).decode()))
    if differing:
        bulk.put(session, PlayBatch, _BATCH, kept, "ON CONFLICT DO NOTHING")
    else:
        bulk.add(session, PlayBatch, _BATCH, kept)
    bulk.put(session, UnjudgedBatch, ("receiver_id", "airing_ids"), unjudged)


def _keep_forks(session: Session, conflicting: Collection[Taken], now: datetime) -> int:
    kept: dict[_Key, list[int]] = defaultdict(list)
    for one in conflicting:
        row = {
            "receiver_id": one.receiver_id,
            "log": one.record.log,
            "seq": one.record.seq,
            "canonical_sha256": one.canonical_sha256,
            "body": msgspec.json.decode(one.body),
            "received_at": now,
        }
        if insert_new(session, RecordFork, [row]) == 1:
            kept[one.receiver_id, one.record.log].append(one.record.seq)
    for (receiver, log), seqs in kept.items():
        _event(session, "receiver:log:forked", receiver, log, seqs, now)
    return sum(map(len, kept.values()))


def _advance(session: Session, mark: _Mark, new: Sequence[Taken], now: datetime) -> None:
    """Walk from the old watermark as far as every record is there, checking the chain."""
    if not new:
        return
    had_gap = mark.highest > mark.through
    mark.highest = max(mark.highest, new[-1].record.seq)
    if not any(one.record.seq == mark.through + 1 for one in new):
        return  # it wasn't there before either
    chain = (
        _stored_beyond(session, mark)
        if had_gap
        else [(one.record.seq, one.record.prev, one.canonical_sha256) for one in new]
    )
    broken: list[int] = []
    for seq, prev, digest in chain:
        if seq != mark.through + 1:
            break
        if prev != mark.through_sha256:
            broken.append(seq)
        mark.through, mark.through_sha256 = seq, digest
    if broken:
        _event(session, "receiver:log:chain-broken", mark.receiver_id, mark.log, broken, now)


def _stored_beyond(session: Session, mark: _Mark) -> list[tuple[int, str, str]]:
    columns = table(StoredRecord).c
    rows = session.execute(
        select(columns.seq, columns.prev, columns.canonical_sha256)
        .where(columns.receiver_id == mark.receiver_id, columns.log == mark.log, columns.seq > mark.through)
        .order_by(columns.seq)
    )
    return [(row.seq, row.prev, row.canonical_sha256) for row in rows]


def _save_watermarks(session: Session, marks: Iterable[_Mark]) -> None:
    rows = [(mark.receiver_id, mark.log, mark.through, mark.through_sha256, mark.highest) for mark in marks]
    moved = ", ".join(f"{name} = excluded.{name}" for name in ("through", "through_sha256", "highest"))
    bulk.put(session, Watermark, _MARK, rows, f"ON CONFLICT (receiver_id, log) DO UPDATE SET {moved}")


def _event(session: Session, kind: str, receiver_id: str, log: str, seqs: Sequence[int], now: datetime) -> None:
    """One for all records of a log that came together: a receiver must not fill the audit trail."""
    events.record(
        session,
        kind,
        actor=events.Actor(f"receiver:{receiver_id}", "Bộ thu"),
        at=now,
        subject=("receiver", receiver_id),
        log=log,
        seq=min(seqs),
        last_seq=max(seqs),
        count=len(seqs),
    )
