"""Measures of a sound, taken block by block: loudness (ITU-R BS.1770-4, gated) and true peak (its Annex 2, four times
oversampled).

Loudness: the K-weighted sound gives one energy for each millisecond (`Weighting`); four steps of 100 ms make a gating
block (`integrated_lufs`). An hour is 3.6 million energies. As they are kept, the loudness under a gain that varies
slowly can be foreseen without going through the sound again: good to a few hundredths of a LU, which saves encodings.
What counts is measured after decoding.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

import numpy as np
import scipy  # its parts load at first use: scipy.signal would cost every command and every server 1.5 s of processor
from numpy.typing import NDArray

from audio.codec import SAMPLE_RATE, Samples
from audio.filters import Filter, Sections

SILENCE_DB = -150.0

MS: Final = SAMPLE_RATE // 1000  # samples
FRAME_MS: Final = 20  # a meter's energies can be joined with another's at whole frames
STEP_MS: Final = 100  # from one gating block of BS.1770 to the next
_STEPS = 4  # that make one
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0

# Of a sound that holds nothing above this, every second sample says everything.
THINNED_TO_HZ: Final = 12_000

_OVERSAMPLING = 4
_REACH = 12  # samples on either side that the interpolation filter sees
_PIECE = 128  # samples that are kept or left out together
_FIRST = 8  # pieces that are looked at before any is left out


@cache
def _peak_filter() -> NDArray[np.float32]:
    taps = scipy.signal.firwin(2 * _REACH * _OVERSAMPLING + 1, 1 / _OVERSAMPLING, window=("kaiser", 6.0))
    filtering: NDArray[np.float32] = (_OVERSAMPLING * taps).astype(np.float32)
    return filtering


def db(ratio: float) -> float:
    """A ratio of amplitudes in decibels, not below `SILENCE_DB`."""
    return max(20 * math.log10(ratio), SILENCE_DB) if ratio > 0 else SILENCE_DB


def amplitude(level_db: float) -> float:
    """The ratio of amplitudes of a level in decibels."""
    return float(10 ** (level_db / 20))


@cache
def _k_sections(rate_hz: int) -> Sections:
    """The meter's own weighting."""
    from pyloudnorm import Meter  # noqa: PLC0415 - it loads scipy.signal

    stages = Meter(rate_hz)._filters.values()  # noqa: SLF001
    return Sections.of(np.array([[*stage.b, *stage.a] for stage in stages]))


class Weighting:
    """K-weights mono samples at 48 kHz that come in blocks; answers with the energy of each millisecond.

    What is left over of a block that does not end on a whole millisecond comes with the next.

    A sound whose `band_hz` is at most `THINNED_TO_HZ` is weighted at 24 kHz, in half the time, the same to 0.03 dB at
    any frequency. All its blocks but the last hold an even number of samples.
    """

    def __init__(self, *, band_hz: int = SAMPLE_RATE // 2) -> None:
        self._every = 2 if band_hz <= THINNED_TO_HZ else 1
        self._filter = Filter(_k_sections(SAMPLE_RATE // self._every), settled=False)
        self._held = np.zeros(0)

    def __call__(self, samples: Samples) -> NDArray[np.float32]:
        weighted = self._filter(samples[:: self._every])
        ms = MS // self._every
        if self._held.size or weighted.size % ms:
            weighted = np.concatenate([self._held, weighted])
            whole = weighted.size // ms * ms
            weighted, self._held = weighted[:whole], weighted[whole:]
        framed = weighted.reshape(-1, ms)
        energies: NDArray[np.float32] = np.einsum("ij,ij->i", framed, framed).astype(np.float32)
        return energies * np.float32(self._every)


def step_energies(energies: NDArray[Any], together: int = STEP_MS) -> NDArray[np.float64]:
    """So many energies, of milliseconds unless said, added up to one; what is left over at the end is left out."""
    whole = energies.size // together * together
    added: NDArray[np.float64] = energies[:whole].reshape(-1, together).sum(axis=1, dtype=np.float64)
    return added


def integrated_lufs(steps: NDArray[np.float64]) -> float:
    """The gated loudness of K-weighted energies of 100 ms each; `SILENCE_DB` where nothing passes the gate.

    A sound shorter than one gating block (0.4 s) is filled up with silence to one: what a meter that runs all the time
    shows at its highest.
    """
    if steps.size < _STEPS:
        steps = np.pad(steps, (0, _STEPS - steps.size))
    total = np.concatenate([[0.0], np.cumsum(steps)])
    blocks = (total[_STEPS:] - total[:-_STEPS]) / (_STEPS * STEP_MS * MS)
    loud = blocks[_lkfs(blocks) >= _ABSOLUTE_GATE_LUFS]
    if not loud.size:
        return SILENCE_DB
    gated = loud[_lkfs(loud) > _lkfs(loud.mean()) + _RELATIVE_GATE_LU]
    return float(_lkfs(gated.mean()))


def _lkfs(power: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-15))


class LoudnessMeter:
    """Integrated loudness of mono samples at 48 kHz that come in blocks, as `Weighting` takes them."""

    def __init__(self, band_hz: int = SAMPLE_RATE // 2) -> None:
        self._weighting = Weighting(band_hz=band_hz)
        self._frames: list[NDArray[np.float64]] = []
        self._held = np.zeros(0, np.float32)

    def take(self, samples: Samples) -> None:
        energies = np.concatenate([self._held, self._weighting(samples)])
        frames = step_energies(energies, FRAME_MS)
        self._frames.append(frames)
        self._held = energies[frames.size * FRAME_MS :]

    def frames(self) -> NDArray[np.float64]:
        """The K-weighted energies of what was taken, of 20 ms each."""
        return np.concatenate([*self._frames, np.zeros(0)])

    def lufs(self) -> float:
        """The loudness of what was taken."""
        frames = self.frames()
        if frames.size < _STEPS * STEP_MS // FRAME_MS:  # the standard leaves a last part of a block out; here it counts
            frames = np.append(frames, self._held.sum(dtype=np.float64))
        return lufs_of_frames(frames)


def lufs_of_frames(frames: NDArray[np.float64]) -> float:
    """The loudness of K-weighted energies of 20 ms each, as `integrated_lufs` says."""
    shortest = _STEPS * STEP_MS // FRAME_MS
    if frames.size < shortest:
        frames = np.pad(frames, (0, shortest - frames.size))
    return integrated_lufs(step_energies(frames, STEP_MS // FRAME_MS))


def loudness_lufs(samples: Samples) -> float:
    """Integrated loudness of mono samples at 48 kHz, as `integrated_lufs` says."""
    meter = LoudnessMeter()
    meter.take(np.pad(samples, (0, -samples.size % MS)))
    return meter.lufs()


class PeakMeter:
    """The highest level between and at mono samples at 48 kHz that come in blocks.

    Only pieces that could hold a new highest peak, or one above `watched` (an amplitude), are oversampled. How high a
    piece can reach is bounded twice: by its largest sample times the greatest sum of a phase's coefficients; and, as
    interpolation leaves straight lines straight, by its largest sample and its largest second difference, which is
    small where the loud vowels are. So the answer is the same as over the whole, for a fraction of the work.
    """

    def __init__(self, watched: float = math.inf) -> None:
        self.highest = 0.0
        self.above: list[tuple[int, float]] = []  # pieces with a peak above `watched`: their first sample, the peak
        self._watched = watched
        self._held = np.zeros(_REACH, np.float32)
        self._at = 0  # the sample that the first held piece begins with

    def take(self, samples: Samples) -> None:
        framed = np.concatenate([self._held, samples])
        count = (framed.size - 2 * _REACH) // _PIECE
        if count > 0:
            self._look(framed[: count * _PIECE + 2 * _REACH], count)
            framed = framed[count * _PIECE :]
        self._held = framed

    def end(self) -> float:
        """Everything was taken: the true peak in dBTP."""
        left = self._held.size - _REACH
        count = max(math.ceil(left / _PIECE), 1)
        short = count * _PIECE + 2 * _REACH - self._held.size
        self._look(np.pad(self._held, (0, short)), count)
        self._held = np.zeros(_REACH, np.float32)
        return db(self.highest)

    def _look(self, framed: Samples, count: int) -> None:
        tops = _tops(np.abs(framed), count)
        self.highest = max(self.highest, float(tops.max()))
        worst, straight, bend = _peak_bounds()
        near = np.flatnonzero(tops * worst > min(self.highest, self._watched))
        pieces = np.lib.stride_tricks.sliding_window_view(framed, _PIECE + 2 * _REACH)[::_PIECE][near]
        bends = np.abs(np.diff(pieces, 2)).max(axis=1)
        bounds = np.minimum(tops[near] * worst, tops[near] * straight + bends * bend)
        order = np.argsort(-bounds)
        for some in (order[:_FIRST], order[_FIRST:]):
            wanted = some[bounds[some] > min(self.highest, self._watched)]
            if not wanted.size:
                break
            peaks = _oversampled_tops(pieces[wanted])
            self.highest = max(self.highest, float(peaks.max()))
            for piece in np.flatnonzero(peaks > self._watched):
                self.above.append((self._at + int(near[wanted[piece]]) * _PIECE, float(peaks[piece])))
        self._at += count * _PIECE


def true_peak_dbtp(samples: Samples) -> float:
    """The highest level between and at the samples, mono at 48 kHz, in dBTP."""
    if not samples.size:
        return SILENCE_DB
    meter = PeakMeter()
    meter.take(samples)
    return meter.end()


def _tops(levels: Samples, count: int) -> Samples:
    """The highest of the levels of each piece and within reach of it."""
    own = levels[_REACH : _REACH + count * _PIECE].reshape(count, _PIECE)
    tops: Samples = own.max(axis=1)
    before = np.append(levels[:_REACH].max(), own[:-1, -_REACH:].max(axis=1))
    after = np.append(own[1:, :_REACH].max(axis=1), levels[_REACH + count * _PIECE :].max())
    np.maximum(tops, before, out=tops)
    np.maximum(tops, after, out=tops)
    return tops


def _oversampled_tops(pieces: NDArray[np.float32]) -> NDArray[np.float32]:
    """The highest interpolated value of each piece, without its rims, which lack their neighbours."""
    over = scipy.signal.upfirdn(_peak_filter(), pieces, up=_OVERSAMPLING, axis=1)
    first = 2 * _REACH * _OVERSAMPLING  # the filter's delay, and the rim
    tops: NDArray[np.float32] = np.abs(over[:, first : first + _PIECE * _OVERSAMPLING]).max(axis=1)
    return tops


@cache
def _peak_bounds() -> tuple[float, float, float]:
    """How far interpolated values can be above the samples: by their amplitude alone, and by amplitude and bend.

    Of a phase's coefficients c, straight interpolation between the two samples beside is taken off: what remains, once
    its sum and its first moment (next to nothing) are left out, weighs second differences by its double running sum.
    """
    worst = straight = bend = 0.0
    for phase in range(_OVERSAMPLING):
        taps = _peak_filter()[phase::_OVERSAMPLING].astype(np.float64)
        worst = max(worst, float(np.abs(taps).sum()))
        rest = taps.copy()
        beside = _REACH - 1 if phase else _REACH
        part = phase / _OVERSAMPLING
        rest[beside] -= part if phase else 1.0
        if phase:
            rest[beside + 1] -= 1 - part
        # Move the sum and the first moment to the first two taps, which costs as many times the largest sample.
        moment = float(rest @ np.arange(rest.size))
        loose = rest.copy()
        loose[1] -= moment
        loose[0] -= float(rest.sum()) - moment
        straight = max(straight, 1 + abs(moment) + abs(float(rest.sum()) - moment))
        bend = max(bend, float(np.abs(np.cumsum(np.cumsum(loose))).sum()))
    return worst, straight, bend
