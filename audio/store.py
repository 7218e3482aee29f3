"""Content-addressed files: the name of an object is the SHA-256 of its bytes.

An object is written to a temporary file in the same folder, flushed to the disk and renamed, so that a name
either stands for whole, right content or for nothing. What a killed process leaves behind are temporary files,
which a later start sweeps away.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import tempfile
import time
from pathlib import Path
from typing import NoReturn

from audio.errors import ObjectDamaged
from core.errors import DiskFull, NotFound

_NAME = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = ".part"
_ABANDONED_S = 3600.0  # a temporary file older than this belongs to nobody
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class ObjectStore:
    """A folder of objects, fanned out by the first two digits of the name: `3f/3fa9…`.

    Any number of threads and processes may use one folder at once.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with full_disk_named(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._sweep()

    def put(self, data: bytes) -> str:
        """Store the bytes and return their SHA-256; storing what is there already changes nothing.

        Raises `DiskFull`; then nothing half-written stays.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        if self._whole(path, len(data), sha256):
            return sha256
        with full_disk_named(self.folder):
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, data)
        return sha256

    def read(self, sha256: str) -> bytes:
        """The bytes of an object. Raises `NotFound`, or `ObjectDamaged` where the content isn't what the name says."""
        try:
            data = self.path(sha256).read_bytes()
        except FileNotFoundError:
            self._missing(sha256)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ObjectDamaged(sha256=sha256)
        return data

    def path(self, sha256: str) -> Path:
        """Where an object stands or would stand. Raises `NotFound` for what can't be the name of one."""
        if not _NAME.fullmatch(sha256):
            self._missing(sha256)
        return self.folder / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        return self.path(sha256).is_file()

    def remove(self, sha256: str) -> None:
        """Remove an object; one that isn't there is none the less gone."""
        self.path(sha256).unlink(missing_ok=True)

    def chunk_hashes(self, sha256: str, chunk_bytes: int) -> list[str]:
        """The SHA-256 of each successive chunk of an object, the last of which may be shorter."""
        if chunk_bytes < 1:
            raise ValueError("chunk_bytes must be at least 1")
        data = self.read(sha256)
        return [hashlib.sha256(data[at : at + chunk_bytes]).hexdigest() for at in range(0, len(data), chunk_bytes)]

    def _whole(self, path: Path, size: int, sha256: str) -> bool:
        """The object stands there undamaged. A damaged one is to be written again."""
        try:
            if path.stat().st_size != size:
                return False
            return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
        except FileNotFoundError:
            return False

    def _sweep(self) -> None:
        horizon = time.time() - _ABANDONED_S  # file times are the file system's, not the project's clock
        for path in self.folder.glob(f"??/*{_TEMPORARY}"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < horizon:
                    path.unlink()

    def _missing(self, sha256: str) -> NoReturn:
        raise NotFound(what="âm thanh / sound", id=sha256)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, so that it survives a power cut once this returns."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=_TEMPORARY)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp makes it private; web server and ingest may be other users
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class full_disk_named(contextlib.AbstractContextManager[None]):  # noqa: N801 - reads as the phrase it is in a with
    """Turn the system's "no space left" (or quota, or file size limit) into `DiskFull` that names the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError) and error.errno in _FULL:
            raise DiskFull(path=self.folder) from error
