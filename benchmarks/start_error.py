"""How exactly do receivers begin? `python -m benchmarks.start_error [--receivers 6] [--seconds 8] [--output wav]`

Runs receivers in this process over the broker in memory, issues one airing to all, once on a quiet machine and once
with every core busy, and prints the distribution of |started_at − planned_at| over all items. `started_at` is where the
output's clock really placed the first sample. Ends with 1 where anything is beyond 20 ms, or anyone didn't play.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from core.clock import SystemClock
from devices.fleet import Fleet
from devices.link import MemoryBroker
from devices.protocol.reports import PlayRecord, Ready
from devices.receiver.identity import will
from devices.receiver.settings import AgentSettings
from tests.devices.receiver.station import Audio, Station, airing

LIMIT_MS = 20
ITEM_S = (1.5, 2.0)


def _burn(ending: object) -> None:
    numbers = np.random.default_rng(1).random((200, 200))
    while not ending.is_set():  # type: ignore[attr-defined]  # multiprocessing's Event has no public type
        numbers = numbers @ numbers % 1.0


@contextmanager
def load(*, on: bool) -> Iterator[None]:
    """Every core busy with other processes, where it is on."""
    ending = multiprocessing.Event()
    processes = [multiprocessing.Process(target=_burn, args=(ending,), daemon=True) for _ in range(2 * _cores())]
    if on:
        for process in processes:
            process.start()
    try:
        yield
    finally:
        ending.set()
        for process in processes:
            if process.pid is not None:
                process.join()


def _cores() -> int:
    return multiprocessing.cpu_count()


def run(folder: Path, *, receivers: int, output: str, lead_s: float, busy: bool) -> list[PlayRecord]:
    """One airing on so many receivers; every record of it."""
    broker = MemoryBroker()
    station = Station(folder, broker.link("server"))
    audios = [Audio.of(folder, seconds, hertz=440 + 200 * n) for n, seconds in enumerate(ITEM_S)]
    station.publish(*audios)
    identities = [station.enrol() for _ in range(receivers)]
    fleet = Fleet(
        identities,
        folder / "fleet",
        clock=SystemClock(),
        output="wav" if output == "wav" else "null",
        link_factory=lambda identity: broker.link(identity.receiver, will=will(identity), clean=True),
        settings=AgentSettings(machine=""),
    )
    with load(on=busy):
        fleet.start()
        try:
            planned = airing(datetime.now(UTC) + timedelta(seconds=lead_s), audios)
            for identity in identities:
                station.issue(station.plan(identity, [planned], audios))
            station.wait(
                lambda: len({who for who, r in station.reports if isinstance(r, Ready)}) == receivers, seconds=lead_s
            )
            expected = receivers * len(audios)
            station.wait(lambda: len(station.records_of(planned.airing)) == expected, seconds=lead_s + sum(ITEM_S) + 30)
        finally:
            fleet.stop()
            station.link.stop()
    return station.records_of(planned.airing)


def describe(records: list[PlayRecord]) -> dict[str, float]:
    """Milliseconds; a record without a start counts as infinitely late."""
    errors = [abs(r.started_at - r.planned_at) if r.started_at is not None else float("inf") for r in records]
    return {
        "items": len(errors),
        "finished": sum(record.outcome == "finished" for record in records),
        "mean_ms": round(float(np.mean(errors)), 2),
        "p50_ms": float(np.percentile(errors, 50)),
        "p99_ms": float(np.percentile(errors, 99)),
        "max_ms": float(max(errors)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--receivers", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=8.0, help="from the plan to the start")
    parser.add_argument("--output", choices=["wav", "null"], default="wav")
    options = parser.parse_args()
    good = True
    for busy in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            records = run(
                Path(folder), receivers=options.receivers, output=options.output, lead_s=options.seconds, busy=busy
            )
        found = describe(records)
        good = good and found["max_ms"] <= LIMIT_MS and found["finished"] == found["items"]
        print(json.dumps({"load": "every core busy" if busy else "none", "receivers": options.receivers, **found}))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
