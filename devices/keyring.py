"""The server's keys on disk: an offline root and the online keys that it certifies.

One file a key, readable by its owner only; the root's may be moved away once the online keys are certified.
A process is given the folder and loads just the roles that it needs, so web processes hold none.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from core.errors import TruyenThanhError
from devices.protocol.signing import BadMessage, SigningKey, VerifyKey
from devices.protocol.trust import ROLES, Role, Trust, certify

ONLINE_KEY_LIFE = timedelta(days=730)
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

    def __init__(self, root: VerifyKey, keys: dict[Role, SigningKey], certificates: dict[Role, str]) -> None:
        self.root = root
        self._keys = keys
        self.certificates = certificates

    @property
    def issuer(self) -> str:
        return self.root.kid

    def key(self, role: Role) -> SigningKey:
        if role not in self._keys:
            raise KeyMissing(role=role, folder="this process")
        return self._keys[role]

    def trust(self) -> Trust:
        """What a receiver enrolled now would believe."""
        return Trust(self.root, self.certificates.values())

    @classmethod
    def load(cls, folder: Path, roles: Iterable[Role]) -> Keyring:
        """Read the public root, every certificate, and the private keys of `roles`.

        Raises `KeyMissing`; `KeyDamaged` where a file can't be read, a certificate isn't by this root or doesn't
        belong to its key: receivers would refuse whatever is signed so, and nobody would know why.
        """
        reading = "root.pub"
        try:
            root = VerifyKey.from_hex((folder / reading).read_text().strip())
            certificates: dict[Role, str] = {}
            kids: dict[Role, str] = {}
            for role in ROLES:
                reading = f"{role}.cert"
                certificates[role] = (folder / reading).read_text().strip()
                kids[role] = Trust(root).learn_key(certificates[role]).kid
            keys: dict[Role, SigningKey] = {}
            for role in roles:
                reading = f"{role}.key"
                keys[role] = SigningKey(bytes.fromhex((folder / reading).read_text()))
                if keys[role].kid != kids[role]:
                    raise KeyDamaged(folder=folder, file=reading)
        except FileNotFoundError as error:
            raise KeyMissing(role=Path(error.filename).name, folder=folder) from error
        except (ValueError, BadMessage) as error:
            raise KeyDamaged(folder=folder, file=reading) from error
        return cls(root, keys, certificates)

    @classmethod
    def create(cls, folder: Path, now: datetime) -> Keyring:
        """Make a root and online keys in an empty folder; where they are already, they are loaded instead."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (folder / "root.pub").exists():
            return cls.load(folder, ROLES)
        root = SigningKey.generate()
        write_secret(folder / "root.key", root.seed.hex())
        for role in ROLES:
            key = SigningKey.generate()
            write_secret(folder / f"{role}.key", key.seed.hex())
            certificate = certify(root, key.public, role, now - BACKDATED, now + ONLINE_KEY_LIFE)
            (folder / f"{role}.cert").write_text(certificate + "\n")
        # Last, because its presence says that the folder is complete.
        (folder / "root.pub").write_text(root.public.hex + "\n")
        return cls.load(folder, ROLES)

    @staticmethod
    def export(folder: Path, roles: Iterable[Role], into: Path) -> None:
        """Copy the public half and the private keys of `roles`, for a process that needs no others."""
        Keyring.load(folder, ())  # raises KeyMissing before anything is written
        into.mkdir(parents=True, exist_ok=True, mode=0o700)
        for role in roles:
            write_secret(into / f"{role}.key", (folder / f"{role}.key").read_text().strip())
        for name in (*(f"{role}.cert" for role in ROLES), "root.pub"):
            (into / name).write_text((folder / name).read_text())


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first moment on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
