"""What a voice gave, cut for the air: silence off each stretch of speech, short fades, pauses, 48 kHz.

Trimmed and faded by pydub on 16-bit samples. `cut` makes one sound of all parts; `piece` one of a single part, with the
silence before and after it, of whole packets, so that pieces can be mastered one by one and joined.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from audio._pydub import AudioSegment, detect_leading_silence
from audio.codec import FRAME, SAMPLE_RATE, Samples
from audio.errors import SoundUnusable
from audio.resampling import set_in_silence

MS: Final = SAMPLE_RATE // 1000  # samples
LEAD_MS: Final = 150
TAIL_MS: Final = 500

_SILENCE_DBFS = -48.0
_KEPT_MS = 15  # of silence around a sentence: soft consonants begin and end there
_EDGE_FADE_MS = 8


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of speech (mono, −1…1) and the pause that follows it."""

    samples: NDArray[np.float32]
    pause_ms: int


def cut(parts: Sequence[Part], sample_rate: int, *, lead_ms: int = LEAD_MS, tail_ms: int = TAIL_MS) -> Samples:
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


def piece(part: Part, sample_rate: int, *, lead_ms: int = 0) -> Samples:
    """One part at 48 kHz, with nothing below 30 Hz: silence trimmed, edges faded, `lead_ms` of silence before it, and
    its pause after it, which is longer by up to a packet, so that the whole is made of packets. Raises `SoundUnusable`
    where it is silent.
    """
    segment = _trimmed(AudioSegment(_to_pcm16(part.samples), frame_rate=sample_rate, sample_width=2, channels=1))
    if not len(segment):
        raise SoundUnusable(reason_vi="có câu chỉ toàn im lặng", reason_en="a sentence is silent")
    speech = _from_pcm16(segment)
    before, count = lead_ms * MS, math.ceil(speech.size * SAMPLE_RATE / sample_rate)
    whole = -(-(before + count + part.pause_ms * MS) // FRAME) * FRAME
    return set_in_silence(speech, sample_rate, before, whole)


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
