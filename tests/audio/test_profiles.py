"""Both profiles, measured on what a receiver decodes: limits, band, equal durations; the meter on the EBU's tones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from audio import chime
from audio.codec import BIT_RATES_KBPS, SAMPLE_RATE, Samples, decode
from audio.errors import SoundUnusable
from audio.levels import loudness_lufs, true_peak_dbtp
from audio.mastering import Mastered, master, master_all
from audio.profiles import PROFILES, Profile
from benchmarks.mastering import inputs


def tones(*parts: tuple[float, float]) -> Samples:
    """1 kHz, a part for each (dBFS, seconds); 3 dB more, as the standard's tones are in two channels, this in one."""
    level = np.concatenate([np.full(round(s * SAMPLE_RATE), 10 ** ((dbfs + 3.01) / 20)) for dbfs, s in parts])
    wave: Samples = (level * np.sin(2 * np.pi * 1000 * np.arange(level.size) / SAMPLE_RATE)).astype(np.float32)
    return wave


@pytest.mark.parametrize(
    ("case", "parts", "lufs"),
    [
        (1, [(-23, 20)], -23),
        (2, [(-33, 20)], -33),
        (3, [(-36, 10), (-23, 60), (-36, 10)], -23),
        (4, [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23),
        (5, [(-26, 20), (-20, 20.1), (-26, 20)], -23),
    ],
)
def test_the_meter_agrees_with_ebu_tech_3341(case: int, parts: list[tuple[float, float]], lufs: float) -> None:
    assert loudness_lufs(tones(*parts)) == pytest.approx(lufs, abs=0.1), f"case {case}"


@pytest.mark.parametrize(
    ("case", "divisor", "degrees", "amplitude", "dbtp"),
    [(15, 4, 0, 0.5, -6), (16, 4, 45, 0.5, -6), (17, 6, 60, 0.5, -6), (18, 8, 67.5, 0.5, -6), (19, 4, 45, 1.41, 3)],
)
def test_true_peaks_agree_with_ebu_tech_3341(
    case: int, divisor: int, degrees: float, amplitude: float, dbtp: float
) -> None:
    """Tones at a part of the sample rate, faded in and out; the standard allows +0.2 and −0.4 dB."""
    n = np.arange(SAMPLE_RATE)
    wave = amplitude * np.sin(2 * np.pi * n / divisor + np.radians(degrees))
    fade = np.minimum(np.minimum(n, n[::-1]) / 4800, 1)
    assert dbtp - 0.4 <= true_peak_dbtp((wave * fade).astype(np.float32)) <= dbtp + 0.2, f"case {case}"


SOUNDS = inputs()


@pytest.mark.parametrize(("name", "kbps"), [(name, BIT_RATES_KBPS[n % 3]) for n, name in enumerate(SOUNDS)])
def test_every_kind_of_sound_comes_within_the_limits_in_both_profiles(name: str, kbps: int) -> None:
    """A third of all inputs at each bit rate; the benchmark does all at all."""
    made = master_all(SOUNDS[name], SAMPLE_RATE, kbps=dict.fromkeys(PROFILES, kbps))
    assert set(made) == set(PROFILES)
    for profile, mastered in made.items():
        decoded = decode(mastered.data)
        assert abs(loudness_lufs(decoded) + 16) <= 0.5, profile
        assert true_peak_dbtp(decoded) <= -1.5, profile
    assert len({decode(mastered.data).size for mastered in made.values()}) == 1
    assert len({mastered.data for mastered in made.values()}) == 2


def _band_db(mastered: Mastered, low_hz: float, high_hz: float) -> float:
    frequencies, power = welch(decode(mastered.data), SAMPLE_RATE, nperseg=4096)
    return float(10 * np.log10(power[(frequencies >= low_hz) & (frequencies < high_hz)].mean()))


def test_the_horn_gets_its_band_and_clear_consonants() -> None:
    noise = (np.random.default_rng(5).standard_normal(5 * SAMPLE_RATE) * 0.05).astype(np.float32)
    made = master(noise, SAMPLE_RATE, kbps=32, profile="horn")
    middle = _band_db(made, 600, 1200)
    assert _band_db(made, 50, 150) < middle - 20
    assert _band_db(made, 10_000, 15_000) < middle - 15
    assert 2 < _band_db(made, 2200, 2800) - middle < 6


def test_the_horn_has_quiet_syllables_nearer_to_loud_ones() -> None:
    loud, quiet = tones((-20, 1)), tones((-32, 1))
    sound = np.concatenate([loud, quiet] * 3)
    spread = {}
    for profile in PROFILES:
        decoded = decode(master(sound, SAMPLE_RATE, profile=profile).data)[2 * SAMPLE_RATE : 4 * SAMPLE_RATE]
        halves = [decoded[at + 12_000 : at + 36_000].astype(float).std() for at in (0, SAMPLE_RATE)]
        spread[profile] = 20 * np.log10(halves[0] / halves[1])
    assert 2 < spread["full"] - spread["horn"] < 8


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "sound",
    [np.zeros(0, np.float32), np.zeros(9600, np.float32), np.full(9600, 0.5, np.float32), np.full(9600, np.nan)],
    ids=["empty", "silence", "only an offset", "not numbers"],
)
def test_what_holds_no_sound_is_refused_in_words(profile: Profile, sound: Samples) -> None:
    with pytest.raises(SoundUnusable):
        master(sound, SAMPLE_RATE, profile=profile)


def _impulses(apart: int) -> Samples:
    sound = np.zeros(2 * SAMPLE_RATE, np.float32)
    sound[::apart] = 0.9
    return sound


@pytest.mark.parametrize("kbps", BIT_RATES_KBPS)
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("sound", "vi", "en"),
    [
        (_impulses(12_000), "tiếng lách cách ngắn", "short clicks"),
        (tones((-6, 0.02)), "tiếng lách cách ngắn", "short clicks"),
        (tones((-90, 1)), "gần như im lặng", "next to silent"),
    ],
    ids=["bare impulses", "a tone of 20 ms", "a whisper under the noise of any device"],
)
def test_what_can_not_be_loud_enough_below_the_peak_is_refused_in_words(
    sound: Samples, vi: str, en: str, profile: Profile, kbps: int
) -> None:
    with pytest.raises(SoundUnusable) as refused:
        master(sound, SAMPLE_RATE, profile=profile, kbps=kbps)
    assert vi in refused.value.text("vi")
    assert en in refused.value.text("en")


@pytest.mark.parametrize("kbps", BIT_RATES_KBPS)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_tone_of_a_twentieth_of_a_second_is_within_the_limits_or_refused(profile: Profile, kbps: int) -> None:
    try:
        made = master(tones((-6, 0.05)), SAMPLE_RATE, profile=profile, kbps=kbps)
    except SoundUnusable:
        return
    decoded = decode(made.data)
    assert abs(loudness_lufs(decoded) + 16) <= 0.5
    assert true_peak_dbtp(decoded) <= -1.5


def test_there_are_chimes_of_five_characters_to_choose_from_and_each_can_be_mastered() -> None:
    assert len(chime.NAMES) == 10
    sounds = {name: chime.synthesise(name) for name in chime.NAMES}
    assert len({sound.tobytes() for sound in sounds.values()}) == len(sounds)
    for name, sound in sounds.items():
        assert chime.named(name) == name
        assert 2 < sound.size / SAMPLE_RATE < 5
        assert abs(loudness_lufs(decode(master(sound, SAMPLE_RATE, profile="horn").data)) + 16) <= 0.5, name
