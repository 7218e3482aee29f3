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

import soundfile

from audio.errors import VoiceFailed
from audio.voices.base import Sound

log = logging.getLogger(__name__)

_FETCH = Path(__file__).with_name("_gtts_fetch.py")

# The quickest and slowest speech that counts as the whole sentence, seconds a syllable. A reply outside of it is a
# truncated or padded file.
_SYLLABLE_S = (0.08, 1.5)
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
            except _TryAgain as trouble:
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
            return _checked(path, sentence)

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
            raise _TryAgain(
                f"máy chủ không trả lời trong {deadline_s:.0f} giây", f"no answer within {deadline_s:.0f} seconds"
            ) from error
        if done.returncode != 0:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["?"]
            raise _TryAgain(
                f"không lấy được giọng đọc từ mạng ({lines[-1]})", f"nothing came from the network ({lines[-1]})"
            )


class _TryAgain(Exception):
    def __init__(self, vi: str, en: str) -> None:
        super().__init__(en)
        self.vi = vi
        self.en = en


def _checked(path: Path, sentence: str) -> Sound:
    """The samples of a fetched file, if it is sound and about as long as the sentence."""
    try:
        samples, sample_rate = soundfile.read(path, dtype="float32")
    except (OSError, soundfile.LibsndfileError) as error:
        raise _TryAgain("tệp nhận được rỗng hoặc hỏng", "the file that came is empty or damaged") from error
    if samples.ndim > 1:
        samples = samples.mean(axis=1)
    duration_s = samples.size / sample_rate
    syllables = len(sentence.split())
    if not _SYLLABLE_S[0] * syllables <= duration_s <= _SYLLABLE_S[1] * syllables + 2:
        raise _TryAgain(
            f"tệp nhận được dài {duration_s:.1f} giây cho {syllables} tiếng",
            f"the file that came lasts {duration_s:.1f} s for {syllables} syllables",
        )
    return Sound(samples, sample_rate, {"engine": "gTTS"})
