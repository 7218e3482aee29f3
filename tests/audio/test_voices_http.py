"""The voice http against a server on this machine that speaks, fails, lies, trickles and hangs."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from audio.errors import VoiceFailed
from audio.voices import FakeVoice, SentenceCache, VoiceChain
from audio.voices.http import HttpVoice
from audio.voices.http import Server as Address

SENTENCE = "xin chào bà con."


def wav(seconds: float, level: float = 0.3, rate: int = 16000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, level * np.sin(np.arange(int(seconds * rate)) / 5), rate, format="WAV")
    return file.getvalue()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers.get("Authorization"), body))
        status, data = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        if status == 0:
            self.server.release.wait(20)
            return
        if status == 1:  # a header that never ends
            while not self.server.release.wait(0.01):
                try:
                    self.wfile.write(b"H")
                except OSError:
                    return
        self.send_response(status)
        self.send_header("Content-Length", str(len(data) + self.server.lacking))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None, dict[str, Any]]] = []
        self.answers = [(200, wav(1.2))]
        self.lacking = 0  # bytes that are announced and don't come
        self.release = threading.Event()

    def voice(self, **given: Any) -> HttpVoice:
        address = Address(f"http://127.0.0.1:{self.server_port}", "m", "hoa", "secret")
        return HttpVoice(address, **{"backoff_s": 0.01, **given})


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as one:
        thread = threading.Thread(target=one.serve_forever, args=(0.02,))
        thread.start()
        yield one
        one.release.set()
        one.shutdown()
        thread.join()


def test_it_asks_in_the_widespread_shape(server: Server) -> None:
    sound = server.voice().say(SENTENCE, rate=80)
    assert (sound.sample_rate, sound.samples.size) == (16000, 19200)
    path, key, body = server.asked[0]
    assert (path, key) == ("/v1/audio/speech", "Bearer secret")
    assert body == {"model": "m", "input": SENTENCE, "voice": "hoa", "response_format": "wav", "speed": 0.5}


def test_what_passes_is_tried_again(server: Server) -> None:
    server.answers = [(503, b""), (429, b""), (200, wav(1.2))]
    assert server.voice().say(SENTENCE).samples.size
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("answer", "words", "asked"),
    [
        ((401, b""), "TRUYENTHANH_HTTP_VOICE_KEY", 1),
        ((302, b""), "302", 1),
        ((500, b""), "500", 3),
        ((200, b""), "not sound", 3),
        ((200, b"<html>"), "not sound", 3),
        ((200, wav(0.05)), "0.1 s", 3),
        ((200, wav(60)), "60.0 s", 3),
        ((200, wav(1.2, 0)), "silent", 3),
        ((200, wav(1.2)[: len(wav(1.2)) // 2]), "cut short", 3),
        ((200, wav(1.2, rate=4000)), "4000 Hz", 3),
        ((200, wav(1.2, rate=192_000)), "192000 Hz", 3),
    ],
)
def test_what_is_no_speech_is_a_clear_error(server: Server, answer: tuple[int, bytes], words: str, asked: int) -> None:
    server.answers = [answer]
    with pytest.raises(VoiceFailed, match=words) as caught:
        server.voice().say(SENTENCE)
    assert "secret" not in str(caught.value)
    assert len(server.asked) == asked


def test_a_server_that_hangs_is_left(server: Server) -> None:
    server.answers = [(0, b"")]
    with pytest.raises(VoiceFailed, match="too slowly or not at all") as caught:
        server.voice(read_s=0.05).say(SENTENCE)
    assert "quá chậm hoặc không trả lời" in caught.value.text("vi")
    assert len(server.asked) == 3


def test_all_attempts_together_have_one_deadline(server: Server) -> None:
    server.answers = [(0, b"")]
    with pytest.raises(VoiceFailed):
        server.voice(read_s=0.3, timeout_s=1.2).say(SENTENCE)
    assert len(server.asked) == 1  # a second one would have no second left


def test_a_server_that_hung_once_is_not_waited_for_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("audio.voices.chain"), "DEAR_S", 0.05)
    server.answers = [(0, b"")]
    voices = VoiceChain([server.voice(read_s=0.1, timeout_s=0.2), FakeVoice("spare")])
    assert [voices.speak(text).voice for text in ("một.", "hai.", "ba.")] == ["spare"] * 3
    assert len(server.asked) == 1


def test_headers_that_trickle_are_cut_off(server: Server) -> None:
    server.answers = [(1, b"")]
    with pytest.raises(VoiceFailed, match="not done within"):
        server.voice(timeout_s=0.2).say(SENTENCE)


def test_a_server_that_breaks_off_in_the_middle_is_told(server: Server) -> None:
    server.lacking = 100
    with pytest.raises(VoiceFailed, match="100 bytes to come"):
        server.voice().say(SENTENCE)


def test_a_server_that_streams_does_not_know_how_long_it_gets(server: Server) -> None:
    data = wav(1.2)
    server.answers = [(200, data[:4] + b"\xff\xff\xff\xff" + data[8:])]
    assert server.voice().say(SENTENCE).samples.size == 19200


def test_in_a_chain_the_next_voice_speaks_and_nothing_of_the_first_stays(server: Server, tmp_path: Path) -> None:
    server.answers = [(200, wav(1.2)), (200, b"<html>")]
    voices = VoiceChain([server.voice(), FakeVoice("spare")], cache=SentenceCache(tmp_path))
    recording = voices.speak("xin chào bà con. chào cả nhà.")
    assert (recording.voice, recording.fallback) == ("spare", True)
    assert "http: thứ nhận được" in recording.failures[0].why("vi")
    assert list(tmp_path.rglob("*.part")) == []


def test_a_server_that_has_another_model_now_speaks_all_anew(server: Server, tmp_path: Path) -> None:
    voices = VoiceChain([server.voice()], cache=SentenceCache(tmp_path))
    voices.speak("xin chào bà con.")
    server.answers = [(200, wav(1.2, rate=24_000))]
    again = voices.speak("xin chào bà con. chào cả nhà.")
    assert (again.sample_rate, len(again.parts)) == (24_000, 2)
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("url", "outside"),
    [
        ("http://127.0.0.1:1", False),
        ("http://[::1]:1", False),
        ("http://10.1.2.3", False),
        ("http://localhost:1", False),
        ("https://8.8.8.8", True),
        ("https://tts.example", True),
    ],
)
def test_only_an_address_number_of_the_house_is_inside(url: str, outside: bool) -> None:  # noqa: FBT001
    assert HttpVoice(Address(url)).outside is outside
