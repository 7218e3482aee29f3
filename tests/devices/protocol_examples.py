"""The worked examples of docs/receiver-protocol.md, made anew: the document must show exactly these.

`python -m tests.devices.protocol_examples` prints them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import rfc8785

from core.clock import to_ms
from devices.protocol.commands import Command, TimeAnswer, TimeRequest
from devices.protocol.plan import Item, Manifest, Plan, PlanAiring
from devices.protocol.reports import ClockFacts, PlayRecord, Plays
from devices.protocol.signing import GENESIS, SigningKey, canonical_sha256, sign
from devices.protocol.topics import audience, content
from devices.protocol.trust import certify
from devices.protocol.upward import sign_up

DOCUMENT = Path(__file__).parents[2] / "docs" / "receiver-protocol.md"

ROOT, PLAN_KEY, RECEIVER_KEY = (SigningKey(bytes([n]) * 32) for n in (1, 2, 10))
RECEIVER = "01K1XAMP1E0000000000RECE1V"
UNIT = "01K1XAMP1E00000000000000VN"
AIRING = "01K1XAMP1E000000000000A1R1"
ITEMS = ("01K1XAMP1E00000000000000T1", "01K1XAMP1E00000000000000T2")
LOG = "01K1XAMP1E000000000000000G"
STARTS = datetime(2026, 7, 30, 10, 0, tzinfo=UTC)  # 17:00 in Vietnam
ISSUED = datetime(2026, 7, 29, 2, 0, tzinfo=UTC)
OBJECT = bytes(n % 251 for n in range(2_500))  # stands for an Ogg Opus file
CHUNK_BYTES = 1_024


def examples() -> dict[str, str]:
    """Name → what stands in the document's block."""
    certificate = certify(
        ROOT, PLAN_KEY.public, "plan", datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    )
    plan_token = sign(
        PLAN_KEY,
        typ="plan",
        iss=ROOT.kid,
        aud=audience(RECEIVER),
        seq=to_ms(ISSUED),
        iat=int(ISSUED.timestamp()),
        exp=to_ms(STARTS) // 1000 + 172_800,
        body=_plan(),
    )
    first, second = _records()
    plays = sign_up(
        RECEIVER_KEY,
        typ="plays",
        receiver=RECEIVER,
        root_kid=ROOT.kid,
        seq=to_ms(STARTS) + 60_000,
        iat=int(STARTS.timestamp()) + 60,
        body=Plays(records=[first, second]),
    )
    return {
        "keys": "\n".join(
            f"{name:<9} seed   {key.seed.hex()}\n          public {key.public.hex}\n          kid    {key.kid}"
            for name, key in (("root", ROOT), ("plan key", PLAN_KEY), ("receiver", RECEIVER_KEY))
        ),
        "certificate": certificate,
        "certificate header": _shown(_part(certificate, 0)),
        "certificate claims": _shown(_part(certificate, 1)),
        "plan": plan_token.decode(),
        "plan header": _shown(_part(plan_token.decode(), 0)),
        "plan claims": _shown(_part(plan_token.decode(), 1)),
        "chunks": "\n".join(
            f"{content(_sha256(OBJECT), CHUNK_BYTES, n)}\n    {len(chunk)} bytes, SHA-256 {_sha256(chunk)}"
            for n, chunk in enumerate(_chunks())
        ),
        "time request": _shown(msgspec.to_builtins(TimeRequest(nonce="6f1e0c2b9a8d47f5"))),
        "time answer": _shown(
            msgspec.to_builtins(
                TimeAnswer(nonce="6f1e0c2b9a8d47f5", received=1_785_405_600_100, sent=1_785_405_600_104)
            )
        ),
        "first record": rfc8785.dumps(msgspec.to_builtins(first)).decode(),
        "first hash": canonical_sha256(first),
        "second record": rfc8785.dumps(msgspec.to_builtins(second)).decode(),
        "second hash": canonical_sha256(second),
        "plays": plays.decode(),
        "stop": _shown(
            msgspec.to_builtins(Command(id="01K1XAMP1E0000000000000ST0", name="stop", stops_airing=AIRING)),
            only=("id", "name", "stops_airing"),
        ),
    }


def in_document(text: str | None = None) -> dict[str, str]:
    """Name → block, of every block in the document that is marked as an example."""
    text = DOCUMENT.read_text() if text is None else text
    return dict(re.findall(r"<!-- example: ([^>]+) -->\n```\w*\n(.*?)\n```", text, re.DOTALL))


def _plan() -> Plan:
    manifest = Manifest(
        sha256=_sha256(OBJECT),
        bytes=len(OBJECT),
        chunk_bytes=CHUNK_BYTES,
        chunk_sha256=[_sha256(chunk) for chunk in _chunks()],
    )
    return Plan(
        receiver=RECEIVER,
        revision=to_ms(ISSUED),
        valid_from=to_ms(ISSUED),
        valid_until=to_ms(STARTS) + 172_800_000,
        unit=UNIT,
        airings=[
            PlanAiring(
                airing=AIRING,
                starts_at=to_ms(STARTS),
                ends_at=to_ms(STARTS) + 20_000,
                items=[Item(item=item, duration_ms=8_000, sha256=manifest.sha256) for item in ITEMS],
                title="Bản tin 30/7",
            )
        ],
        objects=[manifest],
    )


def _records() -> tuple[PlayRecord, PlayRecord]:
    starts, revision = to_ms(STARTS), to_ms(ISSUED)
    first = PlayRecord(
        log=LOG,
        seq=1,
        airing=AIRING,
        item=ITEMS[0],
        prev=GENESIS,
        outcome="finished",
        planned_at=starts,
        plan_revision=revision,
        clock=ClockFacts(source="signed", error_ms=6.5),
        sha256=_sha256(OBJECT),
        started_at=starts + 1,
        ended_at=starts + 8_001,
        played_ms=8_000,
        volume=80,
        output_dbfs=-21.3,
    )
    second = PlayRecord(
        log=LOG,
        seq=2,
        airing=AIRING,
        item=ITEMS[1],
        prev=canonical_sha256(first),
        outcome="partial",
        planned_at=starts + 8_000,
        plan_revision=revision,
        clock=ClockFacts(source="signed", error_ms=6.5),
        sha256=_sha256(OBJECT),
        started_at=starts + 8_001,
        ended_at=starts + 11_001,
        played_ms=3_000,
        reason="power-off",
        volume=80,
        output_dbfs=-21.4,
    )
    return first, second


def _chunks() -> list[bytes]:
    return [OBJECT[at : at + CHUNK_BYTES] for at in range(0, len(OBJECT), CHUNK_BYTES)]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _part(token: str, n: int) -> Any:
    segment = token.split(".")[n]
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))


def _shown(value: Any, *, only: tuple[str, ...] = ()) -> str:
    if only:
        value = {name: value[name] for name in only}
    return json.dumps(value, ensure_ascii=False, indent=2)


if __name__ == "__main__":
    for name, block in examples().items():
        sys.stdout.write(f"<!-- example: {name} -->\n{block}\n\n")
