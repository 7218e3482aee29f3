"""What the database knows, read in bulk and turned into the plain data that planning and reconciliation work on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from broadcast import planning
from broadcast.planning import AiringFacts, ItemFacts, Owner, ReceiverFacts
from broadcast.settling import LOOK_BACK_MS
from broadcast.tables import Bulletin, BulletinVersion, IssuedCommand, ProgrammeItem
from core import units
from core.clock import to_ms
from core.database import one_of, plain_rows
from devices.protocol.plan import BroadcastClass
from devices.tables import Receiver
from schedules.reach import Resolver
from schedules.slot_tables import Slot
from schedules.tables import Airing, Schedule
from schedules.targets import AIMED, targets_of

# An airing's end can't be computed alike in both databases: rows are asked for from so long before, then looked at.
LONGEST_AIRING = timedelta(days=1)
LOOK_BACK = timedelta(milliseconds=LOOK_BACK_MS)
# The higher a unit stands, the greater.
LEVELS = {"province": 3, "district": 2, "commune": 1, "village": 0}

_RECEIVERS = select(Receiver.id, Receiver.unit_id, Receiver.profile).where(
    one_of(Receiver.id, "ids"), Receiver.status == "active"
)
# What an airing plays: a programme, or else the relay of its slot.
CONTENT = func.coalesce(Airing.programme_id, Airing.slot_id)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Airings of a stretch of time, found by whom they are for."""

    airings: tuple[AiringFacts, ...]
    withdrawn: frozenset[str]  # cancelled while on air, to be finished
    _by_target: dict[str, list[AiringFacts]]  # by unit or receiver

    _named: frozenset[str]  # receivers that some airing is for, or not for, by themselves
    _of_places: dict[Hashable, list[AiringFacts]]  # what any other receiver of a place has

    def of(self, receiver: ReceiverFacts) -> Sequence[AiringFacts]:
        """What concerns this receiver: looked for once for all that stand at one place and aren't named."""
        if receiver.id in self._named:
            return self._found(receiver)
        place = (receiver.path, receiver.ahead)
        if place not in self._of_places:
            self._of_places[place] = self._found(receiver)
        return self._of_places[place]

    def _found(self, receiver: ReceiverFacts) -> list[AiringFacts]:
        places = [(receiver.id,), receiver.path, *(path for _, path in receiver.ahead)]
        found = {airing.id: airing for path in places for one in path for airing in self._by_target.get(one, [])}
        return [airing for airing in found.values() if planning.concerns(airing, receiver)]


def receivers(
    session: Session, ids: Collection[str], now: datetime, until: datetime | None = None
) -> dict[str, ReceiverFacts]:
    """The active ones among these, with their units and all above as they stand now, and as they will until then."""
    rows = plain_rows(session, _RECEIVERS, {"ids": ids})
    unit_of = {row.id: row.unit_id for row in rows}
    profile_of = {row.id: row.profile for row in rows}
    places, today = set(unit_of.values()), units.date_of(now)
    paths = units.paths(session, places, on=today)
    days = units.change_dates(session, today, units.date_of(until or now))
    later = {day: units.paths(session, places, on=day) for day in days}
    begins = {day: to_ms(datetime.combine(day, time(), units.ZONE)) for day in days}
    communes = _communes(
        session, {one for by_day in (paths, *later.values()) for path in by_day.values() for one in path}
    )
    facts: dict[str, ReceiverFacts] = {}
    for receiver, unit in unit_of.items():
        ahead: list[tuple[int, tuple[str, ...]]] = []
        path = paths[unit]
        for day, moved in later.items():
            if moved[unit] != path:
                path = moved[unit]
                ahead.append((begins[day], path))
        facts[receiver] = ReceiverFacts(receiver, paths[unit], tuple(ahead), profile_of[receiver], communes)
    return facts


def _communes(session: Session, unit_ids: Collection[str]) -> frozenset[str]:
    return frozenset(unit for unit, kind in units.kinds(session, unit_ids).items() if kind == "commune")


def candidates(session: Session, now: datetime, until: datetime) -> Candidates:
    """Airings that begin before `until` and may be on air or ahead at some receiver: scheduled ones, and those to be
    finished though cancelled. What ended a while ago is among them, because a clash may have moved it.

    Who cancels what is on air says whether it is stopped: if so there is a stop command that names it. A programme
    that holds a version which is not approved (any more) is left out as long as it has not begun.
    """
    rows = session.execute(
        airing_rows()
        .where(Airing.starts_at > now - LONGEST_AIRING, Airing.starts_at < until)
        .where(alive(), or_(Airing.starts_at <= now, approved()))
    ).all()
    current = [row for row in rows if row.starts_at + timedelta(milliseconds=row.duration_ms) > now - LOOK_BACK]
    airings = airing_facts(session, current)
    by_target = defaultdict(list)
    for airing in airings:
        for one in airing.reach.units | airing.reach.receivers:
            by_target[one].append(airing)
    withdrawn = frozenset(row.id for row in current if row.status == "cancelled")
    named = frozenset[str]().union(*(one.reach.receivers | one.reach.except_receivers for one in airings))
    return Candidates(airings, withdrawn, dict(by_target), named, {})


def alive() -> ColumnElement[bool]:
    """An airing that is to sound, sounds or has sounded: not cancelled, or only while it was on air."""
    return or_(Airing.status.in_(("scheduled", "closed")), and_(Airing.status == "cancelled", finishing()))


def finishing() -> ColumnElement[bool]:
    """Of a cancelled airing: it was on air then, and nothing stopped it."""
    stopped = exists().where(IssuedCommand.airing_id == Airing.id, IssuedCommand.name == "stop")
    return and_(Airing.cancelled_at >= Airing.starts_at, Airing.planned, ~stopped)


def approved() -> ColumnElement[bool]:
    """Every bulletin of the airing's programme is approved."""
    return ~exists().where(
        ProgrammeItem.programme_id == Airing.programme_id,
        BulletinVersion.id == ProgrammeItem.version_id,
        BulletinVersion.status != "approved",
    )


def airings(session: Session, airing_ids: Collection[str]) -> tuple[AiringFacts, ...]:
    """The facts of those of these airings that there are."""
    return airing_facts(session, session.execute(airing_rows().where(Airing.id.in_(airing_ids))).all())


@cache
def airing_rows() -> Select[Any]:
    """What `airing_facts` reads of airings, their schedules and slots, for queries to narrow down.

    What each commune fills for itself is its own; the other slots of a session belong to whom the session does.
    """
    rows = select(
        Airing.id,
        Airing.schedule_id,
        Airing.slot_id,
        Airing.place_id,
        CONTENT.label("programme_id"),
        Airing.original_start,
        Airing.starts_at,
        Airing.duration_ms,
        *(getattr(Airing, name) for name in AIMED),
        Airing.status,
        Airing.replaces_id,
        Airing.offset_ms,
        Airing.own_programme,
        Schedule.title,
        func.coalesce(func.nullif(Airing.place_id, ""), Schedule.owner_id).label("owner_id"),
        Slot.title.label("slot_title"),
        Slot.kind.label("slot_kind"),
        Slot.length_ms.label("slot_ms"),
    )
    return rows.join(Schedule, Schedule.id == Airing.schedule_id).outerjoin(Slot, Slot.id == Airing.slot_id)


def airing_facts(
    session: Session, rows: Sequence[Any], *, with_items: bool = True, known: Contents | None = None
) -> tuple[AiringFacts, ...]:
    """These rows of `airing_rows` with their targets resolved, their items, class, campaigns and owner.

    `known`: what is in their programmes, where that was read already.
    """
    programmes = {row.programme_id for row in rows}
    resolver = Resolver(session)
    items = programme_items(session, programmes) if with_items else {}
    held = known or contents(session, programmes)
    owned = owners(session, [(row.owner_id, row.starts_at) for row in rows])
    return tuple(
        AiringFacts(
            id=row.id,
            starts_at=to_ms(row.starts_at),
            duration_ms=row.duration_ms,
            reach=resolver.reach(targets_of(row), on=units.date_of(row.starts_at)),
            items=items.get(row.programme_id, ()),
            class_=planning.highest(held.classes[row.programme_id]),
            title=row.title if row.slot_title is None else f"{row.title}: {row.slot_title}",
            replaces=row.replaces_id,
            # A relay can't wait; what a slot was filled with may be later by what it leaves of it.
            relay=row.slot_kind == "relay",
            hard_end=row.slot_kind == "relay",
            latest_end=None if row.slot_ms is None else to_ms(row.starts_at) + row.slot_ms,
            schedule_id=row.schedule_id,
            slot_id=row.slot_id or "",
            place_id=row.place_id or "",
            original_start=to_ms(row.original_start),
            due_at=to_ms(row.original_start) + (row.offset_ms or 0),
            own_programme=bool(row.own_programme),
            owner=owner,
            campaigns=held.campaigns[row.programme_id],
            bulletins=held.bulletins[row.programme_id],
        )
        for row, owner in zip(rows, owned, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """What a row of `airing_rows` has, of an airing that isn't in the database."""

    airing: Airing
    schedule: Schedule
    slot: Slot | None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.airing, name)

    @property
    def programme_id(self) -> str:
        return self.airing.programme_id or self.airing.slot_id

    @property
    def title(self) -> str:
        return self.schedule.title

    @property
    def owner_id(self) -> str | None:
        return self.airing.place_id or self.schedule.owner_id

    @property
    def slot_title(self) -> str | None:
        return self.slot.title if self.slot else None

    @property
    def slot_kind(self) -> str | None:
        return self.slot.kind if self.slot else None

    @property
    def slot_ms(self) -> int | None:
        return self.slot.length_ms if self.slot else None


def foreseen(
    session: Session,
    airings: Sequence[Airing],
    schedules: Mapping[str, Schedule],
    slots: Mapping[str, Slot],
    *,
    with_items: bool = True,
) -> tuple[AiringFacts, ...]:
    """The facts of airings that `schedules.foresight` has made of these, by their ids."""
    rows = [_Row(one, schedules[one.schedule_id], slots.get(one.slot_id or "")) for one in airings]
    found = airing_facts(session, rows, with_items=with_items)
    if not with_items:
        return found
    # The relay of a slot that isn't saved yet.
    return tuple(
        replace(one, items=(ItemFacts(row.slot.id, "", row.slot.length_ms, source=row.slot.source or ""),))
        if row.slot is not None and row.slot.kind == "relay" and not one.items
        else one
        for one, row in zip(found, rows, strict=True)
    )


def owners(session: Session, wanted: Sequence[tuple[str | None, datetime]]) -> list[Owner | None]:
    """Each of these units as an owner at that instant, as the tree stands on its date."""
    ids = {unit for unit, _ in wanted if unit is not None}
    if not ids:
        return [None] * len(wanted)
    days = [units.date_of(at) for _, at in wanted]
    since = [min(days), *units.change_dates(session, min(days), max(days))]
    paths = {day: units.paths(session, ids, on=day) for day in since}
    kinds = units.kinds(session, ids | {one for by_day in paths.values() for path in by_day.values() for one in path})
    known: dict[tuple[str, date], Owner] = {}
    found: list[Owner | None] = []
    for (unit, _), on in zip(wanted, days, strict=True):
        if unit is None:
            found.append(None)
            continue
        day = max(day for day in since if day <= on)
        if (unit, day) not in known:
            path = paths[day][unit]
            commune = next((one for one in path if kinds[one] == "commune"), None)
            known[unit, day] = Owner(unit, commune, LEVELS[kinds[path[0] if path else unit]])
        found.append(known[unit, day])
    return found


def programme_items(session: Session, programme_ids: Collection[str | None]) -> dict[str, tuple[ItemFacts, ...]]:
    """The items of each programme in their order, or of the relay that a slot is.

    A programme is never changed once made, so this is also history.
    """
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
    return {programme: tuple(held) for programme, held in items.items()} | _relays(session, programme_ids)


def _relays(session: Session, slot_ids: Collection[str | None]) -> dict[str, tuple[ItemFacts, ...]]:
    """The item of each relay among these slots. Its fallback sounds the first of its music that is no chime."""
    rows = session.scalars(select(Slot).where(Slot.id.in_(slot_ids), Slot.kind == "relay")).all()
    music = {row.music_id for row in rows if row.music_id is not None and row.fallback == "music"}
    bulletins = (
        select(ProgrammeItem.programme_id, ProgrammeItem.sha256, ProgrammeItem.horn_sha256)
        .where(ProgrammeItem.programme_id.in_(music), ProgrammeItem.kind != "chime")
        .order_by(ProgrammeItem.position.desc())
    )
    first = {one.programme_id: (one.sha256, one.horn_sha256) for one in session.execute(bulletins)} if music else {}
    relays: dict[str, tuple[ItemFacts, ...]] = {}
    for row in rows:
        sha256, horn = first.get(row.music_id or "", ("", None))
        relays[row.id] = (ItemFacts(row.id, sha256, row.length_ms, horn, source=row.source or ""),)
    return relays


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in programmes, by their ids: the classes, the campaigns (None: one is of no campaign) and the ids of
    their bulletins; and which of them hold a bulletin that isn't approved.
    """

    classes: Mapping[str | None, set[BroadcastClass]]
    campaigns: Mapping[str | None, frozenset[str | None]]
    bulletins: Mapping[str | None, frozenset[str]]
    unapproved: frozenset[str]


_BULLETINS = (
    select(ProgrammeItem.programme_id, Bulletin.class_, Bulletin.campaign_id, Bulletin.id, BulletinVersion.status)
    .join(BulletinVersion, BulletinVersion.id == ProgrammeItem.version_id)
    .join(Bulletin, Bulletin.id == BulletinVersion.bulletin_id)
    .where(one_of(ProgrammeItem.programme_id, "ids"))
    .distinct()
)


def contents(session: Session, programme_ids: Collection[str | None]) -> Contents:
    """What is in each of these programmes."""
    ids = {one for one in programme_ids if one is not None}
    classes: dict[str | None, set[BroadcastClass]] = defaultdict(set)
    campaigns: dict[str | None, frozenset[str | None]] = defaultdict(frozenset)
    bulletins: dict[str | None, frozenset[str]] = defaultdict(frozenset)
    unapproved = set()
    for programme, class_, campaign, bulletin, status in plain_rows(session, _BULLETINS, {"ids": ids}) if ids else ():
        classes[programme].add(cast("BroadcastClass", class_))
        campaigns[programme] |= {campaign}
        bulletins[programme] |= {bulletin}
        if status != "approved":
            unapproved.add(programme)
    return Contents(classes, campaigns, bulletins, frozenset(unapproved))


def programme_classes(
    session: Session, programme_ids: Collection[str | None]
) -> Mapping[str | None, set[BroadcastClass]]:
    """The classes of the bulletins in each programme."""
    return contents(session, programme_ids).classes
