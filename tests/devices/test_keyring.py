"""Keys on disk: made once, whole or refused, and each process with its own only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devices.authority import Authority, AuthorityMissing
from devices.keyring import (
    RECEIVERS_CA,
    KeyDamaged,
    KeyMissing,
    Keyring,
    make_online_key,
    revoke_keys,
    root_key,
)
from devices.protocol.signing import BadMessage, sign
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


def test_a_folder_from_before_there_was_enrolling_gets_what_it_lacks(folder: Path) -> None:
    before = Keyring.load(folder, ROLES)
    for name in ("enrol.key", "enrol.cert", "receivers-ca.key", "receivers-ca.crt", "broker-ca.key", "broker-ca.crt"):
        (folder / name).unlink()
    Keyring.load(folder, ROLES)  # serves as before
    with pytest.raises(KeyMissing, match="enrol"):
        Keyring.load(folder, ("enrol",))
    with pytest.raises(AuthorityMissing):
        Authority.load(folder, RECEIVERS_CA)
    after = Keyring.create(folder, NOW)
    assert after.issuer == before.issuer
    assert {role: after.key(role).kid for role in ROLES} == {role: before.key(role).kid for role in ROLES}
    assert after.key("enrol").kid
    Authority.load(folder, RECEIVERS_CA)


def test_an_authority_whose_files_do_not_belong_together_is_none(folder: Path, tmp_path: Path) -> None:
    Keyring.create(tmp_path / "other", NOW)
    (folder / f"{RECEIVERS_CA}.key").write_text((tmp_path / "other" / f"{RECEIVERS_CA}.key").read_text())
    with pytest.raises(AuthorityMissing):
        Authority.load(folder, RECEIVERS_CA)


def test_web_has_what_enrols_and_nothing_that_sounds(folder: Path, tmp_path: Path) -> None:
    Keyring.export(folder, ["enrol"], tmp_path / "web", receivers_ca=True)
    assert {path.name for path in (tmp_path / "web").glob("*.key")} == {"enrol.key", "receivers-ca.key"}
    Keyring.load(tmp_path / "web", ["enrol"])
    with pytest.raises(KeyMissing, match="root"):
        root_key(tmp_path / "web")


def test_an_exchanged_key_and_a_revoked_one(folder: Path) -> None:
    """Who believes the old key learns the new one from the root's word, and forgets the old one the same way."""
    old = Keyring.load(folder, ROLES)
    trust = old.trust()
    make_online_key(folder, root_key(folder), "plan", NOW)
    new = Keyring.load(folder, ROLES)
    now = NOW + timedelta(hours=1)

    def message(keyring: Keyring, *, cert: bool) -> bytes:
        at = int(now.timestamp())
        return sign(
            keyring.key("plan"), typ="plan", iss=keyring.issuer, aud="rx/x", seq=1, iat=at, exp=at + 60, body={},
            cert=keyring.certificates["plan"] if cert else None,
        )  # fmt: skip

    with pytest.raises(BadMessage, match="unknown-key"):
        trust.open(message(new, cert=False), typ="plan", audience="rx/x", now=now)
    trust.open(message(new, cert=True), typ="plan", audience="rx/x", now=now)
    trust.open(message(old, cert=False), typ="plan", audience="rx/x", now=now)
    listed = revoke_keys(folder, [old.key("plan").kid], NOW)
    first = Keyring.load(folder, ()).revocations
    assert first is not None
    again = revoke_keys(folder, ["ab" * 16], NOW)
    assert (again.seq, set(again.kids)) == (listed.seq + 1, {"ab" * 16, old.key("plan").kid})
    latest = Keyring.load(folder, ()).revocations
    assert latest is not None
    trust.learn_revocations(latest)
    trust.learn_revocations(first)  # an older list that somebody kept brings nothing back
    for cert in (False, True):
        with pytest.raises(BadMessage, match="unknown-key"):
            trust.open(message(old, cert=cert), typ="plan", audience="rx/x", now=now)
    assert trust.revoked.seq == again.seq


def test_a_list_of_revoked_keys_that_the_root_did_not_sign_is_refused(folder: Path, tmp_path: Path) -> None:
    Keyring.create(tmp_path / "other", NOW)
    revoke_keys(tmp_path / "other", ["ab" * 16], NOW)
    (folder / "revocations.jws").write_text((tmp_path / "other" / "revocations.jws").read_text())
    with pytest.raises(KeyDamaged, match=r"revocations\.jws"):
        Keyring.load(folder, ())
