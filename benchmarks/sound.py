"""Real sound: how exactly do receivers begin? `python -m benchmarks.sound [--starts 20]`

Needs PulseAudio, PortAudio and ALSA's plug-in for it. A PulseAudio of its own has a null sink, into which two
receivers' players, processes of their own with real sound outputs, play at the same instants: each a noise of its own,
so that both can be told apart in one recording of the sink's monitor by `parec`. Where each noise stands is found by
cross-correlation, to a fraction of a sample. Prints the standard deviation of the start error (against the instants
that were asked for, the beginning of the recording apart), how far apart the two receivers are, nothing taken off, and
the processor time of a player. Ends with 1 where the deviation or the 99th percentile of the distance is above 1 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from devices.receiver.evidence import Samples

RATE = 48_000
EVERY_MS = 1_000
LIMIT_MS = 1.0
SEEDS = (7, 8)
# A receiver's player without its network: it is told the instants of the monotonic clock at which to begin.
PLAYER = """
import resource, sys, threading
import numpy as np
from pathlib import Path
from core.clock import SystemClock
from devices.receiver.mixer import Mixer, Performance
from devices.receiver.reel import Reel, Source
from devices.receiver.soundcard import SoundCardOutput

first, count, every = float(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
clock, mixer = SystemClock(), Mixer()
output = SoundCardOutput(clock, device="pulse")
output.start(mixer.render)
click = np.zeros(9600, dtype="float32")
click[:2400] = 0.3 * np.random.default_rng(int(sys.argv[4])).normal(size=2400)
click = np.clip(click, -1, 1)
for n in range(count):
    reel = Reel([Source("click", 200, path=Path())])
    reel._put(0, click)
    reel._all_read = True
    performance = Performance(reel, lambda _event: None, fade_ms=50)
    performance.place(first + n * every, (float("inf"), ""))
    mixer.add(performance)
while clock.monotonic() * 1000 < first + count * every + 500:
    threading.Event().wait(0.2)
output.stop()
print(resource.getrusage(resource.RUSAGE_SELF).ru_utime + resource.getrusage(resource.RUSAGE_SELF).ru_stime)
"""


@contextmanager
def pulse(folder: Path) -> Iterator[dict[str, str]]:
    """A PulseAudio with a null sink."""
    socket = folder / "pulse.socket"
    environment = {**os.environ, "PULSE_SERVER": f"unix:{socket}", "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    sink = f"--load=module-null-sink sink_name=horn rate={RATE}"
    command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disallow-exit=yes"]
    command += [sink, f"--load=module-native-protocol-unix socket={socket} auth-anonymous=1"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not socket.exists():
            assert process.poll() is None, "pulseaudio doesn't start here"
            time.sleep(0.05)
        yield environment
    finally:
        process.terminate()
        process.wait(10)


def places(samples: Samples, seed: int, count: int) -> Samples:
    """Where each click begins in a recording, in milliseconds, to a fraction of a sample."""
    click = np.clip(0.3 * np.random.default_rng(seed).normal(size=2400), -1, 1).astype(np.float32)
    size = 1 << (len(samples) + len(click)).bit_length()
    found = np.abs(np.fft.irfft(np.fft.rfft(samples, size) * np.conj(np.fft.rfft(click, size)), size))[: len(samples)]
    at = []
    for _ in range(count):
        best = int(np.argmax(found))
        left, middle, right = found[best - 1 : best + 2]
        at.append(best + 0.5 * (left - right) / (left - 2 * middle + right))
        found[max(0, best - RATE // 4) : best + RATE // 4] = 0
    return (np.sort(np.array(at)) * 1000 / RATE).astype(np.float32)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, pulse(Path(name)) as environment:
        folder = Path(name)
        recording = folder / "horn.raw"
        command = ["parec", "--device=horn.monitor", "--format=float32le", f"--rate={RATE}", "--channels=1"]
        with recording.open("wb") as file:
            recorder = subprocess.Popen([*command, "--latency-msec=20"], env=environment, stdout=file)
            first_ms = time.monotonic() * 1000 + 6_000  # a null sink asks for its first two seconds at once
            arguments = [str(first_ms), str(options.starts), str(EVERY_MS)]
            players = [
                subprocess.Popen(
                    [sys.executable, "-c", PLAYER, *arguments, str(seed)],
                    env=environment,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                for seed in SEEDS
            ]
            spent = [float(player.communicate(timeout=120)[0].strip()) for player in players]
            recorder.terminate()
            recorder.wait(10)
        samples = np.frombuffer(recording.read_bytes(), dtype=np.float32)
        one, two = (places(samples, seed, options.starts) for seed in SEEDS)
    asked = np.arange(options.starts) * EVERY_MS
    errors = [place - asked for place in (one, two)]
    apart = np.abs(one - two)
    found = {
        "starts": options.starts,
        "start_error_sd_ms": round(float(max(np.std(error) for error in errors)), 3),
        "apart_mean_ms": round(float(np.mean(apart)), 3),
        "apart_p99_ms": round(float(np.percentile(apart, 99)), 3),
        "player_cpu_s": [round(seconds, 2) for seconds in spent],
    }
    print(json.dumps(found))
    return 0 if found["start_error_sd_ms"] <= LIMIT_MS and found["apart_p99_ms"] <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
