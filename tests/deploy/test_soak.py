"""Rounds of faults: again and again one process is killed with SIGKILL at a random moment around an airing.

Whatever dies, and when: every airing ends in exactly one true state for each receiver, what a receiver has in its own
chain of records is what the server counts, none lost and none doubled, and all of it is acknowledged.

The rounds follow from a seed. Five run each time, close behind one another, so that one outage meets several airings
and all are judged together at the end; `make soak` runs SOAK_ROUNDS (100) from SOAK_SEED (1), five at a time.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, get_args

import pytest

from tests.deploy.conftest import Village
from tests.support.site import Process, ReceiverProcess, until

ROUNDS = int(os.environ.get("SOAK_ROUNDS", "100"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
AT_ONCE = 5
AHEAD_S = 10.0
FINAL = {"finished", "partial", "missed", "refused", "unconfirmed"}
VICTIMS = (*get_args(Process), "receiver")  # one of the two receivers


@dataclass
class Storm:
    """Rounds over one village. What was killed when is kept for whoever reads of a failure."""

    village: Village
    chance: random.Random
    airings: list[dict[str, Any]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def round(self) -> None:
        """One airing, and one death around it."""
        site, victim = self.village.site, self.chance.choice(VICTIMS)
        at_s, away_s = self.chance.uniform(0.0, AHEAD_S + 8.0), self.chance.uniform(0.5, 5.0)
        self.airings.append(site.schedule(self.village.programme, self.village.commune, AHEAD_S))
        time.sleep(at_s)  # the random moment is the point
        self.told.append(f"{victim} at {at_s:.1f} s for {away_s:.1f} s")
        if victim == "receiver":
            box = self.chance.choice(self.village.receivers)
            box.kill()
            time.sleep(away_s)
            box.start()
        else:
            site.kill(victim)
            time.sleep(away_s)
            site.start(victim)

    def judge(self) -> None:
        """Wait until all is over and every record has come home, and compare what the two sides hold."""
        self.village.until_online()
        for airing, what in zip(self.airings, self.told, strict=True):
            until_closed(airing)
            until(partial(self._agrees, airing), 150, f"both sides agree on {airing['id']} ({what})")
            print(f"{what}: {self.village.site.states(airing['id'])}")  # noqa: T201 - the result of `make soak`

    def _agrees(self, airing: dict[str, Any]) -> bool:
        playouts = self.village.site.playouts(airing["id"])
        assert len(playouts) <= len(self.village.receivers)
        return len(playouts) == len(self.village.receivers) and all(
            playouts[box.id]["state"] in FINAL and self._same(box, airing["id"], playouts[box.id])
            for box in self.village.receivers
        )

    @staticmethod
    def _same(box: ReceiverProcess, airing: str, playout: dict[str, Any]) -> bool:
        own = records_of(box, airing)
        assert len({item for item, _, _ in own}) == len(own)
        acknowledged = all(acked for _, _, acked in own)
        return acknowledged and playout["played_ms"] == sum(played_ms for _, played_ms, _ in own)


def records_of(box: ReceiverProcess, airing: str) -> list[tuple[str, int, bool]]:
    """What the receiver itself has written down: item, played milliseconds, acknowledged by the server."""
    with closing(sqlite3.connect(f"file:{box.folder / 'data' / 'state.db'}?mode=ro", uri=True)) as state:
        rows = state.execute("SELECT item, played_ms, acked_at FROM records WHERE airing = ?", (airing,)).fetchall()
    return [(item, played_ms, acked_at is not None) for item, played_ms, acked_at in rows]


def until_closed(airing: dict[str, Any]) -> None:
    closes_at = datetime.fromisoformat(airing["starts_at"]).timestamp() + airing["duration_ms"] / 1000
    until(lambda: time.time() > closes_at, 180, "the airing is over")


def proven_ms(village: Village) -> int:
    return int(village.site.airtime().get(village.commune, {"cluster_ms": 0})["cluster_ms"])


def rounds(village: Village, chance: random.Random, count: int) -> None:
    before = proven_ms(village)
    storm = Storm(village, chance)
    for _ in range(count):
        storm.round()
    storm.judge()
    played = sum(
        playout["played_ms"] for airing in storm.airings for playout in village.site.playouts(airing["id"]).values()
    )
    until(lambda: proven_ms(village) - before == played, 30, "airtime is what was played")


@pytest.mark.timeout(400)
def test_five_rounds(village: Village) -> None:
    rounds(village, random.Random(SEED), AT_ONCE)  # noqa: S311 - which process dies is no secret


@pytest.mark.soak
@pytest.mark.timeout(14_400)
def test_many_rounds(village: Village) -> None:
    chance = random.Random(SEED)  # noqa: S311 - as above
    for _ in range(0, ROUNDS, AT_ONCE):
        rounds(village, chance, min(AT_ONCE, ROUNDS))
