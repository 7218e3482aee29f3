"""How loud it was: the level of what left for the loudspeaker, after volume and fades."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float32]
RATE = 48_000
SILENCE_DBFS = -120.0


class Level:
    """RMS over all samples given so far, in dBFS (a full-scale square wave is 0)."""

    __slots__ = ("_squares", "frames")

    def __init__(self) -> None:
        self.frames = 0
        self._squares = 0.0

    def add(self, samples: Samples) -> None:
        self.frames += len(samples)
        self._squares += float(np.dot(samples, samples))

    @property
    def dbfs(self) -> float | None:
        """None before the first sample."""
        if self.frames == 0:
            return None
        mean = self._squares / self.frames
        return round(max(SILENCE_DBFS, 10 * math.log10(mean)), 1) if mean > 0 else SILENCE_DBFS


def milliseconds(frames: int) -> int:
    """A count of samples as a duration, rounded to the nearest millisecond."""
    return (frames * 1000 + RATE // 2) // RATE
