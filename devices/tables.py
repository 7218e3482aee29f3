"""Tables of the receivers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base
from core.ids import new_id
from core.profiles import Profile


class Receiver(Base):
    """One IP box at one place.

    `clusters` counts the loudspeaker clusters behind it: 1 for a box with its own horns; n for one that feeds
    a station's amplifier or transmitter, where proof ends at the box and the rest is an estimate. `profile` is that
    of the sounds that it plays: `horn` for a box with its own horns, `full` for one that feeds something else.
    """

    __tablename__ = "receivers"

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    clusters: Mapped[int] = mapped_column(default=1)
    profile: Mapped[Profile] = mapped_column(String(4), default="horn")
    # waiting: it has a place and a code, and no box yet
    status: Mapped[str] = mapped_column(String(12), default="active")  # waiting | active | revoked
    public_key: Mapped[str] = mapped_column(String(64))  # Ed25519, raw, hexadecimal; empty while it waits
    # mosquitto's $7$ format: PBKDF2-SHA512; empty: it comes with a client certificate
    broker_password: Mapped[str] = mapped_column(String(200))
    enrolled_at: Mapped[datetime]  # while it waits: when its place was entered

    # Presence: what was last heard, and when.
    online: Mapped[bool] = mapped_column(default=False)
    heard_at: Mapped[datetime | None]
    held_revision: Mapped[int] = mapped_column(BigInteger, default=0)  # last said in a hello or plan-accepted
    software: Mapped[str | None] = mapped_column(String(500))
    boot: Mapped[str | None] = mapped_column(String(26))
    last_status: Mapped[dict[str, Any] | None]


class ReceiverKey(Base):
    """A key that a receiver signs with, and when: the boxes that stood at this place one after another.

    What an earlier box signed stays provable; from `until_at` on nothing new of it counts.
    """

    __tablename__ = "receiver_keys"

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    receiver_id: Mapped[str] = mapped_column(ForeignKey("receivers.id"), index=True)
    public_key: Mapped[str] = mapped_column(String(64), index=True)
    machine: Mapped[str] = mapped_column(String(500), default="")  # digest of the machine that was enrolled with it
    from_at: Mapped[datetime]
    until_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(20))  # revoked | replaced


class EnrolmentCode(Base):
    """A one-time code for a box at a place. The code itself is kept nowhere: see `devices.protocol.enrolment`."""

    __tablename__ = "enrolment_codes"

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    receiver_id: Mapped[str] = mapped_column(ForeignKey("receivers.id"), index=True)
    tag: Mapped[str] = mapped_column(String(32), unique=True)
    stored: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(40))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[str | None] = mapped_column(String(64))  # the public key of the box that it enrolled
    void_at: Mapped[datetime | None]  # another code for the same place took its place, or it was taken back


class ClientCertificate(Base):
    """A certificate with which a receiver comes to the broker. Whoever's is revoked stands in the broker's list."""

    __tablename__ = "client_certificates"

    serial: Mapped[str] = mapped_column(String(40), primary_key=True)  # hexadecimal
    receiver_id: Mapped[str] = mapped_column(ForeignKey("receivers.id"), index=True)
    public_key: Mapped[str] = mapped_column(String(64))  # the receiver's signing key at the time
    tls_key: Mapped[str] = mapped_column(String(64))  # SHA-256 of the certified key
    pem: Mapped[str] = mapped_column(Text)
    not_after: Mapped[datetime]
    issued_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None] = mapped_column(index=True)
