"""`python -m devices.receiver`: the agent as a program of its own, as it runs on a box.

It ends cleanly at SIGTERM and SIGINT. When a command asks for a restart it ends and begins again in its place.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path

from core.clock import SystemClock
from core.errors import TruyenThanhError
from devices.receiver import launch
from devices.receiver.agent import Agent
from devices.receiver.amplifier import switch_of
from devices.receiver.connection import mqtt_link
from devices.receiver.hearing import Capture, SoundCardCapture
from devices.receiver.identity import Identity
from devices.receiver.outputs import NullOutput, Output, WavOutput
from devices.receiver.soundcard import SoundCardOutput

LOG_BYTES, LOG_FILES = 1_000_000, 4


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devices.receiver", description="Bộ thu phát thanh / receiver")
    parser.add_argument("--identity", type=Path, required=True, help="tệp danh định / identity file from enrolment")
    parser.add_argument("--dir", type=Path, required=True, help="thư mục dữ liệu / folder of plan, audio and records")
    parser.add_argument("--output", default="sound", help="sound | sound:DEVICE | wav:FILE | null")
    parser.add_argument("--listen", default="", help="sound[:DEVICE]: micro hoặc loopback / microphone or loopback")
    parser.add_argument("--amplifier", default="", help="sysfs:FILE | gpio:CHIP/LINE | exec:PROGRAM: công tắc tăng âm")
    parser.add_argument("--log-file", type=Path, help="tệp nhật ký, tối đa 4 × 1 MB / rotating, at most 4 x 1 MB")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    return parser.parse_args(arguments)


def output_of(text: str) -> Output:
    """The output that the command line names. Raises `SystemExit` for one that doesn't exist."""
    kind, _, rest = text.partition(":")
    clock = SystemClock()
    if kind == "wav" and rest:
        return WavOutput(Path(rest), clock)
    if text == "null":
        return NullOutput(clock)
    if kind == "sound":
        return SoundCardOutput(clock, device=_device(rest))
    raise SystemExit(f"--output {text}: sound, sound:DEVICE, wav:FILE or null")


def capture_of(text: str) -> Capture | None:
    """The microphone that the command line names. Raises `SystemExit` for one that doesn't exist."""
    kind, _, rest = text.partition(":")
    if kind not in {"", "sound"}:
        raise SystemExit(f"--listen {text}: sound or sound:DEVICE")
    return SoundCardCapture(SystemClock(), device=_device(rest)) if kind else None


def _device(text: str) -> int | str | None:
    return int(text) if text.isdecimal() else text or None


def log_to(path: Path | None) -> logging.Handler:
    """Standard error, or a file that never fills a small disk."""
    if path is None:
        return logging.StreamHandler(sys.stderr)
    path.parent.mkdir(parents=True, exist_ok=True)
    return RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES - 1, encoding="utf-8")


def begin_again(arguments: Sequence[str]) -> int:
    """In this process's place; where another one looks after it, that does it."""
    if os.environ.get(launch.TRIAL):
        return launch.AGAIN
    launcher = os.environ.get(launch.LAUNCHER)
    program = ["-P", launcher] if launcher else ["-m", "devices.receiver"]
    command = [sys.executable, *program, *arguments]
    return os.execv(command[0], command)  # noqa: S606 - ourselves, as we were started


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    logging.basicConfig(
        level=options.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=[log_to(options.log_file)],
    )
    software = os.environ.get(launch.SOFTWARE)
    ending = threading.Event()
    again = threading.Event()

    def restart() -> None:
        again.set()
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    try:
        identity = Identity.load(options.identity)
        agent = Agent(
            identity,
            options.dir,
            output=output_of(options.output),
            link=mqtt_link(identity),
            clock=SystemClock(),
            restart=restart,
            identity_file=options.identity,
            capture=capture_of(options.listen),
            switch=switch_of(options.amplifier) if options.amplifier else None,
            software=Path(software) if software else None,
        )
        agent.start()
    except TruyenThanhError as error:
        sys.stderr.write(f"{error.text('vi')}\n{error.text('en')}\n")
        return 1
    ending.wait()
    agent.stop()
    if again.is_set():
        return begin_again(sys.argv[1:] if arguments is None else arguments)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
