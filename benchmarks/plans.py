"""How long a change takes that touches every receiver of a province: each has its own plan composed, signed, published.

    python -m benchmarks.plans [--receivers 10000] [--database sqlite|postgres]

100 communes, four airings a day in every plan, and then one more for all of them. From the change until mosquitto has
acknowledged the last plan, in one process, as the leader does it. PostgreSQL is measured where its programs are
installed, in a private cluster with everything flushed to the disk.
Ends with 1 where it takes longer than 5 s on PostgreSQL, which is what a province of that size runs on.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.ingest import database
from broadcast import delivery
from broadcast.tables import IssuedPlan, Playout
from core import units
from core.clock import SystemClock
from core.ids import new_id
from core.units import Unit
from devices.link import MqttLink
from devices.protocol.signing import SigningKey
from devices.tables import Receiver
from tests.broadcast.transmission.world import World, leading
from tests.support.mosquitto import Mosquitto
from tests.support.services import find

COMMUNES = 100
WANTED_S = 5.0


def province(world: World, receivers: int) -> None:
    key = SigningKey.generate().public.hex
    with world.db.writing() as session:
        top = session.get_one(Unit, world.province)
        communes = [units.add(session, kind="commune", name=f"Xã {n}", parent=top).id for n in range(COMMUNES)]
        session.add_all(
            Receiver(
                id=new_id(),
                unit_id=communes[number % COMMUNES],
                name="Bộ thu",
                clusters=1,
                profile="horn",
                public_key=key,
                broker_password="-",  # noqa: S106 - nobody connects
                enrolled_at=world.clock.now(),
            )
            for number in range(receivers)
        )
        for hours in range(2, 72, 6):
            world.airing(session, timedelta(hours=hours))


def change(world: World, link: MqttLink) -> tuple[int, float, float]:
    """One more airing for all: plans, seconds until they were all issued, and until they were published."""
    with world.db.writing() as session:
        airing = world.airing(session, timedelta(hours=1, minutes=len(world.boxes)))
        began = time.perf_counter()
        delivery.request_for_airings(session, [airing], world.clock.now())
    issued = world.issue()
    issued_s = time.perf_counter() - began
    published = delivery.publish_pending(world.db, link, leading, world.clock)
    took_s = time.perf_counter() - began
    assert published == issued, (published, issued)
    return issued, issued_s, took_s


def measure(kind: str, receivers: int) -> bool:
    with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as db:
        folder = Path(name)
        world = World(db, SystemClock(), folder)
        province(world, receivers)
        word = new_id()
        with Mosquitto(folder / "broker", {"server": word}) as broker:
            link = MqttLink(host=broker.host, port=broker.port, client_id="leader", username="server", password=word)
            link.start()
            try:
                while not link.connected:
                    time.sleep(0.01)
                change(world, link)  # the first plans of all
                worked = time.process_time()
                issued, issued_s, took_s = change(world, link)
                worked = time.process_time() - worked
            finally:
                link.stop()
        with db.reading() as session:
            left = session.scalar(select(func.count()).where(IssuedPlan.published_at.is_(None)))
            promised = session.scalar(select(func.count()).select_from(Playout)) or 0
    reached = took_s <= WANTED_S
    print(
        f"{kind}: {issued:,} plans issued in {issued_s:.1f} s, published in {took_s:.1f} s (wanted: {WANTED_S:.0f} s)"
        f" {'reached' if reached else 'MISSED'}; {worked / issued * 1e6:.0f} µs of this process a plan"
    )
    whole = left == 0 and promised == issued * 14
    if not whole:
        print("  NOT WHOLE: plans are left, or promises are missing")
    return whole and (reached or kind == "sqlite")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plans", description=__doc__)
    parser.add_argument("--receivers", type=int, default=10_000)
    parser.add_argument("--database", choices=["sqlite", "postgres"], action="append")
    options = parser.parse_args()
    kinds = options.database or ["sqlite", *(["postgres"] if find("postgres") else [])]
    met = [measure(kind, options.receivers) for kind in kinds]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
