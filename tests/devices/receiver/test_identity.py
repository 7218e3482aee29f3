"""The identity file: private, whole, and silent about what it holds."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest

from devices.protocol import topics
from devices.protocol.reports import Status
from devices.receiver.identity import Identity, IdentityUnreadable, will
from devices.receiver.state import FolderOfAnother, State
from tests.devices.receiver.station import Station


def test_it_is_kept_for_its_owner_only_and_read_back(tmp_path: Path) -> None:
    identity = Station.identity_only(tmp_path)
    path = tmp_path / "deep" / "identity.json"
    identity.save(path)
    identity.save(path)  # again, over the first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Identity.load(path) == identity
    assert [found.name for found in path.parent.iterdir()] == ["identity.json"]


def test_its_text_shows_no_secret(tmp_path: Path) -> None:
    identity = msgspec.structs.replace(Station.identity_only(tmp_path), password="rất kín")
    assert identity.key not in f"{identity} {identity!r}"
    assert "rất kín" not in f"{identity} {identity!r}"
    path = tmp_path / "identity.json"
    identity.save(path)
    path.write_text(path.read_text().replace(identity.key, identity.key[:-1]))
    with pytest.raises(IdentityUnreadable) as raised:
        Identity.load(path)
    assert identity.key[:-1] not in str(raised.value)


def test_the_last_will_says_offline(tmp_path: Path) -> None:
    identity = Station.identity_only(tmp_path)
    topic, payload = will(identity)
    assert topic == topics.up(identity.receiver, "status")
    assert msgspec.json.decode(payload, type=Status).online is False


def test_what_one_receiver_recorded_is_not_sent_as_anothers(tmp_path: Path) -> None:
    """A box that was enrolled for another place, started with the folder of before."""
    for _ in range(2):
        state = State(tmp_path / "state.db")
        state.claim("01J00000000000000000000ANA")
        state.close()
    other = State(tmp_path / "state.db")
    with pytest.raises(FolderOfAnother, match="01J00000000000000000000ANA"):
        other.claim("01J0000000000000000000B1NH")
