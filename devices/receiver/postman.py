"""Brings the outbox to the server: batches of records, again until the watermark has passed them.

Only a few batches go without an acknowledgement; after a silence everything from the watermark on is sent again, each
time after a longer wait. The server takes a record twice without harm.
"""

from __future__ import annotations

from collections.abc import Callable

from devices.protocol import topics
from devices.protocol.commands import Ack
from devices.protocol.reports import PlayRecord
from devices.protocol.signing import BadMessage, decode_body
from devices.protocol.trust import SEQ_AHEAD_MAX_MS, Trust
from devices.receiver.clock import SignedClock
from devices.receiver.messenger import Messenger
from devices.receiver.outbox import Outbox
from devices.receiver.settings import AgentSettings

NEVER = float("inf")


class Postman:
    """Times are monotonic seconds; used by the working thread only."""

    def __init__(self, outbox: Outbox, send: Callable[[list[PlayRecord]], None], settings: AgentSettings) -> None:
        self._outbox = outbox
        self._send = send
        self._settings = settings
        self._sent = outbox.acknowledged  # through this number, in this round
        self._resend: int | None = None  # asked for again by the server, though acknowledged
        self._deadline = NEVER
        self._silences = 0

    def connected(self) -> None:
        """A new connection: what had no acknowledgement may have been lost."""
        self._sent = self._outbox.acknowledged
        self._silences = 0
        self._deadline = NEVER

    def acknowledged(self, through: int, at_ms: int) -> bool:
        """The server has all of 1…`through`; False where that can't be."""
        if through > self._outbox.last:
            return False
        if self._outbox.acknowledge(through, at_ms):
            self._sent = max(self._sent, through)
            self._silences = 0
            self._deadline = NEVER
        return True

    def resend(self, first: int) -> None:
        """Send records from this number on, though acknowledged."""
        self._resend = max(1, first)

    def tick(self, now_s: float, *, online: bool) -> float:
        """Send what is due; the monotonic second of the next call."""
        if not online:
            return NEVER  # `connected` begins anew
        if self._resend is not None:
            self._send_again()
        if now_s >= self._deadline:
            self._sent = self._outbox.acknowledged
            self._silences += 1
        size = self._settings.batch_records
        last = self._outbox.last
        while self._sent < last and self._sent - self._outbox.acknowledged < size * self._settings.batches_ahead:
            records = self._outbox.after(self._sent, size)
            if not records:
                self._sent = last
                break
            self._send(records)
            self._sent = records[-1].seq  # the wait runs from the oldest that has no acknowledgement
        if self._outbox.acknowledged >= last:
            self._deadline = NEVER
        elif self._deadline == NEVER or now_s >= self._deadline:
            wait = self._settings.ack_timeout_s * 2.0**self._silences
            self._deadline = now_s + min(wait, self._settings.ack_timeout_max_s)
        return self._deadline

    def _send_again(self) -> None:
        """A batch of what was asked for; the rest at the next calls."""
        at, self._resend = self._resend or 1, None
        until = self._outbox.acknowledged
        while at <= until:
            records = self._outbox.after(at - 1, self._settings.batch_records)
            records = [record for record in records if record.seq <= until]
            if not records:
                return
            self._send(records)
            at = records[-1].seq + 1


class Receipts:
    """The server's signed watermarks. Used by the working thread only."""

    def __init__(
        self,
        postman: Postman,
        outbox: Outbox,
        trust: Trust,
        *,
        receiver: str,
        clock: SignedClock,
        messenger: Messenger,
        wonder: Callable[[str], None],
    ) -> None:
        self._audience = topics.audience(receiver)
        self._postman = postman
        self._outbox = outbox
        self._trust = trust
        self._clock = clock
        self._messenger = messenger
        self._wonder = wonder
        self._seq = 0

    def take(self, topic: str, payload: bytes) -> None:
        """A message on the topic of watermarks."""
        now = self._clock.now_ms()
        try:
            claims = self._trust.open(payload, typ="ack", audience=self._audience, now=None)
            ack = decode_body(claims, Ack)
        except BadMessage as error:
            self._wonder(error.reason)
            self._messenger.refused(topic, error.reason)
            return
        if ack.log != self._outbox.log:
            return  # of a log that was put aside
        if not self._postman.acknowledged(ack.through, self._clock.stated_ms()):
            self._messenger.refused(topic, "beyond-the-log")
            return
        # Only a fresh one can ask again: a recorded one must not make us send for ever.
        if now is not None and now < claims.exp * 1000 and self._seq < claims.seq <= now + SEQ_AHEAD_MAX_MS:
            self._seq = claims.seq
            if ack.resend_from is not None:
                self._postman.resend(ack.resend_from)
