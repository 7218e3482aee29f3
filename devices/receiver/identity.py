"""Who a receiver is, and whom it believes: what enrolment gives to a box, kept in one file of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct, field

from core.errors import TruyenThanhError
from devices.protocol import topics
from devices.protocol.reports import Status
from devices.protocol.resolve import resolve
from devices.protocol.signing import BadMessage, SigningKey, VerifyKey
from devices.protocol.trust import Trust


class IdentityUnreadable(TruyenThanhError):
    slug = "identity-unreadable"
    status = 500
    vi = "Không đọc được tệp danh tính {path} của bộ thu: {why}. Hãy ghi danh lại bộ thu hoặc chỉ đúng tệp."
    en = "The receiver's identity file {path} can't be read: {why}. Enrol the receiver again or name the right file."


class IdentityUnwritable(TruyenThanhError):
    slug = "identity-unwritable"
    status = 500
    vi = "Không ghi được tệp danh tính {path}: {why}. Hãy kiểm tra quyền ghi (dùng sudo) và chỗ trống rồi chạy lại."
    en = "The identity file {path} can't be written: {why}. Check the right to write there and the disk, and run again."


class Identity(Struct, frozen=True, kw_only=True):
    """What a box needs to be a receiver of this installation. Never printed: it holds a private key and a password."""

    receiver: str  # the ULID; also the user name at the broker
    key: str  # the box's own Ed25519 seed, 32 bytes, hexadecimal
    root: str  # the installation's root public key, 32 bytes, hexadecimal: the anchor of all trust
    certificates: list[str] = field(default_factory=list)  # of the online keys, each a JWS by the root
    broker_host: str = "127.0.0.1"
    broker_port: int = 1883
    password: str = ""  # at the broker; empty: it comes with its client certificate
    tls_ca: str | None = None  # path of the broker's CA certificate
    ca: str = ""  # the same as PEM text; with neither there is no TLS
    certificate: str = ""  # the client certificate, PEM
    tls_key: str = ""  # its key, PEM
    url: str = ""  # of the server where certificates are renewed; empty: they aren't
    web_ca: str = ""  # PEM of a CA to trust there, beside those of the system
    machine: str = ""  # digest of the machine that was enrolled; empty: not bound to one
    place: str = ""  # where it stands, for whoever looks after the box

    def signing_key(self) -> SigningKey:
        """The key that this receiver signs its reports and records with."""
        return SigningKey(bytes.fromhex(self.key))

    def trust(self, certificates: Iterable[str] = (), revocations: str | None = None) -> Trust:
        """What this receiver believes, with certificates and revocations learnt since enrolment."""
        return Trust(VerifyKey.from_hex(self.root), [*self.certificates, *certificates], revocations)

    def save(self, path: Path) -> None:
        """Write the file whole or not at all; only its owner can read it, from its first moment on."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".new")
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path) -> Identity:
        """Read and check the file. Raises `IdentityUnreadable`."""
        try:
            identity = msgspec.json.decode(path.read_bytes(), type=cls)
            identity.signing_key()
            identity.trust()
        except OSError as error:
            raise IdentityUnreadable(path=path, why=error.strerror or "unreadable") from error
        except (msgspec.DecodeError, UnicodeError, ValueError, BadMessage) as error:
            # The text of the error may quote what is in the file, so only its kind is told.
            raise IdentityUnreadable(path=path, why=type(error).__name__) from error
        return identity

    def __repr__(self) -> str:
        return f"Identity({self.receiver})"


resolve(Identity)


def will(identity: Identity) -> tuple[str, bytes]:
    """The last will of the receiver's link, retained: topic and payload. Whoever builds the link passes it on."""
    return topics.up(identity.receiver, "status"), msgspec.json.encode(Status(online=False))
