"""The lunar calendar of Vietnam against dates that are known."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from schedules.lunar import LunarDate, lunar_date, solar_date


@pytest.mark.parametrize(
    "day",
    [
        "1968-01-29",  # Vietnam (north) a day before China's 30 January
        "1985-01-21",  # China: 20 February
        "2007-02-17",  # China: 18 February
        "2000-02-05",
        "2015-02-19",
        "2020-01-25",
        "2021-02-12",
        "2022-02-01",
        "2023-01-22",
        "2024-02-10",
        "2025-01-29",
        "2026-02-17",
        "2027-02-06",
        "2030-02-02",  # China: 3 February
    ],
)
def test_tet(day: str) -> None:
    tet = date.fromisoformat(day)
    assert lunar_date(tet) == LunarDate(tet.year, 1, leap=False, day=1)
    assert solar_date(LunarDate(tet.year, 1, leap=False, day=1)) == tet


@pytest.mark.parametrize(
    ("year", "month"),
    [(1985, 2), (1987, 7), (2001, 4), (2004, 2), (2006, 7), (2009, 5), (2012, 4), (2014, 9), (2017, 6), (2020, 4),
     (2023, 2), (2025, 6), (2028, 5)],
)  # fmt: skip
def test_leap_months(year: int, month: int) -> None:
    found = {(one.year, one.month) for one in map(lunar_date, _days(year)) if one.leap and one.year == year}
    assert found == {(year, month)}


@pytest.mark.parametrize(
    ("lunar", "day"),
    [
        (LunarDate(2025, 3, leap=False, day=10), "2025-04-07"),  # Giỗ Tổ
        (LunarDate(2026, 3, leap=False, day=10), "2026-04-26"),
        (LunarDate(2024, 8, leap=False, day=15), "2024-09-17"),  # Trung thu
        (LunarDate(2025, 8, leap=False, day=15), "2025-10-06"),
        (LunarDate(2025, 6, leap=True, day=1), "2025-07-25"),
        (LunarDate(2025, 12, leap=False, day=29), "2026-02-16"),  # that year ends with the 29th
    ],
)
def test_feasts(lunar: LunarDate, day: str) -> None:
    assert solar_date(lunar) == date.fromisoformat(day)
    assert lunar_date(date.fromisoformat(day)) == lunar


def test_what_a_year_does_not_have() -> None:
    assert solar_date(LunarDate(2026, 4, leap=True, day=1)) is None
    assert solar_date(LunarDate(2025, 12, leap=False, day=30)) is None


def test_three_centuries_have_months_of_29_or_30_days_in_their_order() -> None:
    before = lunar_date(date(1900, 1, 1))
    for number in range(1, 109_000):
        now = lunar_date(date(1900, 1, 1) + timedelta(days=number))
        if now.day != before.day + 1:
            assert now.day == 1
            assert before.day in {29, 30}
            assert now > before
            assert now.leap or now.month == before.month % 12 + 1
        before = now


def _days(year: int) -> list[date]:
    return [date(year, 1, 1) + timedelta(days=number) for number in range(420)]
