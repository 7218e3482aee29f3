"""What a receiver signs: `report`, `plays` and, over HTTP, `renew`. The same JWS as downward, the parties turned round:
`iss` is `rx/{id}`, `aud` is the kid of the installation's root, `kid` the receiver's enrolled key.

Dates are stated, not enforced: a play record that comes months late is still true. Records carry their own numbers;
the `seq` of a message only orders the messages of one receiver.
"""

from __future__ import annotations

from typing import Any, Literal

from devices.protocol import topics
from devices.protocol.signing import BadMessage, Claims, SigningKey, VerifyKey, open_signed, sign

UpType = Literal["report", "plays", "renew"]
LIFE_S = 90 * 86_400


def sign_up(key: SigningKey, *, typ: UpType, receiver: str, root_kid: str, seq: int, iat: int, body: Any) -> bytes:
    """A message from a receiver to its installation. `iat` in Unix seconds."""
    return sign(
        key,
        typ=typ,
        iss=topics.audience(receiver),
        aud=root_kid,
        seq=seq,
        iat=iat,
        exp=iat + LIFE_S,
        body=body,
    )


def open_up(token: bytes, *, typ: UpType, receiver: str, key: VerifyKey, root_kid: str) -> Claims:
    """The claims of what came on the topic of `receiver`, whose enrolled key is `key`. Raises `BadMessage`."""
    claims = open_signed(token, lambda header: key if header.get("kid") == key.kid else None).claims
    if claims.typ != typ:
        raise BadMessage(reason="wrong-type")
    if claims.iss != topics.audience(receiver):
        raise BadMessage(reason="wrong-issuer")
    if claims.aud != root_kid:
        raise BadMessage(reason="misaddressed")
    return claims
