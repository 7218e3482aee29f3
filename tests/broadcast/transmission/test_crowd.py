"""Receivers without sound, many in one process, against the real server's side and a real mosquitto."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from broadcast import content, delivery
from broadcast.ingest import Ingest
from broadcast.tables import Playout, ReceiverObject
from core.clock import SystemClock
from core.database import Database
from core.ids import new_id
from devices import crowd
from devices.crowd import Crowd
from devices.link import MqttLink
from devices.protocol import topics
from devices.protocol.plan import CHUNK_BYTES
from devices.receiver.identity import Identity
from tests.broadcast.transmission.test_ingest import until
from tests.broadcast.transmission.world import Box, World, leading
from tests.support.mosquitto import Mosquitto

WORD = new_id()


def identity(world: World, box: Box, broker: Mosquitto) -> Identity:
    return Identity(
        receiver=box.id,
        key=box.key.seed.hex(),
        root=world.keyring.root.hex,
        certificates=list(world.keyring.certificates.values()),
        broker_host=broker.host,
        broker_port=broker.port,
        password=WORD,
    )


@contextmanager
def running(many: Crowd) -> Iterator[None]:
    loop = asyncio.new_event_loop()
    task = loop.create_task(many.run())

    def run() -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            pass
        finally:
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()


@pytest.mark.service("mosquitto")
def test_a_crowd_takes_plans_fetches_checks_and_accounts_for_what_it_played(
    sqlite_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowd, "CHUNK_WAIT_S", 0.3)
    world = World(sqlite_db, SystemClock(), tmp_path)
    with world.db.writing() as session:
        for _ in range(5):
            world.receiver(session, world.north)
        programme, items = world.make_programme(session, [40_000, 500])
        world.airing(session, timedelta(seconds=4), programme_id=programme, duration_ms=500)
        world.request_all(session)
    boxes = list(world.boxes.values())
    with Mosquitto(tmp_path / "broker", dict.fromkeys(["server", *world.boxes], WORD)) as broker:

        def link(name: str, *, kept: bool = False) -> MqttLink:
            made = MqttLink(
                host=broker.host,
                port=broker.port,
                client_id=name,
                username="server",
                password=WORD,
                clean=not kept,
                manual_ack=kept,
            )
            made.start()
            return made

        leader, intake = link("leader"), link("intake", kept=True)
        ingest = Ingest(world.db, intake, world.keyring, clock=world.clock, store=world.store)
        ingest.start()
        until(lambda: leader.connected and intake.connected, "the server's links")
        # Somebody put another sound in the place of a chunk, and another plan in the place of one's own.
        swapped = topics.content(items[0].sound("horn"), CHUNK_BYTES, 1)
        assert leader.publish(swapped, b"something else", retain=True).wait(5)
        many = Crowd([identity(world, box, broker) for box in boxes], world.clock)
        with running(many):
            world.issue()
            delivery.publish_pending(world.db, leader, leading, world.clock)
            content.publish_chunk(world.store, leader, items[0].sound("horn"), 0)
            until(lambda: many.told["bad-chunk"] >= len(boxes) - 1, "the other sound is not taken")
            content.publish_needed(world.db, world.store, leader, world.clock)
            leader.publish(topics.down(boxes[0].id, "plan"), plan_token(world, boxes[1]))
            until(lambda: many.told["refused-misaddressed"] == 1, "the other's plan is refused")
            until(lambda: count(world, ReceiverObject) > 0 and many.told["ready"] >= len(boxes), "all is fetched")
            until(lambda: many.told["recorded"] == 2 * len(boxes), "it was played")
            until(lambda: many.told["acknowledged"] == 2 * len(boxes), "and acknowledged")
            until(lambda: count(world, Playout, Playout.state == "finished") == len(boxes), "and judged")
        assert many.told["connected"] == many.told["accepted"] == len(boxes)
        ingest.stop()
        for one in (leader, intake):
            one.stop()


def plan_token(world: World, box: Box) -> bytes:
    with world.db.reading() as session:
        issued = delivery.current_plan(session, box.id)
    assert issued is not None
    return issued.token.encode()


def count(world: World, entity: type, *conditions: object) -> int:
    with world.db.reading() as session:
        return session.scalar(select(func.count()).select_from(entity).where(*conditions)) or 0  # type: ignore[arg-type]


def test_a_crowd_goes_on_trying_where_no_broker_is(sqlite_db: Database, tmp_path: Path) -> None:
    world = World(sqlite_db, SystemClock(), tmp_path)
    nowhere = Identity(receiver=world.a.id, key=world.a.key.seed.hex(), root=world.keyring.root.hex, broker_port=1)
    many = Crowd([nowhere], world.clock)
    with running(many):
        until(lambda: many.told["not-connected"] >= 1, "it was refused")
