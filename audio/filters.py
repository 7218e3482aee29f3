"""Filters for sounds that come in blocks, of second-order sections.

What lies below 30 Hz, a constant offset above all, is never heard but takes the room of peaks: every sound loses it
before anything else is done with it (`rumble_filter`; `LOWEST_HZ` for who does it otherwise).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import scipy
from numpy.typing import NDArray

LOWEST_HZ: Final = 30  # 12 dB an octave below


@dataclass(frozen=True, slots=True, eq=False)
class Sections:
    """What a filter does, worked out once."""

    coefficients: NDArray[np.float64]
    settled: NDArray[np.float64]  # the state in which a constant of 1 goes on

    @classmethod
    def of(cls, coefficients: NDArray[np.float64]) -> Sections:
        return cls(coefficients, scipy.signal.sosfilt_zi(coefficients))


class Filter:
    """Goes on from block to block. It starts from silence, so that a constant offset is a knock at the beginning, or
    `settled`, as if the sound had been going on at its first sample.
    """

    def __init__(self, sections: Sections, *, settled: bool) -> None:
        self._sections = sections
        self._state: NDArray[np.float64] | None = None if settled else np.zeros_like(sections.settled)

    def __call__(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        if self._state is None:
            if not samples.size:
                return np.zeros(0)
            self._state = self._sections.settled * float(samples[0])
        filtered: NDArray[np.float64]
        filtered, self._state = scipy.signal.sosfilt(self._sections.coefficients, samples, zi=self._state)
        return filtered


def rumble_filter(sample_rate: int) -> Filter:
    """Takes away what lies below `LOWEST_HZ`, without a click where a sound begins with an offset."""
    return Filter(_rumble(sample_rate), settled=True)


@cache
def _rumble(sample_rate: int) -> Sections:
    return Sections.of(scipy.signal.butter(2, LOWEST_HZ, "highpass", fs=sample_rate, output="sos"))
