"""Rules of RFC 5545: against dateutil's reading from their first day on, and the cases that went wrong elsewhere."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil import rrule, tz
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from schedules import errors
from schedules.recurrence import Rule, next_after, occurrences, require_occurrences

HANOI = "Asia/Ho_Chi_Minh"
BERLIN = "Europe/Berlin"
ZONES = [HANOI, BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "America/Santiago", "Pacific/Apia"]
WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def local(rule: Rule, first: str, last: str) -> list[str]:
    """The starts from one local day up to another, by the clocks of the rule's zone."""
    zone = ZoneInfo(rule.zone)
    edges = [datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC) for day in (first, last)]
    return [f"{at.astimezone(zone):%m-%d %H:%M}" for at in occurrences(rule, *edges)]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _numbers(least: int, most: int, *, signed: bool = False, size: int = 3) -> st.SearchStrategy[str]:
    one = st.integers(least, most)
    if signed:
        one |= st.integers(-most, -least)
    return st.lists(one, min_size=1, max_size=size, unique=True).map(lambda found: ",".join(map(str, found)))


LARGEST = {
    "BYMONTH": 12,
    "BYMONTHDAY": 31,
    "BYYEARDAY": 366,
    "BYWEEKNO": 53,
    "BYHOUR": 23,
    "BYMINUTE": 59,
    "BYSECOND": 59,
}
FREQUENCIES = {  # and the parts of which one may name its days
    "YEARLY": ["BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"],
    "MONTHLY": ["BYMONTH", "BYMONTHDAY"],
    "WEEKLY": ["BYMONTH"],
    "DAILY": ["BYMONTH", "BYMONTHDAY"],
    "HOURLY": ["BYMONTH", "BYMONTHDAY", "BYYEARDAY"],
}


@st.composite
def rules(draw: st.DrawFn) -> str:
    """A rule that RFC 5545 allows; few that never occur, for which dateutil looks as far as the year 9999."""
    frequency = draw(st.sampled_from(list(FREQUENCIES)))
    parts = {"FREQ": frequency, "INTERVAL": str(draw(st.sampled_from([1, 1, 2, 3, 5])))}
    named = draw(st.none() | st.sampled_from(FREQUENCIES[frequency]))
    if named:
        parts[named] = draw(_numbers(1, LARGEST[named], signed=named != "BYMONTH"))
    if draw(st.booleans()):
        most = {"MONTHLY": 5, "YEARLY": 5 if named == "BYMONTH" else 53}.get(frequency, 0)
        ordinals = ["", "1", "2", "-1", str(most)] if most and named != "BYWEEKNO" else [""]
        days = st.builds(lambda ordinal, day: ordinal + day, st.sampled_from(ordinals), st.sampled_from(WEEKDAYS))
        parts["BYDAY"] = ",".join(draw(st.lists(days, min_size=1, max_size=3, unique=True)))
    for name in draw(st.sets(st.sampled_from(["BYHOUR", "BYMINUTE", "BYSECOND"]))):
        parts[name] = draw(_numbers(0, LARGEST[name], size=2))
    if any(name.startswith("BY") for name in parts):
        parts |= draw(st.sampled_from([{}, {}, {"BYSETPOS": "1"}, {"BYSETPOS": "-1"}, {"BYSETPOS": "1,-1"}]))
    parts |= draw(st.sampled_from([{}, {"WKST": "SU"}, {"WKST": "TH"}]))
    if draw(st.booleans()):
        parts["COUNT"] = str(draw(st.integers(1, 60)))
    return ";".join(f"{name}={value}" for name, value in parts.items())


def as_dateutil_reads(text: str, start: datetime, zone: str, since: datetime, until: datetime) -> list[datetime]:
    """From its first day on, by dateutil's own reader and its own zones."""
    try:
        read = rrule.rrulestr(text, dtstart=start)
    except ValueError:  # hours that the interval never meets
        return []
    found: set[datetime] = set()
    for one in read:
        if one > until.replace(tzinfo=None) + timedelta(days=2):
            break
        found.add(tz.resolve_imaginary(one.replace(tzinfo=tz.gettz(zone))).astimezone(UTC))
    return sorted(one for one in found if since <= one < until)


@settings(max_examples=150, deadline=None)
@given(
    rules(),
    st.datetimes(at("1995-01-01"), at("2030-01-01")).map(lambda one: one.replace(microsecond=0)),
    st.sampled_from(ZONES),
    st.integers(-20, 4000),
    st.integers(1, 800),
)
def test_it_reads_as_dateutil_does(text: str, start: datetime, zone: str, days: int, length: int) -> None:
    since = start.replace(tzinfo=UTC) + timedelta(days=days)
    until = since + timedelta(days=length)
    expected = as_dateutil_reads(text, start, zone, since, until)
    assert list(occurrences(Rule.of(text, start, zone), since, until)) == expected


def test_the_29th_of_february() -> None:
    yearly = Rule.of("FREQ=YEARLY", at("2024-02-29T05:00"), HANOI)
    assert local(yearly, "2024-01-01", "2033-01-01") == ["02-29 05:00"] * 3
    assert local(Rule.of("FREQ=YEARLY", at("1896-02-29T05:00"), HANOI), "1897-01-01", "1905-01-01") == ["02-29 05:00"]
    last = Rule.of("FREQ=MONTHLY;BYMONTHDAY=-1", at("2024-01-31T05:00"), HANOI)
    assert local(last, "2024-02-01", "2024-03-01") == ["02-29 05:00"]
    assert local(last, "2025-02-01", "2025-03-01") == ["02-28 05:00"]


def test_month_ends() -> None:
    on_31st = Rule.of("FREQ=MONTHLY", at("2026-01-31T22:00"), HANOI)
    assert local(on_31st, "2026-01-01", "2026-07-01") == ["01-31 22:00", "03-31 22:00", "05-31 22:00"]
    last_friday = Rule.of("FREQ=MONTHLY;BYDAY=-1FR", at("2026-01-01T22:00"), HANOI)
    assert local(last_friday, "2026-01-01", "2026-04-01") == ["01-30 22:00", "02-27 22:00", "03-27 22:00"]
    last_workday = Rule.of("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", at("2026-01-01T17:00"), HANOI)
    assert local(last_workday, "2026-01-01", "2026-03-01") == ["01-30 17:00", "02-27 17:00"]


def test_22_to_4_across_midnight_and_the_month_s_end() -> None:
    """Each night 22:00 to 04:00, every two hours: the night of the 31st goes on into the next month."""
    nights = Rule.of("FREQ=DAILY;BYHOUR=22,0,2,4;BYMINUTE=0", at("2026-01-31T22:00"), HANOI)
    assert local(nights, "2026-01-01", "2026-02-01") == ["01-31 22:00"]
    assert local(nights, "2026-02-01", "2026-02-02") == ["02-01 00:00", "02-01 02:00", "02-01 04:00", "02-01 22:00"]
    assert local(nights, "2026-02-28", "2026-03-01")[-1] == "02-28 22:00"
    assert local(nights, "2026-03-01", "2026-03-02")[0] == "03-01 00:00"


def test_the_change_of_season_at_2() -> None:
    rule = Rule.of("FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=30", at("2026-01-01T01:30"), BERLIN)
    # 02:30 is skipped and airs at what is then called 03:30; the 03:30 of that day is the same instant: once.
    assert local(rule, "2026-03-29", "2026-03-30") == ["03-29 01:30", "03-29 03:30"]
    # 02:30 comes twice and airs once, the first time.
    autumn = list(occurrences(rule, datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC)))
    assert autumn == [datetime(2026, 10, day, hour, 30, tzinfo=UTC) for day, hour in [(24, 23), (25, 0), (25, 2)]]


def test_order_holds_where_a_skipped_time_is_put_off() -> None:
    """02:30 becomes 03:30 on that day, after the 03:00 that stands behind it in the rule."""
    rule = Rule.of("FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,30", at("2026-01-01T02:00"), BERLIN)
    assert local(rule, "2026-03-29", "2026-03-30") == ["03-29 03:00", "03-29 03:30"]


def test_intervals_count_from_the_start() -> None:
    fortnight = Rule.of("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU", at("2026-11-24T17:00"), HANOI)
    assert local(fortnight, "2026-11-20", "2026-12-15") == ["11-24 17:00", "11-29 17:00", "12-08 17:00", "12-13 17:00"]
    sunday_first = Rule.of("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", at("2026-11-24T17:00"), HANOI)
    assert local(sunday_first, "2026-11-20", "2026-12-15") == ["11-24 17:00", "12-06 17:00", "12-08 17:00"]


@pytest.mark.parametrize(
    "end", ["COUNT=3", "UNTIL=20260730", "UNTIL=20260730T170000", "UNTIL=20260730T100000Z", "UNTIL=20260731T165959"]
)
def test_how_it_ends(end: str) -> None:
    rule = Rule.of(f"FREQ=DAILY;{end}", at("2026-07-28T17:00"), HANOI)
    assert local(rule, "2026-01-01", "2027-01-01") == ["07-28 17:00", "07-29 17:00", "07-30 17:00"]
    assert next_after(rule, datetime(2026, 7, 30, 10, tzinfo=UTC)) is None


def test_an_end_just_before_an_airing() -> None:
    rule = Rule.of("FREQ=DAILY;UNTIL=20260730T095959Z", at("2026-07-28T17:00"), HANOI)
    assert local(rule, "2026-01-01", "2027-01-01") == ["07-28 17:00", "07-29 17:00"]


def test_dates_added_and_taken_out() -> None:
    rule = Rule.of(
        "FREQ=DAILY;BYHOUR=5,17;UNTIL=20260730",
        at("2026-07-28T05:00"),
        HANOI,
        rdates=[at("2026-07-29T11:00"), at("2026-08-03T08:00"), at("2026-07-29T05:00")],
        exdates=[date(2026, 7, 28), at("2026-07-30T17:00"), at("2027-01-01T00:00")],
    )
    assert local(rule, "2026-01-01", "2027-01-01") == [
        "07-29 05:00", "07-29 11:00", "07-29 17:00", "07-30 05:00", "08-03 08:00",
    ]  # fmt: skip


def test_an_added_date_can_be_taken_out() -> None:
    again = at("2026-07-29T11:00")
    rule = Rule.of("FREQ=DAILY;COUNT=1", at("2026-07-28T05:00"), HANOI, rdates=[again], exdates=[again])
    assert local(rule, "2026-01-01", "2027-01-01") == ["07-28 05:00"]


def test_added_dates_before_the_start_are_found_as_next() -> None:
    rule = Rule.of("", at("2026-07-28T05:00"), HANOI, rdates=[at("2026-07-01T11:00")])
    assert next_after(rule, datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 7, 1, 4, tzinfo=UTC)


def test_a_skipped_time_is_taken_out_by_either_name() -> None:
    for name in ("2026-03-29T02:30", "2026-03-29T03:30"):
        rule = Rule.of("FREQ=DAILY", at("2026-03-28T02:30"), BERLIN, exdates=[at(name)])
        assert local(rule, "2026-03-28", "2026-03-31") == ["03-28 02:30", "03-30 02:30"]


def test_a_rule_that_never_ends_is_looked_up_a_lifetime_later() -> None:
    rule = Rule.of("FREQ=MONTHLY;INTERVAL=5;BYDAY=2TU", at("1990-01-09T17:00"), HANOI)
    far = datetime(2150, 1, 1, tzinfo=UTC)
    assert next_after(rule, far) == as_dateutil_reads(rule.text, rule.start, HANOI, far, far + timedelta(days=400))[0]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", errors.BadRule),
        ("daily", errors.BadRule),
        ("FREQ=FORTNIGHTLY", errors.BadRule),
        ("INTERVAL=2", errors.BadRule),
        ("FREQ=DAILY;FREQ=WEEKLY", errors.BadRule),
        ("FREQ=DAILY;BYEASTER=0", errors.BadRule),
        ("FREQ=DAILY;INTERVAL=0", errors.BadRule),
        ("FREQ=DAILY;COUNT=0", errors.BadRule),
        ("FREQ=DAILY;COUNT=1000000", errors.BadRule),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", errors.BadRule),
        ("FREQ=DAILY;UNTIL=20270230", errors.BadRule),
        ("FREQ=DAILY;UNTIL=tomorrow", errors.BadRule),
        ("FREQ=DAILY;BYHOUR=24", errors.BadRule),
        ("FREQ=DAILY;BYHOUR=5,", errors.BadRule),
        ("FREQ=DAILY;BYHOUR=٥", errors.BadRule),
        ("FREQ=WEEKLY;BYDAY=2MO", errors.BadRule),
        ("FREQ=MONTHLY;BYDAY=6MO", errors.BadRule),
        ("FREQ=MONTHLY;BYDAY=XX", errors.BadRule),
        ("FREQ=MONTHLY;BYMONTHDAY=0", errors.BadRule),
        ("FREQ=WEEKLY;BYMONTHDAY=1", errors.BadRule),
        ("FREQ=MONTHLY;BYWEEKNO=1", errors.BadRule),
        ("FREQ=DAILY;BYSETPOS=1", errors.BadRule),
        ("FREQ=WEEKLY;WKST=8", errors.BadRule),
        ("FREQ=DAILY;BYHOUR=" + ",".join("5" for _ in range(400)), errors.BadRule),
        ("FREQ=SECONDLY", errors.TooManyAirings),
        ("FREQ=MINUTELY;INTERVAL=5", errors.TooManyAirings),
        ("FREQ=HOURLY;BYMINUTE=0,10,20,30,40,50", errors.TooManyAirings),
        ("FREQ=DAILY;BYHOUR=5,6;BYMINUTE=" + ",".join(map(str, range(60))), errors.TooManyAirings),
        ("FREQ=DAILY;UNTIL=20260727", errors.EndsBeforeItStarts),
        ("FREQ=DAILY;UNTIL=20260727T100000Z", errors.EndsBeforeItStarts),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", errors.NeverOccurs),
        ("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", errors.NeverOccurs),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=WE", errors.NeverOccurs),
        ("FREQ=HOURLY;INTERVAL=24;BYHOUR=3", errors.NeverOccurs),
        ("FREQ=DAILY;UNTIL=20260728T165959", errors.NeverOccurs),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, error: type[Invalid]) -> None:
    start = at("2026-07-28T17:00")  # a Tuesday
    with pytest.raises(error) as caught:
        require_occurrences(Rule("rrule", start.date(), None, start.time(), HANOI, rrule=text))
    assert caught.value.text("vi") != caught.value.text("en")
    assert "{" not in caught.value.text("vi") + caught.value.text("en")


def test_local_dates_carry_no_zone() -> None:
    with pytest.raises(errors.ZonedLocalTime):
        Rule.of("FREQ=DAILY", at("2026-07-28T17:00"), HANOI, exdates=[datetime(2026, 7, 29, 10, tzinfo=UTC)])


def test_the_short_forms_say_the_same() -> None:
    first = date(2026, 7, 28)
    for short, text in [
        (Rule("daily", first, date(2026, 8, 2), time(17), HANOI), "FREQ=DAILY;UNTIL=20260802"),
        (Rule("weekly", first, None, time(17), HANOI, (7, 2)), "FREQ=WEEKLY;BYDAY=TU,SU"),
    ]:
        assert short.text == text
        span = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
        assert list(occurrences(short, *span)) == list(occurrences(Rule.of(text, short.start, HANOI), *span))
