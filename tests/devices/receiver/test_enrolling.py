"""`receiver enrol` on the box: keys before the question, the identity after a good answer, nothing half-written."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from core.errors import Conflict
from devices.protocol.enrolment import Code, CodeMalformed
from devices.receiver.enrolling import enrol_box
from devices.receiver.office import ServerUnreachable

CODE = Code.new("00" * 16).text


def nobody() -> str:
    """An address at which nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_without_an_answer_the_keys_are_kept_for_the_next_time(tmp_path: Path) -> None:
    path, address = tmp_path / "box" / "identity.json", nobody()
    for _ in range(2):
        with pytest.raises(ServerUnreachable, match="the code holds"):
            enrol_box(address, CODE, path)
    (pending,) = path.parent.iterdir()
    kept = pending.read_bytes()
    assert pending.name == "identity.json.pending"
    assert stat.S_IMODE(pending.stat().st_mode) == 0o600
    with pytest.raises(ServerUnreachable):
        enrol_box(address, CODE, path)
    assert pending.read_bytes() == kept
    with pytest.raises(ServerUnreachable):
        enrol_box(address, Code.new("00" * 16).text, path)  # another code: other keys
    assert pending.read_bytes() != kept
    assert Code.parse(CODE).secret.encode() not in kept


def test_what_is_typed_wrongly_is_told_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "identity.json"
    with pytest.raises(CodeMalformed):
        enrol_box("http://127.0.0.1", "ABCD", path)
    for address in ("127.0.0.1", "ftp://x", "http://", "mqtt://x"):
        with pytest.raises(ServerUnreachable, match="begin with"):
            enrol_box(address, CODE, path)
    assert list(tmp_path.iterdir()) == []


def test_a_machine_that_is_enrolled_is_not_enrolled_by_mistake(tmp_path: Path) -> None:
    path = tmp_path / "identity.json"
    path.write_text("an identity")
    with pytest.raises(Conflict, match="--again"):
        enrol_box(nobody(), CODE, path)
    with pytest.raises(ServerUnreachable):
        enrol_box(nobody(), CODE, path, again=True)
    assert path.read_text() == "an identity"  # given up only for a good answer
