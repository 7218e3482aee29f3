"""Sounds at 48 kHz, whatever rate they came at: the same tones, as long, with or without what lies below 30 Hz."""

from __future__ import annotations

import numpy as np
import pytest

from audio.codec import SAMPLE_RATE, Samples
from audio.resampling import resample, set_in_silence


def tone(hertz: float, sample_rate: int, seconds: float = 2.6) -> Samples:
    times = np.arange(int(seconds * sample_rate)) / sample_rate
    return (0.5 * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


@pytest.mark.parametrize("sample_rate", [8_000, 11_025, 16_000, 22_050, 22_051, 24_000, 44_100, 96_000])
def test_a_tone_stays_the_tone_that_it_was(sample_rate: int) -> None:
    for hertz in (20, 440, 0.4 * min(sample_rate, SAMPLE_RATE)):
        came = tone(hertz, sample_rate)
        made = resample(came, sample_rate)
        assert made.dtype == np.float32
        assert made.size == -(-came.size * SAMPLE_RATE // sample_rate)
        expected = tone(hertz, SAMPLE_RATE, made.size / SAMPLE_RATE)[: made.size]
        inner = slice(4800, expected.size - 4800)
        assert np.abs(made[inner] - expected[inner]).max() < 1e-5  # −94 dB of it


def test_what_a_narrower_rate_can_not_hold_is_gone() -> None:
    noise = np.random.default_rng(1).standard_normal(22_050 * 2).astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(resample(noise, 22_050))))
    above = power[int(11_030 / 24_000 * power.size) :]
    assert above.sum() < 1e-6 * power.sum()


def test_nothing_and_next_to_nothing_are_sounds_too() -> None:
    assert resample(np.zeros(0, np.float32), 22_050).size == 0
    assert resample(np.ones(1, np.float32), 24_000).size == 2
    same = tone(440, SAMPLE_RATE)
    assert resample(same, SAMPLE_RATE) is same


def test_a_sound_in_silence_has_lost_its_rumble_and_nothing_else() -> None:
    sound = tone(440, 22_050, 1.0)
    clean = set_in_silence(sound, 22_050, 480, 96_000)
    rumbling = set_in_silence(sound + 0.2 + tone(4, 22_050, 1.0), 22_050, 480, 96_000)
    assert clean.size == 96_000
    assert np.abs(clean[:432]).max() < 2e-4  # it rings behind the sound, not before it
    assert not clean[60_000:].any()
    inner = slice(12_000, 40_000)
    level = np.sqrt(np.square(clean[inner]).mean() / np.square(resample(sound, 22_050)[inner]).mean())
    assert level == pytest.approx(1, abs=0.001)
    assert np.abs(rumbling[inner] - clean[inner]).max() < 0.02
