"""What the database knows, read in bulk and turned into the plain data that planning and reconciliation work on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import cast

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from broadcast import planning
from broadcast.planning import AiringFacts, ItemFacts, ReceiverFacts
from broadcast.tables import Bulletin, BulletinVersion, IssuedCommand, ProgrammeItem
from core import units
from core.clock import to_ms
from devices.protocol.plan import BroadcastClass
from devices.tables import Receiver
from schedules.reach import Resolver
from schedules.tables import Airing, Schedule
from schedules.targets import AIMED, targets_of

# An airing's end can't be computed alike in both databases: rows are asked for from so long before, then looked at.
LONGEST_AIRING = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Airings of a stretch of time, found by whom they are for."""

    airings: tuple[AiringFacts, ...]
    withdrawn: frozenset[str]  # cancelled while on air, to be finished
    _by_target: dict[str, list[AiringFacts]]  # by unit or receiver

    def of(self, receiver: ReceiverFacts) -> list[AiringFacts]:
        places = [(receiver.id,), receiver.path, *(path for _, path in receiver.ahead)]
        found = {airing.id: airing for path in places for one in path for airing in self._by_target.get(one, [])}
        return [airing for airing in found.values() if planning.concerns(airing, receiver)]


def receivers(
    session: Session, ids: Collection[str], now: datetime, until: datetime | None = None
) -> dict[str, ReceiverFacts]:
    """The active ones among these, with their units and all above as they stand now, and as they will until then."""
    rows = session.execute(
        select(Receiver.id, Receiver.unit_id, Receiver.profile).where(Receiver.id.in_(ids), Receiver.status == "active")
    ).all()
    unit_of = {row.id: row.unit_id for row in rows}
    profile_of = {row.id: row.profile for row in rows}
    places, today = set(unit_of.values()), units.date_of(now)
    paths = units.paths(session, places, on=today)
    days = units.change_dates(session, today, units.date_of(until or now))
    later = {day: units.paths(session, places, on=day) for day in days}
    begins = {day: to_ms(datetime.combine(day, time(), units.ZONE)) for day in days}
    facts: dict[str, ReceiverFacts] = {}
    for receiver, unit in unit_of.items():
        ahead: list[tuple[int, tuple[str, ...]]] = []
        path = paths[unit]
        for day, moved in later.items():
            if moved[unit] != path:
                path = moved[unit]
                ahead.append((begins[day], path))
        facts[receiver] = ReceiverFacts(receiver, paths[unit], tuple(ahead), profile_of[receiver])
    return facts


def candidates(session: Session, now: datetime, until: datetime) -> Candidates:
    """Airings that have not ended and begin before `until`: scheduled ones, and those to be finished though cancelled.

    Who cancels what is on air says whether it is stopped: if so there is a stop command that names it. A programme
    that holds a version which is not approved (any more) is left out as long as it has not begun.
    """
    stopped = exists().where(IssuedCommand.airing_id == Airing.id, IssuedCommand.name == "stop")
    finishing = and_(Airing.status == "cancelled", Airing.cancelled_at >= Airing.starts_at, Airing.planned, ~stopped)
    unapproved = exists().where(
        ProgrammeItem.programme_id == Airing.programme_id,
        BulletinVersion.id == ProgrammeItem.version_id,
        BulletinVersion.status != "approved",
    )
    rows = session.execute(
        select(
            Airing.id,
            Airing.programme_id,
            Airing.starts_at,
            Airing.duration_ms,
            *(getattr(Airing, name) for name in AIMED),
            Airing.status,
            Airing.replaces_id,
            Schedule.title,
        )
        .join(Schedule, Schedule.id == Airing.schedule_id)
        .where(Airing.starts_at > now - LONGEST_AIRING, Airing.starts_at < until)
        .where(or_(Airing.status == "scheduled", finishing))
        .where(or_(Airing.starts_at <= now, ~unapproved))
    ).all()
    current = [row for row in rows if row.starts_at + timedelta(milliseconds=row.duration_ms) > now]
    programmes = {row.programme_id for row in current}
    resolver = Resolver(session)
    items, classes = programme_items(session, programmes), programme_classes(session, programmes)
    airings = tuple(
        AiringFacts(
            id=row.id,
            starts_at=to_ms(row.starts_at),
            duration_ms=row.duration_ms,
            reach=resolver.reach(targets_of(row), on=units.date_of(row.starts_at)),
            items=items.get(row.programme_id, ()),
            class_=planning.highest(classes[row.programme_id]),
            title=row.title,
            replaces=row.replaces_id,
        )
        for row in current
    )
    by_target = defaultdict(list)
    for airing in airings:
        for one in airing.reach.units | airing.reach.receivers:
            by_target[one].append(airing)
    return Candidates(airings, frozenset(row.id for row in current if row.status == "cancelled"), dict(by_target))


def programme_items(session: Session, programme_ids: Collection[str]) -> dict[str, tuple[ItemFacts, ...]]:
    """The items of each programme in their order. A programme is never changed once made, so this is also history."""
    rows = session.execute(
        select(
            ProgrammeItem.programme_id,
            ProgrammeItem.id,
            ProgrammeItem.sha256,
            ProgrammeItem.duration_ms,
            ProgrammeItem.horn_sha256,
        )
        .where(ProgrammeItem.programme_id.in_(programme_ids))
        .order_by(ProgrammeItem.programme_id, ProgrammeItem.position)
    )
    items: dict[str, list[ItemFacts]] = defaultdict(list)
    for row in rows:
        items[row.programme_id].append(ItemFacts(row.id, row.sha256, row.duration_ms, row.horn_sha256))
    return {programme: tuple(held) for programme, held in items.items()}


def programme_classes(session: Session, programme_ids: Collection[str]) -> dict[str, set[BroadcastClass]]:
    """The classes of the bulletins in each programme."""
    rows = session.execute(
        select(ProgrammeItem.programme_id, Bulletin.class_)
        .join(BulletinVersion, BulletinVersion.id == ProgrammeItem.version_id)
        .join(Bulletin, Bulletin.id == BulletinVersion.bulletin_id)
        .where(ProgrammeItem.programme_id.in_(programme_ids))
        .distinct()
    )
    classes: dict[str, set[BroadcastClass]] = defaultdict(set)
    for programme, class_ in rows:
        classes[programme].add(cast("BroadcastClass", class_))
    return classes
