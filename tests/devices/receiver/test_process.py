"""The agent as a process of its own, at a real broker: its memory, what it loads, and kill -9 in mid-play."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import soundfile

from core.clock import SystemClock, to_ms
from core.ids import new_id
from devices.link import MqttLink
from devices.protocol.commands import Command
from devices.protocol.reports import CommandResult, Ready
from devices.receiver.identity import Identity
from tests.devices.receiver.station import RATE, Audio, Station, airing
from tests.support.mosquitto import Mosquitto

FORBIDDEN = ("fastapi", "sqlalchemy", "pydantic", "audio", "schedules", "broadcast", "api", "av", "scipy", "pydub")
MEMORY_MB = 100
# Prints what is loaded when it ends, then is the agent.
WATCHED = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), flush=True))
from devices.receiver.__main__ import main
raise SystemExit(main(sys.argv[1:]))
"""


@dataclass
class Post:
    """A receiver's process and where it keeps things."""

    station: Station
    identity: Identity
    folder: Path

    @property
    def recording(self) -> Path:
        return self.folder / "loa.wav"

    def start(self) -> subprocess.Popen[str]:
        heard = len(self.station.hellos)
        path = self.folder / "identity.json"
        self.identity.save(path)
        process = subprocess.Popen(
            [
                sys.executable,
                "-W",
                "error",
                "-c",
                WATCHED,
                "--identity",
                path,
                "--dir",
                self.folder / "agent",
                "--output",
                f"wav:{self.recording}",
            ],
            cwd=Path(__file__).parents[3],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.station.wait(lambda: len(self.station.hellos) > heard)
        return process


@contextmanager
def posted(folder: Path) -> Iterator[Post]:
    """Mosquitto with our access rules, a station at it, and one enrolled receiver."""
    passwords = {"server": "of the server"}
    seed = Station.identity_only(folder)
    with Mosquitto(folder / "broker", {**passwords, seed.receiver: "of the receiver"}) as broker:
        link = MqttLink(
            host=broker.host, port=broker.port, client_id="server", username="server", password="of the server"
        )
        station = Station(folder, link)
        identity = msgspec.structs.replace(seed, broker_port=broker.port, password="of the receiver")
        station.identities[identity.receiver] = identity
        try:
            yield Post(station, identity, folder)
        finally:
            link.stop()


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    with posted(tmp_path) as made:
        yield made


def rss_mb(process: subprocess.Popen[str]) -> float:
    """Resident memory, and never less than it was."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")


def issue(post: Post, audio: Audio, seconds: float) -> str:
    """One airing of one item, `seconds` from now, with the audio there; the airing's id."""
    post.station.publish(audio)
    planned = airing(datetime.now(UTC) + timedelta(seconds=seconds), [audio])
    post.station.issue(post.station.plan(post.identity, [planned], [audio]))
    post.station.wait(lambda: post.station.heard(Ready))
    return planned.airing


def test_it_stays_small_while_it_plays_and_loads_nothing_of_the_server(post: Post, tmp_path: Path) -> None:
    process = post.start()
    try:
        name = issue(post, Audio.of(tmp_path, 4.0), 2.0)
        post.station.wait(lambda: post.station.records_of(name))
        assert post.station.records_of(name)[0].outcome == "finished"
        assert rss_mb(process) <= MEMORY_MB
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    loaded = json.loads(output.splitlines()[-1])
    assert "soundfile" in loaded
    assert [name for name in loaded if name.split(".")[0] in FORBIDDEN] == []
    assert [name for name in loaded if name in {"core.database", "core.settings", "core.units", "core.events"}] == []


def test_killed_in_mid_play_it_reports_partial_right_to_a_second(post: Post, tmp_path: Path) -> None:
    process = post.start()
    name = issue(post, Audio.of(tmp_path, 20.0), 6.0)  # room to fetch it on a slow machine
    post.station.wait(lambda: any(status.playing == name for _, status in post.station.statuses))
    time.sleep(3.3)  # the length of what is played before the cut, not a wait for anything
    process.kill()
    killed_at = to_ms(SystemClock().now())
    process.communicate(timeout=20)
    again = post.start()
    try:
        post.station.wait(lambda: post.station.records_of(name))
    finally:
        again.terminate()
        again.communicate(timeout=20)
    records = post.station.records_of(name)
    assert len(records) == 1
    record = records[0]
    assert (record.outcome, record.reason) == ("partial", "power-off")
    assert record.started_at is not None
    assert record.ended_at is not None
    assert abs(record.started_at - record.planned_at) <= 20
    assert 0 <= killed_at - record.ended_at <= 1_100
    assert abs((killed_at - record.started_at) - record.played_ms) <= 1_100
    assert abs((record.ended_at - record.started_at) - record.played_ms) <= 50
    # What it had recorded until then can be read, and the second recording stands beside it.
    assert soundfile.info(post.recording).duration > 0
    assert soundfile.info(post.recording.with_name("loa-2.wav")).samplerate == RATE


def test_a_restart_command_begins_the_program_anew_in_its_place(post: Post) -> None:
    process = post.start()
    try:
        boots = {hello.boot for _, hello in post.station.hellos}
        command = Command(id=new_id(), name="restart")
        post.station.command(post.identity.receiver, command)
        post.station.wait(lambda: {hello.boot for _, hello in post.station.hellos} > boots)
        assert process.poll() is None
        post.station.command(post.identity.receiver, command)  # the same again: answered, not obeyed
        post.station.wait(lambda: len(post.station.heard(CommandResult)) == 2)
        assert len({hello.boot for _, hello in post.station.hellos}) == 2
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_it_plays_on_time_with_the_broker_gone_and_tells_when_it_is_back(tmp_path: Path) -> None:
    seed = Station.identity_only(tmp_path)
    broker = Mosquitto(tmp_path / "broker", {"server": "s", seed.receiver: "r"})
    broker.start()
    link = MqttLink(host=broker.host, port=broker.port, client_id="server", username="server", password="s")
    station = Station(tmp_path, link)
    identity = msgspec.structs.replace(seed, broker_port=broker.port, password="r")
    station.identities[identity.receiver] = identity
    post = Post(station, identity, tmp_path)
    process = post.start()
    try:
        name = issue(post, Audio.of(tmp_path, 1.0), 3.0)
        broker.kill()
        time.sleep(4.5)  # past the airing, with no broker
        assert not station.records_of(name)
        broker.restart()
        station.wait(lambda: station.records_of(name), seconds=60)
    finally:
        process.terminate()
        process.communicate(timeout=20)
        link.stop()
        broker.stop()
    record = station.records_of(name)[0]
    assert record.outcome == "finished"
    assert record.started_at is not None
    assert abs(record.started_at - record.planned_at) <= 20


@pytest.mark.parametrize("content", [None, b"{}", b'{"receiver": 1}', b"\xff\xfe"])
def test_an_identity_that_can_t_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "identity.json"
    if content is not None:
        path.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-m", "devices.receiver", "--identity", path, "--dir", tmp_path / "x", "--output", "null"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert str(path) in done.stderr
    assert "Hãy ghi danh lại" in done.stderr
    assert "Traceback" not in done.stderr
