"""A 5-minute bulletin at 2,000 receivers: what the server and the broker need, beside what the broker alone needs.

    python -m benchmarks.bulletins [--receivers 2000] [--database postgres|sqlite]

900 KB (5 minutes at 24 kbit/s) go from mosquitto to every receiver of a crowd in a process of its own, three times in
the same run: raw, where each subscribes to all chunks at once and nothing is checked; raw, but one chunk at a time, as
the protocol asks it so that commands get through; and then as a bulletin: a signed plan for each, chunks one at a time,
every chunk and the whole checked, and a signed report from each that it is there, committed. Counted is the processor
time of mosquitto and of the server (issuing, publishing, taking in; with PostgreSQL its processes as well); the
receivers' own is theirs.
Ends with 1 where the bulletin costs more than 1.3 times the raw one (all chunks at once), or isn't verified everywhere.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path

import msgspec
from sqlalchemy import func, select

from benchmarks.ingest import database
from broadcast import content, delivery
from broadcast.ingest import Ingest
from broadcast.tables import IssuedPlan, ReceiverObject
from core.clock import SystemClock
from core.ids import new_id
from devices.crowd import Crowd
from devices.link import MqttLink
from devices.link.crowded import CrowdedLink
from devices.protocol import topics
from devices.protocol.plan import CHUNK_BYTES
from devices.protocol.reports import Status
from devices.receiver.identity import Identity
from tests.broadcast.transmission.world import World, leading
from tests.support.mosquitto import Mosquitto

DURATION_MS = 300_000  # the world's sounds have 3 bytes a millisecond: 900 KB, as of 24 kbit/s
WANTED = 1.3
DEADLINE_S = 900.0
TICKS = os.sysconf("SC_CLK_TCK")
CHUNKS = -(-DURATION_MS * 3 // CHUNK_BYTES)


def cpu_s(pids: Sequence[int]) -> float:
    """Processor seconds of these processes until now."""
    total = 0
    for pid in pids:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(words[11]) + int(words[12])
    return total / TICKS


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it does not come to an end"
        time.sleep(0.25)  # the looking is in the figure


def receive_raw(
    identities: Sequence[Identity],
    sha256: str,
    connected: Event,
    go: Event,
    done: Event,
    *,
    one_at_a_time: bool,
) -> None:
    """A process of plain subscribers: everything there is of one object, counted and dropped."""
    asyncio.run(_receive_raw(identities, sha256, connected, go, done, one_at_a_time=one_at_a_time))


async def _receive_raw(
    identities: Sequence[Identity],
    sha256: str,
    connected: Event,
    go: Event,
    done: Event,
    *,
    one_at_a_time: bool,
) -> None:
    left = len(identities) * CHUNKS
    whole = asyncio.Event()
    links: list[CrowdedLink] = []

    def heard(number: int, topic: str, _payload: bytes) -> None:
        nonlocal left
        left -= 1
        if not left:
            whole.set()
        chunk = topics.parse_content(topic)
        if one_at_a_time and chunk is not None and chunk.n + 1 < CHUNKS:
            links[number].unsubscribe(topic)
            links[number].subscribe(topics.content(sha256, CHUNK_BYTES, chunk.n + 1))

    will = msgspec.json.encode(Status(online=False))
    links += [
        await CrowdedLink.connect(
            one.broker_host,
            one.broker_port,
            one.receiver,
            one.password,
            will=(topics.up(one.receiver, "status"), will),
            handler=partial(heard, number),
            lost=lambda: None,
        )
        for number, one in enumerate(identities)
    ]
    connected.set()
    await asyncio.to_thread(go.wait)
    for link in links:
        link.subscribe(topics.content(sha256, CHUNK_BYTES, 0) if one_at_a_time else f"tt/1/content/{sha256}/#")
    await whole.wait()
    done.set()
    for link in links:
        link.close()


def receive(identities: Sequence[Identity]) -> None:
    """A process of receivers that check and report."""
    asyncio.run(Crowd(identities, SystemClock()).run())


def raw_s(
    broker: Mosquitto, pid: int, identities: Sequence[Identity], sha256: str, *, one_at_a_time: bool = False
) -> tuple[float, float]:
    """Processor seconds of the broker, and seconds."""
    context = multiprocessing.get_context("spawn")
    connected, go, done = context.Event(), context.Event(), context.Event()
    target = partial(receive_raw, one_at_a_time=one_at_a_time)
    process = context.Process(target=target, args=(identities, sha256, connected, go, done))
    process.start()
    assert connected.wait(DEADLINE_S), broker
    before, began = cpu_s([pid]), time.monotonic()
    go.set()
    assert done.wait(DEADLINE_S)
    spent = cpu_s([pid]) - before, time.monotonic() - began
    process.join()
    return spent


def measure(kind: str, receivers: int) -> bool:
    with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as db:
        folder, word = Path(name), new_id()
        world = World(db, SystemClock(), folder)
        with world.db.writing() as session:
            boxes = [world.receiver(session, world.north) for _ in range(receivers)]
        with Mosquitto(folder / "broker", dict.fromkeys(["server", *(box.id for box in boxes)], word)) as broker:
            identities = [
                Identity(
                    receiver=box.id,
                    key=box.key.seed.hex(),
                    root=world.keyring.root.hex,
                    certificates=list(world.keyring.certificates.values()),
                    broker_host=broker.host,
                    broker_port=broker.port,
                    password=word,
                )
                for box in boxes
            ]
            return compare(kind, world, broker, identities, word)


def compare(kind: str, world: World, broker: Mosquitto, identities: Sequence[Identity], word: str) -> bool:
    def link(name: str, *, kept: bool = False) -> MqttLink:
        made = MqttLink(
            host=broker.host,
            port=broker.port,
            client_id=name,
            username="server",
            password=word,
            clean=not kept,
            manual_ack=kept,
        )
        made.start()
        wait(lambda: made.connected)
        return made

    pid = broker.pid
    receivers = {one.receiver for one in identities}
    leader, intake = link("leader"), link("intake", kept=True)
    ingest = Ingest(world.db, intake, world.keyring, clock=world.clock, store=world.store)
    ingest.start()
    with world.db.writing() as session:
        raw_programme, raw_items = world.make_programme(session, [DURATION_MS])
        programme, items = world.make_programme(session, [DURATION_MS])
        del raw_programme
    for sha256 in (raw_items[0].sound("horn"), items[0].sound("horn")):
        for n in range(CHUNKS):
            content.publish_chunk(world.store, leader, sha256, n)
    raw_cpu, raw_took = raw_s(broker, pid, identities, raw_items[0].sound("horn"))
    single_cpu, single_took = raw_s(broker, pid, identities, raw_items[0].sound("horn"), one_at_a_time=True)

    process = multiprocessing.get_context("spawn").Process(target=receive, args=(identities,))
    process.start()
    try:
        # Everybody connected, and with a first, empty plan.
        with world.db.writing() as session:
            delivery.request(session, receivers, world.clock.now())
        world.issue()
        delivery.publish_pending(world.db, leader, leading, world.clock)
        accepted = select(func.count()).where(IssuedPlan.accepted_at.is_not(None), IssuedPlan.superseded_at.is_(None))
        wait(lambda: count(world, accepted) == len(identities))
        servers = [os.getpid(), *backends(world)]
        before, began = (cpu_s([pid]), cpu_s(servers)), time.monotonic()
        with world.db.writing() as session:
            airing = world.airing(session, timedelta(hours=2), programme_id=programme, duration_ms=DURATION_MS)
            delivery.request_for_airings(session, [airing], world.clock.now())
        world.issue()
        delivery.publish_pending(world.db, leader, leading, world.clock)
        published_cpu = cpu_s([os.getpid(), *backends(world)]) - before[1]
        there = select(func.count()).where(ReceiverObject.sha256 == items[0].sound("horn"))
        wait(lambda: count(world, there) == len(identities))
        took = time.monotonic() - began
        broker_cpu, server_cpu = cpu_s([pid]) - before[0], cpu_s([os.getpid(), *backends(world)]) - before[1]
    finally:
        process.terminate()
        process.join()
        ingest.stop()
        leader.stop()
        intake.stop()
    ratio = (broker_cpu + server_cpu) / raw_cpu
    for line in (
        f"{kind}: {len(identities):,} receivers, {CHUNKS} chunks each",
        f"  raw: {raw_cpu:.1f} s of the broker's processor time, {raw_took:.1f} s",
        f"  raw, one chunk at a time: {single_cpu:.1f} s, {single_took:.1f} s",
        f"  verified: broker {broker_cpu:.1f} s, server {server_cpu:.1f} s of processor time, {took:.1f} s",
        f"    of the server's, {published_cpu:.1f} s until all plans were issued and published; the rest for reports",
        f"  {ratio:.2f} times the raw one (wanted: {WANTED}) {'reached' if ratio <= WANTED else 'MISSED'}",
    ):
        print(line)
    return ratio <= WANTED


def count(world: World, what: object) -> int:
    with world.db.reading() as session:
        return session.scalar(what) or 0  # type: ignore[call-overload]


def backends(world: World) -> list[int]:
    """PostgreSQL's processes for our connections."""
    if world.db.is_sqlite:
        return []
    with world.db.reading() as session:
        asked = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        return [row[0] for row in session.connection().exec_driver_sql(asked)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bulletins", description=__doc__)
    parser.add_argument("--receivers", type=int, default=2_000)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    options = parser.parse_args()
    return 0 if measure(options.database, options.receivers) else 1


if __name__ == "__main__":
    sys.exit(main())
