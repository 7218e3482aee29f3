"""The server's keys on disk: an offline root, the online keys that it certifies, and the two TLS authorities.

| file | what | who needs it |
|---|---|---|
| `root.key` | certifies and revokes | nobody online: it may be moved away once the rest is made |
| `root.pub`, `ROLE.cert`, `revocations.jws`, `…-ca.crt` | public | everybody |
| `plan.key`, `command.key` | plans, commands | scheduler |
| `time.key`, `ack.key` | time, watermarks | ingest |
| `enrol.key` | answers to boxes that enrol or renew | web |
| `release.key` | software for receivers | nobody online: it stays where the root is |
| `receivers-ca.key` | client certificates and their revocation list | web, scheduler |
| `broker-ca.key` | the broker's own certificate | nobody online, as the root |

One file a key, readable by its owner only. A process is given a folder and loads just the roles that it needs: a web
process holds nothing that can make a loudspeaker sound.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from core.clock import to_ms
from core.errors import TruyenThanhError
from devices.authority import Authority
from devices.protocol.signing import BadMessage, SigningKey, VerifyKey
from devices.protocol.trust import EVERY_ROLE, ROLES, Revocations, Role, Trust, certify, revoke

RECEIVERS_CA = "receivers-ca"
BROKER_CA = "broker-ca"
REVOCATIONS = "revocations.jws"
ONLINE_KEY_LIFE = timedelta(days=730)
LIST_LIFE = timedelta(days=20 * 365)
BACKDATED = timedelta(minutes=5)  # a receiver's clock may be a little behind when it is enrolled


class KeyMissing(TruyenThanhError):
    slug = "key-missing"
    status = 500
    vi = "Thiếu khóa ký “{role}” trong {folder}. Hãy chạy: truyenthanh keys create, hoặc khôi phục thư mục khóa."
    en = "The signing key “{role}” is missing in {folder}. Run: truyenthanh keys create, or restore the folder."


class KeyDamaged(TruyenThanhError):
    slug = "key-damaged"
    status = 500
    vi = "Khóa ký trong {folder} bị hỏng hoặc không thuộc khóa gốc ở đó ({file}). Hãy khôi phục từ bản sao lưu."
    en = "A signing key in {folder} is damaged or isn't of the root there ({file}). Restore the folder from its backup."


class Keyring:
    """The public root, and the online keys of the roles asked for, each with its certificate."""

    def __init__(
        self,
        root: VerifyKey,
        keys: dict[Role, SigningKey],
        certificates: dict[Role, str],
        revocations: str | None = None,
    ) -> None:
        self.root = root
        self._keys = keys
        self.certificates = certificates
        self.revocations = revocations  # the root's list, or None as long as it revoked nothing

    @property
    def issuer(self) -> str:
        return self.root.kid

    def key(self, role: Role) -> SigningKey:
        if role not in self._keys:
            raise KeyMissing(role=role, folder="this process")
        return self._keys[role]

    def trust(self) -> Trust:
        """What a receiver enrolled now would believe."""
        return Trust(self.root, self.taught, self.revocations)

    @property
    def taught(self) -> list[str]:
        """The certificates that receivers are given: of the keys whose messages go over the broker."""
        return [self.certificates[role] for role in ROLES]

    @classmethod
    def load(cls, folder: Path, roles: Iterable[Role]) -> Keyring:
        """Read the public root, every certificate, and the private keys of `roles`.

        Raises `KeyMissing`; `KeyDamaged` where a file can't be read, a certificate isn't by this root or doesn't
        belong to its key: receivers would refuse whatever is signed so, and nobody would know why.
        """
        wanted, reading = tuple(roles), "root.pub"
        try:
            root = VerifyKey.from_hex((folder / reading).read_text().strip())
            certificates: dict[Role, str] = {}
            kids: dict[Role, str] = {}
            for role in EVERY_ROLE:
                reading = f"{role}.cert"
                if role not in ROLES and role not in wanted and not (folder / reading).exists():
                    continue  # a folder from before there was such a key
                certificates[role] = (folder / reading).read_text().strip()
                kids[role] = Trust(root).learn_key(certificates[role]).kid
            keys: dict[Role, SigningKey] = {}
            for role in wanted:
                reading = f"{role}.key"
                keys[role] = SigningKey(bytes.fromhex((folder / reading).read_text()))
                if keys[role].kid != kids[role]:
                    raise KeyDamaged(folder=folder, file=reading)
            reading = REVOCATIONS
            revocations = _text_if_there(folder / reading)
            Trust(root, (), revocations)
        except FileNotFoundError as error:
            raise KeyMissing(role=Path(error.filename).name, folder=folder) from error
        except (ValueError, BadMessage) as error:
            raise KeyDamaged(folder=folder, file=reading) from error
        return cls(root, keys, certificates, revocations)

    @classmethod
    def create(cls, folder: Path, now: datetime) -> Keyring:
        """Make a root, online keys and TLS authorities in an empty folder; what is there already is kept.

        Where the root's key is at hand, what a folder from an earlier version lacks is added.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (folder / "root.pub").exists():
            root = SigningKey.generate()
            write_secret(folder / "root.key", root.seed.hex())
            _make_missing(folder, root, now)
            # Last, because its presence says that the folder is complete.
            (folder / "root.pub").write_text(root.public.hex + "\n")
        elif (folder / "root.key").exists():
            _make_missing(folder, root_key(folder), now)
        held = [role for role in EVERY_ROLE if role in ROLES or (folder / f"{role}.cert").exists()]
        return cls.load(folder, held)

    @staticmethod
    def export(folder: Path, roles: Iterable[Role], into: Path, *, receivers_ca: bool = False) -> None:
        """Copy the public half and the private keys of `roles`, for a process that needs no others."""
        Keyring.load(folder, ())  # raises KeyMissing before anything is written
        into.mkdir(parents=True, exist_ok=True, mode=0o700)
        secret = [f"{role}.key" for role in roles] + ([f"{RECEIVERS_CA}.key"] if receivers_ca else [])
        for name in secret:
            if not (folder / name).exists():
                raise KeyMissing(role=name, folder=folder)
            write_secret(into / name, (folder / name).read_text().strip())
        public = [*(f"{role}.cert" for role in EVERY_ROLE), f"{RECEIVERS_CA}.crt", f"{BROKER_CA}.crt", REVOCATIONS]
        for name in public:
            if (folder / name).exists():
                (into / name).write_text((folder / name).read_text())
        (into / "root.pub").write_text((folder / "root.pub").read_text())


def root_key(folder: Path) -> SigningKey:
    """The root's private key. Raises `KeyMissing` where it was moved away, `KeyDamaged`."""
    try:
        key = SigningKey(bytes.fromhex((folder / "root.key").read_text()))
    except FileNotFoundError as error:
        raise KeyMissing(role="root.key", folder=folder) from error
    except ValueError as error:
        raise KeyDamaged(folder=folder, file="root.key") from error
    known = _text_if_there(folder / "root.pub")
    if known is not None and known != key.public.hex:
        raise KeyDamaged(folder=folder, file="root.key")
    return key


def public_certificate(folder: Path, name: str) -> str:
    """The certificate of one of the TLS authorities, PEM. Raises `KeyMissing`."""
    text = _text_if_there(folder / f"{name}.crt")
    if text is None:
        raise KeyMissing(role=f"{name}.crt", folder=folder)
    return text + "\n"


def _make_missing(folder: Path, root: SigningKey, now: datetime) -> None:
    for role in EVERY_ROLE:
        if not (folder / f"{role}.cert").exists():
            make_online_key(folder, root, role, now)
    for name, called in ((RECEIVERS_CA, "Truyen Thanh receivers"), (BROKER_CA, "Truyen Thanh broker")):
        if not (folder / f"{name}.crt").exists():
            made = Authority.new(f"{called} {root.kid[:8]}", now)
            write_secret(folder / f"{name}.key", made.key_pem.strip())
            (folder / f"{name}.crt").write_text(made.pem)


def make_online_key(folder: Path, root: SigningKey, role: Role, now: datetime) -> str:
    """A new key for a role, certified by the root; its kid. It takes the place of the one that is there."""
    key = SigningKey.generate()
    write_secret(folder / f"{role}.key", key.seed.hex())
    certificate = certify(root, key.public, role, now - BACKDATED, now + ONLINE_KEY_LIFE)
    (folder / f"{role}.cert").write_text(certificate + "\n")
    return key.kid


def revoke_keys(folder: Path, kids: Iterable[str], now: datetime, *, receivers: Iterable[str] = ()) -> Revocations:
    """Add keys to the root's revocation list, which from the next plan on every receiver learns. Raises `KeyMissing`.

    A key is named by its kid; of `receivers`, which then fall silent, each by the kid of its key or its identifier.
    """
    root = root_key(folder)
    held = Trust(root.public, (), _text_if_there(folder / REVOCATIONS)).revoked
    listed = Revocations(
        seq=max(held.seq + 1, to_ms(now)),
        kids=sorted({*held.kids, *kids}),
        receivers=sorted({*held.receivers, *receivers}),
    )
    text = revoke(root, listed, now - BACKDATED, now + LIST_LIFE)
    (folder / REVOCATIONS).write_text(text + "\n")
    return listed


def _text_if_there(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return None


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first moment on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
