"""Plans on their way to receivers.

1. Whoever changes what a receiver should play asks for its plan to be looked at again (`request…`), in the same
   transaction as the change.
2. The leader takes the requests and issues what has changed (`broadcast.issuing`).
3. What is stored and not published is published, retained, and marked when the broker has it. A crash in between
   publishes again: a receiver that knows the revision changes nothing.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import and_, or_, select, tuple_, update
from sqlalchemy.orm import Session, aliased

from broadcast import bulk, content, horizon
from broadcast.tables import IssuedPlan, PlanRequest
from broadcast.upserts import table
from core import units
from core.clock import Clock
from core.database import Database
from devices.keyring import Keyring
from devices.link import Link
from devices.protocol import topics
from devices.protocol.plan import Plan
from devices.protocol.signing import decode_body, peek
from devices.tables import Receiver
from schedules.reach import receivers_touched
from schedules.tables import Airing
from schedules.targets import Targets

log = logging.getLogger(__name__)

BATCH = 200  # receivers in one transaction: on SQLite every other writer waits meanwhile
PUBLISH_BATCH = 500

LeadershipCheck = Callable[[Session], int]


def request(session: Session, receiver_ids: Iterable[str], now: datetime) -> int:
    """Ask for the plans of these receivers to be looked at again. Returns how many."""
    at = bulk.moment(session, now)
    rows = [(receiver, at) for receiver in sorted(set(receiver_ids))]
    anew = "ON CONFLICT (receiver_id) DO UPDATE SET requested_at = excluded.requested_at"
    bulk.put(session, PlanRequest, ("receiver_id", "requested_at"), rows, anew)
    return len(rows)


def request_for_airings(
    session: Session, airings: Iterable[Airing], now: datetime, *, horizon: timedelta | None = None
) -> int:
    """Ask for the plans of every receiver that these airings concern.

    With `horizon`, airings further ahead are left: they enter a plan when plans are issued again in good time.
    """
    targets: dict[date, set[Targets]] = defaultdict(set)
    for airing in airings:
        if horizon is None or airing.starts_at < now + horizon:
            targets[units.date_of(airing.starts_at)].add(airing.targets)
    wanted = {one for day, many in targets.items() for one in receivers_touched(session, many, on=day)}
    return request(session, wanted, now)


def request_due(session: Session, now: datetime, plan_hours: int) -> int:
    """Ask for the plan of each active receiver that has none, or one of which less than half of its time is left.

    Its own time: a plan that had to be shortened is looked at again the sooner.
    """
    span = timedelta(hours=plan_hours)
    plan = aliased(IssuedPlan)
    rows = session.execute(
        select(Receiver.id, plan.issued_at, plan.valid_until)
        .outerjoin(plan, and_(plan.receiver_id == Receiver.id, plan.superseded_at.is_(None)))
        .where(Receiver.status == "active")
        .where(or_(plan.receiver_id.is_(None), plan.valid_until <= now + span / 2))
    )
    due = [
        row.id
        for row in rows
        if row.valid_until is None or horizon.half_over(row.issued_at, row.valid_until, now, span)
    ]
    return request(session, due, now)


def request_for_keys(session: Session, keyring: Keyring, now: datetime) -> int:
    """Ask for every plan where the last one issued carries other certificates or another revocation list than ours.

    Asked at the start of a process: keys are exchanged while it is down. What was asked for is kept, so that the last
    plan stands for all.
    """
    last = session.scalar(
        select(IssuedPlan.token)
        .where(IssuedPlan.superseded_at.is_(None))
        .order_by(IssuedPlan.issued_at.desc(), IssuedPlan.receiver_id)
        .limit(1)
    )
    if last is None:
        return 0
    plan = decode_body(peek(last.encode()), Plan)
    if sorted(plan.keys) == sorted(keyring.taught) and plan.revocations == keyring.revocations:
        return 0
    return request(session, list(session.scalars(select(Receiver.id).where(Receiver.status == "active"))), now)


def publish_pending(db: Database, link: Link, leadership_check: LeadershipCheck, clock: Clock) -> int:
    """Publish every current plan that isn't at the broker yet, retained. Returns how many the broker took.

    Without a connection nothing is done: the rows wait. Only the newest of a receiver is ever published, so that a
    retained plan is never replaced by an older one.
    """
    published = 0
    pending = (
        select(IssuedPlan.receiver_id, IssuedPlan.revision, IssuedPlan.token)
        .where(IssuedPlan.published_at.is_(None), IssuedPlan.superseded_at.is_(None))
        .order_by(IssuedPlan.issued_at)
        .limit(PUBLISH_BATCH)
    )
    while link.connected:
        with db.reading() as session:
            if session.execute(pending.limit(1)).first() is None:
                break
        with db.writing() as session:
            leadership_check(session)
            rows = session.execute(pending).all()
        deliveries = [
            link.publish(topics.down(row.receiver_id, "plan"), row.token.encode(), qos=1, retain=True) for row in rows
        ]
        taken = content.acknowledged(deliveries, clock)
        done = [(row.receiver_id, row.revision) for row, there in zip(rows, taken, strict=True) if there]
        _mark_published(db, done, clock.now())
        published += len(done)
        if len(done) < len(rows):
            log.warning("Plans were not acknowledged; they are published again", extra={"left": len(rows) - len(done)})
            break
    return published


def republish_all(session: Session) -> None:
    """The broker kept nothing (an embedded one starts empty): current plans and audio are published again."""
    session.execute(update(IssuedPlan).where(IssuedPlan.superseded_at.is_(None)).values(published_at=None))
    content.forget_published(session)


def current_plan(session: Session, receiver_id: str) -> IssuedPlan | None:
    """The plan that this receiver should hold now."""
    return session.scalar(
        select(IssuedPlan).where(IssuedPlan.receiver_id == receiver_id, IssuedPlan.superseded_at.is_(None))
    )


def _mark_published(db: Database, done: Sequence[tuple[str, int]], now: datetime) -> None:
    if done:
        columns = table(IssuedPlan).c
        with db.writing() as session:
            session.execute(
                update(table(IssuedPlan))
                .where(tuple_(columns.receiver_id, columns.revision).in_(done))
                .values(published_at=now)
            )
