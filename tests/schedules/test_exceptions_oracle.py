"""Exceptions of a series against the icalendar library: what it writes of a rule is read back and airs the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rruleset, rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event, vRecur

from schedules.recurrence import Rule, occurrences

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
START = datetime(2026, 1, 5, 5)  # noqa: DTZ001 - rules begin in local time
RULES = (
    "FREQ=DAILY",
    "FREQ=DAILY;BYHOUR=5,17;BYMINUTE=0",
    "FREQ=WEEKLY;BYDAY=MO,WE,SA",
    "FREQ=MONTHLY;BYMONTHDAY=29,30,31",
    "FREQ=MONTHLY;BYDAY=-1FR",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
)


def as_written(text: str, exdates: Sequence[datetime], rdates: Sequence[datetime]) -> Event:
    """The event as iCalendar has it, through its own text."""
    event = Event()
    event.add("dtstart", START.replace(tzinfo=HANOI))
    event.add("rrule", vRecur.from_ical(text))
    for at in exdates:
        event.add("exdate", at.replace(tzinfo=HANOI))
    for at in rdates:
        event.add("rdate", at.replace(tzinfo=HANOI))
    calendar = Calendar()
    calendar.add_component(event)
    return Calendar.from_ical(calendar.to_ical()).events[0]


def dates(event: Event, name: str) -> list[datetime]:
    found = event.get(name, [])
    return [one.dt for several in (found if isinstance(found, list) else [found]) for one in several.dts]


@settings(deadline=None)
@given(
    st.sampled_from(RULES),
    st.lists(st.integers(0, 800), max_size=12),
    st.lists(st.integers(0, 800), max_size=6),
    st.booleans(),
)
def test_exceptions_are_those_of_icalendar(text: str, out: list[int], more: list[int], at_night: bool) -> None:  # noqa: FBT001 - drawn
    exdates = [START + timedelta(days=day) for day in out]
    rdates = [START + timedelta(days=day, hours=18 if at_night else 0) for day in more]
    event = as_written(text, exdates, rdates)
    theirs = rruleset()
    recur = event["RRULE"]
    assert isinstance(recur, vRecur)
    written = str(recur.to_ical(), "ascii")  # type: ignore[no-untyped-call]
    theirs.rrule(rrulestr(written, dtstart=START.replace(tzinfo=HANOI)))  # type: ignore[arg-type]
    for at in dates(event, "RDATE"):
        theirs.rdate(at)
    for at in dates(event, "EXDATE"):
        theirs.exdate(at)
    since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 6, 1, tzinfo=UTC)
    expected = sorted({at.astimezone(UTC) for at in theirs.between(since, until, inc=True)})
    rule = Rule.of(text, START, "Asia/Ho_Chi_Minh", rdates=rdates, exdates=exdates)
    assert list(occurrences(rule, since, until)) == expected
