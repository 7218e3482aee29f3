"""The plan: checked against the pinned root, kept on disk as the signed message that it came as.

What is on disk is checked again when it is loaded, so that a card changed by hand plays nothing new.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from core.clock import from_ms
from core.errors import TruyenThanhError
from devices.protocol import topics
from devices.protocol.plan import PROTOCOL, Plan, PlanAiring
from devices.protocol.signing import BadMessage, Claims, decode_body
from devices.protocol.trust import Trust
from devices.receiver.state import State, write_whole

log = logging.getLogger(__name__)


class PlanNotAccepted(TruyenThanhError):
    """A plan that the receiver doesn't take; `reason` goes into its report."""

    slug = "plan-not-accepted"
    status = 422
    vi = "Bộ thu không nhận kế hoạch phát: {reason}."
    en = "The receiver doesn't accept the plan: {reason}."

    def __init__(self, reason: str, revision: int | None = None) -> None:
        super().__init__(reason=reason)
        self.reason = reason
        self.revision = revision


@dataclass(frozen=True, slots=True)
class Held:
    """An accepted plan and the message that it came as."""

    plan: Plan
    claims: Claims
    token: bytes


def check(token: bytes, trust: Trust, *, receiver: str, now_ms: float | None, floor: int, held: Held | None) -> Held:
    """The plan in a message, if it may be taken. Pure; raises `PlanNotAccepted`.

    `floor` is the highest revision ever accepted: what is not above it is refused, but for the held plan coming
    again, and for that very revision where the box has lost the plan itself. `now_ms` None leaves dates unchecked.
    """
    now = None if now_ms is None else from_ms(int(now_ms))
    try:
        claims = trust.open(token, typ="plan", audience=topics.audience(receiver), now=now)
        plan = decode_body(claims, Plan)
    except BadMessage as error:
        raise PlanNotAccepted(error.reason) from error
    _check_facts(plan, claims, receiver=receiver)
    if held is not None and plan.revision == held.plan.revision:
        if claims.body != held.claims.body:
            raise PlanNotAccepted("replayed", plan.revision)
        return held
    if plan.revision < floor or (held is not None and plan.revision == floor):
        raise PlanNotAccepted("replayed", plan.revision)
    return Held(plan, claims, token)


def _check_facts(plan: Plan, claims: Claims, *, receiver: str) -> None:
    if plan.protocol != PROTOCOL:
        raise PlanNotAccepted("unsupported-protocol", plan.revision)
    if plan.receiver != receiver:
        raise PlanNotAccepted("misaddressed", plan.revision)
    if plan.revision != claims.seq:
        raise PlanNotAccepted("revision-mismatch", plan.revision)
    if len({airing.airing for airing in plan.airings}) != len(plan.airings):
        raise PlanNotAccepted("airing-twice", plan.revision)
    for airing in plan.airings:
        if len({item.item for item in airing.items}) != len(airing.items):
            raise PlanNotAccepted("item-twice", plan.revision)


class Planbook:
    """The plan in force and where it is kept; what keys and revocations plans have taught is kept too."""

    def __init__(self, path: Path, state: State, trust: Trust, *, receiver: str) -> None:
        self._path = path
        self._state = state
        self._trust = trust
        self._receiver = receiver
        self.held: Held | None = None
        for certificate in state.get("certificates", []):
            self._learn_key(certificate)
        self._learn_revocations(state.get("revocations"))
        self._load()

    @property
    def plan(self) -> Plan | None:
        return self.held.plan if self.held else None

    @property
    def airings(self) -> list[PlanAiring]:
        """Of the plan in force."""
        return self.held.plan.airings if self.held else []

    @property
    def revision(self) -> int:
        """Of the plan in force; 0: none."""
        return self.held.plan.revision if self.held else 0

    def next_in_ms(self, now_ms: float) -> float:
        """In how many milliseconds the next airing begins; negative while one is on, infinite where there is none."""
        ahead = (airing.starts_at - now_ms for airing in self.airings if airing.ends_at > now_ms)
        return min(ahead, default=float("inf"))

    def offer(self, token: bytes, now_ms: float) -> bool:
        """Check a plan and put it in force; False where it is the one held. Raises `PlanNotAccepted`, `OSError`."""
        floor = int(self._state.get("plan-floor", 0))
        found = check(token, self._trust, receiver=self._receiver, now_ms=now_ms, floor=floor, held=self.held)
        if found is self.held:
            return False
        write_whole(self._path, token)
        with self._state.writing():
            self._state.put("plan-floor", max(floor, found.plan.revision))
        self.held = found
        self.learn(found.plan.keys, found.plan.revocations)
        return True

    def learn(self, certificates: list[str], revocations: str | None = None) -> int:
        """Take in and keep what the root has signed; how many certificates were good."""
        good = [certificate for certificate in certificates if self._learn_key(certificate)]
        kept = self._state.get("certificates", [])
        fresh = [certificate for certificate in good if certificate not in kept]
        before = self._trust.revocations_token
        self._learn_revocations(revocations)
        with self._state.writing():
            if fresh:
                self._state.put("certificates", [*kept, *fresh][-32:])
            if self._trust.revocations_token != before:
                self._state.put("revocations", self._trust.revocations_token)
        return len(good)

    def _learn_key(self, certificate: str) -> bool:
        try:
            self._trust.learn_key(certificate)
        except BadMessage as error:
            log.warning("A certificate is not the root's", extra={"reason": error.reason})
            return False
        return True

    def _learn_revocations(self, token: str | None) -> None:
        if token is None:
            return
        try:
            self._trust.learn_revocations(token)
        except BadMessage as error:
            log.warning("A revocation list is not the root's", extra={"reason": error.reason})

    def _load(self) -> None:
        try:
            token = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError:
            log.exception("The plan on disk can't be read")
            return
        floor = int(self._state.get("plan-floor", 0))
        try:
            # The time isn't known yet; the plan's own `valid_until` is looked at whenever something is to sound.
            self.held = check(token, self._trust, receiver=self._receiver, now_ms=None, floor=floor, held=None)
        except PlanNotAccepted as error:
            log.warning("The plan on disk is not taken", extra={"reason": error.reason})
            return
        self.learn(self.held.plan.keys, self.held.plan.revocations)
