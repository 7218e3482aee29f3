"""Messages decoded by many threads from the first moment on: types are resolved when they are imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROUNDS = 8
AT_ONCE = """
import sys, threading
sys.setswitchinterval(1e-5)
import msgspec
from devices.protocol import commands, plan, reports

ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
messages = [
    (plan.Plan, {"receiver": ID, "revision": 1, "valid_from": 1, "valid_until": 2, "unit": ID}),
    (commands.Command, {"id": ID, "name": "stop"}),
    (reports.Hello, {"revision": 1, "software": "x", "boot": ID}),
]
together = threading.Barrier(8)

def decode():
    together.wait()
    for kind, body in messages:
        msgspec.json.decode(msgspec.json.encode(body), type=kind)

threads = [threading.Thread(target=decode) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_eight_threads_begin_at_once() -> None:
    for _ in range(ROUNDS):
        done = subprocess.run([sys.executable, "-c", AT_ONCE], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
