"""Plans on their way to receivers.

1. Whoever changes what a receiver should play asks for its plan to be looked at again (`request…`), in the same
   transaction as the change.
2. The leader takes the requests and composes. Where nothing has changed nothing is issued; else the plan is signed with
   the next revision, stored, and the playouts that it promises are written down: one transaction, under the fence.
3. What is stored and not published is published, retained, and marked when the broker has it. A crash in between
   publishes again: a receiver that knows the revision changes nothing.

A request that comes while its receiver's plan is composed survives, because only the request that was seen is deleted.
"""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import and_, bindparam, delete, or_, select, update
from sqlalchemy.orm import Session, aliased

from audio.store import ObjectStore
from broadcast import content, facts, horizon, offers, planning, playouts, promises, rule_checks, sequences
from broadcast.facts import Candidates
from broadcast.horizon import Fit
from broadcast.planning import ReceiverFacts, Rules
from broadcast.promises import Promises
from broadcast.rule_checks import PlanRules
from broadcast.settling import Promised, Settled, settle
from broadcast.tables import IssuedPlan, PlanRequest
from broadcast.upserts import insert, table
from core import events, units
from core.clock import Clock, from_ms, to_ms
from core.database import Database
from core.settings import Settings
from devices.keyring import Keyring
from devices.link import Link
from devices.protocol import topics
from devices.protocol.plan import Plan
from devices.protocol.signing import decode_body, peek, sign
from devices.tables import Receiver
from schedules.reach import receivers_touched
from schedules.tables import Airing
from schedules.targets import Targets

log = logging.getLogger(__name__)

BATCH = 200  # receivers in one transaction: on SQLite every other writer waits meanwhile
PUBLISH_BATCH = 500

LeadershipCheck = Callable[[Session], int]


@dataclass(frozen=True, slots=True)
class _Current:
    revision: int
    digest: str
    issued_at: datetime
    valid_until: datetime


def request(session: Session, receiver_ids: Iterable[str], now: datetime) -> int:
    """Ask for the plans of these receivers to be looked at again. Returns how many."""
    rows = [{"receiver_id": receiver, "requested_at": now} for receiver in sorted(set(receiver_ids))]
    if rows:
        statement = insert(session, PlanRequest)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["receiver_id"], set_={"requested_at": statement.excluded.requested_at}
            ),
            rows,
        )
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


def issue_requested(
    db: Database,
    keyring: Keyring,
    store: ObjectStore,
    leadership_check: LeadershipCheck,
    clock: Clock,
    settings: Settings,
) -> int:
    """Issue what was requested and has changed, batch by batch. Returns the plans issued.

    `leadership_check` raises if this process does not lead (any more), and gives the fencing number.
    """
    issued = 0
    issuer = _Issuer(keyring, store, clock, settings)
    while True:
        with db.reading() as session:
            if session.scalar(select(PlanRequest.receiver_id).limit(1)) is None:
                return issued
        with db.writing() as session:
            fence = leadership_check(session)
            issued += issuer.issue_batch(session, fence)


class _Issuer:
    """One round of issuing."""

    def __init__(self, keyring: Keyring, store: ObjectStore, clock: Clock, settings: Settings) -> None:
        self._keyring = keyring
        self._store = store
        self._clock = clock
        self._span = timedelta(hours=settings.plan_hours)
        self._zone = settings.zone
        self._settings = settings

    def issue_batch(self, session: Session, fence: int) -> int:
        requested = session.execute(
            select(PlanRequest.receiver_id, PlanRequest.requested_at).order_by(PlanRequest.requested_at).limit(BATCH)
        ).all()
        # From here on everything is read after the requests: a change that we don't see has its own request.
        now = self._clock.now()
        receivers = facts.receivers(session, [row.receiver_id for row in requested], now, now + self._span)
        held = self._held(session, receivers)
        current = _current_plans(session, receivers)
        candidates = facts.candidates(session, now, now + self._span)
        before = promises.existing(session, receivers, now)
        settled, rules = self._settle(session, receivers, candidates, before, now)
        fits = self._compose(receivers.values(), settled, rules, now)
        bodies = {receiver: fit.plan for receiver, fit in fits.items() if fit.plan is not None}
        due = {
            receiver: body
            for receiver, body in bodies.items()
            if self._is_due(body, current.get(receiver), held[receiver], now)
        }
        numbers = sequences.next_numbers(session, {_series(receiver): held[receiver] for receiver in due}, now)
        signed = []
        for receiver, body in due.items():
            plan = planning.numbered(body, numbers[_series(receiver)])
            signed.append((plan, self._sign(plan, now)))
        _store(session, signed, now, fence)
        unchanged = [planning.numbered(bodies[one], current[one].revision) for one in bodies if one not in due]
        plans = [*unchanged, *(plan for plan, _ in signed)]
        changes = promises.keep(session, receivers, plans, settled, before, now, withdrawn=candidates.withdrawn)
        rule_checks.tell(session, settled, before, now)
        for plan, _ in signed:
            _record_issued(session, plan, changes[plan.receiver], now)
        _tell_shortened(session, {one: fit for one, fit in fits.items() if one in due or fit.plan is None}, now)
        judged = {(airing, receiver) for receiver, change in changes.items() for airing in change.rejudged}
        playouts.recompute(session, judged, now)
        _forget_requests(session, [(row.receiver_id, row.requested_at) for row in requested])
        return len(signed)

    def _held(self, session: Session, receivers: Collection[str]) -> dict[str, int]:
        rows = select(Receiver.id, Receiver.held_revision).where(Receiver.id.in_(receivers))
        return {row.id: row.held_revision for row in session.execute(rows)}

    def _settle(
        self,
        session: Session,
        receivers: Mapping[str, ReceiverFacts],
        candidates: Candidates,
        before: Promises,
        now: datetime,
    ) -> tuple[dict[str, Settled], dict[str, Rules]]:
        """What each is to sound, and the rules that its plan carries."""
        communes = frozenset[str]().union(*(receiver.communes for receiver in receivers.values()))
        choices = offers.load(session, communes, now, now + self._span)
        book = PlanRules(session, self._settings, receivers, now, now + self._span, choices)
        settled: dict[str, Settled] = {}
        rules: dict[str, Rules] = {}
        for receiver in receivers.values():
            held = book.of(receiver)
            decide = partial(
                settle,
                receiver,
                choices=choices,
                zone=self._zone,
                now=to_ms(now),
                rules=held,
                promised={
                    airing: Promised(to_ms(promise.starts_at), promise.duration_ms)
                    for airing, promise in before[receiver.id].items()
                    if promise.held
                },
                withdrawn=candidates.withdrawn,
            )
            settled[receiver.id] = book.settle(receiver, candidates.of(receiver), decide)
            rules[receiver.id] = book.with_waived(held, settled[receiver.id].airings)
        return settled, rules

    def _compose(
        self,
        receivers: Iterable[ReceiverFacts],
        settled: Mapping[str, Settled],
        rules: Mapping[str, Rules],
        now: datetime,
    ) -> dict[str, Fit]:
        start, until = to_ms(now), to_ms(now + self._span)
        by_receiver = {receiver: settled[receiver.id].airings for receiver in receivers}
        audio = {
            item.sound(receiver.profile)
            for receiver, airings in by_receiver.items()
            for airing in airings
            if airing.ends_at > start
            for item in airing.items
            if item.needs_audio
        }
        audio |= {pin.sha256 for rule in rules.values() for pin in rule.pinned}
        manifests = content.manifests(self._store, audio)

        def compose(receiver: ReceiverFacts, valid_until: int) -> Plan:
            return planning.compose(
                receiver,
                by_receiver[receiver],
                manifests,
                valid_from=start,
                valid_until=valid_until,
                rules=rules[receiver.id],
                keys=self._keyring.taught,
                revocations=self._keyring.revocations,
            )

        return {receiver.id: horizon.fit(partial(compose, receiver), start, until) for receiver in by_receiver}

    def _is_due(self, body: Plan, current: _Current | None, held: int, now: datetime) -> bool:
        return (
            current is None
            or current.digest != planning.digest(body)
            or horizon.half_over(current.issued_at, current.valid_until, now, self._span)
            # It holds a plan of a server that was restored since: ours must go above it to be taken.
            or held > current.revision
        )

    def _sign(self, plan: Plan, now: datetime) -> bytes:
        return sign(
            self._keyring.key("plan"),
            typ="plan",
            iss=self._keyring.issuer,
            aud=topics.audience(plan.receiver),
            seq=plan.revision,
            iat=int(now.timestamp()),
            exp=math.ceil(plan.valid_until / 1000),
            body=plan,
            cert=self._keyring.certificates["plan"],
        )


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


def _series(receiver: str) -> str:
    return f"plan:{topics.audience(receiver)}"


def _current_plans(session: Session, receivers: Collection[str]) -> dict[str, _Current]:
    rows = session.execute(
        select(
            IssuedPlan.receiver_id,
            IssuedPlan.revision,
            IssuedPlan.digest,
            IssuedPlan.issued_at,
            IssuedPlan.valid_until,
        ).where(IssuedPlan.receiver_id.in_(receivers), IssuedPlan.superseded_at.is_(None))
    )
    return {row.receiver_id: _Current(row.revision, row.digest, row.issued_at, row.valid_until) for row in rows}


def _store(session: Session, signed: Sequence[tuple[Plan, bytes]], now: datetime, fence: int) -> None:
    if not signed:
        return
    session.execute(
        update(IssuedPlan)
        .where(IssuedPlan.receiver_id.in_([plan.receiver for plan, _ in signed]), IssuedPlan.superseded_at.is_(None))
        .values(superseded_at=now)
    )
    session.execute(
        insert(session, IssuedPlan),
        [
            {
                "receiver_id": plan.receiver,
                "revision": plan.revision,
                "issued_at": now,
                "valid_until": from_ms(plan.valid_until),
                "digest": planning.digest(plan),
                "token": token.decode(),
                "fence": fence,
            }
            for plan, token in signed
        ],
    )


def _forget_requests(session: Session, requested: Sequence[tuple[str, datetime]]) -> None:
    if requested:
        columns = table(PlanRequest).c
        same = and_(columns.receiver_id == bindparam("receiver"), columns.requested_at == bindparam("seen_at"))
        session.execute(
            delete(table(PlanRequest)).where(same),
            [{"receiver": receiver, "seen_at": requested_at} for receiver, requested_at in requested],
        )


def _mark_published(db: Database, done: Sequence[tuple[str, int]], now: datetime) -> None:
    if not done:
        return
    columns = table(IssuedPlan).c
    with db.writing() as session:
        session.execute(
            update(table(IssuedPlan))
            .where(columns.receiver_id == bindparam("receiver"), columns.revision == bindparam("number"))
            .values(published_at=now),
            [{"receiver": receiver, "number": revision} for receiver, revision in done],
        )


def _record_issued(session: Session, plan: Plan, change: promises.Change, now: datetime) -> None:
    events.record(
        session,
        "system:plan:issued",
        actor=events.SYSTEM,
        at=now,
        subject=("receiver", plan.receiver),
        revision=plan.revision,
        added=change.added,
        dropped=change.dropped,
    )


def _tell_shortened(session: Session, fits: Mapping[str, Fit], now: datetime) -> None:
    """Plans that don't reach as far as they should; where not even the coming hour fits that is an error."""
    for receiver, fit in fits.items():
        if fit.plan is not None and fit.left == 0:
            continue
        until = None if fit.plan is None else from_ms(fit.plan.valid_until)
        nearest = until is not None and until >= now + horizon.NEAREST
        level = logging.WARNING if nearest else logging.ERROR
        log.log(level, "A plan is too large", extra={"receiver": receiver, "bytes": fit.bytes, "left": fit.left})
        events.record(
            session,
            "system:plan:shortened" if nearest else "system:plan:too-large",
            actor=events.SYSTEM,
            at=now,
            subject=("receiver", receiver),
            bytes=fit.bytes,
            airings_left=fit.left,
            valid_until=until.isoformat() if until else None,
        )
