"""Where the sound goes. Each output is driven like a sound card: it asks for blocks of samples, a little ahead of
when they sound, and says for each at which instant of the monotonic clock its first sample sounds.

`WavOutput` is a sound card without a loudspeaker: a file that holds, sample for sample in real time, what would have
sounded from start to stop, silence included. A card that isn't served in time plays silence and counts an underrun. The
card in software is served late whenever the machine is short of processors, which says nothing about a loudspeaker;
so it makes good what it was late with, up to `CATCH_UP_MS`, and only beyond that is it as strict as a real one.
"""

from __future__ import annotations

import logging
import struct
import threading
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Protocol

import numpy as np

from core.clock import Clock
from devices.receiver.evidence import RATE, Samples

log = logging.getLogger(__name__)

Callback = Callable[[int, float], Samples]  # (frames, monotonic ms of the first one) -> mono float32

FRAMES_MS = RATE / 1000.0
AHEAD_MS = 250.0  # what a thread that is kept waiting may be late without being heard
PERIOD_S = 0.05
CATCH_UP_MS = 2_000.0  # a reel holds four seconds, and commands are obeyed within less than that
BLOCK = 4_800
WAV_BYTES_MAX = 4_000_000_000  # a WAV file counts its bytes in 32 bits


class Output(Protocol):
    """Something that sounds. `ahead_ms` is how long before it sounds a block is asked for."""

    ahead_ms: float
    underruns: int
    hung: bool  # nothing but another process can mend it

    def start(self, callback: Callback) -> None:
        """Begin to sound. The callback must never wait. Raises what keeps it from it."""
        ...

    def stop(self) -> None:
        """Cease; when it returns the callback is called no more."""
        ...

    def check(self) -> str:
        """Called each second: mends what it can; the empty string, or what is wrong."""
        ...


class _Ticker:
    """One thread that serves all virtual outputs of a process, so that hundreds of them are no burden."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._served: tuple[VirtualOutput, ...] = ()
        self._ending: threading.Event | None = None

    def serve(self, output: VirtualOutput) -> None:
        with self._lock:
            self._served = (*self._served, output)
            if self._ending is None:
                self._ending = threading.Event()
                threading.Thread(target=self._run, args=(self._ending,), name="sound", daemon=True).start()

    def leave(self, output: VirtualOutput) -> None:
        """It is served no more once its own lock is free; the thread ends with the last one."""
        with self._lock:
            self._served = tuple(held for held in self._served if held is not output)
            if not self._served and self._ending is not None:
                self._ending.set()
                self._ending = None

    def _run(self, ending: threading.Event) -> None:
        while not ending.wait(PERIOD_S):
            for output in self._served:
                try:
                    output.advance()
                except Exception:
                    log.exception("A sound output failed for a moment")


_ticker = _Ticker()


class VirtualOutput:
    """A sound card in software: the machine's monotonic clock is its sample clock.

    Nobody hears it, so a block asked for after its time is still what sounded then: it is asked for under the very
    instant at which it was due, block after block, and nothing is left out or moved. What was decided in between
    holds: a stop or a cut has its instant too, and is in force for every sample after it. `caught_up` counts how
    often that was needed. Beyond `CATCH_UP_MS` the gap is silence and an underrun, as on a card; so it is while the
    machine sleeps. `SoundCardOutput` has no such grace: what its card wasn't given, nobody heard.
    """

    hung = False

    def __init__(self, clock: Clock, *, ahead_ms: float = AHEAD_MS) -> None:
        self.ahead_ms = ahead_ms
        self.underruns = 0
        self.caught_up = 0
        self._clock = clock
        self._callback: Callback | None = None
        self._started_ms = 0.0
        self._frames = 0  # asked for, or passed over, since the start
        self._advancing = threading.Lock()

    def start(self, callback: Callback) -> None:
        self.open(callback)
        _ticker.serve(self)

    def open(self, callback: Callback) -> None:
        """Begin without a thread: whoever opened it calls `advance`."""
        self._callback = callback
        self._frames = 0
        self._begin()
        self._started_ms = self._clock.monotonic() * 1000.0
        self.advance()

    def stop(self) -> None:
        _ticker.leave(self)
        with self._advancing:
            if self._callback is not None:
                self._catch_up(self._callback)  # what was due by now belongs to the recording
                self._callback = None
                self._end(self._due())

    def check(self) -> str:
        return ""

    def advance(self) -> None:
        """Ask for what must be ready now."""
        with self._advancing:
            if self._callback is not None:
                self._catch_up(self._callback)

    def _catch_up(self, callback: Callback) -> None:
        due = self._due()
        if due - self._frames > CATCH_UP_MS * FRAMES_MS:
            self.underruns += self._frames > 0
            while self._frames < due:
                self._give(np.zeros(min(due - self._frames, RATE), dtype=np.float32))
        self.caught_up += 0 < self._frames < due
        target = due + int(self.ahead_ms * FRAMES_MS)
        while self._frames < target:
            wanted = min(BLOCK, target - self._frames)
            self._give(callback(wanted, self._started_ms + self._frames / FRAMES_MS))

    def _due(self) -> int:
        """How many frames must have sounded by now."""
        return int((self._clock.monotonic() * 1000.0 - self._started_ms) * FRAMES_MS + 1e-3)

    def _give(self, samples: Samples) -> None:
        self._frames += len(samples)
        self._write(samples)

    def _begin(self) -> None:
        """The first sample sounds now."""

    def _write(self, samples: Samples) -> None:
        """These samples come next."""

    def _end(self, frames: int) -> None:
        """So many frames have sounded; what was written beyond them has not."""


class NullOutput(VirtualOutput):
    """Sounds nowhere, in real time."""


class WavOutput(VirtualOutput):
    """Writes what would sound to a WAV file, 48 kHz, mono, 16 bits.

    A file that is there already is left alone: the recording goes beside it, numbered (`path` says where). The header
    is kept right while the file grows, so that it can be read after a crash. Where the disk is full the recording ends
    with what it holds, which is said once, and the card goes on without it.
    """

    def __init__(self, path: Path, clock: Clock, *, ahead_ms: float = AHEAD_MS) -> None:
        super().__init__(clock, ahead_ms=ahead_ms)
        self.path = path
        self._named = path
        self._file: FileIO | None = None
        self._written = 0  # frames in this file
        self._before = 0  # frames in the files before it
        self._stated = 0

    def _begin(self) -> None:
        self._before = 0
        self._open_next()

    def _open_next(self) -> None:
        self._named.parent.mkdir(parents=True, exist_ok=True)
        path, number = self._named, 1
        while path.exists():
            number += 1
            path = self._named.with_name(f"{self._named.stem}-{number}{self._named.suffix}")
        self.path = path
        self._file = path.open("w+b", buffering=0)  # a full disk is told at once, not at closing
        self._written = 0
        self._state_length()
        self._file.seek(44)

    def _write(self, samples: Samples) -> None:
        if self._file is None:
            return
        data = np.round(samples * 32767.0).astype("<i2").tobytes()
        try:
            self._written += self._file.write(data) // 2
            if 44 + 2 * self._written < WAV_BYTES_MAX:
                if self._written - self._stated >= RATE:
                    self._state_length()
            else:
                full, self._file = self._file, None
                self._before += self._written
                full.close()
                self._open_next()
        except OSError as error:
            log.error("The recording ends here", extra={"path": str(self.path), "error": error.strerror})  # noqa: TRY400
            self._end(self._before + self._written)

    def _end(self, frames: int) -> None:
        file, self._file = self._file, None
        if file is not None:
            self._written = min(self._written, max(0, frames - self._before))
            file.truncate(44 + 2 * self._written)
            self._file = file
            self._state_length()
            self._file = None
            file.close()

    def _state_length(self) -> None:
        """Write the header for what is there, and go on at the end."""
        if self._file is None:
            return
        size = 2 * self._written
        header = struct.pack(
            "<4sI4s4sIHHIIHH4sI",
            b"RIFF",
            36 + size,
            b"WAVE",
            b"fmt ",
            16,
            1,
            1,
            RATE,
            2 * RATE,
            2,
            16,
            b"data",
            size,
        )
        self._file.seek(0)
        self._file.write(header)
        self._file.seek(0, 2)
        self._file.flush()
        self._stated = self._written
