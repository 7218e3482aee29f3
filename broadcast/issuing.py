"""Making plans: what was asked for is composed, signed, stored and entered as promises, under the lease.

Where nothing has changed nothing is issued; else the plan is signed with the next revision, stored, and the playouts
that it promises are written down: one transaction for a batch of receivers, under the fence.

A change may touch every receiver of a province, and most of those of a commune are to sound the same. What they are to
sound is settled, and composed, once for all that can't differ in it: the same rules, communes, sounds, airings and
promises. Each has its own plan all the same, under its own name and revision, signed by itself.

A request that comes while its receiver's plan is composed survives, because only the request that was seen is deleted.
"""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from audio.store import ObjectStore
from broadcast import bulk, choice_reads, content, facts, horizon, planning, playouts, promises, rule_checks, sequences
from broadcast.facts import Candidates
from broadcast.horizon import Fit
from broadcast.planning import ReceiverFacts, Rules
from broadcast.promises import Promises
from broadcast.rule_checks import PlanRules
from broadcast.settling import Promised, Settled, settle
from broadcast.tables import IssuedPlan, PlanRequest
from broadcast.upserts import table
from core import events
from core.clock import Clock, from_ms, to_ms
from core.collecting import collecting_paused
from core.database import Database
from core.settings import Settings
from devices.keyring import Keyring
from devices.protocol import topics
from devices.protocol.plan import Plan
from devices.protocol.signing import sign
from devices.tables import Receiver

log = logging.getLogger(__name__)

BATCH = 500  # receivers in one transaction: on SQLite every other writer waits meanwhile
_PLAN = ("receiver_id", "revision", "issued_at", "valid_until", "digest", "token", "fence")
_EVENT = ("at", "kind", "actor_id", "actor_name", "subject_kind", "subject_id", "data")

LeadershipCheck = Callable[[Session], int]


@dataclass(frozen=True, slots=True)
class _Current:
    revision: int
    digest: str
    issued_at: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class _Body:
    """What a receiver's plan is to say, not yet numbered."""

    plan: Plan
    digest: str


@dataclass(slots=True)
class _Like:
    """Receivers that are to sound the same; `first` stands for all of them."""

    first: ReceiverFacts
    settled: Settled
    rules: Rules
    fit: Fit | None = None


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
        with collecting_paused(), db.writing() as session:
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
            select(PlanRequest.receiver_id, PlanRequest.requested_at)
            .join(Receiver, Receiver.id == PlanRequest.receiver_id)
            # Those of one place together, because they are alike.
            .order_by(PlanRequest.requested_at, Receiver.unit_id, Receiver.id)
            .limit(BATCH)
        ).all()
        # From here on everything is read after the requests: a change that we don't see has its own request.
        now = self._clock.now()
        receivers = facts.receivers(session, [row.receiver_id for row in requested], now, now + self._span)
        held = self._held(session, receivers)
        current = _current_plans(session, receivers)
        candidates = facts.candidates(session, now, now + self._span)
        before = promises.existing(session, receivers, now)
        alike = self._settle(session, receivers, candidates, before, now)
        self._compose(alike.values(), now)
        bodies = {one.id: body for one in receivers.values() if (body := _body(one, alike[one.id])) is not None}
        due = {
            receiver: body
            for receiver, body in bodies.items()
            if self._is_due(body, current.get(receiver), held[receiver], now)
        }
        numbers = sequences.next_numbers(session, {_series(receiver): held[receiver] for receiver in due}, now)
        signed = []
        for receiver, body in due.items():
            plan = planning.numbered(body.plan, numbers[_series(receiver)])
            signed.append((plan, body.digest, self._sign(plan, now)))
        _store(session, signed, now, fence)
        unchanged = [planning.numbered(bodies[one].plan, current[one].revision) for one in bodies if one not in due]
        plans = [*unchanged, *(plan for plan, _, _ in signed)]
        settled = {receiver: like.settled for receiver, like in alike.items()}
        changes = promises.keep(session, receivers, plans, settled, before, now, withdrawn=candidates.withdrawn)
        rule_checks.tell(session, settled, before, now)
        _record_issued(session, [(plan, changes[plan.receiver]) for plan, _, _ in signed], now)
        fits = {one: like.fit for one, like in alike.items() if like.fit is not None}
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
    ) -> dict[str, _Like]:
        """What each is to sound, and the rules that its plan carries: settled once for those that are alike."""
        communes = frozenset[str]().union(*(receiver.communes for receiver in receivers.values()))
        choices = choice_reads.load(session, communes, now, now + self._span)
        book = PlanRules(session, self._settings, receivers, now, now + self._span, choices)
        known: dict[Hashable, _Like] = {}
        found: dict[str, _Like] = {}
        for receiver in receivers.values():
            airings = candidates.of(receiver)
            promised = sorted(
                (airing, promise.starts_at, promise.duration_ms)
                for airing, promise in before[receiver.id].items()
                if promise.held
            )
            key = (
                book.signature(receiver),
                receiver.communes_ahead,
                receiver.profile,
                tuple(airing.id for airing in airings),
                tuple(promised),
            )
            if key not in known:
                held = book.of(receiver)
                decide = partial(
                    settle,
                    receiver,
                    choices=choices,
                    zone=self._zone,
                    now=to_ms(now),
                    rules=held,
                    promised={airing: Promised(to_ms(start), ms) for airing, start, ms in promised},
                    withdrawn=candidates.withdrawn,
                )
                settled = book.settle(receiver, airings, decide)
                known[key] = _Like(receiver, settled, book.with_waived(held, settled.airings))
            found[receiver.id] = known[key]
        return found

    def _compose(self, alike: Iterable[_Like], now: datetime) -> None:
        start, until = to_ms(now), to_ms(now + self._span)
        groups = {id(like): like for like in alike}.values()
        audio = {
            item.sound(like.first.profile)
            for like in groups
            for airing in like.settled.airings
            if airing.ends_at > start
            for item in airing.items
            if item.needs_audio
        }
        audio |= {pin.sha256 for like in groups for pin in like.rules.pinned}
        manifests = content.manifests(self._store, audio)

        def compose(like: _Like, valid_until: int) -> Plan:
            return planning.compose(
                like.first,
                like.settled.airings,
                manifests,
                valid_from=start,
                valid_until=valid_until,
                rules=like.rules,
                keys=self._keyring.taught,
                revocations=self._keyring.revocations,
            )

        for like in groups:
            like.fit = horizon.fit(partial(compose, like), start, until)

    def _is_due(self, body: _Body, current: _Current | None, held: int, now: datetime) -> bool:
        return (
            current is None
            or current.digest != body.digest
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


def _body(receiver: ReceiverFacts, like: _Like) -> _Body | None:
    """The plan of those that are like it, under its own name; None where none fits into a message."""
    if like.fit is None or like.fit.plan is None:
        return None
    plan = msgspec.structs.replace(like.fit.plan, receiver=receiver.id, unit=receiver.unit_id, areas=receiver.areas)
    return _Body(plan, planning.digest(plan))


def _store(session: Session, signed: Sequence[tuple[Plan, str, bytes]], now: datetime, fence: int) -> None:
    if not signed:
        return
    instant = bulk.instants(session)
    session.execute(
        update(IssuedPlan)
        .where(IssuedPlan.receiver_id.in_([plan.receiver for plan, _, _ in signed]), IssuedPlan.superseded_at.is_(None))
        .values(superseded_at=now)
    )
    issued_at = bulk.moment(session, now)
    bulk.add(
        session,
        IssuedPlan,
        _PLAN,
        [
            (plan.receiver, plan.revision, issued_at, instant(plan.valid_until), digest, token.decode(), fence)
            for plan, digest, token in signed
        ],
    )


def _forget_requests(session: Session, requested: Sequence[tuple[str, datetime]]) -> None:
    at: dict[datetime, list[str]] = defaultdict(list)
    for receiver, requested_at in requested:
        at[requested_at].append(receiver)
    columns = table(PlanRequest).c
    for requested_at, receivers in at.items():
        session.execute(
            delete(table(PlanRequest)).where(columns.requested_at == requested_at, columns.receiver_id.in_(receivers))
        )


def _record_issued(session: Session, issued: Sequence[tuple[Plan, promises.Change]], now: datetime) -> None:
    at = bulk.moment(session, now)
    rows = []
    for plan, change in issued:
        data = {"revision": plan.revision, "added": change.added, "dropped": change.dropped}
        who = (events.SYSTEM.id, events.SYSTEM.name, "receiver", plan.receiver)
        rows.append((at, "system:plan:issued", *who, msgspec.json.encode(data).decode()))
    bulk.add(session, events.Event, _EVENT, rows)


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
