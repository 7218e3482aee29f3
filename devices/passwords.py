"""Passwords at the broker, in the format of mosquitto's password_file: `$7$`, PBKDF2 with HMAC-SHA512.

The same hash serves mosquitto and the embedded broker. Passwords are made by us with 192 random bits, so the number
of iterations is mosquitto's own (101): it makes no guess at such a password any more likely, and three hundred
receivers that come back at once cost the broker nothing.
"""

from __future__ import annotations

import base64
import binascii
import errno
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from core.errors import DiskFull, Invalid

ITERATIONS = 101
ITERATIONS_MAX = 10_000_000  # beyond this a hash is refused rather than computed
SALT_BYTES = 12
HASH_BYTES = 64


def generate() -> str:
    """A new password: 192 random bits, 32 characters that need no quoting anywhere."""
    return secrets.token_urlsafe(24)


def hashed(password: str, *, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """`$7$iterations$salt$hash`, as `mosquitto_passwd` writes it."""
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    return f"$7${iterations}${_base64(salt)}${_base64(_derive(password, salt, iterations))}"


def verify(password: str, stored: str) -> bool:
    """Does the password belong to this hash? False for a hash in any other format. Takes constant time."""
    try:
        _, kind, iterations, salt, expected = stored.split("$")
        rounds, raw_salt, raw = int(iterations), _unbase64(salt), _unbase64(expected)
    except (ValueError, binascii.Error):
        return False
    if kind != "7" or not 1 <= rounds <= ITERATIONS_MAX or len(raw) != HASH_BYTES:
        return False
    return hmac.compare_digest(_derive(password, raw_salt, rounds), raw)


def read_file(path: Path) -> dict[str, str]:
    """User → hash of a password_file; empty where there is none."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    return {name: value for name, found, value in (line.partition(":") for line in lines) if found}


def write_file(path: Path, hashes: Mapping[str, str]) -> bool:
    """Make `path` mosquitto's password_file of exactly these users (name → `$7$` hash); False if it was so already.

    A whole new file takes the place of the old one, so that mosquitto, which reads it on SIGHUP, never sees a half.
    It is readable by its owner and, as mosquitto runs as a user of its own, by the owner's group. Raises `Invalid`
    for a name or hash that would break a line, `DiskFull`.
    """
    for name, value in hashes.items():
        if not name or set(name + value) & set("\r\n\0") or ":" in name:
            raise Invalid(what=f"tên “{name}” không dùng được ở máy chủ MQTT / “{name}” can't be a name at the broker")
    data = "".join(f"{name}:{value}\n" for name, value in sorted(hashes.items())).encode()
    if path.exists() and path.read_bytes() == data:
        return False
    write_for_broker(path, data)
    return True


def write_for_broker(path: Path, data: bytes) -> None:
    """Write a file that mosquitto reads, whole or not at all. Raises `DiskFull`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o640)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull(path=path) from error
        raise


def _derive(password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, HASH_BYTES)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _unbase64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
