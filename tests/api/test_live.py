"""The live stream: word of each change, at once, to everyone who listens, and an end when it is time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx
import pytest

from api import live
from core.clock import ManualClock
from core.events import SYSTEM, record
from tests.api.scene import add_airing, add_places, add_playout, set_state
from tests.api.site import Site


class Listener:
    """Reads a stream in a thread and counts the events."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._changed = threading.Condition()
        self.changes = 0
        self.ended = False
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            for line in self._response.iter_lines():
                if line == "event: change":
                    with self._changed:
                        self.changes += 1
                        self._changed.notify_all()
        except (httpx.ReadError, httpx.RemoteProtocolError, httpx.StreamClosed):
            pass
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def wait(self, least: int, within_s: float = 5.0) -> None:
        """Until at least so many changes were told."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.changes >= least, within_s), f"{self.changes} of {least}"

    def wait_for_end(self, within_s: float = 20.0) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.ended, within_s)
        self._thread.join()


@contextmanager
def listening(client: httpx.Client) -> Iterator[Listener]:
    with client.stream("GET", "/api/v1/live") as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Listener(response)


def test_a_change_is_told_to_all(any_site: Site, clock: ManualClock) -> None:
    with any_site.db.writing() as session:
        scene = add_places(session, clock)
        box = scene.receivers[scene.communes[0]][0]
        airing = add_airing(session, scene, clock, "Sáng", clock.now())
        add_playout(session, airing, box, "ready", clock)
    # Ended from here, because closing a client while another thread reads it isn't clean.
    with listening(any_site.as_("operator")) as one, listening(any_site.as_("auditor")) as other:
        one.wait(1)
        other.wait(1)
        set_state(any_site.db, airing.id, box, "playing", clock)
        one.wait(2)
        other.wait(2)
        clock.advance(timedelta(seconds=1))
        with any_site.db.writing() as session:
            record(session, "user:unit:renamed", actor=SYSTEM, at=clock.now(), subject=("unit", "x"))
        one.wait(3)
        _close(any_site)
        one.wait_for_end()
        other.wait_for_end()


def _close(site: Site) -> None:
    app_live: live.Live = site.app.state.live
    app_live.close()


def test_a_stream_ends_after_its_time_and_the_looking_with_the_last_listener(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LIFE_S", 0.6)
    with listening(site.as_("operator")) as one:
        one.wait_for_end()
    deadline = time.monotonic() + 5
    while site.app.state.live.listeners and time.monotonic() < deadline:
        time.sleep(0.01)
    assert site.app.state.live.listeners == 0


def test_a_stream_asks_who_is_there(site: Site) -> None:
    assert site.client().get("/api/v1/live").status_code == 401
