"""Which programmes of a place keep to its rules, and what would mend those that don't. Pure, as `schedules.rules`.

1. A programme belongs to the local day on which it starts, a week runs from Monday to Sunday. Emergencies count for
   nothing but their own cap.
2. Programmes of one session, and such as follow one another within `PAUSE_MS`, are one session. The pause that a rule
   asks for is one between sessions.
3. `check` goes through the programmes in a fixed order: what has sounded, which is a fact; then what is planned, the
   stronger class and the earlier start first; last the drafts, and those that were let through against a rule. Each is
   held against those that passed before it. What doesn't pass counts for none after it. So the order in which people
   saved things doesn't matter, and a draft never turns out what stands already.
4. A mend is tried before it is proposed: it breaks no rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from core.clock import from_ms, to_ms
from schedules.conflicts import RANK, Class
from schedules.rules import Kind, Place, SoundRule

PAUSE_MS = 120_000
MEND_DAYS = 14  # so many days later another one is looked for
LEAST_LEFT_MS = 10_000  # a programme isn't proposed to be made shorter than this
_DAY = timedelta(days=1)
_DAY_MS = 86_400_000
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class DayEntry:
    """One programme at this place. `session` names what it is a part of; empty: it stands for itself."""

    id: str
    starts_at: int
    duration_ms: int
    class_: Class = "ordinary"
    title: str = ""
    session: str = ""
    bulletins: frozenset[str] = frozenset()
    longest_item_ms: int = 0
    settled: bool = False  # it sounds or has sounded: rules come too late
    draft: bool = False
    waived: frozenset[str] = frozenset()  # ids of the rules that it was let through against

    @property
    def ends_at(self) -> int:
        return self.starts_at + self.duration_ms


@dataclass(frozen=True, slots=True)
class Mend:
    """What would make it keep to all rules: to start `at` another instant, or to be shorter by so much."""

    at: int | None = None
    shorter_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """A programme against a rule. `over` is by how much: milliseconds or a number, as the rule's kind says.

    For quiet hours and windows `over` is how long it would sound where it may not, and `begins`, `ends` say when.
    """

    rule: SoundRule
    entry: DayEntry
    over: int
    begins: int
    ends: int
    mend: Mend | None = None

    @property
    def kind(self) -> Kind:
        return self.rule.kind


def check(entries: Iterable[DayEntry], place: Place, *, mending: bool = True) -> list[Violation]:
    """Every programme that breaks a rule, with each rule that it breaks. `mending`: with proposals."""
    ledger = _Ledger(place)
    found: list[Violation] = []
    for entry in sorted(entries, key=_turn):
        broken = [] if entry.settled else ledger.broken_by(entry)
        broken = [one for one in broken if one.rule.id not in entry.waived]
        if broken:
            mend = ledger.mend(entry, broken) if mending else None
            found += [replace(one, mend=mend) for one in broken]
        else:
            ledger.add(entry)
    return found


def _turn(entry: DayEntry) -> tuple[bool, bool, int, int, str]:
    late = entry.draft or bool(entry.waived)
    return not entry.settled, late, RANK[entry.class_], entry.starts_at, entry.id


class _Week(NamedTuple):
    year: int
    number: int


class _Ledger:
    """The programmes that passed, and what one more of them would break."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._days: dict[date, list[DayEntry]] = defaultdict(list)
        self._weeks: dict[_Week, set[date]] = defaultdict(set)
        self._bulletins: dict[str, list[date]] = defaultdict(list)
        self._counts: dict[Kind, Callable[[SoundRule, DayEntry, date], int]] = {
            "item_ms": self._item_ms,
            "session_ms": self._session_ms,
            "day_ms": self._day_ms,
            "week_ms": self._week_ms,
            "sessions_a_day": self._sessions_a_day,
            "days_a_week": self._days_a_week,
            "gap_ms": self._gap_ms,
            "repeats": self._repeats,
            "emergency_ms": self._emergency_ms,
        }

    def add(self, entry: DayEntry) -> None:
        day = self._place.day_of(entry.starts_at)
        self._days[day].append(entry)
        self._weeks[_week(day)].add(day)
        for bulletin in entry.bulletins:
            self._bulletins[bulletin].append(day)

    def broken_by(self, entry: DayEntry) -> list[Violation]:
        """What this one would break, one violation for each rule."""
        day = self._place.day_of(entry.starts_at)
        found: dict[str, Violation] = {}
        for stretch in self._place.forbidden(entry.class_, entry.starts_at, entry.ends_at):
            begins, ends = max(stretch.begins, entry.starts_at), min(stretch.ends, entry.ends_at)
            before = found.get(stretch.rule.id)
            over = ends - begins + (before.over if before else 0)
            first = before.begins if before else begins
            found[stretch.rule.id] = Violation(stretch.rule, entry, over, first, ends)
        broken = list(found.values())
        for rule in self._place.on(day).rules:
            if (rule.kind == "emergency_ms") is not (entry.class_ == "emergency"):
                continue
            if entry.class_ != "emergency" and entry.class_ not in rule.classes:
                continue
            count = self._counts.get(rule.kind)
            over = count(rule, entry, day) if count else 0
            if over > 0:
                broken.append(Violation(rule, entry, over, entry.starts_at, entry.ends_at))
        return broken

    def mend(self, entry: DayEntry, broken: Sequence[Violation]) -> Mend | None:
        """Another time on the same day, the nearest, or else on a later one; or shorter, where that is enough."""
        shorter_ms = max((one.over for one in broken), default=0)
        shorter: int | None = None
        if all(one.kind.endswith("_ms") and one.kind != "gap_ms" for one in broken) or all(
            one.ends == entry.ends_at and one.begins > entry.starts_at for one in broken
        ):
            left = replace(entry, duration_ms=entry.duration_ms - shorter_ms)
            left = replace(left, longest_item_ms=min(left.longest_item_ms, entry.longest_item_ms - shorter_ms))
            if left.duration_ms >= LEAST_LEFT_MS and not self.broken_by(left):
                shorter = shorter_ms
        if entry.class_ == "emergency":
            return Mend(shorter_ms=shorter) if shorter else None
        at = next((one for one in self._other_times(entry) if not self.broken_by(replace(entry, starts_at=one))), None)
        return Mend(at, shorter) if at is not None or shorter else None

    def _other_times(self, entry: DayEntry) -> Iterable[int]:
        """Instants that may do, the nearest of the same day first, then the same time of later days."""
        place, day = self._place, self._place.day_of(entry.starts_at)
        gap = max((rule.value for rule in place.on(day).rules if rule.kind == "gap_ms"), default=0)
        others = self._days.get(day, ())
        apart = (0, gap, PAUSE_MS + _MINUTE_MS)
        later = [entry.starts_at, *(other.ends_at + more for other in others for more in apart)]
        before = [other.starts_at - entry.duration_ms - more for other in others for more in apart]
        tried = {place.next_free(entry.class_, _up(one), entry.duration_ms, one + _DAY_MS) for one in later}
        tried |= {
            place.last_free(entry.class_, _down(one), entry.duration_ms, one - _DAY_MS)
            for one in (entry.starts_at, *before)
        }
        near = {one for one in tried if one is not None and one != entry.starts_at and place.day_of(one) == day}
        yield from sorted(near, key=lambda one: (abs(one - entry.starts_at), one))
        local = from_ms(entry.starts_at).astimezone(place.zone)
        for number in range(1, MEND_DAYS + 1):
            other = datetime.combine(local.date() + number * _DAY, local.time(), place.zone)
            start = to_ms(other.astimezone(UTC))
            free = place.next_free(entry.class_, start, entry.duration_ms, start + _DAY_MS)
            if free is not None:
                yield free

    # --- Counting: how much over the limit this one would bring the place; 0 or less: it isn't ---------------------

    def _counted(self, rule: SoundRule, day: date) -> list[DayEntry]:
        return [entry for entry in self._days.get(day, ()) if entry.class_ in rule.classes]

    def _item_ms(self, rule: SoundRule, entry: DayEntry, _day: date) -> int:
        return entry.longest_item_ms - rule.value

    def _emergency_ms(self, rule: SoundRule, entry: DayEntry, _day: date) -> int:
        return entry.duration_ms - rule.value

    def _session_ms(self, rule: SoundRule, entry: DayEntry, day: date) -> int:
        sessions = sessions_of([*self._counted(rule, day), entry])
        own = next(session for session in sessions if entry in session)
        return sum(one.duration_ms for one in own) - rule.value

    def _day_ms(self, rule: SoundRule, entry: DayEntry, day: date) -> int:
        return sum(one.duration_ms for one in self._counted(rule, day)) + entry.duration_ms - rule.value

    def _week_ms(self, rule: SoundRule, entry: DayEntry, day: date) -> int:
        week = [one for other in self._weeks[_week(day)] for one in self._counted(rule, other)]
        return sum(one.duration_ms for one in week) + entry.duration_ms - rule.value

    def _sessions_a_day(self, rule: SoundRule, entry: DayEntry, day: date) -> int:
        before = self._counted(rule, day)
        count = len(sessions_of([*before, entry]))
        return count - rule.value if count > len(sessions_of(before)) else 0

    def _days_a_week(self, rule: SoundRule, _entry: DayEntry, day: date) -> int:
        days = {other for other in self._weeks[_week(day)] if self._counted(rule, other)}
        return 0 if day in days else len(days) + 1 - rule.value

    def _gap_ms(self, rule: SoundRule, entry: DayEntry, day: date) -> int:
        near = [one for other in (day - _DAY, day, day + _DAY) for one in self._counted(rule, other)]
        pauses = [
            entry.starts_at - one.ends_at if one.starts_at <= entry.starts_at else one.starts_at - entry.ends_at
            for one in near
            if not (entry.session and one.session == entry.session)
        ]
        # Below 0 two overlap: what comes of that is for `schedules.conflicts` to say.
        return rule.value - min((pause for pause in pauses if pause >= 0), default=rule.value)

    def _repeats(self, rule: SoundRule, entry: DayEntry, day: date) -> int:
        most = 0
        for bulletin in entry.bulletins:
            days = [*self._bulletins.get(bulletin, ()), day]
            for first in {one for one in days if day - rule.days * _DAY < one <= day}:
                most = max(most, sum(first <= one < first + rule.days * _DAY for one in days))
        return most - rule.value


def sessions_of(entries: Iterable[DayEntry]) -> list[list[DayEntry]]:
    """The programmes of a day by the sessions that they make."""
    sessions: list[list[DayEntry]] = []
    for entry in sorted(entries, key=lambda one: (one.starts_at, one.id)):
        joined = [
            session
            for session in sessions
            if any(
                (entry.session and one.session == entry.session) or entry.starts_at <= one.ends_at + PAUSE_MS
                for one in session
            )
        ]
        sessions = [session for session in sessions if session not in joined]
        sessions.append([*(one for session in joined for one in session), entry])
    return sessions


def _week(day: date) -> _Week:
    return _Week(*day.isocalendar()[:2])


def _up(at: int) -> int:
    return -(-at // _MINUTE_MS) * _MINUTE_MS


def _down(at: int) -> int:
    return at // _MINUTE_MS * _MINUTE_MS
