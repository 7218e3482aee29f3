"""Voices in order of preference: the first that speaks the whole text is the one that is heard.

A text is spoken by one voice from beginning to end; where a voice fails in the middle, the next begins anew. What a
voice can mend by trying again it tries itself (each knows what that is); one that goes on failing rests for a while,
and one that hangs is left at its deadline. Sentences that were spoken before come from the cache.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from audio.cutting import Part
from audio.errors import OutsideVoiceRefused, RateRefused, VoiceFailed
from audio.voices.base import RATE_HIGH_WPM, RATE_LOW_WPM, Sound, Voice
from audio.voices.breaker import Breaker
from audio.voices.cache import SentenceCache, as_stored
from audio.voices.crew import speak_all
from audio.voices.lineup import Lineups, of_voices

log = logging.getLogger(__name__)

_SENTENCE = re.compile(r"[^.?!…]+[.?!…]*")
_PAUSE_SENTENCE_MS = 500  # outdoors the echo of one sentence has to die down before the next
_PAUSE_ITEM_MS = 650  # a line of a list, which ends in a semicolon or comma
_PAUSE_PARAGRAPH_MS = 900
DEAR_S = 5.0  # a failure that was waited for so long lets its voice rest at once
DEADLINE_S = 90.0  # for one sentence with all of a voice's attempts; beyond each voice's own


@dataclass(frozen=True, slots=True)
class Recording:
    """What a voice made of a text, sentence by sentence."""

    parts: list[Part]
    sample_rate: int
    voice: str
    fallback: bool  # another voice was wanted, or it is one by nature
    outside: bool  # the text was handed to a voice that sends it outside, whether or not that voice then spoke
    failures: list[VoiceFailed]  # why those before it did not speak
    identity: str = ""  # of the voice, with its version or its file's hash


class VoiceChain:
    """One or more voices in order of preference, or a function that says at every text which they are.

    `allowed` is asked at every text whether a voice that sends it outside may be used; those that may not are passed
    over, and what the next one speaks counts as spoken by a fallback.
    """

    def __init__(
        self,
        voices: Sequence[Voice] | Lineups,
        *,
        cache: SentenceCache | None = None,
        allowed: Callable[[str], bool] = lambda _name: True,
        deadline_s: float = DEADLINE_S,
        breakers: dict[str, Breaker] | None = None,
    ) -> None:
        self.lineup = voices if callable(voices) else of_voices(voices)
        self.cache = cache
        self.allowed = allowed
        self.deadline_s = deadline_s
        # By a voice's identity: a file that is installed anew has nothing to rest for.
        self.breakers = breakers if breakers is not None else {}

    def speak(
        self,
        spoken: str,
        *,
        rate: int | None = None,
        voice: str | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Recording:
        """Speak a text in spoken form; a `voice` that is named speaks alone. Raises `UnknownVoice`, `VoiceFailed` when
        the last voice has failed too, `OutsideVoiceRefused` when there is none but voices that may not be used.
        """
        check_rate(rate)
        lineup = self.lineup(voice)
        sentences = list(split(spoken))
        failures: list[VoiceFailed] = []
        refused: list[str] = []
        outside = False
        for one in lineup.places:
            try:
                if isinstance(one, VoiceFailed):
                    raise one
                if one.outside and not self.allowed(one.name):
                    refused.append(one.name)
                    raise _not_allowed(one.name)
                outside = outside or one.outside
                alone = len(lineup.places) == 1
                parts, sample_rate = self._say(one, sentences, rate, progress, alone=alone)
            except VoiceFailed as failure:
                level = logging.INFO if failure is one else logging.WARNING  # that it isn't there is no news
                log.log(
                    level, "voice passed over", extra={"voice": failure.facts["voice"], "reason": failure.why("en")}
                )
                failures.append(failure)
                continue
            fallback = lineup.is_fallback(one, failures)
            return Recording(parts, sample_rate, one.name, fallback, outside, failures, one.identity())
        if len(refused) == len(failures):
            raise OutsideVoiceRefused(voice=refused[0])
        if len(failures) == 1:
            raise failures[0]
        raise VoiceFailed(
            voice=", ".join(str(one.facts["voice"]) for one in failures),
            reason_vi="; ".join(one.why("vi") for one in failures),
            reason_en="; ".join(one.why("en") for one in failures),
        )

    def _say(
        self,
        voice: Voice,
        sentences: list[tuple[str, int]],
        rate: int | None,
        progress: Callable[[float], None] | None,
        *,
        alone: bool,
    ) -> tuple[list[Part], int]:
        """All sentences by one voice: what the cache has, and the rest of it anew, each once."""
        texts = [text for text, _ in sentences]
        identity = voice.identity()
        known = self._known(identity, texts, rate)
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            self._speak_missing(voice, identity, missing, rate, known, progress, alone=alone)
        elif progress:
            progress(1.0)
        if len(_rates(known)) > 1:  # a server has another model now: what was kept is of the one before
            again = [text for text in known if text not in missing]
            self._speak_missing(voice, identity, again, rate, known, None, alone=alone)
        if len(_rates(known)) > 1:
            raise VoiceFailed(
                voice=voice.name,
                reason_vi="tần số lấy mẫu thay đổi giữa chừng",
                reason_en="its sample rate changed in the middle",
            )
        parts = [Part(known[text].samples, pause_ms) for text, pause_ms in sentences]
        return parts, known[texts[0]].sample_rate if texts else 0

    def _known(self, identity: str, texts: list[str], rate: int | None) -> dict[str, Sound]:
        if self.cache is None:
            return {}
        found = {text: self.cache.get(self.cache.key(identity, text, rate)) for text in dict.fromkeys(texts)}
        return {text: sound for text, sound in found.items() if sound is not None}

    def _speak_missing(
        self,
        voice: Voice,
        identity: str,
        missing: list[str],
        rate: int | None,
        known: dict[str, Sound],
        progress: Callable[[float], None] | None,
        *,
        alone: bool,
    ) -> None:
        breaker = self.breakers.setdefault(identity, Breaker())
        if not alone and not breaker.ready():  # one that speaks alone is tried: there is nobody else
            seconds = round(breaker.rests_for_s)
            raise VoiceFailed(
                voice=voice.name,
                reason_vi=f"vừa hỏng nhiều lần liền nên tạm nghỉ thêm {seconds} giây",
                reason_en=f"it failed several times in a row and rests for {seconds} s more",
            )
        done = len(known.keys() - missing)
        whole = done + len(missing)
        since_s = time.monotonic()

        def spoken(text: str, sound: Sound) -> None:
            nonlocal done, since_s
            since_s = time.monotonic()
            known[text] = kept = as_stored(sound)
            if self.cache is not None:
                self.cache.put(self.cache.key(identity, text, rate), kept)
            done += 1
            if progress:
                progress(done / whole)

        try:
            speak_all(voice, missing, rate, deadline_s=self.deadline_s, spoken=spoken)
        except VoiceFailed:
            breaker.failed(dearly=time.monotonic() - since_s > DEAR_S)
            raise
        breaker.succeeded()


def _rates(known: dict[str, Sound]) -> set[int]:
    return {sound.sample_rate for sound in known.values()}


def _not_allowed(name: str) -> VoiceFailed:
    return VoiceFailed(
        voice=name,
        reason_vi="quản trị viên chưa đồng ý cho gửi văn bản ra ngoài",
        reason_en="no administrator has agreed that it sends text outside",
    )


def check_rate(rate: int | None) -> None:
    """Raises `RateRefused` for words a minute at which nobody speaks."""
    if rate is not None and not RATE_LOW_WPM <= rate <= RATE_HIGH_WPM:
        raise RateRefused(rate=rate, low=RATE_LOW_WPM, high=RATE_HIGH_WPM)


def split(spoken: str) -> Iterator[tuple[str, int]]:
    """The sentences of a spoken form, each with the pause after it in milliseconds."""
    for paragraph in spoken.split("\n"):
        sentences = [sentence.strip() for sentence in _SENTENCE.findall(paragraph)]
        sentences = [sentence for sentence in sentences if any(letter.isalpha() for letter in sentence)]
        for index, sentence in enumerate(sentences):
            last = index == len(sentences) - 1
            ended = sentence if sentence[-1] in ".?!…" else sentence.rstrip(",;:") + "."
            at_end = _PAUSE_ITEM_MS if sentence[-1] in ";," else _PAUSE_PARAGRAPH_MS
            yield ended, at_end if last else _PAUSE_SENTENCE_MS
