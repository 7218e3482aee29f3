"""Sounds brought to 48 kHz on their spectrum, about a second at a time.

Each stretch is transformed with silence around it, and what rings out of it to either side is added to its neighbours
(overlap-add). The spectrum of the new rate begins like that of the old one; it falls to nothing where the narrower of
both ends. All stretches have one length, so the transform and what the spectrum is weighed with are worked out once.
Resampling and taking away rumble together so takes half the time that it takes with a filter for each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray

from audio.codec import SAMPLE_RATE, Samples
from audio.filters import LOWEST_HZ

_STRETCH_S: Final = 1.06
_RINGING_S: Final = 0.06
_FALL_PART: Final = 12  # of the spectrum, at its upper end
_TOGETHER: Final = 16  # stretches


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """Stretches of `old` samples become `new` ones; `hop_old` and `hop_new` of them are sound, the others silence for
    what rings: `ringing` new ones to either side.
    """

    old: int
    new: int
    hop_old: int
    hop_new: int
    ringing: int
    weights: NDArray[np.complex64]


@cache
def _plan(sample_rate: int, lowest_hz: int) -> _Plan:
    common = math.gcd(SAMPLE_RATE, sample_rate)  # whole units of 1/common s are whole samples at both rates
    up, down = SAMPLE_RATE // common, sample_rate // common
    ringing = math.ceil(_RINGING_S * common)
    length = scipy.fft.next_fast_len(max(math.ceil(_STRETCH_S * common), 4 * ringing), real=True)
    hop = length - 2 * ringing
    count = min(up, down) * length // 2 + 1  # of the frequencies that both rates have
    weights = np.full(count, up / down)
    fall = count // _FALL_PART
    weights[-fall:] *= np.cos(np.linspace(0, np.pi / 2, fall)) ** 2
    if lowest_hz:
        at = 1j * np.arange(count) * common / length / lowest_hz
        weights = weights * at**2 / (at**2 + math.sqrt(2) * at + 1)  # Butterworth: rings behind, not before
    return _Plan(down * length, up * length, down * hop, up * hop, up * ringing, weights.astype(np.complex64))


def resample(samples: Samples, sample_rate: int) -> Samples:
    """The samples at 48 kHz."""
    if sample_rate == SAMPLE_RATE:
        return samples.astype(np.float32, copy=False)
    plan = _plan(sample_rate, 0)
    return _ringing(samples, plan)[plan.ringing :][: _count(samples, sample_rate)]


def set_in_silence(samples: Samples, sample_rate: int, before: int, whole: int) -> Samples:
    """The samples at 48 kHz, without what lies below 30 Hz, with `before` samples of silence before them: `whole`
    altogether.
    """
    plan = _plan(sample_rate, LOWEST_HZ)
    sound = _ringing(samples, plan)[: _count(samples, sample_rate) + 2 * plan.ringing]
    at = before - plan.ringing
    sound = sound[max(-at, 0) :][: whole - max(at, 0)]
    placed = np.zeros(whole, np.float32)
    placed[max(at, 0) :][: sound.size] = sound
    return placed


def _count(samples: Samples, sample_rate: int) -> int:
    return -(-samples.size * SAMPLE_RATE // sample_rate)


def _ringing(samples: Samples, plan: _Plan) -> Samples:
    """The samples at 48 kHz, from where they begin to ring to behind where they end to."""
    stretches = max(-(-samples.size // plan.hop_old), 1)
    framed = np.pad(samples, (0, stretches * plan.hop_old - samples.size)).reshape(stretches, plan.hop_old)
    ringing = np.zeros(stretches * plan.hop_new + 2 * plan.ringing, np.float32)
    for first in range(0, stretches, _TOGETHER):
        spectra = scipy.fft.rfft(framed[first : first + _TOGETHER].astype(np.float32, copy=False), plan.old, axis=1)
        spectra = spectra[:, : plan.weights.size] * plan.weights
        turned = scipy.fft.irfft(spectra, plan.new, axis=1, overwrite_x=True)
        for at, stretch in enumerate(turned, first):
            place = ringing[at * plan.hop_new :]
            place[: plan.ringing] += stretch[-plan.ringing :]  # what rings before it stands at its end
            place[plan.ringing :][: plan.new - plan.ringing] += stretch[: plan.new - plan.ringing]
    return ringing
