"""What the receiver says to its server: hello, status, time requests, signed reports and records."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Literal

import msgspec

from devices.link.contract import Delivery, Link
from devices.protocol import topics
from devices.protocol.commands import TimeRequest
from devices.protocol.reports import (
    Alarm,
    Hello,
    PlanRefused,
    PlayRecord,
    Plays,
    Refusal,
    Report,
    Status,
)
from devices.protocol.signing import SigningKey
from devices.protocol.upward import sign_up
from devices.receiver.clock import SignedClock
from devices.receiver.settings import AgentSettings

log = logging.getLogger(__name__)

TEXT_MAX = 500
ALARMS_KEPT = 100


class Messenger:
    """Signs and publishes. Used by the working thread only; the link queues what can't go now."""

    def __init__(
        self, link: Link, *, receiver: str, key: SigningKey, root_kid: str, clock: SignedClock, settings: AgentSettings
    ) -> None:
        self._link = link
        self._receiver = receiver
        self._key = key
        self._root_kid = root_kid
        self._clock = clock
        self._refusals = _Bucket(settings.refusals_per_minute, clock.mono_ms)
        self._alarmed: dict[str, float] = {}
        self._unsaid: deque[Alarm] = deque(maxlen=ALARMS_KEPT)
        self._seq = 0

    def hello(self, hello: Hello) -> None:
        self._link.publish(topics.up(self._receiver, "hello"), msgspec.json.encode(hello))

    @property
    def online(self) -> bool:
        return self._link.connected

    def status(self, status: Status) -> Delivery:
        return self._link.publish(topics.up(self._receiver, "status"), msgspec.json.encode(status), retain=True)

    def ask_time(self) -> None:
        """Ask for the time, now; an unanswered request is forgotten by the next."""
        if self._link.connected:
            request = TimeRequest(nonce=self._clock.ask())
            self._link.publish(topics.up(self._receiver, "time"), msgspec.json.encode(request), qos=0)

    def report(self, report: Report) -> None:
        """Lost without a connection: what matters of it is said again at the next, or asked for again."""
        if self._link.connected:
            self._signed("report", report)

    def plays(self, records: list[PlayRecord]) -> None:
        self._signed("plays", Plays(records=records))

    def refused(self, topic: str, reason: str) -> None:
        """A message was not obeyed. An attacker can make many such; beyond some a minute they are only logged."""
        log.warning("A message was refused", extra={"topic": topic, "reason": reason})
        if self._refusals.take():
            self.report(Refusal(topic=topic[:TEXT_MAX], reason=reason))

    def plan_refused(self, reason: str, revision: int | None) -> None:
        log.warning("A plan was refused", extra={"reason": reason, "revision": revision})
        if self._refusals.take():
            self.report(PlanRefused(reason=reason, revision=revision))

    def alarm(self, name: str, detail: str = "") -> None:
        """Something about this box that a person should know; each by its name once an hour at most."""
        log.error("Alarm: %s", name, extra={"detail": detail})
        now = self._clock.mono_ms()
        if now - self._alarmed.get(name, float("-inf")) >= 3_600_000.0:
            self._alarmed[name] = now
            self._unsaid.append(Alarm(name=name, detail=detail[:TEXT_MAX]))
            if self._link.connected:
                self.connected()

    def connected(self) -> None:
        """Tell the alarms that there was no connection for."""
        while self._unsaid:
            self._signed("report", self._unsaid.popleft())

    def _signed(self, typ: Literal["report", "plays"], body: object) -> None:
        now_ms = self._clock.stated_ms()
        self._seq = max(self._seq + 1, now_ms)
        token = sign_up(
            self._key,
            typ=typ,
            receiver=self._receiver,
            root_kid=self._root_kid,
            seq=self._seq,
            iat=now_ms // 1000,
            body=body,
        )
        self._link.publish(topics.up(self._receiver, typ), token)


class _Bucket:
    """So many a minute, in bursts of as many."""

    def __init__(self, per_minute: int, mono_ms: Callable[[], float]) -> None:
        self._size = float(per_minute)
        self._mono_ms = mono_ms
        self._left = self._size
        self._at = mono_ms()

    def take(self) -> bool:
        now = self._mono_ms()
        self._left = min(self._size, self._left + (now - self._at) * self._size / 60_000.0)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
