"""The evidence: records of what was played, chained, kept until the server has them and for long after.

Each record carries the SHA-256 of the one before (`prev`), so none can be taken out or changed unseen. A record is
made once per airing, item and command; making it again changes nothing.

The item that is playing has a row of its own, renewed each second. When power is cut it stays behind, and at the
next start it becomes a `partial` record, right to a second.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType

from core.ids import new_id
from devices.protocol.plan import DurationMs, Id, Percent, Seq, Sha256, UnixMs
from devices.protocol.reports import ClockFacts, Outcome, PlayRecord
from devices.protocol.resolve import resolve
from devices.protocol.signing import GENESIS, canonical_sha256
from devices.receiver.state import State

DAY_MS = 86_400_000
# Of the records of one message: in base64url, with claims, header and signature, they stay below `MESSAGE_BYTES_MAX`.
BATCH_BYTES_MAX = 750_000


class Draft(Struct, frozen=True, kw_only=True):
    """A play record without its place in the chain. Members mean what they mean in `PlayRecord`."""

    airing: Id
    item: Id
    outcome: Outcome
    planned_at: UnixMs
    plan_revision: Seq
    clock: ClockFacts
    sha256: Sha256 | None = None
    started_at: UnixMs | None = None
    ended_at: UnixMs | None = None
    played_ms: DurationMs = 0
    reason: str = ""
    volume: Percent | None = None
    output_dbfs: float | None = None
    heard_dbfs: float | None = None
    heard_match: float | UnsetType = UNSET
    heard_lag_ms: int | UnsetType = UNSET
    command: Id | None = None


resolve(Draft)


class Outbox:
    """The chain of records in the agent's state. Used by the working thread only."""

    def __init__(self, state: State) -> None:
        self._state = state
        held = state.get("log")
        if held is None:
            held = new_id()
            with state.writing():
                state.put("log", held)
                state.put("head", [0, GENESIS])
                state.put("acknowledged", 0)
        self.log: str = held
        self.last: int = state.get("head")[0]  # number of the newest record; 0: none
        self.acknowledged: int = state.get("acknowledged")  # all of 1…this the server has committed

    def add(self, draft: Draft, *, emergency: bool = False) -> PlayRecord | None:
        """Append a record and end the item's progress; None where it has one already."""
        command = draft.command or ""
        with self._state.writing():
            self._state.run(
                "DELETE FROM progress WHERE airing = ? AND item = ? AND command = ?", draft.airing, draft.item, command
            )
            if self._has(draft.airing, draft.item, command):
                return None
            number, head = self._state.get("head")
            record = PlayRecord(log=self.log, seq=number + 1, prev=head, **msgspec.structs.asdict(draft))
            self._state.run(
                "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)",
                record.seq,
                record.airing,
                record.item,
                command,
                record.ended_at or record.planned_at,
                record.played_ms,
                emergency,
                msgspec.json.encode(record),
            )
            self._state.put("head", [record.seq, canonical_sha256(record)])
        self.last = record.seq
        return record

    def _has(self, airing: str, item: str, command: str) -> bool:
        sql = "SELECT 1 FROM records WHERE airing = ? AND item = ? AND command = ?"
        return self._state.one(sql, airing, item, command) is not None

    def recorded(self, airing: str, command: str | None = None) -> set[str]:
        """The items of an airing that have their record."""
        sql = "SELECT item FROM records WHERE airing = ? AND command = ?"
        return {row[0] for row in self._state.rows(sql, airing, command or "")}

    def after(self, seq: int, limit: int) -> list[PlayRecord]:
        """Records in order, from the one after `seq`: at most `limit`, and no more than fit into one message."""
        rows = self._state.rows("SELECT record FROM records WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit)
        records: list[PlayRecord] = []
        size = 0
        for (encoded,) in rows:
            size += len(encoded) + 1
            if records and size > BATCH_BYTES_MAX:
                break
            records.append(msgspec.json.decode(encoded, type=PlayRecord))
        return records

    def acknowledge(self, through: int, at_ms: int) -> bool:
        """The server has all of 1…`through`. False (and nothing changes) where it can't be so, or is known."""
        if not self.acknowledged < through <= self.last:
            return False
        with self._state.writing():
            self._state.run("UPDATE records SET acked_at = ? WHERE seq <= ? AND acked_at IS NULL", at_ms, through)
            self._state.put("acknowledged", through)
        self.acknowledged = through
        return True

    def forget(self, before_ms: int) -> int:
        """Drop records acknowledged before this instant; how many went."""
        with self._state.writing():
            return self._state.run("DELETE FROM records WHERE acked_at < ?", before_ms).rowcount

    def played_ms(self, from_ms: int) -> int:
        """How much sounded since, emergencies apart: what the day's cap counts."""
        row = self._state.one(
            "SELECT COALESCE(SUM(played_ms), 0) FROM records WHERE ended_at > ? AND NOT emergency", from_ms
        )
        return int(row[0]) if row else 0

    def save_progress(self, drafts: Sequence[tuple[Draft, bool]]) -> None:
        """Renew what is sounding: drafts as they would read if power went now, and whether it is an emergency."""
        with self._state.writing():
            for draft, emergency in drafts:
                self._state.run(
                    "INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?, ?)",
                    draft.airing,
                    draft.item,
                    draft.command or "",
                    emergency,
                    msgspec.json.encode(draft),
                )

    def recover(self) -> list[PlayRecord]:
        """Turn what was sounding when power went into `partial` records."""
        made = []
        for draft, emergency in self._state.rows("SELECT draft, emergency FROM progress"):
            record = self.add(msgspec.json.decode(draft, type=Draft), emergency=bool(emergency))
            if record is not None:
                made.append(record)
        return made
