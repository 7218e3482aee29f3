"""The embedded broker: for the demo, for tests, and for a single small site (up to about 300 receivers).

amqtt speaks MQTT on the wire; what a broker knows and decides is our `Switchboard`, the same as in the in-memory
broker. amqtt 0.12's own broker is not used, because of what it does with them (seen in its source):

- retained messages and last wills go round its topic rules, so one receiver could read another's plan and write in
  another's name; on each reconnection it even sends what matches *other* clients' subscriptions;
- a client takes over a session by its client id before its password is checked;
- a message not acknowledged within 5 seconds is dropped, and so is what a client sent just before it disconnected;
- a silent connection is never given up, so a box that lost its power stays "online" for ever.

Here: nothing is kept on disk (a restart forgets retained messages and sessions; the server republishes what is asked
for); MQTT 3.1.1 over TCP without TLS, so it belongs on one machine or a trusted network; QoS 2 is not served; no
shared subscriptions. Measured on two cores with the clients beside it: 300 receivers connect in half a second; 4,000
QoS 1 messages a second in, 4,000 to 8,000 out. Whatever a client does ends at its own connection and is logged once.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from core.errors import PortInUse, TruyenThanhError
from devices import access, passwords
from devices.link.switchboard import Switchboard
from devices.wire import Connection, Reader, Writer, greet

log = logging.getLogger(__name__)

GREETING_S = 10.0  # from the TCP connection to an accepted CONNECT
STOP_S = 5.0
LISTEN_BACKLOG = 512  # all receivers come back at once after a restart
PASSWORD_THREADS = 4


class BrokerCantListen(TruyenThanhError):
    slug = "broker-cant-listen"
    status = 500
    vi = "Máy chủ MQTT không mở được địa chỉ {host}:{port} ({why}). Hãy sửa TRUYENTHANH_BROKER_HOST."
    en = "The MQTT broker can't listen on {host}:{port} ({why}). Correct TRUYENTHANH_BROKER_HOST."


class EmbeddedBroker:
    """A broker in a thread of its own. `password_hash` gives the `$7$` hash of a user, None for an unknown one.

    `password_hash` is called on worker threads and may ask the database. What it raises keeps the client out.
    `server` is the name of the server's own processes, who may do everything below the protocol's root.
    """

    def __init__(
        self, *, host: str, port: int, password_hash: Callable[[str], str | None], server: str = access.SERVER
    ) -> None:
        self._host, self._port = host, port
        self._password_hash = password_hash
        self._server = server
        self.board = Switchboard(
            may_read=partial(access.may_read, servers=(server,)), may_write=partial(access.may_write, servers=(server,))
        )
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._ready = threading.Event()
        self._workers: ThreadPoolExecutor | None = None
        self._serving: set[asyncio.Task[Any]] = set()
        self._connections: dict[str, set[Connection]] = {}

    def start(self) -> int:
        """Listen; gives the port in force (0 asked for any free one). Raises `PortInUse`, `BrokerCantListen`."""
        listener = self._listen()
        port: int = listener.getsockname()[1]
        self._ready.clear()
        self._thread = threading.Thread(target=self._run, args=(listener,), name="embedded-broker", daemon=True)
        self._thread.start()
        self._ready.wait()
        log.info("The embedded broker listens", extra={"host": self._host, "port": port})
        return port

    def stop(self) -> None:
        """Close every connection and forget everything. Last wills are not published: the broker itself is gone."""
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None or self._ending is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._ending.set)
        thread.join()
        self.board.forget()

    def disconnect(self, username: str) -> None:
        """Cut the connections of a user, say because it was revoked; its session is kept unless it was clean."""
        loop = self._loop
        if self._thread is not None and loop is not None:
            loop.call_soon_threadsafe(self._cut, username)

    def _listen(self) -> socket.socket:
        try:
            family, _, _, _, address = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)[0]
            return socket.create_server(address[:2], family=family, backlog=LISTEN_BACKLOG)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(port=self._port, what="MQTT", setting="TRUYENTHANH_BROKER_PORT") from error
            raise BrokerCantListen(host=self._host, port=self._port, why=error.strerror or error) from error

    # On the broker's own thread.

    def _run(self, listener: socket.socket) -> None:
        # What amqtt logs is about single packets; what matters about a connection is logged here.
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        self._workers = ThreadPoolExecutor(PASSWORD_THREADS, thread_name_prefix="embedded-broker-password")
        try:
            asyncio.run(self._serve(listener))
        finally:
            self._workers.shutdown()
            self._ready.set()

    async def _serve(self, listener: socket.socket) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._accept, sock=listener)
        self._ready.set()
        await self._ending.wait()
        server.close()
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving, timeout=STOP_S)
        await server.wait_closed()

    async def _accept(self, stream: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or (self._ending is not None and self._ending.is_set()):
            out.transport.abort()
            return
        self._serving.add(task)
        writer = Writer(out)
        try:
            await self._attend(Reader(stream), writer)
        except asyncio.CancelledError:
            log.debug("A connection ends with the broker")
        except Exception:
            if self._ending is None or not self._ending.is_set():  # amqtt turns a cancellation into an error of its own
                log.exception("A connection failed")
        finally:
            self._serving.discard(task)
            await writer.close()

    async def _attend(self, reader: Reader, writer: Writer) -> None:
        try:
            connection = await asyncio.wait_for(greet(reader, writer, self.board, self._server), GREETING_S)
        except TimeoutError:
            connection = None
        if connection is None:
            return
        if not await self._is_known(connection.username, connection.password):
            log.warning("The embedded broker refused a client", extra={"username": connection.username})
            await connection.refuse()
            return
        connections = self._connections.setdefault(connection.username, set())
        connections.add(connection)
        try:
            await connection.converse()
        finally:
            connections.discard(connection)
            if not connections:
                self._connections.pop(connection.username, None)
            stopping = self._ending is not None and self._ending.is_set()
            self.board.disconnect(connection, will=not connection.polite and not stopping)

    async def _is_known(self, username: str, password: str) -> bool:
        """Off the loop: the hash may come from a database, and PBKDF2 takes its time by design."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, self._check, username, password)

    def _check(self, username: str, password: str) -> bool:
        try:
            stored = self._password_hash(username)
        except Exception:
            log.exception("A password could not be looked up", extra={"username": username})
            return False
        return stored is not None and passwords.verify(password, stored)

    def _cut(self, username: str) -> None:
        for connection in list(self._connections.get(username, ())):
            connection.abort()
