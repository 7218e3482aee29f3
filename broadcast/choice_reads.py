"""What communes have decided of their own air, read from its tables into `broadcast.choices`.

What took over from a commune takes over its decisions, and a schedule that goes on from another one has its answers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from broadcast.choice_tables import ClashChoice, OfferAnswer, StandingAcceptance
from broadcast.choices import Choices, One, Standing
from core import units
from core.clock import to_ms
from core.database import one_of, plain_rows
from schedules.tables import Schedule

LOOKED_AT = timedelta(days=1)  # answers for single airings are read from so long before now on

_STANDING = select(StandingAcceptance.unit_id, StandingAcceptance.from_unit_id, StandingAcceptance.campaign_id).where(
    one_of(StandingAcceptance.unit_id, "holders"), StandingAcceptance.ended_at.is_(None)
)
_ANSWERS = (
    select(OfferAnswer.unit_id, OfferAnswer.schedule_id, OfferAnswer.original_start, OfferAnswer.accepted)
    .where(one_of(OfferAnswer.unit_id, "holders"), OfferAnswer.ended_at.is_(None))
    .where(or_(OfferAnswer.original_start.is_(None), OfferAnswer.original_start > bindparam("since")))
    .order_by(OfferAnswer.decided_at)
)
_ORDERS = (
    select(
        ClashChoice.unit_id,
        ClashChoice.first_schedule_id,
        ClashChoice.first_start,
        ClashChoice.second_schedule_id,
        ClashChoice.second_start,
    )
    .where(one_of(ClashChoice.unit_id, "holders"), ClashChoice.ended_at.is_(None))
    .where(or_(ClashChoice.first_start.is_(None), ClashChoice.first_start > bindparam("since")))
    .order_by(ClashChoice.decided_at, ClashChoice.id)
)


def load(session: Session, communes: Collection[str], now: datetime, until: datetime) -> Choices:
    """What these communes have decided, as it bears on airings from now on."""
    if not communes:
        return Choices()
    after = units.successions(session, on=units.date_of(until))
    # What took over from a commune takes over its decisions too.
    heirs = {old: [new for new in units.follow([old], after) if new in communes] for old in after}
    holders = {one: [one] for one in communes} | {old: [old, *new] for old, new in heirs.items() if new}
    standing: dict[str, list[Standing]] = {}
    for unit, from_unit, campaign in plain_rows(session, _STANDING, {"holders": holders}):
        for commune in holders[unit]:
            standing.setdefault(commune, []).append(Standing(from_unit, campaign))
    return Choices(
        {commune: tuple(held) for commune, held in standing.items()},
        _answers(session, holders, now),
        _orders(session, holders, now),
    )


def _answers(session: Session, holders: Mapping[str, list[str]], now: datetime) -> dict[tuple[str, One], bool]:
    rows = plain_rows(session, _ANSWERS, {"holders": holders, "since": now - LOOKED_AT})
    answers: dict[tuple[str, One], bool] = {}
    for unit, schedule, start, accepted in rows:
        for commune in holders[unit]:
            answers[commune, One(schedule, None if start is None else to_ms(start))] = accepted
    _hand_on(session, answers)
    return answers


def _hand_on(session: Session, answers: dict[tuple[str, One], bool]) -> None:
    """A schedule that goes on from another one has its answers too, where it has none of its own."""
    said = {one.schedule_id for _, one in answers if one.start is None}
    while said:
        following = session.execute(select(Schedule.id, Schedule.continues_id).where(Schedule.continues_id.in_(said)))
        said = set()
        for new, old in following.all():
            said.add(new)
            for (commune, one), accepted in list(answers.items()):
                if one == One(old or "", None):
                    answers.setdefault((commune, One(new, None)), accepted)


def _orders(
    session: Session, holders: Mapping[str, list[str]], now: datetime
) -> dict[str, tuple[tuple[One, One], ...]]:
    rows = plain_rows(session, _ORDERS, {"holders": holders, "since": now - LOOKED_AT})
    orders: dict[str, list[tuple[One, One]]] = {}
    for unit, *pair in rows:
        first, second = (One(one, None if start is None else to_ms(start)) for one, start in (pair[:2], pair[2:]))
        for commune in holders[unit]:
            orders.setdefault(commune, []).append((first, second))
    return {commune: tuple(held) for commune, held in orders.items()}
