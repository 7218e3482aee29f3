"""Sounds of the kit: tones, each of a frequency of its own, so that a recording tells which of them sounded.

Frequencies are multiples of 100 Hz: over a window of 20 ms they don't disturb each other (see `recording`).
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import soundfile

from core.ids import new_id
from devices.protocol.plan import Item, Manifest

RATE: Final = 48_000
LEVEL: Final = 0.3
CHUNK_BYTES: Final = 1_024  # the least there is, so that even a short tone has several


@dataclass(frozen=True)
class Sound:
    """An object: its bytes, in chunks, and an item that plays it. `named`: under a name that isn't its hash."""

    hertz: int
    duration_ms: int
    data: bytes
    named: str = ""

    @cached_property
    def sha256(self) -> str:
        return self.named or hashlib.sha256(self.data).hexdigest()

    @property
    def chunks(self) -> list[bytes]:
        return [self.data[at : at + CHUNK_BYTES] for at in range(0, len(self.data), CHUNK_BYTES)]

    @property
    def manifest(self) -> Manifest:
        return Manifest(
            sha256=self.sha256,
            bytes=len(self.data),
            chunk_bytes=CHUNK_BYTES,
            chunk_sha256=[hashlib.sha256(chunk).hexdigest() for chunk in self.chunks],
        )

    def item(self) -> Item:
        return Item(item=new_id(), duration_ms=self.duration_ms, sha256=self.sha256)


def tone(hertz: int, duration_ms: int) -> Sound:
    """A sine as Ogg Opus, mono, 48 kHz. Its bytes differ from call to call: an Ogg stream has a random number."""
    at = np.arange(duration_ms * RATE // 1_000) / RATE
    samples: np.ndarray[Any, np.dtype[np.float32]] = (LEVEL * np.sin(2 * np.pi * hertz * at)).astype(np.float32)
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="OGG", subtype="OPUS")
    return Sound(hertz, duration_ms, file.getvalue())


class Sounds:
    """Those that every run has. All are published but for what a check withholds itself."""

    def __init__(self) -> None:
        self.short = tone(400, 500)
        self.other = tone(600, 500)
        self.strong = tone(700, 600)
        self.long = tone(300, 1_400)
        self.longest = tone(200, 2_100)
        # Heard nowhere else, so that a recording can be measured by them.
        self.joined = [tone(900, 500), tone(1_000, 500), tone(1_100, 500)]
        self.later = tone(1_300, 500)
        # Never to be heard.
        self.forbidden = tone(1_900, 500)

    @property
    def fetched(self) -> list[Sound]:
        """What the receiver is given in the opening, forbidden ones among them: it must be able to do wrong."""
        return [
            self.short,
            self.other,
            self.strong,
            self.long,
            self.longest,
            *self.joined,
            self.later,
            self.forbidden,
        ]
