"""Software for receivers: a signed release names an object and how a receiver that runs it has to prove itself.

The signature is by a key of the role `release`, which no process of the server holds: whoever holds the server, or the
broker, can offer a receiver only what was signed where the root is kept.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from core.clock import to_ms
from devices.protocol.plan import Id, Manifest
from devices.protocol.resolve import resolve
from devices.protocol.signing import SigningKey, decode_body, sign
from devices.protocol.trust import Trust

RELEASE_BYTES_MAX = 64_000_000


class Release(Struct, frozen=True, kw_only=True):
    """The body of a `release` message, to everybody (`aud` `*`); of two the one with the higher `seq` is newer.

    `object` is a gzipped tar: what comes first on the path of the program, with the version in a file `RELEASE`. A
    receiver that doesn't prove itself within `health_s` goes back to what it ran before.
    """

    release: Id
    version: Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[0-9A-Za-z][0-9A-Za-z.+_-]*$")]
    object: Manifest
    health_s: Annotated[int, Meta(ge=20, le=3600)] = 300
    python: Annotated[str, Meta(max_length=10)] = "3.11"  # the least that it runs on


resolve(Release)


def sign_release(
    key: SigningKey, release: Release, *, issuer: str, certificate: str, now: datetime, until: datetime
) -> str:
    """The release as a compact JWS that carries its key's certificate."""
    token = sign(
        key,
        typ="release",
        iss=issuer,
        aud="*",
        seq=to_ms(now),
        iat=int(now.timestamp()),
        exp=math.ceil(until.timestamp()),
        body=release,
        cert=certificate,
    )
    return token.decode("ascii")


def open_release(token: str, trust: Trust, now: datetime | None) -> tuple[int, Release]:
    """The number and the body of a release that is rightly signed. Raises `BadMessage`."""
    claims = trust.open(token.encode("ascii", "replace"), typ="release", audience="*", now=now)
    return claims.seq, decode_body(claims, Release)
