"""A real mosquitto with the configuration and access rules that the project ships, on a free loopback port."""

from __future__ import annotations

import getpass
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from devices import brokerfiles, passwords
from tests.support.services import require

SHIPPED = Path(__file__).parents[2] / "deploy" / "mosquitto"
DEADLINE_S = 15.0
LOOK_AGAIN_S = 0.01


class Mosquitto:
    """`users` is name → password. Use as a context manager, or `start()` and `stop()`.

    `tls` is the files of a certificate and its key for the port of passwords; without, it is plain. With `keys`, a
    folder of the server's keys, the port of client certificates (`tls_port`) is open too, as `truyenthanh broker
    certificate` makes it.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        folder: Path,
        users: Mapping[str, str],
        *,
        tls: tuple[Path, Path] | None = None,
        keys: Path | None = None,
    ) -> None:
        self._program = require("mosquitto")
        self._folder = folder
        self._log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.tls_port = free_port(), free_port()
        self.password_file = folder / "passwords"
        shutil.copy(SHIPPED / "acl", folder / "acl")
        self._tls_files = keys is not None
        if keys is not None:
            brokerfiles.write_certificate(keys, [self.host], folder, datetime.now(UTC))
        self.revocation_list = folder / brokerfiles.REVOCATION_LIST
        self._write_configuration(tls)
        passwords.write_file(self.password_file, {name: passwords.hashed(word) for name, word in users.items()})

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """What it wrote so far, over all its starts."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", self._folder / "mosquitto.conf"], stdout=log, stderr=log, cwd=self._folder
            )
        self._until(self._listens, "accept connections")

    def stop(self) -> None:
        """Let it end cleanly; it keeps its retained messages and sessions for the next start."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill -9: what it had not saved is lost."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start again on the same port, after `stop` or `kill`."""
        self.start()

    def set_users(self, users: Mapping[str, str]) -> None:
        """Change who may come in, and wait until it has read that; it cuts off who no longer may."""
        passwords.write_file(self.password_file, {name: passwords.hashed(word) for name, word in users.items()})
        self.reload()

    def reload(self) -> None:
        """Have it read its files again, and wait until it did."""
        assert self._process is not None
        before = self.log.count("Reloading config.")
        self._process.send_signal(signal.SIGHUP)
        self._until(lambda: self.log.count("Reloading config.") > before, "read its configuration again")

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(DEADLINE_S)

    def _listens(self) -> bool:
        try:
            socket.create_connection((self.host, self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise AssertionError(f"mosquitto didn't {what}:\n{self.log}")
            time.sleep(LOOK_AGAIN_S)

    def _write_configuration(self, tls: tuple[Path, Path] | None) -> None:
        text = (SHIPPED / "mosquitto.conf").read_text()
        before, receivers, after = re.split(r"^(listener 8883\n(?:.+\n)+)", text, flags=re.MULTILINE)
        if self._tls_files:
            receivers = receivers.replace("listener 8883", f"listener_ {self.tls_port} {self.host}")
            text = before + receivers.replace("/etc/mosquitto/truyenthanh", str(self._folder)) + after
        else:
            text = before + after
        for name, value in (
            ("listener", f"{self.port} {self.host}" + (f"\ncertfile {tls[0]}\nkeyfile {tls[1]}" if tls else "")),
            ("user", getpass.getuser()),
            ("password_file", self.password_file),
            ("acl_file", self._folder / "acl"),
            ("persistence_location", f"{self._folder}/"),
        ):
            text, found = re.subn(rf"^{name} .*$", f"{name} {value}", text, flags=re.MULTILINE)
            assert found == 1, f"the shipped mosquitto.conf has {found} lines of {name}"
        # "Reloading config." is what `reload` waits for.
        text = text.replace("listener_ ", "listener ")
        (self._folder / "mosquitto.conf").write_text(text + "log_type information\n")


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
