"""The hand at the plug of the receiver under test: a program that the kit started, a command, or a person."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from core.errors import TruyenThanhError

COMMAND_S = 60.0


class PowerCommandFailed(TruyenThanhError):
    slug = "power-command-failed"
    status = 500
    vi = "Lệnh đóng cắt điện của bộ thu không chạy được: {command} ({why}). Hãy thử lệnh này bằng tay rồi chạy lại."
    en = "The command for the receiver's power didn't work: {command} ({why}). Try it by hand and run this again."


class Power(Protocol):
    """How the receiver loses its power and gets it back. Each returns when it has happened."""

    def off(self) -> None: ...

    def on(self) -> None: ...

    def close(self) -> None:
        """The run is over: what the kit started is ended."""
        ...


class Started:
    """A receiver that is a program on this machine: started by the kit, and killed as a power cut would."""

    def __init__(self, command: str, log: Path) -> None:
        self._command, self._log = command, log
        self._process: subprocess.Popen[bytes] | None = None
        self.on()

    def on(self) -> None:
        with self._log.open("ab") as log:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - what whoever runs the kit told it to start
                    shlex.split(self._command), stdout=log, stderr=log, start_new_session=True
                )
            except (OSError, ValueError) as error:
                raise PowerCommandFailed(command=self._command, why=error) from error

    def off(self) -> None:
        self._end(signal.SIGKILL)

    def close(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        try:
            process.wait(COMMAND_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(COMMAND_S)


class Commanded:
    """A command, say for a socket that can be switched: called with `off` and with `on`."""

    def __init__(self, command: str) -> None:
        self._command = command

    def off(self) -> None:
        self._run("off")

    def on(self) -> None:
        self._run("on")

    def close(self) -> None:
        """The box stays on."""

    def _run(self, word: str) -> None:
        try:
            done = subprocess.run(  # noqa: S603 - what whoever runs the kit told it to run
                [*shlex.split(self._command), word], timeout=COMMAND_S, capture_output=True, text=True, check=False
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise PowerCommandFailed(command=f"{self._command} {word}", why=error) from error
        if done.returncode != 0:
            raise PowerCommandFailed(command=f"{self._command} {word}", why=done.stderr.strip() or done.returncode)


class Asked:
    """A person, who is asked and says when it is done."""

    def __init__(self, ask: Callable[[str], None]) -> None:
        self._ask = ask

    def off(self) -> None:
        self._ask("Hãy rút điện bộ thu NGAY, rồi nhấn Enter / pull the receiver's plug NOW, then press Enter")

    def on(self) -> None:
        self._ask("Hãy cắm điện lại, rồi nhấn Enter / put the plug back in, then press Enter")

    def close(self) -> None:
        """Nothing was started."""
