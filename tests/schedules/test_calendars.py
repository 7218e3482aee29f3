"""Holidays and lunar feasts against the `holidays` package, and what local days make of a timetable."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from holidays import country_holidays
from hypothesis import given
from hypothesis import strategies as st

from schedules.calendars import LocalDay, Settled, Start, calendar, settle
from schedules.lunar import LunarDate, solar_date

FAIR = date(2026, 7, 28)
DAWN = Start("sáng", datetime.fromisoformat("2026-07-28T05:00"))
EVENING = Start("chiều", datetime.fromisoformat("2026-07-28T17:00"))
NEXT = Start("sáng", datetime.fromisoformat("2026-07-29T05:00"))


def test_public_holidays_and_lunar_feasts() -> None:
    days = {one.day: one for one in calendar(date(2026, 2, 1), date(2026, 3, 5))}
    assert len(days) == 32
    assert days[date(2026, 2, 17)].holiday == "Tết Nguyên Đán"
    assert days[date(2026, 2, 17)].lunar_feast == "mùng một"
    assert days[date(2026, 3, 3)].lunar_feast == "rằm"
    assert days[date(2026, 3, 2)].holiday is None
    assert [day.isoformat() for day, one in days.items() if one.lunar_feast] == [
        "2026-02-02", "2026-02-17", "2026-03-03",
    ]  # fmt: skip


@given(st.integers(2008, 2060))
def test_our_lunar_dates_are_those_of_the_holidays(year: int) -> None:
    """Outside the years in which Vietnam differs from China both know the same Tết and the same day of the Kings."""
    names = {name: day for day, names in country_holidays("VN", years=year, language="vi").items()
             for name in names.split("; ")}  # fmt: skip
    if year != 2030 and year != 2053:  # noqa: PLR1714 - the years in which they differ
        assert names["Tết Nguyên Đán"] == solar_date(LunarDate(year, 1, leap=False, day=1))
        assert names["Ngày Giỗ Tổ Hùng Vương"] == solar_date(LunarDate(year, 3, leap=False, day=10))


def test_a_funeral_skips_and_a_market_moves() -> None:
    market = LocalDay("Chợ phiên", "u", FAIR, FAIR, "move", frozenset({"chiều"}), by=timedelta(minutes=30))
    funeral = LocalDay("Đám tang", "u", FAIR, FAIR, "skip", frozenset({"sáng"}))
    later = Start("chiều", EVENING.at + timedelta(minutes=30))
    assert settle([NEXT, EVENING, DAWN], [market, funeral]) == [
        Settled(DAWN, None, funeral),
        Settled(EVENING, later, market),
        Settled(NEXT, NEXT, None),
    ]


def test_a_whole_day_is_replaced_and_mourning_silences_that_too() -> None:
    exams = LocalDay("Tuần thi", "u", FAIR, FAIR, "replace", timetable=(Start("thi", EVENING.at),))
    assert settle([DAWN, EVENING, NEXT], [exams]) == [
        Settled(DAWN, None, exams),
        Settled(EVENING, None, exams),
        Settled(NEXT, NEXT, None),
        Settled(Start("thi", EVENING.at), Start("thi", EVENING.at), exams),
    ]
    mourning = LocalDay("Quốc tang", "u", FAIR, FAIR + timedelta(days=1), "skip")
    assert [one.airs for one in settle([DAWN, EVENING, NEXT], [exams, mourning])] == [None] * 4


STARTS = st.builds(
    lambda name, days, hour: Start(name, datetime.combine(FAIR + timedelta(days=days), datetime.min.time()) + hour),
    st.sampled_from("abc"),
    st.integers(0, 5),
    st.integers(0, 23).map(lambda hours: timedelta(hours=hours)),
)
LOCAL_DAYS = st.builds(
    lambda effect, first, length, who, by: LocalDay(
        "x", "u", FAIR + timedelta(days=first), FAIR + timedelta(days=first + length), effect, who, by
    ),
    st.sampled_from(["skip", "move", "replace"]),
    st.integers(0, 5),
    st.integers(0, 3),
    st.none() | st.frozensets(st.sampled_from("abc")),
    st.integers(-60, 60).map(lambda minutes: timedelta(minutes=minutes)),
)


@given(st.lists(STARTS, unique=True), st.lists(LOCAL_DAYS))
def test_each_start_is_settled_once_and_what_is_untouched_airs_as_it_was(
    starts: list[Start], local_days: list[LocalDay]
) -> None:
    settled = settle(starts, local_days)
    assert sorted((one.original for one in settled), key=repr) == sorted(starts, key=repr)
    for one in settled:
        assert (one.because is None) is not any(
            local.concerns(one.original)
            or (local.effect == "replace" and local.first <= one.original.at.date() <= local.last)
            for local in local_days
        )
        if one.because is None:
            assert one.airs == one.original
        else:
            assert (one.airs is None) is (one.because.effect != "move")
