"""The chain under trouble: rests, hangs, leave; and the cache of sentences."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from audio.errors import OutsideVoiceRefused, VoiceFailed
from audio.voices import FakeVoice, SentenceCache, Sound, VoiceChain
from audio.voices.breaker import Breaker


class Moody(FakeVoice):
    """Fails or hangs for as long as it is told to."""

    failing = False
    hanging: threading.Event | None = None

    def say(self, sentence: str, *, rate: int | None = None) -> Sound:
        sound = super().say(sentence, rate=rate)
        if self.failing:
            raise VoiceFailed(voice=self.name, reason_vi="hỏng", reason_en="broken")
        if self.hanging:
            self.hanging.wait()
        return sound


class Time:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_voice_that_goes_on_failing_rests_and_is_then_tried_once() -> None:
    time, first, spare = Time(), Moody("a"), FakeVoice("b")
    chain = VoiceChain([first, spare], breakers={"a": Breaker(failures=2, rest_s=30, now_s=time)})
    first.failing = True
    assert [chain.speak("một.").voice for _ in range(4)] == ["b"] * 4
    assert len(first.said) == 2  # then it rested
    time.now_s = 31
    assert chain.speak("một.").voice == "b"
    assert chain.speak("một.").voice == "b"
    assert len(first.said) == 3  # one trial, which failed
    time.now_s, first.failing = 62, False
    assert chain.speak("một.").voice == "a"
    assert chain.speak("hai.").voice == "a"


def test_a_voice_that_rests_says_for_how_long() -> None:
    first = Moody("a")
    first.failing = True
    chain = VoiceChain([first, FakeVoice("b")], breakers={"a": Breaker(failures=1, rest_s=30, now_s=Time())})
    chain.speak("một.")
    assert "30 giây" in chain.speak("một.").failures[0].text("vi")


def test_a_voice_that_hangs_is_left_and_the_next_speaks() -> None:
    first, release = Moody("a"), threading.Event()
    first.hanging = release
    recording = VoiceChain([first, FakeVoice("b")], deadline_s=0.1).speak("một. hai.")
    release.set()
    assert (recording.voice, recording.fallback) == ("b", True)
    assert "không trả lời" in recording.failures[0].text("vi")


def test_leave_is_asked_for_at_every_text() -> None:
    given: set[str] = set()
    chain = VoiceChain([FakeVoice("net", outside=True), FakeVoice("b")], allowed=given.__contains__)
    without = chain.speak("một.")
    assert (without.voice, without.fallback, without.outside) == ("b", True, False)
    given.add("net")
    assert (chain.speak("một.").voice, chain.speak("một.").outside) == ("net", True)
    given.clear()
    with pytest.raises(OutsideVoiceRefused):
        chain.speak("một.", voice="net")


def test_sentences_go_several_at_once_and_come_in_order() -> None:
    meeting = threading.Barrier(2, timeout=20)

    class Pair(FakeVoice):
        def say(self, sentence: str, *, rate: int | None = None) -> Sound:
            meeting.wait()  # only two at a time get past
            return super().say(sentence, rate=rate)

    voice = Pair("a")
    voice.at_once = 2
    parts = VoiceChain([voice]).speak("một. hai hai. ba ba ba. bốn bốn bốn bốn.").parts
    lengths = [part.samples.size for part in parts]
    assert lengths == sorted(lengths)


def test_a_changed_sentence_costs_one_sentence(tmp_path: Path) -> None:
    voice = FakeVoice("a")
    chain = VoiceChain([voice], cache=SentenceCache(tmp_path))
    fresh = chain.speak("một. hai. ba.")
    voice.said.clear()
    told: list[float] = []
    again = chain.speak("một. khác. ba.", progress=told.append)
    assert voice.said == ["khác."]
    assert told[-1] == 1.0
    assert np.array_equal(again.parts[0].samples, fresh.parts[0].samples)
    chain.speak("một.", rate=150)
    assert voice.said == ["khác.", "một."]  # another rate is another sound
    voice.name = "b"
    chain.speak("một.")
    assert len(voice.said) == 3  # and so is another voice


def test_a_voice_that_rests_still_gives_what_it_has_spoken(tmp_path: Path) -> None:
    voice = Moody("a")
    chain = VoiceChain([voice, FakeVoice("b")], cache=SentenceCache(tmp_path), breakers={"a": Breaker(failures=1)})
    chain.speak("một.")
    voice.failing = True
    assert chain.speak("hai.").voice == "b"
    assert chain.speak("một.").voice == "a"


@pytest.mark.parametrize("kept", [slice(None, -2), slice(20), slice(0), slice(None, None, -1)])
def test_a_damaged_entry_is_spoken_anew(tmp_path: Path, kept: slice) -> None:
    voice = FakeVoice("a")
    chain = VoiceChain([voice], cache=SentenceCache(tmp_path))
    first = chain.speak("một.")
    (entry,) = tmp_path.glob("??/*")
    entry.write_bytes(entry.read_bytes()[kept])
    assert np.array_equal(chain.speak("một.").parts[0].samples, first.parts[0].samples)
    assert voice.said == ["một.", "một."]
    chain.speak("một.")
    assert len(voice.said) == 2


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    cache = SentenceCache(tmp_path, bytes_max=5000)
    sound = Sound(np.full(500, 0.5, np.float32), 8000)  # about 1 kB each
    for number in range(4):
        cache.put(cache.key("v", str(number), None), sound)
        os.utime(cache.results.path(cache.key("v", str(number), None)), (number, number))
    assert cache.get(cache.key("v", "0", None)) is not None  # used now
    for number in range(4, 6):
        cache.put(cache.key("v", str(number), None), sound)
    there = [number for number in range(6) if cache.get(cache.key("v", str(number), None)) is not None]
    assert 0 in there
    assert 1 not in there
    assert 5 in there
    assert sum(path.stat().st_size for path in tmp_path.glob("??/*")) <= 5000


def test_a_cache_that_can_not_write_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    chain = VoiceChain([FakeVoice("a")], cache=SentenceCache(tmp_path / "file"))
    assert chain.speak("một.").voice == "a"
