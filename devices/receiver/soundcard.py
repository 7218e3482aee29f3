"""The machine's sound card through PortAudio, with a watchdog.

PortAudio says when a block reaches the DAC; that places the start. A driver can fail in two ways without a word: it
asks for no more blocks, or it asks and its time stands still. `check`, called each second, notices either after
`STUCK_MS`, and a stream that has ended at once. The stream is then closed and opened again on a thread of its own,
because closing a hung driver may itself never return; one that doesn't within `HUNG_MS` needs a new process (`hung`).

What wasn't asked for was not heard: the gap shows in the instants of the next blocks, and the mixer leaves out what
should have sounded in it.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from core.clock import Clock
from core.errors import TruyenThanhError
from devices.receiver.evidence import RATE
from devices.receiver.outputs import FRAMES_MS, Callback

log = logging.getLogger(__name__)

JUMP_MS = 30.0
SMOOTHING = 0.1
STUCK_MS = 3_000.0
HUNG_MS = 20_000.0
AGAIN_MS = 5_000.0  # between two attempts to open a card that isn't there


class SoundCardUnavailable(TruyenThanhError):
    slug = "sound-card-unavailable"
    status = 500
    vi = "Không mở được cạc âm thanh: {why}. Hãy kiểm tra cạc và gói libportaudio2, hoặc chọn --output wav:TỆP."
    en = "The sound card can't be opened: {why}. Check it and libportaudio2, or choose --output wav:FILE."


class SoundCardOutput:
    def __init__(self, clock: Clock, *, device: str | int | None = None, latency_ms: float = 150.0) -> None:
        self.ahead_ms = latency_ms
        self.underruns = 0
        self.reopened = 0
        self.hung = False
        self._clock = clock
        self._device = device
        self._latency_ms = latency_ms
        self._callback: Callback | None = None
        self._stream: Any = None
        self._expected_ms = 0.0  # when the next block reaches the DAC, going by the ones before
        self._called_ms = 0.0  # when a block was last asked for
        self._dac_s = 0.0  # the driver's own time of that block
        self._moved_ms = 0.0  # when that time last moved
        self._reopening: threading.Thread | None = None
        self._since_ms = 0.0
        self._wrong = ""

    def start(self, callback: Callback) -> None:
        self._callback = callback
        self._open()

    def stop(self) -> None:
        self._callback = None
        thread, stream = self._reopening, self._stream
        if thread is not None:
            thread.join(1.0)
        if stream is not None and not self.hung:
            self._stream = None
            stream.stop()
            stream.close()

    def check(self) -> str:
        now_ms = self._now_ms()
        if self._reopening is not None and self._reopening.is_alive():
            self.hung = now_ms - self._since_ms > HUNG_MS
            return "the driver hangs and can't be closed" if self.hung else self._wrong
        if self._callback is None:
            return ""
        wrong = self._what_is_wrong(now_ms)
        if not wrong:
            return ""
        if self._stream is None and now_ms - self._since_ms < AGAIN_MS:
            return self._wrong
        log.error("The sound card is opened again: %s", wrong)
        self._wrong, self._since_ms = wrong, now_ms
        self._reopening = threading.Thread(target=self._reopen, name="sound-card", daemon=True)
        self._reopening.start()
        return wrong

    def _what_is_wrong(self, now_ms: float) -> str:
        stream = self._stream
        if stream is None:
            return self._wrong or "the card has gone"
        if not stream.active:
            return "the stream has ended"
        if now_ms - self._called_ms > STUCK_MS:
            return f"no block was asked for in {now_ms - self._called_ms:.0f} ms"
        if now_ms - self._moved_ms > STUCK_MS:
            return f"the card's time has stood still for {now_ms - self._moved_ms:.0f} ms"
        return ""

    def _reopen(self) -> None:
        stream, self._stream = self._stream, None
        try:
            if stream is not None:
                stream.abort()
                stream.close()
        except Exception as error:  # noqa: BLE001 - of a stream that is broken anyway
            log.warning("Closing the sound card failed: %s", error)
        try:
            self._open()
        except SoundCardUnavailable as error:
            self._wrong = error.text("en")
        else:
            self.reopened += 1

    def _open(self) -> None:
        now_ms = self._now_ms()
        self._called_ms = self._moved_ms = now_ms
        try:
            import sounddevice  # noqa: PLC0415 - 20 MB that only a box with a card carries

            stream = sounddevice.OutputStream(
                samplerate=RATE,
                channels=1,
                dtype="float32",
                device=self._device,
                latency=self._latency_ms / 1000.0,
                callback=self._fill,
            )
            stream.start()
        except Exception as error:
            # PortAudio missing (OSError), no card or card busy (PortAudioError): all mean the same to who reads it.
            raise SoundCardUnavailable(why=str(error)) from error
        self._stream = stream
        self.ahead_ms = max(self._latency_ms, float(stream.latency) * 1000.0)

    def _fill(self, block: Any, frames: int, times: Any, status: Any) -> None:
        if status:
            self.underruns += 1
        now_ms = self._called_ms = self._now_ms()
        if times.outputBufferDacTime != self._dac_s or not times.outputBufferDacTime:
            self._dac_s, self._moved_ms = times.outputBufferDacTime, now_ms  # some drivers say 0, and are believed
        lead_ms = (times.outputBufferDacTime - times.currentTime) * 1000.0
        if not 0.0 < lead_ms < 10_000.0:
            lead_ms = self.ahead_ms  # a driver that doesn't say
        dac_ms = self._smooth(now_ms + lead_ms)
        self._expected_ms = dac_ms + frames / FRAMES_MS
        callback = self._callback
        block[:, 0] = 0.0 if callback is None else callback(frames, dac_ms)

    def _smooth(self, measured_ms: float) -> float:
        """Blocks follow one another without a gap, so what is measured of each mostly differs by jitter."""
        off_ms = measured_ms - self._expected_ms
        if abs(off_ms) > JUMP_MS:
            return measured_ms  # the first block, or one after an interruption
        return self._expected_ms + off_ms * SMOOTHING

    def _now_ms(self) -> float:
        return self._clock.monotonic() * 1000.0
