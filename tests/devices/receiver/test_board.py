"""What the technician on the pole is told, and first of all what keeps the box from sounding."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from api.cli import app
from core.clock import SystemClock, to_ms
from devices.receiver import board
from devices.receiver.board import Facts
from tests.devices.receiver.scene import Scene
from tests.devices.receiver.station import airing

NOW = to_ms(SystemClock().now())
WELL = Facts(
    pid=os.getpid(),
    at=NOW,
    receiver="01K0Q3V5K8E2Z6W7RBN4T9XYSD",
    place="Nhà văn hóa thôn Chùa",
    software="truyenthanh 1",
    broker="mqtt.example.vn:8883",
    connected=True,
    clock_error_ms=4.0,
    revision=1,
    valid_until=NOW + 1_000_000,
    free_bytes=10**9,
)


def test_when_all_is_well_nothing_is_wrong() -> None:
    assert board.wrongs(WELL, NOW) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pid": 2**22 - 1}, "không chạy"),
        ({"at": NOW - 600_000}, "không chạy"),
        ({"silenced": "revoked"}, "ghi danh lại"),
        ({"output_wrong": "the stream has ended"}, "cạc âm thanh"),
        ({"connected": False}, "mạng, SIM"),
        ({"clock_error_ms": None}, "giờ tin được"),
        ({"revision": 0}, "chưa có kế hoạch"),
        ({"valid_until": NOW - 1}, "hết hạn"),
        ({"free_bytes": 1_000}, "sắp đầy"),
    ],
)
def test_each_thing_that_is_wrong_is_said(changes: dict[str, object], said: str) -> None:
    wrongs = board.wrongs(msgspec.structs.replace(WELL, **changes), NOW)
    assert len(wrongs) == 1
    assert said in wrongs[0]


def test_the_agent_keeps_it_up_to_date_and_the_command_says_it(scene: Scene) -> None:
    scene.run()
    scene.plan(airing(scene.stage.soon(600), [scene.short]))
    folder = scene.stage.folder / scene.receiver

    def held() -> bool:
        facts = board.read(folder)
        return facts is not None and facts.connected and facts.revision > 0 and facts.objects == 1

    scene.station.command(scene.receiver, scene.play_now(scene.short))
    scene.station.wait(held)
    done = CliRunner().invoke(app, ["receiver", "status", "--dir", str(folder)])
    assert done.exit_code == 0, done.output
    assert scene.receiver in done.output
    assert "Sẵn sàng phát" in done.output


def test_where_it_never_ran_the_command_says_what_to_do(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["receiver", "status", "--dir", str(tmp_path)])
    assert done.exit_code == 1
    assert "systemctl enable" in done.output


def test_a_damaged_file_is_as_none(tmp_path: Path) -> None:
    (tmp_path / board.NAME).write_bytes(b"\xff{")
    assert board.read(tmp_path) is None
