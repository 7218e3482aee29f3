"""What a voice is: spoken text in, samples out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

RATE_LOW_WPM, RATE_HIGH_WPM = 80, 260


@dataclass(frozen=True, slots=True)
class Sound:
    """One channel of speech, −1…1, with what the engine says of itself."""

    samples: NDArray[np.float32]
    sample_rate: int
    facts: Mapping[str, str] = field(default_factory=dict)


class Voice(Protocol):
    """An engine that speaks Vietnamese. One small module each."""

    @property
    def name(self) -> str:
        """The name under which it is chosen and recorded."""
        ...

    @property
    def outside(self) -> bool:
        """It sends the text to a server outside."""
        ...

    @property
    def spare(self) -> bool:
        """It is there for when nothing better speaks: what it speaks is a fallback's, wherever it speaks."""
        ...

    @property
    def at_once(self) -> int:
        """How many sentences it speaks at the same time."""
        ...

    def identity(self) -> str:
        """Everything of the voice that its sound depends on, its version or its file's hash among it.

        Raises `audio.errors.VoiceFailed` where that can't be said.
        """
        ...

    def say(self, sentence: str, *, rate: int | None = None) -> Sound:
        """Speak one sentence of spoken form, at `rate` words a minute (None: its own).

        Raises `audio.errors.VoiceFailed` and never returns an empty sound.
        """
        ...
