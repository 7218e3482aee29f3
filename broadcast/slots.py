"""What the newsroom puts into the slots of sessions: usable programmes only, and fallbacks when nobody did in time.

1. A programme fills a slot only while all of its bulletins are approved in the sounds that it binds.
2. Many slots are filled in one transaction, each by itself: what can't be is told with its reason, the rest stands.
3. At a slot's fill-by its fallback is applied once and recorded: the programme that it last had, its music, silence,
   or the close of the session at that place. What can't be (withdrawn since, too long) becomes silence.
4. A bulletin that is withdrawn empties the slots that its programmes fill, and that is told; past the fill-by the
   fallback then follows at once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcast import programmes
from core import events, units
from core.clock import Clock
from core.errors import TruyenThanhError
from core.events import SYSTEM, Actor
from schedules import filling, sessions
from schedules.desk import Desk
from schedules.expansion import cancel_row
from schedules.filling import Source
from schedules.slot_tables import Filling, Slot, WeekTemplate
from schedules.slots import SlotSpec
from schedules.tables import Airing, Schedule

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fill:
    """A wish: this programme, in this slot, on this day, at this commune."""

    schedule_id: str
    slot_id: str
    on: date
    programme_id: str
    at: time | None = None  # of the session, where it airs more than once that day
    place_id: str | None = None
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of a wish: its filling, or why not."""

    wish: Fill
    filling: Filling | None = None
    refused: TruyenThanhError | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of many wishes, and the airings whose receivers need a new plan."""

    filled: list[Filled]
    changed: list[Airing]


def measured(session: Session, spec: SlotSpec) -> SlotSpec:
    """The slot with the length of its standing programme; raises where that or its music can't be aired."""
    if spec.owner_id is not None:
        units.get(session, spec.owner_id)
    for programme in (spec.programme_id, spec.music_id):
        if programme is not None:
            programmes.require_usable(session, programme)
    if spec.programme_id is None:
        return spec
    return replace(spec, programme_ms=programmes.duration_ms(session, spec.programme_id))


def fill_many(
    session: Session, wishes: Sequence[Fill], *, actor: Actor, clock: Clock, dry_run: bool = False
) -> Outcome:
    """Fill what can be filled. With `dry_run` nothing of it is left, and only the results are told."""
    attempt = session.begin_nested() if dry_run else None
    usable = _Usable(session)
    desk = Desk(session, actor=actor, clock=clock)
    filled: list[Filled] = []
    # In one order of locks, whoever fills what.
    for wish in sorted(wishes, key=lambda one: one.schedule_id):
        try:
            made = desk.fill(
                wish.schedule_id,
                wish.slot_id,
                on=wish.on,
                at=wish.at,
                place_id=wish.place_id,
                programme_id=wish.programme_id,
                programme_ms=usable.duration_ms(wish.programme_id),
                cut=wish.cut,
            )
        except TruyenThanhError as error:
            filled.append(Filled(wish, refused=error))
        else:
            filled.append(Filled(wish, made))
    changed = desk.settle()
    if attempt is not None:
        attempt.rollback()
        return Outcome([replace(one, filling=None) for one in filled], [])
    return Outcome(filled, changed)


class _Usable:
    """Which programmes may be aired, and how long they are: each is asked about once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, int | TruyenThanhError] = {}

    def duration_ms(self, programme_id: str) -> int:
        """Raises why it may not be aired."""
        if programme_id not in self._known:
            try:
                programmes.require_usable(self._session, programme_id)
                self._known[programme_id] = programmes.duration_ms(self._session, programme_id)
            except TruyenThanhError as error:
                self._known[programme_id] = error
        known = self._known[programme_id]
        if isinstance(known, TruyenThanhError):
            raise known
        return known


def undo(session: Session, filling_id: str, *, actor: Actor, clock: Clock) -> tuple[Filling, list[Airing]]:
    """Take a filling back; what it had replaced holds again, unless it may not air any more."""
    undone, changed = filling.undo(session, filling_id, actor=actor, clock=clock)
    held = filling.holding(session, undone.slot_id, undone.place_id, undone.original_start)
    if held is not None and held.programme_id is not None and programmes.problems(session, held.programme_id):
        changed += filling.empty(session, held, actor=actor, now=clock.now())
    return undone, changed


def warn(session: Session, airing_id: str, now: datetime) -> None:
    """Some time before its fill-by: the slot still has no programme, and what will become of it."""
    airing = session.get(Airing, airing_id)
    if airing is None or airing.status != "open":
        return
    slot = session.get_one(Slot, airing.slot_id)
    _tell(session, "to-fill", airing, slot, now, why=filling.why_open(session, airing), fallback=slot.fallback)


def fall_back(session: Session, airing_id: str, now: datetime) -> list[Airing]:
    """The fill-by of an open slot has come: let its fallback decide."""
    airing = session.get(Airing, airing_id)
    if airing is None or airing.status != "open":
        return []
    schedule = sessions.lock(session, airing.schedule_id)
    slot = session.get_one(Slot, airing.slot_id)
    if airing.starts_at <= now:  # nobody led while it came: there is nothing left to decide
        _tell(session, "missed", airing, slot, now, fallback=slot.fallback)
        return [cancel_row(airing, "unfilled", now=now, actor=SYSTEM)]
    place, instant = airing.place_id or None, airing.original_start
    why = filling.why_open(session, airing)
    source, programme = _fallback(session, slot, place, instant)
    filling.put(
        session,
        slot,
        place,
        instant,
        source=source,
        programme_id=programme,
        programme_ms=programmes.duration_ms(session, programme) if programme else 0,
        cut=True,
        actor=SYSTEM,
        now=now,
    )
    changed = filling.apply(session, schedule, instant, actor=SYSTEM, now=now)
    _tell(session, "fallback", airing, slot, now, why=why, wanted=slot.fallback, given=source, programme=programme)
    log.warning("A slot was not filled in time", extra={"airing": airing_id, "fallback": source})
    return changed


def empty_slots(session: Session, programme_ids: Sequence[str], *, actor: Actor, now: datetime) -> list[Airing]:
    """These programmes may not air any more: the slots ahead that they fill, or stand in, wait for others."""
    changed: list[Airing] = []
    held = select(Filling).where(Filling.programme_id.in_(programme_ids), Filling.ended_at.is_(None))
    for one in session.scalars(held.order_by(Filling.schedule_id, Filling.id)).all():
        slot = session.get_one(Slot, one.slot_id)
        schedule = session.get_one(Schedule, one.schedule_id)
        if slot.retired or schedule.status != "active":
            continue
        if one.original_start + timedelta(milliseconds=sessions.offset_of(session, slot)) > now:
            changed += filling.empty(session, one, actor=actor, now=now)
    standing = select(Slot).where(Slot.programme_id.in_(programme_ids), ~Slot.retired)
    for slot in session.scalars(standing.order_by(Slot.schedule_id, Slot.id)).all():
        if session.get_one(Schedule, slot.schedule_id).status != "active":
            continue
        schedule = sessions.lock(session, slot.schedule_id)
        slot.programme_id, slot.programme_ms = None, 0
        session.flush()
        until = sessions.horizon_of(session, schedule, now)
        for part in sessions.sync(session, [schedule], now=now, until=until, actor=actor):
            changed += part
        source = "system" if actor.is_system else "user"
        events.record(session, f"{source}:slot:emptied", actor=actor, at=now, subject=("slot", slot.id), standing=True)
    return changed


# Weeks


def week_of(
    session: Session, monday: date, zone: Any, schedule_ids: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """What owners filled slots with in the week of this Monday, as entries relative to the weekday."""
    first = datetime.combine(monday, time(), zone)
    wanted = (
        select(Filling)
        .join(Schedule, Schedule.id == Filling.schedule_id)
        .where(
            Filling.ended_at.is_(None),
            Filling.source == "owner",
            Filling.original_start >= first,
            Filling.original_start < datetime.combine(monday + timedelta(days=7), time(), zone),
            Schedule.status == "active",
        )
        .order_by(Filling.original_start, Filling.id)
    )
    if schedule_ids is not None:
        wanted = wanted.where(Filling.schedule_id.in_(schedule_ids))
    entries = []
    for one in session.scalars(wanted):
        local = one.original_start.astimezone(zone)
        entries.append(
            {
                "schedule_id": one.schedule_id,
                "slot_id": one.slot_id,
                "place_id": one.place_id,
                "weekday": local.isoweekday(),
                "at": local.time().isoformat(),
                "programme_id": one.programme_id,
                "cut": one.cut,
            }
        )
    return entries


def wishes_for(entries: Sequence[dict[str, Any]], monday: date) -> list[Fill]:
    """Entries of another week or of a template, for the week of this Monday."""
    return [
        Fill(
            schedule_id=entry["schedule_id"],
            slot_id=entry["slot_id"],
            on=monday + timedelta(days=entry["weekday"] - 1),
            programme_id=entry["programme_id"],
            at=time.fromisoformat(entry["at"]),
            place_id=entry["place_id"],
            cut=entry["cut"],
        )
        for entry in entries
    ]


def save_template(
    session: Session, name: str, entries: Sequence[dict[str, Any]], *, actor: Actor, now: datetime
) -> WeekTemplate:
    """Keep a week's entries under a name."""
    template = WeekTemplate(name=name, entries=list(entries), created_by=actor.id, created_at=now)
    session.add(template)
    session.flush()
    subject = ("week-template", template.id)
    events.record(session, "user:week-template:saved", actor=actor, at=now, subject=subject, name=name)
    return template


def _fallback(session: Session, slot: Slot, place: str | None, instant: datetime) -> tuple[Source, str | None]:
    if slot.fallback == "previous":
        for before in filling.last_filled(session, slot.id, place, instant):
            fits = before.cut or before.programme_ms <= slot.length_ms
            if before.programme_id is not None and fits and not programmes.problems(session, before.programme_id):
                return "previous", before.programme_id
    elif slot.fallback == "music" and slot.music_id is not None and not programmes.problems(session, slot.music_id):
        return "music", slot.music_id
    elif slot.fallback == "close":
        return "close", None
    return "silence", None


def _tell(session: Session, action: str, airing: Airing, slot: Slot, now: datetime, **data: Any) -> None:
    events.record(
        session,
        f"system:slot:{action}",
        actor=SYSTEM,
        at=now,
        subject=("slot", slot.id),
        title=slot.title,
        airing=airing.id,
        schedule=airing.schedule_id,
        owner=airing.place_id or slot.owner_id,
        starts_at=airing.starts_at.isoformat(),
        fill_by=airing.fill_by.isoformat() if airing.fill_by else None,
        **data,
    )
