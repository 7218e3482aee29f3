"""Two profiles of every sound: `full`, for an amplifier, a transmitter or a line out, and `horn`, for re-entrant horns.

What a horn needs, and why:

- Band 300 Hz–6 kHz (Butterworth, 24 dB an octave). Below its cut-off a horn gives no load: the diaphragm moves far, the
  amplifier works, nothing is heard. Above 6 kHz it radiates next to nothing, but the codec would spend bits there.
- Gentle compression (2:1 from 6 dB below the sound's own loudness; 10 ms attack, 120 ms release). Outdoors, quiet
  syllables drown in the noise of the village; the slow release leaves the rhythm of speech alone.
- Presence, +4 dB around 2.5 kHz. Consonants and the second formant stand there, which tell words apart; it comes after
  the compressor, which would take it back.

`full` is the sound as it was taken. Shaping keeps the number of samples: both renditions of a sound have exactly the
same duration.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray

from audio.codec import SAMPLE_RATE, Samples
from audio.filters import Filter, Sections
from core.profiles import PROFILES, Profile

__all__ = ["CODED_TO_HZ", "HORN_BAND_HZ", "PROFILES", "STEP", "HornShaper", "Profile"]

STEP: Final = SAMPLE_RATE // 200  # 5 ms: the compressor's level is taken as often
HORN_BAND_HZ: Final = (300, 6000)
CODED_TO_HZ: Final[dict[Profile, int]] = {"full": 20_000, "horn": 8_000}  # what lies above is not worth its bits

_PRESENCE_HZ, _PRESENCE_DB, _PRESENCE_Q = 2500.0, 4.0, 0.9
_RATIO = 2.0
_BELOW_LOUDNESS_DB = 6.0
_ATTACK_S, _RELEASE_S = 0.010, 0.120
_QUIETEST = 1e-12  # power


@cache
def _band() -> Sections:
    butter = scipy.signal.butter
    low = butter(4, HORN_BAND_HZ[0], "highpass", fs=SAMPLE_RATE, output="sos")
    return Sections.of(np.vstack([low, butter(4, HORN_BAND_HZ[1], "lowpass", fs=SAMPLE_RATE, output="sos")]))


@cache
def _presence() -> Sections:
    """A peaking equaliser (R. Bristow-Johnson's cookbook)."""
    gain = 10 ** (_PRESENCE_DB / 40)
    turn = 2 * math.pi * _PRESENCE_HZ / SAMPLE_RATE
    width, middle = math.sin(turn) / (2 * _PRESENCE_Q), -2 * math.cos(turn)
    section = [1 + width * gain, middle, 1 - width * gain, 1 + width / gain, middle, 1 - width / gain]
    return Sections.of(np.array([section]) / section[3])


class _Compressor:
    """Turns down what is above the threshold; level per 5 ms, gain interpolated between."""

    def __init__(self, threshold_db: float) -> None:
        self._threshold = 10 ** (threshold_db / 10)
        self._rise, self._fall = (1 - math.exp(-STEP / SAMPLE_RATE / s) for s in (_ATTACK_S, _RELEASE_S))
        self._power = _QUIETEST
        self._gain = 1.0

    def __call__(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        steps = samples.reshape(-1, STEP)
        levels = []
        for power in np.square(steps).mean(axis=1).tolist():
            self._power += (self._rise if power > self._power else self._fall) * (power - self._power)
            levels.append(self._power)
        over = np.maximum(np.array(levels) / self._threshold, 1.0)
        gains = np.concatenate([[self._gain], over ** (-(1 - 1 / _RATIO) / 2)])
        self._gain = float(gains[-1])
        ramp = np.arange(1, STEP + 1) / STEP
        return (steps * (gains[:-1, None] + np.diff(gains)[:, None] * ramp)).ravel()


class HornShaper:
    """Shapes one sound for horns, block by block; each block holds whole steps of 5 ms.

    `level_db` is the loudness of the sound as it comes in (LUFS), which the compressor goes by, so that a whisper and
    a shout are treated alike.
    """

    def __init__(self, level_db: float) -> None:
        self._band, self._presence = Filter(_band(), settled=True), Filter(_presence(), settled=True)
        self._compressor = _Compressor(level_db - _BELOW_LOUDNESS_DB)

    def __call__(self, samples: Samples) -> Samples:
        return self._presence(self._compressor(self._band(samples))).astype(np.float32)
