"""What is built for installing holds everything that runs: tables of readings, pages, sample texts, migrations."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_is_whole(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    rooms = ("core", "audio", "devices", "schedules", "broadcast", "api", "migrations")
    listed = subprocess.run(["git", "ls-files", *rooms], cwd=ROOT, check=True, capture_output=True, text=True)
    missing = sorted(set(listed.stdout.split()) - names)
    assert not missing
    assert {name for name in names if not name.startswith((*(f"{room}/" for room in rooms), "truyenthanh-"))} == set()
