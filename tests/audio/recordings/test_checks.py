"""Every fault is found, and none where there is none."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from audio.recordings.analysis import COLUMNS, Analysis, analyse
from audio.recordings.checks import Check, check, check_lengths
from audio.recordings.decoding import Decoder
from audio.recordings.waveform import svg
from tests.audio.recordings.files import RATE, speech, wav, write

Sound = NDArray[np.float32]
RNG = np.random.default_rng(7)


def _noise(spoken: Sound, level: float) -> Sound:
    return (level * RNG.standard_normal(spoken.size)).astype(np.float32)


def _hum(spoken: Sound, level: float, hz: int = 50) -> Sound:
    return (level * np.sin(2 * np.pi * hz * np.arange(spoken.size) / RATE)).astype(np.float32)


def _silence(seconds: float) -> Sound:
    return np.zeros(int(seconds * RATE), np.float32)


FAULTS: dict[str, tuple[Callable[[Sound], Sound], list[tuple[str, str]]]] = {
    "sound": (lambda s: s, []),
    "brought to full scale": (lambda s: s / np.abs(s).max(), []),
    "softly spoken": (lambda s: s * 0.15, []),
    "a little hiss": (lambda s: s + _noise(s, 0.001), []),
    "a little hum": (lambda s: s + _hum(s, 0.0005), []),
    "stereo": (lambda s: np.stack([s, s * 0.8]), []),
    "a second of air": (lambda s: np.concatenate([_silence(1), s, _silence(1)]), []),
    "a tone": (lambda s: _hum(s, 0.5, 440), []),
    "clipped": (lambda s: np.clip(s * 6, -1, 1), [("clipped", "blocks")]),
    "clipped here and there": (lambda s: np.clip(s * 2, -1, 1), [("clipped", "warns")]),
    "too quiet": (lambda s: s * 0.015, [("too-quiet", "warns")]),
    "silent": (lambda s: s * 0, [("silent", "blocks")]),
    "next to silent": (lambda s: s * 0.0005, [("silent", "blocks")]),
    "hum": (lambda s: s + _hum(s, 0.01), [("hum", "warns")]),
    "hum of 100 Hz": (lambda s: s + _hum(s, 0.01, 100), [("hum", "warns")]),
    "hiss": (lambda s: s + _noise(s, 0.01), [("hiss", "warns")]),
    "late": (lambda s: np.concatenate([_silence(4), s]), [("silent-head", "warns")]),
    "left running": (lambda s: np.concatenate([s, _silence(4)]), [("silent-tail", "warns")]),
    "a hole": (lambda s: np.concatenate([s, s, s, _silence(16), s]), [("long-pause", "warns")]),
    "mostly silent": (
        lambda s: np.concatenate([s[:RATE], _silence(10), s[: RATE // 2]]),
        [("mostly-silent", "warns")],
    ),
    "right channel dead": (lambda s: np.stack([s, s * 0]), [("dead-channel", "warns")]),
    "left channel dead": (lambda s: np.stack([s * 0, s]), [("dead-channel", "warns")]),
    "out of phase": (lambda s: np.stack([s, -s]), [("out-of-phase", "warns")]),
}


def _analysed(path: Path) -> Analysis:
    with Decoder(path) as decoder:
        return analyse(decoder)


def _named(findings: list[Check]) -> list[tuple[str, str]]:
    return [(one.kind, one.severity) for one in findings]


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_told_and_no_other(tmp_path: Path, fault: str) -> None:
    made, expected = FAULTS[fault]
    found = _analysed(wav(tmp_path / "a", made(speech())))
    assert _named(check(found)) == expected, {k: v for k, v in found.as_json().items() if not isinstance(v, list)}


@pytest.mark.parametrize(
    ("form", "codec", "rate"), [("mp3", "libmp3lame", 44_100), ("3gp", "libopencore_amrnb", 8_000)]
)
def test_codecs_neither_hide_faults_nor_make_some(tmp_path: Path, form: str, codec: str, rate: int) -> None:
    spoken = speech()
    assert not check(_analysed(write(tmp_path / "a", form, codec, spoken, rate)))
    hissing = check(_analysed(write(tmp_path / "a", form, codec, spoken + _noise(spoken, 0.02), rate)))
    assert _named(hissing) == [("hiss", "warns")]
    clipped = check(_analysed(write(tmp_path / "a", form, codec, np.clip(spoken * 8, -1, 1), rate)))
    assert [kind for kind, _ in _named(clipped)] == ["clipped"]


def test_a_fault_has_its_place(tmp_path: Path) -> None:
    found = _analysed(wav(tmp_path / "a", np.concatenate([_silence(5), speech(), _silence(4)])))
    head, tail = check(found)
    assert (head.at_ms, tail.until_ms) == (0, found.duration_ms)
    assert head.until_ms is not None
    assert tail.at_ms is not None
    assert abs(head.until_ms - 5000) < 100
    assert abs(tail.at_ms - (found.duration_ms - 4000)) < 100
    assert "5.0 giây" in head.vi


def test_dead_and_opposed_channels_leave_the_voice_whole(tmp_path: Path) -> None:
    whole = _analysed(wav(tmp_path / "a", speech())).speech_db
    for planes in ([speech() * 0, speech()], [speech(), -speech()]):
        assert abs(_analysed(wav(tmp_path / "b", np.stack(planes))).speech_db - whole) < 0.2


def test_lengths_beside_each_other_and_in_a_slot() -> None:
    assert not check_lengths(60_000, [("vi", 80_000), ("nut", 40_000)], 60_000)
    (differs,) = check_lengths(60_000, [("vi", 80_000), ("nut", 20_000)])
    assert (differs.kind, differs.severity) == ("lengths-differ", "warns")
    assert "nut dài 0:20" in differs.vi
    (over,) = check_lengths(61_500, [], 60_000)
    assert (over.kind, over.severity) == ("over-slot", "blocks")
    assert "2 giây" in over.vi


def test_the_picture_has_one_size_and_says_what_it_shows(tmp_path: Path) -> None:
    short, long = (svg(_analysed(wav(tmp_path / "a", one)), "Tày & <Nùng>") for one in (speech(), np.tile(speech(), 9)))
    for picture in (short, long):
        assert len(picture) < 40_000
        words = "".join(ET.fromstring(picture).itertext())  # noqa: S314 - our own
        assert "Tày & <Nùng>" in words
        assert "dưới mức tối đa 3 dB" in words
    columns = _analysed(wav(tmp_path / "a", np.concatenate([_silence(3), speech()])))
    assert len(columns.lows) == len(columns.highs) == len(columns.rms) == COLUMNS
    assert max(columns.highs[: COLUMNS // 5]) == 0
    assert max(columns.highs) > 0.6
    assert Analysis.from_json(columns.as_json()) == columns
