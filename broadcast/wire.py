"""JSON from receivers, made fit to be stored.

PostgreSQL can't hold U+0000 in any text. A receiver may sign one (in the reason of a record, in a file name of an
alarm), and a batch that can't be stored would come again for ever. It is written as the symbol for it. What was signed
is kept beside, as it came: a token is base64, and a record's hash is taken before.
"""

from __future__ import annotations

from typing import Any

import msgspec

# Raw control characters aren't JSON: within a string it can only be written so.
_ESCAPED_NUL = b"\\u0000"
_SYMBOL = "\u2400"  # ␀


def decode(data: bytes | msgspec.Raw, kind: Any) -> Any:
    """Decode to a struct of the protocol, without U+0000. Raises what `msgspec.json.decode` raises."""
    raw = bytes(data)
    if not has_nul(raw):
        return msgspec.json.decode(raw, type=kind)
    return msgspec.convert(storable(msgspec.json.decode(raw)), kind)


def storable(value: Any) -> Any:
    """The same decoded JSON without U+0000."""
    if isinstance(value, str):
        return value.replace("\0", _SYMBOL)
    if isinstance(value, dict):
        return {storable(key): storable(member) for key, member in value.items()}
    if isinstance(value, list):
        return [storable(member) for member in value]
    return value


def has_nul(data: bytes) -> bool:
    """Whether JSON may hold U+0000 (an escaped backslash before "u0000" looks alike: `storable` leaves that)."""
    return _ESCAPED_NUL in data
