"""From text to stored sound, with the real offline voice, and all that can go wrong on the way."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pyloudnorm
import pytest
import soundfile

from audio import reading
from audio.errors import NotReadable, RateRefused, SoundTooLong, TextEmpty, TextTooLong, UnknownVoice, VoiceFailed
from audio.store import ObjectStore
from audio.studio import Studio, estimated_s
from audio.voices import FakeVoice, VoiceChain, chain
from core.errors import DiskFull, Invalid, NotFound, TruyenThanhError
from core.profiles import PROFILES
from tests.audio.test_voices import Broken

TEXT = "Bà con chú ý! Gọi tổng đài 111 khi cần giúp đỡ.\n\nNgày 30/7 là ngày toàn dân phòng, chống mua bán người."


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(ObjectStore(tmp_path / "objects"), chain(["espeak"], outside_allowed=False))


@pytest.fixture
def quick(tmp_path: Path) -> Studio:
    """A studio whose voice takes no time."""
    return Studio(ObjectStore(tmp_path / "objects"), VoiceChain([FakeVoice()]), characters_max=500)


def stored(studio: Studio) -> list[Path]:
    return [path for path in studio.store.folder.rglob("*") if path.is_file()]


def test_a_text_becomes_stored_sounds_of_one_length_at_the_right_level(studio: Studio) -> None:
    told: list[float] = []
    speech = studio.speak(TEXT, progress=told.append)
    assert set(speech.sounds) == set(PROFILES)
    assert len({sound.sha256 for sound in speech.sounds.values()}) == len(PROFILES)
    assert len({sound.duration_ms for sound in speech.sounds.values()}) == 1
    for sound in speech.sounds.values():
        data = studio.store.read(sound.sha256)
        assert len(data) == sound.bytes
        samples, rate = soundfile.read(io.BytesIO(data))
        assert rate == 48_000
        assert samples.size == sound.duration_ms * 48
        loudness = pyloudnorm.Meter(rate).integrated_loudness(samples)
        assert abs(loudness + 16) <= 0.5
        assert sound.loudness_lufs == pytest.approx(loudness, abs=0.02)
        assert sound.true_peak_dbtp <= -1.5
        assert 6_000 < sound.duration_ms < 15_000
    assert speech.spoken == (
        "bà con chú ý! gọi tổng đài một một một khi cần giúp đỡ.\n"
        "ngày ba mươi tháng bảy là ngày toàn dân phòng, chống mua bán người."
    )
    assert (speech.voice, speech.fallback, speech.spoke_outside, speech.warnings) == ("espeak", True, False, [])
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_the_same_text_gives_the_same_object(studio: Studio) -> None:
    first = studio.speak("Xin chào bà con.")
    studio.speak("Một câu khác.")
    assert studio.speak("Xin chào bà con.").sounds == first.sounds
    assert studio.speak("Xin chào bà con.", rate=240).sounds["full"].duration_ms < first.sounds["full"].duration_ms


def test_doubts_are_told_with_their_line(quick: Studio) -> None:
    speech = quick.speak("Kính gửi bà con.\nNhóm XZQK thông báo.")
    assert len(speech.warnings) == 1
    assert speech.warnings[0].startswith("dòng 2: ")
    assert "XZQK" in speech.warnings[0]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", TextEmpty),
        (" \n\t ", TextEmpty),
        ("x" * 501, TextTooLong),
        ("*** --- ///", NotReadable),
        ("🔥🔥", NotReadable),
        ("中文", NotReadable),
    ],
)
def test_a_text_that_can_not_be_spoken_is_refused_in_both_languages(
    quick: Studio, text: str, error: type[TruyenThanhError]
) -> None:
    with pytest.raises(error) as caught:
        quick.speak(text)
    assert caught.value.status == 422
    assert caught.value.text("vi") != caught.value.text("en")
    assert stored(quick) == []


def test_a_failed_voice_is_named_and_nothing_is_stored(tmp_path: Path) -> None:
    studio = Studio(ObjectStore(tmp_path), VoiceChain([Broken("hỏng")]))
    with pytest.raises(VoiceFailed, match="hỏng"):
        studio.speak("Xin chào.")
    assert stored(studio) == []


def test_a_fallback_is_told(tmp_path: Path) -> None:
    studio = Studio(ObjectStore(tmp_path), VoiceChain([Broken("gtts", outside=True), FakeVoice("espeak")]))
    speech = studio.speak("Xin chào.")
    assert (speech.voice, speech.fallback, speech.spoke_outside) == ("espeak", True, True)


def test_a_voice_that_is_named_speaks_alone(tmp_path: Path) -> None:
    studio = Studio(ObjectStore(tmp_path), VoiceChain([FakeVoice("a"), FakeVoice("b")]))
    named = studio.speak("Xin chào.", voice="b")
    assert (named.voice, named.fallback) == ("b", True)  # naming it doesn't make it the one that the site wants
    assert not studio.speak("Xin chào.", voice="a").fallback
    with pytest.raises(UnknownVoice):
        studio.speak("Xin chào.", voice="spook")
    with pytest.raises(RateRefused):
        studio.speak("Xin chào.", rate=5)


def test_a_full_disk_leaves_nothing(quick: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("audio.store.os.fsync", full)
    with pytest.raises(DiskFull):
        quick.speak("Xin chào.")
    assert stored(quick) == []


def test_chimes_are_made_once_and_known_by_both_names(quick: Studio) -> None:
    opening = quick.chime()
    assert quick.chime("mở đầu") == opening
    assert quick.chime("opening") == opening
    assert quick.chime("kết thúc") == quick.chime("closing") != opening
    assert set(opening) == set(PROFILES)
    assert len(stored(quick)) == 2 * len(PROFILES)
    quick.store.remove(opening["horn"].sha256)
    assert quick.chime() == opening  # made again
    assert quick.store.has(opening["horn"].sha256)
    with pytest.raises(NotFound):
        quick.chime("giữa giờ")


@pytest.mark.parametrize("suffix", [".wav", ".ogg"])
def test_joining_gives_one_file_to_the_sample(quick: Studio, tmp_path: Path, suffix: str) -> None:
    sounds = [quick.chime()["full"], quick.speak("Xin chào bà con.").sounds["full"], quick.chime("kết thúc")["full"]]
    out = tmp_path / "copies" / f"programme{suffix}"
    quick.join([sound.sha256 for sound in sounds], out)
    samples, rate = soundfile.read(out)
    assert rate == 48_000
    assert samples.size == sum(sound.duration_ms for sound in sounds) * 48
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_joining_what_is_not_there_writes_nothing(quick: Studio, tmp_path: Path) -> None:
    out = tmp_path / "programme.wav"
    with pytest.raises(NotFound):
        quick.join([quick.chime()["full"].sha256, "0" * 64], out)
    with pytest.raises(Invalid):
        quick.join([], out)
    with pytest.raises(Invalid):
        quick.join([quick.chime()["full"].sha256], tmp_path / "programme.m4a")
    assert not out.exists()


def test_what_would_take_too_long_to_speak_is_refused_before_it_is_spoken(tmp_path: Path) -> None:
    voice = FakeVoice()
    studio = Studio(ObjectStore(tmp_path / "objects"), VoiceChain([voice]), minutes_max=2)
    with pytest.raises(SoundTooLong) as refused:
        studio.speak("7" * 2000)
    assert refused.value.facts == {"minutes": 13, "limit": 2}
    assert "13 phút" in refused.value.text("vi")
    assert "limit is 2" in refused.value.text("en")
    with pytest.raises(SoundTooLong):
        studio.speak("x" * 4000)  # one word without an end is long too
    assert voice.said == []
    assert stored(studio) == []


def test_the_longest_text_of_plain_words_is_within_the_default() -> None:
    text = ("Bà con thôn Đồng Bùi chú ý giữ gìn vệ sinh nguồn nước, che đậy bể chứa. " * 200)[:8000]
    assert 8 * 60 < estimated_s(reading.read(text).spoken) < 15 * 60


@pytest.mark.parametrize("text", ["\u200b", "\ufeff\u200b", "★ ♥ —", "\x01\x02"])
def test_what_holds_nothing_to_read_is_refused(quick: Studio, text: str) -> None:
    with pytest.raises((NotReadable, TextEmpty)) as refused:
        quick.speak(text)
    assert refused.value.status == 422
