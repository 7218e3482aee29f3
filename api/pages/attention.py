"""What needs a hand, first on the page: each with what it is, where, and since when."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from api.auth.guard import Principal
from api.auth.rights import Right
from api.auth.scope import Reach
from api.health import leader_age
from api.pages.day import AiringView, Cell, Commune, Day
from api.pages.words import STATES, ago, clock_time, number, reason, span
from broadcast import offer_lists, readiness
from broadcast.rule_checks import AGAINST
from broadcast.tables import Bulletin, BulletinVersion, IssuedPlan, Playout, ProgrammeItem, RecordFork
from core.events import Event
from devices.tables import Receiver
from schedules.tables import Airing, Schedule

SOON = timedelta(minutes=30)
LAST_CALL = timedelta(minutes=2)  # who is not ready by now will hardly sound
BEGUN_WITHIN = timedelta(seconds=45)  # a status takes a moment to come over 4G
QUIET = timedelta(minutes=2)  # 4G drops out and comes back; only what lasts is worth a look
NAMES_MOST = 4
A_DAY = timedelta(days=1)

Weight = Literal["wrong", "watch"]


Seen = ColumnElement[bool]  # which rows are in the sight of who looks


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing to look at. `key` stays the same as long as the thing does."""

    key: str
    weight: Weight  # wrong: something did not sound as it should; watch: it may not
    title: str
    details: list[str]


def matters(session: Session, day: Day, zone: ZoneInfo, who: Principal) -> list[Matter]:
    """Everything in a person's sight that needs a hand, worst first."""
    boxes, airings = who.sees(session, "receiver"), who.sees(session, "airing")
    communes = who.reach(Right.READ_TODAY)
    found = [*_leader(session), *_forks(session, day, boxes)]
    for airing in day.airings:
        found += _went_wrong(airing, day.now, zone)
        found += _not_ready(airing, day.now, zone)
        found += _not_begun(airing, day.now, zone)
    found += _untaken(session, day.now, zone, communes)
    found += _never_planned(session, day.now, zone, airings)
    found += _against_rules(session, day.now, zone, communes.at(Playout.unit_id))
    found += _plans_refused(session, boxes)
    found += _plans_too_large(session, day.now, boxes)
    found += _offline(day.communes, day.now, zone)
    return sorted(found, key=lambda matter: matter.weight != "wrong")


def _leader(session: Session) -> list[Matter]:
    age = leader_age(session)
    if age is not None and age <= 0:
        return []
    since = "chưa từng chạy" if age is None else f"ngừng từ {span(timedelta(seconds=age))} trước"
    text = "Các lần phát đã gửi tới bộ thu vẫn phát đúng giờ; lịch mới và lệnh dừng thì chưa đi được."
    return [Matter("leader", "wrong", f"Bộ lập lịch {since}", [text, "Báo người quản trị hệ thống."])]


def _forks(session: Session, day: Day, boxes: Seen) -> list[Matter]:
    rows = session.execute(
        select(Receiver.name, func.count())
        .join(RecordFork, RecordFork.receiver_id == Receiver.id)
        .where(RecordFork.received_at >= day.start, boxes)
        .group_by(Receiver.id, Receiver.name)
    ).all()
    if not rows:
        return []
    said = [f"{name}: {number(count)} bản ghi mâu thuẫn" for name, count in rows]
    return [
        Matter("forks", "wrong", "Nhật ký phát mâu thuẫn: có thể bộ thu bị sao chép thẻ nhớ", _at_most(said)),
    ]


def _went_wrong(airing: AiringView, now: datetime, zone: ZoneInfo) -> list[Matter]:
    counts: Counter[str] = Counter()
    details = []
    for cell in airing.cells:
        troubled = [share for share in cell.shares if share.state in STATES and STATES[share.state].troubled]
        if airing.cancelled or airing.stop:  # cut on purpose
            troubled = [share for share in troubled if share.state not in {"partial", "missed", "unconfirmed"}]
        counts.update(share.state for share in troubled)
        if troubled:
            details.append(_names(cell, [(share.receiver.name, reason(share.reason)) for share in troubled]))
    if not counts or airing.starts_at > now:
        return []
    said = ", ".join(
        f"{number(count)} bộ thu {STATES[name].word}"
        for name, count in sorted(counts.items(), key=lambda one: STATES[one[0]].rank)
    )
    title = f"{clock_time(airing.starts_at, zone)} {airing.title}: {said}"
    weight: Weight = "watch" if set(counts) <= {"unconfirmed"} else "wrong"
    return [Matter(f"wrong-{airing.id}", weight, title, _at_most(details))]


def _not_ready(airing: AiringView, now: datetime, zone: ZoneInfo) -> list[Matter]:
    if airing.cancelled or not now < airing.starts_at <= now + SOON:
        return []
    details, count = [], 0
    for cell in airing.cells:
        why = [
            (
                share.receiver.name,
                readiness.why_not(share.state if share.promised else None, online=share.receiver.online),
            )
            for share in cell.shares
            if share.state != "cancelled"
        ]
        waiting = [(name, ", ".join(reason(code) for code in codes)) for name, codes in why if codes]
        count += len(waiting)
        if waiting:
            details.append(_names(cell, waiting))
    if not count:
        return []
    left = span(airing.starts_at - now)
    weight: Weight = "wrong" if airing.starts_at <= now + LAST_CALL else "watch"
    title = f"{clock_time(airing.starts_at, zone)} {airing.title}: {number(count)} bộ thu chưa sẵn sàng, còn {left}"
    return [Matter(f"unready-{airing.id}", weight, title, _at_most(details))]


def _not_begun(airing: AiringView, now: datetime, zone: ZoneInfo) -> list[Matter]:
    if not airing.in_progress(now) or airing.stop or now - airing.starts_at < BEGUN_WITHIN:
        return []
    details, count = [], 0
    for cell in airing.cells:
        silent = [
            share
            for share in cell.shares
            if share.state in {"planned", "delivered", "ready"}
            and now - (share.planned_at or airing.starts_at) >= BEGUN_WITHIN
        ]
        count += len(silent)
        if silent:
            details.append(_names(cell, [(share.receiver.name, STATES[share.state].word) for share in silent]))
    if not count:
        return []
    title = f"{clock_time(airing.starts_at, zone)} {airing.title}: {number(count)} bộ thu chưa báo phát"
    return [Matter(f"silent-{airing.id}", "watch", title, _at_most(details))]


def _untaken(session: Session, now: datetime, zone: ZoneInfo, communes: Reach) -> list[Matter]:
    """Offers of the coming day that communes have not answered: they won't air there."""
    found = []
    for airing, waiting in offer_lists.unanswered(
        session, now, now + A_DAY, None if communes.everywhere else communes.units
    ):
        title = f"{clock_time(airing.starts_at, zone)} {airing.title}: {number(len(waiting))} xã, phường chưa tiếp nhận"
        details = [
            ", ".join(waiting[:NAMES_MOST])
            + (f" và {number(len(waiting) - NAMES_MOST)} nơi nữa" if len(waiting) > NAMES_MOST else "")
        ]
        found.append(
            Matter(f"untaken-{airing.airing_id}", "watch", title, [*details, "Chưa tiếp nhận thì không phát ở đó."])
        )
    return found


def _plans_refused(session: Session, boxes: Seen) -> list[Matter]:
    rows = session.execute(
        select(Receiver.name, IssuedPlan.refused_reason)
        .join(IssuedPlan, IssuedPlan.receiver_id == Receiver.id)
        .where(
            IssuedPlan.superseded_at.is_(None),
            IssuedPlan.refused_reason.is_not(None),
            Receiver.status == "active",
            boxes,
        )
        .order_by(Receiver.name)
    ).all()
    if not rows:
        return []
    said = [f"{name}: {reason(why)}" for name, why in rows]
    return [Matter("plans-refused", "wrong", f"{number(len(rows))} bộ thu từ chối lịch mới nhất", _at_most(said))]


def _plans_too_large(session: Session, now: datetime, boxes: Seen) -> list[Matter]:
    """Receivers whose newest plan could not be sent, and which have got none since."""
    since = (
        select(Event.subject_id.label("receiver_id"), func.max(Event.at).label("at"))
        .where(Event.kind == "system:plan:too-large", Event.at > now - A_DAY)
        .group_by(Event.subject_id)
        .subquery()
    )
    issued_since = exists().where(IssuedPlan.receiver_id == Receiver.id, IssuedPlan.issued_at > since.c.at)
    names = session.scalars(
        select(Receiver.name)
        .join(since, since.c.receiver_id == Receiver.id)
        .where(Receiver.status == "active", ~issued_since, boxes)
        .order_by(Receiver.name)
    ).all()
    if not names:
        return []
    title = f"{number(len(names))} bộ thu chưa nhận được lịch mới: lịch dài quá mức gửi được"
    advice = "Bộ thu vẫn theo lịch cũ. Hãy bớt lần phát trong các ngày tới, hoặc báo người quản trị."
    return [Matter("plans-too-large", "wrong", title, [_joined([(name, "") for name in names]), advice])]


def _never_planned(session: Session, now: datetime, zone: ZoneInfo, airings: Seen) -> list[Matter]:
    """Airings of the coming day that enter no plan, because a bulletin of their programme is not approved any more."""
    rows = session.execute(
        select(Airing.id, Airing.starts_at, Schedule.title, Bulletin.title.label("bulletin"), BulletinVersion.status)
        .join(Schedule, Schedule.id == Airing.schedule_id)
        .join(ProgrammeItem, ProgrammeItem.programme_id == Airing.programme_id)
        .join(BulletinVersion, BulletinVersion.id == ProgrammeItem.version_id)
        .join(Bulletin, Bulletin.id == BulletinVersion.bulletin_id)
        .where(Airing.status == "scheduled", Airing.starts_at > now, Airing.starts_at <= now + A_DAY)
        .where(BulletinVersion.status != "approved", airings)
        .order_by(Airing.starts_at, Airing.id, ProgrammeItem.position)
    ).all()
    held: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        why = "đã thu hồi" if row.status == "withdrawn" else "không còn được duyệt"
        held[row.id].append(f"“{row.bulletin}” {why}")
    found = []
    for row in {row.id: row for row in rows}.values():
        other_day = row.starts_at.astimezone(zone).date() != now.astimezone(zone).date()
        when = f"{clock_time(row.starts_at, zone)}{' ngày mai' if other_day else ''}"
        advice = "Hãy xếp lịch một chương trình khác vào giờ này, hoặc hủy lần phát."
        details = [f"Trong chương trình có bản tin {', '.join(dict.fromkeys(held[row.id]))}.", advice]
        found.append(Matter(f"unplanned-{row.id}", "wrong", f"{when} {row.title}: sẽ không phát", details))
    return found


def _against_rules(session: Session, now: datetime, zone: ZoneInfo, here: Seen) -> list[Matter]:
    """Airings of the coming day that plans leave out because they break a rule of sound."""
    rows = session.execute(
        select(Airing.id, Airing.starts_at, Schedule.title, Playout.note, func.count().label("receivers"))
        .join(Airing, Airing.id == Playout.airing_id)
        .join(Schedule, Schedule.id == Airing.schedule_id)
        .where(Playout.planned_at > now, Playout.planned_at <= now + A_DAY, Airing.status == "scheduled")
        .where(Playout.note.startswith(AGAINST), here)
        .group_by(Airing.id, Airing.starts_at, Schedule.title, Playout.note)
        .order_by(Airing.starts_at, Airing.id)
    ).all()
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.id] += row.receivers
    found = []
    for row in {row.id: row for row in rows}.values():
        said = [str(one.note).removeprefix(AGAINST) for one in rows if one.id == row.id]
        title = f"{clock_time(row.starts_at, zone)} {row.title}: không phát ở {number(counts[row.id])} bộ thu"
        found.append(Matter(f"rules-{row.id}", "wrong", f"{title} vì trái quy định", _at_most(said)))
    return found


def _offline(communes: list[Commune], now: datetime, zone: ZoneInfo) -> list[Matter]:
    said, count = [], 0
    for commune in communes:
        gone = [one for one in commune.offline if one.heard_at is None or now - one.heard_at > QUIET]
        count += len(gone)
        if gone:
            names = [
                (one.name, f"nghe lần cuối {ago(one.heard_at, now, zone)}" if one.heard_at else "chưa từng kết nối")
                for one in gone
            ]
            said.append(f"{commune.unit.name}: {_joined(names)}")
    if not count:
        return []
    return [Matter("offline", "watch", f"{number(count)} bộ thu mất kết nối", _at_most(said))]


def _names(cell: Cell, names: list[tuple[str, str]]) -> str:
    return f"{cell.unit.name}: {_joined(names)}"


def _joined(names: list[tuple[str, str]]) -> str:
    said = [f"{name} ({why})" if why else name for name, why in names[:NAMES_MOST]]
    more = len(names) - len(said)
    return ", ".join(said) + (f" và {number(more)} bộ thu nữa" if more else "")


def _at_most(lines: list[str], most: int = 6) -> list[str]:
    if len(lines) <= most:
        return lines
    return [*lines[:most], f"… và {number(len(lines) - most)} nơi nữa"]
