"""What one batch of receivers' messages comes to: checked outside the transaction, applied in one.

Every handler bears a message twice: MQTT delivers at least once, and after a crash whole batches come again.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from broadcast import bulk, commands, delivery, facts, playlog, playouts, wire
from broadcast.play_messages import LATEST_MS, Batch, read_batch
from broadcast.playlog import Standing
from broadcast.tables import CommandAnswer, IssuedCommand, IssuedPlan, ReceiverObject
from broadcast.unplanned import Pair
from broadcast.upserts import insert
from core import events
from core.clock import Clock, from_ms
from core.database import Database
from core.events import Actor
from devices import registry
from devices.protocol import topics
from devices.protocol.reports import (
    Alarm,
    CommandResult,
    Hello,
    PlanAccepted,
    PlanRefused,
    Ready,
    Refusal,
    Report,
    Status,
    Want,
)
from devices.protocol.signing import BadMessage, VerifyKey
from devices.protocol.upward import open_up
from devices.tables import Receiver

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Upward:
    """One message as it came."""

    topic: str
    payload: bytes
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that is not obeyed, and why; `receiver_id` is whose topic it came on, if that is a receiver's."""

    receiver_id: str | None
    kind: str
    reason: str


@dataclass(slots=True)
class Opened:
    """A batch whose signatures, senders and shapes hold, sorted by kind. Order within a kind is that of arrival."""

    hellos: list[tuple[str, Hello]] = field(default_factory=list)
    statuses: list[tuple[str, Status, bool]] = field(default_factory=list)
    reports: list[tuple[str, Report, datetime]] = field(default_factory=list)
    plays: list[Batch] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


@dataclass(slots=True)
class Answers:
    """What is to be sent when the batch is committed."""

    watermarks: list[Standing] = field(default_factory=list)
    plans: dict[str, str] = field(default_factory=dict)  # receiver → token
    wants: set[tuple[str, int]] = field(default_factory=set)  # (sha256, chunk)


def open_batch(db: Database, messages: Sequence[Upward], root_kid: str) -> Opened:
    """Check every message by itself: a bad one is set aside with its reason and stops nothing."""
    opened = Opened()
    parsed = [(message, topics.parse_up(message.topic)) for message in messages]
    keys = _keys(db, {where[0] for _, where in parsed if where is not None})
    for message, where in parsed:
        if where is None:
            opened.rejected.append(Rejected(None, "unknown", "malformed"))
            continue
        receiver, kind = where
        try:
            _open(opened, message, receiver, kind, keys.get(receiver), root_kid)
        except BadMessage as error:
            opened.rejected.append(Rejected(receiver if receiver in keys else None, kind, error.reason))
    return opened


def apply(session: Session, opened: Opened, clock: Clock) -> Answers:
    """Bring the database up to what the batch says, in the caller's transaction."""
    now = clock.now()
    answers = Answers()
    pairs: set[Pair] = set()
    playing: set[Pair] = set()
    told = {name for name, *_ in (*opened.hellos, *opened.statuses, *opened.reports)}
    # Held while the batch is applied, so that the session finds each of them without asking again.
    present = session.scalars(select(Receiver).where(Receiver.id.in_(told))).all() if told else []
    _take_hellos(session, opened.hellos, answers, clock)
    for receiver, status, retain in opened.statuses:
        registry.mark_status(session, receiver, status, clock=clock, retain=retain)
        if status.online and status.playing is not None:
            playing.add((status.playing, receiver))
    pairs |= _take_reports(session, opened.reports, answers, clock)
    answers.watermarks = playlog.take_in(session, opened.plays, now).standings
    playouts.recompute(session, pairs | playing, now, playing=playing)
    del present
    return answers


def _keys(db: Database, receivers: Collection[str]) -> dict[str, VerifyKey]:
    """The keys of the active ones. An unknown or revoked receiver has none here."""
    with db.reading() as session:
        rows = session.execute(
            select(Receiver.id, Receiver.public_key).where(Receiver.id.in_(receivers), Receiver.status == "active")
        )
        return {row.id: _key(row.public_key) for row in rows}


@lru_cache(maxsize=20_000)
def _key(public_key: str) -> VerifyKey:
    return VerifyKey.from_hex(public_key)


def _open(opened: Opened, message: Upward, receiver: str, kind: str, key: VerifyKey | None, root_kid: str) -> None:
    if key is None:
        raise BadMessage(reason="unknown-key")
    if kind == "hello":
        opened.hellos.append((receiver, _decode(message.payload, Hello)))
    elif kind == "status":
        opened.statuses.append((receiver, _decode(message.payload, Status), message.retain))
    elif kind == "report":
        claims = open_up(message.payload, typ="report", receiver=receiver, key=key, root_kid=root_kid)
        opened.reports.append((receiver, _decode(claims.body, Report), _date(claims.iat)))
    elif kind == "plays":
        claims = open_up(message.payload, typ="plays", receiver=receiver, key=key, root_kid=root_kid)
        opened.plays.append(read_batch(receiver, message.payload, claims.body))


def _decode(data: bytes | msgspec.Raw, kind: Any) -> Any:
    try:
        return wire.decode(data, kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadMessage(reason="malformed") from error


def _date(iat: int) -> datetime:
    return from_ms(max(0, min(iat * 1000, LATEST_MS)))


def _take_hellos(session: Session, hellos: Sequence[tuple[str, Hello]], answers: Answers, clock: Clock) -> None:
    if not hellos:
        return
    now = clock.now()
    last = dict(hellos)  # of several in one batch the last one counts
    current = {
        plan.receiver_id: plan
        for plan in session.scalars(
            select(IssuedPlan).where(IssuedPlan.receiver_id.in_(last), IssuedPlan.superseded_at.is_(None))
        )
    }
    wanting: list[str] = []
    for receiver, hello in last.items():
        registry.mark_hello(session, receiver, hello, clock=clock)
        plan = current.get(receiver)
        if plan is None:
            wanting.append(receiver)
        elif hello.revision > plan.revision:
            wanting.append(receiver)
            _event(session, "revision-ahead", receiver, now, held=hello.revision, issued=plan.revision)
        elif plan.published_at is not None and (hello.revision < plan.revision or plan.accepted_at is None):
            # Also where it holds the plan and its signed word for that was lost on the way: it says so again.
            answers.plans[receiver] = plan.token
    delivery.request(session, wanting, now)
    if session.scalar(select(exists().where(IssuedCommand.expires_at > now))):
        for receiver, where in facts.receivers(session, last, now).items():
            commands.resend(session, receiver, where.path, now)


def _take_reports(
    session: Session, reports: Iterable[tuple[str, Report, datetime]], answers: Answers, clock: Clock
) -> set[Pair]:
    now = clock.now()
    accepted: dict[tuple[str, int], datetime] = {}
    told: list[tuple[str, dict[str, Any]]] = []
    ready: dict[str, set[str]] = defaultdict(set)
    results: list[tuple[str, CommandResult]] = []
    for receiver, report, said_at in reports:
        match report:
            case PlanAccepted():
                accepted.setdefault((receiver, report.revision), said_at)
                registry.mark_held(session, receiver, report.revision, clock=clock)
                told.append((receiver, {"revision": report.revision}))
            case PlanRefused():
                _take_plan_refused(session, receiver, report, now)
            case Ready():
                ready[receiver].update(report.sha256)
            case CommandResult():
                results.append((receiver, report))
            case Want():
                answers.wants.add((report.sha256, report.n))
            case Refusal():
                _event(session, "refused-message", receiver, now, topic=report.topic, reason=report.reason)
            case Alarm():
                _event(session, "alarm", receiver, now, name=report.name, detail=report.detail)
    _take_results(session, results, now)
    _events(session, "plan-accepted", told, now)
    pairs = playouts.accept(session, accepted, now) if accepted else set()
    return pairs | _take_ready(session, ready, now)


def _take_plan_refused(session: Session, receiver: str, report: PlanRefused, now: datetime) -> None:
    if report.revision is not None:
        session.execute(
            update(IssuedPlan)
            .where(
                IssuedPlan.receiver_id == receiver,
                IssuedPlan.revision == report.revision,
                IssuedPlan.accepted_at.is_(None),
            )
            .values(refused_reason=report.reason)
        )
    log.warning("A receiver refused its plan", extra={"receiver": receiver, "reason": report.reason})
    _event(session, "plan-refused", receiver, now, revision=report.revision, reason=report.reason)


def _take_ready(session: Session, ready: dict[str, set[str]], now: datetime) -> set[Pair]:
    rows = [
        {"receiver_id": receiver, "sha256": sha256, "ready_at": now}
        for receiver in sorted(ready)
        for sha256 in sorted(ready[receiver])
    ]
    if not rows:
        return set()
    session.execute(insert(session, ReceiverObject).on_conflict_do_nothing(), rows)
    _events(session, "objects-ready", [(one, {"sha256": sorted(objects)}) for one, objects in ready.items()], now)
    return playouts.open_of(session, list(ready), now)


def _take_results(session: Session, results: Sequence[tuple[str, CommandResult]], now: datetime) -> None:
    if not results:
        return
    known = set(session.scalars(select(IssuedCommand.id).where(IssuedCommand.id.in_({one.id for _, one in results}))))
    for receiver, one in results:
        if one.id not in known:
            continue
        row = {
            "command_id": one.id,
            "receiver_id": receiver,
            "result": one.result,
            "reason": one.reason or None,
            "answered_at": now,
        }
        if session.get(CommandAnswer, (one.id, receiver)) is None:
            session.execute(insert(session, CommandAnswer).on_conflict_do_nothing().values(row))
            _event(session, "command-answered", receiver, now, command=one.id, result=one.result, reason=one.reason)


def note_rejected(session: Session, rejected: Rejected, now: datetime) -> None:
    """An event about a message that was not obeyed."""
    subject = ("receiver", rejected.receiver_id or "unknown")
    events.record(
        session,
        "system:message:rejected",
        actor=events.SYSTEM,
        at=now,
        subject=subject,
        message=rejected.kind,
        reason=rejected.reason,
    )


def _events(session: Session, action: str, told: Sequence[tuple[str, dict[str, Any]]], now: datetime) -> None:
    """The same of many receivers: when a plan goes out, all of a province say that they have it."""
    at, kind = bulk.moment(session, now), f"receiver:receiver:{action}"
    rows = [
        (at, kind, f"receiver:{receiver}", "Bộ thu", "receiver", receiver, msgspec.json.encode(data).decode())
        for receiver, data in told
    ]
    names = ("at", "kind", "actor_id", "actor_name", "subject_kind", "subject_id", "data")
    bulk.add(session, events.Event, names, rows)


def _event(session: Session, action: str, receiver: str, now: datetime, **data: Any) -> None:
    events.record(
        session,
        f"receiver:receiver:{action}",
        actor=Actor(f"receiver:{receiver}", "Bộ thu"),
        at=now,
        subject=("receiver", receiver),
        **data,
    )
