"""An hour's recording comes in piece by piece, tells how far it is and is never whole in memory; ten are refused."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.api.site import Site
from tests.api.test_recordings import GIVEN, NOBODY, _bulletin, _left
from tests.audio.recordings.files import RATE, speech, write
from tests.support.site import until

PIECE_S = 30
BLOCK = 64 * 1024
MEMORY_MOST_KB = 150_000  # the samples of an hour are 690 MB


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Half a minute as the samples of a WAV, and as an MP3 that doesn't say its length: more of them, more minutes."""
    samples = np.resize(speech(), PIECE_S * RATE)
    path = tmp_path_factory.mktemp("pieces") / "a"
    sound = write(path, "wav", "pcm_mulaw", samples, 8_000).read_bytes()
    mp3 = write(path, "mp3", "libmp3lame", samples, 8_000, 8).read_bytes()
    tag = b"Info" if b"Info" in mp3 else b"Xing"
    return sound[-PIECE_S * 8_000 :], mp3[mp3.index(b"\xff\xe3", mp3.index(tag)) :]


def _wav_head(size: int) -> bytes:
    """Of a WAV in 8-bit mu-law at 8 kHz."""
    form = struct.pack("<HHIIHH", 7, 1, 8_000, 8_000, 1, 8)
    return (
        b"RIFF"
        + struct.pack("<I", size + 36)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", size)
    )


def _hand_in(client: httpx.Client, bulletin: str, content: Iterator[bytes], size: int) -> httpx.Response:
    return client.post(
        f"/api/v1/bulletins/{bulletin}/recordings",
        params=GIVEN,
        content=content,
        headers={"Content-Length": str(size)},
        timeout=120,
    )


def _memory_kb(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def test_just_under_an_hour(site: Site, pieces: tuple[bytes, bytes]) -> None:
    editor, looker = site.as_("editor"), site.as_("auditor")
    bulletin = _bulletin(editor)
    here = f"/api/v1/bulletins/{bulletin}/recordings/arriving"
    assert looker.get(here).json() == []
    count = 3570 // PIECE_S
    whole = _wav_head(count * len(pieces[0])) + pieces[0] * count
    half = len(whole) // 2
    seen: list[dict[str, Any]] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            seen.extend(looker.get(here).json())

    def in_blocks() -> Iterator[bytes]:
        for at in range(0, half, BLOCK):
            yield whole[at : min(at + BLOCK, half)]
        # What came is on the disk while the rest is still with the sender.
        until(lambda: looker.get(here).json()[0]["bytes"] == half, 20, "the first half has come")
        (arriving,) = looker.get(here).json()
        assert (arriving["phase"], arriving["bytes_whole"], arriving["speaker"]) == (
            "receiving",
            len(whole),
            "Hoàng Thị Mai",
        )
        (part,) = site.context.settings.originals.rglob("*.part")
        assert part.stat().st_size > half - BLOCK
        watch.start()
        yield whole[half:]

    watch = threading.Thread(target=look)
    before_kb = _memory_kb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    answer = _hand_in(editor, bulletin, in_blocks(), len(whole))
    peak_kb = _memory_kb("VmHWM")
    over.set()
    watch.join()
    assert answer.status_code == 201, answer.text
    recording = answer.json()
    assert recording["duration_ms"] == 3_570_000
    assert (recording["format"], recording["checks"]) == ("WAV", [])
    assert peak_kb - before_kb < MEMORY_MOST_KB
    shares = [one["share"] for one in seen if one["phase"] == "checking"]
    assert shares == sorted(shares)
    assert any(0 < share < 1 for share in shares)
    assert looker.get(here).json() == []
    assert looker.get(f"/api/v1/bulletins/{NOBODY}/recordings/arriving").status_code == 404


def test_ten_hours_are_refused_with_the_reason(site: Site, pieces: tuple[bytes, bytes]) -> None:
    editor = site.as_("editor")
    bulletin = _bulletin(editor)
    count, piece = 36_000 // PIECE_S, pieces[1]
    answer = _hand_in(editor, bulletin, (piece for _ in range(count)), count * len(piece))
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/recording-too-long")
    assert "60 phút" in answer.json()["detail"]
    assert _left(site) == []
