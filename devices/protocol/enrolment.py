"""How a box becomes a receiver: the code on paper, and the messages that the box and the server exchange over HTTP.

The code is 16 symbols of Crockford's base 32 (80 random bits, the secret) and the 32 hexadecimal digits of the root's
kid, printed in groups of four. It gives the box both a proof of its own and the anchor of all that it will believe:
an answer counts only if it is signed by a key that *this* root certified for enrolling. So enrolling is safe over a
line that others listen to or change.

The secret itself never travels and is kept nowhere. As in SCRAM (RFC 5802), with K = SHA-256(label ‖ secret):

    stored at the server    S = SHA-256(K)
    names the code          tag = the first 16 bytes of SHA-256("tag" ‖ S)
    proves the code         K xor HMAC-SHA-256(S, transcript); the server takes the HMAC off and checks SHA-256(K) = S

Who reads the database can't use a code, and who hears a proof can't use it for another key: the transcript holds the
box's public key and its nonce. That the box has the private key is proved by its signature over the whole request, and
that of its TLS key by the certificate signing request's own.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta, Struct, field

from core.errors import TruyenThanhError
from devices.protocol.plan import Id, Sha256, UnixMs
from devices.protocol.reports import Text
from devices.protocol.resolve import resolve
from devices.protocol.signing import BadMessage, SigningKey, VerifyKey, decode_body, open_signed, sign

SECRET_SYMBOLS = 16
ROOT_DIGITS = 32
GROUP = 4
LABEL = b"truyenthanh enrolment "

_SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("OIL", "011", " -.\t\n\r\u00a0")

Nonce = Annotated[str, Meta(min_length=16, max_length=64)]
Pem = Annotated[str, Meta(max_length=8192)]


class CodeMalformed(TruyenThanhError):
    slug = "enrolment-code-malformed"
    status = 422
    vi = "Mã ghi danh chưa đúng: {why}. Hãy chép lại đủ 12 nhóm bốn ký tự trên phiếu, hoặc quét mã QR."
    en = "The enrolment code is not right: {why}. Copy all 12 groups of four from the sheet, or scan the QR code."


@dataclass(frozen=True, slots=True)
class Code:
    """A one-time code. `secret` and `root` (the kid of the root) in the form that is computed with."""

    secret: str
    root: str

    @classmethod
    def new(cls, root: str) -> Code:
        return cls("".join(secrets.choice(_SYMBOLS) for _ in range(SECRET_SYMBOLS)), root)

    @classmethod
    def parse(cls, text: str) -> Code:
        """Read what a person typed or scanned: any case, any spacing, O for 0, I and L for 1. Raises CodeMalformed."""
        symbols = text.upper().translate(_READ_AS)
        wanted = SECRET_SYMBOLS + ROOT_DIGITS
        if len(symbols) != wanted:
            raise CodeMalformed(
                why=f"có {len(symbols)} ký tự, cần {wanted} / it has {len(symbols)} symbols, {wanted} are needed"
            )
        secret, root = symbols[:SECRET_SYMBOLS], symbols[SECRET_SYMBOLS:]
        if set(secret) - set(_SYMBOLS) or set(root) - set("0123456789ABCDEF"):
            raise CodeMalformed(why="có ký tự không dùng trong mã / it has a symbol that codes don't have")
        return cls(secret, root.lower())

    @property
    def text(self) -> str:
        """In groups of four, as it is printed and typed."""
        return grouped(self.secret + self.root.upper())

    @property
    def stored(self) -> str:
        """What the server keeps, in hexadecimal."""
        return hashlib.sha256(self._key).hexdigest()

    @property
    def tag(self) -> str:
        return tag_of(self.stored)

    def proof(self, key: str, nonce: str) -> str:
        """That whoever has this public key knows the code."""
        mask = _mask(self.stored, key, nonce)
        return bytes(a ^ b for a, b in zip(self._key, mask, strict=True)).hex()

    @property
    def _key(self) -> bytes:
        return hashlib.sha256(LABEL + self.secret.encode("ascii")).digest()

    def __repr__(self) -> str:
        return f"Code({self.tag})"


def tag_of(stored: str) -> str:
    """Which code it is, without telling it."""
    return hashlib.sha256(b"tag" + bytes.fromhex(stored)).hexdigest()[:32]


def proves(stored: str, key: str, nonce: str, proof: str) -> bool:
    """Does the proof belong to the code of which this is stored, and to this public key and nonce?"""
    mask = _mask(stored, key, nonce)
    found = bytes(a ^ b for a, b in zip(bytes.fromhex(proof), mask, strict=True))
    return hmac.compare_digest(hashlib.sha256(found).digest(), bytes.fromhex(stored))


def _mask(stored: str, key: str, nonce: str) -> bytes:
    return hmac.digest(bytes.fromhex(stored), LABEL + f"{key}\n{nonce}".encode(), "sha256")


def grouped(text: str) -> str:
    return "-".join(text[at : at + GROUP] for at in range(0, len(text), GROUP))


class EnrolRequest(Struct, frozen=True, kw_only=True):
    """The body of an `enrol` message."""

    code: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]  # its tag
    proof: Sha256
    csr: Pem  # for the broker's TLS; its subject is not looked at
    nonce: Nonce
    machine: Text = ""
    software: Text = ""


class EnrolCall(Struct, frozen=True, kw_only=True):
    """What goes over HTTP: the box's public Ed25519 key (32 raw bytes), and the message that it signed."""

    key: Sha256
    request: str


class RenewCall(Struct, frozen=True, kw_only=True):
    """The same for a receiver, whose key the server knows."""

    receiver: Id
    request: str


class RenewRequest(Struct, frozen=True, kw_only=True):
    """The body of a `renew` message, signed by the receiver's key."""

    csr: Pem
    nonce: Nonce
    machine: Text = ""
    software: Text = ""


class Broker(Struct, frozen=True, kw_only=True):
    """`ca`: PEM of the CA that the broker's certificate is by; empty: no TLS, and the password is for this box."""

    host: str
    port: Annotated[int, Meta(ge=1, le=65_535)]
    ca: str = ""
    password: str = ""


class Enrolment(Struct, frozen=True, kw_only=True):
    """The body of an `enrolment` message: the answer to both requests, signed by a key certified for enrolling."""

    nonce: Nonce
    receiver: Id
    name: Text  # of the place, for whoever stands at the box
    at: UnixMs
    broker: Broker
    certificate: str = ""  # PEM, the client certificate for the key of the request's CSR; empty: no TLS
    certificates: list[str] = field(default_factory=list)  # of the online keys, by the root
    revocations: str | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """What comes back over HTTP: the root's public key, which the code's fingerprint must fit, and the message."""

    root: Sha256
    enrolment: str


resolve(EnrolCall, EnrolRequest, RenewCall, RenewRequest, Enrolment, Answer)


def box(key: VerifyKey) -> str:
    """Who asks, before it has a receiver's identifier; and whom the answer is for."""
    return f"box/{key.kid}"


def sign_enrol(key: SigningKey, body: EnrolRequest, *, root: str) -> bytes:
    return sign(key, typ="enrol", iss=box(key.public), aud=root, seq=0, iat=0, exp=0, body=body)


def open_enrol(token: bytes, key: VerifyKey, *, root: str) -> EnrolRequest:
    """What a box asks with this key, which it has proved to hold. Raises `BadMessage`."""
    claims = open_signed(token, lambda header: key if header.get("kid") == key.kid else None).claims
    if claims.typ != "enrol":
        raise BadMessage(reason="wrong-type")
    if claims.iss != box(key):
        raise BadMessage(reason="wrong-issuer")
    if claims.aud != root:
        raise BadMessage(reason="misaddressed")
    return decode_body(claims, EnrolRequest)


def sign_enrolment(
    key: SigningKey, body: Enrolment, *, root: str, audience: str, cert: str, iat: int, exp: int
) -> bytes:
    return sign(key, typ="enrolment", iss=root, aud=audience, seq=body.at, iat=iat, exp=exp, body=body, cert=cert)
