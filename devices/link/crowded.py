"""An MQTT 3.1.1 client on asyncio, as small as a simulation of thousands of receivers needs it.

`MqttLink` has two threads for each connection, which is right for a box and too much for two thousand in one process.
This one has none: packets are read where they arrive, and what it says is written at once. QoS 1 is acknowledged when
its handler has returned. Without a connection `publish` gives up at once: whoever says something says it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import Callable
from typing import Final, cast

KEEPALIVE_S = 60
PACKET_BYTES_MAX = 2_097_152

_CONNACK, _PUBLISH, _PUBACK, _SUBACK, _UNSUBACK, _PINGRESP = 0x20, 0x30, 0x40, 0x90, 0xB0, 0xD0
_PINGREQ: Final = b"\xc0\x00"
_DISCONNECT: Final = b"\xe0\x00"

Handler = Callable[[str, bytes], None]


class CrowdedLink(asyncio.Protocol):
    """One connection, used once. `handler` gets every message; `lost` is called when the connection has ended."""

    def __init__(
        self, name: str, password: str, *, will: tuple[str, bytes], handler: Handler, lost: Callable[[], None]
    ) -> None:
        self._name, self._password, self._will = name, password, will
        self._handler, self._lost = handler, lost
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._answers: bytearray | None = None  # while packets are taken: what is said to them goes out together
        self._packet_id = 0
        self._accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._ping: asyncio.TimerHandle | None = None

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        name: str,
        password: str,
        *,
        will: tuple[str, bytes],
        handler: Handler,
        lost: Callable[[], None],
        tls: ssl.SSLContext | None = None,
    ) -> CrowdedLink:
        """A connection that the broker has accepted. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        _, link = await loop.create_connection(
            lambda: cls(name, password, will=will, handler=handler, lost=lost),
            host,
            port,
            ssl=tls,
            server_hostname=host if tls else None,
        )
        await link.admitted()
        return link

    async def admitted(self) -> None:
        """Wait for the broker's word. Raises `ConnectionRefusedError`."""
        if not await self._accepted:
            raise ConnectionRefusedError(f"the broker does not admit {self._name}")
        self._ping = asyncio.get_running_loop().call_later(KEEPALIVE_S / 2, self._keep_alive)

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> bool:
        """Hand it to the connection; False where there is none."""
        body = _text(topic.encode()) + (self._next_id() if qos else b"") + payload
        return self._write(_PUBLISH | qos << 1 | retain, body)

    def subscribe(self, topic_filter: str, qos: int = 1) -> bool:
        return self._write(0x82, self._next_id() + _text(topic_filter.encode()) + bytes((qos,)))

    def unsubscribe(self, topic_filter: str) -> bool:
        return self._write(0xA2, self._next_id() + _text(topic_filter.encode()))

    def close(self) -> None:
        """Say goodbye: the last will is not published."""
        if self._transport is not None:
            self._transport.write(_DISCONNECT)
            self._transport.close()

    # asyncio's protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        topic, payload = self._will
        flags = 0x80 | 0x40 | 0x20 | 0x08 | 0x04 | 0x02  # name, password, will retained at QoS 1, clean session
        head = b"\x00\x04MQTT\x04" + struct.pack("!BH", flags, KEEPALIVE_S)
        parts = (self._name.encode(), topic.encode(), payload, self._name.encode(), self._password.encode())
        self._write(0x10, head + b"".join(map(_text, parts)))

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        if self._ping is not None:
            self._ping.cancel()
        if not self._accepted.done():
            self._accepted.set_result(False)
        else:
            self._lost()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._answers = bytearray()
        try:
            self._take_packets()
        finally:
            answers, self._answers = self._answers, None
            if answers and self._transport is not None:
                self._transport.write(answers)

    def _take_packets(self) -> None:
        at = 0
        while (packet := _packet_at(self._buffer, at)) is not None:
            start, end = packet
            if end - start > PACKET_BYTES_MAX:
                self._abort()
                return
            if end > len(self._buffer):
                break
            self._take(self._buffer[at], self._buffer, start, end)
            at = end
        del self._buffer[:at]

    def _take(self, kind: int, buffer: bytearray, start: int, end: int) -> None:
        if kind & 0xF0 == _PUBLISH:
            length = int.from_bytes(buffer[start : start + 2], "big")
            topic = bytes(buffer[start + 2 : start + 2 + length]).decode(errors="replace")
            at = start + 2 + length
            packet_id = bytes(buffer[at : at + 2]) if kind & 0x06 else b""
            self._handler(topic, bytes(memoryview(buffer)[at + len(packet_id) : end]))
            if packet_id:
                self._write(_PUBACK, packet_id)
        elif kind & 0xF0 == _CONNACK and not self._accepted.done():
            self._accepted.set_result(buffer[start + 1 : end] == b"\x00")
        elif kind & 0xF0 not in {_PUBACK, _SUBACK, _UNSUBACK, _PINGRESP}:
            self._abort()

    def _write(self, kind: int, body: bytes) -> bool:
        if self._transport is None or self._transport.is_closing():
            return False
        packet = bytes((kind,)) + _length(len(body)) + body
        if self._answers is not None:
            self._answers += packet
        else:
            self._transport.write(packet)
        return True

    def _next_id(self) -> bytes:
        self._packet_id = self._packet_id % 65_535 + 1
        return self._packet_id.to_bytes(2, "big")

    def _keep_alive(self) -> None:
        if self._transport is not None:
            with contextlib.suppress(OSError):
                self._transport.write(_PINGREQ)
            self._ping = asyncio.get_running_loop().call_later(KEEPALIVE_S / 2, self._keep_alive)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _text(raw: bytes) -> bytes:
    return len(raw).to_bytes(2, "big") + raw


def _length(number: int) -> bytes:
    """MQTT's variable length (section 2.2.3)."""
    digits = bytearray()
    while True:
        number, digit = divmod(number, 128)
        digits.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(digits)


def _packet_at(buffer: bytearray, at: int) -> tuple[int, int] | None:
    """Where the body of the packet at `at` begins and ends; None where not even its length is there."""
    length, shift = 0, 0
    for position in range(at + 1, min(at + 5, len(buffer))):
        length |= (buffer[position] & 0x7F) << shift
        if buffer[position] < 0x80:
            return position + 1, position + 1 + length
        shift += 7
    return (at + 5, at + 6 + PACKET_BYTES_MAX) if len(buffer) >= at + 5 else None
