"""Who may speak at a site, as of now: looked up anew for every text, so that a voice that is installed, removed or
repaired while the server runs counts from the next text on.

The *wanted* voices are those that the first name in the site's settings stands for, whether they are there or not.
What speaks in place of them is a fallback, and so is eSpeak wherever it speaks (`Voice.spare`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from audio.errors import UnknownVoice, VoiceFailed
from audio.voices import files, piper
from audio.voices.base import Voice
from audio.voices.espeak import EspeakVoice
from audio.voices.gtts import GttsVoice
from audio.voices.http import HttpVoice, Server
from audio.voices.piper import PiperVoice

ENGINES = ("piper", "http", "gtts", "espeak")
LANGUAGE = "vi"
# A voice file that may be installed later, such as vi_VN-vais1000-medium; anything else is a slip of the pen.
_FILE_NAME = re.compile(r"[a-z]{2,3}_[A-Z]{2}-.+")


@dataclass(frozen=True, slots=True)
class Site:
    """What voices are given of a site: the folder of voice files, the speech server."""

    folder: Path | None = None
    server: Server | None = None

    def files(self) -> list[files.VoiceFile]:
        return files.installed(self.folder) if self.folder is not None else []


@dataclass(frozen=True, slots=True)
class Lineup:
    """Whom to ask in this order; a `VoiceFailed` stands for one that can't be asked, and says why."""

    places: tuple[Voice | VoiceFailed, ...]
    wanted: frozenset[str]

    def is_fallback(self, voice: Voice, passed_over: Sequence[VoiceFailed]) -> bool:
        """The voice that spoke after these had been passed over is one."""
        return voice.spare or voice.name not in self.wanted or bool(passed_over)


# Asked with the name of one voice that alone shall speak, or None: the site's order. Raises `UnknownVoice`.
Lineups = Callable[[str | None], Lineup]


def of_voices(voices: Sequence[Voice]) -> Lineups:
    """These voices for good, most wanted first."""
    if not voices:
        raise ValueError("a chain needs a voice")
    every = Lineup(tuple(voices), frozenset({voices[0].name}))

    def lineup(name: str | None) -> Lineup:
        if name is None:
            return every
        alone = tuple(voice for voice in voices if voice.name == name)
        if not alone:
            raise UnknownVoice(voice=name, known=", ".join(voice.name for voice in voices))
        return Lineup(alone, every.wanted)

    return lineup


def of_site(names: Sequence[str], site: Site | None = None) -> Lineups:
    """The voices that settings name, as the site has them at each text. Raises `UnknownVoice` for what is no voice."""
    site = site or Site()
    names = list(dict.fromkeys(names)) or ["espeak"]
    there = known(site)
    for name in names:
        if name not in there and not _FILE_NAME.fullmatch(name):
            raise UnknownVoice(voice=name, known=", ".join(there))

    def lineup(name: str | None) -> Lineup:
        wanted = frozenset(voice.name for voice in _places(names[0], site) if not isinstance(voice, VoiceFailed))
        if name is not None:
            there = known(site)
            if name not in [*there, *names]:
                raise UnknownVoice(voice=name, known=", ".join(there))
            return Lineup(tuple(_places(name, site)), wanted)
        places: dict[str, Voice | VoiceFailed] = {}
        for one in names:
            for place in _places(one, site):
                places.setdefault(place.facts["voice"] if isinstance(place, VoiceFailed) else place.name, place)
        return Lineup(tuple(places.values()), wanted)

    return lineup


def known(site: Site) -> list[str]:
    """Every name under which a voice can be asked for here."""
    return [*ENGINES, *(file.name for file in site.files())]


def make(name: str, site: Site) -> list[Voice]:
    """The voices of that name: one engine, one voice file, or for `piper` every Vietnamese voice file there is.

    Raises `VoiceFailed` where there is none, with the way to one.
    """
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
    if site.folder is not None:
        piper.end_replaced(site.folder, there)
    found: list[Voice] = [
        PiperVoice(file) for file in there if name == file.name or (name == "piper" and file.language == LANGUAGE)
    ]
    if not found:
        command = f"truyenthanh voices install {'vi_VN-vais1000-medium' if name == 'piper' else name}"
        raise VoiceFailed(
            voice=name,
            reason_vi=f"chưa cài giọng này trên máy; hãy chạy: {command}",
            reason_en=f"it is not installed on this machine; run: {command}",
        )
    return found


def _places(name: str, site: Site) -> Sequence[Voice | VoiceFailed]:
    try:
        return make(name, site)
    except VoiceFailed as absent:
        return [absent]
