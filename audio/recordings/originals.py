"""Originals: files as they came, named by the SHA-256 of their bytes, never changed.

A file arrives in blocks into a temporary file, counted and hashed on the way. It gets its name only when it is whole;
whatever breaks off leaves nothing, and what a killed process leaves is swept at the next start.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from audio.recordings.errors import RecordingEmpty, RecordingTooLarge
from audio.store import ObjectStore, full_disk_named

BYTES_MAX = 1_000_000_000  # an hour of WAV at 48 kHz, stereo, 24 bits is just above; 16 bits is 691 MB
BLOCK_BYTES = 1 << 20
_INCOMING = "in"  # two letters, as the sweeping of the store expects; no hash begins so


class Originals(ObjectStore):
    """A folder of originals."""

    def incoming(self, bytes_max: int = BYTES_MAX) -> Incoming:
        """A place for a file that is on its way; used in a `with`."""
        folder = self.folder / _INCOMING
        with full_disk_named(self.folder):
            folder.mkdir(exist_ok=True)
            return Incoming(self, folder, bytes_max)


class Incoming:
    """One file on its way. What isn't kept by the end of the `with` is gone."""

    def __init__(self, originals: Originals, folder: Path, bytes_max: int) -> None:
        self._originals = originals
        self._bytes_max = bytes_max
        self._hash = hashlib.sha256()
        descriptor, name = tempfile.mkstemp(dir=folder, suffix=".part")
        self._file = os.fdopen(descriptor, "wb")
        self.path = Path(name)
        self.bytes = 0

    def write(self, block: bytes) -> None:
        """Raises `RecordingTooLarge`, `DiskFull`."""
        self.bytes += len(block)
        if self.bytes > self._bytes_max:
            raise RecordingTooLarge(limit_mb=self._bytes_max // 1_000_000)
        self._hash.update(block)
        with full_disk_named(self._originals.folder):
            self._file.write(block)

    def complete(self) -> None:
        """Everything has come. Raises `RecordingEmpty`, `DiskFull`."""
        if not self.bytes:
            raise RecordingEmpty
        with full_disk_named(self._originals.folder):
            self._file.flush()
            os.fsync(self._file.fileno())

    def keep(self) -> str:
        """Give the whole file its name, its SHA-256, and return that."""
        sha256 = self._hash.hexdigest()
        path = self._originals.path(sha256)
        with full_disk_named(self._originals.folder):
            path.parent.mkdir(exist_ok=True)
            self.path.chmod(0o644)
            self.path.replace(path)
        return sha256

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        try:
            self._file.close()
        finally:
            self.path.unlink(missing_ok=True)
