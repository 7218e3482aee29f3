"""The chimes before and after a programme, synthesised: struck bars as of a public-address chime.

An opening and a closing of each character: the plain chime of four notes, two in the
pentatonic scales of Vietnamese music (Bắc: C D F G A, Nam: C E♭ F G B♭), a solemn one and a call of two notes.
Each note is a handful of partials, the upper ones
a little sharp and dying away faster, which is what makes a struck bar sound like metal and not like an organ.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from audio.codec import SAMPLE_RATE, Samples

OPENING: Final = "mở đầu"
CLOSING: Final = "kết thúc"

_NOTES_HZ: Final[dict[str, tuple[float, ...]]] = {
    OPENING: (392.00, 493.88, 587.33, 783.99),  # G4 B4 D5 G5
    CLOSING: (783.99, 587.33, 493.88, 392.00),
    "mở đầu điệu Bắc": (349.23, 392.00, 523.25, 587.33, 698.46),  # F4 G4 C5 D5 F5
    "kết thúc điệu Bắc": (698.46, 587.33, 523.25, 392.00, 349.23),
    "mở đầu điệu Nam": (392.00, 466.16, 523.25, 622.25, 523.25),  # G4 B♭4 C5 E♭5 C5
    "kết thúc điệu Nam": (622.25, 523.25, 466.16, 392.00),
    "mở đầu trang trọng": (261.63, 392.00, 523.25),  # C4 G4 C5
    "kết thúc trang trọng": (523.25, 392.00, 261.63),
    "mở đầu hai tiếng": (587.33, 440.00),  # D5 A4
    "kết thúc hai tiếng": (440.00, 587.33),
}
NAMES: Final = tuple(_NOTES_HZ)
_UNHURRIED: Final = {"trang trọng": 0.75, "hai tiếng": 0.6}  # seconds from one stroke to the next
ALIASES: Final = {"opening": OPENING, "closing": CLOSING}

# (ratio to the fundamental, amplitude, time in which it falls to 1/e, seconds)
_PARTIALS: Final = ((1.0, 1.0, 0.75), (2.004, 0.35, 0.45), (3.012, 0.16, 0.28), (4.166, 0.10, 0.14), (5.43, 0.05, 0.08))
_APART_S: Final = 0.42  # from one stroke to the next
_LAST_S: Final = 1.75  # the last note rings
_LEAD_S: Final = 0.1
_STROKE_S: Final = 0.004
_END_FADE_S: Final = 0.35


def named(name: str) -> str | None:
    """The chime's own name for a Vietnamese or English one; None for a chime that there isn't."""
    name = ALIASES.get(name, name)
    return name if name in _NOTES_HZ else None


def length_s(name: str) -> float:
    """How long a chime is as it is synthesised; its mastering trims a little off its end."""
    return _LEAD_S + _apart_s(name) * (len(_NOTES_HZ[name]) - 1) + _LAST_S


def _apart_s(name: str) -> float:
    return next((seconds for part, seconds in _UNHURRIED.items() if name.endswith(part)), _APART_S)


def synthesise(name: str) -> Samples:
    """About three seconds of mono samples at 48 kHz, peak below 1; loudness is the mastering's business."""
    notes = _NOTES_HZ[name]
    apart_s = _apart_s(name)
    length = round(length_s(name) * SAMPLE_RATE)
    sound = np.zeros(length)
    for index, frequency in enumerate(notes):
        start = round((_LEAD_S + index * apart_s) * SAMPLE_RATE)
        sound[start:] += _bell(frequency, length - start)
    fade = round(_END_FADE_S * SAMPLE_RATE)
    sound[-fade:] *= np.cos(np.linspace(0, np.pi / 2, fade)) ** 2
    scaled: Samples = (0.5 * sound / np.abs(sound).max()).astype(np.float32)
    return scaled


def _bell(frequency_hz: float, length: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    t = np.arange(length) / SAMPLE_RATE
    note = np.zeros(length)
    for ratio, amplitude, decay_s in _PARTIALS:
        note += amplitude * np.exp(-t / decay_s) * np.sin(2 * np.pi * frequency_hz * ratio * t)
    return note * np.minimum(t / _STROKE_S, 1)
