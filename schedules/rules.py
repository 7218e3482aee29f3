"""What may sound when, by the rules of a place. Pure: plain data in, plain data out.

A unit sets rules for itself and everything below it. They are dated by local days; the rules of a date are those whose
[valid_from, valid_to) holds it, along the unit's path on that date. Of one kind, for the same classes:

1. A rule holds at its unit and everywhere below. One that `yields` holds only where no unit nearer has set its own.
2. Of limits that hold the strictest counts; quiet hours and windows all hold together. So a unit below can be
   stricter, and laxer only than a rule that yields.
3. Quiet hours and windows are spans of local time. A span belongs to the local day on which it begins, may run over
   midnight, and lasts a whole day where it ends at the time at which it begins. Where clocks change, quiet begins at
   the earlier and ends at the later of the instants that a local time can mean, and a window the other way round.
4. Nothing but an emergency sounds in quiet hours or outside of the windows of its class. An emergency has its own cap.

Limits of airtime are counted by `schedules.airtime_limits`. Times are Unix milliseconds, dates and times of day local.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from core.clock import from_ms, to_ms
from schedules.conflicts import Class
from schedules.rule_errors import BadSoundRule

Kind = Literal[
    "quiet",  # spans in which nothing sounds
    "window",  # spans outside of which nothing sounds
    "item_ms",  # the longest item
    "session_ms",  # the longest session
    "day_ms",  # the longest airtime of a day
    "week_ms",  # the longest airtime of a week, Monday to Sunday
    "sessions_a_day",
    "days_a_week",  # days on which anything sounds
    "gap_ms",  # the shortest pause between two sessions
    "repeats",  # how often the same bulletin in so many days
    "volume",  # the loudest, per cent
    "curve",  # volumes by the time of day
    "emergency_ms",  # the longest emergency
]
KINDS: tuple[Kind, ...] = get_args(Kind)
# In what a rule of the kind has its substance.
SPANNED: frozenset[Kind] = frozenset({"quiet", "window"})
# What other programmes count for, and not the one alone.
COUNTED: frozenset[Kind] = frozenset(
    {"session_ms", "day_ms", "week_ms", "sessions_a_day", "days_a_week", "gap_ms", "repeats"}
)
# Held by the receiver itself, so that nobody at the server can let anything pass.
NEVER_WAIVED: frozenset[Kind] = frozenset({"quiet", "window", "emergency_ms", "volume", "curve"})
# Whoever these are about, they hold for everything but emergencies (or for emergencies alone).
_ALL_CLASSES: frozenset[Kind] = frozenset({"quiet", "volume", "curve", "emergency_ms"})
BELOW_EMERGENCY: tuple[Class, ...] = ("priority", "ordinary")
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)

_MOST: dict[Kind, tuple[int, int]] = {
    "item_ms": (1_000, 12 * 3_600_000),
    "session_ms": (1_000, 24 * 3_600_000),
    "day_ms": (1_000, 24 * 3_600_000),
    "week_ms": (1_000, 7 * 24 * 3_600_000),
    "sessions_a_day": (0, 100),
    "days_a_week": (0, 7),
    "gap_ms": (1_000, 12 * 3_600_000),
    "repeats": (1, 1_000),
    "volume": (1, 100),
    "emergency_ms": (30_000, 24 * 3_600_000),  # less would silence what saves lives
}
MOST_SPANS = 20
MOST_STEPS = 48
MOST_REPEAT_DAYS = 92
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """From one time of day to another, on the weekdays (1 Monday … 7 Sunday) on which it begins."""

    begins: time
    ends: time
    weekdays: tuple[int, ...] = EVERY_DAY


@dataclass(frozen=True, slots=True)
class Step:
    """From this time of day on, this volume (per cent)."""

    at: time
    volume: int


@dataclass(frozen=True, slots=True)
class SoundRule:
    """One rule of one unit. `value` is in the unit that the kind names; `days` is for repeats only.

    `classes` are those that it limits. Raises BadSoundRule where it makes no sense.
    """

    id: str
    unit_id: str
    kind: Kind
    value: int = 0
    days: int = 0
    classes: tuple[Class, ...] = BELOW_EMERGENCY
    spans: tuple[Span, ...] = ()
    steps: tuple[Step, ...] = ()
    yields: bool = False
    valid_from: date = date.min
    valid_to: date = date.max

    def __post_init__(self) -> None:
        ordered = tuple(one for one in BELOW_EMERGENCY if one in self.classes)
        object.__setattr__(self, "classes", ordered)
        why = _wrong(self)
        if why:
            raise BadSoundRule(kind=self.kind, why=why)

    @property
    def key(self) -> tuple[Kind, tuple[Class, ...], int]:
        """What rules are compared by."""
        return self.kind, self.classes, self.days

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day < self.valid_to

    def stricter_than(self, other: SoundRule) -> bool:
        """Of two limits of the same key."""
        return self.value > other.value if self.kind == "gap_ms" else self.value < other.value


def _wrong(rule: SoundRule) -> str:
    """What makes no sense in it; empty: nothing."""
    if rule.kind not in KINDS:
        return f"không có loại này, hãy chọn: {', '.join(KINDS)} / choose one of these kinds: {', '.join(KINDS)}"
    return next((why for wrong, why in _faults(rule) if wrong), "")


def _faults(rule: SoundRule) -> Iterator[tuple[bool, str]]:
    about_all = rule.kind in _ALL_CLASSES and rule.classes != BELOW_EMERGENCY
    yield (
        about_all or not rule.classes,
        "loại này áp dụng cho cả tin ưu tiên và thông thường / this kind is for priority and ordinary together",
    )
    repeating = rule.kind == "repeats"
    yield (
        repeating != (rule.days > 0) or rule.days > MOST_REPEAT_DAYS,
        f"số ngày (1–{MOST_REPEAT_DAYS}) chỉ đi với “repeats” / days (1–{MOST_REPEAT_DAYS}) go with “repeats”",
    )
    if rule.kind in SPANNED:
        yield not _only(rule, "spans"), "loại này chỉ có khung giờ / this kind has spans only"
        yield not 0 < len(rule.spans) <= MOST_SPANS, f"cần từ 1 đến {MOST_SPANS} khung giờ / 1 to {MOST_SPANS} spans"
        known = all(span.weekdays and set(span.weekdays) <= set(EVERY_DAY) for span in rule.spans)
        yield not known, "thứ trong tuần là từ 1 (thứ Hai) đến 7 (Chủ nhật) / weekdays are 1 (Monday) to 7 (Sunday)"
    elif rule.kind == "curve":
        yield not _only(rule, "steps"), "loại này chỉ có mốc giờ / this kind has steps only"
        apart = len({step.at for step in rule.steps}) == len(rule.steps)
        yield (
            not (2 <= len(rule.steps) <= MOST_STEPS and apart),
            f"cần từ 2 đến {MOST_STEPS} mốc giờ khác nhau / it needs 2 to {MOST_STEPS} different times of day",
        )
        within = all(0 <= step.volume <= 100 for step in rule.steps)
        yield not within, "âm lượng là từ 0 đến 100 % / volumes are 0 to 100 %"
    else:
        yield not _only(rule, "value"), "loại này chỉ có một con số / this kind has one number only"
        least, most = _MOST[rule.kind]
        yield (
            not least <= rule.value <= most,
            f"giá trị phải từ {least} đến {most} / the value must be {least} to {most}",
        )


def _only(rule: SoundRule, name: str) -> bool:
    return all(not getattr(rule, other) for other in ("value", "spans", "steps") if other != name)


@dataclass(frozen=True, slots=True)
class Effective:
    """The rules of a place on a date: `rules` hold; `idle` are on the path too and change nothing there."""

    rules: tuple[SoundRule, ...]
    idle: tuple[SoundRule, ...] = ()

    def limit(self, kind: Kind) -> SoundRule | None:
        """The strictest rule of a kind that has one number, for all classes together."""
        found = [rule for rule in self.rules if rule.kind == kind and rule.classes == BELOW_EMERGENCY]
        return min(found, key=lambda rule: rule.value, default=None)


def effective(
    rules: Mapping[str, Sequence[SoundRule]], path: Sequence[str], on: date, defaults: Sequence[SoundRule] = ()
) -> Effective:
    """What holds at the end of this path (nearest unit first) on this date, of the rules by unit.

    A default counts as a rule of the topmost unit as long as that has none of its kind.
    """
    found: dict[object, list[SoundRule]] = {}
    for unit in path:
        own = sorted((rule for rule in rules.get(unit, ()) if rule.holds_on(on)), key=lambda rule: rule.id)
        if unit == path[-1]:
            kinds = {rule.kind for rule in own}
            own += [replace(rule, unit_id=unit) for rule in defaults if rule.kind not in kinds]
        for rule in own:
            found.setdefault(rule.key, []).append(rule)
    holding: list[SoundRule] = []
    idle: list[SoundRule] = []
    for same in found.values():  # nearest first
        held = [rule for rule in same if not rule.yields or rule.unit_id == same[0].unit_id]
        if same[0].kind not in SPANNED and same[0].kind != "curve":
            strictest = held[0]
            for rule in held[1:]:
                if not strictest.stricter_than(rule):  # of equals the one from farthest above
                    strictest = rule
            held = [strictest]
        holding += held
        idle += [rule for rule in same if rule not in held]
    order = {kind: number for number, kind in enumerate(KINDS)}
    return Effective(tuple(sorted(holding, key=lambda rule: order[rule.kind])), tuple(idle))


@dataclass(frozen=True, slots=True)
class Forbidden:
    """From `begins` on, until before `ends`, this rule lets nothing of its classes sound."""

    begins: int
    ends: int
    rule: SoundRule


class Place:
    """The rules of one place over time: of a unit, as its path stands on each date."""

    def __init__(
        self,
        rules: Mapping[str, Sequence[SoundRule]],
        path_on: Callable[[date], Sequence[str]],
        zone: ZoneInfo,
        defaults: Sequence[SoundRule] = (),
    ) -> None:
        self.zone = zone
        self.on = lru_cache(maxsize=None)(lambda day: effective(rules, path_on(day), day, defaults))
        self._forbidden = lru_cache(maxsize=None)(self._forbidden_of)

    def day_of(self, at: int) -> date:
        """The local day of an instant."""
        return from_ms(at).astimezone(self.zone).date()

    def forbidden(self, class_: Class, start: int, end: int) -> list[Forbidden]:
        """The stretches, within or across start … end, in which nothing of this class may sound; none for emergencies.

        By their beginnings. They may overlap, each with its own rule.
        """
        if class_ == "emergency" or start >= end:
            return []
        day, last = self.day_of(start) - _DAY, self.day_of(end)
        found: list[Forbidden] = []
        while day <= last:
            found += [
                one
                for one in self._forbidden(day)
                if class_ in one.rule.classes and one.begins < end and start < one.ends
            ]
            day += _DAY
        return sorted(found, key=lambda one: (one.begins, one.ends, one.rule.id))

    def forbids(self, class_: Class, start: int, end: int) -> Forbidden | None:
        """May this sound from here to there? None: it may; else the first stretch that stands against it."""
        return next(iter(self.forbidden(class_, start, end)), None)

    def next_free(self, class_: Class, start: int, duration_ms: int, until: int) -> int | None:
        """The first instant from `start` on, before `until`, at which something so long may sound as a whole."""
        while start < until:
            stands = self.forbids(class_, start, start + duration_ms)
            if stands is None:
                return start
            start = stands.ends
        return None

    def last_free(self, class_: Class, start: int, duration_ms: int, since: int) -> int | None:
        """The last instant up to `start`, not before `since`, at which something so long may sound as a whole."""
        while start >= since:
            stands = self.forbidden(class_, start, start + duration_ms)
            if not stands:
                return start
            start = min(one.begins for one in stands) - duration_ms
        return None

    def _forbidden_of(self, day: date) -> list[Forbidden]:
        """What the spans make of a day: quiet that begins on it, and of its hours those outside of every window."""
        found = []
        for rule in self.on(day).rules:
            if rule.kind == "quiet":
                found += [Forbidden(*span, rule) for span in self._spans(rule, day, strict=1)]
            elif rule.kind == "window":
                before = [
                    other
                    for other in self.on(day - _DAY).rules
                    if other.key == rule.key and other.unit_id == rule.unit_id
                ]
                opened = [span for one in before for span in self._spans(one, day - _DAY, strict=-1)]
                opened += self._spans(rule, day, strict=-1)
                midnight, next_midnight = (_instants(one, time(), self.zone)[0] for one in (day, day + _DAY))
                found += [Forbidden(*gap, rule) for gap in _outside(opened, midnight, next_midnight)]
        return found

    def _spans(self, rule: SoundRule, day: date, *, strict: Literal[1, -1]) -> list[tuple[int, int]]:
        """The rule's spans that begin on this day. `strict` 1: the longest that they can mean; -1: the shortest."""
        spans = []
        for span in rule.spans:
            if day.isoweekday() in span.weekdays:
                last = day if span.begins < span.ends else day + _DAY
                begins, ends = _instants(day, span.begins, self.zone), _instants(last, span.ends, self.zone)
                spans.append((begins[0], ends[1]) if strict == 1 else (begins[1], ends[0]))
        return [span for span in spans if span[0] < span[1]]


def merged(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same time, in stretches that neither touch nor overlap."""
    result: list[tuple[int, int]] = []
    for begins, ends in sorted(stretches):
        if result and begins <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], ends))
        else:
            result.append((begins, ends))
    return result


def _outside(stretches: Iterable[tuple[int, int]], begins: int, ends: int) -> list[tuple[int, int]]:
    """What begins … ends has outside of these stretches."""
    result = []
    for opened, closed in merged(stretches):
        if opened > begins:
            result.append((begins, min(opened, ends)))
        begins = max(begins, closed)
        if begins >= ends:
            break
    if begins < ends:
        result.append((begins, ends))
    return [one for one in result if one[0] < one[1]]


@lru_cache(maxsize=100_000)
def _instants(day: date, at: time, zone: ZoneInfo) -> tuple[int, int]:
    """The earliest and the latest instant that a local time can mean: two where it is skipped or comes twice."""
    local = datetime.combine(day, at, zone)
    both = [to_ms(local.replace(fold=fold).astimezone(UTC)) for fold in (0, 1)]
    return min(both), max(both)
