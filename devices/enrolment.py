"""Enrolling at the server: codes for places, boxes that come with one, certificates that are renewed.

- A place is entered first; it waits. A code belongs to a place, works once and until it expires; another code for the
  same place makes the earlier one void.
- A box that comes with the code and proves it gets the place: its key is from then on the receiver's key. Whatever
  stood there before (an earlier box, a revoked one) is no longer believed, and its certificates go into the broker's
  list. So a new place, a replacement, and enrolling again are one thing.
- The same box may ask again with the same code as long as the code hasn't expired, because an answer may be lost on the
  way; anybody else is told that it was used.
- A receiver renews with its own key, whenever it wants; for the same TLS key it gets the same certificate as long as
  half of that one's life isn't over.

Nothing here reads a private key of the online roles: `Office` is given the one that signs answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import events
from core.clock import Clock, to_ms
from core.errors import Invalid, TruyenThanhError
from core.events import Actor
from devices import credentials, passwords
from devices.authority import Authority
from devices.keyring import Keyring
from devices.protocol.enrolment import (
    Answer,
    Broker,
    Code,
    EnrolCall,
    Enrolment,
    EnrolRequest,
    RenewCall,
    RenewRequest,
    box,
    open_enrol,
    proves,
    sign_enrolment,
)
from devices.protocol.signing import BadMessage, VerifyKey, decode_body
from devices.protocol.upward import open_up
from devices.registry import BrokerAddress, get
from devices.tables import EnrolmentCode, Receiver, ReceiverKey

CODE_LIFE = timedelta(days=30)
CODE_LIFE_MAX = timedelta(days=180)
CODES_MAX = 200  # on one sheet
ANSWER_LIFE = timedelta(hours=1)


class CodeRefused(TruyenThanhError):
    slug = "enrolment-code-refused"
    status = 403
    vi = "Mã ghi danh không dùng được: {why}. Hãy xin người quản trị một mã mới cho nơi này."
    en = "The enrolment code can't be used: {why}. Ask the administrator for a new code for this place."


class NotYours(TruyenThanhError):
    """Nobody is told whether such a receiver exists."""

    slug = "renewal-refused"
    status = 403
    vi = "Bộ thu này không được máy chủ nhận ra hoặc đã bị thu hồi. Muốn dùng tiếp, hãy ghi danh lại bằng mã mới."
    en = "The server doesn't know this receiver, or it was revoked. To go on, enrol it again with a new code."


class AnotherMachine(TruyenThanhError):
    """The key of one box came from another machine: a copied card."""

    slug = "another-machine"
    status = 403
    vi = "Danh tính của bộ thu {receiver} được cấp cho máy khác. Hãy ghi danh máy này bằng mã mới."
    en = "The identity of the receiver {receiver} was given to another machine. Enrol this one with a new code."


@dataclass(frozen=True, slots=True)
class Made:
    """A code for a place. This is the only moment at which the code is there to be read."""

    receiver: Receiver
    code: Code
    expires_at: datetime


def make_codes(
    session: Session,
    receivers: Sequence[Receiver],
    *,
    root: str,
    clock: Clock,
    actor: Actor,
    life: timedelta = CODE_LIFE,
) -> list[Made]:
    """A fresh code for each place; earlier ones for these places are void. `root` is the kid of the root."""
    if not receivers:
        raise Invalid(what="chưa chọn bộ thu nào / no receiver was chosen")
    if len(receivers) > CODES_MAX:
        raise Invalid(what=f"mỗi lần tối đa {CODES_MAX} mã / at most {CODES_MAX} codes at a time")
    if not timedelta() < life <= CODE_LIFE_MAX:
        raise Invalid(what=f"hạn của mã phải từ 1 đến {CODE_LIFE_MAX.days} ngày / codes last 1 to 180 days")
    now = clock.now()
    credentials.void_codes(session, [one.id for one in receivers], now)
    made = []
    for receiver in receivers:
        code = Code.new(root)
        row = EnrolmentCode(
            receiver_id=receiver.id,
            tag=code.tag,
            stored=code.stored,
            made_at=now,
            made_by=actor.id,
            expires_at=now + life,
        )
        session.add(row)
        made.append(Made(receiver, code, row.expires_at))
    events.record_all(
        session,
        "user:receiver:code-made",
        actor=actor,
        at=now,
        facts=[(("receiver", one.receiver.id), {"code": one.code.tag, "until": to_ms(one.expires_at)}) for one in made],
    )
    return made


@dataclass(frozen=True, slots=True)
class Office:
    """What answers boxes: `keyring` with the role `enrol`; `authority` where the broker asks for certificates."""

    keyring: Keyring
    broker: BrokerAddress
    authority: Authority | None
    clock: Clock

    def enrol(self, session: Session, call: EnrolCall) -> tuple[Answer, Receiver]:
        """Take a box in. Raises `BadMessage`, `CodeRefused`, `RequestUnusable`, and changes nothing then."""
        key = VerifyKey.from_hex(call.key)
        asked = open_enrol(call.request.encode("ascii", "replace"), key, root=self.keyring.root.kid)
        code = self._code(session, asked, key)
        receiver = get(session, code.receiver_id)
        password = ""
        if code.used_at is None:
            _take_place(session, receiver, key.hex, asked, self.clock.now())
            code.used_at, code.used_by = self.clock.now(), key.hex
        if self.authority is None:
            password = passwords.generate()
        receiver.broker_password = passwords.hashed(password) if password else ""
        answer = self._answer(session, receiver, key, asked.nonce, asked.csr, password)
        return answer, receiver

    def renew(self, session: Session, call: RenewCall) -> Answer:
        """The same answer for a receiver that is known. Raises `BadMessage`, `NotYours`, `RequestUnusable`."""
        receiver = session.get(Receiver, call.receiver)
        if receiver is None or receiver.status != "active":
            raise NotYours
        key = VerifyKey.from_hex(receiver.public_key)
        try:
            claims = open_up(
                call.request.encode("ascii", "replace"),
                typ="renew",
                receiver=receiver.id,
                key=key,
                root_kid=self.keyring.root.kid,
            )
        except BadMessage as error:
            raise NotYours from error
        asked = decode_body(claims, RenewRequest)
        enrolled = session.scalar(select(ReceiverKey.machine).where(ReceiverKey.public_key == key.hex))
        if enrolled and asked.machine and asked.machine != enrolled:
            raise AnotherMachine(receiver=receiver.id)
        return self._answer(session, receiver, key, asked.nonce, asked.csr, "")

    def _code(self, session: Session, asked: EnrolRequest, key: VerifyKey) -> EnrolmentCode:
        """The code that was proved, if it may be used by this box. Of one that wasn't proved nothing is told."""
        code = session.scalar(select(EnrolmentCode).where(EnrolmentCode.tag == asked.code).with_for_update())
        if code is None or not proves(code.stored, key.hex, asked.nonce, asked.proof):
            raise CodeRefused(why="máy chủ không có mã này / the server has no such code")
        if code.void_at is not None:
            raise CodeRefused(why="đã có mã mới thay nó / another code took its place")
        if code.used_at is not None and code.used_by != key.hex:
            raise CodeRefused(why="một bộ thu khác đã dùng mã này / another box has used it")
        if self.clock.now() >= code.expires_at:
            raise CodeRefused(why="mã đã hết hạn / it has expired")
        known = session.scalar(select(ReceiverKey).where(ReceiverKey.public_key == key.hex))
        if known is not None and (known.receiver_id != code.receiver_id or known.until_at is not None):
            raise CodeRefused(why="khóa của bộ thu đã dùng ở nơi khác / the box's key was used elsewhere before")
        return code

    def _answer(
        self, session: Session, receiver: Receiver, key: VerifyKey, nonce: str, csr: str, password: str
    ) -> Answer:
        now = self.clock.now()
        certificate = credentials.certify(session, receiver, csr, self.authority, now) if self.authority else ""
        body = Enrolment(
            nonce=nonce,
            receiver=receiver.id,
            name=receiver.name,
            at=to_ms(now),
            broker=Broker(host=self.broker.host, port=self.broker.port, ca=self.broker.ca, password=password),
            certificate=certificate,
            certificates=self.keyring.taught,
            revocations=self.keyring.revocations,
        )
        signed = sign_enrolment(
            self.keyring.key("enrol"),
            body,
            root=self.keyring.issuer,
            audience=box(key),
            cert=self.keyring.certificates["enrol"],
            iat=int(now.timestamp()),
            exp=int((now + ANSWER_LIFE).timestamp()),
        )
        return Answer(root=self.keyring.root.hex, enrolment=signed.decode("ascii"))


def _take_place(session: Session, receiver: Receiver, key: str, asked: EnrolRequest, now: datetime) -> None:
    """From now on this key is the receiver's; what another box at this place signs no longer counts."""
    before, was = receiver.public_key, receiver.status
    credentials.end_keys(session, receiver.id, "replaced", now)
    credentials.begin_key(session, receiver, key, now, machine=asked.machine)
    receiver.status = "active"
    receiver.enrolled_at = now
    receiver.held_revision = 0
    receiver.software = asked.software or receiver.software
    events.record(
        session,
        f"receiver:receiver:{'enrolled' if was == 'waiting' else 'replaced'}",
        actor=Actor(f"receiver:{receiver.id}", receiver.name),
        at=now,
        subject=("receiver", receiver.id),
        key=VerifyKey.from_hex(key).kid,
        before=VerifyKey.from_hex(before).kid if before else None,
        machine=asked.machine,
    )
