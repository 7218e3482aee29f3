"""Fills the sound card's blocks. Runs on the output's thread and must never wait: no locks, no files, no logging
in the ordinary way of things. What it sees goes out as events, told by the monotonic instant at which it *sounds*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from devices.receiver.evidence import RATE, Level, Samples
from devices.receiver.hearing import Ear
from devices.receiver.reel import Reel

FRAMES_MS = RATE / 1000.0
NEVER = float("inf")
LOST_MS = 60.0  # a gap between two blocks from which on the card has left something out

EventKind = Literal["item-started", "item-ended", "ended"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that sounds, or ceases to, at `mono_ms`. `whole`: the item was played to its last sample."""

    performance: Performance
    kind: EventKind
    mono_ms: float
    index: int = -1
    frames: int = 0
    dbfs: float | None = None
    whole: bool = False
    reason: str = ""  # why it was cut


class Performance:
    """One reel on its way out. The working thread sets where it starts, is cut, and how loud; the mixer the rest.

    It can be cut, and later placed again, where it goes on from the sample at which it was cut.

    Where the sound card leaves a gap (it hung, and was opened again), what should have sounded meanwhile is left out,
    so that the rest stays at its instants and beside the neighbouring loudspeakers; items that lost something say so.
    """

    def __init__(self, reel: Reel, tell: Callable[[Event], None], *, fade_ms: float) -> None:
        self.reel = reel
        self.start_ms = NEVER  # monotonic, as everything here
        self.cut: tuple[float, str] = (NEVER, "")  # when, and why
        self.gain = 1.0
        self.begun = False  # has a sample sounded?
        self.running = False  # is it placed, and not cut or ended?
        self.starved_frames = 0
        self.lost_frames = 0  # what the card left out
        self._behind = 0  # of it, what still has to be taken from the reel
        self._lossy = False  # has the item that sounds lost something?
        self._next_ms = 0.0  # when the next block should sound; 0: there was none since it was placed
        self.seen_ms = NEVER  # when the last block was asked for sounds
        self.head_ms = 0.0  # up to here it has been rendered
        self.last_ms = 0.0  # the end of the last sample that sounded
        self.index = -1  # of the item that was rendered last
        self.level = Level()  # of that item
        self._tell = tell
        self._fade_ms = fade_ms
        self._gain_now: float | None = None
        # The span of the fade that leads to the cut, and why; once it has begun it is final.
        self._fading: tuple[float, float, str] | None = None

    def place(self, start_ms: float, cut: tuple[float, str]) -> None:
        """Have it sound from this instant on (again)."""
        self.start_ms, self.cut = start_ms, cut
        self.seen_ms = start_ms
        self._fading = None
        self._next_ms = 0.0
        if self.begun:
            self._gain_now = 0.0  # it goes on softly
        self.running = True

    def stop(self, now_ms: float, reason: str) -> None:
        """Fade out as soon as the output's buffer lets it."""
        self.cut = (now_ms, reason)

    def render(self, block: Samples, dac_ms: float) -> None:
        """Add what sounds to a block whose first sample sounds at `dac_ms`."""
        frames = len(block)
        self.seen_ms = max(self.seen_ms, dac_ms)
        offset = max(0, round((self.start_ms - dac_ms) * FRAMES_MS))
        if offset >= frames:
            cut_ms, reason = self.cut
            if cut_ms <= self.start_ms and cut_ms <= dac_ms:
                self._fading = (dac_ms, dac_ms, reason)
                self._end(dac_ms, whole=False)  # cut before it began
            return
        end = self._cut_at(dac_ms, frames)
        position = offset
        self._leave_out(dac_ms, frames)
        if position < end and not self._behind:
            for index, samples in self.reel.take(end - position):
                self._add(block, position, index, samples, dac_ms)
                position += len(samples)
        self.head_ms = dac_ms + position / FRAMES_MS
        if self.reel.ended:
            self._end(self.head_ms, whole=True)
        elif end < frames or (self._fading is not None and dac_ms + frames / FRAMES_MS >= self._fading[1]):
            self._end(dac_ms + max(offset, end) / FRAMES_MS, whole=False)
        elif position < end:
            self.starved_frames += end - position  # the reader is behind: silence, and on from the same sample

    def _leave_out(self, dac_ms: float, frames: int) -> None:
        """Drop what should have sounded in a gap before this block, and within it where the reader isn't so far."""
        gap_ms = dac_ms - self._next_ms
        if self.begun and self._next_ms and gap_ms > LOST_MS:
            self._behind += round(gap_ms * FRAMES_MS)
        self._next_ms = dac_ms + frames / FRAMES_MS
        if not self._behind:
            return
        for index, samples in self.reel.take(self._behind):
            self._behind -= len(samples)
            self.lost_frames += len(samples)
            if index != self.index:
                self._open_item(index, dac_ms)
            self._lossy = True
        self._behind += frames if self._behind else 0

    def _cut_at(self, dac_ms: float, frames: int) -> int:
        """How many frames of this block may sound, settling the fade once it has to begin."""
        cut_ms, reason = self.cut
        if self._fading is None and cut_ms - self._fade_ms < dac_ms + frames / FRAMES_MS:
            begin = max(cut_ms - self._fade_ms, dac_ms)
            # Told too late for a whole fade: it begins with this block and is whole all the same.
            self._fading = (begin, max(cut_ms, begin + (self._fade_ms if self.begun else 0.0)), reason)
        if self._fading is None:
            return frames
        return min(frames, max(0, round((self._fading[1] - dac_ms) * FRAMES_MS)))

    def _add(self, block: Samples, position: int, index: int, samples: Samples, dac_ms: float) -> None:
        at_ms = dac_ms + position / FRAMES_MS
        if index != self.index:
            self._open_item(index, at_ms)
        if index in self.reel.failed:
            return  # the planned time of what isn't there
        self.begun = True
        sounded = self._shaped(samples, at_ms)
        self.level.add(sounded)
        block[position : position + len(sounded)] += sounded
        self.last_ms = at_ms + len(sounded) / FRAMES_MS

    def _open_item(self, index: int, at_ms: float) -> None:
        self._close_item()
        self.index, self.level, self._lossy = index, Level(), False
        if index not in self.reel.failed:
            self._tell(Event(self, "item-started", at_ms, index))

    def _shaped(self, samples: Samples, at_ms: float) -> Samples:
        """With the volume, moved to a new one within these samples, and the fade."""
        before = self.gain if self._gain_now is None else self._gain_now
        self._gain_now = self.gain
        shaped: Samples
        if before == self.gain:
            shaped = samples * np.float32(self.gain)
        else:
            shaped = samples * np.linspace(before, self.gain, len(samples), dtype=np.float32)
        if self._fading is not None:
            begin, end, _ = self._fading
            times = at_ms + np.arange(len(samples), dtype=np.float64) / FRAMES_MS
            fade = np.clip((end - times) / max(end - begin, 1e-6), 0.0, 1.0)
            shaped = shaped * fade.astype(np.float32)
        return shaped

    def _close_item(self) -> None:
        if self.index >= 0 and self.index not in self.reel.failed:
            whole = self.index not in self.reel.broken and not self._lossy
            reason = "output-lost" if self._lossy else ""
            level = self.level
            self._tell(Event(self, "item-ended", self.last_ms, self.index, level.frames, level.dbfs, whole, reason))

    def _end(self, at_ms: float, *, whole: bool) -> None:
        """Ended, or cut: an item that was cut stays open, for it may go on later."""
        self.running = False
        self.head_ms = at_ms
        if whole:
            self._close_item()
        reason = "" if whole or self._fading is None else self._fading[2]
        self._tell(Event(self, "ended", at_ms, self.index, self.level.frames, self.level.dbfs, whole, reason))


class Mixer:
    """All that sounds, added up. `render` is the output's callback."""

    def __init__(self, ear: Ear | None = None) -> None:
        self._performances: tuple[Performance, ...] = ()  # replaced whole, so that the callback needs no lock
        self.ear: Ear | None = ear  # is told what sounds
        self.failures = 0

    def add(self, performance: Performance) -> None:
        self._performances = (*self._performances, performance)

    def remove(self, performance: Performance) -> None:
        performance.running = False
        self._performances = tuple(held for held in self._performances if held is not performance)

    def render(self, frames: int, dac_ms: float) -> Samples:
        """The next `frames` samples, mono, 48 kHz; the first one sounds at the monotonic instant `dac_ms`."""
        block = np.zeros(frames, dtype=np.float32)
        performances = self._performances
        for performance in performances:
            if performance.running:
                try:
                    performance.render(block, dac_ms)
                except Exception:  # noqa: BLE001 - whatever it is, the sound card must get its samples
                    self.failures += 1
        if performances:
            np.clip(block, -1.0, 1.0, out=block)
            if self.ear is not None:
                self.ear.played(block, dac_ms)
        return block
