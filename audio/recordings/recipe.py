"""Trim and join: which stretches of which originals, one behind the other. The originals stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio.codec import SAMPLE_RATE, Samples
from audio.mastering import Mastered, master_all
from audio.profiles import Profile
from audio.recordings.analysis import Mix, mono
from audio.recordings.decoding import Decoder
from core.errors import Invalid

WHOLE_MINUTES_MAX = 15  # mastering holds the whole sound, about 4 MB a second of which it works on several copies
_FADE = SAMPLE_RATE // 100  # at each cut, so that it doesn't click


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch of an original: its file, its mix, from where to where (ms)."""

    path: Path
    mix: Mix
    start_ms: int
    end_ms: int


def check_cut(start_ms: int, end_ms: int, duration_ms: int) -> None:
    """Raises `Invalid` for a stretch that the recording doesn't have."""
    if not 0 <= start_ms < end_ms <= duration_ms:
        raise Invalid(
            what=f"đoạn cắt {start_ms}–{end_ms} ms không nằm trong bản thu dài {duration_ms} ms / "
            f"the stretch {start_ms}–{end_ms} ms is not within the recording of {duration_ms} ms"
        )


def blocks(cuts: Sequence[Cut]) -> Iterator[Samples]:
    """The sound of a recipe: mono at 48 kHz, at most a second at a time, with short fades at each cut."""
    for cut in cuts:
        first, last = (ms * SAMPLE_RATE // 1000 for ms in (cut.start_ms, cut.end_ms))
        at = 0
        with Decoder(cut.path) as decoder:
            for block in decoder.blocks():
                samples = mono(block, cut.mix)
                piece = samples[max(first - at, 0) : max(last - at, 0)]
                if piece.size:
                    yield _faded(piece, max(at, first), first, last)
                at += samples.size
                if at >= last:
                    break


def mastered(cuts: Sequence[Cut], kbps: Mapping[Profile, int]) -> dict[Profile, Mastered]:
    """The recipe's sound in every profile, ready to air.

    Raises `SoundUnusable`, `Invalid` (too long to be mastered at once).
    """
    total_ms = sum(cut.end_ms - cut.start_ms for cut in cuts)
    if total_ms > WHOLE_MINUTES_MAX * 60_000:
        raise Invalid(
            what=f"bản tin thu âm dài quá {WHOLE_MINUTES_MAX} phút, hãy chia thành nhiều bản tin / "
            f"a recorded bulletin is longer than {WHOLE_MINUTES_MAX} minutes, split it into several"
        )
    return master_all(np.concatenate(list(blocks(cuts))), SAMPLE_RATE, kbps=kbps)


def _faded(piece: Samples, at: int, first: int, last: int) -> Samples:
    places = np.arange(at, at + piece.size)
    gain = np.clip(np.minimum(places - first + 1, last - places) / _FADE, 0, 1)
    return np.asarray(piece * gain, dtype=np.float32)
