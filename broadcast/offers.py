"""What communes decide of their own air: offers they take or decline, standing acceptances, and the order of a clash.

Every decision is a row with who made it and when; a decision of the same thing ends the one before. Each function here
checks that there is something to decide, records the decision with its event, and leaves it to the caller to have the
plans of the commune's receivers looked at again (`receivers_of`). See `broadcast.choices` for what follows from them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcast import choice_reads, facts
from broadcast.choice_tables import ClashChoice, Decision, OfferAnswer, StandingAcceptance
from broadcast.choices import is_offer
from broadcast.planning import AiringFacts
from broadcast.tables import Campaign
from core import events, units
from core.clock import Clock, from_ms, to_ms
from core.errors import Conflict, Invalid, NotFound
from core.events import Actor
from core.units import Unit
from devices.tables import Receiver
from schedules import timetable
from schedules.airings import get as get_airing
from schedules.errors import AiringBegun, AiringNotFound
from schedules.tables import Airing

NEXT_MOST = 50  # airings of a session among which the next one that is an offer is looked for


class NotACommune(Invalid):
    slug = "not-a-commune"
    vi = "“{name}” không phải là xã, phường, nên không có đề nghị phát để quyết định. Hãy chọn một xã, phường."
    en = "“{name}” is not a commune and has no offers to decide about. Choose a commune."


class NotAbove(Invalid):
    slug = "not-above-the-commune"
    vi = "“{name}” không phải là cấp trên của “{commune}”. Hãy chọn đơn vị cấp trên, hoặc để trống: mọi đơn vị."
    en = "“{name}” does not stand above “{commune}”. Choose a unit above it, or none: all of them."


class NotOffered(Conflict):
    slug = "not-an-offer"
    vi = "“{title}” không phải là đề nghị phát với “{commune}”: {why}."
    en = "“{title}” is no offer to “{commune}”: {why}."


class NoClash(Conflict):
    slug = "no-clash"
    vi = "Không có gì để xếp thứ tự ở “{commune}”: {why}."
    en = "There is nothing to put in order at “{commune}”: {why}."


class DecisionEnded(Conflict):
    slug = "decision-ended"
    vi = "Quyết định này đã hết hiệu lực từ {at}. Hãy tải lại danh sách."
    en = "This decision was ended at {at}. Load the list again."


def receivers_of(session: Session, commune_id: str, now: datetime) -> list[str]:
    """Ids of the receivers at or below the commune: their plans are to be looked at after a decision."""
    there = units.below_query(session, [commune_id], on=units.date_of(now))
    return list(session.scalars(select(Receiver.id).where(Receiver.unit_id.in_(there), Receiver.status == "active")))


def untaken(session: Session, airing_id: str, receiver_ids: Collection[str]) -> set[str]:
    """Those of these receivers at whose communes the airing is an offer that was not taken."""
    if not receiver_ids:
        return set()
    (airing,) = airings(session, [airing_id])
    at = _at(airing)
    there = facts.receivers(session, receiver_ids, at).values()
    communes = frozenset[str]().union(*(receiver.communes for receiver in there))
    choices = choice_reads.load(session, communes, at, at)
    return {one.id for one in there if not choices.taken(airing, one.commune_at(airing.starts_at))}


def open_offers(session: Session, airing_ids: Collection[str], now: datetime) -> Callable[[str, str], bool]:
    """Whether an airing (one of these) waits in vain at a commune: an offer that it has declined or not answered."""
    held = {one.id: one for one in airings(session, list(airing_ids))}
    offered = [one for one in held.values() if one.class_ == "ordinary" and one.owner and one.owner.commune is None]
    if not offered:
        return lambda _airing, _commune: False
    communes = set(session.scalars(select(Unit.id).where(Unit.kind == "commune")))
    choices = choice_reads.load(session, communes, now, now)
    return lambda airing, commune: commune in communes and not choices.taken(held[airing], commune)


def accept_standing(
    session: Session,
    commune_id: str,
    *,
    from_unit_id: str | None = None,
    campaign_id: str | None = None,
    note: str = "",
    actor: Actor,
    clock: Clock,
) -> StandingAcceptance:
    """The commune takes what it is offered from now on, of one unit or all, of one campaign or all.

    What it has accepted so already stays as it is. Raises NotFound, NotACommune, NotAbove.
    """
    now = clock.now()
    commune = _commune(session, commune_id, now)
    if from_unit_id is not None:
        path = units.above(session, commune_id, on=units.date_of(now))
        named = units.get(session, from_unit_id)
        if from_unit_id not in path[1:]:
            raise NotAbove(name=named.name, commune=commune)
    if campaign_id is not None and session.get(Campaign, campaign_id) is None:
        raise NotFound(what="đợt tuyên truyền / campaign", id=campaign_id)
    held = session.scalar(
        select(StandingAcceptance).where(
            StandingAcceptance.unit_id == commune_id,
            StandingAcceptance.from_unit_id.is_not_distinct_from(from_unit_id),
            StandingAcceptance.campaign_id.is_not_distinct_from(campaign_id),
            StandingAcceptance.ended_at.is_(None),
        )
    )
    if held is not None:
        return held
    row = StandingAcceptance(from_unit_id=from_unit_id, campaign_id=campaign_id)
    _decide(session, row, commune_id, note, actor, now)
    _record(session, row, "acceptance:given", actor, now, from_unit=from_unit_id, campaign=campaign_id)
    return row


def answer(
    session: Session,
    commune_id: str,
    *,
    accepted: bool,
    schedule_id: str | None = None,
    airing_id: str | None = None,
    note: str = "",
    actor: Actor,
    clock: Clock,
) -> OfferAnswer:
    """The commune takes or declines a schedule, or a single airing of it. Raises NotFound, NotOffered, AiringBegun."""
    now = clock.now()
    commune = _commune(session, commune_id, now)
    if (schedule_id is None) == (airing_id is None):
        raise Invalid(what="hãy ghi một trong hai: schedule_id hoặc airing_id / give one of schedule_id and airing_id")
    start = None
    if airing_id is not None:
        (airing,) = airings(session, [airing_id])
        _must_lie_ahead(airing, now)
        schedule_id, start = airing.schedule_id, from_airing(session, airing_id)
    else:
        airing = _next_of(session, schedule_id or "", commune_id, now)
    _must_be_offered(session, airing, commune_id, commune)
    for before in session.scalars(
        select(OfferAnswer).where(
            OfferAnswer.unit_id == commune_id,
            OfferAnswer.schedule_id == schedule_id,
            OfferAnswer.original_start.is_not_distinct_from(start),
            OfferAnswer.ended_at.is_(None),
        )
    ):
        before.ended_at, before.ended_by = now, actor.id
    row = OfferAnswer(schedule_id=schedule_id, original_start=start, accepted=accepted)
    _decide(session, row, commune_id, note, actor, now)
    action = "offer:accepted" if accepted else "offer:declined"
    _record(session, row, action, actor, now, schedule=schedule_id, airing=airing_id)
    return row


def choose(
    session: Session,
    commune_id: str,
    *,
    first_airing_id: str,
    second_airing_id: str,
    always: bool = False,
    note: str = "",
    actor: Actor,
    clock: Clock,
) -> ClashChoice:
    """Of two airings that clash at the commune the first comes first; `always`: whenever their schedules clash there.

    Until the earlier of them begins. Raises NotFound, NoClash, AiringBegun.
    """
    now = clock.now()
    commune = _commune(session, commune_id, now)
    first, second = airings(session, [first_airing_id, second_airing_id])
    _must_clash(session, first, second, commune_id, commune)
    for airing in (first, second):
        _must_lie_ahead(airing, now)
    starts = [None if always else from_airing(session, one) for one in (first_airing_id, second_airing_id)]
    pair = [(first.schedule_id, starts[0]), (second.schedule_id, starts[1])]
    for before in session.scalars(
        select(ClashChoice).where(
            ClashChoice.unit_id == commune_id,
            ClashChoice.first_schedule_id.in_([first.schedule_id, second.schedule_id]),
            ClashChoice.second_schedule_id.in_([first.schedule_id, second.schedule_id]),
            ClashChoice.ended_at.is_(None),
        )
    ):
        held = [(before.first_schedule_id, before.first_start), (before.second_schedule_id, before.second_start)]
        if held in (pair, pair[::-1]):
            before.ended_at, before.ended_by = now, actor.id
    row = ClashChoice(
        first_schedule_id=first.schedule_id,
        first_start=starts[0],
        second_schedule_id=second.schedule_id,
        second_start=starts[1],
    )
    _decide(session, row, commune_id, note, actor, now)
    _record(session, row, "clash:ordered", actor, now, first=first_airing_id, second=second_airing_id, always=always)
    return row


def end(session: Session, kind: type[Decision], decision_id: str, *, actor: Actor, clock: Clock) -> Decision:
    """Revoke a decision. One about a single airing stands once that has begun. Raises NotFound, DecisionEnded, …"""
    now = clock.now()
    row = session.get(kind, decision_id)
    if row is None:
        raise NotFound(what="quyết định / decision", id=decision_id)
    if row.ended_at is not None:
        raise DecisionEnded(at=_local(row.ended_at))
    start = getattr(row, "original_start", None) or getattr(row, "first_start", None)
    if start is not None and start <= now:
        raise AiringBegun(at=_local(start))
    row.ended_at, row.ended_by = now, actor.id
    session.flush()
    _record(session, row, f"{_WORDS[kind]}:revoked", actor, now)
    return row


_WORDS: dict[type, str] = {StandingAcceptance: "acceptance", OfferAnswer: "offer", ClashChoice: "clash"}


def from_airing(session: Session, airing_id: str) -> datetime:
    """Its original start, which stays when it is moved."""
    return get_airing(session, airing_id).original_start


def meant(
    session: Session, airing: AiringFacts, commune_id: str, receivers: Collection[str], path: Iterable[str]
) -> bool:
    """Whether the airing is for the commune or for anything in it; `receivers` are those there, `path` all above it."""
    reach = airing.reach
    if not reach.except_units.isdisjoint(path):
        return False
    if not reach.units.isdisjoint(path) or not (reach.receivers - reach.except_receivers).isdisjoint(receivers):
        return True
    day = units.date_of(_at(airing))
    return bool(reach.units) and not reach.units.isdisjoint(units.below(session, [commune_id], on=day))


def _at(airing: AiringFacts) -> datetime:
    return from_ms(airing.starts_at)


def _commune(session: Session, commune_id: str, now: datetime) -> str:
    unit = units.get(session, commune_id)
    name = units.name(session, commune_id, on=units.date_of(now))
    if unit.kind != "commune":
        raise NotACommune(name=name)
    return name


def airings(session: Session, airing_ids: list[str]) -> list[AiringFacts]:
    """The facts of these airings, in their order. Raises AiringNotFound."""
    rows = session.execute(facts.airing_rows().where(Airing.id.in_(airing_ids))).all()
    found = {one.id: one for one in facts.airing_facts(session, rows, with_items=False)}
    for airing_id in airing_ids:
        if airing_id not in found:
            raise AiringNotFound(id=airing_id)
    return [found[airing_id] for airing_id in airing_ids]


def _next_of(session: Session, schedule_id: str, commune_id: str, now: datetime) -> AiringFacts:
    """The next airing of the schedule that is an offer to the commune, or else its next one."""
    schedule = timetable.get(session, schedule_id)
    rows = session.execute(
        facts.airing_rows()
        .where(Airing.schedule_id == schedule.id, Airing.status.in_(("scheduled", "open")), Airing.starts_at > now)
        .order_by(Airing.starts_at)
        .limit(NEXT_MOST)
    ).all()
    if not rows:
        why = "lịch này không còn lần phát nào sắp tới / it has no airing ahead"
        raise NotOffered(title=schedule.title, commune="", why=why)
    found = facts.airing_facts(session, rows, with_items=False)
    return next((one for one in found if is_offer(one, commune_id)), found[0])


def _must_lie_ahead(airing: AiringFacts, now: datetime) -> None:
    if airing.starts_at <= to_ms(now):
        raise AiringBegun(at=_local(_at(airing)))


def _must_be_offered(session: Session, airing: AiringFacts, commune_id: str, commune: str) -> None:
    if airing.class_ != "ordinary":
        why = "bản tin ưu tiên và khẩn cấp luôn phát / priority and emergencies are always aired"
        raise NotOffered(title=airing.title, commune=commune, why=why)
    if airing.relay and airing.owner is not None and airing.owner.commune is None:
        why = "tiếp sóng là nhiệm vụ thường xuyên, không cần tiếp nhận / a relay is a standing duty, not an offer"
        raise NotOffered(title=airing.title, commune=commune, why=why)
    if not is_offer(airing, commune_id):
        why = "đây là lịch của chính địa phương, hãy sửa hoặc hủy lịch / it is its own: change or cancel it"
        raise NotOffered(title=airing.title, commune=commune, why=why)
    if not _is_for(session, airing, commune_id):
        why = "lịch này không phát ở đó / it doesn't air there"
        raise NotOffered(title=airing.title, commune=commune, why=why)


def _must_clash(session: Session, first: AiringFacts, second: AiringFacts, commune_id: str, commune: str) -> None:
    if first.schedule_id == second.schedule_id:
        raise NoClash(commune=commune, why="hai lần phát của cùng một lịch / both are of one schedule")
    if first.class_ != second.class_ or first.class_ == "emergency":
        why = (
            "hai bản tin khác loại thì loại mạnh hơn phát trước, khẩn cấp luôn phát ngay"
            " / of two classes the stronger comes first, and emergencies air at once"
        )
        raise NoClash(commune=commune, why=why)
    if not (first.starts_at < second.ends_at and second.starts_at < first.ends_at):
        raise NoClash(commune=commune, why="hai lần phát không trùng giờ / they don't overlap")
    if not all(_is_for(session, one, commune_id) for one in (first, second)):
        raise NoClash(commune=commune, why="không phải cả hai đều phát ở đó / not both air there")


def _is_for(session: Session, airing: AiringFacts, commune_id: str) -> bool:
    at = _at(airing)
    path = units.above(session, commune_id, on=units.date_of(at))
    return meant(session, airing, commune_id, receivers_of(session, commune_id, at), path)


def _decide(session: Session, row: Decision, commune_id: str, note: str, actor: Actor, now: datetime) -> None:
    row.unit_id, row.note = commune_id, note.strip() or None
    row.decided_by, row.decided_by_name, row.decided_at = actor.id, actor.name, now
    session.add(row)
    session.flush()


def _record(session: Session, row: Decision, action: str, actor: Actor, now: datetime, **data: object) -> None:
    source = "system" if actor.is_system else "user"
    subject = ("unit", row.unit_id)
    events.record(
        session, f"{source}:{action}", actor=actor, at=now, subject=subject, decision=row.id, note=row.note, **data
    )


def _local(at: datetime) -> str:
    return f"{at.astimezone(units.ZONE):%H:%M:%S %d/%m/%Y}"
