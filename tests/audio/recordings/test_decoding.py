"""Files of every kind that comes, and of the kinds that must not."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from audio.recordings.analysis import analyse
from audio.recordings.checks import check
from audio.recordings.decoding import Decoder
from audio.recordings.errors import (
    RecordingEmpty,
    RecordingIsVideo,
    RecordingMalformed,
    RecordingTooLarge,
    RecordingTooLong,
)
from audio.recordings.originals import Originals
from audio.recordings.wholeness import UNKNOWN
from tests.audio.recordings.files import RATE, speech, video, wav, write

KINDS = [
    ("wav", "pcm_s16le", 8_000),
    ("wav", "pcm_s24le", 96_000),
    ("wav", "pcm_u8", 22_050),
    ("mp3", "libmp3lame", 44_100),
    ("mp4", "aac", 44_100),
    ("adts", "aac", 16_000),
    ("ogg", "libopus", 48_000),
    ("ogg", "vorbis", 44_100),
    ("webm", "libopus", 48_000),
    ("flac", "flac", 96_000),
    ("3gp", "libopencore_amrnb", 8_000),
    ("amr", "libopencore_amrnb", 8_000),
    ("ipod", "aac", 48_000),  # M4A
    ("ipod", "alac", 44_100),
    ("caf", "alac", 44_100),
    ("caf", "pcm_s16be", 48_000),
    ("asf", "wmav2", 44_100),  # WMA
    ("aiff", "pcm_s16be", 44_100),
    ("mp3", "libmp3lame", 22_050),
    ("matroska", "flac", 48_000),
]


def _decoded(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    with Decoder(path) as decoder:
        return np.concatenate([block.samples for block in decoder.blocks()])


@pytest.mark.parametrize(("form", "codec", "rate"), KINDS)
def test_what_is_in_a_file_comes_out(tmp_path: Path, form: str, codec: str, rate: int) -> None:
    spoken = speech()
    given = np.stack([spoken, spoken]) if codec == "vorbis" else spoken
    path = write(tmp_path / "wrong.txt", form, codec, given, rate, 64 if codec == "wmav2" else None)
    samples = _decoded(path)[:, 0]
    assert lost_in(path) is None
    assert abs(samples.size - spoken.size) < 0.15 * RATE
    # What is loud and what is quiet stays so, in steps of 20 ms, but for the delay of the codec.
    step = RATE // 50
    before, after = (np.abs(one[: one.size // step * step].reshape(-1, step)).mean(axis=1) for one in (spoken, samples))
    shifted = [(before[max(-late, 0) :], after[max(late, 0) :]) for late in range(-5, 10)]
    counts = [min(one.size, other.size) for one, other in shifted]
    alike = [np.corrcoef(one[:n], other[:n])[0, 1] for (one, other), n in zip(shifted, counts, strict=True)]
    assert max(alike) > 0.9


def test_both_channels_come(tmp_path: Path) -> None:
    samples = _decoded(wav(tmp_path / "a", np.stack([speech(), speech() / 4])))
    assert samples.shape == (speech().size, 2)
    assert np.allclose(samples[:, 0] / 4, samples[:, 1], atol=1e-3)


def lost_in(path: Path) -> int | None:
    with Decoder(path) as decoder:
        list(decoder.blocks())
        return decoder.lost_ms


@pytest.mark.parametrize(
    ("form", "codec"),
    [("wav", "pcm_s16le"), ("aiff", "pcm_s16be"), ("caf", "pcm_s16be"), ("flac", "flac"), ("mp3", "libmp3lame")],
)
def test_a_file_cut_short_that_says_its_length_tells_how_much_is_gone(tmp_path: Path, form: str, codec: str) -> None:
    path = write(tmp_path / "a", form, codec, speech())
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    lost_ms = lost_in(path)
    assert lost_ms is not None
    assert abs(lost_ms - speech().size / RATE * 1000 / 3) < 500
    with Decoder(path) as decoder:
        (finding,) = [one for one in check(analyse(decoder)) if one.kind == "cut-short"]
    assert "Tệp bị cụt: lẽ ra dài" in finding.vi


@pytest.mark.parametrize(
    ("form", "codec"), [("ogg", "libopus"), ("adts", "aac"), ("mp3", "libmp3lame"), ("mp4", "aac")]
)
def test_one_that_does_not_say_it_is_known_by_its_end(tmp_path: Path, form: str, codec: str) -> None:
    whole = write(tmp_path / "a", form, codec, speech(), RATE if form != "mp3" else 16_000).read_bytes()
    if form == "mp3":  # without the frame that says the length, which recorders often leave out
        whole = whole[whole.index(b"\xff\xf3", whole.index(b"Info" if b"Info" in whole else b"Xing")) :]
        (tmp_path / "b").write_bytes(whole)
        assert lost_in(tmp_path / "b") is None
        (tmp_path / "b").write_bytes(whole + b"TAG".ljust(128))
        assert lost_in(tmp_path / "b") is None
    (tmp_path / "b").write_bytes(whole[: len(whole) * 2 // 3])
    if form == "mp4":  # its index comes last
        with pytest.raises(RecordingMalformed, match="cut short"):
            lost_in(tmp_path / "b")
        return
    assert lost_in(tmp_path / "b") == UNKNOWN


@pytest.mark.parametrize("sound", [True, False])
def test_a_video_is_refused(tmp_path: Path, sound: bool) -> None:  # noqa: FBT001 - pytest's parameters
    with pytest.raises(RecordingIsVideo, match="with sound" if sound else "without sound"):
        Decoder(video(tmp_path / "tin.mp3", sound=sound))


@pytest.mark.parametrize(
    "content",
    [
        b"\0" * 5000,
        bytes(np.random.default_rng(1).integers(0, 256, 20_000, dtype=np.uint8)),
        "Bản tin viết bằng chữ. ".encode() * 100,
        b"RIFF\xff\xff\xff\xffWAVEfmt ",
        b"#EXTM3U\n#EXTINF:5,\n/etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
    ],
)
def test_what_is_no_sound_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tin.wav"
    path.write_bytes(content)
    with pytest.raises(RecordingMalformed):
        _decoded(path)


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "tin.mp3").touch()
    with pytest.raises(RecordingEmpty):
        Decoder(tmp_path / "tin.mp3")


def test_a_file_cut_short_gives_what_it_holds(tmp_path: Path) -> None:
    whole = write(tmp_path / "a", "mp3", "libmp3lame", speech(), 44_100).read_bytes()
    (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
    assert 0.4 < _decoded(tmp_path / "half").shape[0] / speech().size < 0.6
    index_last = write(tmp_path / "b", "mp4", "aac", speech()).read_bytes()
    (tmp_path / "half").write_bytes(index_last[: len(index_last) // 2])
    with pytest.raises(RecordingMalformed):
        _decoded(tmp_path / "half")


def test_ten_hours_are_refused_by_the_header_alone(tmp_path: Path) -> None:
    path = wav(tmp_path / "a", speech())
    head = bytearray(path.read_bytes())
    at = head.index(b"data") + 4
    ten_hours = 36_000 * 2 * RATE
    head[4:8], head[at : at + 4] = struct.pack("<I", ten_hours + 100), struct.pack("<I", ten_hours)
    path.write_bytes(head)
    with path.open("r+b") as file:
        file.truncate(ten_hours)  # a hole: no disk is used
    with pytest.raises(RecordingTooLong):
        Decoder(path)


def test_a_file_that_does_not_say_its_length_is_stopped_at_the_limit(tmp_path: Path) -> None:
    path = write(tmp_path / "a", "adts", "aac", np.tile(speech(), 12), 8_000)
    with Decoder(path, minutes_max=1) as decoder, pytest.raises(RecordingTooLong):
        list(decoder.blocks())


def test_a_decoder_that_is_killed_is_an_error_and_not_a_hang(tmp_path: Path) -> None:
    with Decoder(wav(tmp_path / "a", np.tile(speech(), 10))) as decoder:
        blocks = decoder.blocks()
        next(blocks)
        decoder._process.kill()
        with pytest.raises(RecordingMalformed):
            list(blocks)


def test_an_upload_is_kept_whole_or_leaves_nothing(tmp_path: Path) -> None:
    originals = Originals(tmp_path)
    with originals.incoming() as incoming:
        incoming.write(b"abc")
        incoming.write(b"def")
        incoming.complete()
        sha256 = incoming.keep()
    assert originals.read(sha256) == b"abcdef"
    kept = {path for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(RecordingTooLarge), originals.incoming(bytes_max=5) as incoming:
        incoming.write(b"abcdef")
    with pytest.raises(RecordingEmpty), originals.incoming() as incoming:
        incoming.complete()
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == kept
