"""Worker processes of a voice: lent to one sentence each, replaced when they die, ended with this process.

What they speak over their pipes stands in `_espeak_worker.py`, whose loop all of them run.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable

from audio.errors import VoiceFailed
from audio.voices import _espeak_worker as wire

log = logging.getLogger(__name__)

_ATTEMPTS = 2
_FAREWELL_S = 2.0


class Died(Exception):
    """A worker ended without a reply."""


class Worker:
    """One process. Raises `VoiceFailed` when the library isn't there or can't be run."""

    def __init__(self, command: list[str], failed: Callable[[str], VoiceFailed]) -> None:
        self._failed = failed
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own file, nothing of the text on the command line
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C is for this process, which ends its workers; and child and worker die as one
            )
        except OSError as error:
            raise failed(str(error)) from error

    def speak(self, text: bytes, rate_wpm: int) -> tuple[int, bytes]:
        """Sample rate in Hz and 16-bit samples. Raises `Died`, and `VoiceFailed` for what the library refuses."""
        assert self._process.stdin is not None  # noqa: S101 - for mypy: they are pipes
        assert self._process.stdout is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):  # a worker that refused at its start has left its reply
            self._process.stdin.write(wire.REQUEST.pack(rate_wpm, len(text)) + text)
            self._process.stdin.flush()
        header = self._process.stdout.read(wire.REPLY.size)
        if len(header) < wire.REPLY.size:
            raise Died
        status, sample_rate, length = wire.REPLY.unpack(header)
        payload = self._process.stdout.read(length)
        if len(payload) < length:
            raise Died
        if status != 0:
            raise self._failed(payload.decode(errors="replace"))
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


class WorkerPool:
    """Lends workers, `most` at once; `name` is the voice's, `title` what a person calls it."""

    def __init__(self, start: Callable[[], Worker], most: int, name: str, title: str) -> None:
        self._start = start
        self._most = most
        self._name = name
        self._title = title
        self._idle: list[Worker] = []
        self._over = False
        self._begin()

    def _begin(self) -> None:
        self._places = threading.BoundedSemaphore(self._most)
        self._lock = threading.Lock()

    def speak(self, text: bytes, rate_wpm: int) -> tuple[int, bytes]:
        with self._places:
            for attempt in range(1, _ATTEMPTS + 1):
                lent = self._take(fresh=attempt > 1)
                try:
                    reply = lent.speak(text, rate_wpm)
                except Died:
                    code = lent.end(kill=False)
                    log.warning("voice worker died", extra={"voice": self._name, "attempt": attempt, "exit_code": code})
                except BaseException:  # also Ctrl-C: its reply would be taken for that of the next sentence
                    lent.end(kill=True)
                    raise
                else:
                    self._give_back(lent)
                    return reply
        raise VoiceFailed(
            voice=self._name,
            reason_vi=f"{self._title} dừng đột ngột hai lần liền khi đọc cùng một câu (mã {code})",
            reason_en=f"{self._title} broke off twice at the same sentence (code {code})",
        )

    def _take(self, *, fresh: bool) -> Worker:
        with self._lock:
            if self._idle and not fresh:
                return self._idle.pop()
        return self._start()

    def _give_back(self, lent: Worker) -> None:
        with self._lock:
            if not self._over:
                self._idle.append(lent)
                return
        lent.end(kill=False)

    def end(self, *, for_good: bool = False) -> None:
        """End the idle workers. One that is speaking ends with this process, or when it has spoken: `for_good`."""
        with self._lock:
            self._over = for_good
            idle, self._idle = self._idle, []
        for one in idle:
            one.end(kill=False)

    def forget(self) -> None:
        """In a fork of this process: two processes at one worker would get each other's sentences."""
        self._begin()  # a thread that isn't here any more may have held them
        inherited, self._idle = self._idle, []
        for one in inherited:
            one.disown()
