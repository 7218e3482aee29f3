"""Commands to receivers: written here by whoever may, signed and published by the leader, answered through ingest.

1. A command is a row without a token (an outbox): web processes hold no command key.
2. The leader gives it the next number of its audience, signs it and stores the token, under the fence; then it is
   published and marked when the broker has it. A crash in between publishes the same token again, and a receiver
   executes an id once.
3. Commands are not retained. A receiver that says hello gets again what has not expired and it has not answered:
   its own commands as they are, an area's as a copy under its own audience (with the id of the first).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from audio.store import ObjectStore
from broadcast import content, sequences
from broadcast.delivery import LeadershipCheck
from broadcast.planning import ItemFacts
from broadcast.tables import CommandAnswer, IssuedCommand, Playout
from core import events, units
from core.clock import Clock, to_ms
from core.database import Database
from core.errors import Conflict, Invalid, NotFound
from core.events import Actor
from core.ids import new_id
from core.profiles import Profile
from core.units import Unit
from devices.keyring import Keyring
from devices.link import Link
from devices.protocol import topics
from devices.protocol.commands import AREA_COMMANDS, Command, CommandName
from devices.protocol.plan import Item
from devices.protocol.signing import sign
from devices.tables import Receiver
from schedules.reach import reach_of
from schedules.tables import Airing

# How long a command is worth obeying. "Stop whatever sounds" must not hit what comes an hour later.
STOP_LIFE = timedelta(minutes=2)
NAMED_STOP_LIFE = timedelta(minutes=10)
SETTING_LIFE = timedelta(hours=24)
AT_ONCE_LIFE = timedelta(minutes=2)
LIFE_MAX = timedelta(days=7)
BATCH = 200


def issue(
    session: Session,
    name: CommandName,
    *,
    actor: Actor,
    now: datetime,
    life: timedelta,
    receiver_id: str | None = None,
    unit_id: str | None = None,
    reason: str = "",
    airing_id: str | None = None,
    **members: Any,
) -> IssuedCommand:
    """Write a command to one receiver, or to all under a unit. `members` are those of `Command`.

    Raises NotFound for an unknown audience, Invalid for members out of bounds or a command that areas don't know.
    """
    row_id = new_id()
    body = {"id": row_id, "name": name, "reason": reason[:500], **members}
    try:
        command = msgspec.convert(body, Command)
    except msgspec.ValidationError as error:
        raise Invalid(what=f"lệnh {name} có giá trị không hợp lệ ({error}) / the command's values don't fit") from error
    if not timedelta(0) < life <= LIFE_MAX:
        raise Invalid(what=f"lệnh phải có hạn trong vòng {LIFE_MAX.days} ngày / a command must expire within that time")
    row = IssuedCommand(
        id=row_id,
        audience=_audience(session, name, receiver_id, unit_id),
        name=name,
        body=msgspec.to_builtins(command),
        expires_at=now + life,
        reason=reason[:500] or None,
        airing_id=airing_id,
        issued_by=actor.id,
        issued_at=now,
    )
    session.add(row)
    session.flush()
    events.record(
        session,
        f"{'system' if actor.is_system else 'user'}:command:issued",
        actor=actor,
        at=now,
        subject=("command", row_id),
        name=name,
        audience=row.audience,
        airing=airing_id,
        reason=reason,
    )
    return row


def stop_airing(
    session: Session, airing_id: str, *, actor: Actor, now: datetime, reason: str = ""
) -> list[IssuedCommand]:
    """Stop one airing everywhere: what sounds of it ends, what has not begun won't.

    One command for each unit that it is for, and for each receiver that it names. A group is its units; where an
    exception hears the command too, it has nothing of that airing to stop.
    """
    airing = session.get(Airing, airing_id)
    if airing is None:
        raise NotFound(what="lần phát / airing", id=airing_id)
    ends_at = must_sound_yet(session, airing, now)
    life = min(max(ends_at - now + timedelta(minutes=1), NAMED_STOP_LIFE), LIFE_MAX)
    reach = reach_of(session, airing.targets, on=units.date_of(airing.starts_at))
    audiences: list[tuple[str | None, str | None]] = [(unit, None) for unit in sorted(reach.units)]
    audiences += [(None, receiver) for receiver in sorted(reach.receivers - reach.except_receivers)]
    return [
        issue(
            session,
            "stop",
            actor=actor,
            now=now,
            life=life,
            unit_id=unit,
            receiver_id=receiver,
            reason=reason,
            airing_id=airing_id,
            stops_airing=airing_id,
        )
        for unit, receiver in audiences
    ]


def must_sound_yet(session: Session, airing: Airing, now: datetime) -> datetime:
    """The end of the airing at the receiver where it is the last to end: a clash may have moved it there.

    Raises Conflict where that has passed: there is nothing to stop.
    """
    planned = select(Playout.planned_at, Playout.planned_ms).where(
        Playout.airing_id == airing.id, Playout.first_revision > 0, ~Playout.cancelled
    )
    spans = [
        (airing.starts_at, airing.duration_ms),
        *((row.planned_at, row.planned_ms) for row in session.execute(planned)),
    ]
    ends_at: datetime = max(at + timedelta(milliseconds=ms) for at, ms in spans)
    if ends_at <= now:
        raise Conflict(what="lần phát đã kết thúc, không còn gì để dừng / the airing is over, there is nothing to stop")
    return ends_at


def stop(
    session: Session,
    *,
    actor: Actor,
    now: datetime,
    receiver_id: str | None = None,
    unit_id: str | None = None,
    command_id: str | None = None,
    reason: str = "",
) -> IssuedCommand:
    """Stop whatever sounds at one receiver or under a unit; with `command_id` only what that command began."""
    life = STOP_LIFE if command_id is None else NAMED_STOP_LIFE
    to = {"receiver_id": receiver_id, "unit_id": unit_id}
    return issue(session, "stop", actor=actor, now=now, life=life, reason=reason, stops_command=command_id, **to)


def set_volume(session: Session, receiver_id: str, volume: int, *, actor: Actor, now: datetime) -> IssuedCommand:
    """Set the volume of one receiver, in per cent of its full scale; its plan's caps hold."""
    return issue(session, "volume", actor=actor, now=now, life=SETTING_LIFE, receiver_id=receiver_id, volume=volume)


def mute(
    session: Session,
    *,
    until: datetime | None,
    actor: Actor,
    now: datetime,
    receiver_id: str | None = None,
    unit_id: str | None = None,
    reason: str = "",
) -> IssuedCommand:
    """Silence until an instant (None: no longer). Emergencies still sound."""
    life = SETTING_LIFE if until is None else min(max(until - now, NAMED_STOP_LIFE), LIFE_MAX)
    to = {"receiver_id": receiver_id, "unit_id": unit_id}
    until_ms = 0 if until is None else to_ms(until)
    return issue(session, "mute", actor=actor, now=now, life=life, reason=reason, until=until_ms, **to)


def test_tone(session: Session, receiver_id: str, duration_ms: int, *, actor: Actor, now: datetime) -> IssuedCommand:
    """A tone from one receiver, now or not at all; quiet hours hold for it too."""
    ms = duration_ms
    return issue(session, "test-tone", actor=actor, now=now, life=AT_ONCE_LIFE, receiver_id=receiver_id, duration_ms=ms)


def refresh(session: Session, receiver_id: str, *, actor: Actor, now: datetime) -> IssuedCommand:
    """Have a receiver say hello anew and look at its plan and audio again."""
    return issue(session, "refresh", actor=actor, now=now, life=NAMED_STOP_LIFE, receiver_id=receiver_id)


def play_now(
    session: Session,
    items: Sequence[ItemFacts],
    store: ObjectStore,
    *,
    actor: Actor,
    now: datetime,
    receiver_id: str | None = None,
    unit_id: str | None = None,
    life: timedelta = AT_ONCE_LIFE,
    reason: str = "",
    **members: Any,
) -> IssuedCommand:
    """Play these items at once. Their records are kept under the command; they are not airtime of an airing.

    A command to one receiver names the sounds of its profile. One to an area is a single message that all there obey,
    so it names one sound of each item: that of the profile that all of them have, and where they differ the one for
    horns. Speech that is shaped for horns is understood from any loudspeaker; full-range speech loses consonants on a
    horn. Raises NotFound where a sound isn't there (any more).
    """
    if not items:
        raise Invalid(what="chưa chọn bản tin nào để phát / nothing to play was chosen")
    profile = _profile_at(session, receiver_id, unit_id, now)
    chosen = [Item(item=item.id, duration_ms=item.duration_ms, sha256=item.sound(profile)) for item in items]
    objects = [content.manifest(store, sha256) for sha256 in sorted({item.sound(profile) for item in items})]
    members |= {"items": msgspec.to_builtins(chosen), "objects": msgspec.to_builtins(objects)}
    to = {"receiver_id": receiver_id, "unit_id": unit_id}
    return issue(session, "play-now", actor=actor, now=now, life=life, reason=reason, **to, **members)


def send_pending(db: Database, keyring: Keyring, link: Link, leadership_check: LeadershipCheck, clock: Clock) -> int:
    """Sign what is unsigned, publish what is unpublished and not expired. Returns how many the broker took."""
    waiting = select(IssuedCommand.id).where(
        IssuedCommand.published_at.is_(None), IssuedCommand.expires_at > clock.now()
    )
    with db.reading() as session:
        if session.scalar(waiting.limit(1)) is None:
            return 0
    with db.writing() as session:
        leadership_check(session)
        rows = list(
            session.scalars(
                select(IssuedCommand)
                .where(IssuedCommand.id.in_(waiting))
                .order_by(IssuedCommand.issued_at)
                .limit(BATCH)
            )
        )
        now = clock.now()
        for row in rows:
            if row.token is None:
                row.token = _sign(keyring, row, sequences.next_number(session, row.audience, now), now).decode()
    if not link.connected:
        return 0
    deliveries = [link.publish(_topic(row.audience), (row.token or "").encode(), qos=1) for row in rows]
    done = [row.id for row, there in zip(rows, content.acknowledged(deliveries, clock), strict=True) if there]
    with db.writing() as session:
        session.execute(update(IssuedCommand).where(IssuedCommand.id.in_(done)).values(published_at=clock.now()))
    return len(done)


def resend(session: Session, receiver_id: str, path: Sequence[str], now: datetime) -> int:
    """A receiver came back: have the leader send again what it has not answered. Returns how many commands.

    `path` is its unit and all above.
    """
    named = func.coalesce(IssuedCommand.copy_of_id, IssuedCommand.id)
    answered = exists().where(CommandAnswer.command_id == named, CommandAnswer.receiver_id == receiver_id)
    audience = topics.audience(receiver_id)
    live = select(IssuedCommand).where(IssuedCommand.expires_at > now, ~answered)
    own = list(session.scalars(live.where(IssuedCommand.audience == audience, IssuedCommand.published_at.is_not(None))))
    for command in own:
        command.published_at = None
    copied = set(session.scalars(select(IssuedCommand.copy_of_id).where(IssuedCommand.audience == audience)))
    areas = [topics.area_audience(unit) for unit in path]
    # A copy gets a new number, so an old mute must not come back over one that was given since.
    newest_mute = session.scalar(
        select(func.max(IssuedCommand.issued_at)).where(
            IssuedCommand.audience.in_([audience, *areas]), IssuedCommand.name == "mute", IssuedCommand.expires_at > now
        )
    )
    missed = [
        row
        for row in session.scalars(live.where(IssuedCommand.audience.in_(areas)))
        if row.id not in copied and (row.name != "mute" or row.issued_at == newest_mute)
    ]
    for command in missed:
        session.add(
            IssuedCommand(
                audience=audience,
                name=command.name,
                body=command.body,
                expires_at=command.expires_at,
                reason=command.reason,
                airing_id=command.airing_id,
                copy_of_id=command.id,
                issued_by=command.issued_by,
                issued_at=now,
            )
        )
    return len(own) + len(missed)


def _audience(session: Session, name: CommandName, receiver_id: str | None, unit_id: str | None) -> str:
    if (receiver_id is None) == (unit_id is None):
        raise Invalid(what="lệnh phải gửi tới một bộ thu hoặc một đơn vị / a command goes to one receiver or one unit")
    if receiver_id is not None:
        if session.get(Receiver, receiver_id) is None:
            raise NotFound(what="bộ thu / receiver", id=receiver_id)
        return topics.audience(receiver_id)
    if name not in AREA_COMMANDS:
        raise Invalid(what=f"lệnh {name} chỉ gửi được tới từng bộ thu / this command goes to single receivers only")
    if session.get(Unit, unit_id) is None:
        raise NotFound(what="đơn vị / unit", id=unit_id)
    return topics.area_audience(str(unit_id))


def _profile_at(session: Session, receiver_id: str | None, unit_id: str | None, now: datetime) -> Profile:
    """The profile of the sounds in a command to one receiver, or to all under a unit."""
    found = select(Receiver.profile).where(Receiver.status == "active").distinct()
    if unit_id is None:
        found = found.where(Receiver.id == receiver_id)
    else:
        found = found.where(Receiver.unit_id.in_(units.below_query(session, [unit_id], on=units.date_of(now))))
    there = session.scalars(found).all()
    return there[0] if len(there) == 1 else "horn"


def _topic(audience: str) -> str:
    kind, _, name = audience.partition("/")
    return topics.area_command(name) if kind == "area" else topics.down(name, "command")


def _sign(keyring: Keyring, row: IssuedCommand, seq: int, now: datetime) -> bytes:
    return sign(
        keyring.key("command"),
        typ="command",
        iss=keyring.issuer,
        aud=row.audience,
        seq=seq,
        iat=int(now.timestamp()),
        exp=math.ceil(row.expires_at.timestamp()),
        body=msgspec.convert(row.body, Command),
        cert=keyring.certificates["command"],
    )
