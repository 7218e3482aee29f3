"""An hour's MP3 as a recording: `python -m benchmarks.recordings`.

Speech of the offline voice, an hour of it at changing levels, is checked as an upload is, and mastered in both profiles
from the file. Each runs in a process of its own, whose peak of resident memory is read at its end; the decoder's
process is counted apart. Exits with 1 where a target is missed: 10 × real time for the checks and 30 × for the
mastering, 300 MB for both, and both renditions within −16 LUFS ± 0.5 and −1.5 dBTP.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from audio import reading
from audio.codec import SAMPLE_RATE
from audio.mastering import CEILING_DBTP, TARGET_LUFS, TOLERANCE_LU
from audio.profiles import Profile
from audio.recordings.analysis import analyse
from audio.recordings.decoding import Decoder
from audio.recordings.recipe import Cut, mastered
from audio.resampling import resample
from audio.voices.espeak import EspeakVoice
from benchmarks.speech import BULLETIN

SECONDS = 3600
SPEED_LEAST = {"checks": 10.0, "mastering": 30.0}
MEMORY_MOST_MB = 300.0
KBPS: dict[Profile, int] = {"full": 32, "horn": 24}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "hour.mp3")
        _write(path)
        print(f"{path.stat().st_size / 1e6:.0f} MB of MP3, {SECONDS / 60:.0f} minutes")
        print(f"{'':<10} {'wall s':>7} {'processor s':>12} {'× real time':>12} {'peak MB':>8} {'decoder MB':>11}")
        reached = True
        for work in ("checks", "mastering"):
            told = _in_a_process(work, path)
            speed = SECONDS / told["wall_s"]
            print(
                f"{work:<10} {told['wall_s']:>7.1f} {told['processor_s']:>12.1f} {speed:>12.1f} "
                f"{told['memory_mb']:>8.0f} {told['decoder_mb']:>11.0f}"
            )
            reached &= _reached(f"{work}, × real time", speed, least=SPEED_LEAST[work])
            reached &= _reached(f"{work}, memory, MB", told["memory_mb"], most=MEMORY_MOST_MB)
            for profile, (lufs, peak) in told["made"].items():
                reached &= _reached(f"{profile}, off the loudness, LU", abs(lufs - TARGET_LUFS), most=TOLERANCE_LU)
                reached &= _reached(f"{profile}, true peak, dBTP", peak, most=CEILING_DBTP)
    return 0 if reached else 1


def _reached(what: str, value: float, *, least: float = -np.inf, most: float = np.inf) -> bool:
    reached = least <= value <= most
    target = f"at most {most}" if np.isinf(least) else f"at least {least}"
    print(f"{what}: {value:.2f} ({target}) {'reached' if reached else 'MISSED'}")
    return bool(reached)


def _in_a_process(work: str, path: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.recordings", work, str(path)], check=True, capture_output=True, text=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _work(work: str, path: Path) -> int:
    began, made = time.perf_counter(), {}
    if work == "checks":
        with Decoder(path) as decoder:
            analyse(decoder)
    else:
        renditions = mastered([Cut(path, "mean", 0, SECONDS * 1000)], KBPS, folder=path.parent)
        made = {profile: (one.loudness_lufs, one.true_peak_dbtp) for profile, one in renditions.items()}
    wall = time.perf_counter() - began
    own, decoder_s = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {
        "wall_s": wall,
        "processor_s": own.ru_utime + own.ru_stime + decoder_s.ru_utime + decoder_s.ru_stime,
        "memory_mb": own.ru_maxrss * 1024 / 1e6,
        "decoder_mb": decoder_s.ru_maxrss * 1024 / 1e6,
        "made": made,
    }
    print(json.dumps(told))
    return 0


def _write(path: Path) -> None:
    """An hour of sentences that never come in the same order, from −12 to +3 dB, over a little noise."""
    chance = np.random.default_rng(3)
    voice = EspeakVoice()
    sentences = [_spoken(voice, line) for line in reading.read(BULLETIN).spoken.split(".") if line.strip()]
    with av.open(path, "w", format="mp3") as container:
        stream: Any = container.add_stream("libmp3lame", rate=SAMPLE_RATE)
        stream.layout, stream.bit_rate = "mono", 96_000
        left = SECONDS * SAMPLE_RATE
        while left:
            order = chance.permutation(len(sentences))
            sound = np.concatenate([sentences[n] * 10 ** (chance.uniform(-12, 3) / 20) for n in order])[:left]
            sound = np.clip(sound + 0.001 * chance.standard_normal(sound.size), -1, 1).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(sound[np.newaxis, :], format="fltp", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            container.mux(stream.encode(frame))
            left -= sound.size
        container.mux(stream.encode(None))


def _spoken(voice: EspeakVoice, text: str) -> NDArray[np.float32]:
    said = voice.say(text)
    samples = resample(said.samples, said.sample_rate)
    pause = np.zeros(SAMPLE_RATE // 3, np.float32)
    return np.concatenate([(0.6 * samples / np.abs(samples).max()).astype(np.float32), pause])


if __name__ == "__main__":
    sys.exit(_work(sys.argv[1], Path(sys.argv[2])) if len(sys.argv) == 3 else main())
