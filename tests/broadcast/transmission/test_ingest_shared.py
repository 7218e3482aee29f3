"""Several ingest processes at a real mosquitto: what comes is shared out, and none of it is lost when one is killed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func, select

from broadcast.ingest import Ingest
from broadcast.tables import PlayBatch, StoredRecord
from core.clock import SystemClock
from core.database import Database
from core.ids import new_id
from devices.link import Message, MqttLink
from devices.protocol import topics
from devices.protocol.reports import Status
from devices.tables import Receiver
from tests.broadcast.transmission.test_ingest import until
from tests.broadcast.transmission.world import World
from tests.support.mosquitto import Mosquitto

MESSAGES, EACH = 40, 5


@pytest.mark.service("mosquitto")
def test_two_processes_share_what_comes_and_one_takes_over_what_the_other_left(
    sqlite_db: Database, tmp_path: Path
) -> None:
    world = World(sqlite_db, SystemClock(), tmp_path)
    box = world.a
    heard: list[Message] = []

    def link(name: str, user: str, *, kept: bool) -> MqttLink:
        return MqttLink(
            host=broker.host,
            port=broker.port,
            client_id=name,
            username=user,
            password="w",
            clean=not kept,
            manual_ack=kept,
        )

    def service(name: str) -> tuple[Ingest, MqttLink, list[str]]:
        own, taken = link(name, "server", kept=True), []
        ingest = Ingest(world.db, own, world.keyring, clock=world.clock, store=world.store, shared=True)
        arrived = ingest._arrived

        def arriving(message: Message) -> None:
            taken.append(message.topic.rpartition("/")[2])
            arrived(message)

        ingest._arrived = arriving  # type: ignore[method-assign]
        ingest.start()
        own.start()
        return ingest, own, taken

    with Mosquitto(tmp_path / "broker", {"server": "w", box.id: "w"}) as broker:
        first, first_link, by_first = service("server-ingest-1")
        second, second_link, by_second = service("server-ingest-2")
        until(lambda: first_link.connected and second_link.connected, "both connected")
        receiver = link(box.id, box.id, kept=False)
        receiver.subscribe(topics.down(box.id, "ack"), heard.append)
        receiver.start()
        until(lambda: receiver.connected, "the receiver connected")
        receiver.publish(topics.up(box.id, "status"), msgspec.json.encode(Status(online=True)), retain=True)
        until(lambda: "status" in by_first and "status" in by_second, "statuses are told to both")
        messages = [
            box.plays([box.record(new_id(), world.items[0], world.clock.now()) for _ in range(EACH)], world.clock.now())
            for _ in range(MESSAGES)
        ]
        for message in messages[: MESSAGES // 2]:
            receiver.publish(topics.up(box.id, "plays"), message)
        until(lambda: stored(world) == MESSAGES // 2 * EACH, "the first half")
        assert min(by_first.count("plays"), by_second.count("plays")) > 0
        assert by_first.count("plays") + by_second.count("plays") == MESSAGES // 2
        # The second takes nothing any more, as if it were dead; what the broker gives it meanwhile stays its own.
        second._stopping.set()
        for message in messages[MESSAGES // 2 :]:
            receiver.publish(topics.up(box.id, "plays"), message)
        until(lambda: stored(world) > MESSAGES // 2 * EACH, "the first one goes on")
        second.stop()
        second_link.stop()
        heir, heir_link, _ = service("server-ingest-2")
        until(lambda: stored(world) == MESSAGES * EACH, "all of them")
        until(lambda: len(heard) > 0, "watermarks came back")
        for ingest, own in ((first, first_link), (heir, heir_link)):
            ingest.stop()
            own.stop()
        receiver.stop()
    with world.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(PlayBatch)) == MESSAGES
        assert session.get_one(Receiver, box.id).last_status is not None


def stored(world: World) -> int:
    with world.db.reading() as session:
        return session.scalar(select(func.count()).select_from(StoredRecord)) or 0
