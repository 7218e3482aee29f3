"""From text to a stored sound: reading, voice, mastering, store. Chimes and listening copies come from here too."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from audio import chime as chimes
from audio import export, reading
from audio.codec import SAMPLE_RATE
from audio.errors import NotReadable, SoundTooLong, TextEmpty, TextTooLong
from audio.mastering import Mastered, master_all
from audio.profiles import Profile
from audio.speech import master_speech
from audio.store import ObjectStore
from audio.voices import VoiceChain
from core.errors import NotFound

__all__ = ["SoundObject", "Speech", "Studio"]

SYLLABLES_A_SECOND = 2.6  # of a voice at its own rate, pauses included; a run of digits goes faster
SYLLABLE_LETTERS = 7  # the longest Vietnamese syllable, "nghiêng"; what is longer is foreign and has several

KBPS: Mapping[Profile, int] = {"full": 24, "horn": 24}


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
        mastered = master_speech(
            recording.parts,
            recording.sample_rate,
            kbps=self.kbps,
            cache=self.voices.cache.results if self.voices.cache else None,
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
            raise NotFound(what="nhạc hiệu / chime", id=name)
        made = self._chimes.get(known)
        if made is None or not all(self.store.has(sound.sha256) for sound in made.values()):
            made = self.keep(master_all(chimes.synthesise(known), SAMPLE_RATE, kbps=self.kbps))
            self._chimes[known] = made
        return made

    def join(self, sha256s: Sequence[str], out: Path) -> None:
        """Write the sounds one behind the other into one file for listening and export, of the kind that its suffix
        says. Raises `NotFound`, `ObjectDamaged`, `Invalid` (no sounds, another suffix), `DiskFull`.
        """
        export.write(self.store, sha256s, out, export.format_of(out), kbps=self.kbps["full"])

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
