"""Receivers of both profiles: what plans name, what is published, what is ready, what is proof, and a change."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from broadcast import commands, content, playouts, receiver_profiles
from broadcast.tables import Playout, ProgrammeItem, ReceiverObject
from core.clock import ManualClock
from core.errors import Conflict, Invalid, NotFound
from core.events import Event
from core.profiles import Profile
from devices import registry
from tests.broadcast.transmission.test_playouts import accept, close, played, send
from tests.broadcast.transmission.world import OPERATOR, Box, World

HOUR = timedelta(hours=1)


def planned(world: World) -> str:
    with world.db.writing() as session:
        airing = world.airing(session, HOUR).id
        world.request_all(session)
    world.issue()
    return airing


def named(world: World, box: Box) -> list[str | None]:
    (airing,) = world.plan_of(box).airings
    return [item.sha256 for item in airing.items]


def sounds(world: World, profile: Profile) -> list[str]:
    return [(item.horn_sha256 or "none") if profile == "horn" else item.sha256 for item in world.items]


def change(world: World, box: Box, profile: str) -> None:
    with world.db.writing() as session:
        receiver_profiles.change(session, box.id, profile, actor=OPERATOR, clock=world.clock)


def hold(world: World, box: Box, sha256s: list[str]) -> None:
    with world.db.writing() as session:
        for sha256 in sha256s:
            session.add(ReceiverObject(receiver_id=box.id, sha256=sha256, ready_at=world.clock.now()))
        playouts.recompute(session, playouts.open_of(session, [box.id], world.clock.now()), world.clock.now())


def test_a_plan_names_the_sounds_of_its_receivers_profile(world: World) -> None:
    planned(world)
    assert named(world, world.a) == named(world, world.b) == sounds(world, "horn")
    assert named(world, world.c) == sounds(world, "full")
    for box, profile in ((world.a, "horn"), (world.c, "full")):
        assert {found.sha256 for found in world.plan_of(box).objects} == set(sounds(world, profile))  # type: ignore[arg-type]


def test_what_was_put_in_before_there_were_two_profiles_goes_to_all(world: World) -> None:
    with world.db.writing() as session:
        session.execute(update(ProgrammeItem).values(horn_sha256=None))
    airing = planned(world)
    assert named(world, world.a) == named(world, world.c) == sounds(world, "full")
    with world.db.reading() as session:
        assert content.needed(session, world.clock.now()) == set(sounds(world, "full"))
    accept(world, world.a)
    hold(world, world.a, sounds(world, "full"))
    assert world.playout(airing, world.a).state == "ready"


def test_only_profiles_that_some_receiver_has_are_published(world: World) -> None:
    planned(world)
    with world.db.reading() as session:
        assert content.needed(session, world.clock.now()) == {*sounds(world, "full"), *sounds(world, "horn")}
    with world.db.writing() as session:
        registry.revoke(session, world.c.id, reason="Mất trộm", clock=world.clock, actor=OPERATOR)
    with world.db.reading() as session:
        assert content.needed(session, world.clock.now()) == set(sounds(world, "horn"))


def test_ready_means_the_sounds_of_its_profile(world: World) -> None:
    airing = planned(world)
    accept(world, world.a)
    hold(world, world.a, sounds(world, "full"))
    assert world.playout(airing, world.a).state == "delivered"
    hold(world, world.a, sounds(world, "horn"))
    assert world.playout(airing, world.a).state == "ready"


def test_a_changed_profile_is_recorded_and_brings_a_new_plan(world: World) -> None:
    airing = planned(world)
    accept(world, world.a)
    hold(world, world.a, sounds(world, "horn"))
    before = world.plan_of(world.a).revision
    change(world, world.a, "full")
    assert world.playout(airing, world.a).state == "delivered"  # the other sounds aren't there yet
    assert world.issue() == 1
    plan = world.plan_of(world.a)
    assert plan.revision > before
    assert named(world, world.a) == sounds(world, "full")
    with world.db.reading() as session:
        event = session.scalars(select(Event).where(Event.kind == "user:receiver:profile-set")).one()
        assert (event.subject_id, event.data) == (world.a.id, {"before": "horn", "profile": "full"})
        row = session.get_one(Playout, (airing, world.a.id))
        assert (row.cancelled, row.dropped_revision) == (False, None)
    hold(world, world.a, sounds(world, "full"))
    assert world.playout(airing, world.a).state == "ready"
    change(world, world.a, "full")  # the same again is nothing
    assert world.issue() == 0


def test_what_is_no_profile_and_who_is_gone_are_refused(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        change(world, world.a, "stereo")
    assert "horn (loa nén)" in caught.value.text("vi")
    with pytest.raises(NotFound):
        change(world, Box("01J00000000000000000000000", world.a.key, ""), "full")
    with world.db.writing() as session:
        registry.revoke(session, world.a.id, reason="Mất trộm", clock=world.clock, actor=OPERATOR)
    with pytest.raises(Conflict):
        change(world, world.a, "full")


def test_a_receiver_that_still_plays_by_the_plan_before_has_played(world: World, clock: ManualClock) -> None:
    """Its profile was changed on the server; the box was out of reach and played the other approved sound."""
    airing = planned(world)
    accept(world, world.a)
    change(world, world.a, "full")
    world.issue()
    clock.advance(HOUR + timedelta(seconds=40))
    send(world, world.a, played(world, world.a, airing))
    done = world.playout(airing, world.a)
    assert (done.state, done.played_ms) == ("finished", 35_000)


def test_another_sound_than_the_two_proves_nothing(world: World, clock: ManualClock) -> None:
    airing = planned(world)
    accept(world, world.a)
    clock.advance(HOUR + timedelta(minutes=6))
    start = clock.now() - timedelta(minutes=6)
    foreign = world.boxes[world.a.id]
    send(world, world.a, [foreign.record(airing, item, start, sha256="0" * 64) for item in world.items])
    close(world, airing)
    assert world.playout(airing, world.a).state == "unconfirmed"


@pytest.mark.parametrize(
    ("where", "heard"),
    [("a", "horn"), ("c", "full"), ("south", "full"), ("north", "horn"), ("province", "horn")],
)
def test_a_command_names_what_its_receivers_can_play(world: World, where: str, heard: Profile) -> None:
    """One for an area is one message for all there: where they differ it names the sound for horns."""
    place = getattr(world, where)
    to = {"receiver_id": place.id} if isinstance(place, Box) else {"unit_id": place}
    with world.db.writing() as session:
        row = commands.play_now(
            session, world.items, world.store, actor=OPERATOR, now=world.clock.now(), class_="emergency", **to
        )
    assert [item["sha256"] for item in row.body["items"]] == sounds(world, heard)
    assert {found["sha256"] for found in row.body["objects"]} == set(sounds(world, heard))
    with world.db.reading() as session:
        assert content.needed(session, world.clock.now()) == set(sounds(world, heard))


def test_a_command_whose_sound_is_gone_is_not_given(world: World) -> None:
    world.store.remove(world.items[0].sound("horn"))
    with pytest.raises(NotFound), world.db.writing() as session:
        commands.play_now(
            session, world.items, world.store, actor=OPERATOR, now=world.clock.now(), receiver_id=world.a.id
        )
