"""What the receiver said, in the order in which it came, checked against the contract's own types and signatures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from devices.protocol.commands import TimeRequest
from devices.protocol.reports import CommandResult, Hello, PlayRecord, Plays, Report, Status
from devices.protocol.signing import BadMessage, VerifyKey, decode_body
from devices.protocol.upward import open_up

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message as the broker gave it; `at_ms` is Unix milliseconds by the kit's clock."""

    name: str
    payload: bytes
    at_ms: int


@dataclass(frozen=True, slots=True)
class Told:
    """One record, as it came; a record may come several times."""

    record: PlayRecord
    raw: dict[str, Any]  # with the members that we don't know: these are hashed too
    at_ms: int


@dataclass
class Journal:
    """Kept for the whole run; checks look into it and never change it."""

    receiver: str
    key: VerifyKey
    root_kid: str
    hellos: list[tuple[int, Hello]] = field(default_factory=list)
    statuses: list[tuple[int, Status]] = field(default_factory=list)
    reports: list[tuple[int, Report]] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    records: dict[tuple[str, int], PlayRecord] = field(default_factory=dict)  # by log and number, as each came first
    nonces: list[str] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)  # of what was signed
    broken: list[str] = field(default_factory=list)  # what doesn't fit the contract, and why

    def take(self, message: Arrived) -> None:
        try:
            getattr(self, f"_{message.name}")(message)
        except (BadMessage, msgspec.DecodeError, UnicodeError) as error:
            self.broken.append(f"{message.name}: {error}")

    def heard(self, kind: type[T], since: int = 0) -> list[T]:
        """Reports of a kind, from the `since`-th report on."""
        return [report for _, report in self.reports[since:] if isinstance(report, kind)]

    def answers(self, command: str) -> list[CommandResult]:
        return [result for result in self.heard(CommandResult) if result.id == command]

    def records_of(self, airing: str) -> list[PlayRecord]:
        return sorted((one for one in self.records.values() if one.airing == airing), key=lambda one: one.seq)

    def _hello(self, message: Arrived) -> None:
        self.hellos.append((message.at_ms, msgspec.json.decode(message.payload, type=Hello)))

    def _status(self, message: Arrived) -> None:
        self.statuses.append((message.at_ms, msgspec.json.decode(message.payload, type=Status)))

    def _time(self, message: Arrived) -> None:
        self.nonces.append(msgspec.json.decode(message.payload, type=TimeRequest).nonce)

    def _report(self, message: Arrived) -> None:
        body = self._opened("report", message.payload)
        self.reports.append((message.at_ms, msgspec.json.decode(body, type=Report)))

    def _plays(self, message: Arrived) -> None:
        body = self._opened("plays", message.payload)
        plays = msgspec.json.decode(body, type=Plays)
        raws = msgspec.json.decode(body)["records"]
        self.told.extend(Told(record, raw, message.at_ms) for record, raw in zip(plays.records, raws, strict=True))
        for record in plays.records:
            self.records.setdefault((record.log, record.seq), record)
        numbers = [record.seq for record in plays.records]
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))) or len({r.log for r in plays.records}) > 1:
            self.broken.append(f"plays: not consecutive records of one log: {numbers}")

    def _opened(self, typ: Any, token: bytes) -> bytes:
        claims = open_up(token, typ=typ, receiver=self.receiver, key=self.key, root_kid=self.root_kid)
        self.seqs.append(claims.seq)
        decode_body(claims, dict)
        return bytes(claims.body)
