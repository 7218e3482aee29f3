"""Reading a verified `plays` message: its records, the hash of each, and the text that is stored of it.

The hash is taken over each record as it was sent, also of members that this version doesn't know: SHA-256 of its RFC
8785 bytes. Those bytes are also what is stored (but for U+0000, which PostgreSQL can't hold), so that nothing is
written out twice.

Almost every message is of a receiver that says exactly what this version knows, all of it and nothing else. Such a one
is read the quick way: decoded into records whose members stand sorted by their names and whose texts are not yet
checked; then all identifiers of a record by one pattern; and written out again, which is its canonical form unless a
number in it is odd. Whatever isn't so goes the careful way.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

import msgspec
import rfc8785
from msgspec import Struct

from broadcast import wire
from devices.protocol.reports import ClockFacts, PlayRecord
from devices.protocol.resolve import resolve
from devices.protocol.signing import BadMessage

RECORDS_MAX = 500
ID_CHARACTERS, HASH_CHARACTERS = 26, 64
SMALLEST, LARGEST = 1e-4, 1e15  # between them a number is written alike by msgspec and by RFC 8785
LATEST_MS = 253_402_300_799_000  # the end of year 9999: a number beyond it is no date
_EXACT_INTEGERS = 2**53


class Taken(Struct, frozen=True, gc=False):
    """One record out of a verified message; `body` is what was signed, member for member, as RFC 8785 text."""

    receiver_id: str
    record: PlayRecord
    canonical_sha256: str
    body: str


class Batch(Struct, frozen=True):
    """The records of one verified `plays` message, consecutive and of one log, and the message."""

    receiver_id: str
    token: bytes
    records: tuple[Taken, ...]

    @property
    def log(self) -> str:
        return self.records[0].record.log

    @property
    def first(self) -> int:
        return self.records[0].record.seq

    @property
    def last(self) -> int:
        return self.records[-1].record.seq


def read_batch(receiver_id: str, token: bytes, body: msgspec.Raw | bytes) -> Batch:
    """The records of a `plays` body: of one log, consecutive. Raises `BadMessage("malformed")`."""
    raw = bytes(body)
    try:
        taken = _quickly(receiver_id, raw) or _carefully(receiver_id, raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError, rfc8785.CanonicalizationError) as error:
        raise BadMessage(reason="malformed") from error
    first = taken[0].record
    for n, one in enumerate(taken):
        told = one.record
        if told.seq != first.seq + n or told.log != first.log or not _has_dates(told):
            raise BadMessage(reason="malformed")
    return Batch(receiver_id, token, taken)


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of decoded JSON. The quick way for what records hold, the library for everything else."""
    try:
        return _encode(_plain(value))
    except _Odd:
        return rfc8785.dumps(value)


class _Bodies(Struct, frozen=True):
    records: list[dict[str, Any]]


class _Records(Struct, frozen=True):
    records: list[PlayRecord]


resolve(_Bodies, _Records)


def _known(of: type[Struct], **otherwise: Any) -> type[Struct]:
    """A record of the protocol with the same members, all of them and no others, sorted; other types for some."""
    members: list[Any] = [(member.name, otherwise.get(member.name, member.type)) for member in _sorted_members(of)]
    return msgspec.defstruct(of.__name__, members, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False)


def _sorted_members(of: type[Struct]) -> list[msgspec.structs.FieldInfo]:
    return sorted(msgspec.structs.fields(of), key=lambda member: member.encode_name)


_KnownRecord = _known(
    PlayRecord,
    **dict.fromkeys(("log", "airing", "item", "prev"), str),
    **dict.fromkeys(("sha256", "command"), str | None),
    clock=_known(ClockFacts),
)
_KnownRecords: Any = msgspec.defstruct("KnownRecords", [("records", list[_KnownRecord])])  # type: ignore[valid-type]
_known_decoder = msgspec.json.Decoder(_KnownRecords)
_bodies_decoder = msgspec.json.Decoder(_Bodies)
_records_decoder = msgspec.json.Decoder(_Records)
_encode = msgspec.json.Encoder(order="deterministic").encode
_encode_record = msgspec.json.Encoder().encode
_IDENTIFIERS: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{78}[0-9a-f]{64}(?:[0-9a-f]{64})?(?:/[0-9A-HJKMNP-TV-Z]{26})?")


def _quickly(receiver_id: str, raw: bytes) -> tuple[Taken, ...] | None:
    """None where it needs care."""
    if wire.has_nul(raw):
        return None
    try:
        records: list[PlayRecord] = _known_decoder.decode(raw).records
    except msgspec.ValidationError:
        return None
    if not 1 <= len(records) <= RECORDS_MAX:
        return None
    taken = []
    for record in records:
        text = _encode_record(record)
        if not (_well_named(record) and _evenly_written(text, record)):
            return None
        taken.append(Taken(receiver_id, record, hashlib.sha256(text).hexdigest(), text.decode()))
    return tuple(taken)


def _well_named(record: PlayRecord) -> bool:
    """Whether its identifiers and hashes are such: all of them together, told apart by their lengths."""
    sha256 = record.sha256
    if sha256 is not None and len(sha256) != HASH_CHARACTERS:
        return False
    names = f"{record.log}{record.airing}{record.item}{record.prev}{sha256 or ''}"
    if record.command is not None:
        names = f"{names}/{record.command}"
    return (
        len(record.log) == len(record.airing) == len(record.item) == ID_CHARACTERS
        and len(record.prev) == HASH_CHARACTERS
        and _IDENTIFIERS.fullmatch(names) is not None
    )


def _evenly_written(text: bytes, record: PlayRecord) -> bool:
    """Whether msgspec writes its numbers as RFC 8785 does: no floating point that is an integer, too large or small."""
    if b".0" in text and (b".0," in text or b".0}" in text):
        return False
    output, heard, error = record.output_dbfs, record.heard_dbfs, record.clock.error_ms
    return (
        (output is None or SMALLEST < abs(output) < LARGEST)
        and (heard is None or SMALLEST < abs(heard) < LARGEST)
        and (error is None or SMALLEST < abs(error) < LARGEST)
    )


def _carefully(receiver_id: str, raw: bytes) -> tuple[Taken, ...]:
    bodies = _bodies_decoder.decode(raw).records
    if not 1 <= len(bodies) <= RECORDS_MAX:
        raise BadMessage(reason="malformed")
    records = _records_decoder.decode(raw).records
    digests = [hashlib.sha256(canonical(body)).hexdigest() for body in bodies]
    if wire.has_nul(raw):
        bodies = [wire.storable(body) for body in bodies]
        records = msgspec.convert(bodies, list[PlayRecord])
    return tuple(
        Taken(receiver_id, record, digest, canonical(body).decode())
        for record, digest, body in zip(records, digests, bodies, strict=True)
    )


def _has_dates(record: PlayRecord) -> bool:
    return max(record.planned_at, record.started_at or 0, record.ended_at or 0) <= LATEST_MS


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
        if value.is_integer() and abs(value) < LARGEST:
            return int(value)
        if SMALLEST < abs(value) < LARGEST:
            return value
        raise _Odd
    if kind is dict:
        if not all(key.isascii() for key in value):
            raise _Odd
        return {key: _plain(member) for key, member in value.items()}
    if kind is list:
        return [_plain(member) for member in value]
    raise _Odd
