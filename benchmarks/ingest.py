"""How many play records a second are taken in, verified, committed and acknowledged.

    python -m benchmarks.ingest [--records 60000] [--receivers 100] [--database sqlite|postgres]

The ingest service of one process, fed with messages as a broker gives them (Ed25519 signatures, chained records that
finish planned playouts) and done when its signed watermarks acknowledge every record: in messages of 100, the same
messages again, and in messages of 1. Signing is not in the figures. Behind each stands what followed: how long until
all of those playouts were judged. PostgreSQL is measured where its programs are installed, in a private cluster with
everything flushed to the disk.
Ends with 1 where messages of 100 come to fewer than 30,000 records/s, or where what is stored isn't what was sent.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from broadcast.ingest import Ingest
from broadcast.tables import Playout, StoredRecord, UnjudgedBatch, Watermark
from core.clock import SystemClock
from core.database import Database
from devices.link import Delivery, Handler, Message
from devices.protocol import topics
from tests.broadcast.transmission.world import Box, World
from tests.support.database import migrate, sqlite_url
from tests.support.postgres import PostgresServer
from tests.support.services import find

MESSAGE_RECORDS = 100
ALONE_SHARE = 10  # of the records, one in so many comes in a message of its own
WANTED_RECORDS_S = 30_000
DEADLINE_S = 600.0


@contextmanager
def database(kind: str, folder: Path) -> Iterator[Database]:
    if kind == "sqlite":
        url, server = sqlite_url(folder / "bench.db"), None
    else:
        program = find("postgres")
        assert program is not None
        server = PostgresServer(program, options=())
        server.start()
        url = server.create_database("bench")
    migrate(url)
    db = Database(url)
    try:
        yield db
    finally:
        db.close()
        if server is not None:
            server.remove()


class Feed:
    """A link whose broker is this program: what is published on it is counted, and nothing else."""

    connected = True
    last_error = None

    def __init__(self) -> None:
        self.handlers: list[Handler] = []
        self.acknowledged = 0  # by the broker's reckoning: PUBACKs
        self.watermarks = 0

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def publish(self, topic: str, _payload: bytes, *, qos: int = 1, retain: bool = False) -> Delivery:
        assert topic.endswith("/down/ack"), (topic, qos, retain)
        self.watermarks += 1
        return Delivery.of_accepted()

    def subscribe(self, _topic_filter: str, handler: Handler, *, qos: int = 1) -> None:
        assert qos == 1
        self.handlers.append(handler)

    def unsubscribe(self, _topic_filter: str) -> None: ...

    def on_connect(self, _callback: Callable[[], object]) -> None: ...

    def give(self, topic: str, payload: bytes) -> None:
        self.handlers[0](Message(topic, payload, ack=self._acknowledge))

    def _acknowledge(self) -> None:
        self.acknowledged += 1


@dataclass(frozen=True, slots=True)
class Sent:
    messages: list[tuple[str, bytes]]
    records: int


def logs(world: World, receivers: int, records: int) -> list[tuple[Box, list[object]]]:
    """What the receivers have to say after a day without a server: records of playouts that were planned."""
    with world.db.writing() as session:
        boxes = [world.receiver(session, world.north) for _ in range(receivers)]
        each = -(-records // receivers // len(world.items))
        airings = [
            (row.id, row.starts_at) for row in (world.airing(session, timedelta(minutes=2 + n)) for n in range(each))
        ]
        world.request_all(session)
    world.issue()
    return [
        (box, [box.record(airing, item, start) for airing, start in airings for item in world.items]) for box in boxes
    ]


def messages(world: World, told: Sequence[tuple[Box, list[object]]], size: int) -> Sent:
    made = []
    for box, records in told:
        for at in range(0, len(records), size):
            token = box.plays(records[at : at + size], world.clock.now())  # type: ignore[arg-type]
            made.append((topics.up(box.id, "plays"), token))
    return Sent(made, sum(len(records) for _, records in told))


def take_in(world: World, sent: Sequence[Sent]) -> list[tuple[float, float, float]]:
    """For each: seconds until acknowledged, until judged, and of this process's processor time until acknowledged."""
    feed = Feed()
    ingest = Ingest(world.db, feed, world.keyring, clock=world.clock, store=world.store)
    ingest.start()
    taken = []
    try:
        for part in sent:
            feed.acknowledged = 0
            started, worked = time.perf_counter(), time.process_time()
            for topic, payload in part.messages:
                feed.give(topic, payload)
            wait(lambda part=part: feed.acknowledged == len(part.messages))  # type: ignore[misc]
            acknowledged, worked = time.perf_counter() - started, time.process_time() - worked
            wait(lambda: not waiting_to_be_judged(world.db))
            taken.append((acknowledged, time.perf_counter() - started, worked))
    finally:
        ingest.stop()
    assert feed.watermarks > 0
    return taken


def waiting_to_be_judged(db: Database) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(UnjudgedBatch)) or 0


def wait(condition: Callable[[], bool]) -> None:
    ticking, deadline = threading.Event(), time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "the service does not come to an end"
        ticking.wait(0.005)


def measure(kind: str, receivers: int, records: int) -> bool:
    with tempfile.TemporaryDirectory() as folder, database(kind, Path(folder)) as db:
        world = World(db, SystemClock(), Path(folder))
        many = messages(world, logs(world, receivers, records), MESSAGE_RECORDS)
        alone = messages(world, logs(world, receivers, records // ALONE_SHARE), 1)
        (first, judged, worked), (again, _, _), (single, _, _) = take_in(world, [many, many, alone])
        with db.reading() as session:
            stored = session.scalar(select(func.count()).select_from(StoredRecord)) or 0
            through = session.scalar(select(func.sum(Watermark.through))) or 0
            finished = session.scalar(select(func.count()).where(Playout.state == "finished")) or 0
            items = len(world.items)
    rate = many.records / first
    print(f"{kind}: {stored:,} records of {2 * receivers} receivers, {finished:,} playouts finished")
    print(f"  in messages of {MESSAGE_RECORDS}: {rate:,.0f} records/s acknowledged (wanted: {WANTED_RECORDS_S:,})")
    print(f"    {worked / many.records * 1e6:.1f} µs of this process a record")
    print(f"    {many.records / judged:,.0f} records/s until all playouts were judged")
    print(f"  the same again, all duplicates: {many.records / again:,.0f} records/s")
    print(f"  in messages of 1: {alone.records / single:,.0f} records/s")
    whole = through == stored == many.records + alone.records and finished * items == stored
    if not whole:
        print("  NOT WHOLE: what is stored isn't what was sent")
    return whole and rate >= WANTED_RECORDS_S


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument("--receivers", type=int, default=100)
    parser.add_argument("--database", choices=["sqlite", "postgres"], action="append")
    options = parser.parse_args()
    kinds = options.database or ["sqlite", *(["postgres"] if find("postgres") else [])]
    met = [measure(kind, options.receivers, options.records) for kind in kinds]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
