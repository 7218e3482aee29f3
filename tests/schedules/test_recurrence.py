"""When a rule airs, against dateutil's reading of the same rule and of the clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from dateutil import rrule, tz
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import Invalid
from schedules import errors
from schedules.recurrence import Kind, Rule, next_after, occurrences

HANOI = "Asia/Ho_Chi_Minh"
BERLIN = "Europe/Berlin"
APIA = "Pacific/Apia"
# Gaps and folds of an hour, of half an hour (Lord Howe), at midnight (Beirut, Santiago), of a whole day (Apia).
ZONES = [HANOI, BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "America/Santiago", APIA, "UTC"]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def daily(first: date, at: time, zone: str, last: date | None = None) -> Rule:
    return Rule("daily", first, last, at, zone)


def test_every_morning_in_vietnam() -> None:
    rule = daily(date(2026, 7, 28), time(5), HANOI)
    found = list(occurrences(rule, utc("2026-07-27T00:00"), utc("2026-07-30T00:00")))
    assert found == [utc("2026-07-27T22:00"), utc("2026-07-28T22:00"), utc("2026-07-29T22:00")]


def test_the_window_takes_its_start_and_leaves_its_end() -> None:
    rule = daily(date(2026, 7, 28), time(5), HANOI)
    assert list(occurrences(rule, utc("2026-07-27T22:00"), utc("2026-07-28T22:00"))) == [utc("2026-07-27T22:00")]
    assert list(occurrences(rule, utc("2026-07-28T22:00"), utc("2026-07-28T22:00"))) == []


def test_the_last_day_counts() -> None:
    rule = daily(date(2026, 7, 28), time(17), HANOI, last=date(2026, 7, 29))
    assert list(occurrences(rule, utc("2026-01-01T00:00"), utc("2027-01-01T00:00"))) == [
        utc("2026-07-28T10:00"),
        utc("2026-07-29T10:00"),
    ]


def test_on_weekdays() -> None:
    rule = Rule("weekly", date(2026, 7, 28), None, time(17), HANOI, (7, 2, 2))  # from a Tuesday: Tuesdays, Sundays
    assert rule.weekdays == (2, 7)
    found = occurrences(rule, utc("2026-07-01T00:00"), utc("2026-08-05T00:00"))
    assert [instant.day for instant in found] == [28, 2, 4]


def test_once_with_seconds() -> None:
    rule = Rule("once", date(2026, 7, 30), None, time(8, 0, 20, 250_000), HANOI)
    assert list(occurrences(rule, utc("2026-01-01T00:00"), utc("2027-01-01T00:00"))) == [utc("2026-07-30T01:00:20.250")]


def test_a_time_in_a_gap_airs_as_much_later_as_the_gap_is_long() -> None:
    rule = daily(date(2026, 3, 28), time(2, 30), BERLIN)
    found = list(occurrences(rule, utc("2026-03-28T00:00"), utc("2026-03-31T00:00")))
    assert found == [utc("2026-03-28T01:30"), utc("2026-03-29T01:30"), utc("2026-03-30T00:30")]
    assert found[1].astimezone(tz.gettz(BERLIN)).strftime("%H:%M") == "03:30"


def test_a_time_in_a_fold_airs_once_the_first_time() -> None:
    rule = daily(date(2026, 10, 25), time(2, 30), BERLIN, last=date(2026, 10, 25))
    assert list(occurrences(rule, utc("2026-10-24T00:00"), utc("2026-10-27T00:00"))) == [utc("2026-10-25T00:30")]


def test_a_day_that_a_country_leaves_out_airs_with_the_next_once() -> None:
    rule = daily(date(2011, 12, 29), time(10), APIA, last=date(2011, 12, 31))  # 30 December did not exist
    found = list(occurrences(rule, utc("2011-12-01T00:00"), utc("2012-01-31T00:00")))
    assert found == [utc("2011-12-29T20:00"), utc("2011-12-30T20:00")]


RULES = st.builds(
    lambda kind, first, span, at, zone, days: Rule(
        kind,
        first,
        None if span is None or kind == "once" else first + timedelta(days=span),
        at,
        zone,
        tuple(days) if kind == "weekly" else (),
    ),
    st.sampled_from(["once", "daily", "weekly"]),
    st.dates(date(1990, 1, 1), date(2035, 1, 1)),
    st.none() | st.integers(0, 400),
    st.times(),
    st.sampled_from(ZONES),
    st.sets(st.integers(1, 7), min_size=1),
)


def as_dateutil_reads(rule: Rule, start: datetime, until: datetime) -> list[datetime]:
    options: dict[str, Any] = {"dtstart": datetime.combine(rule.first_date, rule.local_time.replace(microsecond=0))}
    if rule.kind == "once":
        options["count"] = 1
    else:
        last = rule.last_date or (until + timedelta(days=5)).date()
        options["until"] = datetime.combine(last, time(23, 59, 59))
    if rule.kind == "weekly":
        options["byweekday"] = [day - 1 for day in rule.weekdays]
    found = {
        tz.resolve_imaginary(
            local.replace(microsecond=rule.local_time.microsecond, tzinfo=tz.gettz(rule.zone))
        ).astimezone(UTC)
        for local in rrule.rrule(rrule.WEEKLY if rule.kind == "weekly" else rrule.DAILY, **options)
    }
    return sorted(instant for instant in found if start <= instant < until)


@given(RULES, st.integers(-40, 400), st.integers(0, 60), st.times())
@example(daily(date(2011, 12, 20), time(10), APIA), 0, 30, time())
@example(daily(date(2026, 3, 1), time(0, 30), "Asia/Beirut"), 0, 60, time())
@example(daily(date(2026, 10, 1), time(2, 15), "Australia/Lord_Howe"), 0, 60, time())
def test_it_reads_as_dateutil_does(rule: Rule, days: int, length: int, at: time) -> None:
    start = datetime.combine(rule.first_date, at, UTC) + timedelta(days=days)
    until = start + timedelta(days=length)
    assert list(occurrences(rule, start, until)) == as_dateutil_reads(rule, start, until)


@given(RULES, st.lists(st.integers(1, 1_000_000), min_size=1, max_size=6))
def test_a_window_cut_in_pieces_gives_the_same(rule: Rule, pieces: list[int]) -> None:
    """Expanding a bit at each start of the engine gives neither more nor less than all at once."""
    edges = [datetime.combine(rule.first_date, time(), UTC) - timedelta(days=2)]
    for seconds in pieces:
        edges.append(edges[-1] + timedelta(seconds=seconds))
    in_pieces = [instant for start, until in pairwise(edges) for instant in occurrences(rule, start, until)]
    assert in_pieces == list(occurrences(rule, edges[0], edges[-1]))
    assert all(one < other for one, other in pairwise(in_pieces))


@given(RULES, st.integers(-500, 800), st.times())
def test_the_next_one_is_the_first_of_all(rule: Rule, days: int, at: time) -> None:
    now = datetime.combine(rule.first_date, at, UTC) + timedelta(days=days)
    far = occurrences(rule, now, now + timedelta(days=1200))
    assert next_after(rule, now) == next((instant for instant in far if instant > now), None)


@pytest.mark.parametrize(
    ("kind", "last", "at", "zone", "weekdays", "error"),
    [
        ("yearly", None, time(5), HANOI, (), errors.UnknownKind),
        ("daily", date(2026, 7, 27), time(5), HANOI, (), errors.EndsBeforeItStarts),
        ("daily", None, time(5), HANOI, (1,), errors.WeekdaysNotWanted),
        ("weekly", None, time(5), HANOI, (), errors.NoWeekdays),
        ("weekly", None, time(5), HANOI, (0, 1), errors.NoWeekdays),
        ("once", date(2026, 7, 29), time(5), HANOI, (), errors.OnceHasOneDay),
        ("once", None, time(5), HANOI, (2,), errors.OnceHasOneDay),
        ("daily", None, time(5, tzinfo=timezone(timedelta(hours=7))), HANOI, (), errors.ZonedLocalTime),
        ("daily", None, time(5), "Asia/Bắc_Giang", (), errors.UnknownZone),
        ("daily", None, time(5), "../../etc/passwd", (), errors.UnknownZone),
        ("daily", None, time(5), "", (), errors.UnknownZone),
    ],
)
def test_what_makes_no_sense_is_refused(
    kind: Kind, last: date | None, at: time, zone: str, weekdays: tuple[int, ...], error: type[Invalid]
) -> None:
    with pytest.raises(error) as caught:
        Rule(kind, date(2026, 7, 28), last, at, zone, weekdays)
    assert caught.value.text("vi") != caught.value.text("en")
    assert "{" not in caught.value.text("vi") + caught.value.text("en")
