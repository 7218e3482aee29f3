"""Loudness and true peak of 50 varied inputs in both profiles at every bit rate: `python -m benchmarks.mastering`.

Measured after decoding, by libsndfile as a receiver does. The worst of each profile and rate are printed, and whatever
missed. Exits with 1 where one is outside −16 LUFS ± 0.5 or above −1.5 dBTP. Bare clicks, and what is
shorter than about 80 ms, can't be as loud as that below such a peak; mastering refuses them, as its tests show.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from numpy.typing import NDArray

from audio import chime
from audio.codec import BIT_RATES_KBPS, SAMPLE_RATE, Samples, decode
from audio.errors import SoundUnusable
from audio.levels import loudness_lufs, true_peak_dbtp
from audio.mastering import CEILING_DBTP, TARGET_LUFS, TOLERANCE_LU, master_all
from audio.profiles import PROFILES

LEVELS_DB = (-50, -40, -30, -20, -10, 0)


def _voiced(seconds: float, pitch_hz: float, seed: int) -> Samples:
    """Something like speech: a glottal buzz through two formants, in syllables of changing strength, with hiss."""
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    chance = np.random.default_rng(seed)
    phase = np.mod(t, 1 / pitch_hz)
    formants = np.sin(2 * np.pi * 700 * phase) + 0.4 * np.sin(2 * np.pi * 1800 * phase)
    syllables = np.repeat(chance.uniform(0.1, 1, t.size // 9600 + 1), 9600)[: t.size] * np.sin(np.pi * t / 0.2) ** 2
    sound = syllables * (np.exp(-phase * 300) * formants + 0.03 * chance.standard_normal(t.size))
    return _at_peak(sound)


def _noise(seconds: float, seed: int, tilt: float) -> Samples:
    """Noise whose power falls with frequency to the power of `tilt`."""
    count = round(seconds * SAMPLE_RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    sound = np.fft.irfft(spectrum / np.maximum(np.arange(spectrum.size), 20) ** (tilt / 2), count)
    return _at_peak(sound)


def _at_peak(sound: NDArray[np.float64]) -> Samples:
    scaled: Samples = (0.9 * sound / np.abs(sound).max()).astype(np.float32)
    return scaled


def _tone(seconds: float, hz: float) -> Samples:
    return _at_peak(np.sin(2 * np.pi * hz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE))


def inputs() -> dict[str, Samples]:
    """Fifty sounds by name."""
    made: dict[str, Samples] = {}
    for level in LEVELS_DB:
        gain = np.float32(10 ** (level / 20))
        for pitch in (110, 220):
            made[f"voice {pitch} Hz, {level} dB"] = gain * _voiced(4, pitch, pitch - level)
        made[f"white noise, {level} dB"] = gain * _noise(2, -level, 0)
        made[f"pink noise, {level} dB"] = gain * _noise(2, -level, 1)
    for hz in (150, 300, 1000, 3000, 6000):
        made[f"tone {hz} Hz"] = _tone(2, hz)
    for seconds in (0.08, 0.1, 0.2, 0.3, 0.39):
        made[f"tone of {seconds} s"] = _tone(seconds, 700)
    voice = _voiced(6, 140, 1)
    for over in (6, 12, 20):
        made[f"shout clipped by {over} dB"] = np.clip(voice * np.float32(10 ** (over / 20)), -1, 1)
    for offset in (-0.5, 0.05, 0.3):
        made[f"voice with an offset of {offset}"] = voice * np.float32(0.3) + np.float32(offset)
    for depth in (12, 24, 36):
        steps = np.repeat([1, 10 ** (-depth / 20)] * 3, SAMPLE_RATE).astype(np.float32)
        made[f"voice, halves {depth} dB apart"] = voice * steps
    ring = _tone(0.05, 900) * np.exp(-np.arange(2400) / 700).astype(np.float32)
    for apart in (1200, 1800, 2400):
        clicks = np.zeros(2 * SAMPLE_RATE, np.float32)
        clicks[::apart] = 0.9
        made[f"ringing impulses every {apart} samples"] = np.convolve(clicks, ring)[: clicks.size]
    for name in (chime.OPENING, chime.CLOSING):
        made[f"chime {name}"] = chime.synthesise(name)
    made["voice and hum"] = np.float32(0.5) * voice + np.float32(0.3) * _tone(6, 50)
    made["voice in hiss"] = np.float32(0.5) * voice + np.float32(0.1) * _noise(6, 8, 0)
    return made


def main() -> int:
    """The worst of each profile and bit rate."""
    missed = 0
    sounds = inputs()
    print(f"{len(sounds)} inputs{'profile':>17} {'kbit/s':>7} {'LU off, most':>13} {'dBTP, most':>11} {'s':>6}")
    for kbps in BIT_RATES_KBPS:
        worst = dict.fromkeys(PROFILES, (0.0, -np.inf))
        began = time.process_time()
        for name, sound in sounds.items():
            try:
                made = master_all(sound, SAMPLE_RATE, kbps=dict.fromkeys(PROFILES, kbps))
            except SoundUnusable as error:
                missed += 1
                print(f"MISSED at {kbps} kbit/s: {name}: {error}")
                continue
            for profile, mastered in made.items():
                decoded = decode(mastered.data)
                off, peak = abs(loudness_lufs(decoded) - TARGET_LUFS), true_peak_dbtp(decoded)
                worst[profile] = max(worst[profile][0], off), max(worst[profile][1], peak)
                if off > TOLERANCE_LU or peak > CEILING_DBTP:
                    missed += 1
                    print(f"MISSED at {kbps} kbit/s, {profile}: {name}: {off:.2f} LU off, {peak:.2f} dBTP")
        took_s = time.process_time() - began
        for profile, (off, peak) in worst.items():
            print(f"{profile:>26} {kbps:>7} {off:>13.2f} {peak:>11.2f} {took_s:>6.1f}")
    print(f"within −16 LUFS ± 0.5 and −1.5 dBTP: {'MISSED' if missed else 'reached'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
