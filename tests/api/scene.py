"""A believable day at the desk, written straight into the tables: what pages and lists are tried on.

The cast of accounts is the same everywhere: `admin`, `editor`, `approver`, `operator`, `auditor`,
`officer`, one role each held everywhere, and one password. The places are invented.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth import grants
from api.auth.passwords import hash_password
from api.auth.rights import ROLES
from api.tables import User
from broadcast import offers
from broadcast.tables import Playout, Programme
from core import units
from core.clock import Clock
from core.database import Database
from core.events import SYSTEM, record
from core.units import Unit
from devices.tables import Receiver
from schedules.tables import Airing, Lease, Schedule

PASSWORD = "bốn con trâu đi ra đồng"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
FULL_NAMES = {
    "admin": "Trần Văn Bình",
    "editor": "Nguyễn Thị Hoa",
    "approver": "Lê Quang Minh",
    "operator": "Phạm Thu Hà",
    "auditor": "Đỗ Thị Lan",
    "officer": "Hoàng Văn Sơn",
}
COMMUNES = ("Xã Đồng Bùi", "Xã Suối Mơ", "Xã Thượng Lâm", "Xã Cầu Gạch", "Xã Tân Hòa")


@dataclass(slots=True)
class Scene:
    """Ids of what stands in the database."""

    province: str = ""
    communes: list[str] = field(default_factory=list)
    receivers: dict[str, list[str]] = field(default_factory=dict)  # by commune
    programme: str = ""
    airings: dict[str, str] = field(default_factory=dict)  # by title


def add_cast(session: Session, clock: Clock) -> None:
    for role in ROLES:
        person = add_person(session, clock, role, FULL_NAMES[role])
        grants.give(session, person.id, role, actor=SYSTEM, clock=clock)


def add_person(session: Session, clock: Clock, username: str, full_name: str) -> User:
    """An account with the common password, without any grant."""
    now = clock.now()
    person = User(
        username=username,
        full_name=full_name,
        password_hash=_hashed(),
        created_at=now,
        password_changed_at=now,
    )
    session.add(person)
    session.flush()
    return person


@cache
def _hashed() -> str:
    return hash_password(PASSWORD)  # slow on purpose; once is enough for all tests


def add_places(session: Session, clock: Clock, communes: Sequence[str] = COMMUNES, receivers: int = 2) -> Scene:
    """Communes with receivers, below the one province, each of which takes what it is offered."""
    scene = Scene()
    standing = session.scalar(select(Unit).where(Unit.kind == "province"))  # there is never more than one
    province = standing or units.add(session, kind="province", name="Tỉnh Sông Bùi")
    scene.province = province.id
    for name in communes:
        commune = units.add(session, kind="commune", name=name, parent=province)
        scene.communes.append(commune.id)
        offers.accept_standing(session, commune.id, actor=SYSTEM, clock=clock)
        scene.receivers[commune.id] = [
            _receiver(session, commune, f"Nhà văn hóa thôn {number}", clock).id for number in range(1, receivers + 1)
        ]
    programme = Programme(title="Bản tin", created_by="system:scene", created_at=clock.now())
    session.add(programme)
    session.flush()
    scene.programme = programme.id
    return scene


def _receiver(session: Session, unit: Unit, name: str, clock: Clock) -> Receiver:
    receiver = Receiver(
        unit_id=unit.id,
        name=name,
        public_key="0" * 64,
        broker_password="$7$",
        enrolled_at=clock.now() - timedelta(days=40),
        online=True,
        heard_at=clock.now() - timedelta(seconds=20),
    )
    session.add(receiver)
    session.flush()
    return receiver


def add_airing(
    session: Session,
    scene: Scene,
    clock: Clock,
    title: str,
    starts_at: datetime,
    *,
    minutes: float = 15,
    unit_ids: Sequence[str] | None = None,
    status: str = "scheduled",
) -> Airing:
    local = starts_at.astimezone(ZONE)
    targets = list(unit_ids or [scene.province])
    duration_ms = int(minutes * 60_000)
    schedule = Schedule(
        title=title,
        programme_id=scene.programme,
        duration_ms=duration_ms,
        kind="daily",
        first_date=local.date(),
        local_time=local.time(),
        timezone=ZONE.key,
        unit_ids=targets,
        created_by="system:scene",
        created_at=clock.now(),
    )
    session.add(schedule)
    session.flush()
    airing = Airing(
        schedule_id=schedule.id,
        programme_id=scene.programme,
        original_start=starts_at,
        starts_at=starts_at,
        duration_ms=duration_ms,
        unit_ids=targets,
        status=status,
        planned=True,
        cancel_reason="withdrawn" if status == "cancelled" else None,
    )
    session.add(airing)
    session.flush()
    scene.airings[title] = airing.id
    return airing


def add_playout(
    session: Session,
    airing: Airing,
    receiver_id: str,
    state: str,
    clock: Clock,
    *,
    reason: str | None = None,
    played: float = 1.0,
) -> Playout:
    """`played`: which share of it sounded, where the state says that it did."""
    receiver = session.get_one(Receiver, receiver_id)
    sounded = state in {"playing", "finished", "partial"}
    started = airing.starts_at + timedelta(milliseconds=8) if sounded else None
    played_ms = int(airing.duration_ms * played) if state in {"finished", "partial"} else 0
    playout = Playout(
        airing_id=airing.id,
        receiver_id=receiver_id,
        unit_id=receiver.unit_id,
        planned_at=airing.starts_at,
        planned_ms=airing.duration_ms,
        state=state,
        reason=reason,
        first_revision=1,
        started_at=started,
        ended_at=started + timedelta(milliseconds=played_ms) if started and played_ms else None,
        played_ms=played_ms,
        updated_at=clock.now(),
    )
    session.add(playout)
    session.flush()
    return playout


def set_state(db: Database, airing_id: str, receiver_id: str, state: str, clock: Clock) -> None:
    """Change a playout as ingest does: the row and its event in one transaction."""
    with db.writing() as session:
        playout = session.get_one(Playout, (airing_id, receiver_id))
        playout.state = state
        playout.updated_at = clock.now()
        if state == "finished":
            playout.started_at = playout.planned_at
            playout.ended_at = playout.planned_at + timedelta(milliseconds=playout.planned_ms)
        subject = ("playout", airing_id)
        record(session, "receiver:playout:changed", actor=SYSTEM, at=clock.now(), subject=subject, state=state)


def add_leader(session: Session, *, expires_at: float) -> None:
    session.add(Lease(name="engine", holder="test", fence=1, expires_at=expires_at))


def add_day(session: Session, scene: Scene, clock: Clock) -> None:
    """Five communes: a morning with one trouble, a noon that was withdrawn, one on air, one to come, two boxes away."""
    now = clock.now()

    def at(hour: int, minute: int) -> datetime:
        return datetime.combine(now.astimezone(ZONE).date(), time(hour, minute), ZONE)

    boxes = [(commune, box) for commune in scene.communes for box in scene.receivers[commune]]
    morning = add_airing(session, scene, clock, "Chương trình sáng", at(5, 0), minutes=45, status="closed")
    for index, (_commune, box) in enumerate(boxes):
        state, reason, share = ("finished", None, 1.0)
        if index == 4:
            state, reason, share = ("partial", "power-off", 0.4)
        if index == 7:
            state, reason, share = ("unconfirmed", "đã nhận kế hoạch, chưa có nhật ký", 0.0)
        add_playout(session, morning, box, state, clock, reason=reason, played=share)
    noon = add_airing(session, scene, clock, "Nhắc lịch tiêm chủng", at(11, 15), minutes=10, status="cancelled")
    for _commune, box in boxes[:4]:
        add_playout(session, noon, box, "planned", clock).cancelled = True
    start = now - timedelta(minutes=4)
    onair = add_airing(session, scene, clock, "Phòng, chống mua bán người", start, unit_ids=scene.communes[:3])
    for index, (_commune, box) in enumerate(boxes[:6]):
        add_playout(session, onair, box, "playing" if index != 3 else "delivered", clock)
    coming = add_airing(session, scene, clock, "Bản tin chiều", now + timedelta(minutes=22), minutes=30)
    for index, (_commune, box) in enumerate(boxes):
        add_playout(session, coming, box, "ready" if index not in {3, 8} else "delivered", clock)
    for index, silent_for in ((3, timedelta(minutes=26)), (8, timedelta(hours=19))):
        away = session.get_one(Receiver, boxes[index][1])
        away.online, away.heard_at = False, now - silent_for
