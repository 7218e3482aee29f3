"""A real installation for tests: the processes of `deploy/stack` (PostgreSQL, mosquitto, web, scheduler, ingest)
and real receiver processes, each of which can be killed and started again, driven through the REST API as people would.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import httpx

from tests.support.mosquitto import free_port
from tests.support.services import require

ROOT = Path(__file__).parents[2]
STACK = ROOT / "deploy" / "stack"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
Process = Literal["postgres", "mosquitto", "web", "scheduler", "ingest"]
PASSWORD = "mật khẩu chỉ dùng để thử"


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait for a condition and give its value; fail with `what` when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.1)


@dataclass
class ReceiverProcess:
    """`truyenthanh receiver run` for one identity."""

    id: str
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    @property
    def recording(self) -> Path:
        return self.folder / f"heard-{self.starts}.wav"

    def start(self) -> None:
        self.starts += 1
        log = (self.folder / "receiver.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [
                    *(str(Path(sys.executable).parent / "truyenthanh"), "receiver", "run"),
                    *("--identity", str(self.folder / "identity.json")),
                    *("--dir", str(self.folder / "data")),
                    *("--output", f"wav:{self.recording}"),
                ],
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """As a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(20)
            self.process = None


@dataclass
class Site:
    """One running installation. `writer` writes and schedules, `approver` approves."""

    folder: Path
    http_port: int = field(default_factory=free_port)
    broker_port: int = field(default_factory=free_port)
    broker_tls_port: int = field(default_factory=free_port)
    postgres_port: int = field(default_factory=free_port)
    receivers: list[ReceiverProcess] = field(default_factory=list)

    def stack(self, *arguments: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            [str(STACK), str(self.folder / "stack"), *arguments],
            env={
                **os.environ,
                "BIN": str(Path(sys.executable).parent),
                "HTTP_PORT": str(self.http_port),
                "BROKER_PORT": str(self.broker_port),
                "BROKER_TLS_PORT": str(self.broker_tls_port),
                "POSTGRES_PORT": str(self.postgres_port),
                "TRUYENTHANH_FALLBACK_VOICES_PERMITTED": "true",  # the offline voice speaks
                "TRUYENTHANH_QUIET_HOURS": "",  # a test runs at any hour
            },
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}{self.logs()}"
        return done.stdout

    def up(self) -> None:
        self.stack("up")
        for username, roles in (("writer", ["editor", "operator", "admin"]), ("approver", ["approver"])):
            role_arguments = [word for role in roles for word in ("--role", role)]
            self.stack(
                "run", "user", "add", username, "--name", username, *role_arguments, "--password-stdin",
                stdin=PASSWORD + "\n",
            )  # fmt: skip
        until(self._ready, 30, "the site is ready")
        self.writer = self._client("writer")
        self.approver = self._client("approver")

    def kill(self, *names: Process) -> None:
        for name in names:
            self.stack("kill", name)

    def start(self, *names: Process) -> None:
        for name in names:
            self.stack("start", name)
        if "web" in names:
            until(self._ready, 30, "the site is ready again")

    def down(self) -> None:
        for receiver in self.receivers:
            receiver.stop()
        for client in (getattr(self, "writer", None), getattr(self, "approver", None)):
            if client is not None:
                client.close()
        self.stack("down")

    def logs(self) -> str:
        """The end of every log, for the message of a test that fails."""
        folder = self.folder / "stack" / "log"
        return "".join(f"\n--- {log.name}\n{log.read_text()[-2000:]}" for log in sorted(folder.glob("*.log")))

    def _ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.http_port}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def _client(self, username: str) -> httpx.Client:
        origin = f"http://127.0.0.1:{self.http_port}"
        client = httpx.Client(base_url=f"{origin}/api/v1", headers={"origin": origin}, timeout=20)
        call(client, "POST", "/login", {"username": username, "password": PASSWORD})
        return client

    # --- what people do ------------------------------------------------------------------------------------------

    def unit(self, kind: str, name: str, parent: str | None = None) -> str:
        """A unit; a commune takes what it is offered."""
        made = call(self.writer, "POST", "/units", {"kind": kind, "name": name, "parent_id": parent})
        if kind == "commune":
            call(self.writer, "POST", "/acceptances", {"unit_id": made["id"]})
        return str(made["id"])

    def receiver(self, unit: str, name: str) -> ReceiverProcess:
        """Enrol a receiver with a code, as at the pole, and start its process."""
        made = call(self.writer, "POST", "/receivers/codes", {"places": [{"unit_id": unit, "name": name}]})["codes"][0]
        folder = self.folder / made["receiver"]["id"]
        folder.mkdir()
        enrolling = [
            *(str(Path(sys.executable).parent / "truyenthanh"), "receiver", "enrol"),
            *(f"http://127.0.0.1:{self.http_port}", made["code"], "--identity", str(folder / "identity.json")),
        ]
        done = subprocess.run(enrolling, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        receiver = ReceiverProcess(made["receiver"]["id"], folder)
        receiver.start()
        self.receivers.append(receiver)
        return receiver

    def approved_version(self, text: str, title: str = "Bản tin thử") -> str:
        """A bulletin written by one person and approved by the other."""
        made = call(self.writer, "POST", "/bulletins", {"title": title, "text": text})
        version = made["versions"][0]["id"]
        call(self.writer, "POST", f"/versions/{version}/render", {})
        spoken = call(self.writer, "POST", f"/versions/{version}/submit", {})
        sha256s = [rendition["sha256"] for rendition in spoken["renditions"]]
        call(self.approver, "POST", f"/versions/{version}/approve", {"sha256s": sha256s})
        return str(version)

    def programme(self, *versions: str) -> str:
        items = [{"chime": "mở đầu"}, *({"version_id": version} for version in versions)]
        return str(call(self.writer, "POST", "/programmes", {"title": "Chương trình thử", "items": items})["id"])

    def schedule(self, programme: str, unit: str, in_s: float) -> dict[str, Any]:
        """One airing in so many seconds; gives it as the API does."""
        at = (datetime.now(UTC) + timedelta(seconds=in_s)).astimezone(ZONE).replace(microsecond=0)
        made = call(
            self.writer,
            "POST",
            "/schedules",
            {
                "title": "Lịch thử",
                "programme_id": programme,
                "unit_ids": [unit],
                "rule": {"kind": "once", "first_date": f"{at:%Y-%m-%d}", "local_time": f"{at:%H:%M:%S}"},
            },
        )
        span = {"since": at.isoformat(), "until": (at + timedelta(seconds=1)).isoformat()}
        airings = call(self.writer, "GET", f"/airings?{httpx.QueryParams(span)}")
        return next(dict(airing) for airing in airings if airing["schedule_id"] == made["id"])

    # --- what people see -----------------------------------------------------------------------------------------

    def online(self) -> set[str]:
        return {row["id"] for row in call(self.writer, "GET", "/receivers?online=true")["items"]}

    def playouts(self, airing: str) -> dict[str, dict[str, Any]]:
        rows = call(self.writer, "GET", f"/playouts?airing_id={airing}")["items"]
        return {row["receiver_id"]: row for row in rows}

    def states(self, airing: str) -> list[str]:
        return sorted(row["state"] for row in self.playouts(airing).values())

    def until_states(self, airing: str, wanted: list[str], seconds: float) -> dict[str, dict[str, Any]]:
        """Wait until the playouts of an airing have exactly these states."""
        seen: list[str] = []

        def there() -> bool:
            seen[:] = self.states(airing)
            return seen == wanted

        try:
            until(there, seconds, f"the states {wanted}")
        except AssertionError as error:
            raise AssertionError(f"{error}; they are {seen}{self.logs()}") from error
        return self.playouts(airing)

    def airtime(self) -> dict[str, dict[str, Any]]:
        return {row["unit_id"]: row for row in call(self.writer, "GET", "/airtime")["rows"]}


def call(client: httpx.Client, method: str, path: str, body: Any = None) -> Any:
    """One request that must succeed."""
    answer = client.request(method, path, json=body)
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """A site that is up, and is taken down whatever happens."""
    require("postgres")
    require("mosquitto")
    site = Site(folder)
    try:
        site.up()
        yield site
    finally:
        site.down()
