"""The public contract: the generated document is the committed one, and real messages are what it says."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from core.clock import ManualClock
from core.ids import new_id
from devices.protocol import topics
from devices.protocol.commands import Ack, Command, TimeAnswer, TimeRequest
from devices.protocol.describe import MESSAGES, Described, body_schema, document, to_yaml
from devices.protocol.plan import (
    Area,
    Caps,
    Interval,
    Item,
    Manifest,
    Pinned,
    Plan,
    PlanAiring,
    Relay,
    VolumeStep,
)
from devices.protocol.reports import (
    Alarm,
    Cache,
    ClockFacts,
    CommandResult,
    Hello,
    PlanAccepted,
    PlanRefused,
    PlayRecord,
    Plays,
    Ready,
    Refusal,
    Status,
    Want,
)
from devices.protocol.signing import BadMessage, SigningKey, canonical_sha256, open_signed, sign
from devices.protocol.trust import Trust
from devices.protocol.upward import open_up
from devices.receiver.clock import SignedClock
from tests.devices import protocol_examples
from tests.devices.protocol_examples import DOCUMENT, LOG, PLAN_KEY, RECEIVER, RECEIVER_KEY, ROOT

WHOLE = document()
ROOT_FOLDER = DOCUMENT.parents[1]
SHA = "ab" * 32
FACTS = ClockFacts(source="signed", error_ms=1.5)
MANIFEST = Manifest(sha256=SHA, bytes=2_000, chunk_bytes=1_024, chunk_sha256=[SHA, SHA], urls=["https://x.vn/a"])
RELAY = Relay(source="VOV1", ends_at=2, fallback="object", fallback_sha256=SHA)


def manifested(**facts: Any) -> Plan:
    airing = PlanAiring(
        airing=new_id(),
        starts_at=1,
        ends_at=2,
        items=[Item(item=new_id(), duration_ms=1, sha256=SHA), Item(item=new_id(), duration_ms=1, relay=RELAY)],
        class_="priority",
        title="Bản tin",
        volume=50,
        preempted="resume",
        replaces=new_id(),
        drill=True,
    )
    return Plan(receiver=RECEIVER, revision=1, valid_from=0, valid_until=9, unit=new_id(), airings=[airing], **facts)


def record(**facts: Any) -> PlayRecord:
    return PlayRecord(
        log=LOG,
        seq=1,
        airing=new_id(),
        item=new_id(),
        prev="0" * 64,
        outcome="partial",
        planned_at=1,
        plan_revision=1,
        clock=FACTS,
        **facts,
    )


# For every message of the contract: the least that it can be, and one with everything.
SAMPLES: dict[str, list[Any]] = {
    "plan": [
        Plan(receiver=RECEIVER, revision=1, valid_from=0, valid_until=9, unit=new_id()),
        manifested(
            objects=[MANIFEST],
            areas=[Area(unit=new_id(), from_=1, until=2), Area(unit=new_id())],
            quiet=[Interval(from_=1, until=2)],
            caps=Caps(volume=70),
            volume_curve=[VolumeStep(at=1, volume=2)],
            pinned=[Pinned(sha256=SHA, name="lũ quét")],
            stagger_ms=5,
            keys=["a.b.c"],
            revocations="a.b.c",
        ),
    ],
    "command": [
        Command(id=new_id(), name="refresh"),
        Command(
            id=new_id(),
            name="play-now",
            airing=new_id(),
            class_="emergency",
            items=[Item(item=new_id(), duration_ms=1, sha256=SHA)],
            objects=[MANIFEST],
            drill=True,
            stops_airing=new_id(),
            stops_command=new_id(),
            volume=100,
            until=5,
            duration_ms=6,
            keys=["a.b.c"],
            release="a.b.c",
            reason="lũ",
        ),
    ],
    "areaCommand": [Command(id=new_id(), name="stop")],
    "ack": [Ack(log=LOG, through=0), Ack(log=LOG, through=9, resend_from=3)],
    "timeAnswer": [TimeAnswer(nonce="n" * 16, received=1, sent=2)],
    "timeRequest": [TimeRequest(nonce="n" * 64)],
    "hello": [
        Hello(revision=0, software="x", boot=new_id()),
        Hello(
            revision=9,
            software="x",
            boot=new_id(),
            protocols=[1, 2],
            capabilities=["resume"],
            machine="m",
            cache=Cache(objects=1, bytes=2, free_bytes=3),
            clock=FACTS,
        ),
    ],
    "status": [
        Status(online=False),
        Status(
            online=True,
            at=1,
            playing=new_id(),
            item=new_id(),
            volume=3,
            muted_until=4,
            temperature_c=41.5,
            free_bytes=5,
            signal_dbm=-70.0,
            clock=FACTS,
        ),
    ],
    "report": [
        PlanAccepted(revision=1),
        PlanRefused(reason="forged"),
        PlanRefused(reason="replayed", revision=2),
        Ready(sha256=[SHA]),
        CommandResult(id=new_id(), result="accepted"),
        CommandResult(id=new_id(), result="refused", reason="busy"),
        Want(sha256=SHA, n=0),
        Refusal(topic="tt/1/x", reason="forged"),
        Alarm(name="disk", detail="full"),
    ],
    "plays": [
        Plays(
            records=[
                record(),
                record(
                    sha256=SHA,
                    started_at=1,
                    ended_at=2,
                    played_ms=3,
                    reason="stopped",
                    volume=4,
                    output_dbfs=-20.5,
                    heard_dbfs=-30.0,
                    heard_match=0.5,
                    heard_lag_ms=120,
                    command=new_id(),
                ),
            ]
        )
    ],
}
STRUCTURED = [described for described in MESSAGES if described.form != "bytes"]


def check(schema: dict[str, Any], value: Any) -> None:
    """Validate against a part of the whole document, so that its references resolve."""
    jsonschema.Draft202012Validator(WHOLE | schema).validate(value)


def claims_of(token: bytes) -> tuple[Any, Any]:
    header, claims, _ = (segment + b"=" * (-len(segment) % 4) for segment in token.split(b"."))
    return json.loads(base64.urlsafe_b64decode(header)), json.loads(base64.urlsafe_b64decode(claims))


def test_the_committed_document_is_what_the_code_says() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "devices.protocol.describe"], check=True, capture_output=True, text=True, cwd=ROOT_FOLDER
    ).stdout
    committed = (DOCUMENT.parent / "asyncapi.yaml").read_text()
    assert committed == made, "run: python -m devices.protocol.describe > docs/asyncapi.yaml"


def test_the_yaml_says_what_the_document_says() -> None:
    yaml = pytest.importorskip("yaml")  # comes with amqtt
    assert yaml.safe_load(to_yaml(WHOLE)) == WHOLE


def test_every_reference_leads_somewhere() -> None:
    for reference in set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(WHOLE))):
        at: Any = WHOLE
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]
        assert at


def test_every_schema_is_one() -> None:
    for schema in WHOLE["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_the_table_of_topics_is_the_codes() -> None:
    sha, unit, session = SHA, new_id(), new_id()
    made = {
        *(topics.down(RECEIVER, name) for name in topics.DOWN_NAMES),
        *(topics.up(RECEIVER, name) for name in topics.UP_NAMES),
        topics.area_command(unit),
        topics.content(sha, 1_024, 3),
        topics.live(session),
    }
    filled = {
        channel["address"].format(receiver=RECEIVER, unit=unit, sha256=sha, chunk_bytes=1_024, n=3, session=session)
        for channel in WHOLE["channels"].values()
    }
    assert filled == made
    for operation in WHOLE["operations"].values():
        channel = WHOLE["channels"][operation["channel"]["$ref"].rpartition("/")[2]]
        assert (operation["action"] == "send") == ("/up/" in channel["address"])


@pytest.mark.parametrize("described", STRUCTURED, ids=lambda described: str(described.name))
def test_real_payloads_are_what_the_document_says(described: Described) -> None:
    for body in SAMPLES[described.name]:
        if described.form == "json":
            check(body_schema(described), json.loads(msgspec.json.encode(body)))
            continue
        token = sign(PLAN_KEY, typ=described.typ, iss=ROOT.kid, aud="x", seq=1, iat=1, exp=2, body=body, cert="a.b.c")
        message = WHOLE["components"]["messages"][described.name]
        check(message["payload"], token.decode())
        header, claims = claims_of(token)
        check(message["x-jws"]["header"], header)
        check(message["x-jws"]["claims"], claims)


def test_every_member_of_every_message_was_among_the_samples() -> None:
    """So no member can be described wrongly without a test that sees it."""
    seen: dict[str, set[str]] = {}

    def look(value: Any) -> None:
        if isinstance(value, msgspec.Struct):
            names = {
                name for name in value.__struct_fields__ if getattr(value, name) not in (None, [], "", msgspec.UNSET)
            }
            seen.setdefault(type(value).__name__, set()).update(names)
            for name in value.__struct_fields__:
                look(getattr(value, name))
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look([sample for samples in SAMPLES.values() for sample in samples])
    for name, schema in WHOLE["components"]["schemas"].items():
        if name in seen:
            tags = {"kind"} if "kind" in schema["properties"] else set()
            wire = {{"from_": "from", "class_": "class"}.get(field, field) for field in seen[name]}
            assert set(schema["properties"]) - tags == wire, name
    described = set(WHOLE["components"]["schemas"])
    assert described - set(seen) == {
        *(name for name in described if name.endswith("Claims")),
        "JwsHeader",
        "KeyCertificate",
        "Report",
        "Revocations",
    }


@pytest.mark.parametrize(
    ("name", "spoiled"),
    [
        ("hello", {"revision": -1, "software": "x", "boot": LOG}),
        ("hello", {"revision": 1, "software": "x"}),
        ("status", {"online": "yes"}),
        ("status", {"online": True, "volume": 101}),
        ("timeRequest", {"nonce": "short"}),
    ],
)
def test_what_the_code_refuses_the_document_refuses(name: str, spoiled: dict[str, Any]) -> None:
    described = next(one for one in MESSAGES if one.name == name)
    with pytest.raises(jsonschema.ValidationError):
        check(body_schema(described), spoiled)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(spoiled, described.body)


def test_unknown_members_are_ignored_by_code_and_document() -> None:
    told = json.loads(msgspec.json.encode(SAMPLES["hello"][0])) | {"of_tomorrow": [1]}
    check(body_schema(next(one for one in MESSAGES if one.name == "hello")), told)
    assert msgspec.convert(told, Hello) == SAMPLES["hello"][0]


@pytest.mark.parametrize("text", ["ab" * 32 + "\n", LOG + "\n"])
def test_a_line_end_is_no_part_of_a_hash_or_an_identifier(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"sha256": text, "n": 0, "kind": "want"}, Want)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"log": text, "through": 0}, Ack)


# The worked examples.


def test_the_examples_in_the_document_are_true() -> None:
    assert protocol_examples.in_document() == protocol_examples.examples()


def test_a_stranger_can_follow_the_examples() -> None:
    """With what stands in the document and a library for Ed25519, nothing of ours but to check."""
    shown = protocol_examples.in_document()
    lines = dict(re.findall(r"^(\S[\w ]*?)\s+seed\s+\w+\n\s+public (\w+)", shown["keys"], re.MULTILINE))
    trust = Trust(type(ROOT.public).from_hex(lines["root"]), [shown["certificate"]])
    token = shown["plan"].encode()
    claims = trust.open(token, typ="plan", audience=f"rx/{RECEIVER}", now=None)
    plan = msgspec.json.decode(claims.body, type=Plan)
    assert claims_of(token) == (json.loads(shown["plan header"]), json.loads(shown["plan claims"]))
    assert [line.strip().split()[-1] for line in shown["chunks"].splitlines()[1::2]] == plan.objects[0].chunk_sha256
    first = msgspec.json.decode(shown["first record"], type=PlayRecord)
    second = msgspec.json.decode(shown["second record"], type=PlayRecord)
    assert second.prev == shown["first hash"] == canonical_sha256(first)
    receiver = type(ROOT.public).from_hex(lines["receiver"])
    assert receiver.hex == RECEIVER_KEY.public.hex
    plays = open_up(shown["plays"].encode(), typ="plays", receiver=RECEIVER, key=receiver, root_kid=ROOT.kid)
    assert msgspec.json.decode(plays.body, type=Plays).records == [first, second]
    assert open_signed(token, lambda _header: PLAN_KEY.public).kid == PLAN_KEY.kid


def test_the_example_of_the_clock_is_what_our_receiver_computes(clock: ManualClock, tmp_path: Path) -> None:
    shown = protocol_examples.in_document()
    answer = json.loads(shown["time answer"])
    clock.advance(timedelta(seconds=10))
    ours = SignedClock(clock, tmp_path / "clock.json", boot="b", error_max_ms=1_000)
    nonce = ours.ask()
    clock.advance(timedelta(milliseconds=180))
    assert ours.answer(TimeAnswer(nonce=nonce, received=answer["received"], sent=answer["sent"]), 10_180.0) == ""
    text = DOCUMENT.read_text()
    assert f"**{ours.unix_ms(0.0)} ms, give or take {ours.error_ms} ms**" in text.replace("\n", " ")


def test_the_document_names_every_topic_and_every_reason() -> None:
    text = DOCUMENT.read_text()
    for described in MESSAGES:
        assert f"`{described.address}`" in text
    for reason in BadMessage.reasons:
        assert f"`{reason}`" in text
    for member in WHOLE["components"]["schemas"]["Plan"]["properties"]:
        assert f"`{member}" in text


def test_signing_is_repeatable() -> None:
    """Ed25519 is deterministic, so examples can stand in a document."""
    key = SigningKey(b"\x07" * 32)
    facts: dict[str, Any] = {"typ": "ack", "iss": "x", "aud": "x", "seq": 1, "iat": 1, "exp": 2}
    body = Ack(log=LOG, through=1)
    assert sign(key, **facts, body=body) == sign(key, **facts, body=body)
