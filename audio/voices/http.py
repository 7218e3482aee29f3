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
import math
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np
import soundfile

from audio.errors import VoiceFailed
from audio.voices.base import Sound

log = logging.getLogger(__name__)

BYTES_MAX = 64 * 1024 * 1024
_PIECE = 64 * 1024
_ATTEMPTS = 3
_NATURAL_WPM = 160  # taken as speed 1.0
_SPEED = (0.25, 4.0)  # what the shape allows
_SYLLABLE_S = (0.06, 1.5)
_AGAIN = frozenset({408, 429})  # and every 5xx


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server is and what to ask of it. `url` ends before /v1/audio/speech or with it."""

    url: str
    model: str = "tts-1"
    voice: str = "default"
    key: str = field(default="", repr=False)


class HttpVoice:
    """`timeout_s` is for one attempt as a whole, `read_s` for each wait within it; `backoff_s` doubles."""

    name = "http"
    spare = False
    at_once = 2

    def __init__(
        self, server: Server, *, timeout_s: float = 25.0, read_s: float = 10.0, backoff_s: float = 0.5
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
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return _checked(self._fetch(sentence, rate), sentence)
            except _Trouble as trouble:
                failed = trouble
                log.warning("http voice failed", extra={"attempt": attempt, "reason": trouble.en})
            if not failed.again:
                break
            if attempt < _ATTEMPTS:
                threading.Event().wait(wait_s)
                wait_s *= 2
        raise VoiceFailed(voice=self.name, reason_vi=failed.vi, reason_en=failed.en) from failed

    def _fetch(self, sentence: str, rate: int | None) -> bytes:
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
        until_s = time.monotonic() + self.timeout_s
        try:
            connection = kind(address.hostname or "", address.port, timeout=self.read_s)
            with contextlib.closing(connection):
                connection.request("POST", path, json.dumps(body).encode(), headers)
                with connection.getresponse() as answer:
                    if answer.status != http.HTTPStatus.OK:  # a redirect too: the key is for that address only
                        raise _refused(answer.status)
                    return self._read(answer, until_s)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise _Trouble(f"máy chủ {address.netloc}: {reason}", f"the server {address.netloc}: {reason}") from error

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
            if time.monotonic() > until_s:
                raise _Trouble(
                    f"máy chủ chưa gửi xong trong {self.timeout_s:.0f} giây",
                    f"the server was not done within {self.timeout_s:.0f} seconds",
                )
        return bytes(data)


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


def _checked(data: bytes, sentence: str) -> Sound:
    """The samples, if it is sound and about as long as the sentence."""
    try:
        samples, sample_rate = soundfile.read(io.BytesIO(data), dtype="float32")
    except (OSError, soundfile.LibsndfileError) as error:
        raise _Trouble("thứ nhận được không phải âm thanh", "what came is not sound") from error
    if samples.ndim > 1:
        samples = samples.mean(axis=1)
    duration_s = samples.size / sample_rate
    syllables = len(sentence.split())
    if not _SYLLABLE_S[0] * syllables <= duration_s <= _SYLLABLE_S[1] * syllables + 2:
        raise _Trouble(
            f"âm thanh nhận được dài {duration_s:.1f} giây cho {syllables} tiếng",
            f"the sound that came lasts {duration_s:.1f} s for {syllables} syllables",
        )
    if not math.isfinite(float(np.abs(samples).max())) or not np.any(samples):
        raise _Trouble("âm thanh nhận được chỉ có im lặng", "the sound that came is silent")
    return Sound(samples, sample_rate, {"engine": "http"})


def _inside(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private
