"""Sessions in the database: their slots, and the airings that each slot comes to by day and by commune.

`sync` brings the airings of a session in line with its rule, its slots and what these are filled with; it does so
whenever one of them changed, and when the horizon moves on. What they come to is found out by `schedules.parts`, by
the rules that stand there. Whoever calls holds the lock of the schedule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.events import Actor
from schedules import parts
from schedules.errors import ScheduleCancelled, ScheduleNotFound
from schedules.expansion import CancelReason, cancel_row, locked, rule_of
from schedules.parts import NEAR, Key
from schedules.reach import Resolver
from schedules.recurrence import occurrences
from schedules.slot_errors import NoSlotsHere, SlotNotFound
from schedules.slot_tables import DayDecision, Filling, Slot
from schedules.slots import SlotSpec, checked, offsets
from schedules.tables import Airing, Schedule


def slots_of(session: Session, schedule_id: str) -> list[Slot]:
    """Its slots in order; none for a schedule of one programme."""
    wanted = select(Slot).where(Slot.schedule_id == schedule_id, ~Slot.retired).order_by(Slot.position)
    return list(session.scalars(wanted))


def get_slot(session: Session, schedule_id: str, slot_id: str) -> Slot:
    slot = session.get(Slot, slot_id)
    if slot is None or slot.retired or slot.schedule_id != schedule_id:
        raise SlotNotFound(id=slot_id)
    return slot


def lock(session: Session, schedule_id: str) -> Schedule:
    """The session, locked. Raises `ScheduleNotFound`, `ScheduleCancelled`, `NoSlotsHere`."""
    schedule = session.scalar(locked(select(Schedule).where(Schedule.id == schedule_id)))
    if schedule is None:
        raise ScheduleNotFound(id=schedule_id)
    if schedule.status != "active":
        raise ScheduleCancelled(title=schedule.title)
    if schedule.programme_id is not None:
        raise NoSlotsHere(title=schedule.title)
    return schedule


def offset_of(session: Session, slot: Slot) -> int:
    """When the slot begins, in milliseconds after its session."""
    held = slots_of(session, slot.schedule_id)
    return offsets([one.length_ms for one in held])[slot.position]


def spec_of(slot: Slot) -> SlotSpec:
    """A slot's row as plain data."""
    return SlotSpec(**{name: getattr(slot, name) for name in SlotSpec.__dataclass_fields__})


def set_slots(session: Session, schedule: Schedule, specs: Sequence[SlotSpec]) -> None:
    """Let these be the session's slots, in this order. Those named by their id are changed, the others are new."""
    held = {slot.id: slot for slot in slots_of(session, schedule.id)}
    checked(specs)
    for position, spec in enumerate(specs):
        values = {name: getattr(spec, name) for name in SlotSpec.__dataclass_fields__ if name != "id"}
        if spec.id:
            slot = held.pop(spec.id, None)
            if slot is None:
                raise SlotNotFound(id=spec.id)
            slot.position = position
            for name, value in values.items():
                setattr(slot, name, value)
        else:
            session.add(Slot(schedule_id=schedule.id, position=position, **values))
    for slot in held.values():
        slot.retired = True
    schedule.programme_id = None
    schedule.duration_ms = sum(spec.length_ms for spec in specs)
    session.flush()


def hand_over(session: Session, specs: Sequence[SlotSpec], to: Schedule, *, since: datetime) -> None:
    """Another session goes on from one, with slots made of these: what they are filled with from then on is its own.

    So are decisions about its days. The occurrences keep their starts; `sync` finds those of another time on the same
    day.
    """
    held = select(DayDecision).where(DayDecision.schedule_id == to.continues_id, DayDecision.ended_at.is_(None))
    for decision in session.scalars(held.where(DayDecision.original_start >= since)):
        decision.schedule_id = to.id
    for spec, slot in zip(specs, slots_of(session, to.id), strict=True):
        if spec.id:
            ahead = Filling.slot_id == spec.id, Filling.original_start >= since, Filling.ended_at.is_(None)
            for filling in session.scalars(select(Filling).where(*ahead)):
                filling.schedule_id, filling.slot_id = to.id, slot.id
    session.flush()


def sync(
    session: Session,
    schedules: Iterable[Schedule],
    *,
    now: datetime,
    until: datetime,
    actor: Actor,
    only: datetime | None = None,
    because: CancelReason = "edited",
    restored: Key | None = None,
) -> tuple[list[Airing], list[Airing]]:
    """Bring the airings of these sessions in (now, until) in line, or of `only` one start: (cancelled, made).

    `because`: why what another one replaces is cancelled. `restored`: the part about which a hand decides no more.
    """
    resolver = Resolver(session)
    cancelled: list[Airing] = []
    made: list[Airing] = []
    for schedule in schedules:
        gone, new = _sync(session, schedule, resolver, now, until, actor, only, because, restored)
        cancelled += gone
        made += new
    return cancelled, made


def horizon_of(session: Session, schedule: Schedule, now: datetime) -> datetime:
    """How far the session has its airings; what a hand brought here from further ahead doesn't count."""
    wanted = select(Airing.original_start).where(
        Airing.schedule_id == schedule.id, Airing.original_start <= Airing.starts_at
    )
    last = session.scalar(wanted.order_by(Airing.original_start.desc()).limit(1))
    return max(now, last + timedelta(seconds=1)) if last is not None else now


def _sync(
    session: Session,
    schedule: Schedule,
    resolver: Resolver,
    now: datetime,
    until: datetime,
    actor: Actor,
    only: datetime | None,
    because: CancelReason,
    restored: Key | None,
) -> tuple[list[Airing], list[Airing]]:
    rule = rule_of(schedule)
    # Of one start only what is of its local day can matter.
    first, last = (now, until) if only is None else (only, min(until, only + NEAR))
    found = list(occurrences(rule, first - NEAR, last))
    held = slots_of(session, schedule.id)
    books = parts.books_of(session, schedule, rule, found, now, slots=held, only=only)
    for (_slot, _place, instant), filling in books.fillings.items():
        filling.original_start = instant
    for instant, decision in books.days.items():
        decision.original_start = instant
    if restored is not None:
        books.restored.add(restored)
    cancelled: list[Airing] = []
    made: list[Airing] = []
    instants = books.instants(found, now - timedelta(milliseconds=schedule.duration_ms), until)
    every = parts.parts_of(session, schedule, books, resolver, [one for one in instants if only in {None, one}], now)
    for slot, key, targets in every:
        old, new = parts.settle_part(schedule, books, slot, key, targets, now)
        if old is not None:
            cancelled.append(cancel_row(old, because if new else "unfilled", now=now, actor=actor))
        if new is not None:
            made.append(new)
    # What is left belongs to no part any more; beyond the horizon nothing was looked at.
    for key, row in books.standing.items():
        if key[2] == only or (only is None and key[2] < until):
            silenced = key[2] in books.days and books.begins(key[2]) is None
            cancelled.append(cancel_row(row, "occurrence" if silenced else because, now=now, actor=actor))
    session.flush()
    session.add_all(made)
    session.flush()
    return cancelled, made
