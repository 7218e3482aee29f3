"""One connection of the embedded broker: amqtt's MQTT 3.1.1 packets between a socket and the switchboard."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import ssl
from collections import deque
from typing import Any

from amqtt.adapters import ReaderAdapter, WriterAdapter
from amqtt.errors import AMQTTError, MQTTError, NoDataError
from amqtt.mqtt.connack import CONNECTION_ACCEPTED, NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.disconnect import DisconnectPacket
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.mqtt.puback import PubackPacket
from amqtt.mqtt.publish import PublishPacket
from amqtt.mqtt.subscribe import SubscribePacket
from amqtt.mqtt.unsubscribe import UnsubscribePacket

from devices import access
from devices.link.switchboard import Publication, Switchboard

log = logging.getLogger(__name__)

PACKET_BYTES_MAX = 1_200_000  # a signed message of 1 MiB and its headers
INFLIGHT_MAX = 100  # QoS 1 messages sent to one client and not acknowledged
UNCONFIRMED_MAX = 1_000  # QoS 0 messages waiting for a slow client; newer ones are dropped
CLOSE_S = 1.0  # for a client to take what was sent before its connection is cut
KEEPALIVE_GRACE = 1.5  # MQTT 3.1.1, section 3.1.2.10
_REFUSED = 0x80


class Reader(ReaderAdapter):  # type: ignore[misc]  # amqtt has no types
    """Bytes from the client; a packet that is too long, or a broken connection, is the end of them."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self._stream = stream
        self._ended = False

    async def read(self, n: int = -1) -> bytes:
        if n > PACKET_BYTES_MAX:
            log.warning("A client sent a packet that is too long", extra={"bytes": n})
            self._ended = True
        if self._ended:
            raise NoDataError("no more is read from this client")
        try:
            return await self._stream.readexactly(n)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise NoDataError("the connection was closed") from error

    def feed_eof(self) -> None:
        self._ended = True


class Writer(WriterAdapter):  # type: ignore[misc]  # amqtt has no types
    """Bytes to the client; closing never waits long for one that doesn't read."""

    def __init__(self, stream: asyncio.StreamWriter) -> None:
        self._stream = stream
        self._closed = False

    def write(self, data: bytes) -> None:
        if not self._closed and not self._stream.is_closing():
            self._stream.write(data)

    async def drain(self) -> None:
        if not self._closed:
            await self._stream.drain()

    def get_peer_info(self) -> tuple[str, int] | None:
        peer = self._stream.get_extra_info("peername")
        return (peer[0], peer[1]) if peer else None

    def get_ssl_info(self) -> ssl.SSLObject | None:
        return None

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(self._stream.drain(), CLOSE_S)
                self._stream.close()
                await asyncio.wait_for(self._stream.wait_closed(), CLOSE_S)
        finally:
            self.abort()

    def abort(self) -> None:
        self._stream.transport.abort()


class _NoPlugins:
    """amqtt tells its plugins of every packet; there are none."""

    async def fire_event(self, *_args: Any, **_facts: Any) -> None:
        return


async def greet(reader: Reader, writer: Writer, board: Switchboard, server: str) -> Connection | None:
    """Read the CONNECT; None where it isn't one that is served here (amqtt has answered it as MQTT wants)."""
    try:
        connection, session = await Connection.init_from_connect(reader, writer, _NoPlugins())
    except (AMQTTError, MQTTError, NoDataError, OSError):
        return None
    except Exception as error:  # noqa: BLE001 - whatever a stranger's bytes do to the decoder
        log.debug("Not a CONNECT: %r", error)
        return None
    session.keep_alive = math.ceil(session.keep_alive * KEEPALIVE_GRACE)
    connection.attach(session, reader, writer)
    connection.board, connection.server = board, server
    return connection  # type: ignore[no-any-return]


class Connection(BrokerProtocolHandler):  # type: ignore[misc]  # amqtt has no types
    """amqtt's protocol handler, with the switchboard behind it: an `Outlet`.

    amqtt reads and answers packets; sending messages is ours: one sender task, in order, with at most
    `INFLIGHT_MAX` unacknowledged. Everything runs on the broker's event loop.
    """

    board: Switchboard
    server: str  # the name of the server's own processes

    def __init__(self, *args: Any, **facts: Any) -> None:
        super().__init__(*args, **facts)
        self.polite = False  # it said goodbye, so its last will is void
        self._over = asyncio.Event()
        self._outgoing: deque[tuple[int, Publication]] = deque()
        self._unconfirmed = 0
        self._inflight: dict[int, int] = {}  # packet id → number at the switchboard
        self._last_packet_id = 0
        self._changed = asyncio.Event()

    # An `Outlet` of the switchboard.

    @property
    def username(self) -> str:
        return str(self.session.username or "")

    @property
    def password(self) -> str:
        return str(self.session.password or "")

    @property
    def client_id(self) -> str:
        return str(self.session.client_id or "")

    @property
    def clean(self) -> bool:
        return bool(self.session.clean_session)

    @property
    def will(self) -> tuple[str, bytes, int, bool] | None:
        held = self.session
        if not held.will_flag or not held.will_topic:
            return None
        return held.will_topic, bytes(held.will_message or b""), min(held.will_qos or 0, 1), bool(held.will_retain)

    def receive(self, number: int, publication: Publication) -> None:
        if publication.qos == 0:
            if self._unconfirmed >= UNCONFIRMED_MAX:
                return
            self._unconfirmed += 1
        self._outgoing.append((number, publication))
        self._changed.set()

    def displaced(self) -> None:
        self.abort()

    # The conversation.

    async def refuse(self) -> None:
        await self._send_packet(ConnackPacket.build(0, NOT_AUTHORIZED))

    async def converse(self) -> None:
        """From the CONNACK until the connection is over."""
        present = self.board.connect(self)
        await self._send_packet(ConnackPacket.build(int(present), CONNECTION_ACCEPTED))
        await self.start()
        sender = asyncio.create_task(self._send_waiting())
        try:
            await self._over.wait()
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            # First the socket: amqtt's reader may miss a cancellation (asyncio.wait_for before 3.12), never an end.
            await self.writer.close()
            await self.stop()

    def abort(self) -> None:
        """End it without waiting for the client."""
        self._over.set()
        if isinstance(self.writer, Writer):
            self.writer.abort()

    async def _send_waiting(self) -> None:
        while not self._over.is_set():
            await self._changed.wait()
            self._changed.clear()
            while self._outgoing and (self._outgoing[0][1].qos == 0 or len(self._inflight) < INFLIGHT_MAX):
                number, publication = self._outgoing.popleft()
                await self._send(number, publication)

    async def _send(self, number: int, publication: Publication) -> None:
        packet_id = None
        if publication.qos == 0:
            self._unconfirmed -= 1
        else:
            packet_id = self._free_packet_id()
            self._inflight[packet_id] = number
        packet = PublishPacket.build(
            publication.topic, publication.payload, packet_id, publication.again, publication.qos, publication.retain
        )
        await self._send_packet(packet)

    def _free_packet_id(self) -> int:
        self._last_packet_id = self._last_packet_id % 65_535 + 1
        while self._last_packet_id in self._inflight:
            self._last_packet_id = self._last_packet_id % 65_535 + 1
        return self._last_packet_id

    # What amqtt's reader calls for each packet.

    async def _retry_deliveries(self) -> None:
        """The switchboard gives again what was not acknowledged."""

    async def handle_publish(self, packet: PublishPacket) -> None:
        if packet.topic_name is None or packet.qos not in {0, 1}:
            log.warning("A client sent what is not served here", extra={"username": self.username, "qos": packet.qos})
            self.abort()
            return
        data = bytes(packet.data or b"")
        self.board.publish(self.username, packet.topic_name, data, qos=packet.qos, retain=bool(packet.retain_flag))
        if packet.qos == 1:
            await self._send_packet(PubackPacket.build(packet.packet_id))

    async def handle_puback(self, packet: PubackPacket) -> None:
        number = self._inflight.pop(packet.packet_id, None)
        if number is not None:
            self.board.acknowledge(self, number)
            self._changed.set()

    async def handle_subscribe(self, packet: SubscribePacket) -> None:
        wanted = packet.payload.topics
        granted = [self._grant(topic_filter, qos) for topic_filter, qos in wanted]
        await self.mqtt_acknowledge_subscription(packet.variable_header.packet_id, granted)
        for (topic_filter, _), qos in zip(wanted, granted, strict=True):
            if qos != _REFUSED:
                self.board.subscribe(self, topic_filter, qos)

    def _grant(self, topic_filter: str, qos: int) -> int:
        """The QoS granted. What could never deliver anything is refused, so that its maker notices."""
        if not _well_formed(topic_filter) or not self._may_subscribe(topic_filter):
            log.warning("A subscription was refused", extra={"username": self.username, "filter": topic_filter})
            return _REFUSED
        return min(qos, 1)

    def _may_subscribe(self, topic_filter: str) -> bool:
        return access.may_subscribe(self.username, topic_filter, servers=(self.server,))

    async def handle_unsubscribe(self, packet: UnsubscribePacket) -> None:
        for topic_filter in packet.payload.topics:
            self.board.unsubscribe(self, topic_filter)
        await self.mqtt_acknowledge_unsubscription(packet.variable_header.packet_id)

    async def handle_disconnect(self, disconnect: DisconnectPacket | None) -> None:
        self.polite = self.polite or disconnect is not None
        self._over.set()

    async def handle_connect(self, _connect: Any) -> None:
        self.abort()  # a second CONNECT: MQTT 3.1.1, section 3.1

    def handle_read_timeout(self) -> None:
        log.info("A client fell silent", extra={"username": self.username})
        self.abort()


def _well_formed(topic_filter: str) -> bool:
    levels = topic_filter.split("/")
    return all(
        (level == "#" and position == len(levels) - 1) or level == "+" or not set(level) & {"#", "+"}
        for position, level in enumerate(levels)
    ) and bool(topic_filter)
