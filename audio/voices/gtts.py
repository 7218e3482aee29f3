"""Google Translate's voice through gTTS: natural, but the text leaves the house, the endpoint is undocumented and
rate-limited, and there is no promise that it works tomorrow.

Each sentence is fetched by a child process (`_gtts_fetch.py`) that is killed at its deadline: neither a resolver
that hangs nor a server that trickles can hold a caller, which time-outs inside the request don't guarantee. The
child writes to a temporary folder that goes away whatever happens, so no empty MP3 stays behind.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from audio.errors import VoiceFailed
from audio.voices.base import Sound
from audio.voices.received import Unsound, checked

log = logging.getLogger(__name__)

_FETCH = Path(__file__).with_name("_gtts_fetch.py")

_SLOW_BELOW_WPM = 100  # gTTS knows two speeds only


class GttsVoice:
    """Vietnamese by gTTS.

    `timeout_s` is the whole time that one sentence may take with all its attempts; `backoff_s` doubles after each.
    `endpoint` replaces https://translate.google.com/ by a gateway of the site's own.
    """

    name = "gtts"
    outside = True
    spare = False
    at_once = 3  # it is rate-limited

    def __init__(
        self, *, timeout_s: float = 20.0, attempts: int = 3, backoff_s: float = 1.0, endpoint: str | None = None
    ) -> None:
        self.timeout_s = timeout_s
        self.attempts = attempts
        self.backoff_s = backoff_s
        self.endpoint = endpoint

    def identity(self) -> str:
        return f"gtts {self.endpoint or ''}"

    def say(self, sentence: str, *, rate: int | None = None) -> Sound:
        wait_s = self.backoff_s
        for attempt in range(1, self.attempts + 1):
            try:
                return self._fetch(sentence, slow=rate is not None and rate < _SLOW_BELOW_WPM)
            except Unsound as trouble:
                failed = trouble
                log.warning("gtts failed", extra={"attempt": attempt, "reason": trouble.en})
            if attempt < self.attempts:
                threading.Event().wait(wait_s)
                wait_s *= 2
        raise VoiceFailed(voice=self.name, reason_vi=failed.vi, reason_en=failed.en)

    def _fetch(self, sentence: str, *, slow: bool) -> Sound:
        with tempfile.TemporaryDirectory(prefix="gtts-") as folder:
            path = Path(folder, "sentence.mp3")
            self._run({"text": sentence, "slow": slow, "path": str(path), "endpoint": self.endpoint})
            return checked(path, sentence, "gTTS")

    def _run(self, task: dict[str, Any]) -> None:
        deadline_s = self.timeout_s / self.attempts
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
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["?"]
            raise Unsound(
                f"không lấy được giọng đọc từ mạng ({lines[-1]})", f"nothing came from the network ({lines[-1]})"
            )
