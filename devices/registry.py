"""Receivers as the server knows them: enrolment, revocation, presence.

Enrolment makes the box's key pair and broker password, keeps the public key and the password's hash, and gives the
secrets away exactly once, in the `Identity` that goes onto the box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import events, profiles, units
from core.clock import Clock, from_ms
from core.errors import Conflict, Invalid, NotFound
from core.events import Actor
from core.ids import new_id
from core.profiles import Profile
from core.units import Unit
from devices import passwords
from devices.keyring import Keyring
from devices.protocol.reports import Hello, Status
from devices.protocol.signing import SigningKey
from devices.receiver.identity import Identity
from devices.tables import Receiver

CLUSTERS_MAX = 500  # a station's amplifier with more clusters than this is a slip of the finger


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where receivers find the broker. `tls_ca` is the path *on the box* of the CA to trust; None: no TLS."""

    host: str
    port: int
    tls_ca: str | None = None


def enrol(
    session: Session,
    *,
    unit: Unit,
    name: str,
    clusters: int,
    profile: str | None = None,
    keyring: Keyring,
    broker: BrokerAddress,
    clock: Clock,
    actor: Actor,
    machine: str = "",
) -> tuple[Receiver, Identity]:
    """A new receiver at a unit, and what goes onto the box; the secrets in it are kept nowhere here.

    `profile`: of the sounds that it plays; None: that which its clusters suggest (see `default_profile`).
    `machine` binds the identity to one machine (its digest), so that a cloned card stays silent.
    """
    if not name.strip():
        raise Invalid(what="tên bộ thu đang để trống / the receiver's name is empty")
    if not 1 <= clusters <= CLUSTERS_MAX:
        raise Invalid(what=f"số cụm loa phải từ 1 đến {CLUSTERS_MAX} / clusters must be 1 to {CLUSTERS_MAX}")
    key, password = SigningKey.generate(), passwords.generate()
    receiver = Receiver(
        id=new_id(),
        unit_id=unit.id,
        name=name.strip(),
        clusters=clusters,
        profile=profiles.checked(profile) if profile else default_profile(clusters),
        status="active",
        public_key=key.public.hex,
        broker_password=passwords.hashed(password),
        enrolled_at=clock.now(),
        online=False,
        held_revision=0,
    )
    session.add(receiver)
    session.flush()
    events.record(
        session,
        "user:receiver:enrolled",
        actor=actor,
        at=clock.now(),
        subject=("receiver", receiver.id),
        unit=unit.id,
        name=receiver.name,
        clusters=clusters,
        profile=receiver.profile,
        key=key.kid,
    )
    identity = Identity(
        receiver=receiver.id,
        key=key.seed.hex(),
        root=keyring.root.hex,
        certificates=list(keyring.certificates.values()),
        broker_host=broker.host,
        broker_port=broker.port,
        password=password,
        tls_ca=broker.tls_ca,
        machine=machine,
    )
    return receiver, identity


def default_profile(clusters: int) -> Profile:
    """A box with one cluster has horns of its own; one with several behind it feeds an amplifier or transmitter."""
    return "horn" if clusters == 1 else "full"


def set_profile(session: Session, receiver_id: str, profile: str, *, clock: Clock, actor: Actor) -> bool:
    """Have a receiver play the sounds of another profile; False where it is so already.

    Whoever calls also has its plan issued anew. Raises `NotFound`, `Invalid`, `Conflict` for a revoked one.
    """
    wanted = profiles.checked(profile)
    receiver = get(session, receiver_id)
    if receiver.status == "revoked":
        raise Conflict(what="bộ thu đã bị thu hồi, không đổi được / the receiver was revoked and can't be changed")
    if receiver.profile == wanted:
        return False
    before, receiver.profile = receiver.profile, wanted
    events.record(
        session,
        "user:receiver:profile-set",
        actor=actor,
        at=clock.now(),
        subject=("receiver", receiver.id),
        before=before,
        profile=wanted,
    )
    return True


def get(session: Session, receiver_id: str) -> Receiver:
    """The receiver. Raises `NotFound`."""
    receiver = session.get(Receiver, receiver_id)
    if receiver is None:
        raise NotFound(what="bộ thu / receiver", id=receiver_id)
    return receiver


def revoke(session: Session, receiver_id: str, *, reason: str, clock: Clock, actor: Actor) -> Receiver:
    """No longer believe a receiver: its password and its key stop to count from this transaction on.

    Whoever calls also disconnects its session (`EmbeddedBroker.disconnect`, or mosquitto's password file and a
    restart of the connection) and lists it in the next revocation list. Raises `Conflict` when it is revoked already.
    """
    receiver = get(session, receiver_id)
    if receiver.status == "revoked":
        raise Conflict(what="bộ thu đã bị thu hồi trước đó / the receiver was revoked before")
    receiver.status = "revoked"
    _set_online(session, receiver, online=False, clock=clock)
    events.record(
        session,
        "user:receiver:revoked",
        actor=actor,
        at=clock.now(),
        subject=("receiver", receiver.id),
        reason=reason,
    )
    return receiver


def password_hash(session: Session, username: str) -> str | None:
    """The `$7$` hash of an active receiver, by its id; None for anybody else."""
    found = select(Receiver.broker_password).where(Receiver.id == username, Receiver.status == "active")
    return session.scalar(found)


def password_hashes(session: Session) -> dict[str, str]:
    """Every active receiver's hash, by id."""
    rows = session.execute(select(Receiver.id, Receiver.broker_password).where(Receiver.status == "active"))
    return {row.id: row.broker_password for row in rows}


def write_password_file(session: Session, path: Path, servers: Mapping[str, str]) -> bool:
    """Make mosquitto's password_file of the active receivers and these users (name → password) of the server.

    False if it was so already; else mosquitto needs a SIGHUP. A server user's hash is kept while it still fits its
    password, so that nothing is rewritten for another salt. Raises `core.errors.DiskFull`.
    """
    held = passwords.read_file(path)
    hashes = password_hashes(session)
    for name, password in servers.items():
        stored = held.get(name, "")
        hashes[name] = stored if passwords.verify(password, stored) else passwords.hashed(password)
    return passwords.write_file(path, hashes)


def at_units(session: Session, unit_ids: Sequence[str], *, on: date) -> list[Receiver]:
    """The active receivers at these units and at all below them on this date, by name."""
    wanted = units.below_query(session, unit_ids, on=on)
    found = select(Receiver).where(Receiver.unit_id.in_(wanted), Receiver.status == "active")
    return list(session.scalars(found.order_by(Receiver.name, Receiver.id)))


# Presence. Each takes what a receiver said; an unknown or revoked one is None and changes nothing.


def mark_hello(session: Session, receiver_id: str, hello: Hello, *, clock: Clock) -> Receiver | None:
    """A receiver connected: online, with this software, this start, and this plan in its hands."""
    receiver = _heard(session, receiver_id, clock=clock)
    if receiver is not None:
        receiver.software = hello.software
        receiver.boot = hello.boot
        receiver.held_revision = hello.revision
        _set_online(session, receiver, online=True, clock=clock)
    return receiver


def mark_status(
    session: Session, receiver_id: str, status: Status, *, clock: Clock, retain: bool = False
) -> Receiver | None:
    """A receiver's status, or its last will (`online` false).

    `retain`: the broker had kept it, so it was said at `status.at`, not now; it doesn't make a receiver heard.
    """
    receiver = session.get(Receiver, receiver_id)
    if receiver is None or receiver.status != "active":
        return None
    if status.online and not retain:
        receiver.heard_at = clock.now()
    elif status.online and status.at is not None:
        said = from_ms(status.at)
        receiver.heard_at = max(said, receiver.heard_at) if receiver.heard_at else said
    if status.online:  # a last will knows nothing beyond that it is one
        receiver.last_status = msgspec.to_builtins(status)
    _set_online(session, receiver, online=status.online, clock=clock)
    return receiver


def mark_offline(session: Session, receiver_id: str, *, clock: Clock) -> Receiver | None:
    """A receiver was not heard for too long, or said goodbye."""
    receiver = session.get(Receiver, receiver_id)
    if receiver is not None:
        _set_online(session, receiver, online=False, clock=clock)
    return receiver


def mark_held(session: Session, receiver_id: str, revision: int, *, clock: Clock) -> Receiver | None:
    """A receiver accepted a plan."""
    receiver = _heard(session, receiver_id, clock=clock)
    if receiver is not None:
        receiver.held_revision = max(receiver.held_revision, revision)
    return receiver


def _heard(session: Session, receiver_id: str, *, clock: Clock) -> Receiver | None:
    receiver = session.get(Receiver, receiver_id)
    if receiver is None or receiver.status != "active":
        return None
    receiver.heard_at = clock.now()
    return receiver


def _set_online(session: Session, receiver: Receiver, *, online: bool, clock: Clock) -> None:
    if receiver.online == online:
        return
    receiver.online = online
    events.record(
        session,
        f"receiver:receiver:{'online' if online else 'offline'}",
        actor=Actor(f"receiver:{receiver.id}", receiver.name),
        at=clock.now(),
        subject=("receiver", receiver.id),
    )
