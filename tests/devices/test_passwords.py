"""Broker passwords: the same format as mosquitto's own tool, and a file that is never half there."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DiskFull, Invalid
from devices import passwords
from devices.link import MqttLink
from tests.devices.support import ANA, BINH, eventually
from tests.support.mosquitto import Mosquitto
from tests.support.services import require

# Made once with mosquitto_passwd 2.0.11.
BY_MOSQUITTO = (
    "$7$101$NbJ74Ijxfi/K3CeV$SIEyRZkrBA5PsQIIzLpMRDYf08xtq5q9HTksLek5yjD7xZxI8fQA2wypvmvaMWuobQ91kAQ8IkUtIvmWkG6vRA=="
)


def test_a_hash_of_mosquittos_tool_is_understood() -> None:
    assert passwords.verify("secret", BY_MOSQUITTO)
    assert not passwords.verify("Secret", BY_MOSQUITTO)


def test_our_hash_has_the_same_shape() -> None:
    made = passwords.hashed("mật khẩu")
    assert made != passwords.hashed("mật khẩu")
    assert passwords.verify("mật khẩu", made)
    assert [len(part) for part in made.split("$")] == [len(part) for part in BY_MOSQUITTO.split("$")]


@given(st.text())
def test_what_is_no_hash_verifies_nothing(stored: str) -> None:
    assert not passwords.verify("secret", stored)


@pytest.mark.parametrize("stored", ["", "$6$abc$def", "$7$0$AAAA$AAAA", "$7$999999999999$AAAA$AAAA", "$7$x$AAAA$AAAA"])
def test_a_hash_in_another_format_is_refused(stored: str) -> None:
    assert not passwords.verify("", stored)


def test_mosquittos_tool_understands_our_file(tmp_path: Path) -> None:
    """It rewrites one user's line and keeps the others as they are."""
    require("mosquitto")
    path = tmp_path / "passwords"
    held = {"server": passwords.hashed("1"), ANA: passwords.hashed("2")}
    passwords.write_file(path, held)
    subprocess.run(["mosquitto_passwd", "-b", path, "server", "3"], check=True, capture_output=True)
    now = passwords.read_file(path)
    assert passwords.verify("3", now["server"])
    assert now[ANA] == held[ANA]


def test_mosquitto_lets_in_who_is_in_the_file_and_cuts_off_who_no_longer_is(tmp_path: Path) -> None:
    ours, theirs = passwords.generate(), passwords.generate()
    with Mosquitto(tmp_path, {ANA: ours, BINH: theirs}) as mosquitto:
        ana, binh = (
            MqttLink(host=mosquitto.host, port=mosquitto.port, client_id=name, username=name, password=password)
            for name, password in ((ANA, ours), (BINH, theirs))
        )
        ana.start()
        binh.start()
        eventually(lambda: ana.connected and binh.connected)
        kept = passwords.read_file(mosquitto.password_file)
        passwords.write_file(mosquitto.password_file, {BINH: kept[BINH]})
        mosquitto.reload()
        eventually(lambda: "refused" in str(ana.last_error))
        assert not ana.connected
        assert binh.connected
        ana.stop()
        binh.stop()


def test_the_file_is_written_only_when_it_changes_and_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "passwords"
    held = {ANA: passwords.hashed("1")}
    assert passwords.write_file(path, held)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    before = path.stat().st_mtime_ns
    assert not passwords.write_file(path, held)
    assert path.stat().st_mtime_ns == before
    assert passwords.write_file(path, {})
    assert passwords.read_file(path) == {}
    assert passwords.read_file(tmp_path / "none") == {}


@pytest.mark.parametrize("name", ["", "a:b", "a\nb", "a\0b"])
def test_a_name_that_would_break_the_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid):
        passwords.write_file(tmp_path / "passwords", {name: passwords.hashed("1")})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "passwords"
    passwords.write_file(path, {ANA: passwords.hashed("1")})
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull):
        passwords.write_file(path, {})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
