"""Speech that is mastered sentence by sentence and joined, with the real offline voice: as if it were one sound."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile

from audio import speech
from audio.codec import BIT_RATES_KBPS, FRAME, SAMPLE_RATE, Encoder, Samples, decode, joined
from audio.cutting import Part, piece
from audio.errors import SoundUnusable
from audio.levels import true_peak_dbtp
from audio.mastering import Rendered, rendered
from audio.profiles import PROFILES, Profile
from audio.results import ResultCache
from audio.speech import master_speech
from audio.voices import VoiceChain
from audio.voices.espeak import EspeakVoice

KBPS: dict[Profile, int] = {"full": 24, "horn": 24}
TEXT = "bà con chú ý! khi nghi ngờ hãy gọi một một một.\nxin cảm ơn."
OTHER = "bà con chú ý! khi có tin hãy gọi một một ba.\nxin cảm ơn."


@pytest.fixture(scope="module")
def voices() -> VoiceChain:
    return VoiceChain([EspeakVoice()])


@pytest.fixture(scope="module")
def spoken(voices: VoiceChain) -> tuple[list[Part], int]:
    recording = voices.speak(TEXT)
    return recording.parts, recording.sample_rate


@pytest.fixture(scope="module")
def changed(voices: VoiceChain) -> tuple[list[Part], int]:
    recording = voices.speak(OTHER)
    return recording.parts, recording.sample_rate


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> list[list[Profile]]:
    """The profiles of each piece that is mastered."""
    made: list[list[Profile]] = []

    def counted(samples: Samples, *, kbps: Mapping[Profile, int], band_hz: int) -> dict[Profile, Rendered]:
        made.append(list(kbps))
        return rendered(samples, kbps=kbps, band_hz=band_hz)

    monkeypatch.setattr(speech, "rendered", counted)
    return made


@pytest.mark.parametrize("kbps", BIT_RATES_KBPS)
@pytest.mark.parametrize("profile", PROFILES)
def test_what_is_decoded_of_the_whole_is_what_was_decoded_of_its_pieces(
    spoken: tuple[list[Part], int], profile: Profile, kbps: int
) -> None:
    parts, rate = spoken
    pieces = [rendered(piece(part, rate), kbps={profile: kbps})[profile] for part in parts]
    whole = decode(joined([one.encoded for one in pieces]))
    alone = [np.concatenate(list(one.encoded.blocks())) for one in pieces]
    assert whole.size == sum(one.size for one in alone)
    ends = np.cumsum([one.size for one in alone])[:-1]
    apart = np.abs(whole - np.concatenate(alone))
    for end in ends:  # the first packet of the next one holds the 6.5 ms before, with its own coding noise
        assert apart[end - 312 : end].max() < 0.001
        apart[end - 312 : end] = 0
    assert apart.max() < 1e-4
    steepest = np.abs(np.diff(whole)).max()
    for end in ends:  # neither a click nor a hum at the joint, and the speech after it begins where it did
        assert np.abs(np.diff(whole[end - FRAME : end + FRAME // 4])).max() < steepest / 50
        assert np.abs(whole[end - FRAME : end + FRAME // 4]).max() < 0.01


def test_the_whole_is_measured_as_others_measure_it(spoken: tuple[list[Part], int]) -> None:
    made = master_speech(*spoken, kbps=KBPS)
    assert len({one.duration_ms for one in made.values()}) == 1
    for one in made.values():
        samples, rate = soundfile.read(io.BytesIO(one.data))
        assert samples.size == one.duration_ms * 48
        assert abs(one.loudness_lufs + 16) <= 0.5
        assert one.loudness_lufs == pytest.approx(pyloudnorm.Meter(rate).integrated_loudness(samples), abs=0.02)
        assert one.true_peak_dbtp == pytest.approx(true_peak_dbtp(samples.astype(np.float32)), abs=0.02)
        assert one.true_peak_dbtp <= -1.5


def test_a_changed_sentence_is_mastered_alone_and_gives_the_same_bytes_as_everything_anew(
    tmp_path: Path, spoken: tuple[list[Part], int], changed: tuple[list[Part], int], count: list[list[Profile]]
) -> None:
    cache = ResultCache(tmp_path)
    told: list[float] = []
    first = master_speech(*spoken, kbps=KBPS, cache=cache, progress=told.append)
    assert len(count) == 3
    assert told == sorted(told)
    assert told[-1] == 1.0
    count.clear()
    other = master_speech(*changed, kbps=KBPS, cache=cache)
    assert len(count) == 1
    assert master_speech(*spoken, kbps=KBPS, cache=cache) == first
    assert len(count) == 1
    assert master_speech(*changed, kbps=KBPS) == other  # without a cache
    assert first["full"].data != other["full"].data


def test_another_bit_rate_or_another_pause_is_another_sound(
    tmp_path: Path, spoken: tuple[list[Part], int], count: list[list[Profile]]
) -> None:
    parts, rate = spoken
    cache = ResultCache(tmp_path)
    master_speech(parts[:2], rate, kbps=KBPS, cache=cache)
    count.clear()
    made = master_speech(parts[:2], rate, kbps={"full": 32, "horn": 24}, cache=cache)
    assert count == [["full"], ["full"]]
    count.clear()
    longer = master_speech([Part(parts[0].samples, 900), parts[1]], rate, kbps=KBPS, cache=cache)
    assert count == []  # what is mastered is the sentence
    assert longer["horn"].data != made["horn"].data
    assert longer["horn"].duration_ms == made["horn"].duration_ms + 900 - parts[0].pause_ms


def test_a_sentence_that_comes_twice_is_mastered_once(
    spoken: tuple[list[Part], int], count: list[list[Profile]]
) -> None:
    parts, rate = spoken
    master_speech([parts[0], parts[2], parts[2], parts[2], parts[1]], rate, kbps={"horn": 24})
    assert len(count) == 3


def test_a_damaged_entry_is_made_anew(
    tmp_path: Path, spoken: tuple[list[Part], int], count: list[list[Profile]]
) -> None:
    cache = ResultCache(tmp_path)
    first = master_speech(*spoken, kbps={"horn": 24}, cache=cache)
    entry = next(tmp_path.glob("??/*"))
    entry.write_bytes(entry.read_bytes()[:-1])
    assert master_speech(*spoken, kbps={"horn": 24}, cache=cache) == first
    assert len(count) == 4


@pytest.mark.parametrize("kind", ["a pause too short for a joint", "a silent part", "a tick that can't be loud enough"])
def test_what_can_not_be_joined_is_mastered_whole(spoken: tuple[list[Part], int], kind: str) -> None:
    parts, rate = spoken
    if kind.startswith("a pause"):
        odd = Part(parts[0].samples, 10)
    elif kind.startswith("a silent"):
        odd = Part(np.zeros(rate, np.float32), 500)
    else:
        odd = Part(np.where(np.arange(rate) == rate // 2, 0.5, 0).astype(np.float32), 500)
    made = master_speech([odd, parts[1]], rate, kbps={"full": 24})["full"]
    assert decode(made.data).size == made.duration_ms * 48
    assert abs(made.loudness_lufs + 16) <= 0.5
    assert made.true_peak_dbtp <= -1.5


def test_a_whole_outside_the_limits_is_mastered_anew(
    spoken: tuple[list[Part], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def loud(samples: Samples, *, kbps: Mapping[Profile, int], band_hz: int) -> dict[Profile, Rendered]:
        return {
            profile: Rendered(one.encoded, one.frames * 1.3, one.true_peak_dbtp)
            for profile, one in rendered(samples, kbps=kbps, band_hz=band_hz).items()
        }

    joined_up = master_speech(*spoken, kbps={"full": 24})["full"]
    monkeypatch.setattr(speech, "rendered", loud)
    told: list[float] = []
    made = master_speech(*spoken, kbps={"full": 24}, progress=told.append)["full"]
    assert made.data != joined_up.data
    assert abs(made.loudness_lufs + 16) <= 0.5
    assert told == sorted(told)


def test_nothing_but_silence_is_refused() -> None:
    with pytest.raises(SoundUnusable):
        master_speech([Part(np.zeros(22_050, np.float32), 500)], 22_050, kbps=KBPS)
    with pytest.raises(SoundUnusable):
        master_speech([], 22_050, kbps=KBPS)


def test_a_piece_has_its_silences_and_whole_packets(spoken: tuple[list[Part], int]) -> None:
    parts, rate = spoken
    plain = piece(parts[0], rate)
    led = piece(parts[0], rate, lead_ms=150)
    assert plain.size % FRAME == led.size % FRAME == 0
    assert np.abs(led[: 145 * 48]).max() < 1e-5
    assert np.abs(plain[-440 * 48 :]).max() < 1e-5
    assert not plain[-430 * 48 :].any()
    assert np.array_equal(led[150 * 48 :][: plain.size - FRAME], plain[: plain.size - FRAME])


@pytest.mark.parametrize("samples", [1, 960, 5000])
def test_a_lead_of_silence_is_not_heard(samples: int) -> None:
    sound = (0.3 * np.sin(np.arange(samples) / 10)).astype(np.float32)
    encoder = Encoder(32, lead=3)
    encoder.take(sound)
    encoded = encoder.end()
    assert encoded.samples == samples
    assert decode(encoded.ogg()).size == samples == sum(block.size for block in encoded.blocks())
    assert encoded.samples / SAMPLE_RATE <= len(encoded.packets) / 50
