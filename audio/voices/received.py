"""What a server sent as a sentence: is it sound, whole, of a usable sample rate, and about as long as the sentence?"""

from __future__ import annotations

import math
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from audio.voices.base import Sound

SAMPLE_RATES = (8_000, 96_000)
_RIFF_BYTES = 8  # that a RIFF's own size leaves out
_RIFF_UNKNOWN = 0x7FFFFFF0  # a server that streams doesn't know the size, and writes one beyond all bounds
# The quickest and slowest speech that counts as the whole sentence. A reply outside of it is truncated or padded.
_SYLLABLE_S = (0.06, 1.5)
_AROUND_S = 2.0


class Unsound(Exception):
    """`vi` and `en` are clauses without a full stop."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(en)
        self.vi = vi
        self.en = en


def checked(file: BinaryIO | Path, sentence: str, engine: str) -> Sound:
    """The sound in one channel. Raises `Unsound`."""
    try:
        samples, sample_rate = soundfile.read(file, dtype="float32")
    except (OSError, soundfile.LibsndfileError) as error:
        raise Unsound("thứ nhận được rỗng hoặc không phải âm thanh", "what came is empty or not sound") from error
    if not SAMPLE_RATES[0] <= sample_rate <= SAMPLE_RATES[1]:
        raise Unsound(
            f"âm thanh nhận được có tần số lấy mẫu {sample_rate} Hz",
            f"the sound that came has a sample rate of {sample_rate} Hz",
        )
    if samples.ndim > 1:
        samples = samples.mean(axis=1)
    duration_s = samples.size / sample_rate
    syllables = len(sentence.split())
    if not _SYLLABLE_S[0] * syllables <= duration_s <= _SYLLABLE_S[1] * syllables + _AROUND_S:
        raise Unsound(
            f"âm thanh nhận được dài {duration_s:.1f} giây cho {syllables} tiếng",
            f"the sound that came lasts {duration_s:.1f} s for {syllables} syllables",
        )
    if not math.isfinite(float(np.abs(samples).max())) or not np.any(samples):
        raise Unsound("âm thanh nhận được chỉ có im lặng", "the sound that came is silent")
    return Sound(samples, sample_rate, {"engine": engine})


def check_whole(data: bytes) -> None:
    """A WAV says how long it is; a decoder is content with less. Raises `Unsound`."""
    if data[:4] != b"RIFF":
        return
    announced = int.from_bytes(data[4:8], "little")
    if len(data) - _RIFF_BYTES < announced < _RIFF_UNKNOWN:
        raise Unsound("âm thanh nhận được bị cụt", "the sound that came is cut short")
