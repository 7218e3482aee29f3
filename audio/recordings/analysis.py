"""One pass over a recording, second by second, into the few numbers that its checks and its picture need.

Kept while it runs: 10 ms levels and peaks (some 5 MB for an hour) and a handful of numbers per second. Levels are in
dBFS of the mono mix, rms. Where a channel is dead, or the two are out of phase, the mix is of one channel alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from audio.codec import SAMPLE_RATE, Samples
from audio.recordings.decoding import Block, Decoder

Mix = Literal["mean", "left", "right"]

FRAME_MS = 10
COLUMNS = 600

_FRAME = SAMPLE_RATE * FRAME_MS // 1000
_FLOOR_DB = -100.0
_ACTIVE_BELOW_DB = 30.0  # of the loud frames: what is below is a pause
_NEVER_ACTIVE_DB = -75.0
_HUM_WINDOW = SAMPLE_RATE // 2
_HUM_LINES_HZ = (50, 100)
_HISS_FRAME = SAMPLE_RATE // 25
_HISS_HZ = (500, 3500)  # within what the narrowest telephone codec keeps
_STEADY = 20  # percentile: what is always there is there in the quietest fifth
_DEAD_DB = 40.0
_OPPOSED = -0.6  # correlation of the channels


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was measured. Times in ms, levels in dBFS; `hum_db` and `noise_db` are relative to the speech."""

    duration_ms: int
    peak_db: float
    speech_db: float
    active_share: float
    head_ms: int
    tail_ms: int
    longest_silence_at_ms: int
    longest_silence_ms: int
    clipped: int
    clipped_at_ms: int
    clipped_worst: int
    hum_db: float
    hum_excess_db: float
    noise_db: float
    noise_flatness: float
    channels: int
    channel_gap_db: float
    correlation: float
    mix: Mix
    damaged: int
    lows: list[float]
    highs: list[float]
    rms: list[float]
    lost_ms: int | None = None  # of the end of a file that is cut short; 0: nobody can say how much

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        return cls(**stored)


class _Meter:
    def __init__(self, channels: int) -> None:
        self.channels = channels
        self.samples = 0
        self.energy = np.zeros(3)  # left², right², left·right
        self.levels: list[NDArray[np.float32]] = []  # mean square: of the mix, left, right
        self.lows: list[NDArray[np.float32]] = []
        self.highs: list[NDArray[np.float32]] = []
        self.clipped: list[int] = []
        self.hum: list[tuple[float, float]] = []
        self.quiet: list[tuple[float, float]] = []

    def take(self, block: Block) -> None:
        left, right = block.samples[:, 0], block.samples[:, -1]
        self.samples += left.size
        self.energy += [float(left @ left), float(right @ right), float(left @ right)]
        self.clipped.append(block.clipped)
        pad = -left.size % _FRAME
        heard = (left,) if self.channels == 1 else ((left + right) / 2, left, right)
        framed = [np.pad(one, (0, pad)).reshape(-1, _FRAME) for one in heard]
        levels = [np.mean(np.square(one), axis=1) for one in framed]
        self.levels.append(np.stack(levels * 3 if self.channels == 1 else levels))
        self.lows.append(np.minimum(framed[-1].min(axis=1), framed[len(framed) // 2].min(axis=1)))
        self.highs.append(np.maximum(framed[-1].max(axis=1), framed[len(framed) // 2].max(axis=1)))
        # The louder channel stands for both: hum and hiss must not hide in a mix that cancels itself.
        one = left if self.energy[0] >= self.energy[1] else right
        for at in range(0, one.size - _HUM_WINDOW + 1, _HUM_WINDOW):
            self.hum.append(_hum(one[at : at + _HUM_WINDOW]))
        if one.size >= _HISS_FRAME:
            self.quiet.append(_quietest(one))


def analyse(decoder: Decoder, *, progress: Callable[[int], None] | None = None) -> Analysis:
    """Take all blocks of a file; `progress` is told the milliseconds done."""
    meter = _Meter(decoder.header.channels)
    for block in decoder.blocks():
        meter.take(block)
        if progress is not None:
            progress(meter.samples * 1000 // SAMPLE_RATE)
    return _conclude(meter, decoder.damaged, decoder.lost_ms)


def mono(block: Block, mix: Mix) -> Samples:
    """The one channel of a block that goes on air."""
    if mix == "mean" and block.samples.shape[1] == 2:
        return np.asarray((block.samples[:, 0] + block.samples[:, 1]) / 2, dtype=np.float32)
    return block.samples[:, 0 if mix != "right" else -1]


def _conclude(meter: _Meter, damaged: int, lost_ms: int | None) -> Analysis:
    powers = np.concatenate(meter.levels, axis=1)
    lows, highs = np.concatenate(meter.lows), np.concatenate(meter.highs)
    left, right, cross = meter.energy
    correlation = float(cross / np.sqrt(left * right)) if left * right > 0 else 0.0
    gap = _db(left) - _db(right) if meter.channels == 2 else 0.0
    mix = _mix(meter.channels, gap, correlation)
    levels = _dbs(powers[{"mean": 0, "left": 1, "right": 2}[mix]])
    threshold = max(float(np.percentile(levels, 95)) - _ACTIVE_BELOW_DB, _NEVER_ACTIVE_DB)
    active = levels > threshold
    speech_db = _db(float(np.mean(10 ** (levels[active] / 10)))) if active.any() else float(levels.max())
    duration_ms = meter.samples * 1000 // SAMPLE_RATE
    starts, ends = _runs(~active)
    longest = int(np.argmax(ends - starts)) if starts.size else -1
    worst = int(np.argmax(meter.clipped))
    hum_db, hum_excess_db = _steady(meter.hum)
    noise_db, flatness = _steady(meter.quiet)
    return Analysis(
        duration_ms=duration_ms,
        peak_db=round(_db(float(max(highs.max(), -lows.min())) ** 2), 1),
        speech_db=round(speech_db, 1),
        active_share=round(float(active.mean()), 4),
        head_ms=min(int(np.argmax(active)) * FRAME_MS if active.any() else duration_ms, duration_ms),
        tail_ms=min(int(np.argmax(active[::-1])) * FRAME_MS if active.any() else duration_ms, duration_ms),
        longest_silence_at_ms=int(starts[longest]) * FRAME_MS if longest >= 0 else 0,
        longest_silence_ms=int(ends[longest] - starts[longest]) * FRAME_MS if longest >= 0 else 0,
        clipped=sum(meter.clipped),
        clipped_at_ms=worst * 1000,
        clipped_worst=meter.clipped[worst],
        hum_db=round(hum_db - speech_db, 1),
        hum_excess_db=round(hum_excess_db, 1),
        noise_db=round(noise_db - speech_db, 1),
        noise_flatness=round(flatness, 3),
        channels=meter.channels,
        channel_gap_db=round(gap, 1),
        correlation=round(correlation, 3),
        mix=mix,
        damaged=damaged,
        lost_ms=lost_ms,
        **_columns(lows, highs, powers[1:].max(axis=0)),
    )


def _mix(channels: int, gap_db: float, correlation: float) -> Mix:
    if channels == 1:
        return "left"
    if abs(gap_db) >= _DEAD_DB or correlation <= _OPPOSED:
        return "left" if gap_db >= 0 else "right"
    return "mean"


def _columns(
    lows: NDArray[np.float32], highs: NDArray[np.float32], powers: NDArray[np.float32]
) -> dict[str, list[float]]:
    edges = np.unique(np.linspace(0, lows.size, COLUMNS + 1).astype(int)[:-1])
    counts = np.diff(np.append(edges, lows.size))
    rms = np.sqrt(np.add.reduceat(powers.astype(np.float64), edges) / counts)
    return {
        "lows": _rounded(np.minimum.reduceat(lows, edges)),
        "highs": _rounded(np.maximum.reduceat(highs, edges)),
        "rms": _rounded(rms),
    }


def _rounded(values: NDArray[Any]) -> list[float]:
    return [round(float(value), 3) for value in np.clip(values, -1, 1)]


def _runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    edges = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _hum(window: NDArray[np.float32]) -> tuple[float, float]:
    """Level of the mains lines in half a second (dBFS), and how far the strongest stands out of what is beside it (dB).

    With a Hann window a line of amplitude a has the power (a·n/4)² in its bin; bins are 2 Hz apart.
    """
    spectrum = np.abs(np.fft.rfft(window * _HANN)[: 240 // 2]) ** 2
    lines = [float(spectrum[hz // 2]) for hz in _HUM_LINES_HZ]
    beside = [
        float(np.median(np.concatenate([spectrum[hz // 2 - 10 : hz // 2 - 3], spectrum[hz // 2 + 4 : hz // 2 + 11]])))
        for hz in _HUM_LINES_HZ
    ]
    level = 8 * sum(lines) / window.size**2
    return _db(level), max(_db(line) - _db(near) for line, near in zip(lines, beside, strict=True))


_HANN = np.hanning(_HUM_WINDOW).astype(np.float32)
_HISS_HANN = np.hanning(_HISS_FRAME)


def _quietest(second: NDArray[np.float32]) -> tuple[float, float]:
    """Level (dBFS) of the quietest 40 ms, and the flatness of its spectrum: 0 a tone, about 0.56 noise."""
    frames = second[: second.size // _HISS_FRAME * _HISS_FRAME].reshape(-1, _HISS_FRAME)
    powers = np.mean(np.square(frames), axis=1)
    frame = frames[int(np.argmin(powers))]
    low, high = (hz * _HISS_FRAME // SAMPLE_RATE for hz in _HISS_HZ)
    spectrum = np.abs(np.fft.rfft(frame * _HISS_HANN)[low:high]) ** 2 + 1e-12
    return _db(float(powers.min())), float(np.exp(np.mean(np.log(spectrum))) / np.mean(spectrum))


def _steady(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """The level that is nearly always there, and the middle of the other value."""
    if not pairs:
        return _FLOOR_DB, 0.0
    levels, others = np.array(pairs).T
    return float(np.percentile(levels, _STEADY)), float(np.median(others))


def _db(power: float) -> float:
    return max(10 * float(np.log10(power)), _FLOOR_DB) if power > 0 else _FLOOR_DB


def _dbs(powers: NDArray[np.float32]) -> NDArray[np.float64]:
    return 10 * np.log10(np.maximum(powers.astype(np.float64), 10 ** (_FLOOR_DB / 10)))
