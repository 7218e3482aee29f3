"""How many play records a second are taken in, verified, committed and ready to be acknowledged.

    python -m benchmarks.ingest [--records 20000] [--receivers 100] [--database sqlite|postgres]

One process, messages of 100 records each as receivers send them (Ed25519 signatures, chained, with playouts that they
finish), taken in 20 messages at a time; once as they come first, and once as duplicates. Signing is not in the figure.
PostgreSQL is measured where its programs are installed, in a private cluster with everything flushed to the disk.
Ends with 1 when what was stored isn't what was sent; there is no target for the figure yet.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from broadcast import intake
from broadcast.intake import Upward
from broadcast.tables import Playout, StoredRecord, Watermark
from core.clock import ManualClock
from core.database import Database
from devices.protocol import topics
from tests.broadcast.transmission.world import World
from tests.support.database import migrate, sqlite_url
from tests.support.postgres import PostgresServer
from tests.support.services import find

MESSAGE_RECORDS = 100
BATCH_MESSAGES = 20


@contextmanager
def database(kind: str, folder: Path) -> Iterator[Database]:
    if kind == "sqlite":
        url, server = sqlite_url(folder / "bench.db"), None
    else:
        program = find("postgres")
        assert program is not None
        server = PostgresServer(program)
        server.start()
        for setting in ("fsync = on", "full_page_writes = on"):
            server.execute(f"ALTER SYSTEM SET {setting}")
        server.execute("SELECT pg_reload_conf()")
        url = server.create_database("bench")
    migrate(url)
    db = Database(url)
    try:
        yield db
    finally:
        db.close()
        if server is not None:
            server.remove()


def messages(world: World, receivers: int, records: int) -> list[Upward]:
    """What the receivers say after a day without a server: every record belongs to a playout that was planned."""
    with world.db.writing() as session:
        boxes = [world.receiver(session, world.north) for _ in range(receivers)]
        each = -(-records // receivers // len(world.items))
        airings = [
            (row.id, row.starts_at) for row in (world.airing(session, timedelta(minutes=2 + n)) for n in range(each))
        ]
        world.request_all(session)
    world.issue()
    world.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
    made = []
    for box in boxes:
        log = [box.record(airing, item, start) for airing, start in airings for item in world.items]
        for at in range(0, len(log), MESSAGE_RECORDS):
            token = box.plays(log[at : at + MESSAGE_RECORDS], world.clock.now())
            made.append(Upward(topics.up(box.id, "plays"), token))
    return made


def take_in(world: World, sent: Sequence[Upward]) -> float:
    """Seconds for all of them."""
    started = time.perf_counter()
    for at in range(0, len(sent), BATCH_MESSAGES):
        opened = intake.open_batch(world.db, sent[at : at + BATCH_MESSAGES], world.keyring.issuer)
        assert not opened.rejected
        with world.db.writing() as session:
            intake.apply(session, opened, world.clock)
    return time.perf_counter() - started


def measure(kind: str, receivers: int, records: int) -> bool:
    with tempfile.TemporaryDirectory() as folder, database(kind, Path(folder)) as db:
        world = World(db, ManualClock(datetime.now(UTC)), Path(folder))
        sent = messages(world, receivers, records)
        first, again = take_in(world, sent), take_in(world, sent)
        with db.reading() as session:
            stored = session.scalar(select(func.count()).select_from(StoredRecord)) or 0
            through = session.scalar(select(func.sum(Watermark.through))) or 0
            finished = session.scalar(select(func.count()).where(Playout.state == "finished")) or 0
    print(
        f"{kind}: {stored:,} records in {len(sent)} messages of {receivers} receivers, {finished:,} playouts finished"
    )
    print(f"  taken in, verified, committed: {stored / first:,.0f} records/s")
    print(f"  the same messages again, all duplicates: {stored / again:,.0f} records/s")
    return through == stored and finished * len(world.items) == stored


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--receivers", type=int, default=100)
    parser.add_argument("--database", choices=["sqlite", "postgres"], action="append")
    options = parser.parse_args()
    kinds = options.database or ["sqlite", *(["postgres"] if find("postgres") else [])]
    met = [measure(kind, options.receivers, options.records) for kind in kinds]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
