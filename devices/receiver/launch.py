"""Starts the agent, and looks after a release that is on trial: `python -m devices.receiver.launch …`.

Nothing but the standard library, and always the installed one: a release can't break what would undo it. In the data
folder, `software/` holds

| | |
|---|---|
| `releases/NAME/` | a release, unpacked whole before it is named anywhere |
| `current` | a link to the release that runs; without it the installed program does |
| `trial.json` | a release that is to be tried, how often it was, and for how long it may take to prove itself |
| `healthy` | made by an agent on trial that is connected, has the time and its sound card |
| `outcome.json` | what became of the last trial, for the agent to report |

A release on trial is started by this process, which stays. When `healthy` appears in time, `current` is switched to it
by a rename, which is whole or hasn't happened. When the release ends, doesn't prove itself, or was tried `TRIES` times
(power was cut, the machine hung), it is dropped and what ran before is started. Without a trial this process becomes
the agent.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

AGAIN = 75  # the agent's exit status for: start me again
TRIES = 2
POLL_S = 0.2
END_S = 15.0
SOFTWARE = "TRUYENTHANH_RECEIVER_SOFTWARE"  # the folder, for the agent
TRIAL = "TRUYENTHANH_RECEIVER_TRIAL"  # set while it is on trial, or under one's supervision
LAUNCHER = "TRUYENTHANH_RECEIVER_LAUNCHER"
_AGENT = (
    "import sys; place = sys.argv.pop(1); sys.path[:0] = [place] if place else []; "
    "from devices.receiver.__main__ import main; raise SystemExit(main())"
)


def write(path: Path, value: Any) -> None:
    """A small file, whole or as it was."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read(path: Path) -> dict[str, Any]:
    """What a small file holds; nothing where there is none, or it is damaged."""
    try:
        held = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}


class Launcher:
    def __init__(self, software: Path, arguments: Sequence[str]) -> None:
        self.software = software
        self._arguments = list(arguments)
        self._ending = False
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Until the agent ends; what it ended with."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        while True:
            trial = read(self.software / "trial.json")
            if not trial:
                self._become_agent()
            status = self._try(trial)
            if status is not None and status != AGAIN:
                return status

    def _become_agent(self) -> None:
        command = self._command(self.current())
        os.execve(command[0], command, self._environment(on_trial=False))  # noqa: S606 - our own program

    def current(self) -> Path | None:
        """The release that runs; None: what is installed."""
        link = self.software / "current"
        return link.resolve() if (link / "RELEASE").is_file() else None

    def _try(self, trial: dict[str, Any]) -> int | None:
        """Run a release on trial. None: it was dropped."""
        name, tries = str(trial.get("name", "")), int(trial.get("tries", 0))
        place = self.software / "releases" / name
        if tries >= TRIES or not (place / "RELEASE").is_file():
            self._drop(trial, "it was started twice and proved itself neither time")
            return None
        write(self.software / "trial.json", {**trial, "tries": tries + 1})
        healthy = self.software / "healthy"
        healthy.unlink(missing_ok=True)
        self._child = child = subprocess.Popen(self._command(place), env=self._environment(on_trial=True))  # noqa: S603
        deadline = time.monotonic() + float(trial.get("health_s", 300))
        while child.poll() is None and not self._ending:
            if healthy.exists():
                self._keep(trial, name)
                return child.wait()
            if time.monotonic() > deadline:
                self._stop(child)
                self._drop(trial, "it did not prove itself in time")
                return None
            time.sleep(POLL_S)
        status = child.wait()
        if self._ending or status == AGAIN:
            return status
        self._drop(trial, f"it ended with status {status}")
        return None

    def _keep(self, trial: dict[str, Any], name: str) -> None:
        temporary = self.software / "current.new"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(Path("releases") / name)
        temporary.replace(self.software / "current")
        write(self.software / "outcome.json", {**trial, "result": "kept", "reason": ""})
        (self.software / "trial.json").unlink(missing_ok=True)

    def _drop(self, trial: dict[str, Any], reason: str) -> None:
        write(self.software / "outcome.json", {**trial, "result": "rolled-back", "reason": reason})
        (self.software / "trial.json").unlink(missing_ok=True)
        name = str(trial.get("name", ""))
        if name and "/" not in name and self.current() != (self.software / "releases" / name).resolve():
            shutil.rmtree(self.software / "releases" / name, ignore_errors=True)

    def _stop(self, child: subprocess.Popen[bytes]) -> None:
        child.terminate()
        try:
            child.wait(END_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _end(self, number: int, _frame: object) -> None:
        self._ending = True
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(number)

    def _command(self, place: Path | None) -> list[str]:
        return [sys.executable, "-P", "-c", _AGENT, str(place or ""), *self._arguments]

    def _environment(self, *, on_trial: bool) -> dict[str, str]:
        mine = {SOFTWARE: str(self.software), LAUNCHER: str(Path(__file__).resolve())}
        return {**os.environ, **mine, TRIAL: "1" if on_trial else ""}


def main(arguments: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    folder = arguments[arguments.index("--dir") + 1] if "--dir" in arguments[:-1] else ""
    if not folder:
        from devices.receiver.__main__ import main as agent  # noqa: PLC0415 - says what is missing

        return agent(arguments)
    software = Path(folder).resolve() / "software"
    software.mkdir(parents=True, exist_ok=True)
    return Launcher(software, arguments).run()


if __name__ == "__main__":
    raise SystemExit(main())
