"""Voices: the offline one for real, the chain, and what is refused."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from audio.codec import Samples, decode
from audio.cutting import cut
from audio.errors import OutsideVoiceRefused, RateRefused, UnknownVoice, VoiceFailed
from audio.mastering import master_all
from audio.voices import FakeVoice, Sound, VoiceChain, chain
from audio.voices.chain import split
from audio.voices.espeak import EspeakVoice

SENTENCE = "bà con hãy cảnh giác với lời mời việc nhẹ lương cao."


def digest(sound: Sound) -> str:
    return hashlib.sha256(sound.samples.tobytes()).hexdigest()


class Broken:
    """Fails at the n-th sentence."""

    def __init__(self, name: str, at: int = 1, *, outside: bool = False) -> None:
        self.name = name
        self.outside = outside
        self.spare = False
        self.at_once = 1
        self.at = at
        self.calls = 0

    def identity(self) -> str:
        return self.name

    def say(self, sentence: str, *, rate: int | None = None) -> Sound:
        self.calls += 1
        if self.calls >= self.at:
            raise VoiceFailed(voice=self.name, reason_vi="hỏng", reason_en="broken")
        return FakeVoice().say(sentence, rate=rate)


def test_espeak_speaks_at_a_length_that_a_listener_can_follow() -> None:
    sound = EspeakVoice().say(SENTENCE)
    assert sound.samples.dtype == np.float32
    assert sound.sample_rate == 22_050
    seconds = sound.samples.size / sound.sample_rate
    assert 2.0 < seconds < 6.0  # 11 syllables
    assert 0.05 < float(np.abs(sound.samples).max()) < 0.99  # heard, and not clipped
    assert sound.facts["engine"] == "eSpeak NG"


def test_espeak_says_the_same_each_time_whatever_was_said_between() -> None:
    voice = EspeakVoice()
    first = digest(voice.say(SENTENCE))
    voice.say("một câu khác dài hơn nhiều để làm lệch trạng thái của thư viện.", rate=200)
    assert digest(voice.say(SENTENCE)) == first
    code = (
        "import hashlib,sys;from audio.voices.espeak import EspeakVoice;"
        f"print(hashlib.sha256(EspeakVoice().say({SENTENCE!r}).samples.tobytes()).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == first


@pytest.mark.parametrize("rate", [80, 100, 125, 150, 186, 220, 260])
def test_espeak_speaks_as_many_words_a_minute_as_it_is_asked_for(rate: int) -> None:
    text = "bà con hãy hỏi rõ tên công ty xem hợp đồng và báo cho gia đình biết trước khi nhận lời đi làm ở xa."
    spoken = EspeakVoice().say(text, rate=rate)
    loud = np.flatnonzero(np.abs(spoken.samples) > 0.002)
    seconds = (loud[-1] - loud[0]) / spoken.sample_rate
    assert len(text.split()) / seconds * 60 == pytest.approx(rate, rel=0.12)


def silences_ms(samples: Samples) -> list[int]:
    """Silences of more than 100 ms within a sound at 48 kHz, in order, as a listener has them."""
    frames = samples[: samples.size // 240 * 240].reshape(-1, 240)
    levels = np.sqrt(np.square(frames).mean(axis=1))
    quiet = levels < 0.018 * np.percentile(levels, 95)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(int)))
    return [5 * int(end - start) for start, end in edges.reshape(-1, 2) if end - start > 20]


def test_pauses_are_heard_by_marks_and_paragraphs_in_both_profiles() -> None:
    recording = VoiceChain([EspeakVoice()]).speak("một hai ba, bốn năm sáu. bảy tám chín.\nmột hai ba.")
    made = master_all(cut(recording.parts, recording.sample_rate), recording.sample_rate, kbps={"full": 24, "horn": 24})
    for one in made.values():
        samples = decode(one.data)
        lead, comma, sentence, paragraph, tail = silences_ms(samples)
        assert lead == pytest.approx(165, abs=25)
        assert 130 < comma < 220
        assert sentence == pytest.approx(500, abs=50)
        assert paragraph == pytest.approx(900, abs=50)
        assert tail == pytest.approx(505, abs=40)
        assert float(np.abs(samples).max()) < 0.9  # nothing is clipped


def test_sentences_carry_pauses_by_their_marks_and_paragraphs() -> None:
    pieces = list(split("kính gửi bà con.\nmột, hai! ba không? bốn\n, \nnăm,"))
    assert [text for text, _ in pieces] == ["kính gửi bà con.", "một, hai!", "ba không?", "bốn.", "năm."]
    paragraph, sentence = pieces[0][1], pieces[1][1]
    assert paragraph > sentence > 0
    item = pieces[4][1]  # a line that ends in a comma or semicolon belongs to a list
    assert sentence < item < paragraph
    assert [pause for _, pause in pieces] == [paragraph, sentence, sentence, paragraph, item]


def test_the_first_voice_speaks_and_is_no_fallback() -> None:
    first, second = FakeVoice("a"), FakeVoice("b")
    recording = VoiceChain([first, second]).speak("một. hai.")
    assert (recording.voice, recording.fallback, recording.outside) == ("a", False, False)
    assert second.said == []


def test_when_a_voice_fails_in_the_middle_the_next_speaks_the_whole() -> None:
    broken, spare = Broken("a", at=2, outside=True), FakeVoice("b")
    recording = VoiceChain([broken, spare]).speak("một. hai. ba.")
    assert spare.said == ["một.", "hai.", "ba."]
    assert (recording.voice, recording.fallback) == ("b", True)
    assert recording.outside  # the first sentence had gone out
    assert [failure.facts["voice"] for failure in recording.failures] == ["a"]


def test_when_all_fail_all_are_named() -> None:
    with pytest.raises(VoiceFailed) as caught:
        VoiceChain([Broken("a"), Broken("b")]).speak("một.")
    for language in ("vi", "en"):
        assert "a, b" in caught.value.text(language)
        assert "espeak" in caught.value.text(language)


def test_progress_rises_to_the_whole() -> None:
    told: list[float] = []
    VoiceChain([FakeVoice()]).speak("một. hai. ba. bốn.", progress=told.append)
    assert told == [0.25, 0.5, 0.75, 1.0]


def test_a_voice_outside_needs_leave() -> None:
    names = ["gtts", "espeak"]
    recording = chain(names, outside_allowed=False).speak("một.")
    assert (recording.voice, recording.fallback, recording.outside) == ("espeak", True, False)
    assert recording.failures[0].why("vi").startswith("gtts: quản trị viên chưa đồng ý")
    with pytest.raises(OutsideVoiceRefused) as caught:
        chain(names, outside_allowed=False).speak("một.", voice="gtts")
    assert "truyenthanh voices allow gtts" in caught.value.text("vi")


def test_an_unknown_voice_is_named_with_those_that_there_are() -> None:
    with pytest.raises(UnknownVoice, match="espeak"):
        chain(["spook"], outside_allowed=True)
    with pytest.raises(UnknownVoice, match="fake"):
        VoiceChain([FakeVoice()]).speak("một.", voice="spook")
    with pytest.raises(UnknownVoice, match="piper, http, gtts, espeak"):
        chain(["espeak"], outside_allowed=True).speak("một.", voice="spook")


@pytest.mark.parametrize("wanted", ["espeak", "piper", "vi_VN-vais1000-medium", "http", "gtts"])
@pytest.mark.parametrize("named", [None, "espeak"])
def test_the_offline_voice_is_a_fallback_wherever_it_speaks(wanted: str, named: str | None) -> None:
    """Also where nothing else is installed, and where it is asked for by name."""
    recording = chain([wanted, "espeak"], outside_allowed=False).speak("một.", voice=named)
    assert (recording.voice, recording.fallback) == ("espeak", True)
    assert [one.facts["voice"] for one in recording.failures] == ([] if named or wanted == "espeak" else [wanted])


def test_naming_a_voice_does_not_make_it_the_one_that_the_site_wants() -> None:
    voices = VoiceChain([FakeVoice("a"), FakeVoice("b")])
    assert voices.speak("một.", voice="b").fallback
    assert not voices.speak("một.", voice="a").fallback


@pytest.mark.parametrize("rate", [0, 30, 1000])
def test_an_impossible_rate_is_refused(rate: int) -> None:
    with pytest.raises(RateRefused):
        VoiceChain([FakeVoice()]).speak("một.", rate=rate)
