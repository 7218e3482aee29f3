"""Software for receivers: registered, rolled out in stages, and what became of it on each.

A stage is a set of receivers: named ones, those of units with all below, or a share. The share is drawn by a hash of
release and receiver, so that ten per cent are the same ten per cent each time, and forty hold them. Rolling out again
with a wider stage goes on from the one before; who was offered the release and hasn't it yet is offered it again when
the command has run out. A stage isn't widened while a receiver of it has gone back to what it ran before.

| state | evidence |
|---|---|
| `offered` | a command waits for the receiver |
| `refused` | its signed answer |
| `accepted` | its signed answer; it fetches, and tries the release when nothing sounds |
| `failed` | its signed alarm `update-rolled-back` or `update-failed` names the version |
| `running` | its hello names the version |
| `expired` | the command ran out without an answer |
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from audio.store import ObjectStore
from broadcast import commands
from broadcast.release_tables import SoftwareOffer, SoftwareRelease
from broadcast.tables import CommandAnswer, IssuedCommand
from core import events, units
from core.clock import Clock
from core.errors import Conflict, Invalid, NotFound
from core.events import Actor
from devices.protocol.releases import RELEASE_BYTES_MAX, open_release
from devices.protocol.signing import BadMessage
from devices.protocol.trust import Trust
from devices.tables import Receiver

OFFER_LIFE = timedelta(days=6)
FAILURES = ("update-rolled-back", "update-failed")

State = Literal["offered", "refused", "accepted", "failed", "running", "expired"]


@dataclass(frozen=True, slots=True)
class Stage:
    """Who is offered a release: any of these."""

    percent: int = 0
    receivers: Sequence[str] = ()
    units: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    receiver: Receiver
    state: State
    reason: str
    offered_at: datetime


def add(
    session: Session, token: str, packed: bytes, *, trust: Trust, store: ObjectStore, actor: Actor, clock: Clock
) -> SoftwareRelease:
    """Register a signed release with its object. Raises `Invalid` where the two aren't good or don't fit."""
    try:
        seq, release = open_release(token.strip(), trust, clock.now())
    except BadMessage as error:
        raise Invalid(what=f"chữ ký của bản phần mềm không đúng ({error.reason}) / the release isn't signed") from error
    if len(packed) > RELEASE_BYTES_MAX or hashlib.sha256(packed).hexdigest() != release.object.sha256:
        raise Invalid(what="tệp không phải là tệp đã ký / the file isn't the one that was signed")
    if session.get(SoftwareRelease, release.release) is not None or session.scalar(
        select(SoftwareRelease.id).where(SoftwareRelease.version == release.version)
    ):
        raise Conflict(what=f"bản {release.version} đã có / this version is there already")
    row = SoftwareRelease(
        id=release.release,
        version=release.version,
        seq=seq,
        sha256=store.put(packed),
        bytes=len(packed),
        health_s=release.health_s,
        token=token.strip(),
        added_at=clock.now(),
        added_by=actor.id,
    )
    session.add(row)
    session.flush()
    _told(session, "added", row, actor, clock, version=row.version, sha256=row.sha256)
    return row


def get(session: Session, name: str) -> SoftwareRelease:
    """By its identifier or its version. Raises `NotFound`."""
    wanted = (SoftwareRelease.id == name) | (SoftwareRelease.version == name)
    row = session.scalar(select(SoftwareRelease).where(wanted))
    if row is None:
        raise NotFound(what="bản phần mềm / release", id=name)
    return row


def every(session: Session) -> Sequence[SoftwareRelease]:
    """Newest first."""
    return session.scalars(select(SoftwareRelease).order_by(SoftwareRelease.seq.desc())).all()


def roll(session: Session, row: SoftwareRelease, stage: Stage, *, actor: Actor, clock: Clock) -> list[str]:
    """Offer the release to whom the stage adds; the receivers that were offered it now.

    Raises `Conflict` where it is halted, or has failed on a receiver that was offered it.
    """
    if row.halted_at is not None:
        raise Conflict(what=f"bản {row.version} đã dừng phát hành / this release was halted")
    if not 0 <= stage.percent <= 100:
        raise Invalid(what="phần trăm phải từ 0 đến 100 / the share is 0 to 100 per cent")
    known = {one.receiver.id: one for one in progress(session, row, clock.now())}
    failed = [one.receiver.name for one in known.values() if one.state == "failed"]
    if failed:
        raise Conflict(
            what=f"bản {row.version} đã hỏng ở {', '.join(failed[:5])}; hãy ký bản khác / it failed there, sign another"
        )
    done = {"running", "accepted", "offered"}
    offered = []
    for receiver in _chosen(session, row, stage, clock.now()):
        if receiver in known and known[receiver].state in done:
            continue
        _offer(session, row, receiver, actor, clock.now())
        offered.append(receiver)
    _told(session, "rolled", row, actor, clock, percent=stage.percent, offered=len(offered))
    return offered


def halt(session: Session, row: SoftwareRelease, *, reason: str, actor: Actor, clock: Clock) -> None:
    """Offer it to nobody any more; offers that wait are taken back."""
    if row.halted_at is not None:
        raise Conflict(what=f"bản {row.version} đã dừng từ trước / it was halted before")
    row.halted_at = clock.now()
    waiting = select(SoftwareOffer.command_id).where(SoftwareOffer.release_id == row.id)
    for command in session.scalars(select(IssuedCommand).where(IssuedCommand.id.in_(waiting))):
        command.expires_at = min(command.expires_at, clock.now())
    _told(session, "halted", row, actor, clock, reason=reason)


def progress(session: Session, row: SoftwareRelease, now: datetime) -> list[Progress]:
    """What became of the release on each receiver that was offered it."""
    rows = session.execute(
        select(SoftwareOffer, Receiver, IssuedCommand.expires_at, CommandAnswer.result, CommandAnswer.reason)
        .join(Receiver, Receiver.id == SoftwareOffer.receiver_id)
        .join(IssuedCommand, IssuedCommand.id == SoftwareOffer.command_id)
        .outerjoin(
            CommandAnswer,
            (CommandAnswer.command_id == SoftwareOffer.command_id)
            & (CommandAnswer.receiver_id == SoftwareOffer.receiver_id),
        )
        .where(SoftwareOffer.release_id == row.id)
        .order_by(Receiver.name, Receiver.id)
    ).all()
    failures = _failures(session, row, [one.Receiver.id for one in rows])
    found = []
    for offer, receiver, expires_at, result, answered in rows:
        state: State
        reason = ""
        if runs(receiver, row.version):
            state = "running"
        elif receiver.id in failures:
            state, reason = "failed", failures[receiver.id]
        elif result is not None:
            state, reason = ("accepted" if result == "accepted" else "refused"), answered or ""
        else:
            state = "expired" if expires_at <= now else "offered"
        found.append(Progress(receiver, state, reason, offer.offered_at))
    return found


def counts(found: Collection[Progress]) -> dict[str, int]:
    return dict(Counter(one.state for one in found))


def runs(receiver: Receiver, version: str) -> bool:
    return receiver.software == f"truyenthanh {version}"


def _chosen(session: Session, row: SoftwareRelease, stage: Stage, now: datetime) -> list[str]:
    active = select(Receiver).where(Receiver.status == "active").order_by(Receiver.id)
    named = set(stage.receivers)
    if stage.units:
        below = units.below_query(session, list(stage.units), on=units.date_of(now))
        named |= set(session.scalars(select(Receiver.id).where(Receiver.unit_id.in_(below))))
    there = session.scalars(active).all()
    if unknown := set(stage.receivers) - {one.id for one in there}:
        raise NotFound(what="bộ thu đang dùng / active receiver", id=", ".join(sorted(unknown)[:5]))
    return [
        one.id
        for one in there
        if (one.id in named or share_of(row.id, one.id) < stage.percent) and not runs(one, row.version)
    ]


def share_of(release: str, receiver: str) -> int:
    """Where a receiver stands in a release's order, 0 to 99."""
    return int.from_bytes(hashlib.sha256(f"{release}/{receiver}".encode()).digest()[:4]) % 100


def _offer(session: Session, row: SoftwareRelease, receiver: str, actor: Actor, now: datetime) -> None:
    command = commands.issue(
        session, "update", actor=actor, now=now, life=OFFER_LIFE, receiver_id=receiver, release=row.token
    )
    held = session.get(SoftwareOffer, (row.id, receiver))
    if held is None:
        session.add(SoftwareOffer(release_id=row.id, receiver_id=receiver, command_id=command.id, offered_at=now))
    else:
        held.command_id, held.offered_at = command.id, now


def _failures(session: Session, row: SoftwareRelease, receivers: Sequence[str]) -> dict[str, str]:
    """What receivers said of a trial of this version that failed, since the release is known."""
    told = session.execute(
        select(events.Event.subject_id, events.Event.data)
        .where(events.Event.subject_kind == "receiver", events.Event.subject_id.in_(receivers))
        .where(events.Event.kind == "receiver:receiver:alarm", events.Event.at >= row.added_at)
        .order_by(events.Event.at)
    )
    return {
        one.subject_id: str(one.data.get("detail", ""))
        for one in told
        if one.data.get("name") in FAILURES and str(one.data.get("detail", "")).startswith(f"{row.version}:")
    }


def _told(session: Session, what: str, row: SoftwareRelease, actor: Actor, clock: Clock, **data: object) -> None:
    kind = f"{'system' if actor.is_system else 'user'}:release:{what}"
    events.record(session, kind, actor=actor, at=clock.now(), subject=("release", row.id), **data)
