"""Speech mastered sentence by sentence, so that a changed sentence costs one sentence.

1. Each part that a voice gave becomes a piece: trimmed, with the beginning of its pause, in which what coding leaves
   behind fades, of whole packets (`cutting.piece`).
2. Each piece is mastered as a sound of its own: −16 LUFS, true peak at most −1.5 dBTP, measured after decoding. Nothing
   of it depends on the other pieces, so the same text gives the same bytes whatever was remembered, and a change moves
   nothing else. It also brings sentences that a voice speaks louder or softer to one level, as every item is.
   (Measured: sentences of the offline voice differ by about 1 LU, but for short ones, which come out 3 LU louder.)
3. Packets, energies and peak are remembered by the piece's samples, the profile, its bit rate and the encoder.
4. The packets are joined to one sound (`codec.joined`), the rest of each pause made of packets of silence. Every piece
   begins after silence and ends in some, where encoder and decoder forget what was before: what is decoded at a joint
   is what was decoded of the piece. So the whole's true peak is the highest of the pieces, and its loudness comes from
   their energies, gated as one.
5. Where a piece can't be mastered alone, or is too short for a joint, or the whole is outside the limits, all of it is
   mastered as one sound instead. That again depends on the parts only.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from audio.codec import FRAME, LIBRARIES, SAMPLE_RATE, Encoded, band_hz, joined, silence
from audio.cutting import LEAD_MS, TAIL_MS, Part, cut, piece
from audio.errors import SoundUnusable
from audio.levels import lufs_of_frames
from audio.mastering import (
    CEILING_DBTP,
    TARGET_LUFS,
    TOLERANCE_LU,
    Mastered,
    Progress,
    Rendered,
    master_all,
    rendered,
)
from audio.profiles import Profile
from audio.results import ResultCache

# Stands in every key: raise it when cutting, shaping, limiting or encoding change, or what is remembered would be
# joined with what is made anew.
_RULES: Final = 2
_FADING_MS: Final = 120  # of each pause: what is mastered with the sentence before
_FRAME_MS: Final = FRAME * 1000 // SAMPLE_RATE

_HEADER = struct.Struct("<IIId")  # samples, packets, band in Hz, true peak in dBTP


@dataclass(frozen=True, slots=True)
class _Piece:
    samples: NDArray[np.float32]
    sample_rate: int
    lead_ms: int

    def key(self) -> str:
        facts = json.dumps([_RULES, LIBRARIES, self.sample_rate, self.lead_ms])
        return hashlib.sha256(facts.encode() + self.samples.tobytes()).hexdigest()

    def made(self, kbps: Mapping[Profile, int]) -> dict[Profile, Rendered]:
        sound = piece(Part(self.samples, _FADING_MS), self.sample_rate, lead_ms=self.lead_ms)
        return rendered(sound, kbps=kbps, band_hz=band_hz(self.sample_rate))


def master_speech(
    parts: Sequence[Part],
    sample_rate: int,
    *,
    kbps: Mapping[Profile, int],
    cache: ResultCache | None = None,
    progress: Progress | None = None,
) -> dict[Profile, Mastered]:
    """The renditions of spoken parts of one sample rate, all of exactly the same duration. `progress` is told a share
    of the whole. Raises `SoundUnusable`.
    """
    told = 0.0

    def tell(share: float) -> None:
        nonlocal told
        told = max(told, share)
        if progress:
            progress(told)

    try:
        return _by_pieces(parts, sample_rate, kbps, cache, tell)
    except SoundUnusable:
        return master_all(cut(parts, sample_rate), sample_rate, kbps=kbps, progress=tell)


def _by_pieces(
    parts: Sequence[Part],
    sample_rate: int,
    kbps: Mapping[Profile, int],
    cache: ResultCache | None,
    tell: Progress,
) -> dict[Profile, Mastered]:
    pauses_ms = [*(part.pause_ms for part in parts[:-1]), TAIL_MS]
    if not parts or min(pauses_ms) < _FADING_MS:
        raise SoundUnusable(reason_vi="không có quãng nghỉ giữa các câu", reason_en="there is no pause to join at")
    pieces = [_Piece(part.samples, sample_rate, 0 if index else LEAD_MS) for index, part in enumerate(parts)]
    keys = [one.key() for one in pieces]
    by_key = dict(zip(keys, pieces, strict=True))  # a sentence that comes twice is mastered once
    known = {key: _remembered(cache, key, kbps) for key in by_key}
    missing = {
        key: {profile: rate for profile, rate in kbps.items() if profile not in known[key]}
        for key in by_key
        if len(known[key]) < len(kbps)
    }

    def made(key: str, result: dict[Profile, Rendered]) -> None:
        known[key] |= result
        if cache is not None:
            for profile, one in result.items():
                cache.put(_key(key, profile, kbps[profile]), _packed(one))

    _make(by_key, missing, made, tell)
    tell(1.0)
    return {profile: _whole([known[key][profile] for key in keys], pauses_ms, rate) for profile, rate in kbps.items()}


def _make(
    pieces: Mapping[str, _Piece],
    missing: Mapping[str, Mapping[Profile, int]],
    made: Callable[[str, dict[Profile, Rendered]], None],
    tell: Progress,
) -> None:
    """Master what is missing, as many at once as there are cores, telling of each in the caller's thread."""
    if not missing:
        return
    done, whole = 0, sum(pieces[key].samples.size for key in missing)
    pool = ThreadPoolExecutor(min(len(os.sched_getaffinity(0)), len(missing)), "mastering")
    try:
        jobs = {pool.submit(pieces[key].made, kbps): key for key, kbps in missing.items()}
        for job in as_completed(jobs):
            key = jobs[job]
            made(key, job.result())
            done += pieces[key].samples.size
            tell(done / whole)
    finally:
        pool.shutdown(cancel_futures=True)


def _whole(pieces: Sequence[Rendered], pauses_ms: Sequence[int], kbps: int) -> Mastered:
    """The pieces one behind the other, each with its pause. Raises `SoundUnusable` where that is outside the limits."""
    sounds: list[Encoded] = []
    energies: list[NDArray[np.float64]] = []
    for one, pause_ms in zip(pieces, pauses_ms, strict=True):
        pause = silence(-(-(pause_ms - _FADING_MS) // _FRAME_MS), kbps, one.encoded.band_hz)
        sounds += [one.encoded, pause]
        energies += [one.frames, np.zeros(pause.samples // FRAME)]
    lufs = round(lufs_of_frames(np.concatenate(energies)), 2)
    peak_dbtp = round(max(one.true_peak_dbtp for one in pieces), 2)
    if abs(lufs - TARGET_LUFS) > TOLERANCE_LU or peak_dbtp > CEILING_DBTP:
        raise SoundUnusable(
            reason_vi=f"các câu ghép lại đạt {lufs:.1f} LUFS, {peak_dbtp:.1f} dBTP",
            reason_en=f"the sentences joined come to {lufs:.1f} LUFS, {peak_dbtp:.1f} dBTP",
        )
    duration_ms = sum(sound.samples for sound in sounds) * 1000 // SAMPLE_RATE
    return Mastered(joined(sounds), duration_ms, lufs, peak_dbtp)


def _key(piece_key: str, profile: Profile, kbps: int) -> str:
    return hashlib.sha256(f"{piece_key} {profile} {kbps}".encode()).hexdigest()


def _remembered(cache: ResultCache | None, key: str, kbps: Mapping[Profile, int]) -> dict[Profile, Rendered]:
    if cache is None:
        return {}
    found = {profile: cache.get(_key(key, profile, rate)) for profile, rate in kbps.items()}
    return {profile: _unpacked(data) for profile, data in found.items() if data is not None}


def _packed(one: Rendered) -> bytes:
    packets = one.encoded.packets[one.encoded.lead :]
    lengths = np.array([len(packet) for packet in packets], "<u2")
    header = _HEADER.pack(one.encoded.samples, len(packets), one.encoded.band_hz, one.true_peak_dbtp)
    return b"".join([header, lengths.tobytes(), one.frames.astype("<f8").tobytes(), *packets])


def _unpacked(data: bytes) -> Rendered:
    samples, count, band, true_peak_dbtp = _HEADER.unpack_from(data)
    lengths = np.frombuffer(data, "<u2", count, _HEADER.size)
    at = _HEADER.size + lengths.nbytes
    frames = np.frombuffer(data, "<f8", samples // FRAME, at)
    ends = at + frames.nbytes + np.cumsum(lengths, dtype=np.int64)
    packets = [data[end - length : end] for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]
    return Rendered(Encoded(packets, samples, 0, band), frames.astype(np.float64), true_peak_dbtp)
