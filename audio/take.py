"""A sound that is gone through several times: in memory while it is short, in a file without a name while it is long.

An hour of samples has 690 MB. Mastering needs them once to measure, and for each profile once to shape and once for
each encoding. Decoding or speaking the sound as often would cost more than a file does.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import numpy as np

from audio.codec import BANDS_HZ, FRAME, SAMPLE_RATE, Samples
from audio.filters import rumble_filter
from audio.levels import FRAME_MS, SILENCE_DB, Weighting, lufs_of_frames, step_energies
from audio.store import full_disk_named

BLOCK: Final = 4 * SAMPLE_RATE

_IN_MEMORY = 90 * SAMPLE_RATE


class Take:
    """Mono samples at 48 kHz: `fill` it once, then go through its `blocks`, from several threads if need be."""

    def __init__(self, folder: Path | None = None, band_hz: int = BANDS_HZ[-1], block: int = BLOCK) -> None:
        self._folder = folder  # of the file, if it comes to one; None: the system's for temporary files
        self._file: IO[bytes] | None = None
        self._blocks: list[Samples] = []
        self._block = block  # samples that are worked on together
        self.band_hz = band_hz  # up to where the sound may hold anything
        self.samples = 0
        self.loudest = 0.0
        self.finite = True
        self.energies = np.zeros(0, np.float32)  # K-weighted, of each millisecond
        self.lufs = SILENCE_DB

    @property
    def in_memory(self) -> bool:
        """It is short."""
        return self._file is None

    def fill(self, blocks: Iterable[Samples], *, clean: bool = False) -> None:
        """Take everything, in blocks of any size, without what lies below 30 Hz (`clean`: nothing does), and measure
        it. Raises `DiskFull`.
        """
        filtered = None if clean else rumble_filter(SAMPLE_RATE)
        weighting = Weighting(band_hz=self.band_hz)
        energies = []
        for came in _regular(blocks, self._block):
            self.finite = bool(np.isfinite(came).all())
            if not self.finite:
                return
            block = filtered(came).astype(np.float32) if filtered else came
            self.loudest = max(self.loudest, float(np.abs(block).max()))
            energies.append(weighting(block))
            self._keep(block)
        if energies:
            self.energies = np.concatenate(energies)
            self.lufs = lufs_of_frames(step_energies(self.energies, FRAME_MS))

    def blocks(self) -> Iterator[Samples]:
        """The samples in order, `block` at a time, the last filled up with silence to whole 20 ms."""
        if self._file is None:
            yield from self._blocks
            return
        for at in range(0, self.samples, self._block):
            count = min(self._block, self.samples - at)
            yield np.frombuffer(os.pread(self._file.fileno(), 4 * count, 4 * at), np.float32)

    def _keep(self, block: Samples) -> None:
        self.samples += block.size
        self._blocks.append(block)
        if self.samples > _IN_MEMORY:
            with full_disk_named(self._folder or Path(tempfile.gettempdir())):
                if self._file is None:
                    self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 - see __exit__
                for one in self._blocks:
                    left = memoryview(one.tobytes())
                    while left:
                        left = left[self._file.write(left) :]
            self._blocks = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()


def _regular(blocks: Iterable[Samples], size: int) -> Iterator[Samples]:
    """The same samples in blocks of that size, the last shorter, of whole packets: so that a duration in
    milliseconds is exact.
    """
    held: list[Samples] = []
    count = 0
    for block in blocks:
        held.append(np.asarray(block, np.float32))
        count += block.size
        if count >= size:
            joined = np.concatenate(held)
            whole = count // size * size
            for at in range(0, whole, size):
                yield joined[at : at + size]
            held, count = [joined[whole:].copy()], count - whole
    if count:
        yield np.pad(np.concatenate(held), (0, -count % FRAME))
