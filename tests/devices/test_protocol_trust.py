"""Whom a receiver believes: forged, foreign, stale, revoked, and whatever else bytes can be."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from core.clock import ManualClock
from core.ids import new_id
from devices.protocol.commands import Ack, Command, TimeAnswer, TimeRequest
from devices.protocol.plan import Plan
from devices.protocol.reports import Hello, PlayRecord, Plays, Report, Status
from devices.protocol.signing import (
    MESSAGE_BYTES_MAX,
    BadMessage,
    Claims,
    SigningKey,
    VerifyKey,
    canonical_sha256,
    decode_body,
    open_signed,
    sign,
)
from devices.protocol.topics import area_audience, audience
from devices.protocol.trust import KeyCertificate, Revocations, Trust, certify, revoke
from tests.devices.support import ANA, BINH

ROOT, PLAN_KEY, COMMAND_KEY, OTHER = (SigningKey(bytes([n]) * 32) for n in range(1, 5))
DAY = timedelta(days=1)
NOW = datetime.fromisoformat("2026-07-28T01:00:00+00:00")
PLAN_CERTIFICATE = certify(ROOT, PLAN_KEY.public, "plan", NOW - DAY, NOW + DAY)
COMMAND_CERTIFICATE = certify(ROOT, COMMAND_KEY.public, "command", NOW - DAY, NOW + DAY)


def trust(*more: str) -> Trust:
    return Trust(ROOT.public, [PLAN_CERTIFICATE, COMMAND_CERTIFICATE, *more])


def message(key: SigningKey = COMMAND_KEY, **changes: Any) -> bytes:
    facts: dict[str, Any] = {
        "typ": "command",
        "iss": ROOT.kid,
        "aud": audience(ANA),
        "seq": 1,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 60,
        "body": Command(id=new_id(), name="stop"),
    }
    return sign(key, **(facts | changes))


def opened(token: bytes, *, by: Trust | None = None, now: datetime | None = NOW, aud: str | None = None) -> Claims:
    return (by or trust()).open(token, typ="command", audience=aud or audience(ANA), now=now)


def refused(token: bytes, reason: str, *, by: Trust | None = None, now: datetime | None = NOW) -> None:
    with pytest.raises(BadMessage) as caught:
        opened(token, by=by, now=now)
    assert caught.value.reason == reason
    assert reason in BadMessage.reasons


def forge(token: bytes, *, header: dict[str, Any] | None = None, payload: bytes | None = None) -> bytes:
    """The same signature under another header or payload."""
    first, second, third = token.split(b".")
    if header is not None:
        first = encoded(json.dumps(json.loads(decoded(first)) | header).encode())
    if payload is not None:
        second = encoded(payload)
    return b".".join((first, second, third))


def signed_header(header: dict[str, Any], key: SigningKey = COMMAND_KEY) -> bytes:
    """A token whose signature over any header whatever is right."""
    payload = message(key).split(b".")[1]
    signing_input = encoded(json.dumps(header).encode()) + b"." + payload
    return signing_input + b"." + encoded(Ed25519PrivateKey.from_private_bytes(key.seed).sign(signing_input))


def encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def decoded(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def test_a_number_from_further_ahead_than_a_day_is_refused_where_there_is_time() -> None:
    day_ahead = int((NOW + DAY).timestamp() * 1000)
    assert opened(message(seq=day_ahead)).seq == day_ahead
    refused(message(seq=day_ahead + 1), "seq-ahead")
    refused(message(seq=9_007_199_254_740_991), "seq-ahead")
    assert opened(message(seq=9_007_199_254_740_991), now=None).seq == 9_007_199_254_740_991


def test_a_true_message_is_opened() -> None:
    claims = opened(message(seq=7))
    assert (claims.seq, claims.aud) == (7, audience(ANA))
    assert decode_body(claims, Command).name == "stop"


def test_a_forged_message_is_refused() -> None:
    token = message()
    claims = json.loads(decoded(token.split(b".")[1]))
    for change in ({"aud": audience(BINH)}, {"seq": 2}, {"exp": claims["exp"] + 1}, {"body": {"id": "x"}}):
        refused(forge(token, payload=json.dumps(claims | change).encode()), "forged")
    refused(forge(token, header={"typ": "JWT"}), "forged")
    refused(token[:-8] + b"AAAAAAAA", "forged")
    refused(token.rpartition(b".")[0] + b".", "forged")


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256", "EdDSA", "", None, 5, ["Ed25519"], {"a": 1}])
def test_there_is_one_algorithm(alg: Any) -> None:
    refused(signed_header({"alg": alg, "kid": COMMAND_KEY.kid}), "malformed")
    refused(signed_header({"kid": COMMAND_KEY.kid}), "malformed")


def test_a_general_library_reads_what_is_signed_and_the_other_way_round() -> None:
    registry = JWSRegistry(algorithms=["Ed25519"], strict_check_header=False)
    registry.max_header_length = 4_096
    theirs = OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(COMMAND_KEY.seed))
    token = message()
    read = jws.deserialize_compact(token, theirs, registry=registry)
    assert json.loads(read.payload) == json.loads(decoded(token.split(b".")[1]))
    header, payload = read.headers(), read.payload
    assert opened(jws.serialize_compact(header, payload, theirs, registry=registry).encode()) == opened(token)


def test_the_public_key_is_no_shared_secret() -> None:
    """HMAC with the public key as its secret: the classic confusion of algorithms."""
    payload = message().split(b".")[1]
    head = encoded(json.dumps({"alg": "HS256", "kid": COMMAND_KEY.kid}).encode())
    mac = hmac.new(COMMAND_KEY.public.raw, head + b"." + payload, hashlib.sha256).digest()
    refused(head + b"." + payload + b"." + encoded(mac), "malformed")


@pytest.mark.parametrize("crit", [["x"], ["b64"], ["exp"], [], "x", None])
def test_an_unknown_crit_is_refused(crit: Any) -> None:
    header = {"alg": "Ed25519", "kid": COMMAND_KEY.kid, "crit": crit, "x": 1, "b64": False}
    refused(signed_header(header), "malformed")


def test_other_header_members_are_ignored() -> None:
    assert opened(signed_header({"alg": "Ed25519", "kid": COMMAND_KEY.kid, "typ": "JOSE", "new": [1]})).seq == 1


def test_a_key_that_the_root_does_not_know_is_refused() -> None:
    refused(message(OTHER), "unknown-key")
    refused(message(ROOT), "unknown-key")  # the root signs certificates and revocations, never commands
    refused(signed_header({"alg": "Ed25519"}), "unknown-key")
    refused(signed_header({"alg": "Ed25519", "kid": ["x"]}), "unknown-key")


def test_a_certificate_may_come_in_the_header() -> None:
    certificate = certify(ROOT, OTHER.public, "command", NOW - DAY, NOW + DAY)
    listening = trust()
    assert opened(message(OTHER, cert=certificate), by=listening).seq == 1
    assert opened(message(OTHER), by=listening).seq == 1  # and is remembered


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (certify(OTHER, OTHER.public, "command", NOW - DAY, NOW + DAY), "unknown-key"),
        (certify(COMMAND_KEY, OTHER.public, "command", NOW - DAY, NOW + DAY), "unknown-key"),
        (certify(ROOT, OTHER.public, "plan", NOW - DAY, NOW + DAY), "unknown-key"),
        (certify(ROOT, OTHER.public, "command", NOW - DAY, NOW), "unknown-key"),
        (certify(ROOT, OTHER.public, "command", NOW + DAY, NOW + DAY), "unknown-key"),
        (certify(ROOT, PLAN_KEY.public, "command", NOW - DAY, NOW + DAY), "unknown-key"),
        (revoke(ROOT, Revocations(seq=1), NOW, NOW + DAY), "wrong-type"),
        ("", "malformed"),
        ("a.b.c", "malformed"),
        ("\ud800", "malformed"),
    ],
)
def test_a_certificate_in_the_header_must_be_the_roots_and_fit(certificate: str, reason: str) -> None:
    refused(message(OTHER, cert=certificate), reason)


def test_a_certificate_that_names_another_key_is_refused() -> None:
    body = KeyCertificate(kid=OTHER.kid, role="command", key=COMMAND_KEY.public.hex, not_before=0, not_after=2**50)
    for certificate in (body, msgspec.structs.replace(body, key="zz"), msgspec.structs.replace(body, key="00")):
        token = sign(ROOT, typ="key", iss=ROOT.kid, aud="*", seq=0, iat=0, exp=2**40, body=certificate)
        with pytest.raises(BadMessage) as caught:
            trust().learn_key(token.decode())
        assert caught.value.reason == "malformed"


def test_each_role_signs_its_own() -> None:
    refused(message(PLAN_KEY), "unknown-key")
    refused(message(PLAN_KEY, cert=PLAN_CERTIFICATE), "unknown-key")
    refused(message(typ="plan"), "wrong-type")


def test_one_key_may_have_two_roles() -> None:
    both = certify(ROOT, PLAN_KEY.public, "command", NOW - DAY, NOW + DAY)
    held = trust(both)
    assert opened(message(PLAN_KEY), by=held).seq == 1
    plan = message(PLAN_KEY, typ="plan")
    assert held.open(plan, typ="plan", audience=audience(ANA), now=NOW).seq == 1


def test_a_role_of_tomorrow_disturbs_nothing() -> None:
    tomorrow = certify(ROOT, OTHER.public, "live", NOW - DAY, NOW + DAY)  # type: ignore[arg-type]
    assert opened(message(), by=trust(tomorrow)).seq == 1


def test_a_longer_certificate_takes_the_place_of_a_shorter_and_not_the_other_way_round() -> None:
    later = NOW + 2 * DAY
    longer = certify(ROOT, COMMAND_KEY.public, "command", NOW - DAY, NOW + 3 * DAY)
    iat = int(later.timestamp())
    plain, with_certificate = (message(iat=iat, exp=iat + 60, cert=certificate) for certificate in (None, longer))
    listening = trust()
    refused(plain, "unknown-key", by=listening, now=later)
    assert opened(with_certificate, by=listening, now=later).seq == 1
    listening.learn_key(COMMAND_CERTIFICATE)
    assert opened(plain, by=listening, now=later).seq == 1


@pytest.mark.parametrize("aud", [audience(BINH), area_audience(ANA), "*", "", ANA])
def test_what_is_for_another_is_refused(aud: str) -> None:
    refused(message(aud=aud), "misaddressed")


def test_what_is_of_another_installation_is_refused() -> None:
    refused(message(iss=OTHER.kid), "wrong-issuer")
    elsewhere = Trust(OTHER.public, [certify(OTHER, COMMAND_KEY.public, "command", NOW - DAY, NOW + DAY)])
    refused(message(), "wrong-issuer", by=elsewhere)


def test_dates_are_held_while_there_is_a_trustworthy_time() -> None:
    token = message(exp=int(NOW.timestamp()) + 60)
    assert opened(token, now=NOW - timedelta(seconds=60)).seq == 1
    refused(token, "expired", now=NOW - timedelta(seconds=61))
    assert opened(token, now=NOW + timedelta(seconds=59)).seq == 1
    refused(token, "expired", now=NOW + timedelta(seconds=60))
    refused(message(), "unknown-key", now=NOW + DAY)  # the certificate's own end
    assert opened(message(exp=1, iat=0), now=None).seq == 1
    refused(message(aud=audience(BINH)), "misaddressed", now=None)


def test_a_revoked_key_is_refused_and_an_older_list_does_not_bring_it_back() -> None:
    listening = trust()
    newer = revoke(ROOT, Revocations(seq=2, kids=[COMMAND_KEY.kid]), NOW, NOW + DAY)
    older = revoke(ROOT, Revocations(seq=1), NOW, NOW + DAY)
    listening.learn_revocations(newer)
    listening.learn_revocations(older)
    assert listening.revocations_token == newer
    refused(message(), "unknown-key", by=listening)
    refused(message(cert=COMMAND_CERTIFICATE), "unknown-key", by=listening)
    refused(message(), "unknown-key", by=listening, now=None)


def test_only_the_root_revokes() -> None:
    listening = trust()
    for token in (
        revoke(COMMAND_KEY, Revocations(seq=9, kids=[PLAN_KEY.kid]), NOW, NOW + DAY),
        COMMAND_CERTIFICATE,
        "",
    ):
        with pytest.raises(BadMessage):
            listening.learn_revocations(token)
    assert listening.revoked.seq == 0


@pytest.mark.parametrize("change", [{"seq": -1}, {"seq": 2**53}, {"iat": -1}, {"exp": 2**64}, {"exp": 10**30}])
def test_numbers_that_no_database_holds_are_refused(change: dict[str, int]) -> None:
    body: dict[str, Any] = json.loads(decoded(message().split(b".")[1])) | change
    signing_input = message().split(b".")[0] + b"." + encoded(json.dumps(body).encode())
    signature = Ed25519PrivateKey.from_private_bytes(COMMAND_KEY.seed).sign(signing_input)
    refused(signing_input + b"." + encoded(signature), "malformed")


def test_a_message_that_is_too_long_is_not_read() -> None:
    refused(b"x" * (MESSAGE_BYTES_MAX + 1), "malformed")


# Whatever comes in, `BadMessage` is all that may come out.

GOOD = message()
_headers = st.dictionaries(
    st.sampled_from(["alg", "kid", "cert", "crit", "b64", "jwk", "x5c", "typ"]),
    st.one_of(
        st.sampled_from(["Ed25519", "none", "HS256", COMMAND_KEY.kid, ROOT.kid, COMMAND_CERTIFICATE, "\ud800"]),
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=2)),
    ),
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def never_but_bad(token: bytes) -> None:
    for now in (NOW, None):
        with contextlib.suppress(BadMessage):
            opened(token, now=now)


@given(st.binary(max_size=400))
@example(b"..")
@example(b"e30..")
@example(b"bnVsbA.e30.AA")
@example(b"W10.e30.AA")
@example(b"MQ.e30.AA")
@example(b"ImFsZyI.e30.AA")
@example(encoded(b"[" * 100_000) + b".e30.AA")
def test_any_bytes(token: bytes) -> None:
    never_but_bad(token)
    with contextlib.suppress(BadMessage):
        open_signed(token, lambda _header: COMMAND_KEY.public)


@given(_headers)
def test_any_header(header: dict[str, Any]) -> None:
    never_but_bad(forge(GOOD, header=header))
    never_but_bad(signed_header(header))
    never_but_bad(signed_header({"alg": "Ed25519", "kid": COMMAND_KEY.kid} | header))


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_any_changed_byte_is_noticed(at: int, change: int) -> None:
    """Only base64's unused last bits may change without harm: then it says the same."""
    changed = bytearray(GOOD)
    changed[at] ^= change
    try:
        claims = opened(bytes(changed))
    except BadMessage:
        return
    assert claims == opened(GOOD)


def signed_payload(payload: bytes) -> bytes:
    signing_input = GOOD.split(b".")[0] + b"." + encoded(payload)
    return signing_input + b"." + encoded(Ed25519PrivateKey.from_private_bytes(COMMAND_KEY.seed).sign(signing_input))


@given(st.one_of(_json.map(lambda value: json.dumps(value).encode()), st.binary(max_size=200)))
@example(b"[" * 100_000)
@example(b'{"typ":"\\ud800"}')
@example(b"\xff\xfe")
def test_any_payload_under_a_true_signature(payload: bytes) -> None:
    never_but_bad(signed_payload(payload))


BODIES: list[Any] = [Plan, Command, Ack, TimeAnswer, TimeRequest, Hello, Status, Plays, Report, Revocations]


@settings(max_examples=200)
@given(st.sampled_from(BODIES), st.one_of(_json.map(lambda value: json.dumps(value).encode()), st.binary(max_size=200)))
@example(Plan, b"[" * 100_000)
@example(Plan, b'{"receiver":' * 50_000)
@example(Status, b'{"online":true,"playing":"\\ud800"}')
@example(Report, b'{"kind":"no-such"}')
@example(Report, b'{"kind":"want","sha256":"' + b"a" * 64 + b'","n":-1}')
def test_any_body(kind: Any, body: bytes) -> None:
    claims = Claims(typ="x", iss="x", aud="x", seq=0, iat=0, exp=0, body=msgspec.Raw(body))
    with contextlib.suppress(BadMessage):
        decode_body(claims, kind)


def _fill(kind: str) -> st.SearchStrategy[Any]:
    return {
        "number": st.integers(-(2**70), 2**70) | st.floats(allow_nan=False),
        "text": st.text(max_size=520),
    }[kind]


@given(
    st.fixed_dictionaries(
        {
            "seq": _fill("number"),
            "planned_at": _fill("number"),
            "played_ms": _fill("number"),
            "plan_revision": _fill("number"),
            "reason": _fill("text"),
            "clock": st.fixed_dictionaries({"source": st.just("ntp"), "error_ms": _fill("number")}),
            "output_dbfs": _fill("number"),
        }
    )
)
def test_whatever_is_decoded_as_a_record_can_be_hashed(changes: dict[str, Any]) -> None:
    """So the chain of a hostile receiver can't stop the ingest."""
    whole: dict[str, Any] = {
        "log": new_id(),
        "airing": new_id(),
        "item": new_id(),
        "prev": "0" * 64,
        "outcome": "finished",
    } | changes
    claims = Claims(
        typ="plays",
        iss="x",
        aud="x",
        seq=0,
        iat=0,
        exp=0,
        body=msgspec.Raw(json.dumps({"records": [whole]}).encode()),
    )
    try:
        record: PlayRecord = decode_body(claims, Plays).records[0]
    except BadMessage:
        return
    assert len(canonical_sha256(record)) == 64


def test_keys_never_show_their_secret() -> None:
    assert COMMAND_KEY.seed.hex() not in repr(COMMAND_KEY)
    assert VerifyKey.from_hex(COMMAND_KEY.public.hex).kid == COMMAND_KEY.kid


def test_the_clock_of_the_tests_stands(clock: ManualClock) -> None:
    assert clock.now() == NOW
