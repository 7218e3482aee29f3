"""Signatures: compact JWS, algorithm Ed25519 (RFC 9864), claims `typ, iss, aud, seq, iat, exp` and a `body`.

The header names the key (`kid`) and may carry `cert`: the root's certificate of that key, itself such a JWS,
so that a receiver can check a message signed by a key that it has not met yet.

A token is opened on the bytes as they came: three stretches of base64url without padding and nothing else, the header
a JSON object with `alg` Ed25519 and no `crit`, the signature over all before the last dot. That is all of JOSE that
this protocol uses, and it is done for every message of every receiver; the tests hold it against a general library.
"""

from __future__ import annotations

import binascii
import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar, Final, TypeVar

import msgspec
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from msgspec import Struct, field

from core.errors import TruyenThanhError
from devices.protocol.plan import Seq

T = TypeVar("T")

MESSAGE_BYTES_MAX = 1_048_576
HEADER_CHARACTERS_MAX = 4_096
GENESIS = "0" * 64


_COMPACT: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
_TO_PLAIN: Final = bytes.maketrans(b"-_", b"+/")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")


class BadMessage(TruyenThanhError):
    """A message that is not obeyed; `reason` is one of the words of the protocol document."""

    slug = "bad-message"
    status = 422
    vi = "Thông điệp bị từ chối: {reason}."
    en = "The message was refused: {reason}."
    reasons: ClassVar[frozenset[str]] = frozenset(
        {
            "malformed",
            "unknown-key",
            "forged",
            "wrong-type",
            "misaddressed",
            "wrong-issuer",
            "expired",
            "seq-ahead",
            "replayed",
        }
    )

    @property
    def reason(self) -> str:
        return str(self.facts["reason"])


class VerifyKey:
    """A public Ed25519 key. `kid` is the first 32 hexadecimal digits of the SHA-256 of its 32 raw bytes."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.kid = hashlib.sha256(raw).hexdigest()[:32]
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    @classmethod
    def from_hex(cls, text: str) -> VerifyKey:
        return cls(bytes.fromhex(text))

    @property
    def hex(self) -> str:
        return self.raw.hex()

    def verify(self, signature: bytes, signed: bytes) -> bool:
        """Whether this key made the signature over exactly these bytes."""
        try:
            self._key.verify(signature, signed)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """A private Ed25519 key. Its text never shows the key."""

    def __init__(self, seed: bytes) -> None:
        private = Ed25519PrivateKey.from_private_bytes(seed)
        self._private = private
        self.public = VerifyKey(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @classmethod
    def generate(cls) -> SigningKey:
        seed = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return cls(seed)

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes, for the file that keeps them."""
        return self._private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())

    @property
    def kid(self) -> str:
        return self.public.kid

    def sign(self, signed: bytes) -> bytes:
        """The signature over these bytes."""
        return self._private.sign(signed)

    def __repr__(self) -> str:
        return f"SigningKey({self.kid})"


class Claims(Struct, frozen=True, kw_only=True):
    """The payload of every signed message. `iat` and `exp` are Unix seconds; `body` is decoded by its type."""

    typ: str
    iss: str
    aud: str
    seq: Seq
    iat: Seq
    exp: Seq
    body: msgspec.Raw = field(default_factory=lambda: msgspec.Raw(b"{}"))


class Verified(Struct, frozen=True):
    """Claims whose signature held, and the key that made it."""

    claims: Claims
    kid: str


_claims_decoder = msgspec.json.Decoder(Claims)
_bytes_decoder = msgspec.json.Decoder(bytes)
KeyFinder = Callable[[dict[str, Any]], VerifyKey | None]


def sign(
    key: SigningKey,
    *,
    typ: str,
    iss: str,
    aud: str,
    seq: int,
    iat: int,
    exp: int,
    body: Any,
    cert: str | None = None,
) -> bytes:
    """A compact JWS over the claims and the JSON of `body` (a struct of the protocol)."""
    claims = Claims(typ=typ, iss=iss, aud=aud, seq=seq, iat=iat, exp=exp, body=msgspec.Raw(msgspec.json.encode(body)))
    signed = _encoded_header(key.kid, cert) + b"." + _encoded(msgspec.json.encode(claims))
    return signed + b"." + _encoded(key.sign(signed))


@lru_cache(maxsize=64)
def _encoded_header(kid: str, cert: str | None) -> bytes:
    header = {"alg": "Ed25519", "kid": kid} | ({} if cert is None else {"cert": cert})
    return _encoded(json.dumps(header, separators=(",", ":")).encode())


def open_signed(token: bytes, find_key: KeyFinder) -> Verified:
    """Check the signature of a compact JWS and give its claims. Raises `BadMessage`.

    `find_key` gets the protected header and gives the key to check with, or None. Dates, audience and
    sequence are the caller's to check: see `devices.protocol.trust`.
    """
    parts = token.split(b".", 3) if len(token) <= MESSAGE_BYTES_MAX else []
    if len(parts) != 3 or token.translate(None, _COMPACT):
        raise BadMessage(reason="malformed")
    head, payload, signature = parts
    key = find_key(_header(head))
    if key is None:
        raise BadMessage(reason="unknown-key")
    try:
        genuine = key.verify(_decoded(signature), token[: -len(signature) - 1])
    except ValueError:
        genuine = False
    if not genuine:
        raise BadMessage(reason="forged")
    try:
        claims = _claims_decoder.decode(_decoded(payload))
    except (ValueError, RecursionError) as error:
        raise BadMessage(reason="malformed") from error
    return Verified(claims, key.kid)


def peek(token: bytes) -> Claims:
    """The claims of a message that we signed ourselves: nothing is checked."""
    return _claims_decoder.decode(_decoded(token.split(b".")[1]))


def _header(head: bytes) -> dict[str, Any]:
    """The protected header. Any `crit` is refused: this protocol knows none."""
    try:
        header: Any = msgspec.json.decode(_decoded(head)) if len(head) <= HEADER_CHARACTERS_MAX else None
    except (ValueError, RecursionError) as error:
        raise BadMessage(reason="malformed") from error
    if not isinstance(header, dict) or "crit" in header or header.get("alg") != "Ed25519":
        raise BadMessage(reason="malformed")
    return header


def _encoded(raw: bytes) -> bytes:
    """Base64url without padding."""
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=")


def _decoded(part: bytes) -> bytes:
    """The bytes of base64url without padding. Raises `ValueError`. (msgspec reads it twice as fast as `binascii`.)"""
    plain: bytes = _bytes_decoder.decode(b'"' + part.translate(_TO_PLAIN) + b"=" * (-len(part) % 4) + b'"')
    return plain


def decode_body(claims: Claims, kind: type[T]) -> T:
    """The body as a struct of the protocol; unknown members are ignored. Raises `BadMessage("malformed")`."""
    try:
        return msgspec.json.decode(claims.body, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadMessage(reason="malformed") from error


def canonical_sha256(value: Any) -> str:
    """SHA-256 of the RFC 8785 bytes of a struct: what the next record's `prev` must be."""
    return hashlib.sha256(rfc8785.dumps(msgspec.to_builtins(value))).hexdigest()
