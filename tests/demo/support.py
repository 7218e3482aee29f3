"""Run the demo as a user does, or with its clock set to another hour."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = str(Path(sys.executable).parent / "truyenthanh")
LONGEST_S = 110

# The same demo, in a process of its own, whose clock begins at another local hour.
AT_AN_HOUR = """
import sys
from datetime import UTC, datetime, timedelta, time
from pathlib import Path
from zoneinfo import ZoneInfo
from api.demo import DemoOptions, run_demo
from core.clock import ShiftedClock

zone = ZoneInfo("Asia/Ho_Chi_Minh")
tomorrow = (datetime.now(UTC) + timedelta(days=1)).astimezone(zone).date()
start = datetime.combine(tomorrow, time.fromisoformat(sys.argv[1]), zone)
options = DemoOptions(
    dispatch=Path(sys.argv[3]), receivers=2, airs_in=timedelta(seconds=4), voice="espeak",
    folder=Path(sys.argv[2]), leave=True, as_json=True,
)
sys.exit(run_demo(options, clock=ShiftedClock.starting_at(start)))
"""


@dataclass(frozen=True)
class Run:
    """What a finished demo gave. `took_s` is wall time from the start of the process to its end."""

    status: int
    stdout: str
    stderr: str
    took_s: float
    folder: Path

    @property
    def told(self) -> dict[str, Any]:
        """The JSON object; nothing else may be on standard output."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found


def environment(**more: str) -> dict[str, str]:
    """The environment without settings of the person who runs the tests; any free port for the web server."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("TRUYENTHANH_")}
    return {**bare, "TRUYENTHANH_HTTP_PORT": "0", "COLUMNS": "160", **more}


def demo(folder: Path, *arguments: str, **more: str) -> Run:
    return _run([PROGRAM, "demo", "--dir", str(folder), *arguments], folder, **more)


def demo_at(hour: str, folder: Path, dispatch: Path) -> Run:
    return _run([sys.executable, "-c", AT_AN_HOUR, hour, str(folder), str(dispatch)], folder)


def _run(command: list[str], folder: Path, **more: str) -> Run:
    began = time.monotonic()
    done = subprocess.run(
        command,
        env=environment(**more),
        cwd=folder.parent,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr, time.monotonic() - began, folder)
