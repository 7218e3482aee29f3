"""What is heard at one receiver where programmes want to sound at the same time. Pure: plain data in, plain data out.

One function, `hear`, decides it for plans, for the look before saving and for the day as a place will hear it, so that
these can't differ. The same entries in any order come out the same. The rules:

1. An entry that the place has not accepted isn't heard and stands in nobody's way.
2. Emergencies sound at once and never give way to anything but an emergency. Priority goes before ordinary.
3. Of equals in class: what has begun goes before what has not; then the order counts that the commune has chosen
   between two of them; until it has chosen, the level of the owner, the higher before the lower; then the earlier
   start; then what was made earlier. Choices that run in a circle are no choice where the circle closes.
4. Class by class, whatever finds its own time free keeps it, the stronger first. Then the displaced are placed, the
   stronger first, each at the first whole second from its start on that is free to its whole length: a programme that
   is late never delays another one of its class that is on time.
5. That moment must lie within `MOST_DELAY_MS` of its start and let it end by `latest_end` (the end of its slot), and it
   must be one at which it may sound. An emergency is held by none of these. Else it isn't heard, with the reason.
6. What has begun is not moved: where something stronger cuts in it ends. What has a hard end is not moved beyond it:
   it is heard in the longest stretch of its own time that is left, unless that is shorter than `LEAST_HEARD_MS`.

Times are Unix milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Class = Literal["emergency", "priority", "ordinary"]
RANK: dict[Class, int] = {"emergency": 0, "priority": 1, "ordinary": 2}

MOST_DELAY_MS = 60 * 60 * 1000
LEAST_HEARD_MS = 60 * 1000

Fate = Literal["as_planned", "shifted", "cut", "not_aired"]
Why = Literal["clash", "not_accepted", "too_late", "may_not_sound"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One programme that wants to sound at this receiver."""

    id: str
    starts_at: int
    duration_ms: int
    class_: Class = "ordinary"
    title: str = ""
    owner: str = ""  # whose it is, as people call that unit
    level: int = 0  # of the owner: the higher it stands, the greater
    made: str = ""  # sorts as they were made
    before: frozenset[str] = frozenset()  # ids of equals that the commune has put behind this one
    accepted: bool = True
    hard_end: bool = False
    latest_end: int | None = None  # moved, it must be over by then
    begun: bool = False

    @property
    def ends_at(self) -> int:
        return self.starts_at + self.duration_ms

    def overlaps(self, start: int, end: int) -> bool:
        return self.starts_at < end and start < self.ends_at


@dataclass(frozen=True, slots=True)
class Heard:
    """What becomes of an entry. Not aired, it keeps its own time with nothing heard in it.

    `because` is the one that it gave way to, and `why` says what else decided; `reason` is what the rules said of the
    time that was left for it.
    """

    entry: Entry
    fate: Fate
    starts_at: int
    ends_at: int
    because: Heard | None = None
    why: Why | None = None
    reason: str | None = None

    @property
    def shift_ms(self) -> int:
        """How much later than planned it begins."""
        return self.starts_at - self.entry.starts_at

    @property
    def sounds(self) -> bool:
        return self.fate != "not_aired"


# Why an entry may not sound from one instant to another, in words; None: it may.
MaySound = Callable[[Entry, int, int], str | None]


def always(_entry: Entry, _start: int, _end: int) -> str | None:
    """Where nothing forbids anything."""
    return None


def hear(entries: Iterable[Entry], may_sound: MaySound = always) -> list[Heard]:
    """What is heard of these at one receiver, by the time at which it sounds. No two of what sounds overlap."""
    known = list(entries)
    wanted = [entry for entry in known if entry.accepted]
    heard = [_silent(entry, None, "not_accepted") for entry in known if not entry.accepted]
    if not overlapping(wanted):
        heard += [_as_planned(entry) for entry in wanted]
    else:
        placed: list[Heard] = []
        for class_ in RANK:
            _place([entry for entry in wanted if entry.class_ == class_], placed, heard, may_sound)
        heard += placed
    return sorted(heard, key=lambda one: (one.starts_at, one.ends_at, one.entry.id))


def overlapping(entries: Iterable[Entry]) -> bool:
    """Whether any two of these want to sound at the same time."""
    end = -1
    for entry in sorted(entries, key=lambda one: one.starts_at):
        if entry.starts_at < end:
            return True
        end = max(end, entry.ends_at)
    return False


def by_precedence(equals: Iterable[Entry]) -> list[Entry]:
    """Entries of one class, the strongest first."""
    left = sorted(equals, key=lambda one: (not one.begun, -one.level, one.starts_at, one.made, one.id))
    if not any(entry.before for entry in left):
        return left
    ordered: list[Entry] = []
    while left:
        behind = {other for entry in left for other in entry.before}
        first = next((entry for entry in left if entry.begun or entry.id not in behind), left[0])
        left.remove(first)
        ordered.append(first)
    return ordered


def _place(equals: Sequence[Entry], placed: list[Heard], silent: list[Heard], may_sound: MaySound) -> None:
    """Put the entries of one class among those that stand already."""
    displaced = []
    for entry in by_precedence(equals):
        if _stands_in(placed, entry.starts_at, entry.ends_at) is None:
            placed.append(_as_planned(entry))
        else:
            displaced.append(entry)
    for entry in displaced:
        because = _stands_in(placed, entry.starts_at, entry.ends_at)
        if entry.begun or entry.hard_end:
            found = _cut(entry, because, placed)
        else:
            found = _shifted(entry, because, placed, may_sound)
        (placed if found.sounds else silent).append(found)


def _stands_in(placed: Iterable[Heard], start: int, end: int) -> Heard | None:
    """The strongest of what stands between these instants."""
    return next((one for one in placed if one.starts_at < end and start < one.ends_at), None)


def _shifted(entry: Entry, because: Heard | None, placed: Sequence[Heard], may_sound: MaySound) -> Heard:
    forbidden: str | None = None
    free = entry.class_ == "emergency"
    for start in sorted({_whole_second(one.ends_at) for one in placed if one.ends_at > entry.starts_at}):
        end = start + entry.duration_ms
        if not free and (
            start - entry.starts_at > MOST_DELAY_MS or (entry.latest_end is not None and end > entry.latest_end)
        ):
            break
        if _stands_in(placed, start, end) is not None:
            continue
        reason = None if free else may_sound(entry, start, end)
        if reason is None:
            return Heard(entry, "shifted", start, end, because, "clash")
        forbidden = forbidden or reason
    return _silent(entry, because, "may_not_sound" if forbidden else "too_late", forbidden)


def _cut(entry: Entry, because: Heard | None, placed: Iterable[Heard]) -> Heard:
    """What is left of the entry's own time: from its start where it has begun, else the longest stretch."""
    stretches, start = [], entry.starts_at
    for one in sorted(placed, key=lambda one: one.starts_at):
        if one.starts_at < entry.ends_at and one.ends_at > start:
            stretches.append((start, one.starts_at))
            start = max(start, one.ends_at)
    stretches.append((start, entry.ends_at))
    if entry.begun:
        first, until = stretches[0]
        least = 1
    else:
        first, until = max(stretches, key=lambda stretch: stretch[1] - stretch[0])
        least = LEAST_HEARD_MS
    if until - first < least:
        return _silent(entry, because, "too_late")
    return Heard(entry, "cut", first, until, because, "clash")


def _whole_second(at: int) -> int:
    return -(-at // 1000) * 1000


def _as_planned(entry: Entry) -> Heard:
    return Heard(entry, "as_planned", entry.starts_at, entry.ends_at)


def _silent(entry: Entry, because: Heard | None, why: Why, reason: str | None = None) -> Heard:
    return Heard(entry, "not_aired", entry.starts_at, entry.starts_at, because, why, reason)


CLASS_NAMES: dict[Class, str] = {"emergency": "khẩn cấp", "priority": "ưu tiên", "ordinary": "thông thường"}


def told(heard: Heard, zone: ZoneInfo, *, place: str = "", subject: str = "bản tin này") -> str:
    """What becomes of an entry and why, as a Vietnamese sentence without its stop; "" where it airs as planned.

    `place` is the name of the place that it is about, as people write it: “xã Đại Sơn”.
    """
    if heard.fate == "as_planned":
        return ""
    there = f" tại {place}" if place else ""
    if heard.why == "not_accepted":
        return f"{place or 'nơi này'} chưa tiếp nhận nên {subject} không phát{there and ' ở đó'}"
    begins, ends = clock_time(heard.starts_at, zone), clock_time(heard.ends_at, zone)
    first = "trùng giờ với lịch khác"
    if heard.because is not None:
        other = heard.because
        span = f"{clock_time(other.starts_at, zone)}–{clock_time(other.ends_at, zone)}"
        first = f"{span}{there} đã có lịch “{other.entry.title}” ({CLASS_NAMES[other.entry.class_]})"
    if heard.fate == "shifted":
        return f"{first}; {subject} sẽ phát lúc {begins}"
    if heard.fate == "cut":
        return f"{first}; {subject} chỉ phát {begins}–{ends}"
    return f"{first}; {_why_silent(heard, zone)} nên {subject} không phát"


def _why_silent(heard: Heard, zone: ZoneInfo) -> str:
    if heard.why == "may_not_sound":
        return f"sau đó {heard.reason}"
    if heard.entry.begun or heard.entry.hard_end:
        return "không còn đủ thời gian"
    latest = heard.entry.latest_end
    limit = f"{MOST_DELAY_MS // 60_000} phút" if latest is None else f"khung mục (đến {clock_time(latest, zone)})"
    return f"sau đó không còn chỗ trống trong {limit}"


def clock_time(at: int, zone: ZoneInfo) -> str:
    """The local time of an instant, with seconds only where there are any."""
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).astimezone(zone)
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
