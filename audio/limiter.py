"""A limiter with look-ahead: holds peaks below a ceiling by its gain, so that nothing is clipped.

Gains live on milliseconds. The gain that a millisecond needs is spread over the window around it (the least wins) and
then averaged twice over a narrower window, so the averaged gain, and any value interpolated between two neighbouring
milliseconds, is never above what the samples there need.

It is fed twice with the same blocks: first `measure` keeps the largest sample and the weighted energy of each
millisecond (29 MB for an hour), by which the loudness under any gain can be foreseen; then `apply` gives the blocks
limited. Gains are worked out a minute at a time and never kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray

from audio.codec import BANDS_HZ, Samples
from audio.levels import MS, SILENCE_DB, Weighting, amplitude, integrated_lufs, step_energies

GAIN_MAX_DB: Final = 72.0  # what needs more is silence

_HALF = 1  # milliseconds on either side of each averaging window: about 2 ms of look-ahead
_REACH = 4 * _HALF + 2  # milliseconds that a gain looks to either side
_TOGETHER = 60_000  # milliseconds that are worked out together; whole gating steps
_NEAR_LU = 0.06
_TRIALS = 14


class Limiter:
    """For mono samples at 48 kHz that come in blocks of whole milliseconds, `count` altogether.

    `ceiling` is an amplitude, that may be changed later; `lower` takes it down in places. `energies` are the weighted
    ones of each millisecond, where they are known.
    """

    def __init__(
        self, count: int, ceiling: float, energies: NDArray[np.float32] | None = None, *, band_hz: int = BANDS_HZ[-1]
    ) -> None:
        self._weighting = Weighting(band_hz=band_hz) if energies is None else None
        self._tops = np.zeros(count // MS, np.float32)
        self._energies = np.zeros(count // MS, np.float32) if energies is None else energies
        self.ceiling = ceiling
        self._lowered = np.zeros(0, np.intp)  # milliseconds with a lower one, and by what factor: mostly few
        self._lowered_by = np.zeros(0, np.float32)
        self._measured = 0

    def measure(self, samples: Samples) -> None:
        first, last = self._measured, self._measured + samples.size // MS
        self._tops[first:last] = np.abs(samples).reshape(-1, MS).max(axis=1)
        if self._weighting:
            self._energies[first:last] = self._weighting(samples)
        self._measured = last

    @property
    def loudest(self) -> float:
        """The largest amplitude of the samples."""
        return float(self._tops.max())

    def lower(self, places: Iterable[tuple[int, int, float]]) -> None:
        """Take the ceiling down from one sample to another by a factor; where places overlap, by the least."""
        factors = np.ones(self._tops.size, np.float32)
        for first, last, factor in places:
            span = factors[max(first // MS, 0) : last // MS + 1]
            np.minimum(span, factor, out=span)
        factors[self._lowered] *= self._lowered_by
        self._lowered = np.flatnonzero(factors < 1)
        self._lowered_by = factors[self._lowered]

    def lufs(self, gain: float) -> float:
        """The loudness of the limited sound, foreseen."""
        steps = []
        for first in range(0, self._tops.size, _TOGETHER):
            last = min(first + _TOGETHER, self._tops.size)
            energies = self._energies[first:last] * np.square(self.gains(gain, first, last))
            steps.append(step_energies(np.pad(energies, (0, 400 - energies.size)) if last <= 400 else energies))
        return integrated_lufs(np.concatenate(steps))

    def gain_for(self, lufs: float) -> float | None:
        """The gain that brings the limited sound to that loudness; None where there is none up to 72 dB.

        Limiting takes back some of what a gain gives, the more the higher it is: the loudness rises ever slower with
        the gain. So the gain is raised by what is missing until it is enough, and narrowed down from there.
        """
        low_db, high_db = -GAIN_MAX_DB, GAIN_MAX_DB
        foreseen = self.lufs(1.0)
        trial_db = min(lufs - foreseen, GAIN_MAX_DB) if foreseen > SILENCE_DB else GAIN_MAX_DB
        slope = 1.0
        before: tuple[float, float] | None = None
        for _ in range(_TRIALS):
            missing = lufs - self.lufs(amplitude(trial_db))
            if abs(missing) <= _NEAR_LU:
                break
            if missing > 0:
                low_db = max(low_db, trial_db)
                if trial_db >= GAIN_MAX_DB:
                    return None
            else:
                high_db = min(high_db, trial_db)
            if before is not None and trial_db != before[0]:
                slope = min(max((before[1] - missing) / (trial_db - before[0]), 0.05), 1.0)
            before = (trial_db, missing)
            following = trial_db + missing / slope
            if high_db < GAIN_MAX_DB and not low_db < following < high_db:
                following = (low_db + high_db) / 2
            trial_db = min(following, GAIN_MAX_DB)
        return amplitude(trial_db)

    def gains(self, gain: float, first: int, last: int) -> NDArray[np.float32]:
        """The gains of some milliseconds, so that nothing there exceeds its ceiling after `gain`."""
        start, stop = max(first - _REACH, 0), min(last + _REACH, self._tops.size)
        needed = np.minimum(self._ceilings(start, stop) / np.maximum(self._tops[start:stop], 1e-9), gain)
        gains = scipy.ndimage.minimum_filter1d(needed, 2 * (2 * _HALF + 1) + 1, mode="nearest")
        for _ in range(2):  # two boxes make a triangle: no corners in the gain
            gains = scipy.ndimage.uniform_filter1d(gains, 2 * _HALF + 1, mode="nearest")
        bounded: NDArray[np.float32] = np.minimum(gains[first - start : last - start], gain).astype(np.float32)
        return bounded

    def apply(self, samples: Samples, at: int, gain: float) -> Samples:
        """A block of the samples, that begins with sample `at`, under `gain`."""
        first, last = at // MS, (at + samples.size) // MS
        gains = self.gains(gain, first, min(last + 1, self._tops.size))
        following = gains[1:] if gains.size > last - first else np.append(gains[1:], gains[-1])
        gains = gains[: last - first]
        smooth = (gains[:, None] + (following - gains)[:, None] * _RAMP).ravel()
        ceilings = np.repeat(self._ceilings(first, last), MS) if self._lowered.size else np.float32(self.ceiling)
        limited: Samples = np.multiply(samples, smooth, dtype=np.float32)
        return np.clip(limited, -ceilings, ceilings, out=limited)  # which only takes rounding errors

    def _ceilings(self, first: int, last: int) -> NDArray[np.float32]:
        ceilings = np.full(last - first, self.ceiling, np.float32)
        some = slice(*np.searchsorted(self._lowered, [first, last]))
        ceilings[self._lowered[some] - first] *= self._lowered_by[some]
        return ceilings


_RAMP = (np.arange(MS, dtype=np.float32) + 0.5) / MS
