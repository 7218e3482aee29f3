"""Trustworthy time from signed answers, over a network that delays, with a disk that remembers."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.clock import ManualClock, to_ms
from devices.protocol.commands import TimeAnswer
from devices.receiver.clock import SignedClock

TRUE = datetime(2026, 7, 30, 5, 0, tzinfo=UTC)


class Network:
    """A server with the true time, a box whose wall clock is years behind, and the way between."""

    def __init__(self, path: Path, *, boot: str = "first") -> None:
        self.machine = ManualClock(TRUE - timedelta(days=2_000))
        self.path = path
        self.clock = SignedClock(self.machine, path, boot=boot, error_max_ms=120_000)
        self.elapsed_ms = 0.0

    @property
    def true_ms(self) -> float:
        return to_ms(TRUE) + self.elapsed_ms

    def passes(self, ms: float) -> None:
        self.elapsed_ms += ms
        self.machine.advance(timedelta(milliseconds=ms))

    def ping(self, there_ms: float, back_ms: float) -> str:
        nonce = self.clock.ask()
        self.passes(there_ms)
        answer = TimeAnswer(nonce=nonce, received=int(self.true_ms), sent=int(self.true_ms))
        self.passes(back_ms)
        return self.clock.answer(answer, self.clock.mono_ms())

    @property
    def off_ms(self) -> float:
        now = self.clock.now_ms()
        assert now is not None
        return abs(now - self.true_ms)


def test_without_an_answer_there_is_no_time(tmp_path: Path) -> None:
    network = Network(tmp_path / "clock.json")
    assert network.clock.now_ms() is None
    assert network.clock.facts().source == "untrusted"


def test_the_error_that_it_states_holds_and_the_best_answer_counts(tmp_path: Path) -> None:
    network = Network(tmp_path / "clock.json")
    chance = random.Random(7)  # noqa: S311 - the same jitter at each run
    for _ in range(40):
        assert network.ping(2 + chance.expovariate(1 / 60), 2 + chance.expovariate(1 / 60)) == ""
        network.passes(2_000)
        assert network.off_ms <= network.clock.error_ms
    assert network.off_ms < 15


def test_an_answer_to_a_nonce_that_was_not_asked_is_nothing(tmp_path: Path) -> None:
    network = Network(tmp_path / "clock.json")
    network.clock.ask()
    forged = TimeAnswer(nonce="0" * 32, received=int(network.true_ms), sent=int(network.true_ms))
    assert network.clock.answer(forged, network.clock.mono_ms()) == "unknown-nonce"
    assert not network.clock.trusted


def test_an_answer_counts_once(tmp_path: Path) -> None:
    network = Network(tmp_path / "clock.json")
    answer = TimeAnswer(nonce=network.clock.ask(), received=int(network.true_ms), sent=int(network.true_ms))
    assert network.clock.answer(answer, network.clock.mono_ms()) == ""
    assert network.clock.answer(answer, network.clock.mono_ms()) == "unknown-nonce"


def test_an_answer_that_was_held_back_is_too_slow(tmp_path: Path) -> None:
    network = Network(tmp_path / "clock.json")
    assert network.ping(5, 600_000) == "too-slow"
    assert not network.clock.trusted


def test_the_floor_outlives_the_agent_and_is_never_undercut(tmp_path: Path) -> None:
    first = Network(tmp_path / "clock.json")
    first.passes(86_400_000)
    assert first.ping(5, 5) == ""
    again = Network(tmp_path / "clock.json", boot="second")  # its server's clock is a day behind again
    assert again.clock.floor_ms == first.clock.floor_ms
    assert not again.clock.trusted
    assert again.ping(5, 5) == "below-floor"
    assert not again.clock.trusted
    assert again.clock.stated_ms() >= again.clock.floor_ms


def test_within_one_boot_the_time_is_known_at_once_after_a_restart(tmp_path: Path) -> None:
    network = Network(tmp_path / "clock.json")
    assert network.ping(5, 5) == ""
    network.clock.save()
    network.passes(3_600_000)
    network.clock = SignedClock(network.machine, network.path, boot="first", error_max_ms=120_000)
    assert network.off_ms < 5
    assert network.clock.error_ms >= 180  # an hour of a bad quartz is counted
    other_boot = SignedClock(network.machine, network.path, boot="second", error_max_ms=120_000)
    assert not other_boot.trusted


def test_time_grows_untrusted_when_it_is_too_old(tmp_path: Path) -> None:
    network = Network(tmp_path / "clock.json")
    assert network.ping(5, 5) == ""
    network.passes(20 * 86_400_000)
    assert network.clock.trusted
    network.passes(20 * 86_400_000)
    assert network.clock.now_ms() is None


def test_the_machine_s_own_clock_has_no_say_but_is_noticed(tmp_path: Path) -> None:
    network = Network(tmp_path / "clock.json")
    assert network.ping(5, 5) == ""
    assert network.clock.contradiction_ms() == pytest.approx(-2_000 * 86_400_000, abs=100)
    network.machine.step(timedelta(days=2_000))
    assert network.clock.contradiction_ms() is None
    assert network.off_ms < 10


def test_a_server_whose_clock_was_set_forward_is_followed(tmp_path: Path) -> None:
    network = Network(tmp_path / "clock.json")
    assert network.ping(1, 1) == ""
    network.elapsed_ms += 60_000  # not the box's doing
    assert network.ping(20, 20) == ""
    assert network.off_ms < 25


def test_a_damaged_file_is_no_time_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "clock.json").write_bytes(b"\x00\xff{")
    network = Network(tmp_path / "clock.json")
    assert not network.clock.trusted
    assert network.ping(5, 5) == ""
