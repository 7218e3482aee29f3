"""Voices: engines that speak, behind one protocol, and the chain that tries them in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from audio.errors import OutsideVoiceRefused, UnknownVoice
from audio.voices.base import Sound, Voice
from audio.voices.chain import Recording, VoiceChain
from audio.voices.espeak import EspeakVoice
from audio.voices.fake import FakeVoice
from audio.voices.gtts import GttsVoice

__all__ = ["KNOWN", "FakeVoice", "Recording", "Sound", "Voice", "VoiceChain", "chain", "make"]

KNOWN: Final[dict[str, Callable[[], Voice]]] = {"espeak": EspeakVoice, "gtts": GttsVoice}


def make(name: str) -> Voice:
    """The voice of that name. Raises `UnknownVoice`."""
    if name not in KNOWN:
        raise UnknownVoice(voice=name, known=", ".join(KNOWN))
    return KNOWN[name]()


def chain(names: Sequence[str], *, outside_allowed: bool) -> VoiceChain:
    """The chain of the named voices, most wanted first.

    Raises `UnknownVoice`, and `OutsideVoiceRefused` for a voice that sends the text outside where that isn't allowed.
    A person who names such a voice for one text (`--voice gtts`) allows it by that: the caller passes True then.
    """
    voices = [make(name) for name in dict.fromkeys(names)]
    for voice in voices:
        if voice.outside and not outside_allowed:
            raise OutsideVoiceRefused(voice=voice.name)
    return VoiceChain(voices)
