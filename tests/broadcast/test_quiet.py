"""The site's quiet hours at the server."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from broadcast.quiet import InQuietHours, check, site_rules
from core.clock import to_ms
from core.settings import Settings


def settings(quiet: str = "21:00-05:00") -> Settings:
    return Settings(quiet_hours=quiet)


def local(hour: int, minute: int = 0, day: int = 10) -> datetime:
    return datetime(2027, 3, day, hour, minute, tzinfo=settings().zone)


@pytest.mark.parametrize(
    ("hour", "minute", "duration_ms"), [(3, 0, 1_000), (21, 0, 1_000), (20, 59, 61_000), (4, 59, 1_000), (0, 0, 1)]
)
def test_what_touches_quiet_hours_is_refused(hour: int, minute: int, duration_ms: int) -> None:
    with pytest.raises(InQuietHours) as refused:
        check(settings(), local(hour, minute), duration_ms)
    assert "giờ yên tĩnh" in refused.value.text("vi")


@pytest.mark.parametrize(("hour", "minute", "duration_ms"), [(5, 0, 900_000), (20, 59, 60_000), (12, 0, 3_600_000)])
def test_what_ends_before_or_begins_after_is_allowed(hour: int, minute: int, duration_ms: int) -> None:
    check(settings(), local(hour, minute), duration_ms)


def test_without_quiet_hours_the_night_is_open() -> None:
    check(settings(""), local(3), 1_000)
    assert site_rules(settings(""), local(0), local(23)).quiet == ()


def test_a_plan_of_three_days_carries_every_night_in_utc() -> None:
    rules = site_rules(settings(), local(12, day=10), local(12, day=13))
    nights = [(interval.from_, interval.until) for interval in rules.quiet]
    assert nights == [
        (to_ms(datetime(2027, 3, day, 14, tzinfo=UTC)), to_ms(datetime(2027, 3, day, 22, tzinfo=UTC)))
        for day in (10, 11, 12)
    ]


def test_the_night_that_is_running_is_in_it() -> None:
    rules = site_rules(settings(), local(1, day=10), local(2, day=10))
    assert [interval.until for interval in rules.quiet] == [to_ms(local(5, day=10))]


def test_a_span_within_one_day() -> None:
    with pytest.raises(InQuietHours):
        check(settings("12:00-13:30"), local(13, 29), 1_000)
    check(settings("12:00-13:30"), local(23), 1_000)


def test_nonsense_is_refused_as_a_setting() -> None:
    with pytest.raises(ValidationError):
        settings("25:00-05:00")
