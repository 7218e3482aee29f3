"""Was it heard? What a loopback or a microphone caught, compared with what went to the loudspeaker.

Both are kept as tracks of the last seconds at 8 kHz, each sample at its instant of the monotonic clock: what was played
by when it left the sound card, what was caught by when it reached the converter. Window by window (4 s):

1. Both pieces, the caught one `LAG_MAX_MS` longer, are transformed (FFT) and kept between 300 and 3,400 Hz, which is
   what a horn carries.
2. Both are whitened: each frequency is divided by the mean magnitude around it (some 60 Hz). So two voices aren't taken
   for one another for having the same timbre, and a hum or a whistle has no more weight than any other frequency.
3. Their cross-correlation, over the energies of the two pieces, is largest at some lag. That value (0 to 1) is the
   *match*, that lag how much later it was heard than played: some milliseconds per metre, and the converter's buffers.

A window in which nothing was played says nothing and is left out. Of an item: the level is the mean energy of what was
caught (below 4 kHz), the match and the lag are medians over its windows, so that a passing lorry isn't the verdict. A
shorter item has one window of its own length, from one second on; because chance alone then makes larger values, its
match is taken times the root of its share of four seconds.

From `MATCH_LEAST` (0.14) on it counts as heard. Seen with speech: another text by the same voice 0.05, at most 0.11; a
loopback 1.0; with as loud a noise beside it 0.5, with one four times as strong 0.33; a room that reverberates for
1.5 s, without any direct sound, 0.16.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.clock import Clock
from devices.protocol.reports import MATCH_LEAST
from devices.receiver.evidence import RATE, SILENCE_DBFS, Samples

log = logging.getLogger(__name__)

FACTOR = 6
TRACK_RATE = RATE // FACTOR
TRACK_MS = TRACK_RATE / 1000.0
TRACK_S = 12
WINDOW_MS = 4_000.0
SHORTEST_MS = 1_000.0
LAG_MIN_MS, LAG_MAX_MS = -100.0, 900.0
SETTLED_MS = 300.0  # what was caught so long ago has surely been handed over
LOW_HZ, HIGH_HZ = 300.0, 3_400.0
SMOOTH_HZ = 60.0
JUMP_MS = 60.0
QUIET_DBFS = -70.0  # nothing to be heard
WINDOWS = 2_000  # of four seconds each: more than two hours

Spectrum = NDArray[np.complexfloating]


@dataclass(frozen=True, slots=True)
class Heard:
    """What was caught while something sounded."""

    dbfs: float
    match: float  # 0 to 1
    lag_ms: int

    @property
    def proven(self) -> bool:
        return self.match >= MATCH_LEAST


@dataclass(frozen=True, slots=True)
class _Window:
    from_ms: float
    until_ms: float
    power: float
    match: float
    lag_ms: float


class Track:
    """The last seconds of a sound at 8 kHz. Written by one thread, read by another, which may see it a little old."""

    def __init__(self) -> None:
        self._ring = np.zeros(TRACK_S * TRACK_RATE, dtype=np.float32)
        self._written = 0
        self._origin_ms = 0.0  # the instant of sample 0
        self._begins = 0  # the first sample that belongs to this origin
        self._rest = np.zeros(0, dtype=np.float32)
        self._lock = threading.Lock()  # held for microseconds, never over anything that waits

    def add(self, samples: Samples, at_ms: float) -> None:
        """What comes next; its first sample belongs to the instant `at_ms`."""
        joined = np.concatenate((self._rest, samples))
        at_ms -= len(self._rest) * 1000.0 / RATE
        whole = len(joined) // FACTOR * FACTOR
        self._rest = joined[whole:]
        coarse = joined[:whole].reshape(-1, FACTOR).mean(axis=1, dtype=np.float32)
        with self._lock:
            expected = self._origin_ms + self._written / TRACK_MS
            if self._written == 0 or abs(at_ms - expected) > JUMP_MS:
                self._origin_ms = at_ms - self._written / TRACK_MS
                self._begins = self._written
            else:
                # Instants of single blocks jitter; the two crystals differ a little, and that is followed.
                self._origin_ms += (at_ms - expected) * 0.02
            where = np.arange(self._written, self._written + len(coarse)) % len(self._ring)
            self._ring[where] = coarse
            self._written += len(coarse)

    def piece(self, from_ms: float, until_ms: float) -> Samples | None:
        """What belongs to this span; None where not all of it is there."""
        with self._lock:
            first = round((from_ms - self._origin_ms) * TRACK_MS)
            last = first + round((until_ms - from_ms) * TRACK_MS)
            if first < max(self._begins, self._written - len(self._ring)) or last > self._written:
                return None
            piece: Samples = self._ring[np.arange(first, last) % len(self._ring)]
            return piece


def compare(played: Samples, caught: Samples) -> tuple[float, int]:
    """The match and the place of `played` in the longer `caught`: how alike they are (0 to 1), from which sample on."""
    size = 1 << (len(caught) + len(played) - 1).bit_length()
    of_played, of_caught = _white(played, size), _white(caught, size)
    lags = len(caught) - len(played) + 1
    correlation = np.fft.irfft(of_caught * np.conj(of_played), size)[:lags]
    energies = np.fft.irfft(of_caught, size)[: len(caught)] ** 2
    sums = np.concatenate(([0.0], np.cumsum(energies)))
    under = sums[len(played) :] - sums[:lags]
    energy = float(np.sum(np.fft.irfft(of_played, size)[: len(played)] ** 2))
    scale = np.sqrt(np.maximum(energy * under, 1e-20))
    found = np.abs(correlation) / scale  # a loudspeaker that is wired the other way round is heard as well
    best = int(np.argmax(found))
    return min(1.0, float(found[best])), best


def _white(samples: Samples, size: int) -> Spectrum:
    spectrum = np.fft.rfft(samples, size)
    step_hz = TRACK_RATE / size
    width = max(3, round(SMOOTH_HZ / step_hz))
    magnitude = np.abs(spectrum)
    sums = np.concatenate(([0.0], np.cumsum(magnitude)))
    upper = np.minimum(np.arange(len(magnitude)) + width, len(magnitude))
    lower = np.maximum(np.arange(len(magnitude)) - width, 0)
    around = (sums[upper] - sums[lower]) / (upper - lower)
    spectrum /= np.maximum(around, 1e-9)
    spectrum[: int(LOW_HZ / step_hz)] = 0
    spectrum[int(HIGH_HZ / step_hz) :] = 0
    return spectrum


class Ear:
    """Compares as time passes. `played` is told by the sound output, `caught` by the capture, the rest by the agent."""

    def __init__(self) -> None:
        self._played, self._caught = Track(), Track()
        self._windows: deque[_Window] = deque(maxlen=WINDOWS)
        self._next_ms = 0.0

    def played(self, samples: Samples, at_ms: float) -> None:
        self._played.add(samples, at_ms)

    def caught(self, samples: Samples, at_ms: float) -> None:
        self._caught.add(samples, at_ms)

    def listen(self, now_ms: float) -> None:
        """Compare the windows that are complete; to be called once a second or so while something sounds."""
        settled_ms = now_ms - LAG_MAX_MS - SETTLED_MS
        self._next_ms = max(self._next_ms, settled_ms - 2 * WINDOW_MS)
        while self._next_ms + WINDOW_MS <= settled_ms:
            window = self._look(self._next_ms, self._next_ms + WINDOW_MS, LAG_MAX_MS)
            if window is not None:
                self._windows.append(window)
            self._next_ms += WINDOW_MS

    def heard(self, from_ms: float, until_ms: float) -> Heard | None:
        """What was caught between these instants; None where that can't be said: nothing was there, or too short."""
        windows = [held for held in self._windows if from_ms <= held.from_ms and held.until_ms <= until_ms]
        if not windows:
            lag_ms = min(LAG_MAX_MS, max(0.0, (until_ms - from_ms - SHORTEST_MS - SETTLED_MS)))
            last_ms = min(until_ms - lag_ms - SETTLED_MS, from_ms + WINDOW_MS)
            window = self._look(from_ms, last_ms, lag_ms) if last_ms - from_ms >= SHORTEST_MS else None
            windows = [window] if window is not None else []
        if not windows:
            return None
        power = float(np.mean([held.power for held in windows]))
        match = float(np.median([held.match for held in windows]))
        sure = [held.lag_ms for held in windows if held.match >= MATCH_LEAST] or [held.lag_ms for held in windows]
        return Heard(_dbfs(power), round(match, 2), round(float(np.median(sure))))

    def _look(self, from_ms: float, until_ms: float, lag_max_ms: float) -> _Window | None:
        played = self._played.piece(from_ms, until_ms)
        caught = self._caught.piece(from_ms + LAG_MIN_MS, until_ms + lag_max_ms)
        if played is None or caught is None or _dbfs(float(np.mean(played**2))) < QUIET_DBFS:
            return None
        match, place = compare(played, caught)
        match *= math.sqrt(min(1.0, (until_ms - from_ms) / WINDOW_MS))
        under = caught[place : place + len(played)]
        return _Window(from_ms, until_ms, float(np.mean(under**2)), match, LAG_MIN_MS + place / TRACK_MS)


def _dbfs(power: float) -> float:
    return round(max(SILENCE_DBFS, 10 * math.log10(power)), 1) if power > 0 else SILENCE_DBFS


class Capture(Protocol):
    """Where what is in the air comes from."""

    def start(self, caught: Callable[[Samples, float], None]) -> None:
        """Begin. Raises nothing: a microphone that isn't there only means that nothing is heard."""
        ...

    def stop(self) -> None: ...

    def check(self) -> str:
        """Called now and then: mends what it can; the empty string, or what is wrong."""
        ...


class SoundCardCapture:
    """A microphone or a loopback through PortAudio."""

    def __init__(self, clock: Clock, *, device: str | int | None = None) -> None:
        self._clock = clock
        self._device = device
        self._tell: Callable[[Samples, float], None] | None = None
        self._stream: Any = None
        self._called_ms = 0.0

    def start(self, caught: Callable[[Samples, float], None]) -> None:
        self._tell = caught
        self.check()

    def stop(self) -> None:
        self._tell = None
        self._close()

    def check(self) -> str:
        now_ms = self._clock.monotonic() * 1000.0
        if self._stream is not None and now_ms - self._called_ms < 10_000.0:
            return ""
        self._close()
        self._called_ms = now_ms
        try:
            import sounddevice  # noqa: PLC0415 - as the sound card's output

            self._stream = sounddevice.InputStream(
                samplerate=RATE, channels=1, dtype="float32", device=self._device, latency="high", callback=self._take
            )
            self._stream.start()
        except Exception as error:  # noqa: BLE001 - whatever keeps it from opening is told in the same way
            self._close()
            return f"microphone: {error}"
        return ""

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.abort()
            stream.close()

    def _take(self, block: Any, frames: int, times: Any, status: Any) -> None:
        del status
        now_ms = self._called_ms = self._clock.monotonic() * 1000.0
        behind_ms = (times.currentTime - times.inputBufferAdcTime) * 1000.0
        if not 0.0 < behind_ms < 10_000.0:
            behind_ms = frames * 1000.0 / RATE  # a driver that doesn't say
        tell = self._tell
        if tell is not None:
            tell(block[:, 0].copy(), now_ms - behind_ms)
