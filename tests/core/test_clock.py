"""Clocks, milliseconds and identifiers."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import Clock, ManualClock, ShiftedClock, SystemClock, from_ms, to_ms
from core.ids import new_id

AT = datetime(2026, 7, 28, 1, 0, tzinfo=UTC)
LITTLE = timedelta(seconds=5)


def test_the_system_clock_tells_utc_and_runs_on() -> None:
    clock: Clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert abs(clock.now() - datetime.now(UTC)) < LITTLE
    first = clock.monotonic()
    assert clock.monotonic() >= first


def test_a_shifted_clock_runs_on_at_another_hour() -> None:
    clock = ShiftedClock.starting_at(AT)
    first = clock.now()
    assert timedelta(0) <= first - AT < LITTLE
    assert clock.now() >= first
    assert clock.now().tzinfo is UTC
    assert abs(clock.monotonic() - time.monotonic()) < 5


def test_a_manual_clock_stands_until_it_is_moved() -> None:
    clock = ManualClock(AT.astimezone(timezone(timedelta(hours=7))))
    assert (clock.now(), clock.monotonic()) == (AT, 0.0)
    assert clock.now().tzinfo is UTC
    clock.advance(timedelta(seconds=90))
    assert (clock.now(), clock.monotonic()) == (AT + timedelta(seconds=90), 90.0)
    clock.step(timedelta(hours=-1))
    assert (clock.now(), clock.monotonic()) == (AT + timedelta(seconds=90, hours=-1), 90.0)


def test_milliseconds() -> None:
    assert to_ms(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert to_ms(AT) == 1_785_200_400_000
    assert to_ms(AT.astimezone(timezone(timedelta(hours=7)))) == to_ms(AT)
    assert to_ms(AT + timedelta(microseconds=1_999)) == to_ms(AT) + 1  # rounded down
    assert to_ms(datetime(1970, 1, 1, tzinfo=UTC) - timedelta(microseconds=1)) == -1
    with pytest.raises(ValueError, match="naive"):
        to_ms(AT.replace(tzinfo=None))


@given(st.integers(-(10**13), 10**14))
def test_milliseconds_there_and_back(ms: int) -> None:
    assert to_ms(from_ms(ms)) == ms
    assert from_ms(ms).tzinfo is UTC


def test_identifiers_are_apart_and_sort_by_time() -> None:
    one = new_id()
    time.sleep(0.002)  # they tell milliseconds
    other = new_id()
    assert one < other
    assert len(one) == 26
    assert len({new_id() for _ in range(1000)}) == 1000
