"""A schedule held against the rules of every place that it would sound at, before it is saved.

Of a session every slot is looked at with what it brings, and its slots count as one session. Receivers that no rule
tells apart (where limits are counted: nor any airing that counts there) are one place. What breaks one rule is told
once, with the places and times that it concerns, so that two weeks at a hundred communes stay readable. Occurrences are
looked at from the next one on, for eight weeks: a schedule that begins next year too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from broadcast import choice_reads, facts, nearby, planning
from broadcast.drafts import receivers_meant
from broadcast.planning import AiringFacts, ReceiverFacts
from broadcast.rule_checks import entry_of, waived_of
from broadcast.rules import RuleBook
from core import units
from core.clock import from_ms, to_ms
from core.settings import Settings
from schedules import rule_store
from schedules.airtime_limits import DayEntry, Violation, check
from schedules.reach import Resolver
from schedules.rule_words import sentence
from schedules.rules import NEVER_WAIVED, Place, SoundRule
from schedules.tables import Airing

FORESEEN = timedelta(weeks=8)
STARTS_MOST = 400
# Of more schedules near by than these nothing is foreseen beyond the horizon: it takes seconds, and plans are checked.
SCHEDULES_MOST = 500
_WEEK = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class Draft:
    """Airings that are to be; `schedule_id` where they take the place of what that one has ahead."""

    airings: Sequence[AiringFacts]
    schedule_id: str | None = None
    without: frozenset[str] = frozenset()  # ids of airings that they take the place of
    apart: bool = False  # what each of them breaks is told by itself


@dataclass(frozen=True, slots=True)
class Breach:
    """One rule that it breaks, wherever and whenever it does; `first` is the first violation, with what mends it."""

    rule: SoundRule
    unit_name: str  # of whose rule it is
    first: Violation
    starts: tuple[datetime, ...]
    airing_id: str  # of the first
    units: tuple[str, ...]  # ids of the units at which it would sound against the rule
    receivers: int
    vi: str
    en: str

    @property
    def can_be_waived(self) -> bool:
        return self.rule.kind not in NEVER_WAIVED


@dataclass(slots=True)
class _Found:
    violations: list[Violation] = field(default_factory=list)
    first: Violation | None = None
    where: _Group | None = None  # of the first
    units: set[str] = field(default_factory=set)
    receivers: int = 0


@dataclass(frozen=True, slots=True)
class _Group:
    """Receivers that the same rules hold for, what of the draft is for them, and what else counts there."""

    place: Place
    receivers: Sequence[ReceiverFacts]
    entries: Sequence[DayEntry]
    others: Sequence[DayEntry]


def look(session: Session, settings: Settings, draft: Draft, now: datetime) -> list[Breach]:
    """Every rule that the draft breaks somewhere, the most places first. Nothing is changed."""
    if not draft.airings:
        return []
    first, last = _ends(draft)
    book = RuleBook(session, settings, units.date_of(min(first, now) - _WEEK), units.date_of(last + _WEEK))
    there = _receivers(session, draft, first, last)
    found: dict[tuple[str, str], _Found] = defaultdict(_Found)

    def found_of(violation: Violation) -> tuple[str, str]:
        return violation.rule.id, violation.entry.id if draft.apart else ""

    for group in _groups(session, settings, book, there, draft, now):
        broken = [one for one in check([*group.others, *group.entries], group.place, mending=False) if one.entry.draft]
        for violation in broken:
            one = found[found_of(violation)]
            one.violations.append(violation)
            if one.first is None or violation.entry.starts_at < one.first.entry.starts_at:
                one.first, one.where = violation, group
        for key in {found_of(one) for one in broken}:
            found[key].units |= {receiver.unit_id for receiver in group.receivers}
            found[key].receivers += sum(bool(receiver.id) for receiver in group.receivers)
    breaches = [_breach(one, book, settings) for one in found.values()]
    return sorted(breaches, key=lambda one: (one.can_be_waived, -len(one.units), one.first.entry.starts_at))


def _ends(draft: Draft) -> tuple[datetime, datetime]:
    starts = [airing.starts_at for airing in draft.airings]
    return from_ms(min(starts)), from_ms(max(starts))


@dataclass(frozen=True, slots=True)
class Forbidding:
    """An airing and the rule that lets nothing of its class sound then, at one of the units that it is for."""

    airing: Airing
    rule: SoundRule


def forbidden(session: Session, settings: Settings, airings: Sequence[Airing]) -> list[Forbidding]:
    """Those of these airings to come that lie where they may not sound at a unit that they are for.

    Quiet hours and windows of the units that are named and of those above them: it is asked of many thousands at once.
    """
    coming = [airing for airing in airings if airing.status == "scheduled"]
    if not coming:
        return []
    classes = facts.programme_classes(session, {airing.programme_id for airing in coming})
    days = {units.date_of(airing.starts_at) for airing in coming}
    book = RuleBook(session, settings, min(days), max(days))
    resolver = Resolver(session)
    reaches = [resolver.reach(airing.targets, on=units.date_of(airing.starts_at)) for airing in coming]
    named = frozenset[str]().union(*(reach.units for reach in reaches))
    paths = units.paths(session, named, on=min(days))
    found = []
    for airing, reach in zip(coming, reaches, strict=True):
        class_ = planning.highest(classes[airing.programme_id])
        start = to_ms(airing.starts_at)
        for path in {paths[unit] for unit in reach.units}:
            stands = book.at(path).forbids(class_, start, start + airing.duration_ms) if path else None
            if stands is not None:
                found.append(Forbidding(airing, stands.rule))
                break
    return found


def _breach(found: _Found, book: RuleBook, settings: Settings) -> Breach:
    first = _mended(found)
    name = book.names[first.rule.unit_id]
    starts = sorted({one.entry.starts_at for one in found.violations})
    return Breach(
        rule=first.rule,
        unit_name=name,
        first=first,
        starts=tuple(from_ms(at) for at in starts),
        airing_id=first.entry.id,
        units=tuple(sorted(found.units)),
        receivers=found.receivers,
        vi=sentence(first, name, settings.zone),
        en=sentence(first, name, settings.zone, "en"),
    )


def _mended(found: _Found) -> Violation:
    """The first violation with what mends it. Mends are tried one by one, so they are looked for only here."""
    if found.first is None or found.where is None:
        raise ValueError("nothing was found")
    first, where = found.first, found.where
    until = [entry for entry in where.entries if entry.starts_at <= first.entry.starts_at]
    again = check([*where.others, *until], where.place)
    return next(one for one in again if (one.rule.id, one.entry.id) == (first.rule.id, first.entry.id))


def _receivers(session: Session, draft: Draft, first: datetime, last: datetime) -> list[ReceiverFacts]:
    """The receivers that may be meant; where there is none yet, the units, as if each had one."""
    there = receivers_meant(session, draft.airings, first, last)
    if there:
        return there
    reached = frozenset[str]().union(*(airing.reach.units for airing in draft.airings))
    paths = units.paths(session, sorted(reached), on=units.date_of(first))
    return [ReceiverFacts("", path) for path in paths.values() if path]


def _groups(
    session: Session,
    settings: Settings,
    book: RuleBook,
    there: Sequence[ReceiverFacts],
    draft: Draft,
    now: datetime,
) -> Iterable[_Group]:
    """The receivers by what tells them apart. What else sounds there is read only where that counts."""
    airings = sorted(draft.airings, key=lambda one: (one.starts_at, one.id))
    waived = rule_store.overridden(session)
    drafted = [replace(entry_of(airing, waived=waived_of(waived, airing)), draft=True) for airing in airings]
    named = _named(draft.airings)
    meant: dict[object, tuple[int, ...]] = {}  # the numbers of the airings that are for receivers with this key
    counted: dict[tuple[object, tuple[int, ...]], list[ReceiverFacts]] = defaultdict(list)
    simple: dict[tuple[object, tuple[int, ...]], list[ReceiverFacts]] = defaultdict(list)
    for one in there:
        key = (tuple(unit for unit in (one.id, *one.path) if unit in named), one.ahead)
        if key not in meant:
            meant[key] = tuple(number for number, airing in enumerate(airings) if planning.concerns(airing, one))
        if meant[key] and book.counts(one):
            counted[(one.path, one.ahead), meant[key]].append(one)
        elif meant[key]:
            simple[book.signature(one), meant[key]].append(one)
    for (_, numbers), group in simple.items():
        yield _Group(book.of(group[0]), group, [drafted[number] for number in numbers], [])
    if not counted:
        return
    around = max(_WEEK, timedelta(days=book.longest_repeat + 1))
    samples = [one for group in counted.values() for one in group]
    others = _Near(_others(session, settings, samples, draft, around, now, with_items=book.limits_items), now)
    until = _ends(draft)[1] + around
    choices = choice_reads.load(session, frozenset[str]().union(*(one.communes for one in samples)), now, until)
    for numbers, group in _told_apart(counted, book, others.named):
        held = [
            entry
            for airing, entry in others.of(group[0])
            if choices.taken(airing, group[0].commune_at(airing.starts_at))
        ]
        yield _Group(book.of(group[0]), group, [drafted[number] for number in numbers], held)


class _Near:
    """Airings found by whom they are for."""

    def __init__(self, airings: Sequence[AiringFacts], now: datetime) -> None:
        self.named = _named(airings)
        self._entries = [(one, entry_of(one, settled=one.starts_at <= to_ms(now))) for one in airings]
        self._by_target: dict[str, list[int]] = defaultdict(list)
        for number, airing in enumerate(airings):
            for one in airing.reach.units | airing.reach.receivers:
                self._by_target[one].append(number)

    def of(self, receiver: ReceiverFacts) -> list[tuple[AiringFacts, DayEntry]]:
        """Those that are for this receiver, in their order."""
        places = (receiver.id, *receiver.path, *(one for _, path in receiver.ahead for one in path))
        numbers = sorted({number for one in places for number in self._by_target.get(one, ())})
        return [self._entries[at] for at in numbers if planning.concerns(self._entries[at][0], receiver)]


def _told_apart(
    counted: Mapping[tuple[object, tuple[int, ...]], Sequence[ReceiverFacts]], book: RuleBook, named: frozenset[str]
) -> Iterable[tuple[tuple[int, ...], list[ReceiverFacts]]]:
    """These groups joined where no airing, no rule and no commune's choice tells them apart."""
    alike: dict[tuple[object, tuple[int, ...]], list[ReceiverFacts]] = defaultdict(list)
    for (_, numbers), group in counted.items():
        for one in group:
            places = [(0, one.path), *one.ahead]
            seen = [(at, tuple(unit for unit in path if unit in named or unit in one.communes)) for at, path in places]
            own = one.id if one.id in named else ""
            alike[(own, *seen, book.signature(one)), numbers].append(one)
    return [(numbers, group) for (_, numbers), group in alike.items()]


def _named(airings: Iterable[AiringFacts]) -> frozenset[str]:
    """All ids that tell for whom these airings are."""
    reaches = {airing.reach for airing in airings}
    parts = [(one.units, one.receivers, one.except_units, one.except_receivers) for one in reaches]
    return frozenset[str]().union(*(ids for part in parts for ids in part))


def _others(
    session: Session,
    settings: Settings,
    samples: Sequence[ReceiverFacts],
    draft: Draft,
    around: timedelta,
    now: datetime,
    *,
    with_items: bool,
) -> list[AiringFacts]:
    """What else sounds there so long before and after each airing of the draft."""
    starts = sorted({from_ms(airing.starts_at) for airing in draft.airings})
    spans = nearby.joined([(at - around, at + around) for at in starts])
    places = {unit for one in samples for path in (one.path, *(to for _, to in one.ahead)) for unit in path}
    days = {units.date_of(at) for at in _ends(draft)}
    names = nearby.named_by(session, {*places, *(one.id for one in samples if one.id)}, days)
    found = nearby.airings(
        session, names, now, spans, settings=settings, with_items=with_items, schedules_most=SCHEDULES_MOST
    )
    return [
        airing
        for airing in found
        if airing.id not in draft.without
        and (airing.schedule_id != draft.schedule_id or airing.starts_at <= to_ms(now))
    ]
