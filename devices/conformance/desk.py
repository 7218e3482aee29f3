"""The server's side of the contract, as the kit plays it: signs, publishes, answers the time, acknowledges records.

It can also do wrong on purpose, as whoever captured the broker could: what it publishes needn't be signed well.
"""

from __future__ import annotations

import itertools
import queue
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from core.clock import Clock, to_ms
from devices.conformance.journal import Arrived
from devices.conformance.sounds import CHUNK_BYTES, Sound
from devices.keyring import Keyring
from devices.link.contract import Link, Message
from devices.protocol import topics
from devices.protocol.commands import TimeAnswer, TimeRequest
from devices.protocol.signing import SigningKey, sign

LIFE_S = 3_600

TimeAnswerer = Callable[[str, int], "bytes | None"]  # (nonce, when it came) → what is published


class Desk:
    """`arrived` is read by the runner; the time alone is answered at once, on the link's own thread."""

    def __init__(self, link: Link, keys: Keyring, *, receiver: str, clock: Clock) -> None:
        self.keys, self.receiver, self.clock = keys, receiver, clock
        self.audience = topics.audience(receiver)
        self.arrived: queue.SimpleQueue[Arrived] = queue.SimpleQueue()
        self.answer_time: TimeAnswerer = self.true_time
        self._link = link
        self._seq = itertools.count(self.now_ms())
        for name in topics.UP_NAMES:
            link.subscribe(topics.up(receiver, name), self._heard)
        link.start()

    def now_ms(self) -> int:
        return to_ms(self.clock.now())

    def next_seq(self, above: int = 0) -> int:
        """Never lower than before, nor than the time."""
        number = max(next(self._seq), above + 1, self.now_ms())
        self._seq = itertools.count(number + 1)
        return number

    def signed(self, typ: str, body: Any, *, key: SigningKey | None = None, **claims: Any) -> bytes:
        """A message for the receiver; what isn't said otherwise is as it should be."""
        now = self.now_ms() // 1_000
        made = {"iss": self.keys.issuer, "aud": self.audience, "iat": now, "exp": now + LIFE_S, **claims}
        made.setdefault("seq", self.next_seq())
        return sign(key or self.keys.key(typ), typ=typ, body=body, **made)  # type: ignore[arg-type]

    def put(self, name: topics.Down, token: bytes, *, retain: bool = False) -> None:
        self._link.publish(topics.down(self.receiver, name), token, retain=retain)

    def put_area(self, unit: str, token: bytes) -> None:
        self._link.publish(topics.area_command(unit), token)

    def publish(self, sound: Sound, *, leave_out: Iterable[int] = (), damage: Iterable[int] = ()) -> None:
        """Its chunks, retained; some not at all, or with a changed byte."""
        left_out, damaged = set(leave_out), set(damage)
        for n, chunk in enumerate(sound.chunks):
            if n not in left_out:
                data = bytes([chunk[0] ^ 0xFF]) + chunk[1:] if n in damaged else chunk
                self._link.publish(self._chunk(sound, n), data, retain=True)

    def withdraw(self, sounds: Iterable[Sound]) -> None:
        """Clear what was retained, so that nothing of a run stays at the broker."""
        for sound in sounds:
            for n in range(len(sound.chunks)):
                self._link.publish(self._chunk(sound, n), b"", retain=True)
        self._link.publish(topics.down(self.receiver, "plan"), b"", retain=True).wait(5.0)

    def true_time(self, nonce: str, came_ms: int) -> bytes | None:
        return self.signed("time", TimeAnswer(nonce=nonce, received=came_ms, sent=self.now_ms()))

    @staticmethod
    def no_time(_nonce: str, _came_ms: int) -> bytes | None:
        return None

    @staticmethod
    def _chunk(sound: Sound, n: int) -> str:
        return topics.content(sound.sha256, CHUNK_BYTES, n)

    def _heard(self, message: Message) -> None:
        came_ms = self.now_ms()
        where = topics.parse_up(message.topic)
        if where is None:
            return
        if where[1] == "time":
            try:
                nonce = msgspec.json.decode(message.payload, type=TimeRequest).nonce
            except (msgspec.DecodeError, UnicodeError):
                nonce = ""  # the journal says what is wrong with it
            token = self.answer_time(nonce, came_ms) if nonce else None
            if token is not None:
                self._link.publish(topics.down(self.receiver, "time"), token, qos=0)
        self.arrived.put(Arrived(where[1], bytes(message.payload), came_ms))
