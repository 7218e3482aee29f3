"""What a receiver proves itself with, and until when: the keys that stood at its place, its client certificates."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from devices.authority import CLIENT_LIFE, Authority, raw_public, requested_key
from devices.tables import ClientCertificate, EnrolmentCode, Receiver, ReceiverKey


def begin_key(session: Session, receiver: Receiver, key: str, now: datetime, *, machine: str = "") -> None:
    """From now on the receiver signs with this key (public, hexadecimal)."""
    session.add(ReceiverKey(receiver_id=receiver.id, public_key=key, machine=machine, from_at=now))
    receiver.public_key = key


def end_keys(session: Session, receiver_id: str, reason: str, now: datetime) -> None:
    """Nothing new that the receiver's keys up to now sign counts, and the broker no longer lets their box in."""
    session.execute(
        update(ReceiverKey)
        .where(ReceiverKey.receiver_id == receiver_id, ReceiverKey.until_at.is_(None))
        .values(until_at=now, end_reason=reason)
    )
    session.execute(
        update(ClientCertificate)
        .where(ClientCertificate.receiver_id == receiver_id, ClientCertificate.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def certify(session: Session, receiver: Receiver, csr: str, authority: Authority, now: datetime) -> str:
    """A client certificate for the key of this request; the one there is as long as half its life isn't over."""
    tls_key = hashlib.sha256(raw_public(requested_key(csr))).hexdigest()
    held = session.scalar(
        select(ClientCertificate)
        .where(
            ClientCertificate.receiver_id == receiver.id,
            ClientCertificate.tls_key == tls_key,
            ClientCertificate.revoked_at.is_(None),
            ClientCertificate.not_after > now + CLIENT_LIFE / 2,
        )
        .limit(1)
    )
    if held is not None:
        return held.pem
    issued = authority.certify_receiver(csr, receiver.id, now)
    session.add(
        ClientCertificate(
            serial=issued.serial,
            receiver_id=receiver.id,
            public_key=receiver.public_key,
            tls_key=tls_key,
            pem=issued.pem,
            not_after=issued.not_after,
            issued_at=now,
        )
    )
    return issued.pem


def revoked_certificates(session: Session, now: datetime) -> list[tuple[str, datetime]]:
    """Serial and since when, of those whose dates alone would still let them in."""
    rows = session.execute(
        select(ClientCertificate.serial, ClientCertificate.revoked_at).where(
            ClientCertificate.revoked_at.is_not(None), ClientCertificate.not_after > now
        )
    )
    return [(row.serial, row.revoked_at) for row in rows]


def void_codes(session: Session, receivers: Sequence[str], now: datetime) -> None:
    """The unused codes of these places no longer work."""
    open_codes = update(EnrolmentCode).where(
        EnrolmentCode.receiver_id.in_(receivers), EnrolmentCode.used_at.is_(None), EnrolmentCode.void_at.is_(None)
    )
    session.execute(open_codes.values(void_at=now))
