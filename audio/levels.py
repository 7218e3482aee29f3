"""Measures of a sound: loudness (ITU-R BS.1770-4, gated) and true peak (its Annex 2, four times oversampled)."""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm
from numpy.typing import NDArray
from scipy.signal import firwin, resample_poly

from audio.codec import SAMPLE_RATE, Samples

SILENCE_DB = -150.0

_BLOCK = int(0.4 * SAMPLE_RATE)  # the gating block of BS.1770
_METER = pyloudnorm.Meter(SAMPLE_RATE)

_OVERSAMPLING = 4
_REACH = 12  # samples on either side that the interpolation filter sees
_PEAK_FILTER: NDArray[np.float32] = firwin(
    2 * _REACH * _OVERSAMPLING + 1, 1 / _OVERSAMPLING, window=("kaiser", 6.0)
).astype(np.float32)
# No interpolated value can exceed the largest sample in reach by more than this.
_WORST_GAIN = _OVERSAMPLING * float(max(np.abs(_PEAK_FILTER[n::_OVERSAMPLING]).sum() for n in range(_OVERSAMPLING)))
_PIECE = 256  # samples that are kept or left out together
_FIRST = 32  # pieces that are looked at before any is left out


def db(ratio: float) -> float:
    """A ratio of amplitudes in decibels, not below `SILENCE_DB`."""
    return max(20 * math.log10(ratio), SILENCE_DB) if ratio > 0 else SILENCE_DB


def amplitude(level_db: float) -> float:
    """The ratio of amplitudes of a level in decibels."""
    return float(10 ** (level_db / 20))


def loudness_lufs(samples: Samples) -> float:
    """Integrated loudness of mono samples at 48 kHz; `SILENCE_DB` where nothing passes the gate.

    A sound shorter than one gating block (0.4 s) is padded with silence to one: what a meter that runs all
    the time shows at its highest.
    """
    if samples.size < _BLOCK:
        samples = np.pad(samples, (0, _BLOCK - samples.size))
    if not np.any(samples):
        return SILENCE_DB
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(_METER.integrated_loudness(samples))
    return value if math.isfinite(value) else SILENCE_DB


def true_peak_dbtp(samples: Samples) -> float:
    """The highest level between and at the samples, mono at 48 kHz, in dBTP.

    The loudest pieces are oversampled first; then those whose samples could still hold a higher peak. The answer
    is the same as over the whole, for a fraction of the work.
    """
    if not samples.size:
        return SILENCE_DB
    count = math.ceil(samples.size / _PIECE)
    framed = np.pad(samples, (_REACH, count * _PIECE - samples.size + _REACH))
    pieces = np.lib.stride_tricks.sliding_window_view(framed, _PIECE + 2 * _REACH)[::_PIECE]
    tops = np.abs(pieces).max(axis=1)
    order = np.argsort(-tops)
    highest = max(float(tops[order[0]]), _oversampled_top(pieces[order[:_FIRST]]))
    rest = order[_FIRST:]
    rest = rest[tops[rest] * _WORST_GAIN > highest]
    return db(max(highest, _oversampled_top(pieces[rest])) if rest.size else highest)


def _oversampled_top(pieces: NDArray[np.float32]) -> float:
    over = resample_poly(pieces, _OVERSAMPLING, 1, axis=1, window=_PEAK_FILTER)
    inner = over[:, _REACH * _OVERSAMPLING : (_REACH + _PIECE) * _OVERSAMPLING]  # the rims lack their neighbours
    return float(np.abs(inner).max())


class LoudnessForecast:
    """Foresees the loudness of a sound under a gain that varies slowly, from energies taken once.

    Good to a few hundredths of a LU, which saves encodings; what counts is measured after decoding.
    """

    def __init__(self, samples: Samples, block: int) -> None:
        weighted = samples.astype(np.float64)
        for stage in _METER._filters.values():  # noqa: SLF001 - the meter's own weighting, so that the two agree
            weighted = stage.apply_filter(weighted)
        short = -weighted.size % block
        self._energy = np.square(np.pad(weighted, (0, short))).reshape(-1, block).sum(axis=1)
        self._window = max(_BLOCK // block, 1)
        self._step = max(self._window // 4, 1)

    def lufs(self, gains: NDArray[np.float32]) -> float:
        """Loudness with `gains`, one for each block of samples."""
        energy = self._energy * np.square(gains, dtype=np.float64)
        if energy.size < self._window:
            energy = np.pad(energy, (0, self._window - energy.size))
        total = np.concatenate([[0.0], np.cumsum(energy)])
        blocks = (total[self._window :] - total[: -self._window])[:: self._step] / _BLOCK
        loud = blocks[_lkfs(blocks) >= -70]
        if not loud.size:
            return SILENCE_DB
        gated = loud[_lkfs(loud) > _lkfs(np.array([loud.mean()]))[0] - 10]
        return float(_lkfs(np.array([gated.mean()]))[0])


def _lkfs(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-15))
