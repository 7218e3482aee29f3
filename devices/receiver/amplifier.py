"""The amplifier's switch: on a moment before something sounds, off when nothing does.

An amplifier that is always on hums, uses power, and gives whoever drives its other input a voice. So it is on only
while the receiver plays: from `LEAD_MS` before the first sample (relays click, valves and class-D stages settle) until
`IDLE_S` after the last, so that it doesn't click between two programmes.

| switch | what is done |
|---|---|
| `sysfs:FILE` | `1` or `0` is written to the file, such as `/sys/class/gpio/gpio17/value` |
| `gpio:CHIP/LINE` | `gpioset` of libgpiod holds the line at 1; off is when it is ended |
| `exec:PROGRAM` | the program is run with `on` or `off` and must end with 0 within ten seconds |

Switching happens on a thread of its own. A switch that fails is tried again, and told as an alarm; what is to sound
sounds all the same, for the amplifier may be on.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from core.errors import TruyenThanhError

log = logging.getLogger(__name__)

LEAD_MS = 1_500.0
IDLE_S = 20.0
RETRY_S = 5.0
DEADLINE_S = 10.0
NEVER = float("inf")

Switch = Callable[[bool], None]  # raises OSError or subprocess.SubprocessError


class SwitchUnknown(TruyenThanhError):
    slug = "switch-unknown"
    status = 422
    vi = "Không hiểu công tắc tăng âm “{text}”. Hãy ghi sysfs:TỆP, gpio:CHIP/ĐƯỜNG hoặc exec:CHƯƠNG-TRÌNH."
    en = "The amplifier switch “{text}” isn't understood. Write sysfs:FILE, gpio:CHIP/LINE or exec:PROGRAM."


def switch_of(text: str) -> Switch:
    """The switch that a text names. Raises `SwitchUnknown`."""
    kind, _, rest = text.partition(":")
    if kind == "sysfs" and rest.startswith("/"):
        return lambda on: _write(Path(rest), on=on)
    if kind == "exec" and shutil.which(rest):
        return lambda on: _run(rest, on=on)
    chip, _, line = rest.rpartition("/")
    if kind == "gpio" and chip and line.isdecimal():
        return _Line(chip, int(line))
    raise SwitchUnknown(text=text)


def _write(path: Path, *, on: bool) -> None:
    path.write_text("1\n" if on else "0\n")


def _run(program: str, *, on: bool) -> None:
    subprocess.run([program, "on" if on else "off"], check=True, timeout=DEADLINE_S, capture_output=True)  # noqa: S603


class _Line:
    """A line of a GPIO chip, at 1 for as long as `gpioset` runs."""

    def __init__(self, chip: str, line: int) -> None:
        self._chip, self._line = chip, line
        self._holding: subprocess.Popen[bytes] | None = None

    def __call__(self, on: bool) -> None:  # noqa: FBT001 - as every switch
        holding, self._holding = self._holding, None
        if holding is not None:
            holding.terminate()
            holding.wait(DEADLINE_S)
        if on:
            self._holding = self._hold()

    def _hold(self) -> subprocess.Popen[bytes]:
        told = subprocess.run(["gpioset", "--version"], check=True, timeout=DEADLINE_S, capture_output=True)  # noqa: S607
        old = b" v1." in told.stdout
        where = ["--mode=signal", self._chip] if old else ["--chip", self._chip]
        held = subprocess.Popen(  # noqa: S603
            ["gpioset", *where, f"{self._line}=1"],  # noqa: S607
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise OSError(f"gpioset ended with {held.wait(0.3)}")
        return held


class Amplifier:
    """Used by the working thread; `switch` None: there is none, and nothing waits for it."""

    def __init__(self, switch: Switch | None, failed: Callable[[str], None] = lambda _why: None) -> None:
        self._switch = switch
        self._failed = failed
        self._wanted: bool | None = None  # as it was last told
        self._idle_since_s: float | None = None
        self._retry_s = NEVER
        self._orders: queue.SimpleQueue[bool | None] = queue.SimpleQueue()
        self._wrong = ""  # written by the switching thread
        self._thread: threading.Thread | None = None

    @property
    def lead_ms(self) -> float:
        """How long before a sound it must be told: nothing while it is on."""
        return LEAD_MS if self._switch is not None and not self._wanted else 0.0

    def tick(self, now_s: float, in_ms: float) -> float:
        """`in_ms`: until the next sound (0: it sounds; infinite: none is settled). When to be called again, seconds."""
        if self._switch is None:
            return NEVER
        self._look_after(now_s)
        if in_ms <= LEAD_MS:
            self._idle_since_s = None
            self._tell(on=True)
            return self._retry_s - now_s
        if self._wanted is None:
            self._tell(on=False)  # whatever it was before this start
        if self._wanted:
            self._idle_since_s = now_s if self._idle_since_s is None else self._idle_since_s
            if now_s - self._idle_since_s < IDLE_S:
                return min(in_ms / 1000.0, IDLE_S - (now_s - self._idle_since_s))
            self._tell(on=False)
        return (in_ms - LEAD_MS) / 1000.0

    def stop(self) -> None:
        """Off, and no more."""
        if self._switch is not None:
            self._tell(on=False)
            self._orders.put(None)
            if self._thread is not None:
                self._thread.join(DEADLINE_S)

    def _tell(self, *, on: bool) -> None:
        if self._wanted == on:
            return
        self._wanted = on
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="amplifier", daemon=True)
            self._thread.start()
        self._orders.put(on)

    def _look_after(self, now_s: float) -> None:
        if self._wrong and self._retry_s == NEVER:
            self._failed(self._wrong)
            self._retry_s = now_s + RETRY_S
        if now_s >= self._retry_s and self._wanted is not None:
            self._retry_s, self._wrong = NEVER, ""
            self._orders.put(self._wanted)

    def _run(self) -> None:
        switch = self._switch
        while switch is not None and (on := self._orders.get()) is not None:
            try:
                switch(on)
            except (OSError, subprocess.SubprocessError) as error:
                log.warning("The amplifier's switch failed: %s", error)
                self._wrong = f"{'on' if on else 'off'}: {error}"[:300]
