"""A web process for tests: the real application on a real uvicorn, on a free port, over a database of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.context import Context
from api.serve import web_config
from audio.store import ObjectStore
from audio.studio import Studio
from audio.voices import chain
from core.clock import Clock
from core.database import Database
from core.settings import Settings
from tests.api.scene import PASSWORD


def make_context(db: Database, clock: Clock, folder: Path, **settings: object) -> Context:
    settings.setdefault("fallback_voices_permitted", True)  # the offline voice speaks in these tests
    known = Settings(_env_file=None, data_dir=folder, **settings)  # type: ignore[call-arg,arg-type]
    store = ObjectStore(known.objects)
    studio = Studio(store, chain(known.voices, outside_allowed=False))
    return Context(settings=known, db=db, clock=clock, store=store, studio=studio, broker_port=1883)


@dataclass(slots=True)
class Site:
    """A running web process. Clients made here are closed with it."""

    url: str
    context: Context
    app: FastAPI
    clients: list[httpx.Client]

    @property
    def db(self) -> Database:
        return self.context.db

    def client(self, **headers: str) -> httpx.Client:
        client = httpx.Client(base_url=self.url, headers=headers, timeout=20)
        self.clients.append(client)
        return client

    def as_(self, username: str) -> httpx.Client:
        """A client that is logged in."""
        client = self.client()
        answer = client.post("/api/v1/login", json={"username": username, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return client


@contextmanager
def running(context: Context) -> Iterator[Site]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    app = create_app(context)
    server = uvicorn.Server(web_config(app, context.settings))
    ready = threading.Event()
    thread = threading.Thread(target=_run, args=(server, listener, ready), name="test-web")
    thread.start()
    site = Site(f"http://127.0.0.1:{listener.getsockname()[1]}", context, app, [])
    try:
        assert ready.wait(20), "uvicorn did not start"
        yield site
    finally:
        for client in site.clients:
            client.close()
        app.state.live.close()
        server.should_exit = True
        thread.join()
        listener.close()


def _run(server: uvicorn.Server, listener: socket.socket, ready: threading.Event) -> None:
    # uvicorn has no event for "started" but its own startup coroutine: tell when that is done.
    startup = server.startup

    async def startup_then_tell(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets)
        ready.set()

    server.startup = startup_then_tell  # type: ignore[method-assign]
    server.run([listener])
