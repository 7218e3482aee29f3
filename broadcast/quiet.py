"""The site's quiet hours: one local span a day in which nothing but an emergency may sound.

The server refuses to schedule into it, and every plan carries it as UTC intervals so that the receiver holds it too.
The default, 21:00 to 05:00, is stricter than the national noise rules (21:00 to 06:00 has lower limits, no ban) and
lets the usual morning session at 05:00 begin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from broadcast import facts, planning
from broadcast.planning import NO_QUIET_HOURS, Rules
from core.clock import to_ms
from core.errors import TruyenThanhError
from core.settings import Settings
from devices.protocol.plan import Interval
from schedules.expansion import rule_of
from schedules.recurrence import Rule, next_after, occurrences
from schedules.rrule import MOST_A_DAY
from schedules.tables import Airing, Schedule

FORESEEN = 8 * MOST_A_DAY  # occurrences of a rule that are looked at: every weekday with its times is among them


class InQuietHours(TruyenThanhError):
    slug = "in-quiet-hours"
    status = 422
    vi = "{start:%H:%M ngày %d/%m/%Y} rơi vào giờ yên tĩnh ({quiet}). Hãy chọn giờ khác, hoặc rút ngắn chương trình."
    en = "{start:%H:%M on %d/%m/%Y} falls into the quiet hours ({quiet}). Choose another time or a shorter programme."


def site_rules(settings: Settings, start: datetime, end: datetime) -> Rules:
    """The rule set of the site with every quiet interval that touches `start` … `end`."""
    if not settings.quiet_hours:
        return NO_QUIET_HOURS
    intervals = tuple(Interval(from_=to_ms(begins), until=to_ms(ends)) for begins, ends in _spans(settings, start, end))
    return Rules(label=f"giờ yên tĩnh {settings.quiet_hours}", quiet=intervals)


def check(settings: Settings, start: datetime, duration_ms: int) -> None:
    """Raise InQuietHours if any part of a programme would sound within the quiet hours."""
    if _touched(settings, start, duration_ms):
        raise InQuietHours(start=start.astimezone(settings.zone), quiet=settings.quiet_hours)


def check_airings(session: Session, settings: Settings, airings: Sequence[Airing]) -> None:
    """`check` every airing that is to come, but for those of an emergency."""
    for airing in refused(session, settings, airings):
        check(settings, airing.starts_at, airing.duration_ms)


def check_schedule(session: Session, settings: Settings, schedule: Schedule, now: datetime) -> None:
    """`check` what the schedule's rule comes to, from its next occurrence on; an emergency's is free.

    Not only the airings that are made: a schedule that begins next year has none yet.
    """
    if (
        planning.highest(facts.programme_classes(session, {schedule.programme_id})[schedule.programme_id])
        == "emergency"
    ):
        return
    for start in _next_occurrences(rule_of(schedule), now):
        check(settings, start, schedule.duration_ms)


def refused(session: Session, settings: Settings, airings: Sequence[Airing]) -> list[Airing]:
    """Those to come that receivers won't let sound, or not to their end, because they lie in the quiet hours."""
    coming = [airing for airing in airings if airing.status == "scheduled"]
    classes = facts.programme_classes(session, {airing.programme_id for airing in coming})
    return [
        airing
        for airing in coming
        if planning.highest(classes[airing.programme_id]) != "emergency"
        and _touched(settings, airing.starts_at, airing.duration_ms)
    ]


def _touched(settings: Settings, start: datetime, duration_ms: int) -> bool:
    end = start + timedelta(milliseconds=duration_ms)
    return any(start < ends and begins < end for begins, ends in _spans(settings, start, end))


def _next_occurrences(rule: Rule, now: datetime) -> Iterator[datetime]:
    first = next_after(rule, now)
    if first is not None:
        yield from islice(occurrences(rule, first, first + timedelta(weeks=8)), FORESEEN)


def _spans(settings: Settings, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The quiet spans that touch start … end, as aware UTC instants; a span may run over midnight."""
    if not settings.quiet_hours:
        return
    begins, ends = (time.fromisoformat(text) for text in settings.quiet_hours.split("-"))
    day = start.astimezone(settings.zone).date() - timedelta(days=1)
    while (opened := _local(day, begins, settings.zone)) < end:
        closed = _local(day if begins < ends else day + timedelta(days=1), ends, settings.zone)
        if closed > start:
            yield opened, closed
        day += timedelta(days=1)


def _local(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
