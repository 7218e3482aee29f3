"""The site's quiet hours: one local span a day in which nothing but an emergency may sound.

The server refuses to schedule into it, and every plan carries it as UTC intervals so that the receiver holds it too.
The default, 21:00 to 05:00, is stricter than the national noise rules (21:00 to 06:00 has lower limits, no ban) and
lets the usual morning session at 05:00 begin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from broadcast import facts, planning
from broadcast.planning import NO_QUIET_HOURS, Rules
from core.clock import to_ms
from core.errors import TruyenThanhError
from core.settings import Settings
from devices.protocol.plan import Interval
from schedules.tables import Airing


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
    end = start + timedelta(milliseconds=duration_ms)
    for begins, ends in _spans(settings, start, end):
        if start < ends and begins < end:
            raise InQuietHours(start=start.astimezone(settings.zone), quiet=settings.quiet_hours)


def check_airings(session: Session, settings: Settings, airings: Sequence[Airing]) -> None:
    """`check` every airing that is to come, but for those of an emergency."""
    coming = [airing for airing in airings if airing.status == "scheduled"]
    classes = facts.programme_classes(session, {airing.programme_id for airing in coming})
    for airing in coming:
        if planning.highest(classes[airing.programme_id]) != "emergency":
            check(settings, airing.starts_at, airing.duration_ms)


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
