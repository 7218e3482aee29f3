"""What is heard at every place with a draft and without it: the hearing that the look before saving is made of.

Receivers with the same path (and named by no airing themselves) have the same day and are heard once. Of a place's
days only the stretches are heard in which the draft may bear on anything: entries that are further apart than anything
is ever moved don't touch each other. What comes out alike for many is one `Group` with its places and days.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from broadcast import choice_reads, nearby
from broadcast.drafts import Drafted, Waiting
from broadcast.planning import AiringFacts, ReceiverFacts, Rules
from broadcast.rules import RuleBook
from broadcast.settling import entry_of, may_sound_by
from core import units
from core.clock import from_ms
from core.settings import Settings
from schedules.conflicts import MOST_DELAY_MS, Entry, Heard, MaySound, clock_time, hear

# How far from its time another slot is looked for, and so what of a place's day is read.
AROUND_MS = 2 * MOST_DELAY_MS
_PASSES_MOST = 20

Key = tuple[object, ...]


@dataclass(slots=True)
class Group:
    """What comes out alike: a sample of it, and where and when."""

    sample: Heard | Waiting
    airing: AiringFacts
    units: set[str] = field(default_factory=set)
    receivers: set[str] = field(default_factory=set)
    days: set[date] = field(default_factory=set)


class Places:
    """The draft among the airings of everybody it concerns. After `hear`: `own` outcomes, those of `others` that it
    changes, what is `waiting`; and `busy`, when anything else is heard anywhere, counted from the draft's `base`.
    """

    def __init__(
        self,
        session: Session,
        draft: Drafted,
        there: Sequence[ReceiverFacts],
        schedule_id: str | None,
        now: datetime,
        settings: Settings,
    ) -> None:
        self._session, self._draft, self._now = session, draft, now
        self._settings, self._zone = settings, settings.zone
        first, last = draft.starts[0], draft.starts[-1]
        self.book = RuleBook(session, settings, *(at.astimezone(self._zone).date() for at in (first, last)))
        found = self._read(there)
        self._airings = [airing for airing in found if airing.schedule_id != schedule_id]
        self._drafts = {airing.id: airing for airing in draft.airings}
        communes = frozenset[str]().union(*(one.communes for one in there))
        self._choices = choice_reads.load(session, communes, now, last)
        self.alike = self._alike(there)
        self.own: dict[Key, Group] = {}
        self.others: dict[Key, Group] = {}
        self.waiting: dict[Key, Group] = {}
        self.busy: set[tuple[int, int]] = set()
        self.receivers: set[str] = set()

    def _read(self, there: Sequence[ReceiverFacts]) -> list[AiringFacts]:
        starts = sorted({from_ms(airing.starts_at) for airing in self._draft.airings})
        if not starts:
            return []
        paths = {path for one in there for path in (one.path, *(to for _, to in one.ahead))}
        targets = {one.id for one in there} | {unit for path in paths for unit in path}
        names = nearby.named_by(self._session, targets, {units.date_of(starts[0]), units.date_of(starts[-1])})
        longest = max(airing.duration_ms for airing in self._draft.airings)
        before, after = timedelta(milliseconds=AROUND_MS), timedelta(milliseconds=AROUND_MS + longest)
        spans = nearby.joined([(at - before, at + after) for at in starts])
        return nearby.airings(self._session, names, self._now, spans, settings=self._settings, reach_back=True)

    def _alike(self, there: Sequence[ReceiverFacts]) -> list[list[ReceiverFacts]]:
        """The receivers that no airing and no rule tells apart, commune by commune."""
        waiting = (one.airing for one in self._draft.waiting)
        reaches = {one.reach for one in (*self._airings, *self._draft.airings, *waiting)}
        parts = [(one.units, one.receivers, one.except_units, one.except_receivers) for one in reaches]
        named = frozenset[str]().union(*(ids for part in parts for ids in part))

        def told_apart(one: ReceiverFacts, path: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(unit for unit in path if unit in named or unit in one.communes)

        alike: dict[object, list[ReceiverFacts]] = defaultdict(list)
        for one in there:
            ahead = tuple((since, told_apart(one, path)) for since, path in one.ahead)
            own = one.id if one.id in named else ""
            alike[told_apart(one, one.path), ahead, self.book.signature(one), own].append(one)
        return list(alike.values())

    def hear(self) -> None:
        """Hear the draft at each of its places."""
        others, drafts = _by_target(self._airings), _by_target(self._draft.airings)
        waiting = _by_target([one.airing for one in self._draft.waiting])
        for alike in self.alike:
            place = alike[0]
            mine = [self._draft.airings[number] for number in _near(place, drafts)]
            mine = [one for one in mine if one.reach.holds(place.id, place.path_at(one.starts_at))]
            for number in _near(place, waiting):
                self._wait(alike, self._draft.waiting[number])
            if not mine:
                continue
            self.receivers |= {one.id for one in alike}
            held = [
                airing
                for airing in (self._airings[number] for number in _near(place, others))
                if airing.reach.holds(place.id, place.path_at(airing.starts_at))
                and self._choices.taken(airing, place.commune_at(airing.starts_at))
            ]
            may_sound = may_sound_by(Rules(place=self.book.of(place)))
            for stretch in _stretches([*held, *mine]):
                if any(one.id in self._drafts for one in stretch):
                    self._hear(alike, stretch, may_sound)

    def _wait(self, alike: Sequence[ReceiverFacts], waiting: Waiting) -> None:
        place, airing = alike[0], waiting.airing
        if not airing.reach.holds(place.id, place.path_at(airing.starts_at)):
            return
        self.receivers |= {one.id for one in alike}
        key = (airing.slot_id, clock_time(airing.starts_at, self._zone))
        self._put(self.waiting, key, waiting, alike, airing)

    def _hear(self, alike: Sequence[ReceiverFacts], stretch: Sequence[AiringFacts], may_sound: MaySound) -> None:
        """Once without and once with the draft."""
        place = alike[0]
        known = {one.id: one for one in stretch}
        entries: dict[str, Entry] = {}
        for one in stretch:
            commune = place.commune_at(one.starts_at)
            taken = one.id not in self._drafts or self._choices.taken(one, commune)
            entries[one.id] = entry_of(one, self._choices.before(one, stretch, commune), accepted=taken)
        without = _lawful([entry for id_, entry in entries.items() if id_ not in self._drafts], may_sound)
        together = _lawful(list(entries.values()), may_sound)
        bases = {base_of(one) for one in stretch if one.id in self._drafts}
        self.busy |= {(one.starts_at - base, one.ends_at - base) for one in without if one.sounds for base in bases}
        was = {one.entry.id: one for one in without}
        for heard in together:
            before = was.get(heard.entry.id)
            if before is None:
                self._note(self.own, heard, alike, known)
            elif (heard.starts_at, heard.ends_at) != (before.starts_at, before.ends_at):
                self._note(self.others, heard, alike, known)

    def _note(
        self, groups: dict[Key, Group], heard: Heard, alike: Sequence[ReceiverFacts], known: dict[str, AiringFacts]
    ) -> None:
        other, airing = heard.because, known[heard.entry.id]
        key = (
            airing.schedule_id,
            airing.slot_id,
            heard.fate,
            heard.why,
            clock_time(heard.entry.starts_at, self._zone),
            heard.starts_at - heard.entry.starts_at,
            heard.ends_at - heard.entry.starts_at,
            None if other is None else (other.entry.made, clock_time(other.starts_at, self._zone), other.entry.title),
            heard.reason,
        )
        self._put(groups, key, heard, alike, airing)

    def _put(
        self,
        groups: dict[Key, Group],
        key: Key,
        sample: Heard | Waiting,
        alike: Sequence[ReceiverFacts],
        airing: AiringFacts,
    ) -> None:
        group = groups.setdefault(key, Group(sample, airing))
        group.units.add(alike[0].commune_at(airing.starts_at) or alike[0].path[0])
        group.receivers |= {one.id for one in alike}
        group.days.add(from_ms(airing.starts_at).astimezone(self._zone).date())


def base_of(airing: AiringFacts) -> int:
    """What an option's shift is counted from: the start of the session, or of the programme."""
    return airing.original_start if airing.slot_id else airing.starts_at


def _lawful(entries: Sequence[Entry], may_sound: MaySound) -> list[Heard]:
    """What is heard without what would sound when nothing may: plans leave that out, and so what was moved for it
    keeps its time (`rule_checks.PlanRules.settle`).
    """
    left, silent = list(entries), list[Heard]()
    for _ in range(_PASSES_MOST):
        heard = hear(left, may_sound)
        reasons = {one.entry.id: may_sound(one.entry, one.starts_at, one.ends_at) for one in heard if one.sounds}
        barred = {id_: reason for id_, reason in reasons.items() if reason is not None}
        if not barred:
            break
        silent += [
            replace(
                one, fate="not_aired", ends_at=one.entry.starts_at, starts_at=one.entry.starts_at, because=None,
                why="may_not_sound", reason=barred[one.entry.id],
            )
            for one in heard
            if one.entry.id in barred
        ]  # fmt: skip
        left = [entry for entry in left if entry.id not in barred]
    return [*heard, *silent]


def _stretches(airings: Sequence[AiringFacts]) -> Iterator[list[AiringFacts]]:
    """What may bear on one another: nothing is moved by more than `MOST_DELAY_MS`."""
    stretch: list[AiringFacts] = []
    until = 0
    for airing in sorted(airings, key=lambda one: (one.starts_at, one.id)):
        if stretch and airing.starts_at >= until + MOST_DELAY_MS:
            yield stretch
            stretch = []
        stretch.append(airing)
        until = max(until, airing.ends_at)
    if stretch:
        yield stretch


def _by_target(airings: Sequence[AiringFacts]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for number, airing in enumerate(airings):
        for one in airing.reach.units | airing.reach.receivers:
            found[one].append(number)
    return found


def _near(place: ReceiverFacts, by_target: dict[str, list[int]]) -> list[int]:
    """The numbers of what names this place or anything above it, in order."""
    paths = (place.path, *(path for _, path in place.ahead))
    return sorted({number for path in ((place.id,), *paths) for one in path for number in by_target.get(one, ())})
