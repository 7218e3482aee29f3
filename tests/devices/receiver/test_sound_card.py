"""The real sound card's path, on PulseAudio's null sink where there is PulseAudio."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.clock import ManualClock, SystemClock
from devices.receiver.soundcard import SoundCardOutput, SoundCardUnavailable
from tests.devices.support import eventually

# In a process of its own: PortAudio looks for cards once, when it is loaded.
PLAY = """
import sys, threading
import numpy as np
from core.clock import SystemClock
from devices.receiver.mixer import Mixer, Performance
from devices.receiver.soundcard import SoundCardOutput
from devices.receiver.reel import ToneReel

clock = SystemClock()
output = SoundCardOutput(clock, device="pulse")
mixer, events, over = Mixer(), [], threading.Event()
reel = ToneReel("tone", 400)

def tell(event):
    events.append(event)
    if event.kind == "ended":
        over.set()

performance = Performance(reel, tell, fade_ms=50)
reel.start()
warm = threading.Event()
begun = clock.monotonic()

def render(frames, dac_ms):
    # A null sink asks for its first two seconds at once; a receiver's stream is always open, so it is long past that.
    if clock.monotonic() - begun > 3:
        warm.set()
    return mixer.render(frames, dac_ms)

output.start(render)
assert warm.wait(20), "the card asks for nothing"
start = clock.monotonic() * 1000 + 800
performance.place(start, (float("inf"), ""))
mixer.add(performance)
assert over.wait(10), "the tone never ended"
assert output.check() == ""
output.stop()
began = next(event for event in events if event.kind == "item-started")
ended = next(event for event in events if event.kind == "item-ended")
assert abs(began.mono_ms - start) <= 20, began.mono_ms - start
assert ended.whole and ended.frames == 19200, ended
print("played")
"""

# Plays noise with the loopback of the same sink listened to; prints what was heard.
HEAR = """
import threading
import numpy as np
from core.clock import SystemClock
from devices.receiver.hearing import Ear, SoundCardCapture
from devices.receiver.mixer import Mixer, Performance
from devices.receiver.reel import Reel, Source
from devices.receiver.soundcard import SoundCardOutput
from pathlib import Path

clock, ear, over, warm = SystemClock(), Ear(), threading.Event(), threading.Event()
output, capture, mixer = SoundCardOutput(clock, device="pulse"), SoundCardCapture(clock, device="pulse"), Mixer(ear)
reel = Reel([Source("noise", 3000, path=Path())])
reel._put(0, (0.1 * np.random.default_rng(1).normal(size=144000)).astype("float32"))
reel._all_read = True
events = []

def tell(event):
    events.append(event)
    if event.kind == "ended":
        over.set()

begun = clock.monotonic()

def render(frames, dac_ms):
    if clock.monotonic() - begun > 3:
        warm.set()
    return mixer.render(frames, dac_ms)

capture.start(ear.caught)
output.start(render)
assert warm.wait(20)
performance = Performance(reel, tell, fade_ms=50)
performance.place(clock.monotonic() * 1000 + 800, (float("inf"), ""))
mixer.add(performance)
assert over.wait(20)
began, ended = events[0], events[-1]
while clock.monotonic() * 1000 < ended.mono_ms:
    threading.Event().wait(0.05)
heard = ear.heard(began.mono_ms, ended.mono_ms)
capture.stop()
output.stop()
print(heard)
assert heard.proven and heard.match > 0.3 and abs(heard.dbfs + 26) < 6, heard
print("heard")
"""


@pytest.fixture
def pulse(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A PulseAudio of our own with a null sink; the environment in which it is found."""
    program = shutil.which("pulseaudio")
    if program is None:
        pytest.skip("pulseaudio is not installed: apt-get install pulseaudio libasound2-plugins")
    socket = tmp_path / "pulse.socket"
    environment = {
        **os.environ,
        "PULSE_SERVER": f"unix:{socket}",
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "PULSE_SOURCE": "horn.monitor",
    }
    process = subprocess.Popen(
        [
            program,
            "-n",
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--use-pid-file=no",
            "--disallow-exit=yes",
            "--load=module-null-sink sink_name=horn",
            f"--load=module-native-protocol-unix socket={socket} auth-anonymous=1",
        ],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            if socket.exists() or process.poll() is not None:
                break
            with_wait = subprocess.run(["sleep", "0.1"], check=False)
            assert with_wait.returncode == 0
        if not socket.exists():
            pytest.skip("pulseaudio doesn't start here")
        yield environment
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize(("program", "last"), [(PLAY, "played"), (HEAR, "heard")])
def test_a_sound_reaches_the_card_at_its_instant_and_its_loopback_hears_it(
    pulse: dict[str, str], program: str, last: str
) -> None:
    root = Path(__file__).parents[3]
    known = subprocess.run(
        [sys.executable, "-c", "import sounddevice; print([d['name'] for d in sounddevice.query_devices()])"],
        env=pulse,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "'pulse'" not in known.stdout:
        pytest.skip("PortAudio knows no way to PulseAudio: apt-get install libportaudio2 libasound2-plugins")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, env=pulse, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().endswith(last)


class Driver:
    """PortAudio as far as the output uses it; a test plays the card."""

    def __init__(self) -> None:
        self.streams: list[Driver.Stream] = []
        self.missing = False

    class Stream:
        latency = 0.05

        def __init__(self, callback: Any) -> None:
            self.callback = callback
            self.active = True
            self.closed = threading.Event()
            self.closing = threading.Event()
            self.closing.set()

        def start(self) -> None: ...

        def abort(self) -> None:
            self.closing.wait()
            self.closed.set()

        def close(self) -> None: ...

        def ask(self, dac_s: float) -> None:
            times = SimpleNamespace(currentTime=dac_s - 0.05, outputBufferDacTime=dac_s)
            self.callback(np.zeros((480, 1), dtype=np.float32), 480, times, None)

    def OutputStream(self, *, callback: Any, **_members: Any) -> Stream:  # noqa: N802 - PortAudio's name
        if self.missing:
            raise OSError("no such card")
        self.streams.append(Driver.Stream(callback))
        return self.streams[-1]


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    made = Driver()
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


def silence(frames: int, _at_ms: float) -> Any:
    return np.zeros(frames, dtype=np.float32)


def opened(driver: Driver, clock: ManualClock) -> SoundCardOutput:
    output = SoundCardOutput(clock)
    output.start(silence)
    driver.streams[0].ask(1.0)
    assert output.check() == ""
    return output


def later(clock: ManualClock, seconds: float) -> None:
    clock.advance(timedelta(seconds=seconds))


def test_a_card_that_asks_for_nothing_is_opened_again(driver: Driver) -> None:
    clock = ManualClock(datetime(2026, 7, 30, tzinfo=UTC))
    output = opened(driver, clock)
    later(clock, 2.9)
    assert output.check() == ""
    later(clock, 0.2)
    assert "no block was asked for" in output.check()
    eventually(lambda: output.reopened == 1)
    assert driver.streams[0].closed.is_set()
    assert output.check() == ""


def test_a_card_whose_time_stands_still_is_opened_again(driver: Driver) -> None:
    clock = ManualClock(datetime(2026, 7, 30, tzinfo=UTC))
    output = opened(driver, clock)
    for _ in range(31):
        later(clock, 0.1)
        driver.streams[0].ask(1.0)
    assert "stood still" in output.check()
    eventually(lambda: output.reopened == 1)
    driver.streams[1].ask(2.0)
    assert output.check() == ""


def test_a_card_that_has_gone_is_tried_again_until_it_is_back(driver: Driver) -> None:
    clock = ManualClock(datetime(2026, 7, 30, tzinfo=UTC))
    output = opened(driver, clock)
    driver.streams[0].active, driver.missing = False, True
    assert output.check() == "the stream has ended"
    eventually(lambda: "no such card" in output.check())
    driver.missing = False
    later(clock, 6)
    output.check()
    eventually(lambda: output.reopened == 1)


def test_a_driver_that_can_t_be_closed_needs_another_process(driver: Driver) -> None:
    clock = ManualClock(datetime(2026, 7, 30, tzinfo=UTC))
    output = opened(driver, clock)
    driver.streams[0].closing.clear()
    later(clock, 4)
    output.check()
    assert not output.hung
    later(clock, 21)
    assert "hangs" in output.check()
    assert output.hung
    driver.streams[0].closing.set()
    eventually(lambda: output.reopened == 1)


def test_a_card_that_is_not_there_is_named() -> None:
    output = SoundCardOutput(SystemClock(), device="no such card")
    with pytest.raises(SoundCardUnavailable, match="libportaudio2"):
        output.start(lambda _frames, _at: None)  # type: ignore[arg-type,return-value]
