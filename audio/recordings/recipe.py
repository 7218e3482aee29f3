"""Trim and join: which stretches of which originals, one behind the other. The originals stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio.codec import SAMPLE_RATE, Samples
from audio.mastering import Mastered, master_blocks
from audio.profiles import Profile
from audio.recordings.analysis import Mix, mono
from audio.recordings.decoding import MINUTES_MAX, TOLERANCE_MS, Decoder
from audio.recordings.errors import RecordingTooLong
from core.errors import Invalid

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
    """The sound of a recipe: mono at 48 kHz, at most a second at a time, with short fades at each cut.

    Stretches of one original that follow one another in it, as when a hole is cut out, are decoded in one go.
    """
    for path, group in _goes(cuts):
        at, left = 0, list(group)
        with Decoder(path) as decoder:
            for block in decoder.blocks():
                while left:
                    first, last = (ms * SAMPLE_RATE // 1000 for ms in (left[0].start_ms, left[0].end_ms))
                    samples = mono(block, left[0].mix)
                    piece = samples[max(first - at, 0) : max(last - at, 0)]
                    if piece.size:
                        yield _faded(piece, max(at, first), first, last)
                    if at + samples.size < last:
                        break
                    del left[0]
                at += len(block.samples)
                if not left:
                    break


def _goes(cuts: Sequence[Cut]) -> Iterator[tuple[Path, list[Cut]]]:
    group: list[Cut] = []
    for cut in cuts:
        if group and (cut.path != group[-1].path or cut.start_ms < group[-1].end_ms):
            yield group[0].path, group
            group = []
        group.append(cut)
    if group:
        yield group[0].path, group


def mastered(
    cuts: Sequence[Cut],
    kbps: Mapping[Profile, int],
    *,
    folder: Path | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[Profile, Mastered]:
    """The recipe's sound in every profile, ready to air; a long one goes through a file in `folder`.

    Raises `SoundUnusable`, `RecordingTooLong`, `DiskFull`, and for an original that can't be read any more what
    `Decoder` raises.
    """
    total_ms = sum(cut.end_ms - cut.start_ms for cut in cuts)
    if total_ms > MINUTES_MAX * 60_000 + TOLERANCE_MS:
        raise RecordingTooLong(limit=MINUTES_MAX)
    return master_blocks(blocks(cuts), kbps=kbps, expected_ms=total_ms, folder=folder, progress=progress)


def _faded(piece: Samples, at: int, first: int, last: int) -> Samples:
    places = np.arange(at, at + piece.size)
    gain = np.clip(np.minimum(places - first + 1, last - places) / _FADE, 0, 1)
    return np.asarray(piece * gain, dtype=np.float32)
