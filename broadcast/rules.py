"""The rules of sound where receivers stand: what joins `schedules.rules` with the tree, the bulletins and the plans.

1. The rules are read once for a stretch of days (`RuleBook`). Receivers whose units have the same path share a `Place`,
   so that five thousand receivers cost as much as the few hundred paths that they stand on.
2. The rules of units that were merged hold at what took over from them, beside its own, until somebody ends them.
3. What the receiver itself can hold goes into its plan: quiet periods as UTC intervals, caps and volumes. The receiver
   knows no sessions and counts a running day of 24 hours, which may touch two local days; so its caps are the widest
   that the rules of the plan's days come to, and the server is the one that counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache

from sqlalchemy.orm import Session

from broadcast.planning import ReceiverFacts, Rules
from core import units
from core.clock import to_ms
from core.settings import Settings
from devices.protocol.plan import Caps, Interval, VolumeStep
from schedules import rule_store
from schedules.localtime import instant_of
from schedules.rule_words import rule_text
from schedules.rules import BELOW_EMERGENCY, COUNTED, SPANNED, Kind, Place, SoundRule, merged

_DAY = timedelta(days=1)
_BOX = Caps()  # what receivers hold by themselves
VOLUME = 80


class RuleBook:
    """The rules of all units on the days of a stretch, and the places where they hold."""

    def __init__(self, session: Session, settings: Settings, since: date, until: date) -> None:
        self._zone = settings.zone
        self._defaults = rule_store.defaults(settings)
        # A span that began the evening before runs on in the morning.
        self._rules = rule_store.between(session, since - 2 * _DAY, until + _DAY)
        self._merged = _merged_units(session, self._rules)
        self.longest_repeat = max((one.days for held in self._rules.values() for one in held), default=0)
        # Whether any rule is about the length of items, which are read only then.
        self.limits_items = any(one.kind == "item_ms" for held in self._rules.values() for one in held)
        self._session, self._named_on = session, until
        self.at = lru_cache(maxsize=None)(self._at)
        self._of = lru_cache(maxsize=None)(self._on_paths)

    def of(self, receiver: ReceiverFacts) -> Place:
        """Where this receiver stands, now and as the tree will be."""
        return self._of(receiver.path, receiver.ahead)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """What every unit that has set a rule, or has a default, is called."""
        top = {link.unit_id for link in units.forest(self._session).links if link.parent_id is None}
        return units.names(self._session, {*self._rules, *top}, on=self._named_on)

    def counts(self, receiver: ReceiverFacts) -> bool:
        """Whether any rule there is about more than one programme by itself."""
        return any(rule.kind in COUNTED for unit in self.signature(receiver) for rule in self._rules.get(unit, ()))

    def signature(self, receiver: ReceiverFacts) -> tuple[str, ...]:
        """Receivers with the same one have the same rules: the units around them that have set any, and the top."""
        places = [receiver.path, *(path for _, path in receiver.ahead)]
        told = [f"{since}" for since, _ in receiver.ahead]
        return (*told, *(one for path in places for unit in path for one in self._setting(unit, unit == path[-1])))

    def _setting(self, unit: str, top: bool) -> list[str]:  # noqa: FBT001 - private, and named where it is called
        """The units whose rules hold at this one by itself: those merged into it, and it."""
        pending, found = [unit], [unit]
        while pending:
            older = [old for old, _, _ in self._merged.get(pending.pop(), ()) if old not in found]
            pending += older
            found += older
        return [one for one in found if one in self._rules or (top and one == unit)]

    def _at(self, path: tuple[str, ...]) -> Place:
        """A place whose path stays as it is."""
        return self._place(lambda _day: path)

    def _on_paths(self, path: tuple[str, ...], ahead: tuple[tuple[int, tuple[str, ...]], ...]) -> Place:
        if not ahead:
            return self.at(path)
        facts = ReceiverFacts("", path, ahead)
        return self._place(lambda day: facts.path_at(to_ms(datetime.combine(day, datetime.min.time(), units.ZONE))))

    def _place(self, path_on: Callable[[date], tuple[str, ...]]) -> Place:
        return Place(self._rules, lambda day: self._with_merged(path_on(day), day), self._zone, self._defaults)

    def _with_merged(self, path: tuple[str, ...], day: date) -> tuple[str, ...]:
        if not self._merged:
            return path
        found: list[str] = []
        for unit in path:
            pending = [unit]
            before: list[str] = []
            while pending:
                current = pending.pop()
                links = self._merged.get(current, ())
                pending += [old for old, since, until in links if since <= day < until and old not in before]
                before += [old for old, since, until in links if since <= day < until and old not in before]
            found += [*sorted(before), unit]
        return tuple(found)


def _merged_units(session: Session, rules: dict[str, list[SoundRule]]) -> dict[str, list[tuple[str, date, date]]]:
    """By what took over: the units that it took over from, and from when to when that counts."""
    if not rules:
        return {}
    found: dict[str, list[tuple[str, date, date]]] = defaultdict(list)
    for unit, successor, relation, since, until in units.forest(session).links:
        if relation == "successor" and successor is not None:  # the database refuses a row without one
            found[successor].append((unit, since, until))
    return dict(found)


def in_plan(place: Place, start: datetime, until: datetime) -> Rules:
    """What of the rules a receiver holds by itself, between two instants."""
    begins, ends = to_ms(start), to_ms(until)
    quiet = merged(
        (one.begins, one.ends)
        for one in place.forbidden("priority", begins, ends)
        if one.rule.classes == BELOW_EMERGENCY
    )
    days = _days(place.day_of(begins), place.day_of(ends))
    volumes = [rule.value for rule in _limits(place, "volume", days)]
    loudest = min(volumes, default=_BOX.volume)
    return Rules(
        label=_label(place, days),
        quiet=tuple(Interval(from_=one[0], until=one[1]) for one in quiet),
        caps=Caps(
            volume=loudest,
            item_ms=_widest(place, "item_ms", days, _BOX.item_ms),
            airing_ms=_widest(place, "session_ms", days, _BOX.airing_ms),
            day_ms=min(_BOX.day_ms, 2 * _widest(place, "day_ms", days, _BOX.day_ms)),
            emergency_ms=_widest(place, "emergency_ms", days, _BOX.emergency_ms),
        ),
        volume=min(VOLUME, loudest),
        volume_curve=_curve(place, days, begins, ends),
        place=place,
    )


def _days(first: date, last: date) -> list[date]:
    return [first + number * _DAY for number in range((last - first).days + 1)]


def _limits(place: Place, kind: Kind, days: Sequence[date]) -> list[SoundRule]:
    return [rule for day in days if (rule := place.on(day).limit(kind)) is not None]


def _widest(place: Place, kind: Kind, days: Sequence[date], otherwise: int) -> int:
    """The widest of these days' limits; a day without one is as wide as the box lets it."""
    found = [place.on(day).limit(kind) for day in days]
    return max((otherwise if rule is None else rule.value for rule in found), default=otherwise)


def _label(place: Place, days: Sequence[date]) -> str:
    texts = [rule_text(rule) for day in days for rule in place.on(day).rules if rule.kind in SPANNED]
    return "; ".join(dict.fromkeys(texts)) or "không có giờ yên tĩnh"


def _curve(place: Place, days: Sequence[date], begins: int, ends: int) -> tuple[VolumeStep, ...]:
    """The volumes by the time of day as instants: of several curves the lowest at each time."""
    steps: dict[int, int] = {}
    for day in [days[0] - _DAY, *days]:
        curves = [sorted(rule.steps, key=lambda one: one.at) for rule in place.on(day).rules if rule.kind == "curve"]
        for at in {step.at for curve in curves for step in curve}:
            # The last step up to this time; before the first of a day the last of the day before goes on.
            volumes = [next((one for one in reversed(curve) if one.at <= at), curve[-1]).volume for curve in curves]
            steps[to_ms(instant_of(datetime.combine(day, at), place.zone))] = min(volumes)
    before = [at for at in steps if at <= begins]
    first = max(before, default=begins)
    return tuple(VolumeStep(at=at, volume=steps[at]) for at in sorted(steps) if first <= at < ends)
