"""Keys on disk: made once, whole or refused, and each process with its own only."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from devices.keyring import KeyDamaged, KeyMissing, Keyring
from devices.protocol.trust import EVERY_ROLE, ROLES

NOW = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Keyring.create(tmp_path / "keys", NOW)
    return tmp_path / "keys"


def test_made_once(folder: Path) -> None:
    before = Keyring.load(folder, ROLES)
    again = Keyring.create(folder, NOW)
    assert again.issuer == before.issuer
    assert all(again.key(role).kid == before.key(role).kid for role in ROLES)


def test_only_the_owner_reads_a_private_key(folder: Path) -> None:
    assert {path.name for path in folder.glob("*.key")} == {
        "root.key",
        "receivers-ca.key",
        "broker-ca.key",
        *(f"{role}.key" for role in EVERY_ROLE),
    }
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.glob("*.key"))


def test_a_process_has_no_key_that_it_did_not_ask_for(folder: Path, tmp_path: Path) -> None:
    Keyring.export(folder, ["ack"], tmp_path / "ingest")
    keyring = Keyring.load(tmp_path / "ingest", ["ack"])
    with pytest.raises(KeyMissing):
        keyring.key("plan")
    with pytest.raises(KeyMissing):
        Keyring.load(tmp_path / "ingest", ["plan"])


@pytest.mark.parametrize("name", ["root.pub", "plan.cert", "plan.key"])
@pytest.mark.parametrize("damage", ["", "zz", "00" * 31])
def test_a_damaged_file_is_named(folder: Path, name: str, damage: str) -> None:
    (folder / name).write_text(damage)
    with pytest.raises(KeyDamaged, match=name):
        Keyring.load(folder, ROLES)


def test_a_key_of_another_installation_is_refused(folder: Path, tmp_path: Path) -> None:
    Keyring.create(tmp_path / "other", NOW)
    (folder / "plan.key").write_text((tmp_path / "other" / "plan.key").read_text())
    with pytest.raises(KeyDamaged, match=r"plan\.key"):
        Keyring.load(folder, ROLES)
    (folder / "plan.cert").write_text((tmp_path / "other" / "plan.cert").read_text())
    with pytest.raises(KeyDamaged, match=r"plan\.cert"):
        Keyring.load(folder, ROLES)
