"""Real processes, killed as a power cut kills them: what was planned sounds on time, and every record comes back."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pytest

from tests.deploy.conftest import Village
from tests.support.site import call, until

pytestmark = pytest.mark.timeout(400)

AHEAD_S = 8.0  # enough for a plan and its sound to reach two receivers
SKEW_MS = 20


def lateness_ms(playout: dict[str, Any]) -> float:
    planned, started = (datetime.fromisoformat(playout[name]) for name in ("planned_at", "started_at"))
    return (started - planned).total_seconds() * 1000


def until_ready(village: Village, in_s: float = AHEAD_S) -> dict[str, Any]:
    """Schedule an airing and wait until both receivers hold plan and sound."""
    airing = village.site.schedule(village.programme, village.commune, in_s)
    village.site.until_states(airing["id"], ["ready", "ready"], in_s)
    return airing


def until_over(airing: dict[str, Any]) -> None:
    """Wait until the airing's planned end has passed: nobody can be asked, so the clock is."""
    starts_at = datetime.fromisoformat(airing["starts_at"]).timestamp()
    ends_at = starts_at + airing["duration_ms"] / 1000
    until(lambda: time.time() > ends_at + 0.5, 120, "the airing is over")


def assert_finished(village: Village, airing: dict[str, Any]) -> None:
    # Links come back with a growing pause of up to a minute, so that a fleet does not all return at once.
    playouts = village.site.until_states(airing["id"], ["finished", "finished"], 100)
    for playout in playouts.values():
        assert abs(lateness_ms(playout)) <= SKEW_MS
        assert abs(playout["played_ms"] - airing["duration_ms"]) <= 60


def test_the_stack_airs_and_counts(village: Village) -> None:
    before = village.site.airtime().get(village.commune, {"programme_ms": 0, "cluster_ms": 0, "airings": 0})
    airing = until_ready(village)
    assert_finished(village, airing)
    after = village.site.airtime()[village.commune]
    assert after["airings"] == before["airings"] + 1
    assert abs(after["programme_ms"] - before["programme_ms"] - airing["duration_ms"]) <= 60
    assert abs(after["cluster_ms"] - before["cluster_ms"] - 2 * airing["duration_ms"]) <= 120


def test_the_server_is_killed_before_airtime(village: Village) -> None:
    airing = until_ready(village)
    village.site.kill("scheduler", "ingest", "web")
    until_over(airing)
    village.site.start("ingest", "scheduler", "web")
    assert_finished(village, airing)


def test_the_broker_is_killed_before_airtime(village: Village) -> None:
    airing = until_ready(village)
    village.site.kill("mosquitto")
    until_over(airing)
    village.site.start("mosquitto")
    assert_finished(village, airing)
    village.until_online()


def test_the_database_is_killed_before_airtime(village: Village) -> None:
    airing = until_ready(village)
    village.site.kill("postgres")
    until_over(airing)
    village.site.start("postgres")
    assert_finished(village, airing)


def test_a_receiver_killed_in_mid_play_reports_partial_right_to_a_second(village: Village) -> None:
    airing = until_ready(village)
    victim, other = village.receivers
    until(lambda: village.site.playouts(airing["id"])[victim.id]["state"] == "playing", 30, "it plays")
    starts_at = datetime.fromisoformat(airing["starts_at"]).timestamp()
    until(lambda: time.time() > starts_at + 4, 30, "it has played for four seconds")
    victim.kill()
    killed_after_ms = (time.time() - starts_at) * 1000
    until_over(airing)
    victim.start()
    playouts = village.site.until_states(airing["id"], ["finished", "partial"], 100)
    assert playouts[other.id]["state"] == "finished"
    assert abs(playouts[victim.id]["played_ms"] - killed_after_ms) <= 1_000
    village.until_online()


def test_a_receiver_that_was_off_is_missed_with_proof(village: Village) -> None:
    airing = until_ready(village)
    victim = village.receivers[0]
    victim.kill()
    until_over(airing)
    village.site.until_states(airing["id"], ["finished", "unconfirmed"], 60)
    victim.start()
    playouts = village.site.until_states(airing["id"], ["finished", "missed"], 100)
    assert playouts[victim.id]["state"] == "missed"
    assert playouts[victim.id]["played_ms"] == 0
    village.until_online()


def test_a_cancelled_airing_is_silent(village: Village) -> None:
    airing = until_ready(village)
    call(village.site.writer, "POST", f"/airings/{airing['id']}/cancel", {})
    until_over(airing)
    playouts = village.site.playouts(airing["id"])
    assert all(playout["played_ms"] == 0 for playout in playouts.values())
    assert all(playout["state"] not in {"finished", "partial", "playing"} for playout in playouts.values())


def test_what_is_on_air_is_stopped_as_asked(village: Village) -> None:
    airing = until_ready(village)
    until(lambda: "playing" in village.site.states(airing["id"]), 30, "it plays")
    call(village.site.writer, "POST", f"/airings/{airing['id']}/stop", {"reason": "Thử dừng phát"})
    playouts = village.site.until_states(airing["id"], ["partial", "partial"], 20)
    assert all(0 < playout["played_ms"] < airing["duration_ms"] - 1_000 for playout in playouts.values())
