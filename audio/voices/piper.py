"""Neural voices on this machine, from a voice file, by Piper in processes of its own.

Why processes: onnxruntime is C++ fed with a file that somebody downloaded. A file that is cut short, or a sentence that
it hangs on, costs a worker and never the server. A worker holds the file in memory; its forks share it.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import threading
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from audio.errors import VoiceFailed
from audio.voices.base import Sound
from audio.voices.files import VoiceFile, fingerprint, stamp
from audio.voices.workers import Worker, WorkerPool

log = logging.getLogger(__name__)

WORKERS_MOST: Final = 2
DEADLINE_S: Final = 60.0

_SCRIPT = Path(__file__).with_name("_piper_worker.py")
_MEASURED = "Mời bà con nghe bản tin của đài truyền thanh xã, phát vào năm giờ sáng hằng ngày."
_SCALE_LEAST, _SCALE_MOST = 0.4, 2.5

_Stamp = tuple[Path, tuple[int, ...]]  # a file and when both of its halves were written, with their sizes
_pools: dict[_Stamp, WorkerPool] = {}
_own_wpms: dict[str, float] = {}  # by identity
_lock = threading.Lock()


def available() -> bool:
    """The engine is installed."""
    return find_spec("piper") is not None and find_spec("onnxruntime") is not None


class PiperVoice:
    """The voice of one file. All voices of a process share a file's workers; a file that changed gets others."""

    outside = False
    spare = False
    at_once = WORKERS_MOST

    def __init__(self, file: VoiceFile) -> None:
        self.file = file
        self.name = file.name

    def identity(self) -> str:
        try:
            return f"piper {fingerprint(self.file)}"
        except OSError as error:
            raise self._failed(str(error.strerror)) from error

    def _own_wpm(self) -> float:
        """How fast the voice speaks by itself, measured on one sentence: files say nothing about it."""
        identity = self.identity()
        if identity not in _own_wpms:
            sound = self._say(_MEASURED, 0)
            _own_wpms[identity] = len(_MEASURED.split()) / (sound.samples.size / sound.sample_rate) * 60
        return _own_wpms[identity]

    def say(self, sentence: str, *, rate: int | None = None) -> Sound:
        scale = float(np.clip(self._own_wpm() / rate, _SCALE_LEAST, _SCALE_MOST)) if rate else 0
        return self._say(sentence, round(1000 * scale))

    def _say(self, sentence: str, scale: int) -> Sound:
        sample_rate, pcm = self._pool().speak(sentence.replace("\0", " ").encode(), scale)
        samples = (np.frombuffer(pcm, dtype=np.int16) / np.float32(32768)).astype(np.float32)
        return Sound(samples, sample_rate, {"engine": "Piper", "voice": self.name})

    def _pool(self) -> WorkerPool:
        if not available():
            raise VoiceFailed(
                voice=self.name,
                reason_vi="chưa cài bộ máy Piper; hãy chạy: pip install -r requirements-piper.lock",
                reason_en="the engine Piper is not installed; run: pip install -r requirements-piper.lock",
            )
        try:
            key = (self.file.path.absolute(), stamp(self.file))
        except OSError as error:
            raise self._failed(str(error.strerror)) from error
        with _lock:
            if key not in _pools:
                command = [sys.executable, "-I", str(_SCRIPT), str(key[0]), str(DEADLINE_S)]
                _pools[key] = WorkerPool(lambda: Worker(command, self._failed), WORKERS_MOST, self.name, self.name)
            return _pools[key]

    def _failed(self, detail: str) -> VoiceFailed:
        log.warning("voice file can't be used", extra={"voice": self.name, "reason": detail})
        again = f"truyenthanh voices install {self.name}"
        return VoiceFailed(
            voice=self.name,
            reason_vi=f"tệp giọng {self.file.path.name} mất, hỏng hoặc bị cụt; hãy cài lại: {again}",
            reason_en=f"the voice file {self.file.path.name} is gone, damaged or cut short; install it again: {again}",
        )


def end_replaced(folder: Path, there: Iterable[VoiceFile]) -> None:
    """End the workers of files of the folder that aren't there any more as they were: each holds its file in memory."""
    stamps: set[_Stamp] = set()
    for file in there:
        with contextlib.suppress(OSError):
            stamps.add((file.path.absolute(), stamp(file)))
    with _lock:
        gone = [_pools.pop(key) for key in list(_pools) if key not in stamps and key[0].parent == folder.absolute()]
    for pool in gone:
        pool.end(for_good=True)


def end_workers() -> None:
    """End the processes that are idle."""
    with _lock:
        pools = list(_pools.values())
    for pool in pools:
        pool.end()


def _forget() -> None:
    """In a fork of this process: the workers belong to the other."""
    global _lock  # noqa: PLW0603 - a thread that isn't here any more may hold it
    _lock = threading.Lock()
    for pool in _pools.values():
        pool.forget()


atexit.register(end_workers)
os.register_at_fork(after_in_child=_forget)
