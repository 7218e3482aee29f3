"""A timetable as an iCalendar of RFC 5545. Pure: entries in, text out.

Each occurrence is an event of its own with a lasting UID, in the local time of the zone, whose changes over the span
are told in a VTIMEZONE; one that was moved keeps its UID. There is no RRULE to make exceptions of: what a local day,
a filling or a withdrawal makes of one day is no rule. SEQUENCE rises with every change; what is cancelled stays in as
STATUS:CANCELLED, so that a calendar that had it takes it out, and a slot that waits for its programme is TENTATIVE.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from broadcast.weeks import Entry

LINE_BYTES = 75
CLASS_WORDS = {"emergency": "Khẩn cấp", "priority": "Ưu tiên", "ordinary": "Thông thường"}
_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)


def render(name: str, entries: Sequence[Entry], zone: ZoneInfo, *, start: datetime, until: datetime, host: str) -> str:
    """The calendar of these entries, which begin in [start, until)."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Truyen Thanh//Timetable//VI",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{escaped(name)}",
        f"X-WR-CALNAME:{escaped(name)}",
        f"X-WR-TIMEZONE:{zone.key}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
        *_zone(zone, start, until),
    ]
    for entry in entries:
        lines += _event(entry, zone, host)
    lines.append("END:VCALENDAR")
    return "".join(f"{piece}\r\n" for line in lines for piece in folded(line))


def escaped(text: str) -> str:
    """A TEXT value (§3.3.11)."""
    plain = "".join(letter for letter in text if letter >= " " or letter == "\n")
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def folded(line: str) -> Iterator[str]:
    """The line in pieces of at most 75 octets, never within a letter; each but the first begins with a space (§3.1)."""
    piece, size = "", 0
    for letter in line:
        octets = len(letter.encode())
        if size + octets > LINE_BYTES:
            yield piece
            piece, size = " ", 1
        piece += letter
        size += octets
    yield piece


def summary(entry: Entry) -> str:
    """What stands in a calendar's cell: the session, its slot, and whether that still waits for its programme."""
    name = f"{entry.title} – {entry.slot}" if entry.slot else entry.title
    return f"{name} (chờ xếp)" if entry.open else name


def _status(entry: Entry) -> str:
    return "CANCELLED" if entry.cancelled else "TENTATIVE" if entry.open else "CONFIRMED"


def _event(entry: Entry, zone: ZoneInfo, host: str) -> Iterable[str]:
    word = "Tiếp sóng" if entry.relay else "Chờ xếp" if entry.open else CLASS_WORDS[entry.class_]
    about = [word]
    if entry.programme:
        about.append(entry.programme)
    if entry.moved_from:
        about.append(f"Dời từ {entry.moved_from.astimezone(zone):%H:%M %d/%m/%Y}")
    if entry.part:
        about.append(f"Nơi phát: {', '.join(entry.part)}")
    if entry.changed:
        about.append("Chương trình riêng của lần phát này")
    if entry.because:
        about.append(f"{'Không phát' if entry.cancelled else 'Ngày riêng'}: {entry.because}")
    return [
        "BEGIN:VEVENT",
        f"UID:{entry.uid}@{host}",
        f"DTSTAMP:{entry.changed_at.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        f"LAST-MODIFIED:{entry.changed_at.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        f"SEQUENCE:{entry.sequence}",
        f"STATUS:{_status(entry)}",
        f"DTSTART;TZID={zone.key}:{entry.starts_at.astimezone(zone):%Y%m%dT%H%M%S}",
        # A part of a second would not be an iCalendar's; a duration never comes to nothing.
        f"DURATION:PT{max(1, round(entry.duration_ms / 1000))}S",
        f"SUMMARY:{escaped(summary(entry))}",
        f"DESCRIPTION:{escaped(chr(10).join(about))}",
        *([f"LOCATION:{escaped(', '.join(entry.part))}"] if entry.part else ()),
        f"CATEGORIES:{escaped(word)}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _zone(zone: ZoneInfo, start: datetime, until: datetime) -> Iterator[str]:
    """The zone's offsets over the span: what holds as it begins, and each change in it."""
    yield "BEGIN:VTIMEZONE"
    yield f"TZID:{zone.key}"
    at = start - timedelta(days=1)
    # An hour's steps find every change; a search between two of them finds its second.
    yield from _observance(zone, at, at - _SECOND)
    while at < until + timedelta(days=1):
        following = at + _HOUR
        if following.astimezone(zone).utcoffset() != at.astimezone(zone).utcoffset():
            before, after = at, following
            while after - before > _SECOND:
                middle = before + (after - before) / 2
                same = middle.astimezone(zone).utcoffset() == at.astimezone(zone).utcoffset()
                before, after = (middle, after) if same else (before, middle)
            change = after.replace(microsecond=0)
            yield from _observance(zone, change, change - _SECOND)
        at = following
    yield "END:VTIMEZONE"


def _observance(zone: ZoneInfo, at: datetime, before: datetime) -> Iterator[str]:
    local, former = at.astimezone(zone), before.astimezone(zone)
    kind = "DAYLIGHT" if local.dst() else "STANDARD"
    # The onset is told in the local time that held until then.
    onset = at.astimezone(UTC).replace(tzinfo=None) + (former.utcoffset() or timedelta())
    yield f"BEGIN:{kind}"
    yield f"DTSTART:{onset:%Y%m%dT%H%M%S}"
    yield f"TZOFFSETFROM:{_offset(former.utcoffset())}"
    yield f"TZOFFSETTO:{_offset(local.utcoffset())}"
    yield f"TZNAME:{local.tzname() or zone.key}"
    yield f"END:{kind}"


def _offset(offset: timedelta | None) -> str:
    seconds = int((offset or timedelta()).total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
    odd = f"{seconds % 60:02}" if seconds % 60 else ""
    return f"{sign}{seconds // 3600:02}{seconds // 60 % 60:02}{odd}"
