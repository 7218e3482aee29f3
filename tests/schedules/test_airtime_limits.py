"""Which programmes keep to the rules of their place: properties for all days, and each limit by itself."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.airtime_limits import PAUSE_MS, DayEntry, Mend, Violation, check, sessions_of
from schedules.conflicts import Entry, hear
from schedules.rule_words import rule_text, sentence
from schedules.rules import Kind, Place, SoundRule, Span
from tests.schedules.test_rules import HANOI, HOUR, MINUTE, at, limit, night, place, rule_sets

MONDAY = at("2026-07-27T00:00")
DAY_MS = 24 * HOUR
IDS = [f"airing-{number:02}" for number in range(12)]


def entry(when: str, minutes: float = 15, id_: str = "", **members: object) -> DayEntry:
    return DayEntry(id_ or when, at(when), int(minutes * MINUTE), **members)  # type: ignore[arg-type]


def broken(entries: list[DayEntry], *rules: SoundRule) -> list[tuple[str, Kind, int]]:
    return [(one.entry.id, one.kind, one.over) for one in check(entries, place(*rules))]


@st.composite
def weeks(draw: st.DrawFn) -> list[DayEntry]:
    ids = draw(st.lists(st.sampled_from(IDS), unique=True, max_size=9))
    return [
        DayEntry(
            id_,
            MONDAY + draw(st.integers(0, 9 * 24 * 4)) * 15 * MINUTE,
            draw(st.sampled_from([5, 15, 40])) * MINUTE,
            draw(st.sampled_from(["ordinary", "ordinary", "priority", "emergency"])),
            session=draw(st.sampled_from(["", "", "a", "b"])),
            bulletins=frozenset(draw(st.lists(st.sampled_from("xyz"), max_size=2))),
            longest_item_ms=5 * MINUTE,
            draft=draw(st.booleans()),
        )
        for id_ in ids
    ]


LIMITS = [
    night(),
    limit("province", "session_ms", 30 * MINUTE),
    limit("province", "sessions_a_day", 2),
    limit("province", "days_a_week", 3),
    limit("commune", "day_ms", 45 * MINUTE),
    limit("commune", "week_ms", 2 * HOUR, classes=("ordinary",)),
    limit("commune", "repeats", 2, days=3),
    limit("commune", "gap_ms", 30 * MINUTE),
    limit("province", "emergency_ms", 10 * MINUTE),
]
limits = st.lists(st.sampled_from(LIMITS), unique=True)


@given(weeks(), limits, st.randoms(use_true_random=False))
def test_the_order_of_saving_does_not_matter(
    entries: list[DayEntry], rules: list[SoundRule], chance: random.Random
) -> None:
    shuffled = list(entries)
    chance.shuffle(shuffled)
    assert check(shuffled, place(*rules)) == check(entries, place(*rules))


@given(weeks(), limits)
def test_what_passes_breaks_nothing_together(entries: list[DayEntry], rules: list[SoundRule]) -> None:
    left_out = {one.entry.id for one in check(entries, place(*rules), mending=False)}
    assert check([one for one in entries if one.id not in left_out], place(*rules)) == []


@given(weeks(), rule_sets())
def test_nothing_but_an_emergency_sounds_in_quiet_hours_ever(entries: list[DayEntry], rules: list[SoundRule]) -> None:
    there = place(*rules)
    left_out = {one.entry.id for one in check(entries, there, mending=False)}
    for one in entries:
        if one.id not in left_out and one.class_ != "emergency":
            for minute in range(0, one.duration_ms, MINUTE):
                assert not there.forbids(one.class_, one.starts_at + minute, one.starts_at + minute + 1)


def may_sound(there: Place, one: Entry, start: int, end: int) -> str | None:
    stands = there.forbids(one.class_, start, end)
    return rule_text(stands.rule) if stands else None


@given(weeks(), st.integers(0, 8))
def test_nor_after_clashes_have_shifted_it(entries: list[DayEntry], hours: int) -> None:
    there = place(night(begins=time(12 + hours), ends=time(5)))
    wanted = [Entry(one.id, one.starts_at, one.duration_ms, one.class_) for one in entries]
    heard = hear(wanted, lambda one, start, end: may_sound(there, one, start, end))
    shifted = [one for one in heard if one.fate == "shifted" and one.entry.class_ != "emergency"]
    assert all(there.forbids(one.entry.class_, one.starts_at, one.ends_at) is None for one in shifted)


@settings(max_examples=60)
@given(weeks(), limits)
def test_a_mend_breaks_nothing(entries: list[DayEntry], rules: list[SoundRule]) -> None:
    there = place(*rules)
    found = check(entries, there)
    left_out = {one.entry.id for one in found}
    for one in found:
        # As things stood when its turn came: all that passed before it. Those after it are looked at with it in place.
        before = [other for other in entries if other.id not in left_out and _turn(other) < _turn(one.entry)]
        for mended in _mended(one):
            again = check([replace(other, settled=True) for other in before] + [mended], there)
            assert again == [], sentence(one, "Tỉnh", HANOI, "en")


def _turn(one: DayEntry) -> tuple[bool, int, int, str]:
    return one.draft, ["emergency", "priority", "ordinary"].index(one.class_), one.starts_at, one.id


def _mended(violation: Violation) -> list[DayEntry]:
    mend = violation.mend or Mend()
    found = []
    if mend.at is not None:
        found.append(replace(violation.entry, starts_at=mend.at))
    if mend.shorter_ms is not None:
        found.append(replace(violation.entry, duration_ms=violation.entry.duration_ms - mend.shorter_ms))
    return found


@given(weeks(), limits, st.sampled_from(LIMITS))
def test_one_rule_more_lets_nothing_more_through(
    entries: list[DayEntry], rules: list[SoundRule], more: SoundRule
) -> None:
    """With the same programmes before it."""
    past = [replace(one, settled=True) for one in entries[:-1]]
    alone = [*past, *entries[-1:]]
    fewer = {one.rule.id for one in check(alone, place(*rules), mending=False)}
    assert fewer <= {one.rule.id for one in check(alone, place(*rules, more), mending=False)}


def test_an_urban_commune_of_the_hanoi_rules() -> None:
    """At most 2 sessions a day, 5 days a week, 15 minutes each."""
    rules = [
        limit("province", "sessions_a_day", 2),
        limit("province", "days_a_week", 5),
        limit("province", "session_ms", 15 * MINUTE),
    ]
    week = [entry(f"2026-07-{day}T{hour}", 15) for day in range(27, 32) for hour in ("05:00", "17:00")]
    assert broken(week, *rules) == []
    assert broken([*week, entry("2026-07-28T11:00", 5)], *rules) == [("2026-07-28T17:00", "sessions_a_day", 1)]
    assert broken([*week, entry("2026-07-28T11:00", 5, draft=True)], *rules) == [
        ("2026-07-28T11:00", "sessions_a_day", 1)
    ]
    assert broken([*week, entry("2026-08-01T17:00", 5)], *rules) == [("2026-08-01T17:00", "days_a_week", 1)]
    [long] = check([entry("2026-07-28T17:00", 18.5)], place(*rules))
    assert (long.kind, long.over, long.mend) == ("session_ms", 3.5 * MINUTE, Mend(None, int(3.5 * MINUTE)))


def test_what_follows_without_a_pause_is_one_session() -> None:
    chain = [entry("2026-07-28T05:00", 30), entry("2026-07-28T05:30", 10), entry("2026-07-28T05:42", 5)]
    assert len(sessions_of(chain)) == 1
    assert broken(chain, limit("commune", "sessions_a_day", 1)) == []
    assert broken(chain, limit("commune", "session_ms", 40 * MINUTE)) == [
        ("2026-07-28T05:42", "session_ms", 5 * MINUTE)
    ]
    apart = [*chain, replace(chain[0], id="later", starts_at=chain[-1].ends_at + PAUSE_MS + 1)]
    assert len(sessions_of(apart)) == 2
    named = [entry("2026-07-28T05:00", session="s"), entry("2026-07-28T06:00", session="s")]
    assert len(sessions_of(named)) == 1


def test_airtime_of_a_day_and_a_week_by_class() -> None:
    day = limit("commune", "day_ms", 20 * MINUTE, classes=("ordinary",))
    first, second = entry("2026-07-28T05:00"), entry("2026-07-28T17:00")
    assert broken([first, second], day) == [("2026-07-28T17:00", "day_ms", 10 * MINUTE)]
    assert broken([first, replace(second, class_="priority")], day) == []
    week = limit("commune", "week_ms", 40 * MINUTE)
    many = [entry(f"2026-07-{number}T17:00") for number in (27, 29, 31)]
    assert broken(many, week) == [("2026-07-31T17:00", "week_ms", 5 * MINUTE)]
    assert broken([*many[:2], entry("2026-08-03T17:00")], week) == []  # the next Monday
    # The stronger class goes first, whenever it airs.
    urgent = replace(many[2], class_="priority")
    assert broken([*many[:2], urgent], week) == [("2026-07-29T17:00", "week_ms", 5 * MINUTE)]


def test_repeats_count_in_any_days_that_follow_one_another() -> None:
    rule = limit("commune", "repeats", 2, days=3)
    bulletins = frozenset({"b"})
    airings = [entry(f"2026-07-{number}T17:00", bulletins=bulletins) for number in (27, 28, 30)]
    assert broken(airings, rule) == []
    extra = entry("2026-07-29T17:00", bulletins=bulletins, draft=True)
    [found] = check([*airings, extra], place(rule))
    assert (found.entry.id, found.over) == ("2026-07-29T17:00", 1)
    assert found.mend == Mend(at("2026-07-31T17:00"))
    other = replace(extra, bulletins=frozenset({"c"}))
    assert broken([*airings, other], rule) == []


def test_what_sounded_is_a_fact_and_counts() -> None:
    rule = limit("commune", "sessions_a_day", 1)
    heard = entry("2026-07-28T17:00", settled=True)
    assert broken([heard, entry("2026-07-28T05:00")], rule) == [("2026-07-28T05:00", "sessions_a_day", 1)]
    assert broken([replace(heard, starts_at=at("2026-07-28T23:00"))], night()) == []


def test_what_was_let_through_against_a_rule_turns_nothing_else_out() -> None:
    rule = limit("commune", "sessions_a_day", 1)
    let = entry("2026-07-28T05:00", waived=frozenset({rule.id}))
    assert broken([let, entry("2026-07-28T17:00")], rule) == []
    assert broken([replace(let, waived=frozenset({"another"})), entry("2026-07-28T17:00")], rule) == [
        ("2026-07-28T05:00", "sessions_a_day", 1)
    ]


def test_an_emergency_is_held_by_its_own_cap_only() -> None:
    rules = [night(), limit("commune", "day_ms", MINUTE), limit("commune", "emergency_ms", 10 * MINUTE)]
    assert broken([entry("2026-07-28T23:00", 10, class_="emergency")], *rules) == []
    [found] = check([entry("2026-07-28T23:00", 12, class_="emergency")], place(*rules))
    assert (found.kind, found.over, found.mend) == ("emergency_ms", 2 * MINUTE, Mend(None, 2 * MINUTE))


@pytest.mark.parametrize(
    ("when", "minutes", "mend"),
    [
        ("2026-07-28T22:00", 15, Mend(at("2026-07-28T20:45"))),
        ("2026-07-28T20:50", 15, Mend(at("2026-07-28T20:45"), 5 * MINUTE)),
        ("2026-07-28T04:30", 15, Mend(at("2026-07-28T05:00"))),
    ],
)
def test_a_mend_for_the_night(when: str, minutes: float, mend: Mend) -> None:
    [found] = check([entry(when, minutes)], place(night()))
    assert found.mend == mend


def test_no_mend_is_made_up_where_there_is_none() -> None:
    always = SoundRule("always", "province", "quiet", spans=(Span(time(), time()),))
    [found] = check([entry("2026-07-28T17:00")], place(always))
    assert found.mend is None
    assert "Hãy bỏ lần phát này" in sentence(found, "Tỉnh Sông Bùi", HANOI)


def test_a_pause_between_sessions() -> None:
    rule = limit("commune", "gap_ms", HOUR)
    [found] = check([entry("2026-07-28T17:00"), entry("2026-07-28T17:45", draft=True)], place(rule))
    assert (found.over, found.mend) == (30 * MINUTE, Mend(at("2026-07-28T18:15")))
    same = [entry("2026-07-28T17:00", session="s"), entry("2026-07-28T17:15", session="s")]
    assert broken(same, rule) == []
    midnight = [entry("2026-07-28T23:50", 5), entry("2026-07-29T00:10", 5)]
    assert broken(midnight, rule) == [("2026-07-29T00:10", "gap_ms", 45 * MINUTE)]


def test_sentences_say_whose_rule_by_how_much_and_what_mends_it() -> None:
    [found] = check([entry("2026-07-28T20:50", title="Thời sự khu vực")], place(night()))
    assert sentence(found, "Tỉnh Sông Bùi", HANOI) == (
        "“Thời sự khu vực” lúc 20:50 thứ Ba 28/07/2026 rơi vào giờ yên tĩnh 5 phút "
        "(giờ yên tĩnh: 21:00–05:00; Tỉnh Sông Bùi quy định). "
        "Có thể phát lúc 20:45 thứ Ba 28/07/2026, hoặc rút ngắn 5 phút."
    )
    assert sentence(found, "Tỉnh Sông Bùi", HANOI, "en") == (
        "“Thời sự khu vực” at 20:50 Tue 28/07/2026 falls into the quiet hours for 5 min "
        "(quiet hours: 21:00–05:00; set by Tỉnh Sông Bùi). "
        "You can air it at 20:45 Tue 28/07/2026, or make it 5 min shorter."
    )
