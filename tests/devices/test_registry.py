"""Enrolment, revocation, presence."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import units
from core.clock import ManualClock, to_ms
from core.database import Database
from core.errors import Conflict, Invalid, NotFound
from core.events import Actor, Event
from core.ids import new_id
from core.units import Unit
from devices import passwords, registry
from devices.keyring import Keyring
from devices.protocol.reports import Hello, Status
from devices.receiver.identity import Identity
from devices.registry import BrokerAddress
from devices.tables import Receiver

AN = Actor("01J0000000000000000000USER", "Nguyễn Thị An")
TODAY = date(2026, 7, 28)
ADDRESS = BrokerAddress("mqtt.example.vn", 8883, "/etc/ca.pem")


@pytest.fixture
def keyring(tmp_path: Path, clock: ManualClock) -> Keyring:
    return Keyring.create(tmp_path / "keys", clock.now())


def unit(session: Session, name: str, parent: Unit | None = None) -> Unit:
    return units.add(session, kind="commune" if parent else "province", name=name, parent=parent)


def enrolled(
    session: Session, at: Unit, keyring: Keyring, clock: ManualClock, **facts: str
) -> tuple[Receiver, Identity]:
    return registry.enrol(
        session,
        unit=at,
        name=facts.get("name", "Nhà văn hóa"),
        clusters=3,
        keyring=keyring,
        broker=ADDRESS,
        clock=clock,
        actor=AN,
        machine=facts.get("machine", ""),
    )


def kinds(session: Session) -> list[str]:
    return list(session.scalars(select(Event.kind).order_by(Event.seq)))


def test_enrolling_gives_the_secrets_away_once_and_keeps_none(
    db: Database, keyring: Keyring, clock: ManualClock
) -> None:
    with db.writing() as session:
        receiver, identity = enrolled(session, unit(session, "Bắc Ninh"), keyring, clock, machine="m")
    assert identity.receiver == receiver.id
    assert identity.root == keyring.root.hex
    assert identity.certificates == keyring.taught
    assert (identity.broker_host, identity.broker_port, identity.tls_ca) == ("mqtt.example.vn", 8883, "/etc/ca.pem")
    assert identity.machine == "m"
    assert identity.signing_key().public.hex == receiver.public_key
    with db.reading() as session:
        stored = registry.password_hash(session, receiver.id)
        assert stored is not None
        assert passwords.verify(identity.password, stored)
        row = session.get_one(Receiver, receiver.id)
        everything = json.dumps([str(getattr(row, column.key)) for column in Receiver.__table__.columns])
        everything += json.dumps([event.data for event in session.scalars(select(Event))])
        assert identity.password not in everything
        assert identity.key not in everything
        assert kinds(session) == ["user:receiver:enrolled"]
        event = session.scalars(select(Event)).one()
        assert (event.actor_id, event.subject_id, event.at) == (AN.id, receiver.id, clock.now())


def test_two_receivers_share_no_secret(sqlite_db: Database, keyring: Keyring, clock: ManualClock) -> None:
    with sqlite_db.writing() as session:
        here = unit(session, "Bắc Ninh")
        (_, one), (_, other) = enrolled(session, here, keyring, clock), enrolled(session, here, keyring, clock)
    assert one.key != other.key
    assert one.password != other.password


@pytest.mark.parametrize(("name", "clusters"), [(" ", 1), ("Loa", 0), ("Loa", -1), ("Loa", 501)])
def test_what_makes_no_sense_is_refused(
    sqlite_db: Database, keyring: Keyring, clock: ManualClock, name: str, clusters: int
) -> None:
    with pytest.raises(Invalid), sqlite_db.writing() as session:
        registry.enrol(
            session,
            unit=unit(session, "Bắc Ninh"),
            name=name,
            clusters=clusters,
            keyring=keyring,
            broker=ADDRESS,
            clock=clock,
            actor=AN,
        )


def test_a_revoked_receiver_is_nobody(db: Database, keyring: Keyring, clock: ManualClock) -> None:
    with db.writing() as session:
        here = unit(session, "Bắc Ninh")
        receiver, _ = enrolled(session, here, keyring, clock)
        registry.mark_status(session, receiver.id, Status(online=True), clock=clock)
        registry.revoke(session, receiver.id, reason="mất trộm", clock=clock, actor=AN)
    with db.writing() as session:
        assert registry.password_hash(session, receiver.id) is None
        assert registry.password_hashes(session) == {}
        assert registry.at_units(session, [here.id], on=TODAY) == []
        assert registry.mark_status(session, receiver.id, Status(online=True), clock=clock) is None
        assert registry.mark_hello(session, receiver.id, hello(), clock=clock) is None
        assert registry.mark_held(session, receiver.id, 5, clock=clock) is None
        assert not registry.get(session, receiver.id).online
        assert kinds(session)[-2:] == ["receiver:receiver:offline", "user:receiver:revoked"]
        with pytest.raises(Conflict):
            registry.revoke(session, receiver.id, reason="", clock=clock, actor=AN)


def test_nobody_is_found_by_another_name(sqlite_db: Database, clock: ManualClock) -> None:
    with sqlite_db.writing() as session:
        assert registry.password_hash(session, "server") is None
        assert registry.mark_offline(session, new_id(), clock=clock) is None
        with pytest.raises(NotFound):
            registry.get(session, new_id())


def test_presence_follows_what_is_heard(db: Database, keyring: Keyring, clock: ManualClock) -> None:
    with db.writing() as session:
        receiver, _ = enrolled(session, unit(session, "Bắc Ninh"), keyring, clock)
        assert not receiver.online
        assert receiver.heard_at is None
    clock.advance(timedelta(seconds=10))
    said = hello(revision=7)
    with db.writing() as session:
        held = registry.mark_hello(session, receiver.id, said, clock=clock)
        assert held is not None
        assert (held.online, held.heard_at, held.held_revision) == (True, clock.now(), 7)
        assert (held.software, held.boot) == (said.software, said.boot)
        registry.mark_held(session, receiver.id, 9, clock=clock)
        registry.mark_held(session, receiver.id, 8, clock=clock)  # late: what is held doesn't go back
        assert held.held_revision == 9
    clock.advance(timedelta(seconds=10))
    with db.writing() as session:
        registry.mark_status(session, receiver.id, Status(online=True, volume=70), clock=clock)
    heard = clock.now()
    clock.advance(timedelta(minutes=5))
    with db.writing() as session:
        registry.mark_status(session, receiver.id, Status(online=False), clock=clock)
    with db.reading() as session:
        row = registry.get(session, receiver.id)
        assert not row.online
        assert row.heard_at == heard  # a last will is the broker's word, not the receiver's
        assert row.last_status is not None
        assert row.last_status["volume"] == 70
        assert kinds(session) == ["user:receiver:enrolled", "receiver:receiver:online", "receiver:receiver:offline"]


def test_a_status_that_the_broker_kept_was_heard_when_it_was_said(
    sqlite_db: Database, keyring: Keyring, clock: ManualClock
) -> None:
    said_at = clock.now()
    with sqlite_db.writing() as session:
        receiver, _ = enrolled(session, unit(session, "Bắc Ninh"), keyring, clock)
        clock.advance(timedelta(days=2))
        status = Status(online=True, at=to_ms(said_at))
        registry.mark_status(session, receiver.id, status, clock=clock, retain=True)
        assert receiver.heard_at == said_at


def test_receivers_below_a_unit(db: Database, keyring: Keyring, clock: ManualClock) -> None:
    with db.writing() as session:
        province = unit(session, "Bắc Ninh")
        one, other = unit(session, "Xã Một", province), unit(session, "Xã Hai", province)
        first, _ = enrolled(session, one, keyring, clock, name="B")
        second, _ = enrolled(session, other, keyring, clock, name="A")
        assert registry.at_units(session, [province.id], on=TODAY) == [second, first]
        assert registry.at_units(session, [one.id], on=TODAY) == [first]
        assert registry.at_units(session, [one.id, other.id, one.id], on=TODAY) == [second, first]
        assert registry.at_units(session, [], on=TODAY) == []


def test_the_password_file_holds_the_active_and_the_server(
    sqlite_db: Database, keyring: Keyring, clock: ManualClock, tmp_path: Path
) -> None:
    path = tmp_path / "passwords"
    with sqlite_db.writing() as session:
        here = unit(session, "Bắc Ninh")
        (kept, identity), (gone, _) = enrolled(session, here, keyring, clock), enrolled(session, here, keyring, clock)
        assert registry.write_password_file(session, path, {"server": "its password"})
        assert not registry.write_password_file(session, path, {"server": "its password"})  # not for another salt
        registry.revoke(session, gone.id, reason="", clock=clock, actor=AN)
        assert registry.write_password_file(session, path, {"server": "its password"})
        held = passwords.read_file(path)
        assert set(held) == {"server", kept.id}
        assert passwords.verify(identity.password, held[kept.id])
        assert registry.write_password_file(session, path, {"server": "a new one"})
        assert passwords.verify("a new one", passwords.read_file(path)["server"])


def hello(revision: int = 0) -> Hello:
    return Hello(revision=revision, software="truyenthanh 0.1.0", boot=new_id())
