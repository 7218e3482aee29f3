"""Sentences that have been spoken, on disk: changing one sentence costs one sentence.

The key is everything the sound depends on: the sentence, the voice with its version or its file's hash, the rate.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import numpy as np

from audio.results import BYTES_MAX, ResultCache
from audio.voices.base import Sound

_HEADER = struct.Struct("<II")  # sample rate in Hz, bytes of the facts


def as_stored(sound: Sound) -> Sound:
    """The sound with its samples at 16 bits, as it comes back: spoken or remembered, a sentence is the same."""
    pcm = (np.clip(sound.samples, -1, 32767 / 32768) * 32768).round().astype("<i2")
    return Sound((pcm / np.float32(32768)).astype(np.float32), sound.sample_rate, sound.facts)


class SentenceCache:
    """Any number of threads and processes may use one folder. `results` is the folder, which what is made of the
    sentences shares with them.
    """

    def __init__(self, folder: Path, bytes_max: int = BYTES_MAX) -> None:
        self.results = ResultCache(folder, bytes_max)

    @staticmethod
    def key(identity: str, sentence: str, rate: int | None) -> str:
        return hashlib.sha256(json.dumps([1, identity, sentence, rate]).encode()).hexdigest()

    def get(self, key: str) -> Sound | None:
        """The sound, or None where there is none or a damaged one."""
        data = self.results.get(key)
        return None if data is None else _unpacked(data)

    def put(self, key: str, sound: Sound) -> None:
        """Keep the sound; what the disk refuses is logged and forgotten."""
        self.results.put(key, _packed(sound))


def _packed(sound: Sound) -> bytes:
    facts = json.dumps(dict(sound.facts)).encode()
    pcm = (sound.samples * 32768).round().astype("<i2").tobytes()
    return _HEADER.pack(sound.sample_rate, len(facts)) + facts + pcm


def _unpacked(data: bytes) -> Sound:
    sample_rate, length = _HEADER.unpack_from(data)
    facts = json.loads(data[_HEADER.size : _HEADER.size + length])
    pcm = np.frombuffer(data, "<i2", offset=_HEADER.size + length)
    return Sound((pcm / np.float32(32768)).astype(np.float32), sample_rate, facts)
