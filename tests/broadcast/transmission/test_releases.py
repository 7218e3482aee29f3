"""Rolling out the receivers' software: signed, in stages that grow, halted by the first that goes back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from audio.store import ObjectStore
from broadcast import content, releases
from broadcast.release_tables import SoftwareOffer, SoftwareRelease
from broadcast.releases import Stage
from broadcast.tables import CommandAnswer, IssuedCommand
from core import events
from core.clock import ManualClock
from core.errors import Conflict, Invalid, NotFound
from core.events import Actor
from core.ids import new_id
from devices.keyring import Keyring
from devices.protocol.plan import Manifest
from devices.protocol.releases import Release, sign_release
from devices.receiver.updates import pack
from devices.tables import Receiver
from tests.broadcast.transmission.world import World

WHO = Actor("system:test", "test")
PACKED = pack({"devices/receiver/__main__.py": b""}, "2.0")


def signed(
    keys: Keyring, now: ManualClock, *, version: str = "2.0", by: str = "release", packed: bytes = PACKED
) -> str:
    import hashlib

    sha256 = hashlib.sha256(packed).hexdigest()
    manifest = Manifest(sha256=sha256, bytes=len(packed), chunk_sha256=[sha256])
    body = Release(release=new_id(), version=version, object=manifest)
    return sign_release(
        keys.key(by),  # type: ignore[arg-type]
        body,
        issuer=keys.issuer,
        certificate=keys.certificates[by],  # type: ignore[index]
        now=now.now(),
        until=now.now() + timedelta(days=1),
    )


@pytest.fixture
def keys(tmp_path: Path, clock: ManualClock) -> Keyring:
    return Keyring.create(tmp_path / "keys-of-releases", clock.now())


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "objects-of-releases")


def added(world: World, keys: Keyring, store: ObjectStore, clock: ManualClock) -> SoftwareRelease:
    with world.db.writing() as session:
        return releases.add(
            session, signed(keys, clock), PACKED, trust=keys.trust(), store=store, actor=WHO, clock=clock
        )


def boxes(world: World, count: int, clock: ManualClock) -> list[str]:
    with world.db.writing() as session:
        unit = session.query(Receiver.unit_id).first()
        assert unit is not None
        made = [
            Receiver(
                id=new_id(),
                unit_id=unit[0],
                name=f"Bộ thu {n}",
                status="active",
                public_key="",
                broker_password="",
                enrolled_at=clock.now(),
            )
            for n in range(count)
        ]
        session.add_all(made)
        return [one.id for one in made]


def roll(world: World, row: SoftwareRelease, clock: ManualClock, **stage: object) -> list[str]:
    with world.db.writing() as session:
        held = releases.get(session, row.version)
        return releases.roll(session, held, Stage(**stage), actor=WHO, clock=clock)  # type: ignore[arg-type]


def states(world: World, row: SoftwareRelease, clock: ManualClock) -> dict[str, str]:
    with world.db.reading() as session:
        return {one.receiver.id: one.state for one in releases.progress(session, row, clock.now())}


def test_only_what_was_signed_for_releases_is_registered(
    world: World, keys: Keyring, store: ObjectStore, clock: ManualClock
) -> None:
    def add(token: str, packed: bytes = PACKED) -> None:
        with world.db.writing() as session:
            releases.add(session, token, packed, trust=keys.trust(), store=store, actor=WHO, clock=clock)

    for token, packed in (
        ("no token", PACKED),
        (signed(keys, clock, by="plan"), PACKED),
        (signed(keys, clock), PACKED + b"x"),
    ):
        with pytest.raises(Invalid):
            add(token, packed)
    add(signed(keys, clock))
    with pytest.raises(Conflict):
        add(signed(keys, clock))  # the same version again
    with world.db.reading() as session, pytest.raises(NotFound):
        releases.get(session, "3.0")


def test_a_wider_stage_holds_the_one_before_and_offers_each_once(
    world: World, keys: Keyring, store: ObjectStore, clock: ManualClock
) -> None:
    boxes(world, 60, clock)
    row = added(world, keys, store, clock)
    first = roll(world, row, clock, percent=20)
    assert 2 <= len(first) <= 25
    assert roll(world, row, clock, percent=20) == []
    second = roll(world, row, clock, percent=60)
    assert second
    assert not set(first) & set(second)
    assert set(roll(world, row, clock, percent=100)).isdisjoint({*first, *second})
    assert set(states(world, row, clock).values()) == {"offered"}
    with world.db.reading() as session:
        assert row.sha256 in content.needed(session, clock.now())
        command = session.get(IssuedCommand, session.query(SoftwareOffer).first().command_id)  # type: ignore[union-attr]
        assert command is not None
        assert (command.name, command.body["release"]) == ("update", row.token)


def test_each_state_has_its_evidence_and_a_failure_stops_the_stages(
    world: World, keys: Keyring, store: ObjectStore, clock: ManualClock
) -> None:
    running, refusing, failing, silent = boxes(world, 4, clock)
    row = added(world, keys, store, clock)
    roll(world, row, clock, receivers=[running, refusing, failing, silent])
    with world.db.writing() as session:
        found = session.get(Receiver, running)
        assert found is not None
        found.software = "truyenthanh 2.0"
        for receiver, result in ((refusing, "refused"), (failing, "accepted")):
            offer = session.get(SoftwareOffer, (row.id, receiver))
            assert offer is not None
            session.add(
                CommandAnswer(
                    command_id=offer.command_id, receiver_id=receiver, result=result, reason="", answered_at=clock.now()
                )
            )
    assert states(world, row, clock)[failing] == "accepted"
    clock.advance(timedelta(days=7))
    assert roll(world, row, clock, receivers=[silent]) == [silent]  # its command had run out
    with world.db.writing() as session:
        events.record(
            session,
            "receiver:receiver:alarm",
            actor=WHO,
            at=clock.now(),
            subject=("receiver", failing),
            name="update-rolled-back",
            detail="2.0: it ended with status 1",
        )
    assert states(world, row, clock) == {running: "running", refusing: "refused", failing: "failed", silent: "offered"}
    with pytest.raises(Conflict):
        roll(world, row, clock, percent=100)


def test_a_halted_release_is_offered_to_nobody_and_its_offers_are_taken_back(
    world: World, keys: Keyring, store: ObjectStore, clock: ManualClock
) -> None:
    (box,) = boxes(world, 1, clock)
    row = added(world, keys, store, clock)
    roll(world, row, clock, receivers=[box])
    with world.db.writing() as session:
        releases.halt(session, releases.get(session, "2.0"), reason="", actor=WHO, clock=clock)
    assert states(world, row, clock) == {box: "expired"}
    with world.db.reading() as session:
        assert row.sha256 not in content.needed(session, clock.now())
    with pytest.raises(Conflict):
        roll(world, row, clock, percent=100)
