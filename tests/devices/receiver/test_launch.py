"""Releases on trial, with real processes: kept when they prove themselves, undone when they don't."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from devices.receiver import launch

PROVES = "(software / 'healthy').touch()"


class Box:
    """A data folder with an earlier release that runs, and one that is to be tried."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.software = folder / "software"
        self.log = folder / "ran"
        self.release("old", "pass")
        (self.software / "current").symlink_to(Path("releases") / "old")

    def release(self, name: str, does: str) -> None:
        package = self.software / "releases" / name / "devices" / "receiver"
        package.mkdir(parents=True)
        for place in (package.parent, package):
            (place / "__init__.py").write_text("")
        (self.software / "releases" / name / "RELEASE").write_text(name)
        (package / "__main__.py").write_text(
            "import os, pathlib, time\n"
            "def main():\n"
            f"    open({str(self.log)!r}, 'a').write({name!r} + ' ')\n"
            f"    software = pathlib.Path(os.environ[{launch.SOFTWARE!r}])\n"
            f"    {does}\n"
            "    return 0\n"
        )

    def run(self, **trial: object) -> int:
        if trial:
            launch.write(self.software / "trial.json", {"version": "2", "health_s": 30, "tries": 0, **trial})
        command = [sys.executable, "-m", "devices.receiver.launch", "--dir", str(self.folder)]
        return subprocess.run(command, cwd=Path(__file__).parents[3], timeout=60, check=False).returncode

    @property
    def ran(self) -> list[str]:
        return self.log.read_text().split()

    @property
    def outcome(self) -> dict[str, str]:
        held: dict[str, str] = json.loads((self.software / "outcome.json").read_text())
        return held


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_what_is_current_runs(box: Box) -> None:
    assert box.run() == 0
    assert box.ran == ["old"]


def test_a_release_that_proves_itself_is_kept_and_runs_from_then_on(box: Box) -> None:
    box.release("new", f"{PROVES}; time.sleep(1)")
    assert box.run(name="new") == 0
    assert box.outcome["result"] == "kept"
    assert box.run() == 0
    assert box.ran == ["new", "new"]


@pytest.mark.parametrize(
    ("does", "trial", "why"),
    [
        ("raise RuntimeError", {}, "ended with status 1"),
        ("time.sleep(60)", {"health_s": 1}, "in time"),
        (PROVES, {"tries": 2}, "twice"),
    ],
)
def test_one_that_doesn_t_is_dropped_and_the_one_before_runs(
    box: Box, does: str, trial: dict[str, object], why: str
) -> None:
    box.release("new", does)
    assert box.run(name="new", **trial) == 0
    assert box.ran[-1] == "old"
    assert box.outcome["result"] == "rolled-back"
    assert why in box.outcome["reason"]
    assert not (box.software / "releases" / "new").exists()
    assert not (box.software / "trial.json").exists()


@pytest.mark.parametrize("damaged", ["", "{", "[1]", '{"name": "../.."}', '{"name": "no such"}'])
def test_a_damaged_trial_keeps_nothing_from_running(box: Box, damaged: str) -> None:
    (box.software / "trial.json").write_text(damaged)
    assert box.run() == 0
    assert box.ran == ["old"]
    assert (box.software / "releases" / "old").exists()


def test_a_release_that_asks_to_be_started_again_is(box: Box) -> None:
    box.release("new", f"{PROVES}; time.sleep(1); os._exit({launch.AGAIN})")
    (box.software / "releases" / "old" / "devices" / "receiver" / "__main__.py").write_text("def main(): return 3")
    box.release("last", "pass")
    assert box.run(name="new") == launch.AGAIN  # kept, then started as what runs, without a supervisor
    assert box.ran == ["new", "new"]
