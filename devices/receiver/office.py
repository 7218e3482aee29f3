"""Asking the server over HTTP: to be enrolled, and for fresh certificates. Nothing but the standard library.

Whatever the line, an answer counts only if it is signed by a key that the pinned root certified for enrolling, is for
this box's key, and repeats the nonce of the question. TLS keeps others from reading; it isn't what is trusted.
"""

from __future__ import annotations

import json
import secrets
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from core.errors import TruyenThanhError
from devices.protocol.enrolment import (
    Answer,
    Code,
    EnrolCall,
    Enrolment,
    EnrolRequest,
    RenewCall,
    RenewRequest,
    box,
    sign_enrol,
)
from devices.protocol.signing import BadMessage, SigningKey, VerifyKey, decode_body
from devices.protocol.trust import Trust
from devices.protocol.upward import sign_up
from devices.receiver import machine, tls
from devices.receiver.identity import Identity

TIMEOUT_S = 30.0
ANSWER_BYTES_MAX = 262_144
ENROL_PATH = "/api/v1/enrolment"
RENEW_PATH = "/api/v1/renewal"

Post = Callable[[str, bytes], bytes]


class ServerSaysNo(TruyenThanhError):
    slug = "server-says-no"
    status = 502
    vi = "{vi}"
    en = "{en}"


class ServerUnreachable(TruyenThanhError):
    slug = "server-unreachable"
    status = 503
    vi = "Không hỏi được máy chủ {url}: {why}. Hãy kiểm tra địa chỉ và mạng rồi chạy lại lệnh này; mã vẫn dùng được."
    en = "The server {url} can't be asked: {why}. Check the address and the network and run this again; the code holds."


class AnswerNotTrusted(TruyenThanhError):
    slug = "answer-not-trusted"
    status = 502
    vi = "Câu trả lời của {url} không đáng tin ({why}); bộ thu không ghi gì. Hãy so dấu vân tay trên phiếu và địa chỉ."
    en = "The answer of {url} can't be trusted ({why}); nothing was written. Compare fingerprint and address."


def checked_url(text: str) -> str:
    """The server's address without what may stand behind it. Raises `ServerUnreachable`."""
    parts = urlsplit(text.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ServerUnreachable(url=text, why="phải bắt đầu bằng http:// hoặc https:// / it must begin with http(s)://")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def poster(ca: str = "") -> Post:
    """Posts JSON. `ca`: PEM of a CA to trust for HTTPS, beside those of the system."""
    context = ssl.create_default_context()
    if ca:
        context.load_verify_locations(cadata=ca)

    def post(url: str, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - checked_url
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context) as answer:  # noqa: S310 - as above
                held: bytes = answer.read(ANSWER_BYTES_MAX)
                return held
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(url, error.code, error.read(ANSWER_BYTES_MAX)) from error
        except (OSError, ValueError) as error:
            raise ServerUnreachable(url=url, why=str(getattr(error, "reason", error))) from error

    return post


class Pending(Struct, frozen=True, kw_only=True):
    """The keys that a box has made and the server perhaps knows already: kept, so that a lost answer costs nothing."""

    code: str  # its tag
    key: str
    tls_key: str


def enrol(url: str, code: Code, keys: Pending, *, post: Post, this_machine: str, web_ca: str = "") -> Identity:
    """Ask for the place that the code stands for. Raises `ServerUnreachable`, `ServerSaysNo`, `AnswerNotTrusted`."""
    key = SigningKey(bytes.fromhex(keys.key))
    nonce = secrets.token_hex(16)
    asked = EnrolRequest(
        code=code.tag,
        proof=code.proof(key.public.hex, nonce),
        csr=tls.request_for(keys.tls_key),
        nonce=nonce,
        machine=this_machine,
        software=machine.software(),
    )
    call = EnrolCall(key=key.public.hex, request=sign_enrol(key, asked, root=code.root).decode("ascii"))
    answer = _read(url, post(url + ENROL_PATH, msgspec.json.encode(call)))
    given = _trusted(url, answer, Trust(_root(url, answer, code.root)), key, nonce, keys.tls_key)
    return Identity(
        receiver=given.receiver,
        key=keys.key,
        root=answer.root,
        certificates=given.certificates,
        broker_host=given.broker.host,
        broker_port=given.broker.port,
        password=given.broker.password,
        ca=given.broker.ca,
        certificate=given.certificate,
        tls_key=keys.tls_key if given.certificate else "",
        url=url,
        web_ca=web_ca,
        machine=this_machine,
        place=given.name,
    )


class Renewed(Struct, frozen=True):
    """The identity as it is from now on, and the revocation list that came with it."""

    identity: Identity
    revocations: str | None


def renew(identity: Identity, trust: Trust, *, post: Post, this_machine: str, iat: int) -> Renewed:
    """Fresh certificates and the broker's address for a receiver. Raises as `enrol` does."""
    key, nonce, tls_key = identity.signing_key(), secrets.token_hex(16), tls.new_key()
    asked = RenewRequest(csr=tls.request_for(tls_key), nonce=nonce, machine=this_machine, software=machine.software())
    signed = sign_up(key, typ="renew", receiver=identity.receiver, root_kid=trust.issuer, seq=0, iat=iat, body=asked)
    call = RenewCall(receiver=identity.receiver, request=signed.decode("ascii"))
    answer = _read(identity.url, post(identity.url + RENEW_PATH, msgspec.json.encode(call)))
    _root(identity.url, answer, trust.issuer)
    given = _trusted(identity.url, answer, trust, key, nonce, tls_key)
    if given.receiver != identity.receiver:
        raise AnswerNotTrusted(url=identity.url, why="cho bộ thu khác / for another receiver")
    fresh = msgspec.structs.replace(
        identity,
        certificates=given.certificates,
        broker_host=given.broker.host,
        broker_port=given.broker.port,
        ca=given.broker.ca,
        tls_ca=None if given.broker.ca else identity.tls_ca,
        certificate=given.certificate,
        tls_key=tls_key if given.certificate else "",
        place=given.name,
    )
    return Renewed(fresh, given.revocations)


def _trusted(url: str, answer: Answer, trust: Trust, key: SigningKey, nonce: str, tls_key: str) -> Enrolment:
    """What the answer says, once it is known to be the server's, for us, and to this question."""
    try:
        token = answer.enrolment.encode("ascii", "replace")
        claims = trust.open(token, typ="enrolment", audience=box(key.public), now=None)
        given = decode_body(claims, Enrolment)
        for certificate in given.certificates:
            trust.learn_key(certificate)
        if given.revocations is not None:
            trust.learn_revocations(given.revocations)
    except BadMessage as error:
        raise AnswerNotTrusted(url=url, why=error.reason) from error
    if given.nonce != nonce:
        raise AnswerNotTrusted(url=url, why="trả lời cho câu hỏi khác / it answers another question")
    if bool(given.certificate) != bool(given.broker.ca) or (
        given.certificate and not tls.fits(given.certificate, tls_key)
    ):
        raise AnswerNotTrusted(url=url, why="chứng thư không hợp với khóa / the certificate isn't for our key")
    return given


def _root(url: str, answer: Answer, kid: str) -> VerifyKey:
    try:
        root = VerifyKey.from_hex(answer.root)
    except ValueError as error:
        raise AnswerNotTrusted(url=url, why="malformed") from error
    if root.kid != kid:
        raise AnswerNotTrusted(
            url=url, why=f"khóa gốc {root.kid} khác với dấu vân tay trên phiếu / its root is not that of the sheet"
        )
    return root


def _read(url: str, body: bytes) -> Answer:
    try:
        return msgspec.json.decode(body, type=Answer)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise AnswerNotTrusted(url=url, why="không phải máy chủ truyền thanh / it isn't such a server") from error


def _refusal(url: str, status: int, body: bytes) -> TruyenThanhError:
    """What the server said, in its own words where they are there."""
    try:
        said = json.loads(body)
        return ServerSaysNo(vi=str(said["detail"])[:500], en=str(said["en"])[:500])
    except (ValueError, KeyError, TypeError):
        return ServerUnreachable(url=url, why=f"HTTP {status}")
