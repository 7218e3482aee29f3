"""From what the timetable wants to what each receiver is to sound: over plain data, then through issued plans."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from broadcast import commands, offer_lists, offers, planning, playouts, readiness
from broadcast.choice_tables import ClashChoice, OfferAnswer, StandingAcceptance
from broadcast.choices import Choices, One, Standing
from broadcast.planning import AiringFacts, ItemFacts, Owner, ReceiverFacts, compose
from broadcast.settling import Promised, settle
from broadcast.tables import Bulletin, BulletinVersion, Playout, Programme, ProgrammeItem
from core.clock import ManualClock, to_ms
from core.errors import Conflict
from core.events import Event
from core.ids import new_id
from devices.protocol.plan import BroadcastClass, Manifest
from schedules.tables import Airing, Schedule
from schedules.targets import Reach
from tests.broadcast.transmission.world import OPERATOR, World, sha

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
MINUTE = 60_000
NOW = 1_785_200_000_000
COMMUNE, PROVINCE = new_id(), new_id()
RECEIVER = ReceiverFacts(new_id(), (COMMUNE, PROVINCE), communes=frozenset({COMMUNE}))
IDS = [f"{number:026}" for number in range(12)]
ABOVE, OWN = Owner(PROVINCE, None, 3), Owner(COMMUNE, COMMUNE, 1)
SHA = sha("sound")
MANIFESTS = {SHA: Manifest(sha256=SHA, bytes=1, chunk_sha256=[SHA])}


@st.composite
def timetables(draw: st.DrawFn) -> list[AiringFacts]:
    return [
        AiringFacts(
            id=one,
            starts_at=NOW + draw(st.integers(-40, 240)) * MINUTE,
            duration_ms=draw(st.integers(1, 40 * MINUTE)),
            reach=Reach(frozenset({draw(st.sampled_from([COMMUNE, PROVINCE, new_id()]))})),
            items=(ItemFacts(new_id(), SHA, 1000),),
            class_=draw(st.sampled_from(list(planning.RANK))),
            schedule_id=draw(st.sampled_from(IDS)),
            owner=draw(st.sampled_from([ABOVE, OWN, None])),
            hard_end=draw(st.booleans()),
        )
        for one in draw(st.lists(st.sampled_from(IDS), unique=True))
    ]


@st.composite
def decisions(draw: st.DrawFn) -> Choices:
    ones = st.builds(One, st.sampled_from(IDS), st.none())
    standing = {COMMUNE: (Standing(),)} if draw(st.booleans()) else {}
    answers = draw(st.dictionaries(ones.map(lambda one: (COMMUNE, one)), st.booleans(), max_size=4))
    return Choices(standing, answers, {COMMUNE: tuple(draw(st.lists(st.tuples(ones, ones), max_size=4)))})


def settled(airings: list[AiringFacts], choices: Choices, **more: Any) -> Any:
    concerned = [airing for airing in airings if planning.concerns(airing, RECEIVER)]
    given: dict[str, Any] = {"now": NOW, "rules": planning.NO_QUIET_HOURS} | more
    return settle(RECEIVER, concerned, choices=choices, zone=ZONE, **given)


@given(timetables(), decisions(), st.randoms(use_true_random=False))
def test_no_two_programmes_of_a_plan_overlap_however_they_were_saved(
    airings: list[AiringFacts], choices: Choices, rng: random.Random
) -> None:
    shuffled = list(airings)
    rng.shuffle(shuffled)
    plans = [
        compose(
            RECEIVER,
            settled(held, choices).airings,
            MANIFESTS,
            valid_from=NOW,
            valid_until=NOW + 180 * MINUTE,
        )
        for held in (airings, shuffled)
    ]
    assert plans[0] == plans[1]
    spans = sorted((airing.starts_at, airing.ends_at) for airing in plans[0].airings)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))


@given(timetables(), decisions(), st.integers(0, 200))
def test_asked_again_later_the_rest_comes_out_the_same(
    airings: list[AiringFacts], choices: Choices, minutes: int
) -> None:
    """What a plan promised stays, as long as nothing changes: also for what was moved and has not begun."""
    ahead = [replace(airing, starts_at=airing.starts_at + 40 * MINUTE) for airing in airings]
    first = settled(ahead, choices)
    promised = {one.id: Promised(one.starts_at, one.duration_ms) for one in first.airings}
    later = NOW + minutes * MINUTE
    again = settled(ahead, choices, now=later, promised=promised)
    for one in first.airings:
        if one.ends_at > later:
            assert (one.starts_at, one.duration_ms) == next(
                (same.starts_at, same.duration_ms) for same in again.airings if same.id == one.id
            )


def test_an_offer_airs_where_the_commune_takes_it() -> None:
    offer = AiringFacts(new_id(), NOW, MINUTE, Reach(frozenset({PROVINCE})), (), schedule_id="s", owner=ABOVE)
    airs = Choices({COMMUNE: (Standing(PROVINCE, "c"),)})
    assert airs.answer(offer, COMMUNE) == "unanswered"
    assert airs.answer(replace(offer, campaigns=frozenset({"c"})), COMMUNE) == "accepted"
    assert airs.answer(replace(offer, campaigns=frozenset({"c", None})), COMMUNE) == "unanswered"
    declined = Choices({COMMUNE: (Standing(),)}, {(COMMUNE, One("s", None)): False})
    assert declined.answer(offer, COMMUNE) == "declined"
    one = Choices({}, {(COMMUNE, One("s", None)): False, (COMMUNE, One("s", 0)): True})
    assert one.answer(offer, COMMUNE) == "accepted"
    for free in (replace(offer, class_="priority"), replace(offer, owner=OWN), replace(offer, owner=None)):
        assert declined.answer(free, COMMUNE) == "own"
    assert declined.answer(offer, None) == "own"  # a box of the province's own


def test_a_choice_for_one_day_wins_over_the_standing_one() -> None:
    first, second = (
        AiringFacts(name, NOW, MINUTE, Reach(), (), "priority", schedule_id=name, original_start=5) for name in "ab"
    )
    always, today = (One("a", None), One("b", None)), (One("b", 5), One("a", 5))
    both = Choices(orders={COMMUNE: (always, today)})
    assert both.before(first, [first, second], COMMUNE) == frozenset()
    assert both.before(second, [first, second], COMMUNE) == {"a"}
    assert Choices(orders={COMMUNE: (always,)}).before(first, [first, second], COMMUNE) == {"b"}


def programme(world: World, class_: BroadcastClass, seconds: float = 600) -> tuple[str, int]:
    """A programme of one bulletin of this class."""
    with world.db.writing() as session:
        now = world.clock.now()
        bulletin = Bulletin(title="Bản tin", class_=class_, created_by="x", created_at=now)
        session.add(bulletin)
        session.flush()
        version = BulletinVersion(bulletin_id=bulletin.id, text="…", status="approved", written_by="x", written_at=now)
        row = Programme(title="Chương trình", created_by="x", created_at=now)
        session.add_all([version, row])
        session.flush()
        session.add(
            ProgrammeItem(
                programme_id=row.id,
                position=0,
                kind="bulletin",
                version_id=version.id,
                sha256=world.store.put(new_id().encode()),
                duration_ms=int(seconds * 1000),
            )
        )
        return row.id, int(seconds * 1000)


def airing(
    world: World,
    title: str,
    minutes: float,
    class_: BroadcastClass = "ordinary",
    *,
    owner: str | None = None,
    to: str | None = None,
    seconds: float = 600,
) -> str:
    """An airing so many minutes from now, of a schedule of its own; all receivers' plans are asked for."""
    programme_id, duration_ms = programme(world, class_, seconds)
    with world.db.writing() as session:
        known = session.get_one(Schedule, world.schedule)
        schedule = Schedule(
            **{name: getattr(known, name) for name in ("kind", "first_date", "local_time", "timezone", "created_at")},
            title=title,
            programme_id=programme_id,
            duration_ms=duration_ms,
            unit_ids=[to or world.province],
            owner_id=owner,
            created_by="x",
        )
        session.add(schedule)
        session.flush()
        at = world.clock.now() + timedelta(minutes=minutes)
        row = Airing(
            schedule_id=schedule.id,
            programme_id=programme_id,
            original_start=at,
            starts_at=at,
            duration_ms=duration_ms,
            unit_ids=[to or world.province],
        )
        session.add(row)
        session.flush()
        world.request_all(session)
        return row.id


def heard(world: World, box: Any, since: Any) -> dict[str, tuple[float, float]]:
    """The plan of a box: title → minutes from `since` at which it begins and ends."""
    start = to_ms(since)
    return {
        one.title: ((one.starts_at - start) / MINUTE, (one.ends_at - start) / MINUTE)
        for one in world.plan_of(box).airings
    }


def test_a_priority_bulletin_moves_an_ordinary_one_and_its_promise(world: World, clock: ManualClock) -> None:
    begin = clock.now()
    plain = airing(world, "Bản tin xã", 60, to=world.north)
    assert world.issue() == 3
    assert heard(world, world.a, begin) == {"Bản tin xã": (60, 70)}
    airing(world, "Thời sự", 55, "priority")
    assert world.issue() == 3
    assert heard(world, world.a, begin) == {"Thời sự": (55, 65), "Bản tin xã": (65, 75)}
    moved = world.playout(plain, world.a)
    assert moved.planned_at == begin + timedelta(minutes=65)
    assert moved.note is not None
    assert "đã có lịch “Thời sự” (ưu tiên); lần này sẽ phát lúc" in moved.note
    with world.db.reading() as session:
        assert session.get_one(Airing, plain).starts_at == begin + timedelta(minutes=60)
        told = session.scalars(select(Event).where(Event.kind == "system:airing:retimed")).one()
    assert told.subject_id == plain
    assert told.data["before"] == (begin + timedelta(minutes=60)).isoformat()
    assert sorted(told.data["receivers"]) == sorted([world.a.id, world.b.id])
    # On air at its own time, it is neither over nor decided anew; nor is it closed before its end.
    clock.advance(timedelta(minutes=71))
    with world.db.writing() as session:
        playouts.close(session, plain, clock.now())
        world.request_all(session)
    world.issue()
    assert heard(world, world.a, begin) == {"Bản tin xã": (65, 75)}
    assert world.playout(plain, world.a).state == "planned"
    assert world.playout(plain, world.a).note == moved.note
    clock.advance(timedelta(minutes=10))
    with world.db.writing() as session:
        playouts.close_overdue(session, clock.now())
    assert world.playout(plain, world.a).state == "missed"


def test_what_gives_way_entirely_is_missed_with_the_reason(world: World, clock: ManualClock) -> None:
    plain = airing(world, "Bản tin xã", 60, to=world.south)
    news = airing(world, "Trực tiếp", 60, "priority", seconds=5400)
    world.issue()
    assert list(heard(world, world.c, clock.now())) == ["Trực tiếp"]
    silent = world.playout(plain, world.c)
    assert (silent.first_revision, silent.reason) == (0, silent.note)
    assert silent.note is not None
    assert silent.note.endswith("nên lần này không phát")
    with world.db.writing() as session:  # and when the other one goes, it airs after all
        session.get_one(Airing, news).status = "cancelled"
        world.request_all(session)
    world.issue()
    assert heard(world, world.c, clock.now()) == {"Bản tin xã": (60, 70)}
    assert world.playout(plain, world.c).note is None


def test_an_unanswered_offer_airs_nowhere_until_it_is_taken(world: World, clock: ManualClock) -> None:
    offer = airing(world, "Bản tin tỉnh", 60, owner=world.province)
    world.issue()
    assert [heard(world, box, clock.now()) for box in (world.a, world.b, world.c)] == [{}, {}, {}]
    with world.db.writing() as session:
        given = offers.accept_standing(session, world.north, actor=OPERATOR, clock=clock)
        again = offers.accept_standing(session, world.north, actor=OPERATOR, clock=clock)
        assert given.id == again.id
        world.request_all(session)
    world.issue()
    assert [list(heard(world, box, clock.now())) for box in (world.a, world.b, world.c)] == [
        ["Bản tin tỉnh"],
        ["Bản tin tỉnh"],
        [],
    ]
    with world.db.reading() as session:
        assert session.scalars(select(Playout.receiver_id).where(Playout.airing_id == offer)).all() != []
        assert session.get(Playout, (offer, world.c.id)) is None
    with world.db.writing() as session:
        offers.end(session, StandingAcceptance, given.id, actor=OPERATOR, clock=clock)
        offers.answer(session, world.south, airing_id=offer, accepted=True, actor=OPERATOR, clock=clock)
        world.request_all(session)
    world.issue()
    assert [list(heard(world, box, clock.now())) for box in (world.a, world.c)] == [[], ["Bản tin tỉnh"]]
    assert world.playout(offer, world.a).cancelled
    clock.advance(timedelta(minutes=71))
    with world.db.writing() as session:  # who has not taken it has not missed it
        playouts.close(session, offer, clock.now())
        judged = session.execute(select(Playout.receiver_id, Playout.state).where(Playout.airing_id == offer)).all()
    assert {row.receiver_id for row in judged} == {world.a.id, world.b.id, world.c.id}
    with world.db.reading() as session:
        kinds = session.scalars(select(Event.kind).where(Event.subject_kind == "unit")).all()
    assert {"user:acceptance:given", "user:acceptance:revoked", "user:offer:accepted"} <= set(kinds)


def test_who_never_took_an_offer_has_not_missed_it(world: World, clock: ManualClock) -> None:
    offer = airing(world, "Bản tin tỉnh", 60, owner=world.province)
    with world.db.writing() as session:
        offers.answer(session, world.north, airing_id=offer, accepted=True, actor=OPERATOR, clock=clock)
    world.issue()
    clock.advance(timedelta(minutes=71))
    with world.db.writing() as session:
        playouts.close(session, offer, clock.now())
    with world.db.reading() as session:
        there = session.scalars(select(Playout.receiver_id).where(Playout.airing_id == offer)).all()
    assert set(there) == {world.a.id, world.b.id}


def test_the_commune_orders_two_priority_bulletins(world: World, clock: ManualClock) -> None:
    begin = clock.now()
    above = airing(world, "Tỉnh", 60, "priority", owner=world.province)
    own = airing(world, "Xã", 60, "priority", owner=world.north, to=world.north)
    world.issue()
    assert heard(world, world.a, begin) == {"Tỉnh": (60, 70), "Xã": (70, 80)}
    with world.db.writing() as session:
        chosen = offers.choose(
            session, world.north, first_airing_id=own, second_airing_id=above, actor=OPERATOR, clock=clock
        )
        world.request_all(session)
    world.issue()
    assert heard(world, world.a, begin) == {"Xã": (60, 70), "Tỉnh": (70, 80)}
    assert heard(world, world.c, begin) == {"Tỉnh": (60, 70)}
    with world.db.writing() as session:
        offers.end(session, ClashChoice, chosen.id, actor=OPERATOR, clock=clock)
        world.request_all(session)
    world.issue()
    assert heard(world, world.a, begin) == {"Tỉnh": (60, 70), "Xã": (70, 80)}


def test_an_answer_goes_on_with_the_series_that_goes_on(world: World, clock: ManualClock) -> None:
    offer = airing(world, "Cũ", 60, owner=world.province)
    following = airing(world, "Mới", 120, owner=world.province)
    with world.db.writing() as session:
        old, new = (session.get_one(Airing, one).schedule_id for one in (offer, following))
        session.get_one(Schedule, new).continues_id = old
        offers.answer(session, world.south, schedule_id=old, accepted=True, actor=OPERATOR, clock=clock)
        offers.answer(session, world.south, schedule_id=old, accepted=True, actor=OPERATOR, clock=clock)
        standing = session.scalars(select(OfferAnswer).where(OfferAnswer.ended_at.is_(None))).all()
        assert len(standing) == 1
    world.issue()
    assert list(heard(world, world.c, clock.now())) == ["Cũ", "Mới"]


def test_half_an_hour_before_the_sender_is_told_where_it_was_not_taken(world: World, clock: ManualClock) -> None:
    offer = airing(world, "Bản tin tỉnh", 30, owner=world.province)
    with world.db.writing() as session:
        offers.answer(session, world.north, airing_id=offer, accepted=False, actor=OPERATOR, clock=clock)
    world.issue()
    with world.db.writing() as session:
        offer_lists.tell_untaken(session, offer, clock.now())
        told = session.scalars(select(Event).where(Event.kind == "system:airing:not-taken")).one()
        assert readiness.of_airing(session, session.get_one(Airing, offer)) == (0, [])
        ((waiting, communes),) = offer_lists.unanswered(session, clock.now(), clock.now() + timedelta(hours=1))
    assert (told.data["declined"], told.data["unanswered"]) == ([world.north], [world.south])
    assert "Xã Nam chưa trả lời nên 1 lần phát “Bản tin tỉnh” không phát ở đó" in told.data["told"]
    assert (waiting.airing_id, communes) == (offer, ["Xã Nam"])


def test_what_was_moved_can_be_stopped_until_its_end_there(world: World, clock: ManualClock) -> None:
    plain = airing(world, "Bản tin xã", 60, to=world.north)
    airing(world, "Thời sự", 55, "priority")
    world.issue()
    clock.advance(timedelta(minutes=72))  # after its own end, before that at the receivers
    with world.db.writing() as session:
        (command,) = commands.stop_airing(session, plain, actor=OPERATOR, now=clock.now())
    assert command.audience == f"area/{world.north}"
    clock.advance(timedelta(minutes=4))
    with world.db.writing() as session, pytest.raises(Conflict):
        commands.stop_airing(session, plain, actor=OPERATOR, now=clock.now())
