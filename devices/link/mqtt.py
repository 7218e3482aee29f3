"""The link over MQTT 3.1.1, on paho's threaded client.

Two threads: paho's network thread, and the dispatcher that runs handlers, so that a slow handler never keeps the
connection from being kept alive. paho itself always runs with manual acknowledgement: the PUBACK leaves when the
handlers have returned, or when the handler says so.

The queue holds what the broker has not acknowledged, at most `queue_messages` and `queue_bytes`. While connected,
`publish` waits up to `ROOM_WAIT_S` for room (back pressure); without a connection, or when no room came, the new
message is refused.

Reconnection waits double from `RECONNECT_MIN_S` to `RECONNECT_MAX_S`, each shortened by a random part, so that ten
thousand receivers don't come back in the same second.
"""

from __future__ import annotations

import contextlib
import logging
import random
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from devices.link.contract import Delivery, Handler
from devices.link.dispatch import Dispatcher, Subscriptions, deliver
from devices.link.outbox import Outbox
from devices.link.size import Scale
from devices.link.tls import load_client, tls_context

log = logging.getLogger(__name__)

RECONNECT_MIN_S = 0.5
RECONNECT_MAX_S = 60.0
ROOM_WAIT_S = 10.0
INFLIGHT_MAX = 200  # publications under way at once; the rest wait in the queue
STOP_WAIT_S = 2.0  # for the broker to take our DISCONNECT


class MqttLink:
    """A `Link` to an MQTT broker.

    `will` (topic, payload) is published by the broker, retained, QoS 1, when the connection is lost without a
    goodbye. `clean=False` has the broker keep the session (subscriptions and QoS 1 messages) between connections;
    ask for it only with a `client_id` that is the same each time, or every start leaves a session that fills up.
    `tls_ca` is a file of CA certificates, or their PEM text: with it the connection is TLS and only those are
    trusted; `tls_dates=False` leaves certificate dates unchecked, for a box that has no trustworthy time yet.
    `tls_client` is the PEM of a client certificate and of its key; the broker then knows us by it, without a password.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        client_id: str,
        username: str,
        password: str,
        will: tuple[str, bytes] | None = None,
        tls_ca: Path | str | None = None,
        tls_dates: bool = True,
        tls_client: tuple[str, str] | None = None,
        manual_ack: bool = False,
        clean: bool = True,
        keepalive_s: int = 30,
        queue_messages: int = 20_000,
        queue_bytes: int = 67_108_864,
    ) -> None:
        self._host, self._port = host, port
        self._client_id, self._username, self._password = client_id, username, password
        self._will = will
        self._tls_ca, self._tls_dates, self._tls_client = tls_ca, tls_dates, tls_client
        self._tls: ssl.SSLContext | None = None
        self._manual_ack, self._clean = manual_ack, clean
        self._keepalive_s = keepalive_s
        self._subscriptions = Subscriptions()
        self._callbacks: list[Callable[[], object]] = []
        self._dispatcher = Dispatcher(f"link-{client_id}")
        self._outbox = Outbox(queue_messages, queue_bytes)
        self._scale = Scale()
        self._lock = threading.RLock()
        self._client: Client | None = None
        self._connected = False
        self._connection = 0  # counts up, so that an acknowledgement can tell whose it is
        self._renewing: int | None = None  # the SUBSCRIBE whose SUBACK makes the connection complete
        self._gone: set[str] = set()  # unsubscribed while away; the broker may still hold them
        self._attempts = 0
        self._stopping = False
        self._disconnected = threading.Event()
        self._error: str | None = "not started"

    @property
    def connected(self) -> bool:
        return self._connected

    @property
    def last_error(self) -> str | None:
        return self._error

    @property
    def dropped(self) -> int:
        """How many publications were refused so far: the queue full, no connection, or too large."""
        return self._outbox.dropped

    @property
    def attempts(self) -> int:
        """Connections that failed or were lost since the last good one."""
        return self._attempts

    def start(self) -> None:
        with self._lock:
            if self._client is not None:
                return
            self._stopping, self._attempts, self._error = False, 0, "not connected yet"
            self._disconnected.clear()
            self._outbox.open()
            client = self._client = self._make_client()
        self._dispatcher.start()
        client.connect_async(self._host, self._port, self._keepalive_s)
        client.loop_start()

    def stop(self) -> None:
        with self._lock:
            client = self._client
            if client is None:
                return
            self._stopping = True
            was_connected = self._connected
        client.disconnect()
        if was_connected and not self._disconnected.wait(STOP_WAIT_S):
            # A broker that no longer reads: the network thread would wait for it until the keep-alive ends.
            _shut(client)
        client.loop_stop()
        with self._lock:
            self._client, self._connected, self._error = None, False, "stopped"
        _let_go(client)
        self._dispatcher.stop()
        self._outbox.close()

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> Delivery:
        client = self._client
        if not self._scale.takes(topic, payload):
            return self._outbox.refuse(told=True)
        if client is None or (qos == 0 and not self._connected):
            return self._outbox.refuse()
        if qos == 0:
            return self._publish_unconfirmed(client, topic, payload, retain=retain)
        if not self._outbox.take_room(len(payload), wait_s=ROOM_WAIT_S if self._connected else 0.0):
            return self._outbox.refuse()
        info = client.publish(topic, payload, qos=qos, retain=retain)
        if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            self._outbox.give_back(len(payload))
            return self._outbox.refuse()
        return self._outbox.sent(info.mid, len(payload))

    def _publish_unconfirmed(self, client: Client, topic: str, payload: bytes, *, retain: bool) -> Delivery:
        info = client.publish(topic, payload, qos=0, retain=retain)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return self._outbox.refuse()
        self._outbox.sent_unconfirmed(info.mid)
        return Delivery.of_accepted()

    def subscribe(self, topic_filter: str, handler: Handler, *, qos: int = 1) -> None:
        self._subscriptions.add(topic_filter, handler, qos)
        with self._lock:
            self._gone.discard(topic_filter)
            if self._client is not None and self._connected:
                self._client.subscribe(topic_filter, qos)

    def unsubscribe(self, topic_filter: str) -> None:
        if not self._subscriptions.remove(topic_filter):
            return
        with self._lock:
            if self._client is not None and self._connected:
                self._client.unsubscribe(topic_filter)
            elif not self._clean:
                self._gone.add(topic_filter)

    def on_connect(self, callback: Callable[[], object]) -> None:
        self._callbacks.append(callback)

    def _make_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=self._clean,
            protocol=MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        if self._password or self._tls_client is None:
            client.username_pw_set(self._username, self._password)
        client.max_inflight_messages_set(INFLIGHT_MAX)
        if self._will is not None:
            client.will_set(self._will[0], self._will[1], qos=1, retain=True)
        if self._tls_ca is not None:
            self._tls = tls_context(self._tls_ca, check_dates=self._tls_dates, client=self._tls_client)
            client.tls_set_context(self._tls)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def use_certificate(self, certificate: str, key: str) -> None:
        """Come with this client certificate from the next connection on; the one that stands is left as it is."""
        with self._lock:
            self._tls_client = (certificate, key)
            if self._tls is not None:
                load_client(self._tls, certificate, key)

    # paho's callbacks, on its network thread.

    def _on_connect(self, client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._trouble(f"the broker refused {self._username}: {reason}")
            return  # paho closes and tries again
        with self._lock:
            if self._stopping:
                client.disconnect()
                return
            self._connection += 1
            self._connected, self._error, self._attempts = True, None, 0
            if self._gone:
                client.unsubscribe(sorted(self._gone))
                self._gone.clear()
            wanted = self._subscriptions.all()
            self._renewing = client.subscribe(wanted)[1] if wanted else None
        log.info("Connected to the broker", extra={"host": self._host, "port": self._port})
        if not wanted:
            self._complete()

    def _on_subscribe(self, _client: Client, _data: Any, mid: int, reasons: Any, _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            log.warning("The broker refused a subscription", extra={"username": self._username})
        if mid == self._renewing:
            self._renewing = None
            self._complete()

    def _complete(self) -> None:
        for callback in list(self._callbacks):
            self._dispatcher.submit(callback)

    def _on_message(self, client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            client.ack(message.mid, message.qos)
            return
        ack = partial(self._ack, client, message.mid, message.qos, self._connection)
        self._dispatcher.submit(partial(self._handle, topic, bytes(message.payload), bool(message.retain), ack))

    def _on_publish(self, _client: Client, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        self._outbox.acknowledged(mid)

    def _on_disconnect(self, client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        with self._lock:
            was_connected, self._connected, self._renewing = self._connected, False, None
        self._outbox.connection_lost()
        self._disconnected.set()
        if self._stopping:
            return
        if was_connected:
            self._trouble(f"the connection to {self._host}:{self._port} was lost: {reason}")
        elif self._tls_client is not None:
            # By TLS 1.3 a client learns only afterwards that its certificate wasn't taken.
            self._trouble(f"{self._host}:{self._port} doesn't take our certificate: {reason}")
        self._back_off(client)

    def _on_connect_fail(self, client: Client, _data: Any) -> None:
        # paho gives this callback no cause; it is called while the cause is being handled.
        error = _current_error()
        self._trouble(f"{self._host}:{self._port} can't be reached: {error}")
        self._back_off(client)

    def _back_off(self, client: Client) -> None:
        longest = min(RECONNECT_MAX_S, RECONNECT_MIN_S * 2 ** min(self._attempts, 16))
        self._attempts += 1
        wait_s: Any = random.uniform(longest / 2, longest)  # noqa: S311 - spreads the load, hides nothing
        client.reconnect_delay_set(wait_s, wait_s)

    def _trouble(self, error: str) -> None:
        """Remember and log, once for each new cause."""
        if error != self._error:
            log.warning("No connection to the broker: %s", error)
        self._error = error

    # On the dispatcher.

    def _handle(self, topic: str, payload: bytes, retain: bool, ack: Callable[[], None]) -> None:  # noqa: FBT001 - partial
        handlers = self._subscriptions.handlers(topic)
        deliver(handlers, topic, payload, retain=retain, ack=ack, manual=self._manual_ack)

    def _ack(self, client: Client, mid: int, qos: int, connection: int) -> None:
        with self._lock:
            # After a reconnection the number may stand for another message; this one is given again.
            if qos > 0 and connection == self._connection and self._connected:
                client.ack(mid, qos)


def _current_error() -> str:
    error = sys.exception()
    return str(error) if error is not None else "no cause was given"


def _shut(client: Client) -> None:
    """Cut the connection under paho's feet."""
    held = client.socket()
    if isinstance(held, socket.socket):
        with contextlib.suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)


def _let_go(client: Client) -> None:
    """Take our callbacks off, so that nothing keeps the client: it closes its sockets when it is collected."""
    client.on_connect = client.on_connect_fail = client.on_disconnect = None
    client.on_subscribe = client.on_message = client.on_publish = None
