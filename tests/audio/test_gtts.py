"""The voice gtts against a server of our own on this machine: good, refusing, hanging, trickling, empty, cut off."""

from __future__ import annotations

import base64
import io
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import soundfile

from audio.errors import VoiceFailed
from audio.voices import FakeVoice, VoiceChain
from audio.voices.gtts import GttsVoice

SENTENCE = "bà con gọi tổng đài một một một."
Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.server.requests.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        answer = self.server.answers[min(len(self.server.requests), len(self.server.answers)) - 1]
        answer(self)

    def log_message(self, *_args: object) -> None:
        """Quiet."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = []
        self.requests: list[str] = []
        self.over = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield running
        running.over.set()
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, so that a test sees what stays."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def mp3(words: int) -> bytes:
    sound = FakeVoice().say(" ".join(["la"] * words))
    file = io.BytesIO()
    soundfile.write(file, sound.samples, sound.sample_rate, format="MP3")
    return file.getvalue()


def reply(data: bytes) -> Answer:
    body = f'[["wrb.fr","jQ1olc","[\\"{base64.b64encode(data).decode()}\\"]",null]]\n'.encode()

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def refuse(status: int) -> Answer:
    def answer(handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def hang(handler: Handler) -> None:
    handler.server.over.wait(60)


def trickle(handler: Handler) -> None:
    """A byte now and then: no time-out between two reads ever ends this."""
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.over.wait(0.2):
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            return


def voice(server: Server, *, timeout_s: float = 20, attempts: int = 1) -> GttsVoice:
    return GttsVoice(endpoint=server.address, timeout_s=timeout_s, attempts=attempts, backoff_s=0.05)


def test_a_good_answer_is_a_sound(server: Server, temporary: Path) -> None:
    server.answers = [reply(mp3(8))]
    sound = voice(server).say(SENTENCE)
    assert sound.sample_rate == 24_000
    assert sound.samples.size / sound.sample_rate == pytest.approx(8 * 0.3, abs=0.15)
    assert len(server.requests) == 1
    assert list(temporary.iterdir()) == []


def test_a_refusal_is_tried_again(server: Server) -> None:
    server.answers = [refuse(429), refuse(503), reply(mp3(8))]
    assert voice(server, attempts=3, timeout_s=45).say(SENTENCE).samples.size
    assert len(server.requests) == 3


@pytest.mark.parametrize("answer", [reply(b""), reply(b"\xff\xfbgarbage"), reply(mp3(1)), refuse(403), reply(mp3(60))])
def test_what_is_not_the_whole_sentence_is_a_clear_failure(server: Server, temporary: Path, answer: Answer) -> None:
    server.answers = [answer]
    with pytest.raises(VoiceFailed) as caught:
        voice(server).say(SENTENCE)
    assert "gtts" in caught.value.text("vi")
    assert "espeak" in caught.value.text("en")  # the way out
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("answer", [hang, trickle])
def test_a_network_that_hangs_is_ended_in_time(server: Server, temporary: Path, answer: Answer) -> None:
    server.answers = [answer]
    began = time.monotonic()
    with pytest.raises(VoiceFailed) as caught:
        voice(server, timeout_s=3).say(SENTENCE)
    assert time.monotonic() - began < 6
    assert server.requests, "the server was reached"
    assert "3" in caught.value.text("vi")
    assert list(temporary.iterdir()) == []


def test_an_unreachable_server_is_named_and_the_next_voice_speaks(server: Server, temporary: Path) -> None:
    address = server.address
    server.server_close()
    gone = GttsVoice(endpoint=address, attempts=1, timeout_s=20)
    with pytest.raises(VoiceFailed) as caught:
        gone.say(SENTENCE)
    assert "127.0.0.1" in caught.value.text("en")
    recording = VoiceChain([gone, FakeVoice("spare")]).speak(SENTENCE)
    assert (recording.voice, recording.fallback, recording.outside) == ("spare", True, True)
    assert list(temporary.iterdir()) == []
