"""What is heard where programmes clash: properties that hold for all timetables, and each rule by itself."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from schedules.conflicts import (
    LEAST_HEARD_MS,
    MOST_DELAY_MS,
    RANK,
    Entry,
    Heard,
    by_precedence,
    hear,
    told,
)

MINUTE = 60_000
FIVE = 1_785_232_800_000  # 17:00 in Viet Nam on 28/07/2026
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
IDS = [f"airing-{number:02}" for number in range(14)]
QUIET = (FIVE + 150 * MINUTE, FIVE + 200 * MINUTE)


def may_sound(_entry: Entry, start: int, end: int) -> str | None:
    return "rơi vào giờ yên tĩnh" if start < QUIET[1] and QUIET[0] < end else None


@st.composite
def timetables(draw: st.DrawFn) -> list[Entry]:
    """Entries that crowd about a few hours; nothing has begun and nothing has a hard end."""
    ids = draw(st.lists(st.sampled_from(IDS), unique=True, max_size=12))
    return [
        Entry(
            id=one,
            starts_at=FIVE + draw(st.integers(0, 180)) * MINUTE,
            duration_ms=draw(st.integers(1, 40 * MINUTE)),
            class_=draw(st.sampled_from(list(RANK))),
            level=draw(st.integers(0, 3)),
            made=draw(st.sampled_from("abc")),
            before=frozenset(draw(st.lists(st.sampled_from(IDS), max_size=2))),
            accepted=draw(st.sampled_from([True, True, True, False])),
            latest_end=draw(st.sampled_from([None, None, FIVE + 200 * MINUTE])),
        )
        for one in ids
    ]


@st.composite
def any_entries(draw: st.DrawFn) -> list[Entry]:
    """The same, with some that have begun and some that end on the minute."""
    return [
        replace(entry, begun=draw(st.booleans()), hard_end=draw(st.booleans())) if draw(st.booleans()) else entry
        for entry in draw(timetables())
    ]


@given(any_entries())
def test_no_two_overlap_and_each_is_told_of_once(entries: list[Entry]) -> None:
    heard = hear(entries, may_sound)
    sounding = sorted((one.starts_at, one.ends_at) for one in heard if one.sounds)
    assert all(first[1] <= second[0] for first, second in pairwise(sounding))
    assert sorted(one.entry.id for one in heard) == sorted(entry.id for entry in entries)
    for one in heard:
        assert one.starts_at < one.ends_at or not one.sounds
        assert one.sounds == (one.fate != "not_aired")
        assert (one.fate == "as_planned") == (told(one, ZONE) == "")


@given(any_entries(), st.randoms(use_true_random=False))
def test_the_order_of_saving_does_not_matter(entries: list[Entry], rng: random.Random) -> None:
    shuffled = list(entries)
    rng.shuffle(shuffled)
    assert hear(shuffled, may_sound) == hear(entries, may_sound)


@given(any_entries())
def test_what_is_weaker_changes_nothing_for_what_is_stronger(entries: list[Entry]) -> None:
    for class_, rank in RANK.items():
        stronger = [entry for entry in entries if RANK[entry.class_] <= rank]
        all_heard = [one for one in hear(entries, may_sound) if one.entry.class_ == class_]
        assert [one for one in hear(stronger, may_sound) if one.entry.class_ == class_] == all_heard


@given(timetables())
def test_what_is_moved_comes_later_soon_enough_and_where_it_may(entries: list[Entry]) -> None:
    for one in hear(entries, may_sound):
        entry = one.entry
        if one.fate == "shifted":
            assert one.shift_ms > 0
            assert one.starts_at % 1000 == 0
            assert one.ends_at - one.starts_at == entry.duration_ms
        if one.fate == "shifted" and entry.class_ != "emergency":
            assert one.shift_ms <= MOST_DELAY_MS
            assert may_sound(entry, one.starts_at, one.ends_at) is None
            assert entry.latest_end is None or one.ends_at <= entry.latest_end
        if entry.class_ == "emergency" and entry.accepted:
            assert one.sounds
        if one.fate != "as_planned" and entry.accepted:
            assert one.because is not None
            assert RANK[one.because.entry.class_] <= RANK[entry.class_]
            assert one.because.starts_at < entry.ends_at
            assert entry.starts_at < one.because.ends_at


@given(timetables())
def test_who_has_its_time_to_itself_keeps_it(entries: list[Entry]) -> None:
    accepted = [entry for entry in entries if entry.accepted]
    fates = {one.entry.id: one.fate for one in hear(entries, may_sound)}
    for entry in accepted:
        others = [other for other in accepted if other != entry and RANK[other.class_] <= RANK[entry.class_]]
        far = all(
            other.ends_at + MOST_DELAY_MS <= entry.starts_at or entry.ends_at <= other.starts_at for other in others
        )
        if far and all(other.class_ != "emergency" for other in others):
            assert fates[entry.id] == "as_planned"


def entry(name: str, minute: float, minutes: float, class_: str = "ordinary", **more: object) -> Entry:
    at = int(FIVE + minute * MINUTE)
    return Entry(name, at, int(minutes * MINUTE), class_, title=name, **more)  # type: ignore[arg-type]


def fates(*entries: Entry) -> dict[str, tuple[str, float, float]]:
    return {
        one.entry.id: (one.fate, (one.starts_at - FIVE) / MINUTE, (one.ends_at - FIVE) / MINUTE)
        for one in hear(entries, may_sound)
    }


def sentence(name: str, *entries: Entry, place: str = "") -> str:
    (found,) = [one for one in hear(entries, may_sound) if one.entry.id == name]
    return told(found, ZONE, place=place)


def test_priority_over_ordinary_which_is_heard_after_it() -> None:
    news, own = entry("Thời sự khu vực", 0, 12, "priority"), entry("own", 0, 5)
    assert fates(news, own) == {"Thời sự khu vực": ("as_planned", 0, 12), "own": ("shifted", 12, 17)}
    assert sentence("own", news, own, place="xã Đại Sơn") == (
        "17:00–17:12 tại xã Đại Sơn đã có lịch “Thời sự khu vực” (ưu tiên); bản tin này sẽ phát lúc 17:12"
    )


def test_an_emergency_goes_before_all_and_may_sound_in_quiet_hours() -> None:
    storm, other = entry("storm", 149, 10, "emergency"), entry("other", 149, 5, "emergency", level=3)
    news = entry("news", 148, 2, "priority")
    assert fates(storm, other, news) == {
        "other": ("as_planned", 149, 154),
        "storm": ("shifted", 154, 164),
        "news": ("not_aired", 148, 148),
    }
    assert "rơi vào giờ yên tĩnh nên bản tin này không phát" in sentence("news", storm, other, news)


def test_of_two_priority_ones_level_decides_until_the_commune_has_chosen() -> None:
    province = entry("province", 5, 10, "priority", level=3)
    commune = entry("commune", 0, 10, "priority", level=1)
    assert fates(province, commune)["commune"] == ("shifted", 15, 25)
    chosen = replace(commune, before=frozenset({"province"}))
    assert fates(province, chosen) == {"commune": ("as_planned", 0, 10), "province": ("shifted", 10, 20)}


def test_of_equals_the_earlier_start_then_the_earlier_made() -> None:
    early, late = entry("b", 0, 10), entry("a", 5, 10)
    assert fates(early, late)["a"] == ("shifted", 10, 20)
    first, second = entry("b", 0, 10, made="1"), entry("a", 0, 10, made="2")
    assert fates(second, first)["a"] == ("shifted", 10, 20)


def test_choices_in_a_circle_still_give_an_order() -> None:
    circle = [
        entry(name, 0, 5, "priority", made=name, before=frozenset({behind}))
        for name, behind in (("a", "b"), ("b", "c"), ("c", "a"))
    ]
    assert [one.id for one in by_precedence(circle)] == ["a", "b", "c"]
    assert [one.id for one in by_precedence(reversed(circle))] == ["a", "b", "c"]


def test_what_is_late_never_delays_what_is_on_time() -> None:
    assert fates(entry("p", 0, 10, "priority"), entry("late", 0, 5, level=3), entry("punctual", 10, 5)) == {
        "p": ("as_planned", 0, 10),
        "punctual": ("as_planned", 10, 15),
        "late": ("shifted", 15, 20),
    }


def test_too_late_is_not_aired() -> None:
    long, short = entry("long", 0, 61, "priority"), entry("short", 0, 5)
    assert fates(long, short)["short"] == ("not_aired", 0, 0)
    assert sentence("short", long, short).endswith("không còn chỗ trống trong 60 phút nên bản tin này không phát")
    slot = entry("short", 0, 5, latest_end=FIVE + 16 * MINUTE)
    news = entry("news", 0, 12, "priority")
    assert fates(news, slot)["short"] == ("not_aired", 0, 0)
    assert "trong khung mục (đến 17:16)" in sentence("short", news, slot)


def test_what_has_begun_ends_where_something_stronger_cuts_in() -> None:
    on_air, storm = entry("on air", 0, 12, begun=True), entry("storm", 5, 2, "emergency")
    assert fates(on_air, storm)["on air"] == ("cut", 0, 5)
    assert sentence("on air", on_air, storm) == (
        "17:05–17:07 đã có lịch “storm” (khẩn cấp); bản tin này chỉ phát 17:00–17:05"
    )
    equal = entry("equal", 0, 12, level=3)
    assert fates(on_air, equal)["equal"] == ("shifted", 12, 24)


def test_a_hard_end_is_kept() -> None:
    relay = entry("relay", 0, 30, hard_end=True)
    assert fates(relay, entry("p", 5, 5, "priority"))["relay"] == ("cut", 10, 30)
    late = entry("p", 0, 30 - LEAST_HEARD_MS / MINUTE / 2, "priority")
    assert fates(relay, late)["relay"] == ("not_aired", 0, 0)


def test_who_has_not_accepted_stands_in_nobody_s_way() -> None:
    offer, own = entry("offer", 0, 10, level=3, accepted=False), entry("own", 0, 10)
    assert fates(offer, own) == {"offer": ("not_aired", 0, 0), "own": ("as_planned", 0, 10)}
    assert sentence("offer", offer, own, place="xã Đại Sơn") == (
        "xã Đại Sơn chưa tiếp nhận nên bản tin này không phát ở đó"
    )


def test_times_are_told_with_seconds_where_there_are_any() -> None:
    news, own = entry("news", 0, 2.5, "priority"), entry("own", 0, 1)
    (found,) = [one for one in hear([news, own]) if one.entry.id == "own"]
    assert isinstance(found, Heard)
    assert told(found, ZONE, subject="“Bản tin”") == (
        "17:00–17:02:30 đã có lịch “news” (ưu tiên); “Bản tin” sẽ phát lúc 17:02:30"
    )
