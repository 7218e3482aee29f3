"""A voice for tests and rehearsals: a short tone a syllable, the same samples for the same sentence, at once."""

from __future__ import annotations

import zlib

import numpy as np

from audio.voices.base import Sound

_SAMPLE_RATE = 24_000
_WORDS_A_MINUTE = 200


class FakeVoice:
    """Speaks tones. `name`, `outside` and `spare` can be set, so that it can stand for any voice."""

    def __init__(self, name: str = "fake", *, outside: bool = False, spare: bool = False) -> None:
        self.name = name
        self.outside = outside
        self.spare = spare
        self.at_once = 1
        self.said: list[str] = []

    def identity(self) -> str:
        return self.name

    def say(self, sentence: str, *, rate: int | None = None) -> Sound:
        self.said.append(sentence)
        length = round(60 / (rate or _WORDS_A_MINUTE) * _SAMPLE_RATE)
        return Sound(np.concatenate([_tone(word, length) for word in sentence.split() or ["?"]]), _SAMPLE_RATE)


def _tone(word: str, length: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    frequency_hz = 200 + zlib.crc32(word.encode()) % 400
    t = np.arange(length) / _SAMPLE_RATE
    envelope = np.sin(np.pi * np.arange(length) / length)
    return (0.3 * envelope * np.sin(2 * np.pi * frequency_hz * t)).astype(np.float32)
