"""From raw speech to the sound that goes on air: −16 LUFS ± 0.5, true peak at most −1.5 dBTP, measured on what a
receiver decodes, not on what was meant.

1. Take the sound at 48 kHz, without rumble, and measure the whole (`Take`). Then for each profile, side by side: shape,
   and keep what the limiter needs to know.
2. Bring to the target loudness, hold the peaks with a look-ahead limiter, encode; decode and measure. Where the
   loudness is off, aim beside; where the codec let a peak out, lower the limiter's ceiling there; and encode again.

Recordings, chimes and music are mastered whole; speech sentence by sentence (`audio/speech.py`), each of which is
`rendered` as one sound. A sentence and an hour go the same way, in blocks of four seconds. What grows with the length
is a temporary file of 11 MB a minute for what is longer than a minute and a half, and in memory, for each profile, half
a MB a minute beside the encoded sound. What is shorter is kept in memory, as it came and as it is shaped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, CancelledError, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio.codec import BANDS_HZ, LEAD_FRAMES, SAMPLE_RATE, Encoded, Encoder, Samples
from audio.errors import SoundUnusable
from audio.levels import SILENCE_DB, LoudnessMeter, PeakMeter, amplitude, db, lufs_of_frames
from audio.limiter import GAIN_MAX_DB, Limiter
from audio.profiles import CODED_TO_HZ, HornShaper, Profile
from audio.resampling import resample
from audio.take import Take

TARGET_LUFS = -16.0
TOLERANCE_LU = 0.5
CEILING_DBTP = -1.5

# The codec moves peaks up. The first limit leaves that much room, so that one encoding is mostly enough: in an hour
# rarer peaks come up than in a minute. A correction goes further than the miss, as the codec then does otherwise.
_CODEC_ROOM_DB, _ROOM_A_DOUBLING_DB = 3.0, 0.15
_FURTHER_DB = 0.5
_CODEC_LOSS_LU = {16: 1.25, 24: 0.0, 32: 0.0}  # at 16 kbit/s the treble of speech suffers
_CLOSE_ENOUGH_LU = 0.4
_ATTEMPTS = 10

_PEAK_ABOVE_LOUDNESS_DB = 15.0  # of speech, about

_SENTENCE = 12 * SAMPLE_RATE  # as a rule, worked on at once

_AROUND = SAMPLE_RATE // 100  # samples on either side of a peak that take part in it, or move it when they change

_TAKEN_SHARE = 0.2  # of the work
_ENCODED_SHARE = 0.7  # of what is left before an encoding: another one may follow
_TELL_S = 0.2

# What is worked on, four seconds of samples in a few stages, comes and goes all the time. The C library gives memory
# back to the system where more lies free than twice the largest block freed before, and then gets it again page by
# page: a fourteenth of all the time. A block of this size, never written to, lifts that limit (mallopt(3): "dynamic
# mmap threshold"); a library that does otherwise takes no harm.
np.empty(8 << 20, np.uint8)

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Mastered:
    """An encoded sound and what was measured on it after decoding."""

    data: bytes
    duration_ms: int
    loudness_lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True, slots=True)
class Rendered:
    """Packets, and what was measured on them after decoding."""

    encoded: Encoded
    frames: NDArray[np.float64]  # K-weighted energies of 20 ms each
    true_peak_dbtp: float

    @property
    def loudness_lufs(self) -> float:
        return lufs_of_frames(self.frames)


def master_all(
    samples: Samples, sample_rate: int, *, kbps: Mapping[Profile, int], progress: Progress | None = None
) -> dict[Profile, Mastered]:
    """The renditions of a sound (mono, −1…1), as `master_blocks` makes them. Raises as that does."""
    return master_blocks([resample(samples, sample_rate)], kbps=kbps, progress=progress)


def master(
    samples: Samples,
    sample_rate: int,
    *,
    kbps: int = 24,
    profile: Profile = "full",
    progress: Progress | None = None,
) -> Mastered:
    """One rendition of a sound (mono, −1…1). Raises as `master_blocks` does."""
    return master_all(samples, sample_rate, kbps={profile: kbps}, progress=progress)[profile]


def master_blocks(
    blocks: Iterable[Samples],
    *,
    kbps: Mapping[Profile, int],
    expected_ms: int | None = None,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> dict[Profile, Mastered]:
    """The renditions in the profiles of `kbps` of a sound of any length that comes in blocks, mono at 48 kHz, all of
    exactly the same duration, at the loudness and peak that go on air, measured after decoding.

    What is long is kept in a file of `folder` meanwhile. `progress` is told a share of the whole, from this thread;
    also while the blocks come, where it is known how much there is (`expected_ms`).
    A sound under 0.4 s is measured as if silence filled it up to that length; under about 0.08 s no gain makes it loud
    enough, and it is refused. Raises `SoundUnusable` where it is silent or can't be brought there, `DiskFull`, and
    whatever the blocks raise.
    """
    tell = progress or (lambda _done: None)
    with Take(folder) as take, ThreadPoolExecutor(len(kbps), "mastering") as pool:
        take.fill(_counted(blocks, expected_ms, tell))
        if not take.finite or not take.loudest:
            raise _silent()
        tell(_TAKEN_SHARE)
        renderings = [_Rendering(take, profile, rate) for profile, rate in kbps.items()]
        jobs = [pool.submit(rendering.made) for rendering in renderings]
        try:
            while (waited := wait(jobs, _TELL_S, FIRST_EXCEPTION)).not_done:
                for job in waited.done:
                    job.result()  # what is wrong with one profile needs no other
                tell(_TAKEN_SHARE + (1 - _TAKEN_SHARE) * sum(one.done for one in renderings) / len(renderings))
        finally:
            for one in renderings:
                one.stopped = True
    tell(1.0)
    return {profile: _whole(job.result()) for profile, job in zip(kbps, jobs, strict=True)}


def _whole(made: Rendered) -> Mastered:
    duration_ms = made.encoded.samples * 1000 // SAMPLE_RATE
    return Mastered(made.encoded.ogg(), duration_ms, round(made.loudness_lufs, 2), round(made.true_peak_dbtp, 2))


def rendered(samples: Samples, *, kbps: Mapping[Profile, int], band_hz: int = BANDS_HZ[-1]) -> dict[Profile, Rendered]:
    """A short sound at 48 kHz, with nothing below 30 Hz or above `band_hz`, as packets that can follow others
    (`codec.joined`), within the limits as `master_blocks` holds them. Raises `SoundUnusable` where they can't be held.
    """
    with Take(band_hz=band_hz, block=_SENTENCE) as take:
        take.fill([samples], clean=True)
        if not take.finite or not take.loudest:
            raise _silent()
        return {profile: _Rendering(take, profile, rate, lead=LEAD_FRAMES).made() for profile, rate in kbps.items()}


def _counted(blocks: Iterable[Samples], expected_ms: int | None, tell: Progress) -> Iterator[Samples]:
    came = 0
    for block in blocks:
        yield block
        came += block.size
        if expected_ms:
            tell(_TAKEN_SHARE * min(came * 1000 / SAMPLE_RATE / expected_ms, 1))


def compressor_level_db(loudness: float, loudest: float) -> float:
    """What a `HornShaper` goes by: the loudness, or where nothing passes the meter's gate, a guess by the peak."""
    return loudness if loudness > SILENCE_DB else db(loudest) - _PEAK_ABOVE_LOUDNESS_DB


class _Rendering:
    """One profile of one take."""

    def __init__(self, take: Take, profile: Profile, kbps: int, *, lead: int = 0) -> None:
        self._take = take
        self._profile = profile
        self._kbps = kbps
        self._lead = lead
        self._band_hz = min(take.band_hz, CODED_TO_HZ[profile])
        self.done = 0.0  # a share of the whole, that only rises
        self.stopped = False  # set from outside: nobody waits for it any more
        self._kept: list[Samples] = []  # what is shaped, of a short sound
        doublings = math.log2(max(take.samples / (60 * SAMPLE_RATE), 1))  # of a minute
        room_db = _CODEC_ROOM_DB + _ROOM_A_DOUBLING_DB * doublings
        energies = take.energies if profile == "full" else None  # which is the take as it is
        self._limiter = Limiter(take.samples, amplitude(CEILING_DBTP - room_db), energies, band_hz=self._band_hz)

    def made(self) -> Rendered:
        """Encode, measure, correct, until it is right."""
        kept: list[Samples] = []
        for block in self._shaped():
            self._limiter.measure(block)
            if (
                self._take.in_memory and self._profile != "full"
            ):  # short: shaping it anew for each encoding takes longer than it is worth
                kept.append(block)
        self._kept = kept
        aim_lufs = TARGET_LUFS + _CODEC_LOSS_LU[self._kbps]
        usable: Rendered | None = None
        for _ in range(_ATTEMPTS):
            made, above = _measured(self._encoded(self._gain(aim_lufs)))
            lufs, peak_dbtp = round(made.loudness_lufs, 2), round(made.true_peak_dbtp, 2)
            off, room_db = lufs - TARGET_LUFS, CEILING_DBTP - peak_dbtp
            if not above and abs(off) <= TOLERANCE_LU:
                usable = made
            if usable and abs(off) <= _CLOSE_ENOUGH_LU:
                break
            aim_lufs -= off
            if off < -_CLOSE_ENOUGH_LU:  # the codec needs less room than was left to it, at least in most places
                self._limiter.ceiling *= amplitude(max(room_db - _FURTHER_DB, -off / 2))
            self._limiter.lower(
                (at - _AROUND, at + _AROUND, amplitude(CEILING_DBTP - db(peak) - _FURTHER_DB)) for at, peak in above
            )
        if usable:
            return usable
        raise SoundUnusable(
            reason_vi=f"không đạt −16 LUFS ± 0,5 và đỉnh −1,5 dBTP (đo được {lufs:.1f} LUFS, {peak_dbtp:.1f} dBTP)",
            reason_en=f"−16 LUFS ± 0.5 at a peak of −1.5 dBTP is out of reach ({lufs:.1f} LUFS, {peak_dbtp:.1f} dBTP)",
        )

    def _gain(self, aim_lufs: float) -> float:
        """What brings the limited sound there; a peaky one has to do with less room for the codec."""
        ceiling = self._limiter.ceiling
        least_lufs, most = min(aim_lufs, TARGET_LUFS), max(ceiling, amplitude(CEILING_DBTP))
        for aim, self._limiter.ceiling in ((aim_lufs, ceiling), (least_lufs, ceiling), (least_lufs, most)):
            gain = self._limiter.gain_for(aim)
            if gain is not None:
                return gain
        raise _out_of_reach(self._limiter.loudest)

    def _shaped(self) -> Iterator[Samples]:
        if self._kept:
            yield from self._kept
            return
        shaper = HornShaper(compressor_level_db(self._take.lufs, self._take.loudest))
        for block in self._take.blocks():
            if self.stopped:
                raise CancelledError
            yield block if self._profile == "full" else shaper(block)

    def _encoded(self, gain: float) -> Encoded:
        encoder, at = Encoder(self._kbps, self._lead, self._band_hz), 0
        done, left = self.done, _ENCODED_SHARE * (1 - self.done)
        for block in self._shaped():
            encoder.take(self._limiter.apply(block, at, gain))
            at += block.size
            self.done = done + left * at / self._take.samples
        return encoder.end()


def _measured(encoded: Encoded) -> tuple[Rendered, list[tuple[int, float]]]:
    """What a receiver decodes, and the places where it is above the peak allowed."""
    loudness, peaks = LoudnessMeter(encoded.band_hz), PeakMeter(amplitude(CEILING_DBTP))
    for block in encoded.blocks():
        loudness.take(block)
        peaks.take(block)
    peak = peaks.end()
    return Rendered(encoded, loudness.frames(), peak), peaks.above


def _silent() -> SoundUnusable:
    return SoundUnusable(reason_vi="chỉ có im lặng", reason_en="it is silent")


def _out_of_reach(loudest: float) -> SoundUnusable:
    """No gain makes it loud enough: there is next to nothing, or only short clicks that the limiter holds down."""
    if db(loudest) < -GAIN_MAX_DB:
        return SoundUnusable(reason_vi="gần như im lặng", reason_en="it is next to silent")
    return SoundUnusable(reason_vi="chỉ có tiếng lách cách ngắn", reason_en="it holds nothing but short clicks")
