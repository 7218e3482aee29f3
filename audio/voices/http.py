"""A speech server that speaks the widespread shape `POST …/v1/audio/speech`: one that a province runs itself.

Whether it counts as outside is decided by its address: an address number of this machine or of a private network
(RFC 1918, ULA) is inside; every name but localhost is outside, because a name may point elsewhere tomorrow.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import ipaddress
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from audio.errors import VoiceFailed
from audio.voices._network import WORDS, kind_of
from audio.voices.base import Sound
from audio.voices.received import Unsound, check_whole, checked

log = logging.getLogger(__name__)

BYTES_MAX = 64 * 1024 * 1024
_PIECE = 64 * 1024
_ATTEMPTS = 3
_LEFT_LEAST_S = 1.0  # less is not worth another attempt
_NATURAL_WPM = 160  # taken as speed 1.0
_SPEED = (0.25, 4.0)  # what the shape allows
_AGAIN = frozenset({408, 429})  # and every 5xx


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server is and what to ask of it. `url` ends before /v1/audio/speech or with it."""

    url: str
    model: str = "tts-1"
    voice: str = "default"
    key: str = field(default="", repr=False)


class HttpVoice:
    """`timeout_s` is for all attempts at a sentence together, `read_s` for each wait within one; `backoff_s` doubles.

    So a server that hangs costs a text 15 s, once: the chain lets a voice rest that has cost so much.
    """

    name = "http"
    spare = False
    at_once = 2

    def __init__(
        self, server: Server, *, timeout_s: float = 15.0, read_s: float = 10.0, backoff_s: float = 0.5
    ) -> None:
        self.server = server
        self.timeout_s = timeout_s
        self.read_s = read_s
        self.backoff_s = backoff_s
        self.outside = not _inside(urlsplit(server.url).hostname or "")

    def identity(self) -> str:
        return f"http {self.server.url} {self.server.model} {self.server.voice}"

    def say(self, sentence: str, *, rate: int | None = None) -> Sound:
        wait_s = self.backoff_s
        until_s = time.monotonic() + self.timeout_s
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return _sound(self._fetch(sentence, rate, until_s), sentence)
            except _Trouble as trouble:
                failed = trouble
                log.warning("http voice failed", extra={"attempt": attempt, "reason": trouble.en})
            if not failed.again or time.monotonic() + wait_s + _LEFT_LEAST_S > until_s:
                break
            if attempt < _ATTEMPTS:
                threading.Event().wait(wait_s)
                wait_s *= 2
        raise VoiceFailed(voice=self.name, reason_vi=failed.vi, reason_en=failed.en) from failed

    def _fetch(self, sentence: str, rate: int | None, until_s: float) -> bytes:
        address = urlsplit(self.server.url)
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        path = address.path.rstrip("/")
        if not path.endswith("/audio/speech"):
            path = path.removesuffix("/v1") + "/v1/audio/speech"
        body = {
            "model": self.server.model,
            "input": sentence,
            "voice": self.server.voice,
            "response_format": "wav",
            "speed": round(min(max((rate or _NATURAL_WPM) / _NATURAL_WPM, _SPEED[0]), _SPEED[1]), 3),
        }
        headers = {"Content-Type": "application/json", "Accept": "audio/wav"}
        if self.server.key:
            headers["Authorization"] = f"Bearer {self.server.key}"
        left_s = until_s - time.monotonic()
        try:
            connection = kind(address.hostname or "", address.port, timeout=min(self.read_s, left_s))
            with contextlib.closing(connection), _cut_off(connection, left_s):
                connection.request("POST", path, json.dumps(body).encode(), headers)
                with connection.getresponse() as answer:
                    if answer.status != http.HTTPStatus.OK:  # a redirect too: the key is for that address only
                        raise _refused(answer.status)
                    return self._read(answer, until_s)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if time.monotonic() >= until_s:
                raise self._too_slow() from error
            log.info("http voice", extra={"error": repr(error)})
            vi, en = WORDS[kind_of(error)]
            raise _Trouble(f"máy chủ {address.netloc} {vi}", f"the server {address.netloc} {en}") from error

    def _read(self, answer: http.client.HTTPResponse, until_s: float) -> bytes:
        data = bytearray()
        while piece := answer.read1(_PIECE):
            data += piece
            if len(data) > BYTES_MAX:
                raise _Trouble(
                    f"máy chủ gửi hơn {BYTES_MAX >> 20} MB",
                    f"the server sent more than {BYTES_MAX >> 20} MB",
                    again=False,
                )
            if time.monotonic() >= until_s:
                raise self._too_slow()
        if time.monotonic() >= until_s:
            raise self._too_slow()
        if answer.length:  # of what was announced
            raise _Trouble(
                f"máy chủ ngắt khi còn thiếu {answer.length} byte",
                f"the server broke off with {answer.length} bytes to come",
            )
        return bytes(data)

    def _too_slow(self) -> _Trouble:
        return _Trouble(
            f"máy chủ chưa gửi xong trong {self.timeout_s:.0f} giây",
            f"the server was not done within {self.timeout_s:.0f} seconds",
        )


class _Trouble(Exception):
    def __init__(self, vi: str, en: str, *, again: bool = True) -> None:
        super().__init__(en)
        self.vi = vi
        self.en = en
        self.again = again


def _refused(status: int) -> _Trouble:
    hint_vi, hint_en = f"máy chủ trả lời {status}", f"the server answered {status}"
    if status in {401, 403}:
        hint_vi += "; hãy kiểm tra TRUYENTHANH_HTTP_VOICE_KEY"
        hint_en += "; check TRUYENTHANH_HTTP_VOICE_KEY"
    return _Trouble(hint_vi, hint_en, again=status in _AGAIN or status >= 500)


def _sound(data: bytes, sentence: str) -> Sound:
    try:
        check_whole(data)
        return checked(io.BytesIO(data), sentence, "http")
    except Unsound as unsound:
        raise _Trouble(unsound.vi, unsound.en) from unsound


@contextlib.contextmanager
def _cut_off(connection: http.client.HTTPConnection, after_s: float) -> Iterator[None]:
    """End the connection at the deadline, whatever is waited for on it: headers that trickle in, too."""

    def end() -> None:
        if connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(after_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _inside(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private
