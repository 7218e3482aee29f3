"""Rules of sound: which of them hold at a place, and what their spans of local time come to."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import from_ms, to_ms
from schedules.rule_errors import BadSoundRule
from schedules.rules import (
    BELOW_EMERGENCY,
    KINDS,
    Kind,
    Place,
    SoundRule,
    Span,
    Step,
    effective,
    merged,
)

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
ZONES = [HANOI, *map(ZoneInfo, ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo"))]
PATH = ("village", "commune", "province")
DAY = date(2026, 7, 28)  # a Tuesday
MINUTE, HOUR = 60_000, 3_600_000

times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
weekdays = st.lists(st.integers(1, 7), min_size=1, unique=True).map(tuple)
spans = st.builds(Span, times, times, weekdays)


def at(text: str, zone: ZoneInfo = HANOI) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=zone))


def night(unit: str = "province", begins: time = time(21), ends: time = time(5), **members: object) -> SoundRule:
    return SoundRule(f"night-{unit}", unit, "quiet", spans=(Span(begins, ends),), **members)  # type: ignore[arg-type]


def limit(unit: str, kind: Kind, value: int, **members: object) -> SoundRule:
    return SoundRule(f"{kind}-{unit}-{value}", unit, kind, value, **members)  # type: ignore[arg-type]


def place(*rules: SoundRule, path: tuple[str, ...] = PATH, zone: ZoneInfo = HANOI) -> Place:
    held: dict[str, list[SoundRule]] = {}
    for rule in rules:
        held.setdefault(rule.unit_id, []).append(rule)
    return Place(held, lambda _day: path, zone)


# --- Which rules hold -----------------------------------------------------------------------------------------------


@st.composite
def rule_sets(draw: st.DrawFn, *, yielding: bool = True) -> list[SoundRule]:
    """At most one rule of a key at each unit, as the store keeps it."""
    rules = []
    for unit in PATH:
        for kind in ("quiet", "window", "day_ms", "gap_ms"):
            if not draw(st.booleans()):
                continue
            lets = yielding and draw(st.booleans())
            name = f"{unit}-{kind}"
            if kind in {"quiet", "window"}:
                held = tuple(draw(st.lists(spans, min_size=1, max_size=3)))
                rules.append(SoundRule(name, unit, kind, spans=held, yields=lets))
            else:
                value = draw(st.integers(1, 60)) * MINUTE
                rules.append(SoundRule(name, unit, kind, value, yields=lets))
    return rules


@given(rule_sets(), st.randoms(use_true_random=False))
def test_the_order_of_saving_does_not_matter(rules: list[SoundRule], chance: random.Random) -> None:
    shuffled = list(rules)
    chance.shuffle(shuffled)
    assert place(*shuffled).on(DAY) == place(*rules).on(DAY)


@given(rule_sets())
def test_every_rule_of_the_path_holds_or_is_named_idle(rules: list[SoundRule]) -> None:
    found = place(*rules).on(DAY)
    assert sorted([*found.rules, *found.idle], key=lambda one: one.id) == sorted(rules, key=lambda one: one.id)


@given(rule_sets(yielding=False), st.integers(0, 7 * 24 * 60))
def test_strictness_grows_down_the_tree(rules: list[SoundRule], minute: int) -> None:
    above, below = place(*rules, path=PATH[1:]), place(*rules)
    start = at("2026-07-27T00:00") + minute * MINUTE
    for class_ in BELOW_EMERGENCY:
        if above.forbids(class_, start, start + MINUTE):
            assert below.forbids(class_, start, start + MINUTE)
    for kind in ("day_ms", "gap_ms"):
        over = {rule.kind: rule for rule in above.on(DAY).rules}.get(kind)
        under = {rule.kind: rule for rule in below.on(DAY).rules}.get(kind)
        assert over is None or (under is not None and not over.stricter_than(under))


@given(rule_sets())
def test_what_does_not_yield_holds_whatever_is_set_below(rules: list[SoundRule]) -> None:
    for rule in place(*rules).on(DAY).idle:
        if not rule.yields:  # then something as strict stands in its place
            same = [one for one in place(*rules).on(DAY).rules if one.key == rule.key]
            assert same
            assert not any(rule.stricter_than(one) for one in same)


def test_a_unit_below_is_stricter_and_laxer_only_where_it_is_let() -> None:
    firm = limit("province", "session_ms", 15 * MINUTE)
    longer, shorter = limit("commune", "session_ms", 20 * MINUTE), limit("commune", "session_ms", 10 * MINUTE)
    assert place(firm, longer).on(DAY).rules == (firm,)
    assert place(firm, longer).on(DAY).idle == (longer,)
    assert place(firm, shorter).on(DAY).rules == (shorter,)
    lets = limit("province", "session_ms", 15 * MINUTE, yields=True)
    assert place(lets, longer).on(DAY).rules == (longer,)
    # What the commune lets its villages decide is bounded by what the province does not.
    commune = limit("commune", "session_ms", 10 * MINUTE, yields=True)
    village = limit("village", "session_ms", 12 * MINUTE)
    assert place(firm, commune, village).on(DAY).rules == (village,)
    assert place(firm, commune, limit("village", "session_ms", 40 * MINUTE)).on(DAY).rules == (firm,)


def test_a_pause_is_stricter_the_longer_it_is() -> None:
    assert place(limit("province", "gap_ms", MINUTE), limit("commune", "gap_ms", HOUR)).on(DAY).rules[0].value == HOUR


def test_limits_of_other_classes_or_days_stand_beside_each_other() -> None:
    all_, ordinary = limit("province", "day_ms", HOUR), limit("province", "day_ms", MINUTE, classes=("ordinary",))
    once, week = limit("province", "repeats", 1, days=1), limit("commune", "repeats", 3, days=7)
    assert set(place(all_, ordinary, once, week).on(DAY).rules) == {all_, ordinary, once, week}


def test_rules_are_those_of_the_date() -> None:
    old = night(valid_to=date(2026, 8, 1))
    new = SoundRule("new", "province", "quiet", spans=(Span(time(22), time(4)),), valid_from=date(2026, 8, 1))
    there = place(old, new)
    assert there.on(date(2026, 7, 31)).rules == (old,)
    assert there.on(date(2026, 8, 1)).rules == (new,)
    # The night that began under the old rule ends by it.
    assert there.forbids("ordinary", at("2026-08-01T04:30"), at("2026-08-01T04:31"))
    assert not there.forbids("ordinary", at("2026-08-02T04:30"), at("2026-08-02T04:31"))


def test_the_path_is_that_of_the_date() -> None:
    moved = Place(
        {"old": [night("old")], "new": []},
        lambda day: ("commune", "old") if day < date(2026, 7, 1) else ("commune", "new"),
        HANOI,
    )
    assert moved.on(date(2026, 6, 30)).rules
    assert not moved.on(date(2026, 7, 1)).rules


# --- Spans ----------------------------------------------------------------------------------------------------------


def _wall(span: Span, local: datetime) -> bool:
    """Whether a wall clock stands in this span, read naively."""
    now = local.time()
    if span.begins < span.ends:
        return span.begins <= now < span.ends and local.isoweekday() in span.weekdays
    yesterday = (local - timedelta(days=1)).isoweekday()
    return (now >= span.begins and local.isoweekday() in span.weekdays) or (
        now < span.ends and yesterday in span.weekdays
    )


@given(st.lists(spans, min_size=1, max_size=4), st.sampled_from(ZONES), st.integers(0, 366 * 24 * 4))
def test_quiet_is_what_the_clock_on_the_wall_says(held: list[Span], zone: ZoneInfo, quarter: int) -> None:
    there = place(SoundRule("quiet", "province", "quiet", spans=tuple(held)), zone=zone)
    start = to_ms(datetime(2028, 1, 1, tzinfo=UTC)) + quarter * 15 * MINUTE  # 2028 has a 29 February
    local = from_ms(start).astimezone(zone).replace(tzinfo=None)
    wanted = any(_wall(span, local) for span in held)
    found = there.forbids("ordinary", start, start + 1) is not None
    # Near a change of clocks quiet is longer rather than shorter.
    steady = (
        from_ms(start - 26 * HOUR).astimezone(zone).utcoffset()
        == from_ms(start + 26 * HOUR).astimezone(zone).utcoffset()
    )
    assert found or not wanted
    assert wanted or not found or not steady


@given(st.lists(spans, min_size=1, max_size=4), st.sampled_from(ZONES), st.integers(0, 366 * 24 * 4))
def test_outside_of_windows_nothing_sounds(held: list[Span], zone: ZoneInfo, quarter: int) -> None:
    there = place(SoundRule("window", "province", "window", spans=tuple(held), classes=("ordinary",)), zone=zone)
    start = to_ms(datetime(2028, 1, 1, tzinfo=UTC)) + quarter * 15 * MINUTE
    local = from_ms(start).astimezone(zone).replace(tzinfo=None)
    wanted = any(_wall(span, local) for span in held)
    allowed = there.forbids("ordinary", start, start + 1) is None
    steady = (
        from_ms(start - 26 * HOUR).astimezone(zone).utcoffset()
        == from_ms(start + 26 * HOUR).astimezone(zone).utcoffset()
    )
    assert wanted or not allowed
    assert allowed or not wanted or not steady
    assert there.forbids("priority", start, start + 1) is None


@pytest.mark.parametrize(
    ("start", "end", "allowed"),
    [
        ("2026-07-28T05:00", "2026-07-28T05:15", True),
        ("2026-07-28T20:45", "2026-07-28T21:00", True),
        ("2026-07-28T20:59", "2026-07-28T21:01", False),
        ("2026-07-28T04:59", "2026-07-28T05:01", False),
        ("2026-07-28T20:00", "2026-07-29T06:00", False),  # over the whole night
        ("2026-07-31T23:30", "2026-08-01T00:30", False),  # a month ends
        ("2026-12-31T23:59", "2027-01-01T00:01", False),
        ("2028-02-28T23:59", "2028-02-29T00:01", False),
        ("2028-02-29T04:59", "2028-02-29T05:00", False),
        ("2028-02-29T05:00", "2028-02-29T05:01", True),
    ],
)
def test_the_night_runs_over_midnight(start: str, end: str, *, allowed: bool) -> None:
    found = place(night()).forbids("ordinary", at(start), at(end))
    assert (found is None) is allowed
    assert place(night()).forbids("emergency", at(start), at(end)) is None


def test_an_hour_that_comes_twice_is_quiet_both_times() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    there = place(night(begins=time(2), ends=time(2, 30)), zone=berlin)
    begins = to_ms(datetime(2026, 10, 25, 0, 0, tzinfo=UTC))  # 02:00 for the first time
    for minutes in (0, 45, 60, 89):
        assert there.forbids("ordinary", begins + minutes * MINUTE, begins + minutes * MINUTE + 1)
    assert not there.forbids("ordinary", begins + 90 * MINUTE, begins + 91 * MINUTE)
    assert not there.forbids("ordinary", begins - MINUTE, begins)


def test_an_hour_that_is_skipped_leaves_no_hole() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    there = place(night(begins=time(22), ends=time(2, 30)), zone=berlin)
    jump = to_ms(datetime(2026, 3, 29, 1, 0, tzinfo=UTC))
    assert there.forbids("ordinary", jump - 1, jump)
    assert not there.forbids("ordinary", jump + 30 * MINUTE, jump + 31 * MINUTE)


def test_a_span_that_ends_when_it_begins_is_a_whole_day() -> None:
    there = place(night(begins=time(), ends=time(), valid_from=DAY, valid_to=DAY + timedelta(days=1)))
    assert there.forbids("priority", at("2026-07-28T12:00"), at("2026-07-28T12:01"))
    assert not there.forbids("priority", at("2026-07-29T00:00"), at("2026-07-29T23:00"))


def test_a_window_of_weekdays_leaves_the_other_days_silent() -> None:
    week = SoundRule(
        "w", "commune", "window", spans=(Span(time(5), time(6), (1, 2, 3, 4, 5)), Span(time(17), time(18)))
    )
    there = place(week)
    assert there.forbids("ordinary", at("2026-07-25T05:10"), at("2026-07-25T05:20"))  # a Saturday
    assert not there.forbids("ordinary", at("2026-07-25T17:10"), at("2026-07-25T17:20"))
    assert not there.forbids("ordinary", at("2026-07-27T05:00"), at("2026-07-27T06:00"))


@given(rule_sets(), st.integers(0, 7 * 24 * 60), st.integers(1, 120))
def test_the_next_and_the_last_free_moment_are_free_and_the_nearest(
    rules: list[SoundRule], minute: int, minutes: int
) -> None:
    there = place(*rules)
    start, length = at("2026-07-27T00:00") + minute * MINUTE, minutes * MINUTE
    following = there.next_free("ordinary", start, length, start + 30 * HOUR)
    if following is not None:
        assert there.forbids("ordinary", following, following + length) is None
    tried = range(start, following if following is not None else start + 24 * HOUR, 20 * MINUTE)
    assert all(there.forbids("ordinary", one, one + length) for one in tried)
    before = there.last_free("ordinary", start, length, start - 30 * HOUR)
    assert before is None or there.forbids("ordinary", before, before + length) is None


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda one: (min(one), max(one))), max_size=8))
def test_merged_stretches_cover_the_same_and_lie_apart(stretches: list[tuple[int, int]]) -> None:
    found = merged(stretches)
    assert {ms for a, b in found for ms in range(a, b)} == {ms for a, b in stretches for ms in range(a, b)}
    assert all(one[1] < other[0] for one, other in pairwise(found))


# --- What makes no sense ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        {"kind": "loud"},
        {"kind": "quiet"},
        {"kind": "quiet", "spans": (Span(time(1), time(2), ()),)},
        {"kind": "quiet", "spans": (Span(time(1), time(2), (8,)),)},
        {"kind": "quiet", "spans": (Span(time(1), time(2)),), "classes": ("ordinary",)},
        {"kind": "quiet", "spans": (Span(time(1), time(2)),), "value": 3},
        {"kind": "session_ms", "value": 0},
        {"kind": "session_ms", "value": MINUTE, "classes": ()},
        {"kind": "days_a_week", "value": 8},
        {"kind": "repeats", "value": 2},
        {"kind": "repeats", "value": 2, "days": 400},
        {"kind": "volume", "value": 101},
        {"kind": "emergency_ms", "value": 1_000},
        {"kind": "curve", "steps": (Step(time(5), 80),)},
        {"kind": "curve", "steps": (Step(time(5), 80), Step(time(5), 20))},
        {"kind": "curve", "steps": (Step(time(5), 80), Step(time(19), 120))},
    ],
    ids=str,
)
def test_a_rule_that_makes_no_sense_is_refused_with_what_to_do(members: dict[str, object]) -> None:
    with pytest.raises(BadSoundRule) as refused:
        SoundRule("id", "unit", **members)  # type: ignore[arg-type]
    assert "chưa đúng" in refused.value.text("vi")
    assert refused.value.text("vi") != refused.value.text("en")


def test_the_strictest_limit_of_a_path() -> None:
    rules = {"commune": [limit("commune", "volume", 60)], "province": [limit("province", "volume", 80)]}
    found = effective(rules, PATH, DAY).limit("volume")
    assert found is not None
    assert (found.value, found.unit_id) == (60, "commune")
    assert len(KINDS) == 13
