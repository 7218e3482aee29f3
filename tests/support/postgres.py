"""A private PostgreSQL for tests: its own data folder, its own port on the loopback and a socket beside the data.

It starts from the programs that are installed and touches no other cluster. As root the server runs as the user
`postgres`, because it refuses root. Nothing is flushed to the disk: what a test writes need not survive the machine.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psycopg

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0

# Even so a kill -9 loses nothing: what was committed is with the kernel (hence no synchronous_commit=off).
FAST = ("fsync=off", "full_page_writes=off", "max_connections=200", "shared_buffers=32MB")


class PostgresServer:
    """One cluster. `start`, `stop`, and for fault tests `kill` and `start` again."""

    def __init__(self, postgres: Path, *, options: Sequence[str] = FAST) -> None:
        """Make a cluster with the programs that lie beside `postgres`."""
        self._options = options
        self._bin = postgres.parent
        self._user: str | None = "postgres" if os.geteuid() == 0 else None
        # Not below pytest's own folder: that one is closed to other users, and a socket's path has to be short.
        self.folder = Path(tempfile.mkdtemp(prefix="tt-pg-"))
        self._data = self.folder / "data"
        self._log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._run("initdb", "-D", str(self._data), "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until it answers; keeps its port from one start to the next."""
        if self.running:
            return
        self.port = self.port or _free_port()
        options = [f"-c{option}" for option in self._options]
        with self._log.open("ab") as log:
            # It dies with this process, whatever kills that.
            self._process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "INT"),
                    *(("--reuid", self._user, "--regid", self._user, "--clear-groups") if self._user else ()),
                    *("--", str(self._bin / "postgres"), "-D", str(self._data), "-p", str(self.port)),
                    *("-h", "127.0.0.1", "-k", str(self.folder), *options),
                ],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is pytest's, which then stops us
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL did not start:\n{self._log.read_text()}") from None
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Shut down in order ("fast": sessions are ended)."""
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """Kill -9 the server with all its processes"""
        if self._process is None:
            return
        family = [self._process.pid, *_children(self._process.pid)]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(STOP_TIMEOUT_S)
        self._process = None
        # The next start refuses while a child still holds the old shared memory.
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while any(Path(f"/proc/{pid}").exists() and not _is_zombie(pid) for pid in family):
            if time.monotonic() > deadline:
                raise RuntimeError("a process of the killed PostgreSQL does not end")
            time.sleep(0.01)

    def remove(self) -> None:
        """Stop and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, statement: str, *, database: str = "postgres") -> None:
        """Run one statement outside a transaction."""
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def dsn(self, database: str = "postgres") -> str:
        """The address for psycopg."""
        return f"postgresql://test@127.0.0.1:{self.port}/{database}"

    def url(self, database: str) -> str:
        """The address for SQLAlchemy and the settings."""
        return f"postgresql+psycopg://test@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, *, template: str = "template0") -> str:
        """A new database; returns its SQLAlchemy address."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def rename_database(self, name: str, new_name: str) -> str:
        """Nobody may be in it. Returns its SQLAlchemy address."""
        self.execute(f'ALTER DATABASE "{name}" RENAME TO "{new_name}"')
        return self.url(new_name)

    def end_sessions(self, name: str) -> None:
        """End all sessions in a database, and wait until they are gone."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity WHERE datname = %s",
                (int(STOP_TIMEOUT_S * 1000), name),
            )

    def drop_database(self, name: str) -> None:
        """Drop it, ending the sessions that are still in it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
