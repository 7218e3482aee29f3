"""From evidence to the state of a playout: plain functions over plain data.

The verdict depends on the *set* of records only: order, lateness and duplicates change nothing.

One item
1. A record proves sound if it says finished or partial, of the audio that was planned (same SHA-256), with a start.
   The sounds of an item in the other profile count as well: a receiver whose profile was changed plays by the plan
   that it holds until it has the next, and both sounds were approved.
   `finished` needs a start and an end. A claim that lacks them, or is of other audio, proves nothing.
2. Within one log the strongest outcome holds: finished, partial, refused, missed. Pieces of an item that was
   interrupted and resumed are added up. An item never counts more than its length.
3. Two logs that both speak of one item contradict each other (a box whose memory was lost, or a cloned one): they are
   never added up. The one that proves most holds, and the reason says that there are two.

The playout
4. All items finished: finished. Nothing sounded and all items accounted for: refused if any was, else missed.
   Some sound: partial. The start is that of the first sound, the end that of the last, the played time the sum.
5. Without proof of every item: playing while its time runs, if something sounded or the receiver says that it plays.
   After its close: partial if something sounded. Else missed where no plan that held it was accepted before its end,
   and unconfirmed where one was: only a signed record says `missed` for a receiver that had the plan.
6. What sounded claims no more than its evidence carries: where a microphone or a loopback listens and did not catch
   what was played, or what left the sound card was silence, the reason says so. The state stays what it is: *played* is
   proven, *heard* is not.
7. A cancelled playout that sounded is judged as any other (and counted, flagged). One without records is missed if
   the receiver accepted a plan without it before its start, or never had it; else unconfirmed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from broadcast.planning import ItemFacts
from devices.protocol.reports import MATCH_LEAST, Outcome

State = Literal["planned", "delivered", "ready", "playing", "finished", "partial", "missed", "refused", "unconfirmed"]
OPEN_STATES: tuple[State, ...] = ("planned", "delivered", "ready", "playing")

NO_PLAN = "chưa phát hành kế hoạch"
NOT_ACCEPTED = "chưa nhận kế hoạch"
ACCEPTED_LATE = "nhận kế hoạch sau giờ phát"
NO_RECORD = "đã nhận kế hoạch, chưa có nhật ký"
NOT_PROVEN = "nhật ký không chứng minh được bản tin đã duyệt"
RECORDS_LACKING = "thiếu nhật ký của {count} mục"
TWO_LOGS = "có nhiều nhật ký khác nhau"
NOT_HEARD = "đã phát ra, nhưng micro không nghe thấy"
SILENT_CARD = "đã phát, nhưng tín hiệu ra cạc âm thanh là im lặng"
SILENT_DBFS = -90.0
CANCELLED = "đã hủy trước giờ phát"
CANCEL_UNCONFIRMED = "đã hủy, bộ thu chưa xác nhận"


@dataclass(frozen=True, slots=True)
class Expected:
    """What was promised and how far it got. `ready`: every object is on the receiver."""

    items: tuple[ItemFacts, ...]
    starts_at: datetime
    ends_at: datetime
    issued: bool = True
    accepted_at: datetime | None = None
    ready: bool = False
    cancelled: bool = False
    withdrawal_accepted: bool = False
    postponed: bool = False  # no current plan holds it, though it is wanted: a later one will

    @property
    def was_accepted(self) -> bool:
        """In time: before its end."""
        return self.accepted_at is not None and self.accepted_at < self.ends_at


@dataclass(frozen=True, slots=True)
class Evidence:
    """One stored play record, as far as it matters here. (log, seq) names it."""

    log: str
    seq: int
    item: str
    outcome: Outcome
    sha256: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    played_ms: int = 0
    reason: str = ""
    output_dbfs: float | None = None
    heard_match: float | None = None  # None: nothing listened


@dataclass(frozen=True, slots=True)
class Verdict:
    state: State
    reason: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    played_ms: int = 0


_Kind = Literal["finished", "partial", "refused", "missed", "unproven"]
_STRENGTH: dict[_Kind, int] = {"finished": 4, "partial": 3, "refused": 2, "missed": 1, "unproven": 0}


@dataclass(frozen=True, slots=True)
class _Proof:
    kind: _Kind
    started_at: datetime | None = None
    ended_at: datetime | None = None
    played_ms: int = 0
    reason: str = ""
    contradicted: bool = False
    doubt: str = ""  # what its evidence doesn't carry

    @property
    def sounded(self) -> bool:
        return self.kind in {"finished", "partial"}


def reconcile(
    expected: Expected,
    records: Iterable[Evidence],
    *,
    now: datetime,
    closed: bool,
    heard_playing: bool = False,
) -> Verdict:
    """The state of one playout, with its reason and times. `closed`: its close has come."""
    by_item: dict[str, dict[tuple[str, int], Evidence]] = defaultdict(dict)
    for record in records:
        by_item[record.item].setdefault((record.log, record.seq), record)
    proofs = [_prove(item, list(by_item[item.id].values())) for item in expected.items if item.id in by_item]
    sounded = [proof for proof in proofs if proof.sounded]
    complete = len(proofs) == len(expected.items) > 0 and all(proof.kind != "unproven" for proof in proofs)
    if complete:
        return _complete(proofs, sounded)
    if not closed and now < expected.ends_at and (sounded or (heard_playing and now >= expected.starts_at)):
        return _heard("playing", None, sounded)
    if sounded:
        lacking = len(expected.items) - len([proof for proof in proofs if proof.kind != "unproven"])
        return _heard("partial", _reason(proofs, RECORDS_LACKING.format(count=lacking)), sounded)
    if not closed:
        return Verdict(_open_state(expected))
    return _silent(expected, proofs)


def _complete(proofs: Sequence[_Proof], sounded: Sequence[_Proof]) -> Verdict:
    kinds = {proof.kind for proof in proofs}
    if kinds == {"finished"}:
        return _heard("finished", _reason(proofs), sounded)
    if sounded:
        return _heard("partial", _reason(proofs), sounded)
    return Verdict("refused" if "refused" in kinds else "missed", _reason(proofs))


def _silent(expected: Expected, proofs: Sequence[_Proof]) -> Verdict:
    """Its close has come, and nothing proves that anything sounded."""
    if proofs:
        fallback = NOT_PROVEN if all(proof.kind == "unproven" for proof in proofs) else NO_RECORD
        return Verdict("unconfirmed", _reason(proofs, fallback))
    if not expected.issued:
        return Verdict("missed", NO_PLAN)
    if expected.cancelled:
        if expected.withdrawal_accepted or not expected.was_accepted:
            return Verdict("missed", CANCELLED)
        return Verdict("unconfirmed", CANCEL_UNCONFIRMED)
    if expected.was_accepted:
        return Verdict("unconfirmed", NO_RECORD)
    return Verdict("missed", NOT_ACCEPTED if expected.accepted_at is None else ACCEPTED_LATE)


def _open_state(expected: Expected) -> State:
    if not expected.was_accepted or expected.postponed:
        return "planned"
    return "ready" if expected.ready else "delivered"


def _heard(state: State, reason: str | None, sounded: Sequence[_Proof]) -> Verdict:
    return Verdict(
        state,
        reason,
        min((proof.started_at for proof in sounded if proof.started_at), default=None),
        max((proof.ended_at for proof in sounded if proof.ended_at), default=None),
        sum(proof.played_ms for proof in sounded),
    )


def _prove(item: ItemFacts, records: Sequence[Evidence]) -> _Proof:
    by_log: dict[str, list[Evidence]] = defaultdict(list)
    for record in records:
        by_log[record.log].append(record)
    proofs = [_prove_by_log(item, sorted(by_log[log], key=lambda record: record.seq)) for log in sorted(by_log)]
    best = max(proofs, key=lambda proof: (_STRENGTH[proof.kind], proof.played_ms))
    if len(proofs) == 1:
        return best
    return replace(best, contradicted=True)


def _prove_by_log(item: ItemFacts, records: Sequence[Evidence]) -> _Proof:
    sounds = [record for record in records if _proves_sound(item, record)]
    if not sounds:
        told = {record.outcome: record.reason for record in reversed(records)}
        for outcome in ("refused", "missed"):
            if outcome in told:
                return _Proof(outcome, reason=told[outcome])
        return _Proof("unproven", reason=NOT_PROVEN)
    finished = any(record.outcome == "finished" for record in sounds)
    return _Proof(
        "finished" if finished else "partial",
        min(record.started_at for record in sounds if record.started_at),
        max(_end(record) for record in sounds),
        min(sum(record.played_ms for record in sounds), item.duration_ms),
        "" if finished else next((record.reason for record in sounds if record.reason), ""),
        doubt=_doubt(sounds),
    )


def _doubt(sounds: Sequence[Evidence]) -> str:
    levels = [record.output_dbfs for record in sounds if record.output_dbfs is not None]
    if levels and max(levels) <= SILENT_DBFS:
        return SILENT_CARD
    matches = [record.heard_match for record in sounds if record.heard_match is not None]
    return NOT_HEARD if matches and max(matches) < MATCH_LEAST else ""


def _proves_sound(item: ItemFacts, record: Evidence) -> bool:
    if record.outcome not in {"finished", "partial"} or record.sha256 not in item.sounds or record.started_at is None:
        return False
    if record.ended_at is None:
        return record.outcome == "partial"  # the power went: how long it played is known, from saved progress
    return record.ended_at >= record.started_at


def _end(record: Evidence) -> datetime:
    started = record.started_at or record.ended_at
    return record.ended_at or _after(started, record.played_ms)


def _after(start: datetime | None, ms: int) -> datetime:
    if start is None:
        raise ValueError("a sound without a start proves nothing")
    return start + timedelta(milliseconds=ms)


def _reason(proofs: Sequence[_Proof], *more: str) -> str | None:
    said = list(dict.fromkeys([proof.reason for proof in proofs if proof.reason] + list(more)))
    said += dict.fromkeys(proof.doubt for proof in proofs if proof.doubt)
    if any(proof.contradicted for proof in proofs):
        said.append(TWO_LOGS)
    return "; ".join(said)[:500] or None
