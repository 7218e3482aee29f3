"""Voices: engines that speak, behind one protocol, and the chain that tries them in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from audio.voices.base import Sound, Voice
from audio.voices.cache import SentenceCache
from audio.voices.chain import Recording, VoiceChain, check_rate
from audio.voices.fake import FakeVoice
from audio.voices.http import Server
from audio.voices.lineup import ENGINES, Lineup, Site, known, make, of_site

__all__ = [
    "ENGINES",
    "FakeVoice",
    "Lineup",
    "Recording",
    "SentenceCache",
    "Server",
    "Site",
    "Sound",
    "Voice",
    "VoiceChain",
    "chain",
    "check_rate",
    "known",
    "make",
]


def chain(
    names: Sequence[str],
    *,
    outside_allowed: bool | Callable[[str], bool],
    site: Site | None = None,
    cache: SentenceCache | None = None,
) -> VoiceChain:
    """The chain of the voices that settings name, most wanted first; which of them are there is seen at every text.

    `outside_allowed` says of a voice that sends the text outside whether it may, and is asked at every text.
    Raises `UnknownVoice`.
    """
    allowed = outside_allowed if callable(outside_allowed) else (lambda _name: outside_allowed)
    return VoiceChain(of_site(names, site), cache=cache, allowed=allowed)
