"""Receivers as the server knows them: their places, identity files, revocation, presence.

A box makes its own key and enrols itself (`devices.enrolment`). `enrol` is for what can't: it makes the key pair, keeps
the public key and the password's hash, and gives the secrets away exactly once, in the `Identity` that goes onto the
box.
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
from devices import credentials, passwords
from devices.authority import Authority
from devices.keyring import Keyring
from devices.protocol.reports import Hello, Status
from devices.protocol.signing import SigningKey
from devices.receiver import tls
from devices.receiver.identity import Identity
from devices.tables import Receiver

CLUSTERS_MAX = 500  # a station's amplifier with more clusters than this is a slip of the finger


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where receivers find the broker.

    `ca` is the PEM of the CA that its certificate is by: receivers then come with a client certificate. `tls_ca` is the
    path *on the box* of such a CA, for a broker that asks for passwords over TLS. With neither there is no TLS.
    """

    host: str
    port: int
    tls_ca: str | None = None
    ca: str = ""


def place(
    session: Session,
    *,
    unit: Unit,
    name: str,
    clusters: int,
    profile: str | None = None,
    clock: Clock,
    actor: Actor,
) -> Receiver:
    """A place for a receiver, which waits for its box.

    `profile`: of the sounds that it plays; None: that which its clusters suggest (see `default_profile`).
    """
    receiver = _new(unit=unit, name=name, clusters=clusters, profile=profile, status="waiting", clock=clock)
    session.add(receiver)
    session.flush()
    _record(session, "user:receiver:placed", receiver, clock=clock, actor=actor)
    return receiver


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
    authority: Authority | None = None,
) -> tuple[Receiver, Identity]:
    """A new receiver at a unit, and what goes onto the box; the secrets in it are kept nowhere here.

    For simulated receivers and for boxes that can't make keys: the others enrol themselves (`devices.enrolment`).
    `machine` binds the identity to one machine (its digest), so that a cloned card stays silent. `authority` is needed
    where `broker` asks for client certificates.
    """
    key, password = SigningKey.generate(), "" if broker.ca else passwords.generate()
    receiver = _new(unit=unit, name=name, clusters=clusters, profile=profile, status="active", clock=clock)
    receiver.broker_password = passwords.hashed(password) if password else ""
    session.add(receiver)
    session.flush()
    credentials.begin_key(session, receiver, key.public.hex, clock.now(), machine=machine)
    certificate = tls_key = ""
    if broker.ca and authority is not None:
        tls_key = tls.new_key()
        certificate = credentials.certify(session, receiver, tls.request_for(tls_key), authority, clock.now())
    _record(session, "user:receiver:enrolled", receiver, clock=clock, actor=actor, key=key.kid)
    identity = Identity(
        receiver=receiver.id,
        key=key.seed.hex(),
        root=keyring.root.hex,
        certificates=keyring.taught,
        broker_host=broker.host,
        broker_port=broker.port,
        password=password,
        tls_ca=broker.tls_ca,
        ca=broker.ca,
        certificate=certificate,
        tls_key=tls_key,
        machine=machine,
        place=receiver.name,
    )
    return receiver, identity


def _new(*, unit: Unit, name: str, clusters: int, profile: str | None, status: str, clock: Clock) -> Receiver:
    if not name.strip():
        raise Invalid(what="tên bộ thu đang để trống / the receiver's name is empty")
    if not 1 <= clusters <= CLUSTERS_MAX:
        raise Invalid(what=f"số cụm loa phải từ 1 đến {CLUSTERS_MAX} / clusters must be 1 to {CLUSTERS_MAX}")
    return Receiver(
        id=new_id(),
        unit_id=unit.id,
        name=name.strip(),
        clusters=clusters,
        profile=profiles.checked(profile) if profile else default_profile(clusters),
        status=status,
        public_key="",
        broker_password="",
        enrolled_at=clock.now(),
        online=False,
        held_revision=0,
    )


def _record(session: Session, kind: str, receiver: Receiver, *, clock: Clock, actor: Actor, **more: str) -> None:
    events.record(
        session,
        kind,
        actor=actor,
        at=clock.now(),
        subject=("receiver", receiver.id),
        unit=receiver.unit_id,
        name=receiver.name,
        clusters=receiver.clusters,
        profile=receiver.profile,
        **more,
    )


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
    """No longer believe a receiver: its password, its key and its certificates stop to count from this transaction on.

    The broker learns of it from its list of revoked certificates and its password file, and the box's connection is
    cut (`devices.eviction`). Unused codes for the place are void; with a new one another box can take the place. Raises
    `Conflict` when it is revoked already.
    """
    receiver = get(session, receiver_id)
    if receiver.status == "revoked":
        raise Conflict(what="bộ thu đã bị thu hồi trước đó / the receiver was revoked before")
    receiver.status = "revoked"
    credentials.end_keys(session, receiver.id, "revoked", clock.now())
    credentials.void_codes(session, [receiver.id], clock.now())
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
    """The `$7$` hash of an active receiver, by its id; None for anybody else, and where it has no password."""
    found = select(Receiver.broker_password).where(Receiver.id == username, Receiver.status == "active")
    return session.scalar(found) or None


def password_hashes(session: Session) -> dict[str, str]:
    """The hash of every active receiver that has a password, by id."""
    held = (Receiver.status == "active", Receiver.broker_password != "")
    rows = session.execute(select(Receiver.id, Receiver.broker_password).where(*held))
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


def alarm(session: Session, receiver_id: str, name: str, *, clock: Clock) -> None:
    """What a person should know of a receiver, in the words of its own alarms."""
    receiver = get(session, receiver_id)
    events.record(
        session,
        "receiver:receiver:alarm",
        actor=Actor(f"receiver:{receiver.id}", receiver.name),
        at=clock.now(),
        subject=("receiver", receiver.id),
        name=name,
        detail="",
    )


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
