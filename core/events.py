"""The audit trail: every change of state is an event, appended in the same transaction as the change.

Events are never updated or deleted; triggers in the database hold that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, String, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.database import Base


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a user, or a part of the system."""

    id: str
    name: str

    @property
    def is_system(self) -> bool:
        return self.id.startswith("system:")


SYSTEM = Actor("system:engine", "Hệ thống")


class Event(Base):
    """One fact: `kind` is `source:subject:action`, such as `user:bulletin:approved`."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_subject", "subject_kind", "subject_id"),)

    # SQLite gives an autoincrementing key only to INTEGER.
    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(80), index=True)
    actor_id: Mapped[str] = mapped_column(String(40))
    actor_name: Mapped[str] = mapped_column(String(200))
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str] = mapped_column(String(64))
    data: Mapped[dict[str, Any]]


def record_all(
    session: Session, kind: str, *, actor: Actor, at: datetime, facts: Iterable[tuple[tuple[str, str], dict[str, Any]]]
) -> None:
    """`record` for many subjects at once, each with its data: thousands in one statement."""
    rows = [
        {
            "at": at,
            "kind": kind,
            "actor_id": actor.id,
            "actor_name": actor.name,
            "subject_kind": subject[0],
            "subject_id": subject[1],
            "data": data,
        }
        for subject, data in facts
    ]
    if rows:
        session.execute(insert(Event), rows)


def record(
    session: Session,
    kind: str,
    *,
    actor: Actor,
    at: datetime,
    subject: tuple[str, str],
    **data: Any,
) -> Event:
    """Append an event. `subject` is (kind, id), such as ("bulletin", "01J…"); `data` must be JSON."""
    entry = Event(
        at=at,
        kind=kind,
        actor_id=actor.id,
        actor_name=actor.name,
        subject_kind=subject[0],
        subject_id=subject[1],
        data=data,
    )
    session.add(entry)
    return entry
