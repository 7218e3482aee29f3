"""Results that took time to compute, on disk, by a key that names everything they depend on.

An entry carries its own hash and is ignored where that doesn't fit. Whoever was used least recently goes first when the
folder grows beyond its limit. A disk that is full costs the entry, never the result.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
import threading
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

BYTES_MAX: Final = 512 * 1024 * 1024

_HASH_BYTES = 32
_KEPT_SHARE = 0.9  # what stays when room is made, so that it isn't made at every entry


class ResultCache:
    """Any number of threads and processes may use one folder. Keys are hexadecimal."""

    def __init__(self, folder: Path, bytes_max: int = BYTES_MAX) -> None:
        self.folder = folder
        self.bytes_max = bytes_max
        self._lock = threading.Lock()
        self._size: int | None = None  # of the folder, as far as this process knows

    def get(self, key: str) -> bytes | None:
        """The result, or None where there is none or a damaged one, which is removed."""
        path = self.path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        result = data[_HASH_BYTES:]
        if len(data) <= _HASH_BYTES or hashlib.sha256(result).digest() != data[:_HASH_BYTES]:
            log.warning("cached result damaged", extra={"path": str(path)})
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # used now
        return result

    def put(self, key: str, result: bytes) -> None:
        """Keep the result; what the disk refuses is logged and forgotten."""
        path = self.path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
            try:
                with os.fdopen(descriptor, "wb") as file:  # not flushed to the disk: the hash tells what a crash left
                    file.write(hashlib.sha256(result).digest())
                    file.write(result)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._make_room(_HASH_BYTES + len(result))
        except OSError as error:
            log.warning("result not cached", extra={"reason": str(error)})

    def path(self, key: str) -> Path:
        """Where an entry stands or would stand."""
        return self.folder / key[:2] / key

    def _make_room(self, added: int) -> None:
        with self._lock:
            if self._size is not None and self._size + added <= self.bytes_max:
                self._size += added
                return
            entries = []
            for path in self.folder.glob("??/*"):
                with contextlib.suppress(FileNotFoundError):
                    state = path.stat()
                    entries.append((state.st_mtime_ns, state.st_size, path))
            size = sum(entry[1] for entry in entries)
            if size > self.bytes_max:
                for _, length, path in sorted(entries, key=lambda entry: entry[0]):
                    if size <= _KEPT_SHARE * self.bytes_max:
                        break
                    path.unlink(missing_ok=True)
                    size -= length
            self._size = size
