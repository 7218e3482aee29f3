"""eSpeak NG in processes of its own: the offline voice. Intelligible, robotic, and there when nothing else is.

The library comes in the wheel `espeakng-loader`. It is C with one global state and no handle, and it is kept out of
this process for three reasons:

- A fault in it would end the server. Out of process it costs one sentence, which is spoken a second time.
- Its state drifts: the phase of the voice's flutter goes on from one call to the next and would make the same text
  sound differently each time. Every sentence is spoken by a fork of a worker that has set the library up and never
  spoken, so the same sentence gives the same samples. (Loading and unloading the library in a process that has other
  threads did that too, and nobody promises that it is safe.)
- Two sentences can be spoken at once.

The workers (`_espeak_worker.py`) start when they are needed, two at most, and end with this process, however it ends.
A sentence that takes longer than its deadline is killed.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import espeakng_loader
import numpy as np

from audio.errors import VoiceFailed
from audio.voices import _espeak_worker as worker
from audio.voices.base import Sound

log = logging.getLogger(__name__)

RATE_WPM: Final = 125  # slower than the default of 175: tones need their time
WORKERS_MOST: Final = 2
DEADLINE_S: Final = 60.0  # the longest text that may be spoken takes about 5 s on an idle core

_SCRIPT = Path(worker.__file__)
_ATTEMPTS = 2
_FAREWELL_S = 2.0


class EspeakVoice:
    """Vietnamese by eSpeak NG. All voices of a process share its workers."""

    name = "espeak"
    outside = False

    def say(self, sentence: str, *, rate: int | None = None) -> Sound:
        rate_wpm = rate or RATE_WPM
        sample_rate, pcm = _workers.speak(sentence.replace("\0", " ").encode(), rate_wpm)
        samples = (np.frombuffer(pcm, dtype=np.int16) / np.float32(32768)).astype(np.float32)
        return Sound(samples, sample_rate, {"engine": "eSpeak NG", "voice": worker.VOICE, "rate_wpm": str(rate_wpm)})


class _Died(Exception):
    """A worker ended without a reply."""


class _Worker:
    """One process. Raises `VoiceFailed` when the library isn't there or can't be run."""

    def __init__(self) -> None:
        try:
            paths = [espeakng_loader.get_library_path(), espeakng_loader.get_data_path()]
            self._process = subprocess.Popen(  # noqa: S603 - our own file, nothing of the text on the command line
                # -I -S: no site-packages, which it doesn't need and which would take longer than everything else.
                [sys.executable, "-I", "-S", str(_SCRIPT), *paths, str(DEADLINE_S)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C is for this process, which ends its workers; and child and worker die as one
            )
        except (OSError, RuntimeError) as error:
            raise _failed(str(error)) from error

    def speak(self, text: bytes, rate_wpm: int) -> tuple[int, bytes]:
        """Sample rate in Hz and 16-bit samples. Raises `_Died`, and `VoiceFailed` for what the library refuses."""
        assert self._process.stdin is not None  # noqa: S101 - for mypy: they are pipes
        assert self._process.stdout is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):  # a worker that refused at its start has left its reply
            self._process.stdin.write(worker.REQUEST.pack(rate_wpm, len(text)) + text)
            self._process.stdin.flush()
        header = self._process.stdout.read(worker.REPLY.size)
        if len(header) < worker.REPLY.size:
            raise _Died
        status, sample_rate, length = worker.REPLY.unpack(header)
        payload = self._process.stdout.read(length)
        if len(payload) < length:
            raise _Died
        if status != 0:
            raise _failed(payload.decode(errors="replace"))
        return sample_rate, payload

    def end(self, *, kill: bool) -> int:
        """End the process and wait for it; its exit code."""
        if kill:
            self._kill()
        self._close()
        try:
            return self._process.wait(_FAREWELL_S)
        except subprocess.TimeoutExpired:
            self._kill()
            return self._process.wait()

    def disown(self) -> None:
        """It belongs to the process that this one was forked from: leave it alone, without a ResourceWarning."""
        self._close()
        self._process.returncode = 0

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


class _Workers:
    """Lends workers, `WORKERS_MOST` at once."""

    def __init__(self) -> None:
        self._idle: list[_Worker] = []
        self._begin()

    def _begin(self) -> None:
        self._places = threading.BoundedSemaphore(WORKERS_MOST)
        self._lock = threading.Lock()

    def speak(self, text: bytes, rate_wpm: int) -> tuple[int, bytes]:
        with self._places:
            for attempt in range(1, _ATTEMPTS + 1):
                lent = self._take(fresh=attempt > 1)
                try:
                    reply = lent.speak(text, rate_wpm)
                except _Died:
                    code = lent.end(kill=False)
                    log.warning("espeak died", extra={"attempt": attempt, "exit_code": code})
                except BaseException:  # also Ctrl-C: its reply would be taken for that of the next sentence
                    lent.end(kill=True)
                    raise
                else:
                    with self._lock:
                        self._idle.append(lent)
                    return reply
        raise VoiceFailed(
            voice="espeak",
            reason_vi=f"eSpeak NG dừng đột ngột hai lần liền khi đọc cùng một câu (mã {code})",
            reason_en=f"eSpeak NG broke off twice at the same sentence (code {code})",
        )

    def _take(self, *, fresh: bool) -> _Worker:
        with self._lock:
            if self._idle and not fresh:
                return self._idle.pop()
        return _Worker()

    def end(self) -> None:
        """End the idle workers. One that is speaking ends with this process."""
        with self._lock:
            idle, self._idle = self._idle, []
        for one in idle:
            one.end(kill=False)

    def forget(self) -> None:
        """In a fork of this process: two processes at one worker would get each other's sentences."""
        self._begin()  # a thread that isn't here any more may have held them
        inherited, self._idle = self._idle, []
        for one in inherited:
            one.disown()


def _failed(detail: str) -> VoiceFailed:
    return VoiceFailed(
        voice="espeak",
        reason_vi=f"thư viện eSpeak NG báo lỗi ({detail}); hãy cài lại gói espeakng-loader",
        reason_en=f"the eSpeak NG library reports an error ({detail}); reinstall the package espeakng-loader",
    )


_workers = _Workers()


def end_workers() -> None:
    """End the processes that are idle; the next sentence starts others. At this process's end it comes by itself."""
    _workers.end()


atexit.register(end_workers)
os.register_at_fork(after_in_child=_workers.forget)
