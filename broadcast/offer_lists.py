"""Lists of offers: what is offered to a commune, what has become of an offer at the communes that it is for, and what
overlaps at one of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from itertools import takewhile
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from broadcast import choice_reads, facts, offers
from broadcast.choices import Answer, Choices, is_offer
from broadcast.planning import AiringFacts
from core import events, units
from core.clock import from_ms
from core.units import Unit
from devices.protocol.plan import BroadcastClass
from devices.tables import Receiver
from schedules import timetable
from schedules.tables import Airing, Schedule

NAMED_MAX = 200
_BATCH = 500


@dataclass(frozen=True, slots=True)
class OfferedAiring:
    airing_id: str
    starts_at: datetime
    answer: Answer


@dataclass(frozen=True, slots=True)
class Offer:
    """The airings of one schedule at one commune to which they are offers, by their start."""

    schedule_id: str
    title: str
    owner_id: str
    owner: str
    unit_id: str
    unit: str
    airings: Sequence[OfferedAiring]

    def count(self, answer: Answer) -> int:
        return sum(one.answer == answer for one in self.airings)

    @property
    def accepted(self) -> int:
        return self.count("accepted")

    @property
    def declined(self) -> int:
        return self.count("declined")

    @property
    def unanswered(self) -> int:
        return self.count("unanswered")

    @property
    def told(self) -> str:
        """What comes of it, in Vietnamese."""
        parts = []
        if self.unanswered:
            parts.append(f"{self.unit} chưa trả lời nên {self.unanswered} lần phát “{self.title}” không phát ở đó")
        if self.declined:
            parts.append(f"{self.unit} không tiếp nhận {self.declined} lần phát “{self.title}”")
        return "; ".join(parts) or f"{self.unit} tiếp nhận “{self.title}”"


def to_commune(session: Session, commune_id: str, now: datetime, until: datetime) -> list[Offer]:
    """What is offered to this commune between two instants, by its first airing. Raises NotFound."""
    units.get(session, commune_id)
    rows = session.execute(_coming(now, until).order_by(Airing.starts_at, Airing.id)).all()
    offered = [airing for airing in facts.airing_facts(session, rows) if is_offer(airing, commune_id)]
    found = _meant(session, offered, commune_id, now)
    choices = choice_reads.load(session, [commune_id], now, until)
    return _listed(session, [(airing, commune_id) for airing in found], choices, now)


@dataclass(frozen=True, slots=True)
class Clash:
    """Two airings of one class that overlap at a commune. `first_id`: what it has put first; None: it hasn't chosen."""

    class_: BroadcastClass
    airings: tuple[Clashing, Clashing]
    first_id: str | None


@dataclass(frozen=True, slots=True)
class Clashing:
    airing_id: str
    title: str
    owner: str
    starts_at: datetime
    ends_at: datetime


def clashes(session: Session, commune_id: str, now: datetime, until: datetime) -> list[Clash]:
    """What overlaps at this commune between two instants where its word decides, by the first start.

    Of two classes the stronger comes first, and what the commune doesn't take sounds not at all. Raises NotFound.
    """
    units.get(session, commune_id)
    rows = session.execute(_coming(now, until).order_by(Airing.starts_at, Airing.id)).all()
    choices = choice_reads.load(session, [commune_id], now, until)
    told = [one for one in facts.airing_facts(session, rows, with_items=False) if one.class_ != "emergency"]
    there = [one for one in _meant(session, told, commune_id, now) if choices.taken(one, commune_id)]
    pairs = [
        (one, other)
        for index, one in enumerate(there)
        for other in takewhile(partial(_begins_before, one.ends_at), there[index + 1 :])
        if other.class_ == one.class_ and other.schedule_id != one.schedule_id
    ]
    owners = {one.owner.unit_id for pair in pairs for one in pair if one.owner}
    names = units.names(session, owners, on=units.date_of(now))

    def shown(one: AiringFacts) -> Clashing:
        owner = names[one.owner.unit_id] if one.owner else ""
        return Clashing(one.id, one.title, owner, from_ms(one.starts_at), from_ms(one.ends_at))

    def first(one: AiringFacts, other: AiringFacts) -> str | None:
        pair = ((one, other), (other, one))
        return next((here.id for here, there in pair if choices.before(here, [there], commune_id)), None)

    return [Clash(one.class_, (shown(one), shown(other)), first(one, other)) for one, other in pairs]


def _begins_before(ends_at: int, airing: AiringFacts) -> bool:
    return airing.starts_at < ends_at


def _meant(session: Session, airings: Iterable[AiringFacts], commune_id: str, now: datetime) -> list[AiringFacts]:
    """Those of these airings that are for the commune or for anything in it."""
    path = units.above(session, commune_id, on=units.date_of(now))
    boxes = offers.receivers_of(session, commune_id, now)
    return [one for one in airings if offers.meant(session, one, commune_id, boxes, path)]


def of_schedule(session: Session, schedule_id: str, now: datetime, until: datetime) -> list[Offer]:
    """What has become of this schedule at the communes to which it is an offer. Raises ScheduleNotFound."""
    timetable.get(session, schedule_id)
    rows = session.execute(_coming(now, until).where(Airing.schedule_id == schedule_id)).all()
    return of_airings(session, facts.airing_facts(session, rows), now, until)


def of_airings(session: Session, airings: Iterable[AiringFacts], now: datetime, until: datetime) -> list[Offer]:
    """What has become of these airings at the communes to which they are offers and that have receivers."""
    offered = [airing for airing in airings if airing.class_ == "ordinary" and airing.owner is not None]
    by_day: dict[date, list[AiringFacts]] = defaultdict(list)
    for airing in offered:
        by_day[units.date_of(from_ms(airing.starts_at))].append(airing)
    pairs: list[tuple[AiringFacts, str]] = []
    for day, held in by_day.items():
        places = _places(session, held, day)
        for airing in held:
            reached = {commune for one, path, commune in places if airing.reach.holds(one, path)}
            pairs += [(airing, commune) for commune in sorted(reached) if is_offer(airing, commune)]
    choices = choice_reads.load(session, {commune for _, commune in pairs}, now, until)
    return _listed(session, pairs, choices, now)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An airing that some communes have not answered."""

    airing_id: str
    title: str
    starts_at: datetime


def unanswered(
    session: Session, now: datetime, until: datetime, within: Collection[str] | None = None
) -> list[tuple[Waiting, list[str]]]:
    """The airings between two instants that wait for answers, by start, with the names of the communes.

    `within`: of these communes only; None: of all.
    """
    above = select(Unit.id).where(Unit.kind.in_(("province", "district")))
    rows = session.execute(_coming(now, until).where(Schedule.owner_id.in_(above))).all()
    waiting: dict[Waiting, list[str]] = defaultdict(list)
    for offer in of_airings(session, facts.airing_facts(session, rows, with_items=False), now, until):
        for one in offer.airings:
            if one.answer == "unanswered" and (within is None or offer.unit_id in within):
                waiting[Waiting(one.airing_id, offer.title, one.starts_at)].append(offer.unit)
    return sorted(waiting.items(), key=lambda item: (item[0].starts_at, item[0].airing_id))


def tell_untaken(session: Session, airing_id: str, now: datetime) -> None:
    """An airing is near: its sender is told at which communes it won't be heard, because they have not taken it."""
    airings = offers.airings(session, [airing_id])
    found = [one for one in of_airings(session, airings, now, now) if one.unanswered or one.declined]
    if found:
        events.record(
            session,
            "system:airing:not-taken",
            actor=events.SYSTEM,
            at=now,
            subject=("airing", airing_id),
            unanswered=[one.unit_id for one in found if one.unanswered],
            declined=[one.unit_id for one in found if one.declined],
            told=[one.told for one in found[:NAMED_MAX]],
        )


def _places(session: Session, airings: Sequence[AiringFacts], day: date) -> list[tuple[str, tuple[str, ...], str]]:
    """The active receivers that any of these airings may be for and that stand in a commune, with path and commune."""
    reached = frozenset[str]().union(*(airing.reach.units for airing in airings))
    named = frozenset[str]().union(*(airing.reach.receivers for airing in airings))
    below = Receiver.unit_id.in_(units.below_query(session, sorted(reached), on=day))
    wanted = select(Receiver.id).where(Receiver.status == "active", or_(below, Receiver.id.in_(sorted(named))))
    ids = session.scalars(wanted).all()
    at = datetime.combine(day, time(12), units.ZONE)
    found = []
    for start in range(0, len(ids), _BATCH):
        for one in facts.receivers(session, ids[start : start + _BATCH], at).values():
            commune = next((unit for unit in one.path if unit in one.communes), None)
            if commune is not None:
                found.append((one.id, one.path, commune))
    return found


def _coming(now: datetime, until: datetime) -> Select[Any]:
    return facts.airing_rows().where(Airing.status == "scheduled", Airing.starts_at > now, Airing.starts_at < until)


def _listed(session: Session, pairs: Sequence[tuple[AiringFacts, str]], choices: Choices, now: datetime) -> list[Offer]:
    held: dict[tuple[str, str], list[AiringFacts]] = defaultdict(list)
    for airing, commune in pairs:
        held[airing.schedule_id, commune].append(airing)
    owners = {airing.owner.unit_id for airing, _ in pairs if airing.owner}
    names = units.names(session, owners | {commune for _, commune in pairs}, on=units.date_of(now))
    listed = []
    for (schedule, commune), airings in held.items():
        ordered = sorted(airings, key=lambda one: (one.starts_at, one.id))
        owner = ordered[0].owner
        if owner is None:
            continue
        listed.append(
            Offer(
                schedule,
                ordered[0].title,
                owner.unit_id,
                names[owner.unit_id],
                commune,
                names[commune],
                [OfferedAiring(one.id, from_ms(one.starts_at), choices.answer(one, commune)) for one in ordered],
            )
        )
    return sorted(listed, key=lambda offer: (offer.airings[0].starts_at, offer.unit, offer.schedule_id))
