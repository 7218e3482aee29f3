"""What was heard: a recording of the receiver's output, from a null sink's monitor, a WAV output or a microphone line.

The recording's clock is not ours, so what is measured are spans inside it: between two starts, of silence, of a tone
that must not be there. Tones are found by their frequency: mixed down to zero and averaged over 20 ms, over which
other multiples of 50 Hz cancel out. A second file `NAME-2.wav`, begun after a power cut, belongs to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile

from devices.conformance.running import Fault

WINDOW_S: Final = 0.02
HEARD: Final = 0.02  # amplitude; the tones are played at some 0.2
SILENT: Final = 0.1  # of a tone's own level

Samples = np.ndarray[Any, np.dtype[np.float32]]


def files(path: Path) -> list[Path]:
    more = sorted(path.parent.glob(f"{path.stem}-*{path.suffix}"), key=lambda one: one.stat().st_mtime)
    return [one for one in (path, *more) if one.exists()]


def _read(path: Path) -> tuple[Samples, int]:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return samples.mean(axis=1), rate


def _level(samples: Samples, rate: int, hertz: int) -> Samples:
    """How loud a tone is at each sample: half of it stands at its very start and end."""
    at = np.arange(len(samples), dtype=np.float64) / rate
    mixed = samples * np.exp(-2j * np.pi * hertz * at)
    window = int(rate * WINDOW_S)
    summed = np.concatenate([[0.0], np.cumsum(mixed)])
    level: Samples = (2 * np.abs(summed[window:] - summed[:-window]) / window).astype(np.float32)
    return level


def _span(samples: Samples, rate: int, hertz: int) -> tuple[int, int] | None:
    """The samples between which a tone sounds, first and last."""
    level = _level(samples, rate, hertz)
    if not len(level) or level.max() < HEARD:
        return None
    sounding = np.flatnonzero(level > level.max() / 2)
    middle = int(rate * WINDOW_S / 2)
    return int(sounding[0]) + middle, int(sounding[-1]) + middle


def apart_ms(path: Path, first: int, second: int) -> float:
    """How long after the start of one tone the other begins."""
    for file in files(path):
        samples, rate = _read(file)
        one, other = _span(samples, rate, first), _span(samples, rate, second)
        if one and other:
            return (other[0] - one[0]) * 1_000 / rate
    raise Fault(f"{first} Hz and {second} Hz are not heard in one recording of {path}")


def longest_silence_ms(path: Path, tones: list[int]) -> float:
    """The longest stretch without sound between the start of the first of these tones and the end of the last."""
    for file in files(path):
        samples, rate = _read(file)
        one, other = _span(samples, rate, tones[0]), _span(samples, rate, tones[-1])
        if one and other:
            inside = np.abs(samples[one[0] : other[1]])
            loud = np.flatnonzero(inside > SILENT * inside.max())
            return float(np.diff(loud).max() * 1_000 / rate)
    raise Fault(f"the tones {tones} Hz are not heard in one recording of {path}")


def sounded_ms(path: Path, hertz: int) -> int:
    """For how long a tone is heard in all, beyond what a click has of every frequency."""
    total = 0.0
    for file in files(path):
        samples, rate = _read(file)
        long = int(rate * WINDOW_S * 3)
        level = _level(samples, rate, hertz)
        if len(level) > long:
            steady = np.lib.stride_tricks.sliding_window_view(level[:: rate // 1_000], 60).min(axis=1)
            total += float((steady > HEARD).sum())
    return round(total)


def length_s(path: Path) -> float:
    return sum(float(soundfile.info(file).duration) for file in files(path))
