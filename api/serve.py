"""The processes of an installation: web, scheduler, ingest, together in one process or each in its own.

- web        answers people and programs; it holds no signing key;
- scheduler  leads, or stands by to lead: expands, issues and publishes plans and commands (plan and command keys);
- ingest     listens to receivers: hellos, reports, play records, time (ack and time keys).

With the embedded broker all three run in one process, because the broker lives in it.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

import uvicorn
from fastapi import FastAPI
from sqlalchemy import select

from api import enrolling
from api.app import create_app
from api.context import Context
from api.seats import Seat
from api.voices import agreed, chain_of
from audio.store import ObjectStore
from audio.studio import Studio
from broadcast import delivery, duties
from broadcast.ingest import Ingest
from core import logs, migrations
from core.clock import Clock, SystemClock
from core.database import Database
from core.errors import Invalid, PortInUse
from core.ids import new_id
from core.settings import Settings
from devices import brokerfiles, credentials, eviction, passwords, registry
from devices.authority import Authority
from devices.broker import EmbeddedBroker
from devices.eviction import Evictions
from devices.keyring import RECEIVERS_CA, Keyring
from devices.link import MqttLink
from devices.protocol.trust import Role
from devices.tables import Receiver
from schedules.engine import Duty, Engine
from schedules.lease import Leadership

log = logging.getLogger(__name__)

Part = Literal["web", "scheduler", "ingest"]
PARTS: frozenset[Part] = frozenset(get_args(Part))
KEYS_OF: dict[Part, tuple[Role, ...]] = {"web": ("enrol",), "scheduler": ("plan", "command"), "ingest": ("ack", "time")}
WEB_START_S = 15.0
ADMISSION_EVERY_S = 1.0


def make_studio(settings: Settings, *, outside_allowed: Callable[[str], bool] = lambda _voice: False) -> Studio:
    """The studio of the settings. `outside_allowed` says of a voice that sends text outside whether it may."""
    return Studio(
        ObjectStore(settings.objects),
        chain_of(settings, outside_allowed),
        kbps={"full": settings.audio_kbps, "horn": settings.audio_horn_kbps},
        characters_max=settings.bulletin_characters_max,
        minutes_max=settings.bulletin_minutes_max,
    )


def web_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How the web server runs."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        # Otherwise anyone on this machine could say to be anyone else.
        proxy_headers=settings.trusted_proxy,
    )


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound socket for the web server. Raises PortInUse, so that nothing else has to be started in vain."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(port=port, what="web", setting="TRUYENTHANH_HTTP_PORT") from error
        raise
    return listener


def write_broker_passwords(settings: Settings, db: Database | None, path: Path) -> bool:
    """Bring mosquitto's password file up to date; without a database it holds the server alone. True if it changed."""
    servers = {settings.broker_username: settings.broker_password.get_secret_value()}
    if db is None:
        return passwords.write_file(path, {name: passwords.hashed(word) for name, word in servers.items()})
    with db.reading() as session:
        return registry.write_password_file(session, path, servers)


def write_revocation_list(settings: Settings, db: Database, path: Path, clock: Clock) -> bool:
    """Bring mosquitto's list of revoked certificates up to date. True if it changed."""
    with db.reading() as session:
        revoked = credentials.revoked_certificates(session, clock.now())
    return brokerfiles.write_revocation_list(Authority.load(settings.keys, RECEIVERS_CA), revoked, path, clock.now())


class Server:
    """The parts of an installation that run in this process. `start` raises our own errors; `stop` ends cleanly."""

    def __init__(
        self,
        settings: Settings,
        parts: Iterable[str] | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self.parts: frozenset[Part] = _checked_parts(settings, parts)
        self.clock: Clock = clock or SystemClock()
        self.db = Database(settings.database)
        self.store = ObjectStore(settings.objects)
        self.studio = make_studio(settings, outside_allowed=agreed(settings, self.db))
        self.http_port = settings.http_port
        self.broker_port = settings.broker_port
        self._embedded: EmbeddedBroker | None = None
        self._cut_off: set[tuple[str, datetime | None]] = set()  # receiver, since when its key doesn't count
        self._evictions: Evictions | None = None
        self._ending = ExitStack()

    def start(self) -> None:
        """Start every part; if one can't, those before it are stopped again."""
        with ExitStack() as started:
            started.callback(self.db.close)
            migrations.check_migrated(self.db)
            listener = self._listen(started) if "web" in self.parts else None
            password = self._start_broker(started)
            if self.parts - {"web"}:
                self._start_machinery(started, password)
            if listener is not None:
                self._start_web(started, listener)
            self._ending = started.pop_all()

    def stop(self) -> None:
        self._ending.close()

    @property
    def broker(self) -> registry.BrokerAddress:
        """Where receivers enrolled here will find the broker."""
        return enrolling.broker_address(self.settings, self.broker_port)

    @property
    def url(self) -> str:
        host = f"[{self.settings.http_host}]" if ":" in self.settings.http_host else self.settings.http_host
        return f"http://{host}:{self.http_port}"

    def _listen(self, started: ExitStack) -> socket.socket:
        listener = listening_socket(self.settings.http_host, self.settings.http_port)
        started.callback(listener.close)
        self.http_port = int(listener.getsockname()[1])
        return listener

    def _start_broker(self, started: ExitStack) -> str:
        """Start the embedded broker, if so set; the password of the server's own links."""
        password = self.settings.broker_password.get_secret_value()
        if self.settings.broker == "external":
            return password
        password = password or passwords.generate()
        own_hash = passwords.hashed(password)

        def hash_of(username: str) -> str | None:
            if username == self.settings.broker_username:
                return own_hash
            with self.db.reading() as session:
                return registry.password_hash(session, username)

        broker = EmbeddedBroker(
            host=self.settings.broker_host,
            port=self.settings.broker_port,
            password_hash=hash_of,
            server=self.settings.broker_username,
        )
        self.broker_port = broker.start()
        started.callback(broker.stop)
        self._embedded = broker
        return password

    def _start_machinery(self, started: ExitStack, password: str) -> None:
        roles: list[Role] = [role for part in self.parts for role in KEYS_OF[part]]
        keyring = (
            Keyring.create(self.settings.keys, self.clock.now())
            if self.parts == PARTS
            else Keyring.load(self.settings.keys, roles)
        )
        if "ingest" in self.parts:
            shared = self.settings.broker == "external"
            seat = started.enter_context(Seat(self.settings.data_dir)) if shared else None
            link = self._link("ingest", password, kept=True, number=seat.number if seat else 1)
            ingest = Ingest(self.db, link, keyring, clock=self.clock, store=self.store, shared=shared)
            ingest.start()
            started.callback(ingest.stop)
            link.start()
            started.callback(link.stop)
        if "scheduler" in self.parts:
            link = self._link("scheduler", password, kept=False)
            link.start()
            started.callback(link.stop)
            if self.settings.broker == "external":
                self._evictions = Evictions(lambda receiver: self._as_receiver(receiver, password), self.clock)
            self._start_engine(started, keyring, link)

    def _start_engine(self, started: ExitStack, keyring: Keyring, link: MqttLink) -> None:
        leadership = Leadership(self.db, holder=f"{socket.gethostname()}:{os.getpid()}:{new_id()}")
        work = duties.Duties(
            self.db, link, keyring, clock=self.clock, store=self.store, settings=self.settings, leadership=leadership
        )
        with self.db.writing() as session:
            delivery.request_for_keys(session, keyring, self.clock.now())
        own = [Duty("admission", ADMISSION_EVERY_S, self._keep_admission)]
        engine = Engine(self.db, self.clock, leadership, firings=work.firings(), duties=[*work.duties(), *own])
        engine.start()
        started.callback(engine.stop)

    def _keep_admission(self) -> None:
        """Let the broker know whom to admit: new receivers, and revoked ones, whose connection ends."""
        settings = self.settings
        if settings.broker_password_file is not None:
            write_broker_passwords(settings, self.db, settings.broker_password_file)
        if settings.broker_revocation_list is not None:
            write_revocation_list(settings, self.db, settings.broker_revocation_list, self.clock)
        with self.db.reading() as session:
            ended = eviction.ended(session, self.clock.now())
            revoked = session.scalars(select(Receiver.id).where(Receiver.status == "revoked"))
            gone = {*ended, *((receiver, None) for receiver in revoked)}
        if self._embedded is not None:
            for receiver, _ in gone - self._cut_off:
                self._embedded.disconnect(receiver)
            self._cut_off = gone
        if self._evictions is not None:
            self._evictions.look(ended)

    def _as_receiver(self, receiver: str, password: str) -> MqttLink:
        """A link of the server's that takes a receiver's place at the broker."""
        settings = self.settings
        return MqttLink(
            host=settings.broker_host,
            port=self.broker_port,
            client_id=receiver,
            username=settings.broker_username,
            password=password,
            tls_ca=settings.broker_tls_ca,
        )

    def _link(self, part: str, password: str, *, kept: bool, number: int = 1) -> MqttLink:
        """A link of the server. `kept`: its session outlives it, so that the broker collects while ingest is down,
        and a message is acknowledged only once it is committed. `number`: which of several such processes this is.
        """
        settings = self.settings
        name = f"server-{part}-{socket.gethostname()}{'' if number == 1 else f'-{number}'}"
        return MqttLink(
            host=settings.broker_host,
            port=self.broker_port,
            client_id=name if kept else f"server-{part}-{new_id()}",
            clean=not kept,
            username=settings.broker_username,
            password=password,
            tls_ca=settings.broker_tls_ca,
            manual_ack=kept,
        )

    def _start_web(self, started: ExitStack, listener: socket.socket) -> None:
        context = Context(
            settings=self.settings,
            db=self.db,
            clock=self.clock,
            store=self.store,
            studio=self.studio,
            broker_port=self.broker_port,
        )
        app = create_app(context)
        server = uvicorn.Server(web_config(app, self.settings))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web")
        thread.start()

        def stop() -> None:
            app.state.live.close()  # open live pages would hold the server up
            server.should_exit = True
            thread.join()

        started.callback(stop)
        _wait(lambda: server.started or not thread.is_alive(), WEB_START_S)
        if not server.started:
            raise Invalid(
                what="máy chủ web không khởi động được, xem nhật ký / the web server did not start, see the log"
            )


def _checked_parts(settings: Settings, wanted: Iterable[str] | None) -> frozenset[Part]:
    asked = frozenset(wanted or PARTS)
    if unknown := sorted(asked - PARTS):
        raise Invalid(what=f"không có phần {', '.join(unknown)}; chọn trong web, scheduler, ingest / no such part")
    parts = frozenset(part for part in PARTS if part in asked)
    if settings.broker == "embedded" and parts != PARTS:
        raise Invalid(
            what="chạy riêng từng phần cần broker ngoài: đặt TRUYENTHANH_BROKER=external"
            " / separate parts need an external broker: set TRUYENTHANH_BROKER=external"
        )
    return parts


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until the condition holds or the time is over; used only while starting."""
    ticking = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        ticking.wait(0.02)


def run_until_signal(settings: Settings, parts: Iterable[str] | None) -> None:
    """Start, say where, and stop at SIGINT or SIGTERM."""
    logs.configure(settings.log_level, settings.log_format)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    server = Server(settings, parts)
    server.start()
    if "web" in server.parts:
        log.info("web is open", extra={"url": server.url})
    log.info("started", extra={"parts": ",".join(sorted(server.parts)), "broker_port": server.broker_port})
    stopped.wait()
    log.info("stopping")
    server.stop()
