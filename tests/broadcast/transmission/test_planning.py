"""Plans are composed from plain data; these tests need nothing else."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broadcast import planning
from broadcast.planning import AiringFacts, ItemFacts, ReceiverFacts, Rules, compose, digest
from core.ids import new_id
from devices.protocol.plan import Interval, Manifest, Plan
from schedules.targets import Reach
from tests.broadcast.transmission.world import sha

UNITS = [new_id() for _ in range(4)]
RECEIVER = ReceiverFacts(new_id(), (UNITS[2], UNITS[1], UNITS[0]))
SHAS = [sha(str(n)) for n in range(4)]
MANIFESTS = {sha256: Manifest(sha256=sha256, bytes=1000, chunk_sha256=[sha256]) for sha256 in SHAS[:3]}
IDS = [new_id() for _ in range(40)]

boxes = st.sampled_from([RECEIVER.id, new_id()])
item_facts = st.builds(ItemFacts, st.sampled_from(IDS), st.sampled_from(SHAS), st.integers(1, 60_000))
airing_facts = st.lists(
    st.builds(
        AiringFacts,
        st.sampled_from(IDS),
        st.integers(0, 10_000_000),
        st.integers(1, 3_600_000),
        st.builds(
            Reach,
            st.frozensets(st.sampled_from(UNITS), max_size=3),
            st.frozensets(boxes, max_size=2),
            st.frozensets(st.sampled_from(UNITS), max_size=1),
            st.frozensets(boxes, max_size=1),
        ),
        st.lists(item_facts, max_size=4).map(tuple),
        st.sampled_from(list(planning.RANK)),
    ),
    max_size=12,
    unique_by=lambda airing: airing.id,
)


def meant(reach: Reach) -> bool:
    """The rule of targets, said another way: named by itself or by a unit over it, and by no exception."""
    names = {RECEIVER.id, *RECEIVER.path}
    return bool(names & (reach.units | reach.receivers)) and not names & (reach.except_units | reach.except_receivers)


def made(airings: list[AiringFacts], **more: Any) -> Plan:
    bounds = {"valid_from": 3_000_000, "valid_until": 8_000_000} | more
    return compose(RECEIVER, airings, MANIFESTS, **bounds)


@given(airing_facts, st.randoms(use_true_random=False))
def test_the_same_facts_in_any_order_give_the_same_plan(airings: list[AiringFacts], rng: random.Random) -> None:
    shuffled = list(airings)
    rng.shuffle(shuffled)
    assert made(shuffled) == made(airings)
    assert digest(made(shuffled)) == digest(made(airings))


@given(airing_facts)
def test_a_plan_holds_exactly_what_concerns_the_receiver_in_its_time(airings: list[AiringFacts]) -> None:
    plan = made(airings)
    held = {airing.airing for airing in plan.airings}
    for airing in airings:
        whole = bool(airing.items) and all(item.sha256 in MANIFESTS for item in airing.items)
        in_time = airing.starts_at + airing.duration_ms > 3_000_000 and airing.starts_at < 8_000_000
        assert (airing.id in held) == (whole and in_time and meant(airing.reach))
    assert plan.valid_from <= min([3_000_000, *(airing.starts_at for airing in plan.airings)])


@given(airing_facts)
def test_every_object_of_a_plan_has_its_manifest_once(airings: list[AiringFacts]) -> None:
    plan = made(airings)
    listed = [found.sha256 for found in plan.objects]
    assert listed == sorted({item.sha256 for airing in plan.airings for item in airing.items if item.sha256})


@given(airing_facts)
def test_what_overlaps_stands_by_class_then_by_start(airings: list[AiringFacts]) -> None:
    order = [(planning.RANK[airing.class_], airing.starts_at, airing.airing) for airing in made(airings).airings]
    assert order == sorted(order)


def test_the_digest_ignores_revision_and_validity_and_nothing_else() -> None:
    airing = AiringFacts(new_id(), 4_000_000, 1000, Reach(frozenset(UNITS[:1])), (ItemFacts(new_id(), SHAS[0], 1000),))
    plan = made([airing])
    assert digest(plan) == digest(made([airing], valid_until=9_000_000, revision=7))
    for other in (
        made([replace(airing, starts_at=4_000_001)]),
        made([replace(airing, class_="priority")]),
        made([airing], rules=Rules(volume=60)),
        made([airing], rules=Rules(quiet=(Interval(from_=1, until=2),))),
        made([airing], keys=["k"]),
    ):
        assert digest(other) != digest(plan)


def test_a_programme_has_the_strongest_class_of_its_items() -> None:
    assert planning.highest([]) == "ordinary"
    assert planning.highest(["ordinary", "emergency", "priority"]) == "emergency"
