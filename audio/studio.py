"""From text to a stored sound: reading, voice, mastering, store. Chimes and listening copies come from here too."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from audio import chime as chimes
from audio import reading
from audio.codec import SAMPLE_RATE, Samples, decode, encode
from audio.errors import NotReadable, SoundTooLong, TextEmpty, TextTooLong
from audio.mastering import Mastered, cut, master_all
from audio.profiles import Profile
from audio.store import ObjectStore, full_disk_named, write_atomically
from audio.voices import VoiceChain
from core.errors import Invalid, NotFound

__all__ = ["SoundObject", "Speech", "Studio"]

SYLLABLES_A_SECOND = 2.6  # of a voice at its own rate, pauses included; a run of digits goes faster
SYLLABLE_LETTERS = 7  # the longest Vietnamese syllable, "nghiêng"; what is longer is foreign and has several

KBPS: Mapping[Profile, int] = {"full": 24, "horn": 24}

# Suffixes of files for listening and export, with libsndfile's names for what is in them; None: Ogg Opus.
EXPORTS: dict[str, tuple[str, str] | None] = {
    ".wav": ("WAV", "PCM_16"),
    ".ogg": None,
    ".opus": None,
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".flac": ("FLAC", "PCM_16"),
}


@dataclass(frozen=True, slots=True)
class SoundObject:
    """A stored sound: its name and size, and what was measured on it after decoding."""

    sha256: str
    bytes: int
    duration_ms: int
    loudness_lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True, slots=True)
class Speech:
    """A spoken text: its sounds, one per profile and all of one duration, who spoke, and what was doubtful in the
    reading (in Vietnamese, with its place).
    """

    sounds: dict[Profile, SoundObject]
    voice: str
    fallback: bool  # not the voice that the site wants, or one that is a fallback by nature
    spoken: str
    warnings: list[str]
    spoke_outside: bool  # the text was handed to a voice that sends it to a server outside
    voice_identity: str = ""  # with its version or its file's hash
    failures: tuple[str, ...] = ()  # why voices that were wanted more did not speak, in Vietnamese


def estimated_s(spoken: str, rate: int | None = None) -> float:
    """About how long a spoken form takes, in seconds; `rate` in words (that is syllables) a minute."""
    syllables = sum(1 if len(word) <= SYLLABLE_LETTERS else len(word) / 2 for word in spoken.split())
    return syllables / (rate / 60 if rate and rate > 0 else SYLLABLES_A_SECOND)


class Studio:
    """The way through the room. Safe to use from several threads."""

    def __init__(
        self,
        store: ObjectStore,
        voices: VoiceChain,
        *,
        kbps: Mapping[Profile, int] = KBPS,
        characters_max: int = 8000,
        minutes_max: int = 15,
    ) -> None:
        self.store = store
        self.voices = voices
        self.kbps = kbps
        self.characters_max = characters_max
        self.minutes_max = minutes_max
        self._chimes: dict[str, dict[Profile, SoundObject]] = {}

    def speak(
        self,
        text: str,
        *,
        rate: int | None = None,
        voice: str | None = None,
        lexicon: reading.Lexicon | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Speech:
        """Read, speak, master and store a text.

        `rate` is in words a minute (None: the voice's own); `progress` is told a share of the whole, 0 to 1, that never
        falls; `lexicon` says how names of the place are read. A `voice` that is named speaks alone, without another in
        its place; that makes it neither allowed, where it sends the text outside, nor the one that the site wants.
        Raises `TextEmpty`, `TextTooLong`, `NotReadable`, `SoundTooLong`, `RateRefused`, `UnknownVoice`, `VoiceFailed`,
        `SoundUnusable`, `DiskFull`; then nothing is stored.
        """
        tell = progress or (lambda _share: None)
        written = self._checked(text)
        read = reading.read(written, lexicon)
        if not any(letter.isalpha() for letter in read.spoken):
            raise NotReadable
        minutes = math.ceil(estimated_s(read.spoken, rate) / 60)
        if minutes > self.minutes_max:  # before any work: a short text can be long to speak, as digits are
            raise SoundTooLong(minutes=minutes, limit=self.minutes_max)
        tell(0.05)
        recording = self.voices.speak(
            read.spoken, rate=rate, voice=voice, progress=lambda share: tell(0.05 + 0.45 * share)
        )
        mastered = master_all(
            cut(recording.parts, recording.sample_rate),
            recording.sample_rate,
            kbps=self.kbps,
            progress=lambda share: tell(0.5 + 0.45 * share),
        )
        sounds = self.keep(mastered)
        tell(1.0)
        return Speech(
            sounds=sounds,
            voice=recording.voice,
            fallback=recording.fallback,
            spoken=read.spoken,
            warnings=[doubt.text("vi") for doubt in read.warnings],
            spoke_outside=recording.outside,
            voice_identity=recording.identity,
            failures=tuple(failure.why("vi") for failure in recording.failures),
        )

    def chime(self, name: str = chimes.OPENING) -> dict[Profile, SoundObject]:
        """A chime of the project by its name, in every profile; made once. Raises `NotFound` for another name."""
        known = chimes.named(name)
        if known is None:
            raise NotFound(what="nhạc hiệu", id=name)
        made = self._chimes.get(known)
        if made is None or not all(self.store.has(sound.sha256) for sound in made.values()):
            made = self.keep(master_all(chimes.synthesise(known), SAMPLE_RATE, kbps=self.kbps))
            self._chimes[known] = made
        return made

    def join(self, sha256s: Sequence[str], out: Path) -> None:
        """Write the sounds one behind the other into one file for listening and export: WAV, FLAC, MP3 or Ogg Opus, by
        its suffix.

        Raises `NotFound`, `ObjectDamaged`, `Invalid` (no sounds, another suffix), `DiskFull`; the file is there whole
        or not at all.
        """
        if not sha256s:
            raise Invalid(what="chưa chọn âm thanh nào để ghép / no sounds to join")
        suffix = out.suffix.lower()
        if suffix not in EXPORTS:
            raise Invalid(
                what=f"tên tệp {out.name} phải có đuôi {', '.join(EXPORTS)}"
                f" / the file {out.name} must end in {', '.join(EXPORTS)}"
            )
        samples = np.concatenate([decode(self.store.read(sha256)) for sha256 in sha256s])
        data = _exported(samples, EXPORTS[suffix], self.kbps["full"])
        with full_disk_named(out.parent):
            out.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(out, data)

    def _checked(self, text: str) -> str:
        written = text.strip()
        if not written:
            raise TextEmpty
        if len(written) > self.characters_max:
            raise TextTooLong(length=len(written), limit=self.characters_max)
        return written

    def keep(self, mastered: Mapping[Profile, Mastered]) -> dict[Profile, SoundObject]:
        """Store a sound that was mastered in every profile. Raises `DiskFull`."""
        return {
            profile: SoundObject(
                sha256=self.store.put(one.data),
                bytes=len(one.data),
                duration_ms=one.duration_ms,
                loudness_lufs=one.loudness_lufs,
                true_peak_dbtp=one.true_peak_dbtp,
            )
            for profile, one in mastered.items()
        }


def _exported(samples: Samples, kind: tuple[str, str] | None, kbps: int) -> bytes:
    if kind is None:
        return encode(samples, kbps)
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format=kind[0], subtype=kind[1])
    return file.getvalue()
