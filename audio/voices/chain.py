"""Voices in order of preference: the first that speaks the whole text is the one that is heard.

A text is spoken by one voice from beginning to end; where a voice fails in the middle, the next begins anew.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from audio.errors import RateRefused, UnknownVoice, VoiceFailed
from audio.mastering import Part
from audio.voices.base import RATE_HIGH_WPM, RATE_LOW_WPM, Voice

log = logging.getLogger(__name__)

_SENTENCE = re.compile(r"[^.?!]+[.?!]*")
_PAUSE_SENTENCE_MS = 420
_PAUSE_PARAGRAPH_MS = 750


@dataclass(frozen=True, slots=True)
class Recording:
    """What a voice made of a text, sentence by sentence."""

    parts: list[Part]
    sample_rate: int
    voice: str
    fallback: bool  # another voice was wanted and failed
    outside: bool  # the text was handed to a voice that sends it outside, whether or not that voice then spoke
    failures: list[VoiceFailed]


class VoiceChain:
    """One or more voices in order of preference."""

    def __init__(self, voices: Sequence[Voice]) -> None:
        if not voices:
            raise ValueError("a chain needs a voice")
        self.voices = tuple(voices)

    @property
    def names(self) -> list[str]:
        return [voice.name for voice in self.voices]

    def only(self, name: str) -> VoiceChain:
        """The chain of that one voice, without a fallback. Raises `UnknownVoice`."""
        for voice in self.voices:
            if voice.name == name:
                return VoiceChain([voice])
        raise UnknownVoice(voice=name, known=", ".join(self.names))

    def speak(
        self, spoken: str, *, rate: int | None = None, progress: Callable[[float], None] | None = None
    ) -> Recording:
        """Speak a text in spoken form. Raises `VoiceFailed` when the last voice has failed too."""
        if rate is not None and not RATE_LOW_WPM <= rate <= RATE_HIGH_WPM:
            raise RateRefused(rate=rate, low=RATE_LOW_WPM, high=RATE_HIGH_WPM)
        sentences = list(split(spoken))
        failures: list[VoiceFailed] = []
        for index, voice in enumerate(self.voices):
            try:
                parts, sample_rate = _say(voice, sentences, rate, progress)
            except VoiceFailed as failure:
                log.warning("voice failed", extra={"voice": voice.name, "reason": failure.text("en")})
                failures.append(failure)
                continue
            outside = any(tried.outside for tried in self.voices[: index + 1])
            return Recording(parts, sample_rate, voice.name, index > 0, outside, failures)
        if len(failures) == 1:
            raise failures[0]
        raise VoiceFailed(
            voice=", ".join(self.names),
            reason_vi="; ".join(f"{one.facts['voice']}: {one.facts['reason_vi']}" for one in failures),
            reason_en="; ".join(f"{one.facts['voice']}: {one.facts['reason_en']}" for one in failures),
        )


def split(spoken: str) -> Iterator[tuple[str, int]]:
    """The sentences of a spoken form, each with the pause after it in milliseconds."""
    for paragraph in spoken.split("\n"):
        sentences = [sentence.strip() for sentence in _SENTENCE.findall(paragraph)]
        sentences = [sentence for sentence in sentences if any(letter.isalpha() for letter in sentence)]
        for index, sentence in enumerate(sentences):
            last = index == len(sentences) - 1
            ended = sentence if sentence[-1] in ".?!" else sentence.rstrip(",") + "."
            yield ended, _PAUSE_PARAGRAPH_MS if last else _PAUSE_SENTENCE_MS


def _say(
    voice: Voice, sentences: list[tuple[str, int]], rate: int | None, progress: Callable[[float], None] | None
) -> tuple[list[Part], int]:
    parts: list[Part] = []
    sample_rate = 0
    for index, (sentence, pause_ms) in enumerate(sentences):
        sound = voice.say(sentence, rate=rate)
        if sample_rate not in {0, sound.sample_rate}:
            raise VoiceFailed(
                voice=voice.name,
                reason_vi="tần số lấy mẫu thay đổi giữa chừng",
                reason_en="its sample rate changed in the middle",
            )
        sample_rate = sound.sample_rate
        parts.append(Part(sound.samples, pause_ms))
        if progress:
            progress((index + 1) / len(sentences))
    return parts, sample_rate
