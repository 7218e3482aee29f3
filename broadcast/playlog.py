"""Taking in play records: whole batches, idempotently, past the session's objects.

1. The rows of `watermarks` for the logs in the batch are locked, so that two ingest processes take turns at one log.
2. Records are inserted with `ON CONFLICT DO NOTHING` on (receiver, log, seq). Where all went in there is nothing to
   look at; else what stands there already is compared: the same hash is a duplicate, another one is a *fork*.
3. The watermark is the largest n for which all of 1…n are stored. On the way to it every record's `prev` must be the
   hash of the one before; where it isn't, an event says so and the record stays: it is signed, and so is the break.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import rfc8785
from msgspec import Struct
from sqlalchemy import and_, bindparam, select, tuple_, update
from sqlalchemy.orm import Session

from broadcast import wire
from broadcast.tables import PlayBatch, RecordFork, StoredRecord, Watermark
from broadcast.upserts import insert, insert_new, table
from core import events
from core.clock import from_ms
from devices.protocol.reports import PlayRecord
from devices.protocol.resolve import resolve
from devices.protocol.signing import GENESIS, BadMessage

_Key = tuple[str, str]  # (receiver, log)
_EXACT_INTEGERS = 2**53


@dataclass(frozen=True, slots=True)
class Taken:
    """One record out of a verified message; `body` is what was signed, member for member (but for U+0000)."""

    receiver_id: str
    record: PlayRecord
    canonical_sha256: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of one verified `plays` message, and the message."""

    receiver_id: str
    token: bytes
    records: tuple[Taken, ...]

    @property
    def log(self) -> str:
        return self.records[0].record.log


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a log stands after the intake: what may be acknowledged."""

    receiver_id: str
    log: str
    through: int


@dataclass(frozen=True, slots=True)
class Intake:
    standings: list[Standing]
    playouts: set[tuple[str, str]]  # (airing, receiver) that the records speak of
    stored: int
    forks: int


class _Raw(Struct, frozen=True):
    records: list[msgspec.Raw]


resolve(_Raw)


def read_batch(receiver_id: str, token: bytes, body: msgspec.Raw | bytes) -> Batch:
    """The records of a `plays` body: of one log, consecutive. Raises `BadMessage("malformed")`.

    The hash is taken over each record as it was sent, also of members that this version doesn't know.
    """
    try:
        raws = msgspec.json.decode(body, type=_Raw).records
        taken = tuple(_taken(receiver_id, bytes(raw)) for raw in raws)
    except (msgspec.DecodeError, UnicodeError, RecursionError, rfc8785.CanonicalizationError) as error:
        raise BadMessage(reason="malformed") from error
    if not 1 <= len(taken) <= 500:
        raise BadMessage(reason="malformed")
    first = taken[0].record
    for n, one in enumerate(taken):
        if one.record.log != first.log or one.record.seq != first.seq + n:
            raise BadMessage(reason="malformed")
    return Batch(receiver_id, token, taken)


def take_in(session: Session, batches: Sequence[Batch], now: datetime) -> Intake:
    """Store what is new, find forks and broken chains, move the watermarks. Any number of receivers at once."""
    if not batches:
        return Intake([], set(), 0, 0)
    records: dict[tuple[str, str, int], Taken] = {}
    conflicting: list[Taken] = []
    for batch in batches:
        for one in batch.records:
            first = records.setdefault((one.receiver_id, one.record.log, one.record.seq), one)
            if first.canonical_sha256 != one.canonical_sha256:
                conflicting.append(one)
    by_log: dict[_Key, dict[int, Taken]] = defaultdict(dict)
    for (receiver, log, seq), one in records.items():
        by_log[receiver, log][seq] = one
    marks = _lock_watermarks(session, sorted(by_log))
    stored = _insert_records(session, list(records.values()), now)
    if stored < len(records):
        conflicting += records.values()
    _insert_batches(session, batches, now)
    forks = _keep_forks(session, _differing(session, conflicting), now)
    for key, taken in by_log.items():
        _advance(session, marks[key], taken, now, clean=stored == len(records))
    _save_watermarks(session, marks.values())
    return Intake(
        [Standing(mark.receiver_id, mark.log, mark.through) for mark in marks.values()],
        # What was here already has had its say.
        {(one.record.airing, one.receiver_id) for one in records.values()} if stored else set(),
        stored,
        forks,
    )


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of decoded JSON. The quick way for what records hold, the library for everything else."""
    try:
        return msgspec.json.encode(_plain(value), order="deterministic")
    except _Odd:
        return rfc8785.dumps(value)


class _Odd(Exception):
    """A value whose canonical form needs the library."""


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is int:
        if -_EXACT_INTEGERS < value < _EXACT_INTEGERS:
            return value
        raise _Odd
    if kind is float:
        if value.is_integer() and abs(value) < 1e15:
            return int(value)
        if 1e-4 < abs(value) < 1e15:
            return value
        raise _Odd
    if kind is dict:
        if not all(key.isascii() for key in value):
            raise _Odd
        return {key: _plain(member) for key, member in value.items()}
    if kind is list:
        return [_plain(member) for member in value]
    raise _Odd


_record_decoder = msgspec.json.Decoder(PlayRecord)
_json_decoder = msgspec.json.Decoder()


def _taken(receiver_id: str, raw: bytes) -> Taken:
    body = _json_decoder.decode(raw)
    digest = hashlib.sha256(canonical(body)).hexdigest()
    record = _record_decoder.decode(raw)
    if wire.has_nul(raw):
        body = wire.storable(body)
        record = msgspec.convert(body, PlayRecord)
    return Taken(receiver_id, record, digest, body)


@dataclass(slots=True)
class _Mark:
    receiver_id: str
    log: str
    through: int
    through_sha256: str
    highest: int


def _lock_watermarks(session: Session, keys: Sequence[_Key]) -> dict[_Key, _Mark]:
    session.execute(
        insert(session, Watermark).on_conflict_do_nothing(),
        [
            {"receiver_id": receiver, "log": log, "through": 0, "through_sha256": GENESIS, "highest": 0}
            for receiver, log in keys
        ],
    )
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


def _insert_records(session: Session, taken: Sequence[Taken], now: datetime) -> int:
    rows = [
        {
            "receiver_id": one.receiver_id,
            "log": one.record.log,
            "seq": one.record.seq,
            "canonical_sha256": one.canonical_sha256,
            "prev": one.record.prev,
            "airing_id": one.record.airing,
            "item_id": one.record.item,
            "outcome": one.record.outcome,
            "planned_at": from_ms(one.record.planned_at),
            "started_at": from_ms(one.record.started_at) if one.record.started_at is not None else None,
            "ended_at": from_ms(one.record.ended_at) if one.record.ended_at is not None else None,
            "played_ms": one.record.played_ms,
            "body": one.body,
            "received_at": now,
        }
        for one in taken
    ]
    return insert_new(session, StoredRecord, rows)


def _insert_batches(session: Session, batches: Iterable[Batch], now: datetime) -> None:
    insert_new(
        session,
        PlayBatch,
        [
            {
                "receiver_id": batch.receiver_id,
                "log": batch.log,
                "first_seq": batch.records[0].record.seq,
                "last_seq": batch.records[-1].record.seq,
                "token_sha256": hashlib.sha256(batch.token).hexdigest(),
                "token": batch.token.decode("ascii"),
                "received_at": now,
            }
            for batch in batches
        ],
    )


def _differing(session: Session, candidates: Iterable[Taken]) -> list[Taken]:
    """Those of which another content is stored. Only asked for when something was there already."""
    by_log: dict[_Key, list[Taken]] = defaultdict(list)
    for one in candidates:
        by_log[one.receiver_id, one.record.log].append(one)
    differing = []
    columns = table(StoredRecord).c
    for (receiver, log), taken in by_log.items():
        seqs = [one.record.seq for one in taken]
        rows = session.execute(
            select(columns.seq, columns.canonical_sha256).where(
                columns.receiver_id == receiver, columns.log == log, columns.seq.between(min(seqs), max(seqs))
            )
        )
        stored = {row.seq: row.canonical_sha256 for row in rows}
        differing += [one for one in taken if stored.get(one.record.seq) != one.canonical_sha256]
    return differing


def _keep_forks(session: Session, conflicting: Collection[Taken], now: datetime) -> int:
    kept: dict[_Key, list[int]] = defaultdict(list)
    for one in conflicting:
        row = {
            "receiver_id": one.receiver_id,
            "log": one.record.log,
            "seq": one.record.seq,
            "canonical_sha256": one.canonical_sha256,
            "body": one.body,
            "received_at": now,
        }
        if insert_new(session, RecordFork, [row]) == 1:
            kept[one.receiver_id, one.record.log].append(one.record.seq)
    for (receiver, log), seqs in kept.items():
        _event(session, "receiver:log:forked", receiver, log, seqs, now)
    return sum(map(len, kept.values()))


def _advance(session: Session, mark: _Mark, taken: Mapping[int, Taken], now: datetime, *, clean: bool) -> None:
    """Walk from the old watermark as far as every record is there, checking the chain.

    `clean`: everything in this intake was new, so what came is what is stored.
    """
    had_gap = mark.highest > mark.through
    mark.highest = max(mark.highest, *taken)
    if mark.through + 1 not in taken:
        return  # it wasn't there before either
    if clean and not had_gap:
        chain = {seq: (one.record.prev, one.canonical_sha256) for seq, one in taken.items()}
    else:
        chain = _stored_beyond(session, mark)
    broken: list[int] = []
    while (following := chain.get(mark.through + 1)) is not None:
        prev, digest = following
        mark.through += 1
        if prev != mark.through_sha256:
            broken.append(mark.through)
        mark.through_sha256 = digest
    if broken:
        _event(session, "receiver:log:chain-broken", mark.receiver_id, mark.log, broken, now)


def _stored_beyond(session: Session, mark: _Mark) -> dict[int, tuple[str, str]]:
    columns = table(StoredRecord).c
    rows = session.execute(
        select(columns.seq, columns.prev, columns.canonical_sha256).where(
            columns.receiver_id == mark.receiver_id, columns.log == mark.log, columns.seq > mark.through
        )
    )
    return {row.seq: (row.prev, row.canonical_sha256) for row in rows}


def _save_watermarks(session: Session, marks: Iterable[_Mark]) -> None:
    columns = table(Watermark).c
    session.execute(
        update(table(Watermark)).where(
            and_(columns.receiver_id == bindparam("of_receiver"), columns.log == bindparam("of_log"))
        ),
        [
            {
                "of_receiver": mark.receiver_id,
                "of_log": mark.log,
                "through": mark.through,
                "through_sha256": mark.through_sha256,
                "highest": mark.highest,
            }
            for mark in marks
        ],
    )


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
