"""Online keys that are exchanged and revoked reach receivers with their next plans, which are asked for at once."""

from __future__ import annotations

from broadcast import delivery
from devices.keyring import Keyring, make_online_key, revoke_keys, root_key
from tests.broadcast.transmission.world import World


def asked(world: World) -> int:
    with world.db.writing() as session:
        return delivery.request_for_keys(session, world.keyring, world.clock.now())


def reload(world: World) -> None:
    """As when the scheduler starts again."""
    world.keyring = Keyring.load(world.settings.keys, ("plan", "command", "time", "ack"))


def test_exchanged_and_revoked_keys_bring_new_plans(world: World) -> None:
    folder = world.settings.keys
    assert asked(world) == 0  # nobody holds a plan yet
    with world.db.writing() as session:
        world.request_all(session)
    assert world.issue() == 3
    assert asked(world) == 0
    old = world.keyring.key("command").kid

    make_online_key(folder, root_key(folder), "command", world.clock.now())
    reload(world)
    assert asked(world) == 3
    assert world.issue() == 3
    assert sorted(world.plan_of(world.a).keys) == sorted(world.keyring.taught)
    assert world.plan_of(world.a).revocations is None
    assert asked(world) == 0

    revoke_keys(folder, [old], world.clock.now())
    reload(world)
    assert asked(world) == 3
    assert world.issue() == 3
    assert world.plan_of(world.a).revocations == world.keyring.revocations is not None
    assert asked(world) == 0
