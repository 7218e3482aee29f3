"""When a schedule airs: a repetition in local wall time, and the instants that it comes to.

A repetition is an RRULE of RFC 5545 (`schedules.rrule`) from a first local time on, with dates added (RDATE) and
taken out (EXDATE). Once, daily and on weekdays are its short forms.

Local times that a clock change skips or repeats are read as RFC 5545 (§3.3.5, "form #3") says: one that occurs twice
means the first; one that is skipped is taken with the offset from before the gap, so that 02:30 in an hour that is
left out airs at what the clocks then call 03:30. Two local times that thereby come to the same instant air once, as
do those of a whole local day that a country leaves out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schedules.errors import (
    BadRule,
    EndsBeforeItStarts,
    NeverOccurs,
    NotAnOccurrence,
    NothingBefore,
    NoWeekdays,
    OnceHasOneDay,
    UnknownKind,
    UnknownZone,
    WeekdaysNotWanted,
    ZonedLocalTime,
)
from schedules.localtime import instant_of
from schedules.rrule import FAR, Pattern, local_starts, parse

Kind = Literal["once", "daily", "weekly", "rrule"]

# A zone is at most 16 h from UTC, and a local time that is skipped keeps the offset from before.
_MARGIN = timedelta(hours=16)
_PIECE = timedelta(days=400)  # of a long span that is worked on at once
_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True)
class Rule:
    """A repetition. Dates are local and inclusive; `last_date` None: open; `weekdays` ISO 1 (Monday) … 7, for weekly.

    `zone` is an IANA name. For kind "rrule", which `Rule.of` makes, `rrule` says how it repeats and when it ends.
    `rdates` are local times, `exdates` local times or whole local days; an EXDATE takes out what airs at that instant.
    Raises a subclass of `core.errors.Invalid` where it makes no sense.
    """

    kind: Kind
    first_date: date
    last_date: date | None
    local_time: time
    zone: str
    weekdays: tuple[int, ...] = ()
    rrule: str = ""
    rdates: tuple[datetime, ...] = ()
    exdates: tuple[datetime | date, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "weekdays", tuple(sorted(set(self.weekdays or ()))))
        if self.kind not in get_args(Kind):
            raise UnknownKind(kind=self.kind)
        if any(isinstance(at, datetime) and at.tzinfo for at in (*self.rdates, *self.exdates)) or (
            self.local_time.tzinfo is not None
        ):
            raise ZonedLocalTime
        _zone(self.zone)
        if self.last_date is not None and self.last_date < self.first_date:
            raise EndsBeforeItStarts(first=self.first_date, last=self.last_date)
        if self.kind == "once" and (self.last_date not in {None, self.first_date} or self.weekdays):
            raise OnceHasOneDay
        if self.kind in {"daily", "rrule"} and self.weekdays:
            raise WeekdaysNotWanted
        if self.kind == "weekly" and (not self.weekdays or not set(self.weekdays) <= set(range(1, 8))):
            raise NoWeekdays
        if (self.kind == "rrule") is not bool(self.rrule):
            raise BadRule(rule=self.rrule, why="chỉ kiểu “rrule” có quy tắc / a rule goes with the kind “rrule” only")
        until = self.pattern.until if self.pattern is not None else None
        if until is not None and _as_date(until, _zone(self.zone)) < self.first_date:
            raise EndsBeforeItStarts(first=self.first_date, last=_as_date(until, _zone(self.zone)))

    @classmethod
    def of(
        cls,
        rrule: str,
        start: datetime,
        zone: str,
        *,
        rdates: Sequence[datetime] = (),
        exdates: Sequence[datetime | date] = (),
    ) -> Rule:
        """The repetition of an RRULE from a local time on; the empty text: only that time and the `rdates`."""
        kind: Kind = "rrule" if rrule.strip() else "once"
        at = start.timetz()
        return cls(kind, start.date(), None, at, zone, (), rrule.strip(), tuple(rdates), tuple(exdates))

    @property
    def pattern(self) -> Pattern | None:
        """The RRULE that this comes to; None: it airs at its start and its RDATEs only."""
        return parse(self.text) if self.text else None

    @property
    def text(self) -> str:
        """The RRULE that this comes to; empty for once."""
        if self.kind in {"once", "rrule"}:
            return self.rrule
        days = f";BYDAY={','.join(_CODES[day - 1] for day in self.weekdays)}" if self.kind == "weekly" else ""
        until = f";UNTIL={self.last_date:%Y%m%d}" if self.last_date else ""
        return f"FREQ={self.kind.upper()}{days}{until}"

    @property
    def start(self) -> datetime:
        """The naive local time from which it counts (DTSTART)."""
        return datetime.combine(self.first_date, self.local_time)

    def instant(self, day: date) -> datetime:
        """The UTC instant of the rule's wall time on a local day."""
        return instant_of(datetime.combine(day, self.local_time), _zone(self.zone))

    def local_day(self, instant: datetime) -> date:
        """The local day of an instant."""
        return instant.astimezone(_zone(self.zone)).date()


def occurrences(rule: Rule, start: datetime, until: datetime) -> Iterator[datetime]:
    """The UTC instants in [start, until), in order, each once."""
    while start < until:
        piece = min(until, start + _PIECE) if until - start > _PIECE else until
        yield from _within(rule, start, piece)
        start = piece


def next_after(rule: Rule, now: datetime) -> datetime | None:
    """The first occurrence after `now`; None: there is none any more, or not within a hundred years."""
    zone = _zone(rule.zone)
    firsts = [rule.start, *rule.rdates]
    since = max(now, instant_of(min(firsts), zone))
    end = since + FAR
    span = timedelta(days=9)
    while since < end:
        until = min(since + span, end)
        found = next((instant for instant in _within(rule, since, until) if instant > now), None)
        if found is not None:
            return found
        since, span = until, 4 * span
    return None


def require_occurrences(rule: Rule) -> Rule:
    """The rule, if it airs at all; raises `NeverOccurs`."""
    before = instant_of(min(rule.start, *rule.rdates, rule.start), _zone(rule.zone)) - timedelta(days=1)
    if next_after(rule, before) is None:
        raise NeverOccurs(rule=rule.text, start=rule.start.isoformat(sep=" "))
    return rule


def split(rule: Rule, instant: datetime) -> tuple[Rule, Rule]:
    """The repetition in two: what lies before one of its occurrences, and what goes on from it with the same rhythm.

    Raises `NotAnOccurrence` where the rule doesn't air then, `NothingBefore` where it is the first.
    """
    zone = _zone(rule.zone)
    pattern = rule.pattern
    nominal = next((at for at in _locals(rule, *_around(instant)) if instant_of(at, zone) == instant), None)
    if nominal is None or pattern is None or instant not in _within(rule, instant, instant + timedelta(seconds=1)):
        raise NotAnOccurrence(at=f"{instant.astimezone(zone):%H:%M %d/%m/%Y}")
    count = len(list(local_starts(pattern, rule.start, rule.start, nominal)))
    if not count:
        raise NothingBefore(at=f"{nominal:%H:%M %d/%m/%Y}")
    text = ";".join(part for part in rule.text.split(";") if not part.upper().startswith(("UNTIL=", "COUNT=")))
    left = next((part for part in rule.text.split(";") if part.upper().startswith(("UNTIL=", "COUNT="))), None)
    if pattern.count is not None:
        left = f"COUNT={pattern.count - count}"
    last = instant - timedelta(seconds=1)
    before = Rule.of(
        f"{text};UNTIL={last:%Y%m%dT%H%M%SZ}",
        rule.start,
        rule.zone,
        rdates=[at for at in rule.rdates if instant_of(at, zone) < instant],
        exdates=rule.exdates,
    )
    after = Rule.of(
        f"{text};{left}" if left else text,
        nominal,
        rule.zone,
        rdates=[at for at in rule.rdates if instant_of(at, zone) >= instant],
        exdates=rule.exdates,
    )
    return before, after


def _around(instant: datetime) -> tuple[datetime, datetime]:
    at = instant.astimezone(UTC).replace(tzinfo=None)
    return at - _MARGIN, at + _MARGIN


def _within(rule: Rule, start: datetime, until: datetime) -> list[datetime]:
    zone = _zone(rule.zone)
    low, high = (at.astimezone(UTC).replace(tzinfo=None) for at in (start, until))
    found = {instant_of(local, zone) for local in _locals(rule, low - _MARGIN, high + _MARGIN)}
    pattern = rule.pattern
    if pattern is not None and isinstance(pattern.until, datetime) and pattern.until.tzinfo is not None:
        found = {instant for instant in found if instant <= pattern.until}
    found.update(instant_of(local, zone) for local in rule.rdates)
    if rule.exdates:
        days = {one for one in rule.exdates if not isinstance(one, datetime)}
        found -= {instant_of(one, zone) for one in rule.exdates if isinstance(one, datetime)}
        found = {instant for instant in found if instant.astimezone(zone).date() not in days}
    return sorted(instant for instant in found if start <= instant < until)


def _locals(rule: Rule, low: datetime, high: datetime) -> Iterator[datetime]:
    """The naive local times of the rule in [low, high)."""
    pattern = rule.pattern
    if pattern is None:
        yield rule.start
        return
    # RRULE knows whole seconds; what the start has beyond, all of its occurrences have.
    fraction = timedelta(microseconds=rule.start.microsecond)
    for local in local_starts(pattern, rule.start - fraction, low - fraction, high - fraction):
        yield local + fraction


def _as_date(until: datetime | date, zone: ZoneInfo) -> date:
    if not isinstance(until, datetime):
        return until
    return until.astimezone(zone).date() if until.tzinfo else until.date()


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
        raise UnknownZone(zone=name) from None
