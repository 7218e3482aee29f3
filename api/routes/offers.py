"""What a commune decides of its own air: offers from above, standing acceptances, and what comes first in a clash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import Depends, Query
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router
from api.routes.schemas import Identifier, In, Instant, Out
from broadcast import delivery, offer_lists
from broadcast import offers as room
from broadcast.choice_tables import ClashChoice, Decision, OfferAnswer, StandingAcceptance
from core.errors import Invalid

router = api_router("offers")

Reader = Annotated[Principal, Depends(Needs(Right.READ_SCHEDULES))]
Planner = Annotated[Principal, Depends(Needs(Right.WRITE_SCHEDULES))]

ListDays = Annotated[int, Query(ge=1, le=60, description="Airings of so many days from now")]
Commune = Annotated[str, Query(max_length=26, description="The commune whose decisions they are")]
Ended = Annotated[bool, Query(description="With those that hold no more")]


class DecisionOut(Out):
    id: str
    unit_id: str = Field(description="The commune that decided")
    note: str | None
    decided_by: str
    decided_by_name: str
    decided_at: Instant
    ended_at: Instant | None = Field(description="Since when it holds no more; null: it holds")
    ended_by: str | None


class AcceptanceIn(In):
    unit_id: Identifier = Field(description="The commune")
    from_unit_id: Identifier | None = Field(None, description="A unit above it; null: all of them")
    campaign_id: Identifier | None = Field(None, description="Bulletins of this campaign only; null: all")
    note: str = Field("", max_length=1000)


class AcceptanceOut(DecisionOut):
    from_unit_id: str | None
    campaign_id: str | None


class AnswerIn(In):
    unit_id: Identifier = Field(description="The commune")
    schedule_id: Identifier | None = Field(None, description="All of this schedule …")
    airing_id: Identifier | None = Field(None, description="… or only this airing")
    accepted: bool
    note: str = Field("", max_length=1000)


class AnswerOut(DecisionOut):
    schedule_id: str
    original_start: Instant | None = Field(description="Of the one airing that it is about; null: the whole schedule")
    accepted: bool


class OrderIn(In):
    unit_id: Identifier = Field(description="The commune")
    first_airing_id: Identifier
    second_airing_id: Identifier
    always: bool = Field(False, description="Whenever their schedules clash there, not this time only")
    note: str = Field("", max_length=1000)


class OrderOut(DecisionOut):
    first_schedule_id: str
    first_start: Instant | None
    second_schedule_id: str
    second_start: Instant | None


class OfferedAiringOut(Out):
    airing_id: str
    starts_at: Instant
    answer: Literal["accepted", "declined", "unanswered"]


class OfferOut(Out):
    """One schedule at one commune to which it is an offer."""

    schedule_id: str
    title: str
    owner_id: str
    owner: str = Field(description="The unit that offers it")
    unit_id: str
    unit: str = Field(description="The commune")
    airings: list[OfferedAiringOut]
    accepted: int
    declined: int
    unanswered: int
    told: str = Field(description="What comes of it, as a Vietnamese sentence")


class ClashingOut(Out):
    airing_id: str
    title: str
    owner: str = Field(description="The unit whose schedule it is; empty: none is above all of its targets")
    starts_at: Instant
    ends_at: Instant


class ClashOut(Out):
    """Two airings of one class that overlap at the commune; what is of a stronger class comes first by itself."""

    class_: str = Field(serialization_alias="class", description="ordinary or priority")
    airings: list[ClashingOut] = Field(min_length=2, max_length=2)
    first_id: str | None = Field(description="The airing that the commune has put first; null: it hasn't chosen")


@router.get("/clashes", summary="What overlaps at a commune where its word decides", responses=responses(404))
def list_clashes(context: Ctx, _who: Reader, unit_id: Commune, days: ListDays = 14) -> list[ClashOut]:
    """Put one of them first with `/clash-orders`; without that the unit that stands higher comes first."""
    now = context.clock.now()
    with context.db.reading() as session:
        found = offer_lists.clashes(session, unit_id, now, now + timedelta(days=days))
        return [ClashOut.model_validate(one) for one in found]


@router.get("/offers", summary="Offers to a commune, or of a schedule to all its communes", responses=responses(404))
def list_offers(
    context: Ctx,
    who: Reader,
    unit_id: Annotated[str | None, Query(max_length=26, description="The commune that it is offered to")] = None,
    schedule_id: Annotated[str | None, Query(max_length=26, description="The schedule that is offered")] = None,
    days: ListDays = 14,
) -> list[OfferOut]:
    """Ordinary programmes from above. What is declined or unanswered doesn't air there; emergencies and priority do."""
    if (unit_id is None) == (schedule_id is None):
        raise Invalid(what="hãy ghi một trong hai: unit_id hoặc schedule_id / give one of unit_id and schedule_id")
    now = context.clock.now()
    until = now + timedelta(days=days)
    with context.db.reading() as session:
        if unit_id is not None:
            found = offer_lists.to_commune(session, unit_id, now, until)
        else:
            found = offer_lists.of_schedule(session, schedule_id or "", now, until)
        reach = who.reach(Right.READ_SCHEDULES)
        return [OfferOut.model_validate(one) for one in found if reach.covers(one.unit_id)]


@router.post("/offers/answers", summary="Take or decline an offer", status_code=201, responses=responses(404, 409))
def answer(context: Ctx, who: Planner, body: AnswerIn) -> AnswerOut:
    """For a schedule or a single airing, until it begins. The latest answer holds; that for the airing goes first."""
    with context.db.writing() as session:
        row = room.answer(
            session,
            body.unit_id,
            accepted=body.accepted,
            schedule_id=body.schedule_id,
            airing_id=body.airing_id,
            note=body.note,
            actor=who.actor,
            clock=context.clock,
        )
        _tell(session, context, row)
        return AnswerOut.model_validate(row)


@router.get("/offers/answers", summary="A commune's answers to offers, newest first")
def list_answers(context: Ctx, _who: Reader, unit_id: Commune, *, ended: Ended = False) -> list[AnswerOut]:
    with context.db.reading() as session:
        return [AnswerOut.model_validate(row) for row in _decisions(session, OfferAnswer, unit_id, ended=ended)]


@router.post("/offers/answers/{decision_id}/revoke", summary="Take back an answer", responses=responses(404, 409))
def revoke_answer(context: Ctx, who: Planner, decision_id: str) -> AnswerOut:
    return AnswerOut.model_validate(_end(context, who, OfferAnswer, decision_id))


@router.post(
    "/acceptances", summary="Take offers from now on, of a unit or all", status_code=201, responses=responses(404)
)
def accept(context: Ctx, who: Planner, body: AcceptanceIn) -> AcceptanceOut:
    """A standing acceptance: what it fits airs without being asked about each time, unless it is declined by itself."""
    with context.db.writing() as session:
        row = room.accept_standing(
            session,
            body.unit_id,
            from_unit_id=body.from_unit_id,
            campaign_id=body.campaign_id,
            note=body.note,
            actor=who.actor,
            clock=context.clock,
        )
        _tell(session, context, row)
        return AcceptanceOut.model_validate(row)


@router.get("/acceptances", summary="A commune's standing acceptances, newest first")
def list_acceptances(context: Ctx, _who: Reader, unit_id: Commune, *, ended: Ended = False) -> list[AcceptanceOut]:
    with context.db.reading() as session:
        rows = _decisions(session, StandingAcceptance, unit_id, ended=ended)
        return [AcceptanceOut.model_validate(row) for row in rows]


@router.post("/acceptances/{decision_id}/revoke", summary="Revoke a standing acceptance", responses=responses(404, 409))
def revoke_acceptance(context: Ctx, who: Planner, decision_id: str) -> AcceptanceOut:
    """What it alone had accepted doesn't air there any more, from the receivers' next plan on."""
    return AcceptanceOut.model_validate(_end(context, who, StandingAcceptance, decision_id))


@router.post(
    "/clash-orders", summary="Which of two comes first at a commune", status_code=201, responses=responses(404, 409)
)
def order(context: Ctx, who: Planner, body: OrderIn) -> OrderOut:
    """For two airings of the same class that clash there, until one of them begins."""
    with context.db.writing() as session:
        row = room.choose(
            session,
            body.unit_id,
            first_airing_id=body.first_airing_id,
            second_airing_id=body.second_airing_id,
            always=body.always,
            note=body.note,
            actor=who.actor,
            clock=context.clock,
        )
        _tell(session, context, row)
        return OrderOut.model_validate(row)


@router.get("/clash-orders", summary="What a commune has put before what, newest first")
def list_orders(context: Ctx, _who: Reader, unit_id: Commune, *, ended: Ended = False) -> list[OrderOut]:
    with context.db.reading() as session:
        return [OrderOut.model_validate(row) for row in _decisions(session, ClashChoice, unit_id, ended=ended)]


@router.post("/clash-orders/{decision_id}/revoke", summary="Take back an order", responses=responses(404, 409))
def revoke_order(context: Ctx, who: Planner, decision_id: str) -> OrderOut:
    return OrderOut.model_validate(_end(context, who, ClashChoice, decision_id))


def _decisions(session: Session, kind: type[Decision], unit_id: str, *, ended: bool) -> Sequence[Decision]:
    wanted = select(kind).where(kind.unit_id == unit_id).order_by(kind.decided_at.desc(), kind.id.desc()).limit(500)
    return session.scalars(wanted if ended else wanted.where(kind.ended_at.is_(None))).all()


def _end(context: Context, who: Principal, kind: type[Decision], decision_id: str) -> Decision:
    with context.db.writing() as session:
        row = room.end(session, kind, decision_id, actor=who.actor, clock=context.clock)
        _tell(session, context, row)
        return row


def _tell(session: Session, context: Context, row: Decision) -> None:
    """Let the plans of the commune's receivers be looked at."""
    now = context.clock.now()
    delivery.request(session, room.receivers_of(session, row.unit_id, now), now)
