"""An ingest process killed with SIGKILL at random moments while records pour in: none is lost, and none doubled."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from sqlalchemy import func, select

from broadcast import judging
from broadcast.tables import PlayBatch, Playout, StoredRecord, UnjudgedBatch, Watermark
from core.clock import SystemClock
from core.database import Database
from tests.broadcast.transmission.test_playouts import planned, played
from tests.broadcast.transmission.world import World

# It takes in what it is given on its standard input, again and again, as receivers offer what isn't acknowledged.
PROGRAM = """
import sys
from broadcast import intake, judging
from broadcast.intake import Upward
from core.clock import SystemClock
from core.database import Database

db, clock = Database(sys.argv[1]), SystemClock()
messages = [Upward(line.split()[0], line.split()[1].encode()) for line in sys.stdin.read().splitlines()]
judge = judging.Judge(db, clock)
judge.start()
print("ready", flush=True)
for message in messages:
    opened = intake.open_batch(db, [message], sys.argv[2])
    with db.writing() as session:
        [standing] = intake.apply(session, opened, clock).watermarks
    judge.wake()
    print(standing.log, standing.through, flush=True)
judge.stop()
"""
MESSAGES, ROUNDS = 60, 4


def test_what_was_acknowledged_is_there_whenever_the_process_is_killed(db_url: str, tmp_path: Path) -> None:
    db, rng = Database(db_url), random.Random(5)  # noqa: S311 - fixed moments
    world = World(db, SystemClock(), tmp_path)
    airings = [planned(world) for _ in range(MESSAGES // 3)]
    boxes = (world.a, world.b, world.c)
    lines = [
        f"tt/1/rx/{box.id}/up/plays {box.plays(played(world, box, airing), world.clock.now()).decode()}"
        for airing in airings
        for box in boxes
    ]
    acknowledged: dict[str, int] = {}
    for round_ in range(ROUNDS + 1):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, db_url, world.keyring.issuer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n".join(lines))
        process.stdin.close()
        assert process.stdout.readline() == "ready\n"
        # The last one is left alone; the others die behind some acknowledgement, in the middle of what follows it.
        for _ in range(rng.randint(1, MESSAGES - 1) if round_ < ROUNDS else MESSAGES):
            log, through = process.stdout.readline().split()
            acknowledged[log] = max(acknowledged.get(log, 0), int(through))
        if round_ < ROUNDS:
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with db.reading() as session:
            for of_log, known in acknowledged.items():
                stored = select(func.count()).where(StoredRecord.log == of_log, StoredRecord.seq <= known)
                assert session.scalar(stored) == known
    with db.reading() as session:
        counts = {one: session.scalar(select(func.count()).select_from(one)) for one in (StoredRecord, PlayBatch)}
        marks = session.scalars(select(Watermark.through)).all()
    assert counts == {StoredRecord: MESSAGES * 3, PlayBatch: MESSAGES}
    assert list(marks) == [MESSAGES] * 3
    judging.judge_all(db, world.clock)  # what the last one had no time for
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(UnjudgedBatch)) == 0
        assert set(session.scalars(select(Playout.state))) == {"finished"}
    db.close()
