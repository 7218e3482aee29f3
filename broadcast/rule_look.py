"""A schedule held against the rules of every place that it would sound at, before it is saved.

Receivers whose paths have the same rules (where limits are counted: the same path) are one place. What
breaks one rule is told once, with the places and times that it concerns, so that two weeks at a hundred communes stay
readable. Occurrences are looked at from the next one on, for eight weeks: a schedule that begins next year too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy.orm import Session

from broadcast import facts, nearby, offers, planning
from broadcast.planning import AiringFacts, ReceiverFacts
from broadcast.rule_checks import entry_of
from broadcast.rules import RuleBook
from core import units
from core.clock import from_ms, to_ms
from core.settings import Settings
from schedules.airtime_limits import DayEntry, Violation, check
from schedules.reach import Resolver, reach_of, receivers_of
from schedules.recurrence import Rule, next_after, occurrences
from schedules.rule_words import sentence
from schedules.rules import NEVER_WAIVED, Place, SoundRule
from schedules.tables import Airing
from schedules.targets import Targets

FORESEEN = timedelta(weeks=8)
STARTS_MOST = 400
_WEEK = timedelta(days=8)
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be scheduled; `schedule_id` where it takes the place of what that one has ahead."""

    title: str
    programme_id: str | None  # None: a session, of which only the frame is known
    duration_ms: int
    starts: tuple[datetime, ...]
    targets: Targets
    schedule_id: str | None = None
    waived: frozenset[str] = frozenset()  # ids of rules that it was let through against
    without: frozenset[str] = frozenset()  # ids of airings that it takes the place of


@dataclass(frozen=True, slots=True)
class Breach:
    """One rule that it breaks, wherever and whenever it does; `first` is the first violation, with what mends it."""

    rule: SoundRule
    unit_name: str  # of whose rule it is
    first: Violation
    starts: tuple[datetime, ...]
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
    place: Place | None = None  # where the first is, and what else sounds there
    others: Sequence[DayEntry] = ()
    units: set[str] = field(default_factory=set)
    receivers: int = 0


def upcoming(rule: Rule, now: datetime) -> tuple[datetime, ...]:
    """The occurrences that are looked at."""
    first = next_after(rule, now)
    if first is None:
        return ()
    return tuple(islice(occurrences(rule, first, first + FORESEEN), STARTS_MOST))


def look(session: Session, settings: Settings, draft: Draft, now: datetime) -> list[Breach]:
    """Every rule that the draft breaks somewhere, the most places first. Nothing is changed."""
    if not draft.starts:
        return []
    first, last = draft.starts[0], draft.starts[-1]
    book = RuleBook(session, settings, units.date_of(min(first, now) - _WEEK), units.date_of(last + _WEEK))
    there = _receivers(session, draft.targets, first, last)
    entries = _entries(session, draft)
    found: dict[str, _Found] = defaultdict(_Found)
    for place, others, group in _groups(session, book, there, draft, now):
        broken = [one for one in check([*others, *entries], place, mending=False) if one.entry.draft]
        for violation in broken:
            one = found[violation.rule.id]
            one.violations.append(violation)
            if one.first is None or violation.entry.starts_at < one.first.entry.starts_at:
                one.first, one.place, one.others = violation, place, others
        for rule_id in {one.rule.id for one in broken}:
            found[rule_id].units |= {receiver.unit_id for receiver in group}
            found[rule_id].receivers += sum(bool(receiver.id) for receiver in group)
    breaches = [_breach(one, entries, book, settings) for one in found.values()]
    return sorted(breaches, key=lambda one: (one.can_be_waived, -len(one.units), one.first.entry.starts_at))


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


def _breach(found: _Found, entries: Sequence[DayEntry], book: RuleBook, settings: Settings) -> Breach:
    first = _mended(found, entries)
    name = book.names[first.rule.unit_id]
    starts = sorted({one.entry.starts_at for one in found.violations})
    return Breach(
        rule=first.rule,
        unit_name=name,
        first=first,
        starts=tuple(from_ms(at) for at in starts),
        units=tuple(sorted(found.units)),
        receivers=found.receivers,
        vi=sentence(first, name, settings.zone),
        en=sentence(first, name, settings.zone, "en"),
    )


def _mended(found: _Found, entries: Sequence[DayEntry]) -> Violation:
    """The first violation with what mends it. Mends are tried one by one, so they are looked for only here."""
    if found.first is None or found.place is None:
        raise ValueError("nothing was found")
    first = found.first
    until = [entry for entry in entries if entry.starts_at <= first.entry.starts_at]
    again = check([*found.others, *until], found.place)
    return next(one for one in again if (one.rule.id, one.entry.id) == (first.rule.id, first.entry.id))


def _receivers(session: Session, targets: Targets, first: datetime, last: datetime) -> list[ReceiverFacts]:
    """The receivers that are meant; where there is none yet, the units, as if each had one."""
    day = units.date_of(first)
    ids = receivers_of(session, targets, on=day)
    if ids:
        batches = (ids[at : at + _BATCH] for at in range(0, len(ids), _BATCH))
        return [one for batch in batches for one in facts.receivers(session, batch, first, last).values()]
    reach = reach_of(session, targets, on=day)
    paths = units.paths(session, sorted(reach.units), on=day)
    return [ReceiverFacts("", path) for path in paths.values() if path]


def _entries(session: Session, draft: Draft) -> list[DayEntry]:
    programmes = {draft.programme_id}
    classes, _, bulletins = facts.programme_bulletins(session, programmes)
    items = facts.programme_items(session, programmes).get(draft.programme_id or "", ())
    return [
        DayEntry(
            id=f"draft-{number:04}",
            starts_at=to_ms(start),
            duration_ms=draft.duration_ms,
            class_=planning.highest(classes[draft.programme_id]),
            title=draft.title,
            bulletins=bulletins[draft.programme_id],
            longest_item_ms=max((item.duration_ms for item in items), default=0),
            draft=True,
            waived=draft.waived,
        )
        for number, start in enumerate(draft.starts)
    ]


def _groups(
    session: Session, book: RuleBook, there: Sequence[ReceiverFacts], draft: Draft, now: datetime
) -> Iterable[tuple[Place, list[DayEntry], list[ReceiverFacts]]]:
    """Each place with what else sounds there (where that counts) and its receivers."""
    counted: dict[object, list[ReceiverFacts]] = defaultdict(list)
    simple: dict[object, list[ReceiverFacts]] = defaultdict(list)
    for receiver in there:
        if book.counts(receiver):
            counted[receiver.path, receiver.ahead].append(receiver)
        else:
            simple[book.signature(receiver)].append(receiver)
    for group in simple.values():
        yield book.of(group[0]), [], group
    if not counted:
        return
    samples = [group[0] for group in counted.values()]
    since = min(draft.starts[0], now) - max(_WEEK, timedelta(days=book.longest_repeat + 1))
    until = draft.starts[-1] + max(_WEEK, timedelta(days=book.longest_repeat + 1))
    airings = _others(session, samples, draft, since, until, now)
    communes = frozenset[str]().union(*(one.communes for one in samples))
    choices = offers.load(session, communes, now, until)
    for group in counted.values():
        one = group[0]
        others = [
            entry_of(airing, settled=airing.starts_at <= to_ms(now))
            for airing in airings
            if planning.concerns(airing, one) and choices.taken(airing, one.commune_at(airing.starts_at))
        ]
        yield book.of(one), others, group


def _others(
    session: Session,
    samples: Sequence[ReceiverFacts],
    draft: Draft,
    since: datetime,
    until: datetime,
    now: datetime,
) -> list[AiringFacts]:
    places = {unit for one in samples for path in (one.path, *(to for _, to in one.ahead)) for unit in path}
    days = {units.date_of(draft.starts[0]), units.date_of(draft.starts[-1])}
    names = nearby.named_by(session, {*places, *(one.id for one in samples if one.id)}, days)
    return [
        airing
        for airing in nearby.airings(session, names, now, [(since, until)])
        if airing.id not in draft.without
        and (airing.schedule_id != draft.schedule_id or airing.starts_at <= to_ms(now))
    ]
