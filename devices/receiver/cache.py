"""Audio objects on the receiver's disk: files named by the SHA-256 of their bytes, within a quota.

An object that is coming is a `.part` file of whole chunks, in order; after a restart the chunks that are there are
checked and the rest is fetched. Room is made by dropping what was needed longest ago; never what the plan in force
needs, and never what it pins.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from devices.protocol.plan import Manifest
from devices.protocol.reports import Cache as CacheFacts
from devices.receiver.state import State, sync_folder

log = logging.getLogger(__name__)

SPARE_BYTES = 50_000_000  # of the disk that the cache leaves for the records and the system


def chunk_count(manifest: Manifest) -> int:
    return -(-manifest.bytes // manifest.chunk_bytes)


def is_sound(manifest: Manifest) -> bool:
    """Do the manifest's own figures agree?"""
    return len(manifest.chunk_sha256) == chunk_count(manifest)


def chunk_size(manifest: Manifest, n: int) -> int:
    """Bytes of chunk `n`; the last one is shorter."""
    return min(manifest.chunk_bytes, manifest.bytes - n * manifest.chunk_bytes)


class Cache:
    """The folder of objects. Used by the agent's working thread; `path` by the reader of a file too."""

    def __init__(self, folder: Path, state: State, *, quota_bytes: int) -> None:
        self._folder = folder
        self._state = state
        self._quota_bytes = quota_bytes
        folder.mkdir(parents=True, exist_ok=True)
        self._sizes = {path.name: path.stat().st_size for path in folder.iterdir() if len(path.name) == 64}

    def path(self, sha256: str) -> Path:
        return self._folder / sha256

    def has(self, sha256: str) -> bool:
        return sha256 in self._sizes

    def complete(self, sha256s: Iterable[str]) -> bool:
        return all(sha256 in self._sizes for sha256 in sha256s)

    def facts(self) -> CacheFacts:
        return CacheFacts(objects=len(self._sizes), bytes=sum(self._sizes.values()), free_bytes=self.free_bytes())

    def free_bytes(self) -> int:
        return shutil.disk_usage(self._folder).free

    def touch(self, sha256s: Iterable[str], now_ms: int) -> None:
        """These are needed now."""
        with self._state.writing():
            for sha256 in sha256s:
                if sha256 in self._sizes:
                    sql = "INSERT OR REPLACE INTO objects VALUES (?, ?, ?)"
                    self._state.run(sql, sha256, self._sizes[sha256], now_ms)

    def make_room(self, wanted_bytes: int, keep: Collection[str]) -> bool:
        """Drop what was needed longest ago, and isn't in `keep`, until there is room; False: there can't be."""
        needed_at = dict(self._state.rows("SELECT sha256, needed_at FROM objects"))
        idle = sorted((s for s in self._sizes if s not in keep), key=lambda s: int(needed_at.get(s, 0)))
        while self._room() < wanted_bytes and idle:
            self.drop(idle.pop(0))
        return self._room() >= wanted_bytes

    def least_useful(self, needed_in: Mapping[str, float]) -> str | None:
        """The object to drop first: what was needed longest ago of what isn't, else what is needed last."""
        needed_at = dict(self._state.rows("SELECT sha256, needed_at FROM objects"))
        idle = [sha256 for sha256 in self._sizes if sha256 not in needed_in]
        if idle:
            return min(idle, key=lambda sha256: int(needed_at.get(sha256, 0)))
        return max(self._sizes, key=lambda sha256: needed_in[sha256], default=None)

    def _room(self) -> int:
        parts = sum(path.stat().st_size for path in self._folder.glob("*.part"))
        return min(self._quota_bytes - sum(self._sizes.values()) - parts, self.free_bytes() - SPARE_BYTES)

    def drop(self, sha256: str) -> None:
        """Remove an object, say one that is damaged."""
        self.path(sha256).unlink(missing_ok=True)
        self._sizes.pop(sha256, None)
        with contextlib.suppress(sqlite3.OperationalError), self._state.writing():
            # On a full disk the row stays; it says only when something was needed.
            self._state.run("DELETE FROM objects WHERE sha256 = ?", sha256)
        log.info("An audio object was dropped", extra={"sha256": sha256})

    def drop_parts(self, keep: Collection[str]) -> None:
        """Remove half-fetched objects that nothing needs any more."""
        for path in self._folder.glob("*.part"):
            if path.name.removesuffix(".part") not in keep:
                path.unlink(missing_ok=True)

    def _part(self, manifest: Manifest) -> Path:
        return self._folder / f"{manifest.sha256}.part"

    def resume(self, manifest: Manifest) -> int:
        """How many chunks of the object are there and right; what follows them is cut off."""
        path = self._part(manifest)
        good = 0
        try:
            with path.open("r+b") as file:
                while good < len(manifest.chunk_sha256):
                    data = file.read(chunk_size(manifest, good))
                    if hashlib.sha256(data).hexdigest() != manifest.chunk_sha256[good]:
                        break
                    good += 1
                file.truncate(min(good * manifest.chunk_bytes, manifest.bytes))
        except FileNotFoundError:
            return 0
        return good

    def append(self, manifest: Manifest, n: int, data: bytes) -> None:
        """Write chunk `n`, already checked. Raises `OSError`, such as when the disk is full."""
        path = self._part(manifest)
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.seek(n * manifest.chunk_bytes)
            file.write(data)

    def finish(self, manifest: Manifest, now_ms: int) -> bool:
        """Check the whole and give it its name; False: the bytes aren't what the name says, and are gone."""
        path = self._part(manifest)
        with path.open("r+b") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        if digest != manifest.sha256:
            path.unlink()
            return False
        path.replace(self.path(manifest.sha256))
        sync_folder(self._folder)
        self._sizes[manifest.sha256] = manifest.bytes
        self.touch([manifest.sha256], now_ms)
        return True
