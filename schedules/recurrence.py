"""When a schedule airs: once, daily or on weekdays, at a local wall time.

Local times that a clock change skips or repeats are read as RFC 5545 (§3.3.5, "form #3") says: one that occurs twice
means the first; one that is skipped is taken with the offset from before the gap, so that 02:30 in an hour that is
left out airs at what the clocks then call 03:30. A whole local day that a country leaves out would thereby fall on
the next day's airing: it airs once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schedules.errors import (
    EndsBeforeItStarts,
    NoWeekdays,
    OnceHasOneDay,
    UnknownKind,
    UnknownZone,
    WeekdaysNotWanted,
    ZonedLocalTime,
)

Kind = Literal["once", "daily", "weekly"]

_DAY = timedelta(days=1)
# A zone is at most 15 h from UTC and a gap at most 24 h long, so a local day never airs further away than this.
_MARGIN = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Rule:
    """A repetition. Dates are local and inclusive; `last_date` None: open; `weekdays` ISO 1 (Monday) … 7, for weekly.

    `zone` is an IANA name. Raises a subclass of `core.errors.Invalid` where it makes no sense.
    """

    kind: Kind
    first_date: date
    last_date: date | None
    local_time: time
    zone: str
    weekdays: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "weekdays", tuple(sorted(set(self.weekdays or ()))))
        if self.kind not in get_args(Kind):
            raise UnknownKind(kind=self.kind)
        if self.local_time.tzinfo is not None:
            raise ZonedLocalTime
        _zone(self.zone)
        if self.last_date is not None and self.last_date < self.first_date:
            raise EndsBeforeItStarts(first=self.first_date, last=self.last_date)
        if self.kind == "once" and (self.last_date not in {None, self.first_date} or self.weekdays):
            raise OnceHasOneDay
        if self.kind == "daily" and self.weekdays:
            raise WeekdaysNotWanted
        if self.kind == "weekly" and (not self.weekdays or not set(self.weekdays) <= set(range(1, 8))):
            raise NoWeekdays

    def airs_on(self, day: date) -> bool:
        """Whether the rule has an occurrence on this local day."""
        if self.kind == "once":
            return day == self.first_date
        if day < self.first_date or (self.last_date is not None and day > self.last_date):
            return False
        return self.kind == "daily" or day.isoweekday() in self.weekdays

    def instant(self, day: date) -> datetime:
        """The UTC instant of the rule's wall time on a local day."""
        # fold=0 of PEP 495 is what RFC 5545 asks for: the first of two, and the offset from before a gap.
        return datetime.combine(day, self.local_time.replace(fold=0), _zone(self.zone)).astimezone(UTC)

    def local_day(self, instant: datetime) -> date:
        """The local day of an instant."""
        return instant.astimezone(_zone(self.zone)).date()


def occurrences(rule: Rule, start: datetime, until: datetime) -> Iterator[datetime]:
    """The UTC instants in [start, until), in order, each once."""
    if start >= until:
        return
    day = max(rule.first_date, start.astimezone(UTC).date() - _MARGIN)
    end = until.astimezone(UTC).date() + _MARGIN
    last = rule.first_date if rule.kind == "once" else rule.last_date
    if last is not None:
        end = min(end, last)
    before: datetime | None = None
    while day <= end:
        if rule.airs_on(day):
            instant = rule.instant(day)
            if instant >= until:
                return
            if instant >= start and instant != before:
                yield instant
            before = instant
        day += _DAY


def next_after(rule: Rule, now: datetime) -> datetime | None:
    """The first occurrence after `now`; None: there is none any more."""
    soon = max(now, datetime.combine(rule.first_date, time(), UTC) - _MARGIN)
    # Within these days an open rule airs whatever its weekdays; a closed one has its last day.
    until = soon + 3 * _MARGIN + 7 * _DAY
    return next((instant for instant in occurrences(rule, soon, until) if instant > now), None)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
        raise UnknownZone(zone=name) from None
