"""Google Translate's voice through gTTS: natural, but the text leaves the house, the endpoint is undocumented and
rate-limited, and there is no promise that it works tomorrow.

Each sentence is fetched by a child process (`_gtts_fetch.py`) that is killed at its deadline: neither a resolver
that hangs nor a server that trickles can hold a caller, which time-outs inside the request don't guarantee. The
child writes to a temporary folder that goes away whatever happens, so no empty MP3 stays behind.
"""

from __future__ import annotations

import http
import json
import logging
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from audio.errors import VoiceFailed
from audio.voices._network import WORDS
from audio.voices.base import Sound
from audio.voices.received import Unsound, checked

log = logging.getLogger(__name__)

_FETCH = Path(__file__).with_name("_gtts_fetch.py")

_ATTEMPT_S = 10.0
_LEFT_LEAST_S = 1.0  # less is not worth another attempt
_SLOW_BELOW_WPM = 100  # gTTS knows two speeds only


class GttsVoice:
    """Vietnamese by gTTS.

    `timeout_s` is for all attempts at a sentence together, of which none takes longer than ten seconds; `backoff_s`
    doubles after each.
    `endpoint` replaces https://translate.google.com/ by a gateway of the site's own.
    """

    name = "gtts"
    outside = True
    spare = False
    at_once = 3  # it is rate-limited

    def __init__(
        self, *, timeout_s: float = 15.0, attempts: int = 3, backoff_s: float = 1.0, endpoint: str | None = None
    ) -> None:
        self.timeout_s = timeout_s
        self.attempts = attempts
        self.backoff_s = backoff_s
        self.endpoint = endpoint

    def identity(self) -> str:
        return f"gtts {self.endpoint or ''}"

    def say(self, sentence: str, *, rate: int | None = None) -> Sound:
        wait_s = self.backoff_s
        until_s = time.monotonic() + self.timeout_s
        for attempt in range(1, self.attempts + 1):
            try:
                return self._fetch(sentence, until_s, slow=rate is not None and rate < _SLOW_BELOW_WPM)
            except Unsound as trouble:
                failed = trouble
                log.warning("gtts failed", extra={"attempt": attempt, "reason": trouble.en})
            if time.monotonic() + wait_s + _LEFT_LEAST_S > until_s:
                break
            if attempt < self.attempts:
                threading.Event().wait(wait_s)
                wait_s *= 2
        raise VoiceFailed(voice=self.name, reason_vi=failed.vi, reason_en=failed.en)

    def _fetch(self, sentence: str, until_s: float, *, slow: bool) -> Sound:
        with tempfile.TemporaryDirectory(prefix="gtts-") as folder:
            path = Path(folder, "sentence.mp3")
            self._run({"text": sentence, "slow": slow, "path": str(path), "endpoint": self.endpoint}, until_s)
            return checked(path, sentence, "gTTS")

    def _run(self, task: dict[str, Any], until_s: float) -> None:
        deadline_s = min(until_s - time.monotonic(), _ATTEMPT_S)
        task["timeout_s"] = deadline_s
        try:
            # -I: the interpreter sees neither this folder (whose gtts.py would hide the package) nor PYTHONPATH.
            done = subprocess.run(  # noqa: S603 - our own file, nothing of the text on the command line
                [sys.executable, "-I", str(_FETCH)],
                input=json.dumps(task).encode(),
                capture_output=True,
                timeout=deadline_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Unsound(
                f"máy chủ không trả lời trong {deadline_s:.0f} giây", f"no answer within {deadline_s:.0f} seconds"
            ) from error
        if done.returncode != 0:
            raise _said(done.stdout, done.stderr)


def _said(told: bytes, errors: bytes) -> Unsound:
    """What the child process told of its failure, in words."""
    try:
        trouble = json.loads(told)
        host, status, kind = trouble["host"], trouble["status"], trouble["kind"]
    except (ValueError, KeyError, TypeError):
        log.exception("gtts broke off", extra={"said": errors.decode(errors="replace")[-2000:]})
        return Unsound("chương trình gTTS bị lỗi; nhật ký của máy này ghi rõ vì sao", "gTTS failed; see the log")
    log.info("gtts", extra=trouble)
    if status == http.HTTPStatus.TOO_MANY_REQUESTS:
        return Unsound(f"{host} bảo chờ vì đã hỏi quá nhiều", f"{host} says to wait, it was asked too often")
    if status is not None and status != http.HTTPStatus.OK:
        return Unsound(f"{host} từ chối (mã {status})", f"{host} refuses (status {status})")
    if status is not None:
        return Unsound(f"{host} trả lời mà không có âm thanh", f"{host} answered without a sound")
    vi, en = WORDS[kind]
    return Unsound(f"máy chủ {host} {vi}", f"the server {host} {en}")
