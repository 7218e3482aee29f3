"""What the horn's profile does to a spoken voice, high and deep, measured on what a receiver decodes at each bit rate.

Octave bands relative to the whole; crest: the peak above the voice's active level; spread: loud syllables above quiet
ones, both within the horn's band.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfilt, welch

from audio.codec import BIT_RATES_KBPS, SAMPLE_RATE, Samples, decode
from audio.mastering import master
from audio.profiles import HORN_BAND_HZ, Profile
from tests.audio.recordings.files import speech

VOICES = ["high", "deep"]
ON_VOICES = pytest.mark.parametrize("voice", VOICES)
AT_RATES = pytest.mark.parametrize("kbps", BIT_RATES_KBPS)


@cache
def spoken(voice: str) -> Samples:
    if voice == "high":
        return speech()
    slower: Samples = resample_poly(speech(), 3, 2).astype(np.float32)  # a fifth deeper, formants and all
    return slower


@cache
def heard(voice: str, profile: Profile, kbps: int) -> Samples:
    return decode(master(spoken(voice), SAMPLE_RATE, kbps=kbps, profile=profile).data)


def share_db(sound: Samples, low_hz: float, high_hz: float) -> float:
    frequencies, power = welch(sound, SAMPLE_RATE, nperseg=4096)
    within = (frequencies >= low_hz) & (frequencies < high_hz)
    return float(10 * np.log10(power[within].sum() / power.sum()))


def levels_db(sound: Samples) -> NDArray[np.float64]:
    """Of the active tenths of a second."""
    frames = sound[: sound.size // 4800 * 4800].reshape(-1, 4800).astype(np.float64)
    power = np.square(frames).mean(axis=1)
    return np.asarray(10 * np.log10(power[power > power.max() / 1000]))


def crest_db(sound: Samples) -> float:
    return float(20 * np.log10(np.abs(sound).max()) - 10 * np.log10(np.mean(10 ** (levels_db(sound) / 10))))


def spread_db(sound: Samples) -> float:
    levels = levels_db(sosfilt(butter(4, HORN_BAND_HZ, "bandpass", fs=SAMPLE_RATE, output="sos"), sound))
    return float(np.percentile(levels, 90) - np.percentile(levels, 25))


@AT_RATES
@ON_VOICES
def test_nothing_is_spent_below_and_above_the_band(voice: str, kbps: int) -> None:
    horn = heard(voice, "horn", kbps)
    assert share_db(horn, 20, 200) < -20
    assert share_db(horn, 20, 200) < share_db(spoken(voice), 20, 200) - 10
    assert share_db(horn, 8000, 24_000) < -28
    assert share_db(horn, *HORN_BAND_HZ) > -1.0


@AT_RATES
@ON_VOICES
def test_consonants_stand_out_more_than_they_were_spoken(voice: str, kbps: int) -> None:
    def clarity(sound: Samples) -> float:
        return share_db(sound, 1800, 5000) - share_db(sound, 350, 1000)

    horn = clarity(heard(voice, "horn", kbps))
    assert 2 < horn - clarity(spoken(voice)) < 8
    assert horn - clarity(heard(voice, "full", kbps)) > 1.5


@AT_RATES
@ON_VOICES
def test_peaks_and_quiet_syllables_come_nearer_to_the_middle_and_stay_apart(voice: str, kbps: int) -> None:
    before, after = spoken(voice), heard(voice, "horn", kbps)
    assert crest_db(after) < crest_db(before) - 2
    assert 9 < crest_db(after) < 15
    assert 3 < spread_db(after) < spread_db(before) - 0.5
