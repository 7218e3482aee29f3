"""What will be heard, looked at before a schedule is saved: what clashes where, what comes of it, and the ways out.

The draft is put among the airings of the coming days as if it were saved, and `schedules.conflicts.hear` decides for
every place and occurrence what is heard with it and without it; the difference is what the draft does to others.
Receivers with the same path (and named by no airing themselves) have the same day and are looked at once. What comes
out alike for many is told once, with the places and days that it holds for.

Of the offered ways out each is checked at all places on all days that were looked at: *after* and *before* what it
clashes with, *shorten* it to what is free, and *another slot*, the nearest free time that the rules allow.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Literal

from sqlalchemy.orm import Session

from broadcast import facts, nearby, offers
from broadcast.choices import Choices
from broadcast.planning import AiringFacts, ReceiverFacts, Rules
from broadcast.rules import RuleBook
from broadcast.settling import entry_of, may_sound_by
from core import units
from core.clock import from_ms, to_ms
from core.settings import Settings
from devices.protocol.plan import BroadcastClass
from schedules.conflicts import (
    LEAST_HEARD_MS,
    MOST_DELAY_MS,
    Fate,
    Heard,
    MaySound,
    Why,
    clock_time,
    hear,
    told,
)
from schedules.reach import Resolver, receivers_of
from schedules.recurrence import Rule, next_after, occurrences
from schedules.rules import merged
from schedules.targets import Targets

DRAFT = "draft"
LOOKED_AT = timedelta(days=14)
OCCURRENCES_MOST = 120
# How far from its time another slot is looked for, and so what of a place's day is read.
AROUND_MS = 2 * MOST_DELAY_MS
STEP_MS = 5 * 60_000
UNITS_NAMED = 20
_BATCH = 500

OptionKind = Literal["after", "before", "shorten", "another_slot", "order"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A schedule that is not saved (yet); with `schedule_id` a change of that one."""

    title: str
    class_: BroadcastClass
    duration_ms: int
    rule: Rule
    targets: Targets
    owner_id: str | None
    campaigns: frozenset[str | None] = frozenset()
    schedule_id: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comes of a schedule at some places at one local time, alike on all these days.

    `schedule_id` None: of the draft; else of another one that the draft changes. `told` says it in Vietnamese.
    """

    schedule_id: str | None
    title: str
    fate: Fate
    why: Why | None
    local_time: str
    heard_from: str | None
    heard_until: str | None
    clashes_with: str | None  # schedule
    clashes_title: str | None
    told: str
    units: tuple[str, ...]
    unit_names: tuple[str, ...]
    receivers: int
    days: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """A way out, free at all places that were looked at. `shift_ms`: how much later (or earlier) to begin."""

    kind: OptionKind
    told: str
    local_time: str | None = None
    shift_ms: int = 0
    duration_ms: int | None = None
    clashes_with: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    occurrences: int
    first: datetime | None
    last: datetime | None
    receivers: int
    outcomes: Sequence[Outcome]  # of the draft, the worst first
    displaced: Sequence[Outcome]  # of others, because of it
    options: Sequence[Option]

    @property
    def clashes(self) -> bool:
        return bool(self.displaced) or any(one.fate != "as_planned" for one in self.outcomes)


@dataclass(slots=True)
class _Group:
    sample: Heard
    units: set[str] = field(default_factory=set)
    receivers: set[str] = field(default_factory=set)
    days: set[date] = field(default_factory=set)


def look(session: Session, draft: Draft, *, now: datetime, settings: Settings) -> Preview:
    """What would be heard of the draft in the two weeks from its first airing on. Nothing is changed."""
    starts = upcoming(draft.rule, now)
    if not starts:
        return Preview(0, None, None, 0, (), (), ())
    day = units.date_of(starts[0])
    ids = receivers_of(session, draft.targets, on=day)
    there = [
        one
        for at in range(0, len(ids), _BATCH)
        for one in facts.receivers(session, ids[at : at + _BATCH], starts[0], starts[-1]).values()
    ]
    looking = _Looking(session, draft, there, starts, now, settings)
    looking.look()
    return Preview(
        len(starts),
        starts[0],
        starts[-1],
        len(there),
        looking.outcomes(),
        looking.displaced(),
        looking.options(),
    )


def upcoming(rule: Rule, now: datetime) -> list[datetime]:
    """The airings that are looked at: those of two weeks from the next one on."""
    first = next_after(rule, now)
    if first is None:
        return []
    found = [at for at in occurrences(rule, first, first + LOOKED_AT) if at > now]
    return sorted(found)[:OCCURRENCES_MOST]


class _Looking:
    def __init__(
        self,
        session: Session,
        draft: Draft,
        there: Sequence[ReceiverFacts],
        starts: Sequence[datetime],
        now: datetime,
        settings: Settings,
    ) -> None:
        self._session, self._draft, self._now = session, draft, now
        self._zone = settings.zone
        self._book = RuleBook(session, settings, *(at.astimezone(self._zone).date() for at in (starts[0], starts[-1])))
        self._airings = self._read(there, starts)
        self._choices = self._load(there, starts)
        self._drafts = self._as_airings(starts)
        self._places = self._alike(there)
        self._own: dict[tuple[object, ...], _Group] = {}
        self._others: dict[tuple[object, ...], _Group] = {}
        # What is heard, and when nothing may be, at any place around any occurrence; counted from that one's start.
        self._busy: set[tuple[int, int]] = set()

    def _read(self, there: Sequence[ReceiverFacts], starts: Sequence[datetime]) -> list[AiringFacts]:
        paths = {path for one in there for path in (one.path, *(to for _, to in one.ahead))}
        targets = {one.id for one in there} | {unit for path in paths for unit in path}
        names = nearby.named_by(self._session, targets, {units.date_of(starts[0]), units.date_of(starts[-1])})
        before = timedelta(milliseconds=AROUND_MS)
        after = timedelta(milliseconds=AROUND_MS + self._draft.duration_ms)
        spans = [(at - before, at + after) for at in starts]
        found = nearby.airings(self._session, names, self._now, spans, reach_back=True)
        return [airing for airing in found if airing.schedule_id != self._draft.schedule_id]

    def _load(self, there: Sequence[ReceiverFacts], starts: Sequence[datetime]) -> Choices:
        communes = frozenset[str]().union(*(one.communes for one in there))
        return offers.load(self._session, communes, self._now, starts[-1])

    def _as_airings(self, starts: Sequence[datetime]) -> list[AiringFacts]:
        resolver, draft = Resolver(self._session), self._draft
        owners = facts.owners(self._session, [(draft.owner_id, at) for at in starts])
        return [
            AiringFacts(
                id=DRAFT,
                starts_at=to_ms(at),
                duration_ms=draft.duration_ms,
                reach=resolver.reach(draft.targets, on=units.date_of(at)),
                items=(),
                class_=draft.class_,
                title=draft.title,
                schedule_id=draft.schedule_id or "~",  # sorts behind whatever is saved already
                original_start=to_ms(at),
                owner=owner,
                campaigns=draft.campaigns,
            )
            for at, owner in zip(starts, owners, strict=True)
        ]

    def _alike(self, there: Sequence[ReceiverFacts]) -> list[list[ReceiverFacts]]:
        """The receivers that no airing and no rule tells apart, commune by commune."""
        reaches = [one.reach for one in (*self._airings, *self._drafts)]
        parts = [(one.units, one.receivers, one.except_units, one.except_receivers) for one in reaches]
        named = frozenset[str]().union(*(ids for part in parts for ids in part))

        def told_apart(one: ReceiverFacts, path: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(unit for unit in path if unit in named or unit in one.communes)

        alike: dict[object, list[ReceiverFacts]] = defaultdict(list)
        for one in there:
            ahead = tuple((since, told_apart(one, path)) for since, path in one.ahead)
            own = one.id if one.id in named else ""
            alike[told_apart(one, one.path), ahead, self._book.signature(one), own].append(one)
        return list(alike.values())

    def look(self) -> None:
        by_target: dict[str, list[int]] = defaultdict(list)
        for number, airing in enumerate(self._airings):
            for one in airing.reach.units | airing.reach.receivers:
                by_target[one].append(number)
        for alike in self._places:
            place = alike[0]
            paths = (place.path, *(path for _, path in place.ahead))
            near = sorted({number for path in ((place.id,), *paths) for one in path for number in by_target[one]})
            held = [
                airing
                for airing in (self._airings[number] for number in near)
                if airing.reach.holds(place.id, place.path_at(airing.starts_at))
                and self._choices.taken(airing, place.commune_at(airing.starts_at))
            ]
            self._look_at(alike, held)

    def _look_at(self, alike: Sequence[ReceiverFacts], held: Sequence[AiringFacts]) -> None:
        place = alike[0]
        may_sound = may_sound_by(Rules(place=self._book.of(place)))
        begins = [airing.starts_at for airing in held]
        for draft in self._drafts:
            if not draft.reach.holds(place.id, place.path_at(draft.starts_at)):
                continue
            since, until = draft.starts_at - AROUND_MS, draft.ends_at + AROUND_MS
            first = bisect_left(begins, since - 2 * MOST_DELAY_MS)
            near = [one for one in held[first : bisect_left(begins, until)] if one.ends_at > since]
            commune = place.commune_at(draft.starts_at)
            self._hear(alike, commune, draft, near, may_sound)

    def _hear(
        self,
        alike: Sequence[ReceiverFacts],
        commune: str | None,
        draft: AiringFacts,
        near: Sequence[AiringFacts],
        may_sound: MaySound,
    ) -> None:
        """Once without and once with the draft."""
        everything = [*near, draft]
        taken = self._choices.taken(draft, commune)
        entries = [entry_of(one, self._choices.before(one, everything, commune)) for one in near]
        without = hear(entries, may_sound)
        self._busy |= {
            (one.starts_at - draft.starts_at, one.ends_at - draft.starts_at) for one in without if one.sounds
        }
        mine = entry_of(draft, self._choices.before(draft, everything, commune), accepted=taken)
        together = hear([*entries, mine], may_sound) if taken else [*without, *hear([mine], may_sound)]
        was = {one.entry.id: one for one in without}
        for one in together:
            if one.entry.id == DRAFT:
                self._note(self._own, one, alike, commune, draft, "")
            elif (one.starts_at, one.ends_at) != (was[one.entry.id].starts_at, was[one.entry.id].ends_at):
                self._note(self._others, one, alike, commune, draft, one.entry.made)

    def _note(
        self,
        groups: dict[tuple[object, ...], _Group],
        heard: Heard,
        alike: Sequence[ReceiverFacts],
        commune: str | None,
        draft: AiringFacts,
        schedule: str,
    ) -> None:
        other = heard.because
        key = (
            schedule,
            heard.fate,
            heard.why,
            clock_time(heard.entry.starts_at, self._zone),
            heard.starts_at - heard.entry.starts_at,
            heard.ends_at - heard.entry.starts_at,
            None if other is None else (other.entry.made, clock_time(other.starts_at, self._zone), other.entry.title),
            heard.reason,
        )
        group = groups.setdefault(key, _Group(heard))
        group.units.add(commune or alike[0].path[0])
        group.receivers |= {one.id for one in alike}
        group.days.add(from_ms(draft.starts_at).astimezone(self._zone).date())

    def outcomes(self) -> list[Outcome]:
        worst = {"not_aired": 0, "cut": 1, "shifted": 2, "as_planned": 3}
        found = [self._outcome(None, group, "bản tin này") for group in self._own.values()]
        return sorted(found, key=lambda one: (worst[one.fate], one.local_time, -one.receivers, one.told))

    def displaced(self) -> list[Outcome]:
        found = [
            self._outcome(str(key[0]), group, f"“{group.sample.entry.title}”") for key, group in self._others.items()
        ]
        return sorted(found, key=lambda one: (one.local_time, one.title, -one.receivers, one.told))

    def _outcome(self, schedule: str | None, group: _Group, subject: str) -> Outcome:
        heard = group.sample
        called = units.names(self._session, group.units, on=min(group.days))
        ordered = sorted(group.units, key=lambda unit: (called.get(unit, ""), unit))
        place = _place_of([called[unit] for unit in ordered if unit in called])
        other = heard.because
        return Outcome(
            schedule_id=schedule,
            title=heard.entry.title,
            fate=heard.fate,
            why=heard.why,
            local_time=clock_time(heard.entry.starts_at, self._zone),
            heard_from=clock_time(heard.starts_at, self._zone) if heard.sounds else None,
            heard_until=clock_time(heard.ends_at, self._zone) if heard.sounds else None,
            clashes_with=None if other is None or other.entry.id == DRAFT else other.entry.made,
            clashes_title=None if other is None else other.entry.title,
            told=told(heard, self._zone, place=place, subject=subject) or self._on_time(heard, place),
            units=tuple(ordered),
            unit_names=tuple(called[unit] for unit in ordered[:UNITS_NAMED] if unit in called),
            receivers=len(group.receivers),
            days=tuple(sorted(group.days)),
        )

    def _on_time(self, heard: Heard, place: str) -> str:
        begins, ends = clock_time(heard.starts_at, self._zone), clock_time(heard.ends_at, self._zone)
        return f"{begins}–{ends} tại {place}: phát đúng giờ"

    def options(self) -> list[Option]:
        """None where nothing clashes, or where only acceptance is lacking."""
        clashing = [group.sample for group in self._own.values() if group.sample.because is not None]
        if not clashing and not self._others:
            return []
        own = {(group.sample.entry.starts_at, group.sample.entry.ends_at) for group in self._own.values()}
        start = min(begins for begins, _ in own)
        length = self._draft.duration_ms
        inside = [(begins, ends) for begins, ends in self._busy if begins < length and ends > 0]
        found: list[Option] = []
        if inside:
            last, first = max(ends for _, ends in inside), min(begins for begins, _ in inside)
            later, sooner = -(-last // 60_000) * 60_000, (first - length) // 60_000 * 60_000
            if self._is_free(later, length):
                found.append(self._moved("after", start, later))
            if self._is_free(sooner, length):
                found.append(self._moved("before", start, sooner))
            if first >= LEAST_HEARD_MS:
                cut = f"rút ngắn {_minutes(length - first)}, còn {_minutes(first)}, thì xong trước lịch kia"
                found.append(Option("shorten", cut, clock_time(start, self._zone), duration_ms=first))
        slot = self._nearest(length)
        if slot is not None:
            found.append(self._moved("another_slot", start, slot))
        return [*found, *self._orders(clashing)]

    def _orders(self, clashing: Sequence[Heard]) -> list[Option]:
        """What the commune itself could put behind the draft, being of its class."""
        equals = {
            (one.because.entry.made, one.because.entry.title)
            for one in clashing
            if one.because is not None and one.because.entry.class_ == self._draft.class_ != "emergency"
        }
        return [
            Option("order", f"xã, phường có thể xếp bản tin này trước “{title}”", clashes_with=schedule)
            for schedule, title in sorted(equals)
        ]

    def _moved(self, kind: OptionKind, start: int, shift: int) -> Option:
        at = clock_time(start + shift, self._zone)
        said = {"after": f"phát sau, lúc {at}", "before": f"phát trước, lúc {at}"}
        return Option(kind, said.get(kind, f"phát lúc {at}, giờ trống ở mọi nơi nhận"), at, shift)

    def _nearest(self, length: int) -> int | None:
        """The free shift nearest to the draft's own time, in steps; the later one of two that are as near."""
        for steps in range(1, AROUND_MS // STEP_MS + 1):
            for shift in (steps * STEP_MS, -steps * STEP_MS):
                if self._is_free(shift, length):
                    return shift
        return None

    def _is_free(self, shift: int, length: int) -> bool:
        """So much later nobody would be disturbed anywhere, and the rules and the clock allow it."""
        return (
            -AROUND_MS <= shift <= AROUND_MS
            and self._drafts[0].starts_at + shift > to_ms(self._now)
            and not any(begins < shift + length and shift < ends for begins, ends in self._taken)
        )

    @cached_property
    def _taken(self) -> list[tuple[int, int]]:
        """All that is busy or forbidden anywhere, as stretches that don't touch."""
        forbidden: set[tuple[int, int]] = set()
        for alike in self._places:
            place = self._book.of(alike[0])
            for draft in self._drafts:
                since, until = draft.starts_at - AROUND_MS, draft.ends_at + AROUND_MS
                found = place.forbidden(self._draft.class_, since, until)
                forbidden |= {(one.begins - draft.starts_at, one.ends - draft.starts_at) for one in found}
        return merged(self._busy | forbidden)


def _place_of(names: Sequence[str]) -> str:
    """“xã Đại Sơn”, or how many places they are."""
    if len(names) == 1:
        return names[0][:1].lower() + names[0][1:]
    return f"{len(names)} xã, phường"


def _minutes(ms: int) -> str:
    minutes, seconds = divmod(round(ms / 1000), 60)
    return " ".join(
        said for said in (f"{minutes} phút" if minutes else "", f"{seconds} giây" if seconds else "") if said
    )
