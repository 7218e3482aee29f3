"""The items of one airing, decoded ahead by a thread into a few seconds of samples.

The side that plays only takes what is there: it never waits, opens or decodes anything. Items follow one another
without a gap; an item whose audio is not there leaves its planned time silent, so that the ones after it, and the
neighbouring loudspeakers, stay together.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from devices.receiver.evidence import RATE, Samples

log = logging.getLogger(__name__)

BLOCK = 4_800
AHEAD_FRAMES = 4 * RATE
PRIMED_FRAMES = RATE
POLL_S = 0.2

# Of hundreds of simulated receivers in one process only so many decode at once, each a second of sound at a time;
# more would only keep one another, and the sound outputs, from the interpreter.
_decoding = threading.BoundedSemaphore(2)
TURN_BLOCKS = RATE // BLOCK

Piece = tuple[int, Samples]


@dataclass(frozen=True, slots=True)
class Source:
    """One item: the file of its object, or None where there is nothing to play (and why)."""

    item: str
    duration_ms: int
    sha256: str | None = None
    path: Path | None = None
    missing: str = "no-audio"


class Reel:
    """Decoded samples of an airing's items, in order. One thread fills it, one other takes from it."""

    def __init__(self, sources: Sequence[Source], *, on_damaged: Callable[[str], None] | None = None) -> None:
        self.sources = list(sources)
        self.failed: dict[int, str] = {
            n: source.missing for n, source in enumerate(self.sources) if source.path is None
        }
        self.broken: dict[int, str] = {}  # items that began and then couldn't be decoded further
        self.lengths: dict[int, int] = {}  # frames of each item's own sound, said before any of it can be taken
        self._on_damaged = on_damaged
        self._pieces: deque[Piece] = deque()
        self._produced = 0  # written by the reader only
        self._consumed = 0  # written by the taker only
        self._all_read = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._read, name="reel", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Let the reader end; doesn't wait for it."""
        self._closing.set()

    def join(self, timeout_s: float) -> None:
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    @property
    def primed(self) -> bool:
        """Enough is decoded to begin."""
        return self._all_read or self._produced - self._consumed >= PRIMED_FRAMES

    @property
    def ended(self) -> bool:
        """All was taken."""
        return self._all_read and not self._pieces

    def take(self, frames: int) -> list[Piece]:
        """Up to so many frames, as (index of the item, samples) in order; fewer where the reader is behind."""
        taken: list[Piece] = []
        while frames > 0 and self._pieces:
            index, samples = self._pieces[0]
            if len(samples) > frames:
                # Only this side touches the left end, so replacing it is safe.
                self._pieces[0] = (index, samples[frames:])
                samples = samples[:frames]
            else:
                self._pieces.popleft()
            taken.append((index, samples))
            frames -= len(samples)
            self._consumed += len(samples)
        return taken

    def _read(self) -> None:
        last = max((n for n in range(len(self.sources)) if n not in self.failed), default=-1)
        for index in range(last + 1):
            try:
                self._read_item(index)
            except Exception:
                log.exception("Reading audio failed")
                self.broken[index] = "damaged-audio"
        self._all_read = True

    def _read_item(self, index: int) -> None:
        source = self.sources[index]
        if source.path is None:
            self._put_silence(source.duration_ms, index)
            return
        before = self._produced
        reason = self._decode(index, source, source.path)
        if not reason or self._closing.is_set():
            return
        log.warning("An item can't be played", extra={"item": source.item, "reason": reason})
        if self._produced > before:
            self.broken[index] = reason
            return
        self.failed[index] = reason  # said before its silence can be taken
        self._put_silence(source.duration_ms, index)

    def _put_silence(self, duration_ms: int, index: int) -> None:
        left = duration_ms * RATE // 1000
        while left > 0 and self._room():
            block = min(left, BLOCK)
            self._put(index, np.zeros(block, dtype=np.float32))
            left -= block

    def _decode(self, index: int, source: Source, path: Path) -> str:
        """Decode one file into the reel; the empty string, or why it couldn't be."""
        import soundfile  # noqa: PLC0415 - only a box that plays carries the library

        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            digest = ""
        if source.sha256 is not None and digest != source.sha256:
            if self._on_damaged is not None:
                self._on_damaged(source.sha256)
            return "damaged-audio"
        try:
            with soundfile.SoundFile(str(path)) as sound:
                if sound.samplerate != RATE:
                    return "unsupported-format"
                self.lengths[index] = int(sound.frames)
                while self._room():
                    with _decoding:
                        if not self._decode_turn(index, sound):
                            return ""
        except (soundfile.LibsndfileError, OSError, RuntimeError):
            log.exception("Audio can't be decoded", extra={"sha256": source.sha256})
            return "damaged-audio"
        return ""

    def _decode_turn(self, index: int, sound: Any) -> bool:
        """A second of sound at most; False at the end of the file."""
        for _ in range(TURN_BLOCKS):
            block = sound.read(BLOCK, dtype="float32", always_2d=True)
            if not len(block):
                return False
            mono = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
            self._put(index, np.ascontiguousarray(mono))
        return True

    def _room(self) -> bool:
        """Wait until there is room; False: it is over."""
        while self._produced - self._consumed >= AHEAD_FRAMES:
            if self._closing.wait(POLL_S):
                return False
        return not self._closing.is_set()

    def _put(self, index: int, samples: Samples) -> None:
        self._pieces.append((index, samples))
        self._produced += len(samples)


class ToneReel(Reel):
    """A test tone: 1 kHz at −20 dBFS, with soft ends."""

    def __init__(self, item: str, duration_ms: int) -> None:
        super().__init__([Source(item, duration_ms, path=Path())])

    def _decode(self, index: int, source: Source, path: Path) -> str:
        del path
        total = self.lengths[index] = source.duration_ms * RATE // 1000
        done = 0
        while done < total and self._room():
            at = np.arange(done, min(done + BLOCK, total), dtype=np.float64)
            ends = np.minimum(1.0, np.minimum(at, total - 1 - at) / (RATE // 50))
            tone = 0.1 * np.sqrt(2.0) * np.sin(2 * np.pi * 1000.0 * at / RATE) * ends
            self._put(index, tone.astype(np.float32))
            done += len(at)
        return ""
