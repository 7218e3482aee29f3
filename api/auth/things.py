"""What each kind of thing belongs to: who may see one, and where a right must be held to change it.

1. A thing belongs to units (`Kind.owners`; None is the root unit). To change it takes the right at all of them.
2. A person sees what belongs to a unit within reach, and what is meant for one: a schedule, airing or session that
   names it or what is above it (unless it is excepted), with the programmes and bulletins that it airs; rules, local
   days and words of units above. Who wrote something sees it always.
3. What may not be seen answers as if it weren't there (404). What may be seen and not changed says so (403).

The guard asks `require_seen` and `require_at` for every identifier in a path, a query and a body (`api.auth.named`), so
a route that names a thing can't forget it. Lists take `seen` as a condition.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, exists, false, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from api.auth.errors import NotHere
from api.auth.rights import RIGHT_NAMES, Right
from api.auth.scope import Reach
from api.tables import Feed, Grant, User
from broadcast.choice_tables import ClashChoice, OfferAnswer, StandingAcceptance
from broadcast.recording_tables import Recording
from broadcast.site_sound_tables import SiteSound
from broadcast.tables import (
    Bulletin,
    BulletinVersion,
    Campaign,
    Dispatch,
    IssuedCommand,
    Playout,
    Programme,
    ProgrammeItem,
)
from core.errors import NotFound
from core.units import Unit, UnitGroup, UnitGroupMember
from devices.tables import Receiver
from schedules.calendar_tables import LocalDayRow
from schedules.rule_tables import RuleRow
from schedules.slot_tables import Filling, Slot, WeekTemplate
from schedules.tables import Airing, Schedule, ScheduleTarget

Owners = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Looker:
    """Who looks, and how far they see."""

    user_id: str
    reach: Reach


Seen = Callable[[Session, Looker], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Kind:
    """`owners` gives the units that a thing belongs to; empty: there is no such thing."""

    name: str
    id: InstrumentedAttribute[str]
    seen: Seen
    owners: Callable[[Session, str], Owners]
    also: Callable[[Session, str], Owners] | None = None  # it may be changed by who holds the right at all of these too


def _of(*columns: Any) -> Any:
    """A list of its own within another query, whatever tables that one reads."""
    return select(*columns).correlate(None)


def _one(column: InstrumentedAttribute[Any], key: InstrumentedAttribute[str]) -> Callable[[Session, str], Owners]:
    """It belongs to the unit in this column."""
    return lambda session, id_: [row[0] for row in session.execute(select(column).where(key == id_))]


def _at(column: InstrumentedAttribute[Any]) -> Seen:
    return lambda _session, who: who.reach.at(column)


def _around(column: InstrumentedAttribute[Any]) -> Seen:
    return lambda _session, who: column.in_(who.reach.around)


def _root_only(_session: Session, _id: str) -> Owners:
    return [None]


def _nowhere(_session: Session, _id: str) -> Owners:
    """What is done with it is judged by what it does."""
    return []


def _all(_session: Session, _who: Looker) -> ColumnElement[bool]:
    return true()


# --- schedules and what they air ---


def _concerned(session: Session, who: Looker) -> Any:
    """The ids of the schedules that name a place within reach, itself or by what is above it."""
    named = ScheduleTarget.target_id.in_(who.reach.named(session))
    found = _of(ScheduleTarget.schedule_id).join(Schedule, Schedule.id == ScheduleTarget.schedule_id).where(named)
    excepted = [cast(Schedule.except_unit_ids, String).contains(one) for one in sorted(who.reach.spine)]
    # `except_unit_ids` is null where there are none, and null is neither true nor false.
    return found.where(or_(Schedule.except_unit_ids.is_(None), ~or_(false(), *excepted)))


def _schedule(session: Session, who: Looker) -> ColumnElement[bool]:
    return or_(
        who.reach.at(Schedule.owner_id), Schedule.created_by == who.user_id, Schedule.id.in_(_concerned(session, who))
    )


def _airing(session: Session, who: Looker) -> ColumnElement[bool]:
    owned = _of(Schedule.id).where(who.reach.at(Schedule.owner_id))
    here = or_(Airing.place_id == "", Airing.place_id.in_(who.reach.around))
    playout = aliased(Playout)
    sounded = exists().where(playout.airing_id == Airing.id, who.reach.at(playout.unit_id)).correlate(Airing)
    concerned = and_(Airing.schedule_id.in_(_concerned(session, who)), here)
    return or_(Airing.schedule_id.in_(owned), concerned, sounded)


def _meant_by_maker(session: Session, id_: str) -> Owners:
    """All places that a schedule is meant for, and all where whoever made it holds anything.

    A schedule for two communes of a cluster belongs to the province above them. Whoever plans in that cluster keeps it
    in hand all the same; one that the province sends down to a commune is none of that commune's to change.
    """
    schedule = session.get(Schedule, id_)
    if schedule is None:
        return [None]
    targets = schedule.targets
    grouped = [unit for group in targets.groups for unit in _group_owners(session, group)]
    boxes = session.scalars(select(Receiver.unit_id).where(Receiver.id.in_(targets.receivers)))
    return [*targets.units, *grouped, *boxes, *user_owners(session, schedule.created_by)]


def _airing_meant_by_maker(session: Session, id_: str) -> Owners:
    schedule = session.scalar(select(Airing.schedule_id).where(Airing.id == id_))
    return _meant_by_maker(session, schedule) if schedule is not None else [None]


def _airing_owners(session: Session, id_: str) -> Owners:
    wanted = select(Schedule.owner_id).join(Airing, Airing.schedule_id == Schedule.id).where(Airing.id == id_)
    return list(session.scalars(wanted))


def _filling(session: Session, who: Looker) -> ColumnElement[bool]:
    schedules = _of(Schedule.id).where(_schedule(session, who))
    return and_(
        Filling.schedule_id.in_(schedules), or_(Filling.place_id.is_(None), Filling.place_id.in_(who.reach.around))
    )


def _filling_owners(session: Session, id_: str) -> Owners:
    """The commune that it is for, else the owner of its slot, else of the session."""
    wanted = select(func.coalesce(Filling.place_id, Slot.owner_id, Schedule.owner_id)).where(Filling.id == id_)
    wanted = wanted.join(Slot, Slot.id == Filling.slot_id).join(Schedule, Schedule.id == Filling.schedule_id)
    return list(session.scalars(wanted))


def _programme(session: Session, who: Looker) -> ColumnElement[bool]:
    aired = _of(Airing.programme_id).where(Airing.schedule_id.in_(_concerned(session, who)))
    planned = _of(Schedule.programme_id).where(_schedule(session, who))
    slots = _of(Slot.programme_id).where(Slot.schedule_id.in_(_concerned(session, who)))
    music = _of(Slot.music_id).where(Slot.schedule_id.in_(_concerned(session, who)))
    return or_(
        who.reach.at(Programme.unit_id),
        Programme.created_by == who.user_id,
        # None of these lists holds a null: of those "in" would say that it doesn't know.
        *(Programme.id.in_(one.where(one.selected_columns[0].is_not(None))) for one in (aired, planned, slots, music)),
    )


# --- news ---


def _campaigns(session: Session, ids: Collection[str], *, whole: bool) -> list[str]:
    """Those that are for one of these units, or (`whole`) for none but these."""
    fits = set(ids).issuperset if whole else lambda named: not set(ids).isdisjoint(named)
    rows = session.execute(select(Campaign.id, Campaign.unit_ids))
    return [id_ for id_, named in rows if named and fits(named)]


def _campaign(session: Session, who: Looker) -> ColumnElement[bool]:
    concerned = _campaigns(session, who.reach.around, whole=False)
    return or_(Campaign.id.in_(concerned), Campaign.created_by == who.user_id)


def _campaign_owners(session: Session, id_: str) -> Owners:
    campaign = session.get(Campaign, id_)
    return list(campaign.unit_ids) or [None] if campaign is not None else []


def _dispatch(session: Session, who: Looker) -> ColumnElement[bool]:
    used = _of(Campaign.dispatch_id).where(_campaign(session, who), Campaign.dispatch_id.is_not(None))
    return or_(who.reach.at(Dispatch.unit_id), Dispatch.imported_by == who.user_id, Dispatch.id.in_(used))


def _bulletin(session: Session, who: Looker) -> ColumnElement[bool]:
    programmes = _of(Programme.id).where(_programme(session, who))
    spoken = (
        _of(BulletinVersion.bulletin_id)
        .join(ProgrammeItem, ProgrammeItem.version_id == BulletinVersion.id)
        .where(ProgrammeItem.programme_id.in_(programmes))
    )
    within = _campaigns(session, who.reach.units, whole=True)
    return or_(
        who.reach.at(Bulletin.unit_id),
        Bulletin.created_by == who.user_id,
        and_(Bulletin.unit_id.is_(None), Bulletin.campaign_id.in_(within)),
        Bulletin.id.in_(spoken),
    )


def bulletin_owners(session: Session, bulletin_id: str) -> Owners:
    """Its unit, else those of its campaign, else the root."""
    bulletin = session.get(Bulletin, bulletin_id)
    if bulletin is None:
        return []
    if bulletin.unit_id is not None or bulletin.campaign_id is None:
        return [bulletin.unit_id]
    return _campaign_owners(session, bulletin.campaign_id)


def _of_bulletin(column: InstrumentedAttribute[str]) -> Seen:
    return lambda session, who: column.in_(_of(Bulletin.id).where(_bulletin(session, who)))


def _via_bulletin(
    table: type[BulletinVersion | Recording],
) -> Callable[[Session, str], Owners]:
    def owners(session: Session, id_: str) -> Owners:
        bulletin = session.scalar(select(table.bulletin_id).where(table.id == id_))
        return bulletin_owners(session, bulletin) if bulletin is not None else []

    return owners


# --- people, places, and what they are told ---


def _unit(_session: Session, who: Looker) -> ColumnElement[bool]:
    return Unit.id.in_(who.reach.around)


def _group(_session: Session, who: Looker) -> ColumnElement[bool]:
    return UnitGroup.id.in_(who.reach.groups)


def _group_owners(session: Session, id_: str) -> Owners:
    """A group belongs to all of its members together; an empty one to the root."""
    members = session.scalars(select(UnitGroupMember.unit_id).where(UnitGroupMember.group_id == id_)).all()
    return list(dict.fromkeys(members)) or [None]


def _user(_session: Session, who: Looker) -> ColumnElement[bool]:
    there = or_(who.reach.at(Grant.unit_id), Grant.group_id.in_(who.reach.groups))
    return or_(User.id == who.user_id, User.id.in_(_of(Grant.user_id).where(there)))


def user_owners(session: Session, user_id: str) -> Owners:
    """Wherever they hold something, else wherever they held it; who never held anything belongs to the root."""
    given = select(Grant.unit_id, Grant.group_id).where(Grant.user_id == user_id)
    held = session.execute(given.where(Grant.ended_at.is_(None))).all() or session.execute(given).all()
    places: list[str | None] = []
    for unit, group in held:
        places += _group_owners(session, group) if group is not None else [unit]
    return places or [None]


def _grant(session: Session, who: Looker) -> ColumnElement[bool]:
    return Grant.user_id.in_(_of(User.id).where(_user(session, who)))


def _grant_owners(session: Session, id_: str) -> Owners:
    grant = session.get(Grant, id_)
    if grant is None:
        return []
    return _group_owners(session, grant.group_id) if grant.group_id is not None else [grant.unit_id]


def _command(session: Session, who: Looker) -> ColumnElement[bool]:
    boxes = session.scalars(select(Receiver.id).where(who.reach.at(Receiver.unit_id)))
    audiences = {*(f"rx/{one}" for one in boxes), *(f"area/{one}" for one in who.reach.around)}
    return IssuedCommand.audience.in_(audiences)


KINDS: dict[str, Kind] = {
    "place": Kind("đơn vị / unit", Unit.id, _at(Unit.id), _one(Unit.id, Unit.id)),
    "unit": Kind("đơn vị / unit", Unit.id, _unit, _one(Unit.id, Unit.id)),
    "unit-group": Kind("nhóm đơn vị / group of units", UnitGroup.id, _group, _group_owners),
    "receiver": Kind("bộ thu / receiver", Receiver.id, _at(Receiver.unit_id), _one(Receiver.unit_id, Receiver.id)),
    "dispatch": Kind("văn bản / dispatch", Dispatch.id, _dispatch, _one(Dispatch.unit_id, Dispatch.id)),
    "campaign": Kind("đợt tuyên truyền / campaign", Campaign.id, _campaign, _campaign_owners),
    "bulletin": Kind("bản tin / bulletin", Bulletin.id, _bulletin, bulletin_owners),
    "version": Kind(
        "phiên bản / version",
        BulletinVersion.id,
        _of_bulletin(BulletinVersion.bulletin_id),
        _via_bulletin(BulletinVersion),
    ),
    "recording": Kind(
        "bản thu âm / recording", Recording.id, _of_bulletin(Recording.bulletin_id), _via_bulletin(Recording)
    ),
    "programme": Kind("chương trình / programme", Programme.id, _programme, _one(Programme.unit_id, Programme.id)),
    "sound": Kind("nhạc của nơi này / site sound", SiteSound.id, _all, _root_only),
    "schedule": Kind(
        "lịch phát / schedule", Schedule.id, _schedule, _one(Schedule.owner_id, Schedule.id), _meant_by_maker
    ),
    "airing": Kind("lần phát / airing", Airing.id, _airing, _airing_owners, _airing_meant_by_maker),
    "filling": Kind("lần xếp chương trình / filling", Filling.id, _filling, _filling_owners),
    "week-template": Kind("mẫu tuần / week template", WeekTemplate.id, _all, _nowhere),
    "rule": Kind("quy định / rule", RuleRow.id, _around(RuleRow.unit_id), _one(RuleRow.unit_id, RuleRow.id)),
    "local-day": Kind(
        "ngày riêng / local day",
        LocalDayRow.id,
        _around(LocalDayRow.unit_id),
        _one(LocalDayRow.unit_id, LocalDayRow.id),
    ),
    "feed": Kind("địa chỉ lịch / feed", Feed.id, _at(Feed.unit_id), _one(Feed.unit_id, Feed.id)),
    "command": Kind("lệnh / command", IssuedCommand.id, _command, _root_only),
    "user": Kind("tài khoản / account", User.id, _user, user_owners),
    "grant": Kind("quyền đã cấp / grant", Grant.id, _grant, _grant_owners),
    "answer": Kind(
        "trả lời / answer", OfferAnswer.id, _at(OfferAnswer.unit_id), _one(OfferAnswer.unit_id, OfferAnswer.id)
    ),
    "acceptance": Kind(
        "tiếp nhận thường xuyên / standing acceptance",
        StandingAcceptance.id,
        _at(StandingAcceptance.unit_id),
        _one(StandingAcceptance.unit_id, StandingAcceptance.id),
    ),
    "clash-order": Kind(
        "thứ tự ưu tiên / order", ClashChoice.id, _at(ClashChoice.unit_id), _one(ClashChoice.unit_id, ClashChoice.id)
    ),
}


def seen(session: Session, kind: str, who: Looker) -> ColumnElement[bool]:
    """That a row of this kind's table may be seen: for the queries of lists."""
    if who.reach.everywhere:
        return true()
    return KINDS[kind].seen(session, who) if who.reach else false()


def visible(session: Session, kind: str, ids: Collection[str], who: Looker) -> set[str]:
    """Those of these that the person may see."""
    if kind == "unit":
        return set(who.reach.around.intersection(ids))
    if kind == "place":
        return set(who.reach.units.intersection(ids))
    key, shown = KINDS[kind].id, set[str]()
    condition = seen(session, kind, who)
    for batch in batches(ids):
        shown.update(session.scalars(select(key).where(key.in_(batch), condition)))
    return shown


def require_seen(session: Session, kind: str, ids: Collection[str], who: Looker) -> None:
    """Raises `NotFound` for the first of these that the person may not see, as for one that isn't there."""
    if who.reach.everywhere:
        return
    shown = visible(session, kind, ids, who)
    hidden = next((one for one in ids if one not in shown), None)
    if hidden is not None:
        raise NotFound(what=KINDS[kind].name, id=hidden)


def require_at(session: Session, kind: str, ids: Collection[str], right: Right, reach: Reach) -> None:
    """Raises `Forbidden` where the right isn't held at all units that one of these belongs to."""
    if reach.everywhere:
        return
    for one in ids:
        if not held_at(session, kind, one, reach):
            raise NotHere(what=RIGHT_NAMES[right])


def held_at(session: Session, kind: str, id_: str, reach: Reach) -> bool:
    """Whether a right with this reach is held where a thing belongs."""
    if reach.everywhere:
        return True
    if kind in {"unit", "place"}:
        return reach.covers(id_)
    also = KINDS[kind].also
    return reach.covers(*KINDS[kind].owners(session, id_)) or (also is not None and reach.covers(*also(session, id_)))


def batches(ids: Collection[str]) -> list[list[str]]:
    ordered = list(dict.fromkeys(ids))
    return [ordered[start : start + 500] for start in range(0, len(ordered), 500)]
