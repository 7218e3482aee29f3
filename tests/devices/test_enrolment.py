"""Codes and boxes at the server: a code works once and until it expires; whoever comes with it takes the place."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from core import units
from core.clock import ManualClock
from core.database import Database
from core.errors import Invalid, TruyenThanhError
from core.events import Actor, Event
from devices import brokerfiles, credentials, enrolment, registry
from devices.authority import Authority, RequestUnusable
from devices.enrolment import AnotherMachine, CodeRefused, NotYours, Office
from devices.keyring import RECEIVERS_CA, Keyring, public_certificate
from devices.protocol.enrolment import Code, CodeMalformed, EnrolCall, RenewCall, RenewRequest, proves
from devices.protocol.signing import BadMessage, SigningKey
from devices.protocol.trust import Trust
from devices.protocol.upward import sign_up
from devices.receiver import office, tls
from devices.receiver.identity import Identity
from devices.receiver.office import AnswerNotTrusted, Pending
from devices.tables import ClientCertificate, EnrolmentCode, Receiver, ReceiverKey

AN = Actor("user:an", "Nguyễn Thị An")


class Desk:
    """A server with one place, and boxes that ask it."""

    def __init__(self, db: Database, clock: ManualClock, folder: Path) -> None:
        self.db, self.clock, self.folder = db, clock, folder
        self.keyring = Keyring.create(folder / "keys", clock.now())
        self.authority = Authority.load(folder / "keys", RECEIVERS_CA)
        self.broker = registry.BrokerAddress("mqtt.vi.du", 8883, ca=public_certificate(folder / "keys", "broker-ca"))
        self.office = Office(self.keyring, self.broker, self.authority, clock)
        with db.writing() as session:
            unit = units.add(session, kind="province", name="Tỉnh Thử")
            self.place = registry.place(session, unit=unit, name="Chợ", clusters=1, clock=clock, actor=AN).id

    def code(self, **facts: timedelta) -> Code:
        with self.db.writing() as session:
            place = registry.get(session, self.place)
            made = enrolment.make_codes(session, [place], root=self.keyring.issuer, clock=self.clock, actor=AN, **facts)
            return made[0].code

    def post(self, url: str, body: bytes) -> bytes:
        """What the web process does with it."""
        with self.db.writing() as session:
            if url.endswith(office.ENROL_PATH):
                return msgspec.json.encode(self.office.enrol(session, msgspec.json.decode(body, type=EnrolCall))[0])
            return msgspec.json.encode(self.office.renew(session, msgspec.json.decode(body, type=RenewCall)))

    def box(self, code: Code, keys: Pending | None = None, post: office.Post | None = None) -> Identity:
        keys = keys or pending(code)
        return office.enrol("http://x", code, keys, post=post or self.post, this_machine="m" * 64)

    def revoked(self) -> set[str]:
        with self.db.reading() as session:
            return {serial for serial, _ in credentials.revoked_certificates(session, self.clock.now())}

    def receiver(self) -> Receiver:
        with self.db.reading() as session:
            return registry.get(session, self.place)


def pending(code: Code) -> Pending:
    return Pending(code=code.tag, key=SigningKey.generate().seed.hex(), tls_key=tls.new_key())


def serial_of(identity: Identity) -> str:
    return f"{x509.load_pem_x509_certificate(identity.certificate.encode()).serial_number:x}"


@pytest.fixture
def desk(db: Database, clock: ManualClock, tmp_path: Path) -> Desk:
    return Desk(db, clock, tmp_path)


@pytest.fixture
def lite(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> Desk:
    return Desk(sqlite_db, clock, tmp_path)


@given(st.text(alphabet="0123456789abcdefghjkmnpqrstvwxyzABCDEFGHJKMNPQRSTVWXYZ", min_size=16, max_size=16))
def test_a_code_is_read_as_people_write_it(secret: str) -> None:
    code = Code(secret.upper(), "0123456789abcdef" * 2)
    assert Code.parse(code.text) == Code.parse(code.text.lower().replace("-", " ")) == code
    assert Code.parse(code.text.replace("0", "o").replace("1", "l")) == code
    key, nonce = "ab" * 32, "nonce of the box"
    assert proves(code.stored, key, nonce, code.proof(key, nonce))
    assert not proves(code.stored, "ac" * 32, nonce, code.proof(key, nonce))
    assert not proves(code.stored, key, nonce + "x", code.proof(key, nonce))


def test_a_stranger_can_prove_a_code_by_the_document() -> None:
    """As docs/receiver-protocol.md says it, without our code."""
    secret, key, nonce = "K7QF2M9XTR4D8WZN", "43" * 32, "6f1e0c2b9a8d47f5"
    label = b"truyenthanh enrolment "
    k = hashlib.sha256(label + secret.encode()).digest()
    s = hashlib.sha256(k).digest()
    mac = hmac.new(s, label + f"{key}\n{nonce}".encode(), "sha256").digest()
    proof = bytes(a ^ b for a, b in zip(k, mac, strict=True)).hex()
    code = Code(secret, "00" * 16)
    assert code.proof(key, nonce) == proof
    assert code.tag == hashlib.sha256(b"tag" + s).digest()[:16].hex()
    assert proves(code.stored, key, nonce, proof)


@pytest.mark.parametrize("text", ["", "K7QF", "U" * 48, "0" * 47, "0" * 49, "0" * 16 + "G" * 32, "không phải mã"])
def test_what_is_no_code_is_told(text: str) -> None:
    with pytest.raises(CodeMalformed, match="12 groups"):
        Code.parse(text)


def test_a_box_takes_the_place_that_its_code_stands_for(desk: Desk) -> None:
    code = desk.code()
    assert desk.receiver().status == "waiting"
    identity = desk.box(code)
    receiver = desk.receiver()
    assert (receiver.status, receiver.id, receiver.broker_password) == ("active", identity.receiver, "")
    assert receiver.public_key == identity.signing_key().public.hex
    assert (identity.broker_host, identity.broker_port, identity.place) == ("mqtt.vi.du", 8883, "Chợ")
    assert identity.root == desk.keyring.root.hex
    identity.trust()
    certificate = x509.load_pem_x509_certificate(identity.certificate.encode())
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == identity.receiver
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    with desk.db.reading() as session:
        kinds = list(session.scalars(select(Event.kind).where(Event.subject_id == desk.place).order_by(Event.seq)))
        stored = session.scalars(select(EnrolmentCode)).one()
    assert kinds == ["user:receiver:placed", "user:receiver:code-made", "receiver:receiver:enrolled"]
    assert code.secret not in stored.stored + stored.tag


def test_a_code_works_for_one_box_only(desk: Desk) -> None:
    code = desk.code()
    keys = pending(code)
    first = desk.box(code, keys)
    with pytest.raises(CodeRefused, match="another box"):
        desk.box(code)
    again = desk.box(code, keys)  # its answer was lost on the way
    assert again.receiver == first.receiver
    assert again.certificate == first.certificate
    with desk.db.reading() as session:
        assert len(session.scalars(select(ReceiverKey)).all()) == 1
        assert len(session.scalars(select(ClientCertificate)).all()) == 1


def test_a_code_ends(lite: Desk) -> None:
    late = lite.code(life=timedelta(days=2))
    lite.clock.advance(timedelta(days=2))
    with pytest.raises(CodeRefused, match="expired"):
        lite.box(late)
    first, second = lite.code(), lite.code()
    with pytest.raises(CodeRefused, match="took its place"):
        lite.box(first)
    with lite.db.writing() as session:
        registry.revoke(session, lite.place, reason="", clock=lite.clock, actor=AN)
    with pytest.raises(CodeRefused, match="took its place"):
        lite.box(second)
    with pytest.raises(CodeRefused, match="no such code"):
        lite.box(Code.new(lite.keyring.issuer))
    assert lite.receiver().status == "revoked"
    assert lite.receiver().public_key == ""


@pytest.mark.parametrize("life", [timedelta(), timedelta(days=181)])
def test_a_life_beyond_reason_is_refused(lite: Desk, life: timedelta) -> None:
    with pytest.raises(Invalid, match="1 to 180 days"):
        lite.code(life=life)


def test_a_new_box_at_the_same_place_ends_the_old_one(desk: Desk) -> None:
    old = desk.box(desk.code())
    code = desk.code()
    assert desk.receiver().public_key == old.signing_key().public.hex  # it goes on until another comes
    desk.clock.advance(timedelta(days=1))
    new = desk.box(code)
    assert new.receiver == old.receiver
    assert desk.receiver().public_key == new.signing_key().public.hex
    assert desk.revoked() == {serial_of(old)}
    with desk.db.reading() as session:
        keys = session.scalars(select(ReceiverKey).order_by(ReceiverKey.from_at)).all()
    assert [(key.end_reason, key.until_at is None) for key in keys] == [("replaced", False), (None, True)]
    with pytest.raises(NotYours):
        renewed(desk, old)
    # And the old box can't come back with what it has.
    with pytest.raises(CodeRefused, match="used elsewhere"):
        desk.box(code := desk.code(), Pending(code=code.tag, key=old.key, tls_key=old.tls_key))


def test_a_revoked_place_gets_another_box_with_a_code(desk: Desk) -> None:
    stolen = desk.box(desk.code())
    with desk.db.writing() as session:
        registry.revoke(session, desk.place, reason="mất trộm", clock=desk.clock, actor=AN)
    assert desk.revoked() == {serial_of(stolen)}
    with pytest.raises(NotYours):
        renewed(desk, stolen)
    new = desk.box(desk.code())
    assert desk.receiver().status == "active"
    assert desk.revoked() == {serial_of(stolen)}
    assert renewed(desk, new).receiver == new.receiver


def test_the_list_of_revoked_certificates_is_written_when_it_changes(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "receivers.crl"
    stolen = desk.box(desk.code())

    def write() -> bool:
        with desk.db.reading() as session:
            revoked = credentials.revoked_certificates(session, desk.clock.now())
        return brokerfiles.write_revocation_list(desk.authority, revoked, path, desk.clock.now())

    assert (write(), write()) == (True, False)
    with desk.db.writing() as session:
        registry.revoke(session, desk.place, reason="", clock=desk.clock, actor=AN)
    assert (write(), write()) == (True, False)
    assert desk.authority.lists(path.read_bytes()) == {serial_of(stolen)}
    path.write_bytes(b"damaged")
    assert write()
    desk.clock.advance(timedelta(days=366))  # its own date keeps it out
    assert write()
    assert desk.authority.lists(path.read_bytes()) == set()


def renewed(desk: Desk, identity: Identity, machine: str = "m" * 64) -> Identity:
    now = int(desk.clock.now().timestamp())
    return office.renew(identity, identity.trust(), post=desk.post, this_machine=machine, iat=now).identity


def test_a_receiver_renews_with_its_own_key(desk: Desk) -> None:
    identity = desk.box(desk.code())
    desk.clock.advance(timedelta(days=190))
    fresh = renewed(desk, identity)
    assert fresh.key == identity.key
    assert tls.fits(fresh.certificate, fresh.tls_key)
    assert not tls.fits(fresh.certificate, identity.tls_key)
    assert tls.half_life_ms(fresh.certificate) - tls.half_life_ms(identity.certificate) == 190 * 86_400_000
    assert desk.revoked() == set()  # the old one runs out by itself


def test_another_machine_renews_nothing(lite: Desk) -> None:
    identity = lite.box(lite.code())
    with pytest.raises(AnotherMachine):
        renewed(lite, identity, machine="n" * 64)


def test_a_request_is_for_a_key_that_the_box_holds(lite: Desk) -> None:
    identity = lite.box(lite.code())
    csr = tls.request_for(tls.new_key())
    other = tls.request_for(tls.new_key())
    lines, others = csr.splitlines(), other.splitlines()
    spliced = "\n".join([*lines[:2], *others[2:]])  # another's key under this signature, or no sense at all
    for bad in ("", "không", spliced):
        body = RenewRequest(csr=bad, nonce="0" * 32)
        token = sign_up(
            identity.signing_key(), typ="renew", receiver=identity.receiver, root_kid=lite.keyring.issuer, seq=0,
            iat=0, body=body,
        ).decode()  # fmt: skip
        with lite.db.writing() as session, pytest.raises(RequestUnusable):
            lite.office.renew(session, RenewCall(receiver=identity.receiver, request=token))


def test_without_tls_a_box_gets_a_password(lite: Desk) -> None:
    lite.office = Office(lite.keyring, registry.BrokerAddress("127.0.0.1", 1883), None, lite.clock)
    identity = lite.box(lite.code())
    assert (identity.certificate, identity.tls_key, identity.ca) == ("", "", "")
    with lite.db.reading() as session:
        stored = registry.password_hash(session, identity.receiver)
    from devices import passwords

    assert stored is not None
    assert passwords.verify(identity.password, stored)
    assert renewed(lite, identity).password == identity.password


# Somebody sits on the line between box and server, or is the server.


def changed(lite: Desk, change: Callable[[dict[str, str]], dict[str, str]]) -> office.Post:
    def post(url: str, body: bytes) -> bytes:
        return msgspec.json.encode(change(msgspec.json.decode(lite.post(url, body))))

    return post


def test_an_answer_of_another_server_is_not_believed(lite: Desk, tmp_path: Path) -> None:
    """It has a root of its own, and answers everything as ours would."""
    false = Keyring.create(tmp_path / "false", lite.clock.now())
    code = lite.code()
    lite.office = Office(false, lite.broker, lite.authority, lite.clock)
    with pytest.raises(BadMessage, match="misaddressed"):  # the request names our root
        lite.box(code)
    lite.office = Office(lite.keyring, lite.broker, lite.authority, lite.clock)
    with pytest.raises(AnswerNotTrusted, match="not that of the sheet"):
        lite.box(code, post=changed(lite, lambda answer: answer | {"root": false.root.hex}))


def test_an_answer_to_another_box_or_another_question_is_not_believed(lite: Desk) -> None:
    first, heard = lite.code(), list[bytes]()

    def listening(url: str, body: bytes) -> bytes:
        heard.append(lite.post(url, body))
        return heard[-1]

    keys = pending(first)
    lite.box(first, keys, post=listening)
    with pytest.raises(AnswerNotTrusted, match="another question"):
        lite.box(first, keys, post=lambda _url, _body: heard[0])
    with pytest.raises(AnswerNotTrusted, match="misaddressed"):
        lite.box(lite.code(), post=lambda _url, _body: heard[0])


@pytest.mark.parametrize("role", ["plan", "command", "time", "ack"])
def test_no_other_key_of_the_server_can_enrol_and_that_of_enrolling_nothing_else(lite: Desk, role: str) -> None:
    from devices.protocol.enrolment import Answer, sign_enrolment
    from devices.protocol.signing import decode_body, peek, sign

    def resigned(url: str, body: bytes) -> bytes:
        answer = msgspec.json.decode(lite.post(url, body), type=Answer)
        claims = peek(answer.enrolment.encode())
        from devices.protocol.enrolment import Enrolment

        keyring = Keyring.load(lite.folder / "keys", (role,))  # type: ignore[arg-type]
        token = sign_enrolment(
            keyring.key(role),  # type: ignore[arg-type]
            decode_body(claims, Enrolment),
            root=claims.iss,
            audience=claims.aud,
            cert=keyring.certificates[role],  # type: ignore[index]
            iat=claims.iat,
            exp=claims.exp,
        )
        return msgspec.json.encode(Answer(root=answer.root, enrolment=token.decode()))

    with pytest.raises(AnswerNotTrusted, match="unknown-key"):
        lite.box(lite.code(), post=resigned)
    enrol_key = lite.keyring.key("enrol")
    now = int(lite.clock.now().timestamp())
    message = sign(
        enrol_key, typ=role, iss=lite.keyring.issuer, aud="rx/x", seq=1, iat=now, exp=now + 60, body={},
        cert=lite.keyring.certificates["enrol"],
    )  # fmt: skip
    with pytest.raises(BadMessage, match="unknown-key"):
        Trust(lite.keyring.root, lite.keyring.taught).open(message, typ=role, audience="rx/x", now=lite.clock.now())


def test_a_request_heard_on_the_line_gets_nobody_else_in(lite: Desk) -> None:
    code, heard = lite.code(), list[bytes]()

    def cut(_url: str, body: bytes) -> bytes:
        heard.append(body)
        raise office.ServerUnreachable(url="x", why="cut")

    keys = pending(code)
    with pytest.raises(office.ServerUnreachable):
        lite.box(code, keys, post=cut)
    call = msgspec.json.decode(heard[0], type=EnrolCall)
    thief = SigningKey.generate()
    with lite.db.writing() as session, pytest.raises(TruyenThanhError):
        lite.office.enrol(session, EnrolCall(key=thief.public.hex, request=call.request))
    assert lite.receiver().status == "waiting"
    assert lite.box(code, keys).receiver == lite.place


@given(st.binary(max_size=300))
def test_rubbish_in_an_answer_is_refused_by_name(body: bytes) -> None:
    code = Code.new("00" * 16)
    keys = Pending(code=code.tag, key="01" * 32, tls_key=_TLS_KEY)
    with pytest.raises(AnswerNotTrusted):
        office.enrol("http://x", code, keys, post=lambda _url, _body: body, this_machine="")


_TLS_KEY = tls.new_key()
