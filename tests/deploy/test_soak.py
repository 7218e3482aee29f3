"""The long fault rounds (`make soak`): again and again one process is killed at a random moment around an airing.

Every airing must end in exactly one true state per receiver, and what was counted must be what was recorded. The rounds
follow from a seed: SOAK_SEED (1), SOAK_ROUNDS (20).
"""

from __future__ import annotations

import os
import random
import time
from datetime import datetime
from typing import Any, get_args

import pytest

from tests.deploy.conftest import Village
from tests.support.site import Process, until

ROUNDS = int(os.environ.get("SOAK_ROUNDS", "20"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
AHEAD_S = 10.0
FINAL = {"finished", "partial", "missed", "refused", "unconfirmed"}

pytestmark = [pytest.mark.soak, pytest.mark.timeout(7200)]


def test_rounds(village: Village) -> None:
    chance = random.Random(SEED)  # noqa: S311 - which process dies is no secret
    site = village.site
    for number in range(ROUNDS):
        victim: Process = chance.choice(get_args(Process))
        at_s = chance.uniform(0.0, AHEAD_S + 10.0)
        away_s = chance.uniform(0.5, 8.0)
        before = proven_ms(village)
        airing = site.schedule(village.programme, village.commune, AHEAD_S)
        time.sleep(at_s)  # the random moment is the point
        site.kill(victim)
        time.sleep(away_s)
        site.start(victim)
        playouts = until_final(village, airing)
        played_ms = sum(playout["played_ms"] for playout in playouts.values())
        assert proven_ms(village) - before == played_ms
        print(f"{number:>3} {victim:<10} at {at_s:4.1f} s for {away_s:3.1f} s: {site.states(airing['id'])}")  # noqa: T201


def until_final(village: Village, airing: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Wait until the airing has closed and both playouts have a state that is no longer open."""
    closes_at = datetime.fromisoformat(airing["starts_at"]).timestamp() + airing["duration_ms"] / 1000 + 20

    def there() -> dict[str, dict[str, Any]] | None:
        playouts = village.site.playouts(airing["id"])
        states = [playout["state"] for playout in playouts.values()]
        return playouts if time.time() > closes_at and len(states) == 2 and FINAL.issuperset(states) else None

    found: dict[str, dict[str, Any]] = until(there, 180, "every state is final")
    return found


def proven_ms(village: Village) -> int:
    return int(village.site.airtime().get(village.commune, {"cluster_ms": 0})["cluster_ms"])
