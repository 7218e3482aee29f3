"""Was it heard: what was caught, compared with what was played; and the whole way over a card and its loopback."""

from __future__ import annotations

import numpy as np
import pytest

from devices.protocol.reports import MATCH_LEAST
from devices.receiver.evidence import RATE, Samples
from devices.receiver.hearing import Ear, Heard, Track

BLOCK = 2_400
LATE_MS = 120.0


def babble(seconds: float, seed: int) -> Samples:
    """Noise with the spectrum and the syllables of speech."""
    chance = np.random.default_rng(seed)
    noise = np.convolve(chance.normal(size=int(seconds * RATE)), np.hanning(24), "same")
    syllables = np.repeat(chance.random(int(seconds * 5) + 1), RATE // 5)[: len(noise)]
    made: Samples = (0.05 * noise * syllables / noise.std()).astype(np.float32)
    return made


def hear(played: Samples, caught: Samples, *, late_ms: float = LATE_MS, listen: bool = True) -> Heard | None:
    """Both handed over block by block, as a card and a microphone would; the verdict over all of it."""
    ear, begins_ms = Ear(), 5_000.0
    if len(caught):  # a microphone always hears something
        ear.caught(np.zeros(RATE, dtype=np.float32), begins_ms + late_ms - 1_000.0)
    for at in range(0, len(played), BLOCK):
        ear.played(played[at : at + BLOCK], begins_ms + at * 1000 / RATE)
        ear.caught(caught[at : at + BLOCK], begins_ms + late_ms + at * 1000 / RATE)
        if listen and at % RATE == 0:
            ear.listen(begins_ms + at * 1000 / RATE)
    return ear.heard(begins_ms, begins_ms + len(played) * 1000 / RATE)


def test_what_is_played_and_caught_is_heard_with_its_lag_and_level() -> None:
    played = babble(15, 1)
    heard = hear(played, played * np.float32(0.1))
    assert heard is not None
    assert heard.proven
    assert heard.match > 0.9
    assert abs(heard.lag_ms - LATE_MS) <= 2
    power = float(np.mean(played**2))
    assert heard.dbfs == pytest.approx(10 * np.log10(power) - 20, abs=2.0)  # what lies above 4 kHz isn't counted


@pytest.mark.parametrize("seconds", [1.5, 2.0, 15.0])
def test_another_sound_and_silence_are_not_what_was_played(seconds: float) -> None:
    played = babble(seconds, 1)
    for caught in (babble(seconds, 2), np.zeros(len(played), dtype=np.float32)):
        heard = hear(played, caught)
        assert heard is not None
        assert not heard.proven


def test_it_is_heard_through_noise_that_is_louder() -> None:
    played = babble(15, 1)
    noise = np.random.default_rng(5).normal(size=len(played)).astype(np.float32) * np.float32(2 * played.std())
    heard = hear(played, played + noise)
    assert heard is not None
    assert heard.proven
    assert abs(heard.lag_ms - LATE_MS) <= 2


def test_a_hum_is_no_proof() -> None:
    played = babble(15, 1)
    hum = np.sign(np.sin(2 * np.pi * 50 * np.arange(len(played)) / RATE)).astype(np.float32)
    heard = hear(played, hum * np.float32(0.2))
    assert heard is not None
    assert heard.match < MATCH_LEAST


def test_where_nothing_listens_or_nothing_is_played_nothing_is_said() -> None:
    played = babble(8, 1)
    assert hear(played, played[:0]) is None
    assert hear(np.zeros(8 * RATE, dtype=np.float32), played) is None
    assert hear(played[: RATE // 2], played[: RATE // 2]) is None  # too short to tell


def test_a_track_begins_anew_after_a_gap_and_gives_only_what_is_whole() -> None:
    track = Track()
    track.add(np.full(RATE, 0.5, dtype=np.float32), 1_000.0)
    assert track.piece(1_000.0, 1_900.0) is not None
    assert track.piece(900.0, 1_900.0) is None
    track.add(np.full(RATE, 0.25, dtype=np.float32), 3_000.0)
    assert track.piece(1_500.0, 3_500.0) is None
    piece = track.piece(3_100.0, 3_900.0)
    assert piece is not None
    assert np.allclose(piece, 0.25)
