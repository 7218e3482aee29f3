"""Passwords: argon2id hashes, and the one rule that helps: length.

Length over rules of composition follows NIST SP 800-63B, 3.1.1.2.
"""

from __future__ import annotations

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from api.auth.errors import PasswordTooEasy, PasswordTooShort

LEAST_CHARACTERS = 12
MOST_CHARACTERS = 1000  # beyond this it is an attempt to keep the processor busy

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # OWASP's floor: 19 MiB, 2 passes

# Checked against when the name is unknown, so that an unknown name takes as long as a wrong password.
_NOBODY = _hasher.hash("nobody has this password")


def _normal(password: str) -> str:
    # The same Vietnamese letter can be typed composed or decomposed.
    return unicodedata.normalize("NFC", password)


def check_strength(password: str, *, username: str) -> None:
    """Raises `PasswordTooShort` or `PasswordTooEasy`."""
    normal = _normal(password)
    if not LEAST_CHARACTERS <= len(normal) <= MOST_CHARACTERS:
        raise PasswordTooShort(length=len(normal), least=LEAST_CHARACTERS)
    lower = normal.lower()
    # Few different letters, or little beside the name: guessed first.
    if len(set(lower)) < 5 or len(lower.replace(username.lower(), "")) < 4:
        raise PasswordTooEasy


def hash_password(password: str) -> str:
    """An argon2id hash with its parameters in it."""
    return _hasher.hash(_normal(password))


def verify(password: str, stored: str | None) -> bool:
    """Whether the password fits. `stored` None (no such account) takes as long and is never right."""
    try:
        _hasher.verify(stored or _NOBODY, _normal(password)[:MOST_CHARACTERS])
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)
