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
import logging
import os
import sys
from importlib.metadata import version as _version
from pathlib import Path
from typing import Final

import espeakng_loader
import numpy as np

from audio.errors import VoiceFailed
from audio.voices import _espeak_worker as worker
from audio.voices.base import Sound
from audio.voices.workers import Worker, WorkerPool

log = logging.getLogger(__name__)

RATE_WPM: Final = 186  # of syllables; slower than the library's default of 260: tones need their time
WORKERS_MOST: Final = 2
DEADLINE_S: Final = 60.0  # the longest text that may be spoken takes about 5 s on an idle core

_SCRIPT = Path(worker.__file__)
# Imported, so that it is compiled once; behind everything else, as files beside it are called like standard ones.
_START: Final = "import sys; sys.path.append(sys.argv.pop(1)); __import__(sys.argv.pop(1)).run()"


class EspeakVoice:
    """Vietnamese by eSpeak NG. All voices of a process share its workers."""

    name = "espeak"
    outside = False
    spare = True

    @property
    def at_once(self) -> int:
        return min(WORKERS_MOST, len(os.sched_getaffinity(0)))  # another one would only have to be started

    def identity(self) -> str:
        return f"espeakng-loader {_version('espeakng-loader')} {worker.VOICE} {RATE_WPM}"

    def say(self, sentence: str, *, rate: int | None = None) -> Sound:
        rate_wpm = rate or RATE_WPM
        sample_rate, pcm = _workers.speak(sentence.replace("\0", " ").encode(), rate_wpm)
        samples = (np.frombuffer(pcm, dtype=np.int16) / np.float32(32768)).astype(np.float32)
        return Sound(samples, sample_rate, {"engine": "eSpeak NG", "voice": worker.VOICE, "rate_wpm": str(rate_wpm)})


class _Worker(Worker):
    """A process with the library in it."""

    def __init__(self) -> None:
        try:
            paths = [espeakng_loader.get_library_path(), espeakng_loader.get_data_path()]
        except (OSError, RuntimeError) as error:
            raise _failed(str(error)) from error
        # -I -S: no site-packages, which it doesn't need and which would take longer than everything else.
        start = [sys.executable, "-I", "-S", "-c", _START, str(_SCRIPT.parent), _SCRIPT.stem]
        super().__init__([*start, *paths, str(DEADLINE_S)], _failed)


class _Workers(WorkerPool):
    def __init__(self) -> None:
        # By the name of this module, so that it is looked up anew for each worker.
        super().__init__(lambda: _Worker(), WORKERS_MOST, "espeak", "eSpeak NG")  # noqa: PLW0108


def _failed(detail: str) -> VoiceFailed:
    log.warning("eSpeak NG failed", extra={"reason": detail})
    return VoiceFailed(
        voice="espeak",
        reason_vi="thư viện eSpeak NG không chạy được; hãy cài lại gói espeakng-loader",
        reason_en="the eSpeak NG library doesn't work; reinstall the package espeakng-loader",
    )


_workers = _Workers()


def end_workers() -> None:
    """End the processes that are idle; the next sentence starts others. At this process's end it comes by itself."""
    _workers.end()


atexit.register(end_workers)
os.register_at_fork(after_in_child=_workers.forget)
