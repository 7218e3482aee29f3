"""Whom a receiver believes: the root that it pinned at enrolment, the online keys that the root certified,
and the list of keys that the root revoked.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field

from core.clock import to_ms
from devices.protocol.plan import Seq, UnixMs
from devices.protocol.resolve import resolve
from devices.protocol.signing import BadMessage, Claims, SigningKey, VerifyKey, decode_body, open_signed, sign

Role = Literal["plan", "command", "time", "ack", "enrol", "release"]
# Of what goes over the broker; plans carry the certificates of these.
ROLES: tuple[Role, ...] = ("plan", "command", "time", "ack")
EVERY_ROLE: tuple[Role, ...] = (*ROLES, "enrol", "release")

# Which role may sign which message.
ROLE_OF_TYPE: dict[str, Role] = {
    "plan": "plan",
    "command": "command",
    "time": "time",
    "ack": "ack",
    "enrolment": "enrol",
    "release": "release",
}

ALLOWED_SKEW_S = 60  # `iat` may lie this far ahead of the receiver's clock
# Numbers are Unix milliseconds or a little more; one from further ahead, taken once, would make all to come old.
SEQ_AHEAD_MAX_MS = 86_400_000


class KeyCertificate(Struct, frozen=True, kw_only=True):
    """The body of a `key` message: the root says that this key may sign for this role between these instants.

    A role that a receiver doesn't know is kept and never asked for, so that later ones don't disturb it.
    """

    kid: str
    role: str
    key: str  # 32 raw bytes, hexadecimal
    not_before: UnixMs
    not_after: UnixMs


class Revocations(Struct, frozen=True, kw_only=True):
    """The body of a `revocations` message, signed by the root; the one with the highest `seq` holds."""

    seq: Seq
    kids: list[str] = field(default_factory=list)
    receivers: list[str] = field(default_factory=list)


resolve(KeyCertificate, Revocations)


def certify(root: SigningKey, key: VerifyKey, role: Role, not_before: datetime, not_after: datetime) -> str:
    """The root's certificate of an online key, as a compact JWS."""
    body = KeyCertificate(kid=key.kid, role=role, key=key.hex, not_before=to_ms(not_before), not_after=to_ms(not_after))
    return _by_root(root, "key", 0, not_before, not_after, body)


def revoke(root: SigningKey, listed: Revocations, at: datetime, until: datetime) -> str:
    """The root's revocation list, as a compact JWS."""
    return _by_root(root, "revocations", listed.seq, at, until, listed)


def _by_root(root: SigningKey, typ: str, seq: int, at: datetime, until: datetime, body: Any) -> str:
    token = sign(
        root,
        typ=typ,
        iss=root.kid,
        aud="*",
        seq=seq,
        iat=int(at.timestamp()),
        exp=int(until.timestamp()),
        body=body,
    )
    return token.decode("ascii")


class Trust:
    """Checks messages from the server against the pinned root. Holds certificates and revocations in memory."""

    def __init__(self, root: VerifyKey, certificates: Iterable[str] = (), revocations: str | None = None) -> None:
        self.root = root
        self._certificates: dict[tuple[str, str], tuple[KeyCertificate, VerifyKey]] = {}  # by kid and role
        self.revoked = Revocations(seq=0)
        self.revocations_token: str | None = None
        for certificate in certificates:
            self.learn_key(certificate)
        if revocations is not None:
            self.learn_revocations(revocations)

    @property
    def issuer(self) -> str:
        """The `iss` of every message from this installation: the root's kid."""
        return self.root.kid

    def learn_key(self, certificate: str) -> KeyCertificate:
        """Take in a certificate; of two for the same key and role the one that lasts longer holds.

        Raises `BadMessage` if the root didn't sign it.
        """
        body = decode_body(self._from_root(certificate, "key"), KeyCertificate)
        try:
            key = VerifyKey.from_hex(body.key)
        except ValueError as error:
            raise BadMessage(reason="malformed") from error
        if key.kid != body.kid:
            raise BadMessage(reason="malformed")
        held = self._certificates.get((body.kid, body.role))
        if held is None or held[0].not_after < body.not_after:
            self._certificates[body.kid, body.role] = (body, key)
        return body

    def learn_revocations(self, token: str) -> None:
        """Take in a revocation list; an older one than is held changes nothing."""
        listed = decode_body(self._from_root(token, "revocations"), Revocations)
        if listed.seq > self.revoked.seq:
            self.revoked, self.revocations_token = listed, token

    def open(self, token: bytes, *, typ: str, audience: str, now: datetime | None) -> Claims:
        """The claims of a message from the server: signature, role, issuer, audience and dates checked.

        `now` None (no trustworthy time): dates, and whether `seq` lies more than `SEQ_AHEAD_MAX_MS` ahead, are not
        checked, everything else is. Sequences otherwise are the caller's, who keeps the floors. Raises `BadMessage`.
        """
        role = ROLE_OF_TYPE[typ]
        verified = open_signed(token, lambda header: self._key_for(header, role, now))
        claims = verified.claims
        if claims.typ != typ:
            raise BadMessage(reason="wrong-type")
        if claims.iss != self.issuer:
            raise BadMessage(reason="wrong-issuer")
        if claims.aud != audience:
            raise BadMessage(reason="misaddressed")
        if now is not None and not claims.iat - ALLOWED_SKEW_S <= now.timestamp() < claims.exp:
            raise BadMessage(reason="expired")
        if now is not None and claims.seq > to_ms(now) + SEQ_AHEAD_MAX_MS:
            raise BadMessage(reason="seq-ahead")
        return claims

    def _key_for(self, header: dict[str, Any], role: Role, now: datetime | None) -> VerifyKey | None:
        kid = header.get("kid")
        if not isinstance(kid, str):
            return None
        certificate = header.get("cert")
        if isinstance(certificate, str) and not self._in_force(kid, role, now):
            self.learn_key(certificate)
        if kid in self.revoked.kids or not self._in_force(kid, role, now):
            return None
        return self._certificates[kid, role][1]

    def _in_force(self, kid: str, role: Role, now: datetime | None) -> bool:
        """Is this key certified for this role, now? Without a trustworthy time: at all."""
        held = self._certificates.get((kid, role))
        return held is not None and (now is None or held[0].not_before <= to_ms(now) < held[0].not_after)

    def _from_root(self, token: str, typ: str) -> Claims:
        try:
            raw = token.encode("ascii")
        except UnicodeError as error:
            raise BadMessage(reason="malformed") from error
        verified = open_signed(raw, lambda header: self.root if header.get("kid") == self.root.kid else None)
        if verified.claims.typ != typ:
            raise BadMessage(reason="wrong-type")
        return verified.claims
