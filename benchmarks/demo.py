"""From a bare checkout to the airtime table: install and demo, as `make demo` does them.

    python -m benchmarks.demo

Makes a fresh virtual environment in a temporary folder and runs `make demo` there with --exit. Targets: install and
demo in under 3 minutes; the demo itself in at most 35 s plus its programme; every start within 20 ms of its plan.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
WHOLE_MOST_S = 180.0
DEMO_MOST_S = 35.0
START_ERROR_MOST_MS = 20.0


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {**os.environ, "TRUYENTHANH_HTTP_PORT": "0"}
        began = time.monotonic()
        venv = f"VENV={folder / 'venv'}"
        subprocess.run(["make", "install", venv], cwd=ROOT, env=environment, check=True, stdout=sys.stderr)
        installed_s = time.monotonic() - began
        arguments = f"DEMO_ARGS=--exit --json --dir {folder / 'demo'}"
        done = subprocess.run(
            ["make", "--silent", "demo", venv, arguments], cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE
        )
        whole_s = time.monotonic() - began
    told = json.loads(done.stdout)
    programme_s = told["airings"][0]["duration_ms"] / 1000
    errors_ms = [
        abs((instant(one["started_at"]) - instant(one["planned_at"])).total_seconds() * 1000)
        for one in told["playouts"]
    ]
    demo_s = whole_s - installed_s
    print(f"install {installed_s:.0f} s, demo {demo_s:.1f} s, programme {programme_s:.1f} s, whole {whole_s:.0f} s")
    print(f"start error of {len(errors_ms)} receivers: at most {max(errors_ms):.1f} ms")
    reached = whole_s < WHOLE_MOST_S and demo_s <= DEMO_MOST_S + programme_s and max(errors_ms) <= START_ERROR_MOST_MS
    print("reached" if reached else "MISSED")
    return 0 if reached else 1


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


if __name__ == "__main__":
    sys.exit(main())
