"""Random secrets that are handed out once and kept as their SHA-256 only."""

from __future__ import annotations

import hashlib
import hmac
import secrets

API_TOKEN_PREFIX = "tt_"  # noqa: S105 - the visible beginning, so that scanners find leaked tokens


def new_secret() -> str:
    """256 random bits, safe in a cookie and in a header."""
    return secrets.token_urlsafe(32)


def new_api_token() -> str:
    return API_TOKEN_PREFIX + new_secret()


def digest(secret: str) -> str:
    """What is stored of a secret. Its 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def form_token(secret: str) -> str:
    """What a form carries to show that it comes from a page made for this cookie."""
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()


def form_token_fits(secret: str, given: str) -> bool:
    return hmac.compare_digest(form_token(secret).encode(), given.encode())
