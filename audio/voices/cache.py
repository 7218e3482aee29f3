"""Sentences that have been spoken, on disk: changing one sentence costs one sentence.

The key is everything the sound depends on: the sentence, the voice with its version or its file's hash, the rate. An
entry carries its own hash and is ignored where that doesn't fit. Whoever was used least recently goes first when the
folder grows beyond its limit. A disk that is full costs the cache, never the sentence.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import struct
import tempfile
import threading
from pathlib import Path

import numpy as np

from audio.voices.base import Sound

log = logging.getLogger(__name__)

BYTES_MAX = 512 * 1024 * 1024

_HEADER = struct.Struct("<32sII")  # SHA-256 of all after it, sample rate in Hz, bytes of the facts
_KEPT_SHARE = 0.9  # what stays when room is made, so that it isn't made at every sentence


def as_stored(sound: Sound) -> Sound:
    """The sound with its samples at 16 bits, as it comes back: spoken or remembered, a sentence is the same."""
    pcm = (np.clip(sound.samples, -1, 32767 / 32768) * 32768).round().astype("<i2")
    return Sound((pcm / np.float32(32768)).astype(np.float32), sound.sample_rate, sound.facts)


class SentenceCache:
    """Any number of threads and processes may use one folder."""

    def __init__(self, folder: Path, bytes_max: int = BYTES_MAX) -> None:
        self.folder = folder
        self.bytes_max = bytes_max
        self._lock = threading.Lock()
        self._size: int | None = None  # of the folder, as far as this process knows

    @staticmethod
    def key(identity: str, sentence: str, rate: int | None) -> str:
        return hashlib.sha256(json.dumps([1, identity, sentence, rate]).encode()).hexdigest()

    def get(self, key: str) -> Sound | None:
        """The sound, or None where there is none or a damaged one, which is removed."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            sound = _unpacked(data)
        except OSError:
            return None
        except ValueError:
            log.warning("cached sentence damaged", extra={"path": str(path)})
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # used now
        return sound

    def put(self, key: str, sound: Sound) -> None:
        """Keep the sound; what the disk refuses is logged and forgotten."""
        data = _packed(sound)
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
            try:
                with os.fdopen(descriptor, "wb") as file:  # not flushed to the disk: the hash tells what a crash left
                    file.write(data)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._make_room(len(data))
        except OSError as error:
            log.warning("sentence not cached", extra={"reason": str(error)})

    def _path(self, key: str) -> Path:
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


def _packed(sound: Sound) -> bytes:
    facts = json.dumps(dict(sound.facts)).encode()
    body = facts + (sound.samples * 32768).round().astype("<i2").tobytes()
    tail = struct.pack("<II", sound.sample_rate, len(facts)) + body
    return hashlib.sha256(tail).digest() + tail


def _unpacked(data: bytes) -> Sound:
    if len(data) <= _HEADER.size or hashlib.sha256(data[32:]).digest() != data[:32]:
        raise ValueError("damaged")
    _, sample_rate, length = _HEADER.unpack_from(data)
    facts = json.loads(data[_HEADER.size : _HEADER.size + length])
    pcm = np.frombuffer(data, "<i2", offset=_HEADER.size + length)
    return Sound((pcm / np.float32(32768)).astype(np.float32), sample_rate, facts)
