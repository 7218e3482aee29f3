"""Voices: engines that speak, behind one protocol, and the chain that tries them in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from audio.errors import OutsideVoiceRefused, UnknownVoice, VoiceFailed
from audio.voices import files
from audio.voices.base import Sound, Voice
from audio.voices.cache import SentenceCache
from audio.voices.chain import Recording, VoiceChain, check_rate
from audio.voices.espeak import EspeakVoice
from audio.voices.fake import FakeVoice
from audio.voices.gtts import GttsVoice
from audio.voices.http import HttpVoice, Server
from audio.voices.piper import PiperVoice

__all__ = [
    "ENGINES",
    "FakeVoice",
    "Recording",
    "SentenceCache",
    "Server",
    "Site",
    "Sound",
    "Voice",
    "VoiceChain",
    "chain",
    "check_rate",
    "make",
]

ENGINES = ("piper", "http", "gtts", "espeak")
LANGUAGE = "vi"


@dataclass(frozen=True, slots=True)
class Site:
    """What voices are given of a site: the folder of voice files, the speech server."""

    folder: Path | None = None
    server: Server | None = None

    def files(self) -> list[files.VoiceFile]:
        return files.installed(self.folder) if self.folder is not None else []


def make(name: str, site: Site | None = None) -> list[Voice]:
    """The voices of that name: one engine, one voice file, or for `piper` every Vietnamese voice file there is.

    Raises `UnknownVoice`, and `VoiceFailed` for `http` without an address.
    """
    site = site or Site()
    if name == "espeak":
        return [EspeakVoice()]
    if name == "gtts":
        return [GttsVoice()]
    if name == "http":
        if site.server is None:
            raise VoiceFailed(
                voice=name,
                reason_vi="chưa có địa chỉ máy chủ; hãy đặt TRUYENTHANH_HTTP_VOICE_URL",
                reason_en="it has no address; set TRUYENTHANH_HTTP_VOICE_URL",
            )
        return [HttpVoice(site.server)]
    there = site.files()
    if name == "piper":
        return [PiperVoice(file) for file in there if file.language == LANGUAGE]
    named: list[Voice] = [PiperVoice(file) for file in there if file.name == name]
    if not named:
        raise UnknownVoice(voice=name, known=", ".join([*ENGINES, *(file.name for file in there)]))
    return named


def chain(
    names: Sequence[str],
    *,
    outside_allowed: bool | Callable[[str], bool],
    site: Site | None = None,
    cache: SentenceCache | None = None,
) -> VoiceChain:
    """The chain of the named voices, most wanted first.

    `outside_allowed` says of a voice that sends the text outside whether it may: for good, or asked at every text. A
    person who names such a voice for one text (`--voice gtts`) allows it by that: the caller passes True then.
    Raises `UnknownVoice`, and `OutsideVoiceRefused` for a voice that isn't allowed for good.
    """
    voices = [voice for name in dict.fromkeys(names) for voice in make(name, site)]
    voices = list({voice.name: voice for voice in voices}.values()) or [EspeakVoice()]
    if outside_allowed is False:
        for voice in voices:
            if voice.outside:
                raise OutsideVoiceRefused(voice=voice.name)
    asked = outside_allowed if callable(outside_allowed) else (lambda _name: True)
    return VoiceChain(voices, cache=cache, allowed=asked)
