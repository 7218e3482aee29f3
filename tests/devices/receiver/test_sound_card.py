"""The real sound card's path, on PulseAudio's null sink where there is PulseAudio."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.clock import SystemClock
from devices.receiver.outputs import SoundCardOutput, SoundCardUnavailable

# In a process of its own: PortAudio looks for cards once, when it is loaded.
PLAY = """
import sys, threading
import numpy as np
from core.clock import SystemClock
from devices.receiver.mixer import Mixer, Performance
from devices.receiver.outputs import SoundCardOutput
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


def test_a_tone_reaches_the_card_at_its_instant(pulse: dict[str, str]) -> None:
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
        [sys.executable, "-c", PLAY], cwd=root, env=pulse, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("played")


def test_a_card_that_is_not_there_is_named() -> None:
    output = SoundCardOutput(SystemClock(), device="no such card")
    with pytest.raises(SoundCardUnavailable, match="libportaudio2"):
        output.start(lambda _frames, _at: None)  # type: ignore[arg-type,return-value]
