"""The rules, as plain functions: quiet periods, caps, hard ends, validity, volume, areas."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.ids import new_id
from devices.protocol.plan import Area, Caps, Interval, Item, Plan, PlanAiring, Relay, VolumeStep
from devices.receiver.decisions import (
    Rules,
    exempt,
    is_quiet,
    judge,
    obeyed_areas,
    outcome_of,
    quiet_from,
    rank_of,
    source_of,
    volume_of,
)

START = 1_800_000_000_000
HOUR = 3_600_000
SLOWLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def plan(**members: Any) -> Plan:
    members = {
        "receiver": new_id(),
        "revision": 1,
        "valid_from": START - HOUR,
        "valid_until": START + 10 * HOUR,
        "unit": new_id(),
        **members,
    }
    return Plan(**members)


def airing(*durations_ms: int, **members: Any) -> PlanAiring:
    items = [Item(item=new_id(), duration_ms=ms, sha256="a" * 64) for ms in durations_ms]
    members = {"starts_at": START, "ends_at": START + sum(durations_ms), **members}
    return PlanAiring(airing=new_id(), items=items, **members)


def test_what_fits_may_end_a_little_later_than_stated() -> None:
    verdict = judge(airing(60_000), Rules(plan()), START)
    assert not verdict.refused
    assert START + 60_000 < verdict.cut_ms <= START + 60_500


def test_a_hard_end_before_the_stated_end_is_exact() -> None:
    verdict = judge(airing(60_000, ends_at=START + 30_000), Rules(plan()), START)
    assert (verdict.cut_ms, verdict.cut_reason) == (START + 30_000, "hard-end")


@pytest.mark.parametrize(
    ("members", "cut_ms", "reason"),
    [
        ({"quiet": [Interval(from_=START + 20_000, until=START + HOUR)]}, START + 20_000, "quiet-hours"),
        ({"caps": Caps(airing_ms=10_000)}, START + 10_000, "cap-airing"),
        ({"caps": Caps(item_ms=15_000)}, START + 15_000, "cap-item"),
        ({"valid_until": START + 12_000}, START + 12_000, "plan-expired"),
    ],
)
def test_a_rule_cuts_what_goes_on_too_long(members: dict[str, Any], cut_ms: int, reason: str) -> None:
    verdict = judge(airing(60_000), Rules(plan(**members)), START)
    assert (verdict.refused, verdict.cut_ms, verdict.cut_reason) == ("", cut_ms, reason)


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (Rules(None), "no-plan"),
        (Rules(plan(valid_from=START + 1)), "plan-not-yet-valid"),
        (Rules(plan(valid_until=START)), "plan-expired"),
        (Rules(plan(quiet=[Interval(from_=START, until=START + 1_000)])), "quiet-hours"),
        (Rules(plan(), muted_until=START + 1), "muted"),
        (Rules(plan(caps=Caps(day_ms=100_000)), day_played_ms=100_000), "cap-day"),
        (Rules(plan(), silenced="cloned-card"), "cloned-card"),
    ],
)
def test_a_rule_forbids_the_start(rules: Rules, reason: str) -> None:
    assert judge(airing(60_000), rules, START).refused == reason
    assert outcome_of(reason) == "refused"


def test_an_emergency_sounds_in_quiet_hours_and_through_a_mute_but_within_its_own_cap() -> None:
    rules = Rules(
        plan(quiet=[Interval(from_=START, until=START + HOUR)], caps=Caps(emergency_ms=5_000)), 0, START + HOUR
    )
    verdict = judge(airing(60_000, class_="emergency"), rules, START)
    assert (verdict.refused, verdict.cut_ms, verdict.cut_reason) == ("", START + 5_000, "cap-emergency")


def test_only_a_commanded_emergency_sounds_without_a_plan() -> None:
    emergency = airing(60_000, class_="emergency")
    assert judge(emergency, Rules(None), START, by_command=True).refused == ""
    assert judge(emergency, Rules(None), START).refused == "no-plan"
    assert judge(airing(60_000, class_="priority"), Rules(None), START, by_command=True).refused == "no-plan"


def drill(*durations_ms: int, **members: Any) -> PlanAiring:
    return airing(*durations_ms, class_="emergency", drill=True, **members)


@pytest.mark.parametrize("by_command", [False, True])
@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (Rules(None), "no-plan"),
        (Rules(plan(valid_from=START + 1)), "plan-not-yet-valid"),
        (Rules(plan(valid_until=START)), "plan-expired"),
        (Rules(plan(quiet=[Interval(from_=START, until=START + 1_000)])), "quiet-hours"),
        (Rules(plan(), muted_until=START + 1), "muted"),
        (Rules(plan(caps=Caps(day_ms=100_000)), day_played_ms=100_000), "cap-day"),
    ],
)
def test_a_drill_is_forbidden_what_an_ordinary_programme_is(rules: Rules, reason: str, *, by_command: bool) -> None:
    assert judge(drill(60_000), rules, START, by_command=by_command).refused == reason


def test_a_drill_is_cut_and_as_loud_as_an_ordinary_programme() -> None:
    quiet = plan(quiet=[Interval(from_=START + 20_000, until=START + HOUR)])
    verdict = judge(drill(60_000), Rules(quiet), START, by_command=True)
    assert (verdict.refused, verdict.cut_ms, verdict.cut_reason) == ("", START + 20_000, "quiet-hours")
    capped = judge(drill(60_000), Rules(plan(caps=Caps(airing_ms=10_000, emergency_ms=5_000))), START)
    assert (capped.cut_ms, capped.cut_reason) == (START + 10_000, "cap-airing")
    assert volume_of(drill(1, volume=90), Rules(plan(), volume=20), START) == 20


def test_a_proper_emergency_cuts_a_drill_and_a_drill_all_else() -> None:
    emergency, rehearsal = airing(1, class_="emergency"), drill(1)
    assert exempt(emergency)
    assert not exempt(rehearsal)
    others = [airing(1, class_="priority"), airing(1, class_="ordinary"), airing(1, class_="ordinary", drill=True)]
    assert not any(exempt(other) for other in others)
    ranks = [rank_of(one) for one in (emergency, rehearsal, *others)]
    assert ranks == sorted(ranks, reverse=True)
    assert ranks[0] > ranks[1] > ranks[2] > ranks[3] == ranks[4]


def test_the_day_s_cap_cuts_in_the_middle() -> None:
    rules = Rules(plan(caps=Caps(day_ms=100_000)), day_played_ms=70_000)
    verdict = judge(airing(60_000), rules, START)
    assert (verdict.cut_ms, verdict.cut_reason) == (START + 30_000, "cap-day")


SPANS = st.lists(
    st.tuples(st.integers(0, 1_000), st.integers(0, 1_000)).map(lambda pair: Interval(from_=pair[0], until=pair[1])),
    max_size=6,
)


@SLOWLY
@given(SPANS, st.integers(0, 1_000))
def test_quiet_from_is_the_first_quiet_instant(spans: list[Interval], at: int) -> None:
    quiet = {ms for span in spans for ms in range(span.from_, span.until)}
    expected = min((ms for ms in quiet if ms >= at), default=None)
    found = quiet_from(spans, at)
    assert found == expected if expected is not None else found > 10**15
    assert is_quiet(spans, at) == (at in quiet)


@SLOWLY
@given(
    st.lists(st.integers(1, 500), min_size=1, max_size=5),
    SPANS,
    st.integers(0, 2_000),
    st.integers(1, 2_000),
    st.integers(1, 2_000),
    st.integers(1, 2_000),
)
def test_nothing_ordinary_sounds_outside_what_the_rules_leave(
    durations: list[int], quiet: list[Interval], ends_in: int, airing_ms: int, day_ms: int, valid_ms: int
) -> None:
    shifted = [Interval(from_=START + span.from_, until=START + span.until) for span in quiet]
    held = plan(quiet=shifted, caps=Caps(airing_ms=airing_ms, day_ms=day_ms), valid_until=START + valid_ms)
    one = airing(*durations, ends_at=START + ends_in)
    verdict = judge(one, Rules(held), START)
    if verdict.refused:
        return
    assert verdict.cut_ms > START
    assert not any(max(span.from_, START) < min(span.until, verdict.cut_ms) for span in shifted)
    assert verdict.cut_ms <= START + min(airing_ms, day_ms, valid_ms)
    assert verdict.cut_ms <= max(one.ends_at, START + sum(durations) + 250)


def test_volume_of_the_airing_the_curve_the_plan_within_the_cap() -> None:
    curve = [VolumeStep(at=START, volume=30), VolumeStep(at=START - HOUR, volume=60)]
    assert volume_of(airing(1), Rules(plan(volume=70)), START) == 70
    assert volume_of(airing(1), Rules(plan(volume=70, volume_curve=curve)), START) == 30
    assert volume_of(airing(1), Rules(plan(volume=70, volume_curve=curve)), START - 1) == 60
    assert volume_of(airing(1, volume=90), Rules(plan(caps=Caps(volume=50))), START) == 50
    assert volume_of(airing(1, volume=90), Rules(plan(), volume=20), START) == 20
    assert volume_of(airing(1, volume=90, class_="emergency"), Rules(plan(), volume=20), START) == 90


def test_areas_are_obeyed_in_their_dates() -> None:
    now, later, always = new_id(), new_id(), new_id()
    areas = [Area(unit=now, until=START + 1), Area(unit=later, from_=START + 1), Area(unit=always)]
    held = plan(areas=areas)
    assert obeyed_areas(held, START) == {now, always}
    assert obeyed_areas(held, START + 1) == {later, always}
    assert obeyed_areas(None, START) == set()


def test_a_relay_sounds_its_fallback_object_or_nothing() -> None:
    fallback = Relay(source="vov", ends_at=START + 1, fallback="object", fallback_sha256="b" * 64)
    assert source_of(Item(item=new_id(), duration_ms=1, relay=fallback)) == "b" * 64
    assert source_of(Item(item=new_id(), duration_ms=1, relay=Relay(source="vov", ends_at=START + 1))) is None
