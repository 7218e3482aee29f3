"""A small province for these tests: units, receivers with their own keys, a programme with audio, airings.

Rows are put in directly, so that a test says exactly what there is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from audio.store import ObjectStore
from broadcast import delivery, issuing, planning
from broadcast.tables import Playout, Programme, ProgrammeItem
from core import units
from core.clock import Clock, to_ms
from core.database import Database
from core.events import Actor
from core.ids import new_id
from core.profiles import PROFILES, Profile
from core.settings import Settings
from core.units import Unit
from devices.keyring import Keyring
from devices.protocol.plan import Plan
from devices.protocol.reports import ClockFacts, Outcome, PlayRecord, Plays
from devices.protocol.signing import GENESIS, SigningKey, canonical_sha256
from devices.protocol.upward import UpType, sign_up
from devices.tables import Receiver
from schedules.tables import Airing, Schedule

OPERATOR = Actor("01J00000000000000000000001", "Người phụ trách")


def leading(_session: Session) -> int:
    """A leadership check that always holds."""
    return 1


@dataclass
class Box:
    """A scripted receiver's identity, and the log that it writes."""

    id: str
    key: SigningKey
    root_kid: str
    profile: Profile = "horn"
    log: str = field(default_factory=new_id)
    seq: int = 0
    prev: str = GENESIS

    def sign(self, typ: UpType, body: Any, now: datetime) -> bytes:
        return sign_up(
            self.key,
            typ=typ,
            receiver=self.id,
            root_kid=self.root_kid,
            seq=to_ms(now),
            iat=int(now.timestamp()),
            body=body,
        )

    def record(
        self,
        airing: str,
        item: planning.ItemFacts,
        planned_at: datetime,
        *,
        outcome: Outcome = "finished",
        played_ms: int | None = None,
        **members: Any,
    ) -> PlayRecord:
        """The next record of the log; a finished or partial one with its times."""
        self.seq += 1
        sounded = outcome in {"finished", "partial"}
        played = (item.duration_ms if played_ms is None else played_ms) if sounded else 0
        start = to_ms(planned_at)
        facts: dict[str, Any] = {
            "sha256": item.sound(self.profile),
            "started_at": start if sounded else None,
            "ended_at": start + played if sounded else None,
            "played_ms": played,
        }
        record = PlayRecord(
            log=self.log,
            seq=self.seq,
            airing=airing,
            item=item.id,
            prev=self.prev,
            outcome=outcome,
            planned_at=start,
            plan_revision=1,
            clock=ClockFacts(source="signed", error_ms=2.5),
            **(facts | members),
        )
        self.prev = canonical_sha256(record)
        return record

    def plays(self, records: Sequence[PlayRecord], now: datetime) -> bytes:
        return self.sign("plays", Plays(records=list(records)), now)


class World:
    """One province, two communes (one with a village), three receivers, one programme of three items."""

    def __init__(self, db: Database, clock: Clock, folder: Path) -> None:
        self.db = db
        self.clock = clock
        self.store = ObjectStore(folder / "objects")
        self.keyring = Keyring.create(folder / "keys", clock.now())
        self.settings = Settings(data_dir=folder, quiet_hours="")
        self.boxes: dict[str, Box] = {}
        with db.writing() as session:
            self.province = units.add(session, kind="province", name="Tỉnh Thử Nghiệm").id
            self.north = self._unit(session, "commune", "Xã Bắc", self.province)
            self.south = self._unit(session, "commune", "Xã Nam", self.province)
            self.village = self._unit(session, "village", "Thôn Một", self.north)
            self.a = self.receiver(session, self.north)
            self.b = self.receiver(session, self.village)
            self.c = self.receiver(session, self.south, clusters=5, profile="full")
            self.programme, self.items = self.make_programme(session, [3000, 30_000, 2000])
            self.schedule = self._schedule(session)

    def _unit(self, session: Session, kind: Any, name: str, parent: str) -> str:
        return units.add(session, kind=kind, name=name, parent=session.get_one(Unit, parent)).id

    def receiver(self, session: Session, unit_id: str, clusters: int = 1, profile: Profile = "horn") -> Box:
        key = SigningKey.generate()
        row = Receiver(
            unit_id=unit_id,
            name="Bộ thu",
            clusters=clusters,
            profile=profile,
            public_key=key.public.hex,
            broker_password="-",
            enrolled_at=self.clock.now(),
        )
        session.add(row)
        session.flush()
        box = self.boxes[row.id] = Box(row.id, key, self.keyring.issuer, profile)
        return box

    def make_programme(self, session: Session, durations_ms: Sequence[int]) -> tuple[str, list[planning.ItemFacts]]:
        """A programme of pieces that are stored (of random bytes: nothing here decodes them)."""
        programme = Programme(title="Chương trình", created_by=OPERATOR.id, created_at=self.clock.now())
        session.add(programme)
        session.flush()
        items = []
        for position, duration_ms in enumerate(durations_ms):
            full, horn = (self.store.put(os.urandom(duration_ms * 3)) for _ in PROFILES)
            row = ProgrammeItem(
                programme_id=programme.id,
                position=position,
                kind="chime",
                sha256=full,
                horn_sha256=horn,
                duration_ms=duration_ms,
            )
            session.add(row)
            session.flush()
            items.append(planning.ItemFacts(row.id, full, duration_ms, horn))
        return programme.id, items

    def _schedule(self, session: Session) -> str:
        row = Schedule(
            title="Buổi sáng",
            programme_id=self.programme,
            kind="daily",
            first_date=self.clock.now().date(),
            local_time=time(5),
            timezone="Asia/Ho_Chi_Minh",
            unit_ids=[self.province],
            created_by=OPERATOR.id,
            created_at=self.clock.now(),
        )
        # A duration is a column of schedules once the timetable has it.
        if hasattr(Schedule, "duration_ms"):
            row.duration_ms = self.duration_ms
        session.add(row)
        session.flush()
        return row.id

    @property
    def duration_ms(self) -> int:
        return sum(item.duration_ms for item in self.items)

    def airing(
        self, session: Session, after: timedelta, unit_ids: Sequence[str] | None = None, **values: Any
    ) -> Airing:
        """An airing so long from now, by default in the whole province."""
        starts_at = self.clock.now() + after
        row = Airing(
            schedule_id=self.schedule,
            programme_id=values.pop("programme_id", self.programme),
            original_start=values.pop("original_start", starts_at),
            starts_at=starts_at,
            duration_ms=values.pop("duration_ms", self.duration_ms),
            unit_ids=list(unit_ids or [self.province]),
            **values,
        )
        session.add(row)
        session.flush()
        return row

    def request_all(self, session: Session) -> None:
        delivery.request(session, list(self.boxes), self.clock.now())

    def issue(self) -> int:
        return issuing.issue_requested(self.db, self.keyring, self.store, leading, self.clock, self.settings)

    def plan_of(self, box: Box) -> Plan:
        """The current plan as a receiver would take it in: verified against the root."""
        with self.db.reading() as session:
            issued = delivery.current_plan(session, box.id)
        assert issued is not None
        return self.opened(box, issued.token.encode())

    def opened(self, box: Box, token: bytes) -> Plan:
        claims = self.keyring.trust().open(token, typ="plan", audience=f"rx/{box.id}", now=self.clock.now())
        plan = msgspec.json.decode(claims.body, type=Plan)
        assert plan.revision == claims.seq
        return plan

    def playout(self, airing_id: str, box: Box) -> Playout:
        with self.db.reading() as session:
            found = session.get(Playout, (airing_id, box.id))
        assert found is not None
        return found


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
