"""From raw speech to the sound that goes on air: −16 LUFS ± 0.5, true peak at most −1.5 dBTP, measured on what a
receiver decodes, not on what was meant.

1. Cut (pydub, raw samples): leading and trailing silence off each sentence, short fades, pauses, one joined sound.
2. Resample to 48 kHz, shape for the profile, bring to the target loudness, hold the peaks with a look-ahead limiter.
3. Encode, decode with another library, measure. Where loudness or peak is off, correct and encode again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d, uniform_filter1d
from scipy.signal import resample_poly

from audio._pydub import AudioSegment, detect_leading_silence
from audio.codec import SAMPLE_RATE, Samples, decode, encode
from audio.errors import SoundUnusable
from audio.levels import SILENCE_DB, LoudnessForecast, amplitude, db, loudness_lufs, true_peak_dbtp
from audio.profiles import PROFILES, Profile, Shaper

TARGET_LUFS = -16.0
TOLERANCE_LU = 0.5
CEILING_DBTP = -1.5

# The codec moves peaks up, the more the fewer bits it has; the first limit leaves that much room, so that one
# encoding is mostly enough, and each correction goes a little further than the miss.
_CODEC_ROOM_DB = {16: 3.2, 24: 2.6, 32: 2.5}
_FURTHER_DB = 0.4
_CODEC_LOSS_LU = {16: 1.25, 24: 0.0, 32: 0.0}  # at 16 kbit/s the treble of speech suffers
_CLOSE_ENOUGH_LU = 0.4
_ATTEMPTS = 6

_PEAK_ABOVE_LOUDNESS_DB = 15.0  # of speech, about

_BLOCK = 16  # samples that share one gain of the limiter, a third of a millisecond
_HALF = 6  # blocks on either side of each averaging window: about 4 ms of look-ahead
_GAIN_MAX = 4096.0  # 72 dB: what needs more is silence
_FRAME = SAMPLE_RATE // 50  # sounds end on a whole 20 ms, so that a duration in milliseconds is exact

_SILENCE_DBFS = -48.0
_KEPT_MS = 15  # of silence around a sentence: soft consonants begin and end there
_EDGE_FADE_MS = 8


@dataclass(frozen=True, slots=True)
class Mastered:
    """An encoded sound and what was measured on it after decoding."""

    data: bytes
    duration_ms: int
    loudness_lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of speech (mono, −1…1) and the pause that follows it."""

    samples: NDArray[np.float32]
    pause_ms: int


def cut(parts: Sequence[Part], sample_rate: int, *, lead_ms: int = 150, tail_ms: int = 500) -> Samples:
    """Join parts of one sample rate: silence trimmed, edges faded, pauses between, air before and after.

    Raises `SoundUnusable` where all of it is silence.
    """
    rate = {"frame_rate": sample_rate, "sample_width": 2, "channels": 1}
    pieces = [AudioSegment.silent(lead_ms, sample_rate)]
    for part in parts:
        segment = _trimmed(AudioSegment(_to_pcm16(part.samples), **rate))
        if len(segment):
            pieces += [segment, AudioSegment.silent(part.pause_ms, sample_rate)]
    if len(pieces) == 1:
        raise SoundUnusable(reason_vi="chỉ có im lặng", reason_en="it is silent")
    pieces[-1] = AudioSegment.silent(tail_ms, sample_rate)
    # Joined by bytes: adding segments one by one copies everything before each of them.
    return _from_pcm16(AudioSegment(b"".join(piece.raw_data for piece in pieces), **rate))


def _trimmed(segment: AudioSegment) -> AudioSegment:
    lead = detect_leading_silence(segment, _SILENCE_DBFS, chunk_size=5)
    tail = detect_leading_silence(segment.reverse(), _SILENCE_DBFS, chunk_size=5)
    if lead + tail >= len(segment):
        return segment[:0]
    kept = segment[max(lead - _KEPT_MS, 0) : len(segment) - max(tail - _KEPT_MS, 0)]
    fade = min(_EDGE_FADE_MS, len(kept) // 2)
    return kept.fade_in(fade).fade_out(fade)


def _to_pcm16(samples: NDArray[np.float32]) -> bytes:
    return (np.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes()


def _from_pcm16(segment: AudioSegment) -> Samples:
    return (np.frombuffer(segment.raw_data, "<i2") / np.float32(32768)).astype(np.float32)


def resample(samples: Samples, sample_rate: int) -> Samples:
    """The samples at 48 kHz."""
    if sample_rate == SAMPLE_RATE:
        return samples.astype(np.float32, copy=False)
    common = math.gcd(SAMPLE_RATE, sample_rate)
    resampled: Samples = resample_poly(samples, SAMPLE_RATE // common, sample_rate // common)
    return resampled.astype(np.float32, copy=False)


class Limiter:
    """Holds the peaks of mono samples at 48 kHz, looking ahead so that nothing is clipped.

    Gains live on blocks of 16 samples. The gain that a block needs is spread over the window around it (the least
    wins) and then averaged over a narrower window, so the averaged gain, and any value interpolated between two
    neighbouring blocks, is never above what the samples there need.
    """

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        short = -samples.size % _BLOCK
        self._tops = np.abs(np.pad(samples, (0, short))).reshape(-1, _BLOCK).max(axis=1)
        self.forecast = LoudnessForecast(samples, _BLOCK)

    @property
    def loudest(self) -> float:
        """The largest amplitude of the samples."""
        return float(self._tops.max())

    def gains(self, gain: float, ceiling: float) -> NDArray[np.float32]:
        """The gain of each block so that nothing exceeds `ceiling` (an amplitude) after `gain`."""
        needed = np.minimum(gain, ceiling / np.maximum(self._tops, 1e-9))
        gains = minimum_filter1d(needed, 2 * (2 * _HALF + 1) + 1, mode="nearest")
        for _ in range(2):  # two boxes make a triangle: no corners in the gain
            gains = uniform_filter1d(gains, 2 * _HALF + 1, mode="nearest")
        bounded: NDArray[np.float32] = np.minimum(gains, gain).astype(np.float32)
        return bounded

    def gain_for(self, lufs: float, ceiling: float) -> float:
        """The gain that brings the limited sound to that loudness: limiting takes some of it back."""
        low, high = 0.0, 1.0
        while high < _GAIN_MAX and self.forecast.lufs(self.gains(high, ceiling)) < lufs:
            low, high = high, high * 2
        for _ in range(12):
            middle = (low + high) / 2
            if self.forecast.lufs(self.gains(middle, ceiling)) < lufs:
                low = middle
            else:
                high = middle
        return high

    def apply(self, gain: float, ceiling: float) -> Samples:
        """The samples under `gain`, none above `ceiling`."""
        gains = self.gains(gain, ceiling)
        ramp = (np.arange(_BLOCK, dtype=np.float32) + 0.5) / _BLOCK
        following = np.append(gains[1:], gains[-1])
        smooth = (gains[:, None] + (following - gains)[:, None] * ramp).ravel()[: self._samples.size]
        limited: Samples = np.clip(self._samples * smooth, -ceiling, ceiling)  # the clip only takes rounding errors
        return limited


def master_all(
    samples: Samples, sample_rate: int, *, kbps: Mapping[Profile, int], progress: Callable[[float], None] | None = None
) -> dict[Profile, Mastered]:
    """The renditions of a sound in every profile, all of exactly the same duration. Raises as `master` does."""
    tell = progress or (lambda _done: None)
    whole, made = resample(samples, sample_rate), dict[Profile, Mastered]()
    for done, profile in enumerate(PROFILES):

        def told(share: float, done: int = done) -> None:
            tell((done + share) / len(PROFILES))

        made[profile] = master(whole, SAMPLE_RATE, kbps=kbps[profile], profile=profile, progress=told)
    return made


def compressor_level_db(loudness: float, loudest: float) -> float:
    """What a `Shaper` goes by: the loudness, or where nothing passes the meter's gate, a guess by the peak."""
    return loudness if loudness > SILENCE_DB else db(loudest) - _PEAK_ABOVE_LOUDNESS_DB


def master(
    samples: Samples,
    sample_rate: int,
    *,
    kbps: int = 24,
    profile: Profile = "full",
    progress: Callable[[float], None] | None = None,
) -> Mastered:
    """Encode mono samples (−1…1) at the loudness and peak that go on air, measured after decoding.

    A sound under 0.4 s is measured as if silence filled it up to that length (see `loudness_lufs`); under about 0.08 s
    no gain makes it loud enough, and it is refused.
    Raises `SoundUnusable` where it is silent or can't be brought there.
    """
    tell = progress or (lambda _done: None)
    whole = _whole_frames(resample(samples, sample_rate))
    if not whole.size or not np.isfinite(whole).all() or not whole.any():
        raise SoundUnusable(reason_vi="chỉ có im lặng", reason_en="it is silent")
    level_db = compressor_level_db(loudness_lufs(whole), float(np.abs(whole).max()))
    limiter = Limiter(Shaper(profile, level_db)(whole))
    tell(0.2)
    aim_lufs, limit_db = TARGET_LUFS + _CODEC_LOSS_LU[kbps], CEILING_DBTP - _CODEC_ROOM_DB[kbps]
    for attempt in range(_ATTEMPTS):
        ceiling = amplitude(limit_db)
        gain = limiter.gain_for(aim_lufs, ceiling)
        if gain >= _GAIN_MAX and aim_lufs > TARGET_LUFS:
            aim_lufs = TARGET_LUFS  # a peaky sound: what the codec may take can't be given beforehand
            gain = limiter.gain_for(aim_lufs, ceiling)
        if gain >= _GAIN_MAX:
            raise _out_of_reach(limiter.loudest)
        data = encode(limiter.apply(gain, ceiling), kbps)
        decoded = decode(data)
        tell(0.2 + 0.7 * (attempt + 1) / _ATTEMPTS)
        loudness, peak = loudness_lufs(decoded), true_peak_dbtp(decoded)
        if abs(loudness - TARGET_LUFS) <= _CLOSE_ENOUGH_LU and peak <= CEILING_DBTP:
            tell(1.0)
            return Mastered(data, decoded.size * 1000 // SAMPLE_RATE, round(loudness, 2), round(peak, 2))
        aim_lufs += TARGET_LUFS - loudness
        if peak > CEILING_DBTP:
            limit_db -= peak - CEILING_DBTP + _FURTHER_DB
    raise SoundUnusable(
        reason_vi=f"không đạt −16 LUFS ± 0,5 và đỉnh −1,5 dBTP (đo được {loudness:.1f} LUFS, {peak:.1f} dBTP)",
        reason_en=f"−16 LUFS ± 0.5 at a peak of −1.5 dBTP is out of reach ({loudness:.1f} LUFS, {peak:.1f} dBTP)",
    )


def _out_of_reach(loudest: float) -> SoundUnusable:
    """No gain makes it loud enough: there is next to nothing, or only short clicks that the limiter holds down."""
    if loudest * _GAIN_MAX < 1:
        return SoundUnusable(reason_vi="gần như im lặng", reason_en="it is next to silent")
    return SoundUnusable(reason_vi="chỉ có tiếng lách cách ngắn", reason_en="it holds nothing but short clicks")


def _whole_frames(samples: Samples) -> Samples:
    short = -samples.size % _FRAME
    return np.pad(samples, (0, short)) if short else samples
