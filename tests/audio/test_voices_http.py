"""The voice http against a server on this machine that speaks, fails, lies, trickles and hangs."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
import soundfile

from audio.errors import VoiceFailed
from audio.voices.http import HttpVoice
from audio.voices.http import Server as Address

SENTENCE = "xin chào bà con."


def wav(seconds: float, level: float = 0.3) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, level * np.sin(np.arange(int(seconds * 16000)) / 5), 16000, format="WAV")
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
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
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
    with pytest.raises(VoiceFailed, match="timed out"):
        server.voice(read_s=0.05).say(SENTENCE)


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
