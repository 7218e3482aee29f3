"""Tables of the receivers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String
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
    status: Mapped[str] = mapped_column(String(12), default="active")  # active | revoked
    public_key: Mapped[str] = mapped_column(String(64))  # Ed25519, raw, hexadecimal
    broker_password: Mapped[str] = mapped_column(String(200))  # mosquitto's $7$ format: PBKDF2-SHA512
    enrolled_at: Mapped[datetime]

    # Presence: what was last heard, and when.
    online: Mapped[bool] = mapped_column(default=False)
    heard_at: Mapped[datetime | None]
    held_revision: Mapped[int] = mapped_column(BigInteger, default=0)  # last said in a hello or plan-accepted
    software: Mapped[str | None] = mapped_column(String(500))
    boot: Mapped[str | None] = mapped_column(String(26))
    last_status: Mapped[dict[str, Any] | None]
