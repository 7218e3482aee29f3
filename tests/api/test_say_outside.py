"""`truyenthanh say` with a voice that sends the text outside: only where an administrator agrees."""

from __future__ import annotations

from pathlib import Path

import pytest

from audio.voices import http
from tests.api.test_cli import Command, command, migrated  # noqa: F401 - fixtures
from tests.audio.test_voices_http import Server, server  # noqa: F401 - a fixture

SAY = ("say", "-", "--voice", "http", "-o", "ra.wav")
TEXT = "Xin chào bà con.".encode()


@pytest.fixture(autouse=True)
def outside(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """The speech server of this machine, taken for one outside."""
    monkeypatch.setattr(http, "_inside", lambda _host: False)
    monkeypatch.setenv("TRUYENTHANH_HTTP_VOICE_URL", f"http://127.0.0.1:{server.server_port}")


def test_where_there_is_a_site_its_administrator_decides(
    migrated: Command,  # noqa: F811
    server: Server,  # noqa: F811
    tmp_path: Path,
) -> None:
    for arguments in (SAY, (*SAY, "--send-outside")):  # who is at the terminal can't agree in the other's place
        done = migrated(*arguments, stdin=TEXT)
        assert (done.status, "truyenthanh voices allow http" in done.err) == (1, True)
    assert server.asked == []
    assert not (tmp_path / "ra.wav").exists()
    assert migrated("voices", "allow", "http").status == 0
    assert migrated(*SAY, stdin=TEXT).status == 0
    assert [body["input"] for _, _, body in server.asked] == ["xin chào bà con."]
    assert migrated("voices", "forbid", "http").status == 0
    assert migrated(*SAY, stdin="Chào.".encode()).status == 1
    assert len(server.asked) == 1


def test_where_there_is_none_each_text_needs_a_yes(command: Command, server: Server) -> None:  # noqa: F811
    done = command(*SAY, stdin=TEXT)
    assert (done.status, "--send-outside" in done.err) == (1, True)
    assert server.asked == []
    assert command(*SAY, "--send-outside", stdin=TEXT).status == 0
    assert len(server.asked) == 1
