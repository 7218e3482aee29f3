"""Filling many slots in one transaction: twelve communes' this evening, or a whole week of two hundred.

Each wish is taken or refused by itself, by the rules of `schedules.filling`; one that is refused leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import units
from core.clock import Clock
from core.events import Actor
from schedules import filling, parts, session_days, sessions
from schedules.expansion import locked, rule_of
from schedules.localtime import told
from schedules.slot_errors import RelayNotFilled, SlotWithdrawn, TooLongForSlot, WrongPlace
from schedules.slot_tables import Filling, Slot
from schedules.slots import offsets
from schedules.tables import Airing, Schedule


class Desk:
    """Fills many slots in one go: each session is locked once, what is asked of it is read once, and its airings are
    brought in line once for each of its days, by `settle` at the end.
    """

    def __init__(self, session: Session, *, actor: Actor, clock: Clock) -> None:
        self._session, self._actor, self._now = session, actor, clock.now()
        self._frames: dict[str, _Frame] = {}
        self._days: dict[tuple[str, datetime], _Day] = {}

    def fill(
        self,
        schedule_id: str,
        slot_id: str,
        *,
        on: date,
        at: time | None = None,
        place_id: str | None = None,
        programme_id: str,
        programme_ms: int,
        cut: bool = False,
    ) -> Filling:
        """Fill the slot on a day (and at one commune, where each fills its own) with this programme.

        What is refused leaves nothing behind. The airings are as they were until `settle`.
        """
        frame = self._frame(schedule_id)
        schedule = frame.schedule
        slot = sessions.get_slot(self._session, schedule_id, slot_id)
        if slot.kind == "relay":
            raise RelayNotFilled(title=slot.title)
        instant = frame.occurrence(on, at)
        self._require_place(frame, slot, place_id, on)
        day = self._day(frame, instant)
        starts_at = (day.moved_to or instant) + timedelta(milliseconds=frame.begins[slot.id])
        filling.require_ahead(schedule, slot, starts_at, self._now)
        if programme_ms > slot.length_ms and not cut:
            over = programme_ms - slot.length_ms
            raise TooLongForSlot(title=slot.title, programme_ms=programme_ms, slot_ms=slot.length_ms, over_ms=over)
        if day.is_shut(slot, place_id, frame.slots):
            raise SlotWithdrawn(title=slot.title, at=told(instant, schedule.timezone))
        made = filling.replace(
            self._session,
            slot,
            place_id,
            instant,
            held=day.held.get((slot.id, place_id)),
            source="owner",
            programme_id=programme_id,
            programme_ms=programme_ms,
            cut=cut,
            actor=self._actor,
            now=self._now,
        )
        day.held[slot.id, place_id] = made
        day.filled.append(made)
        return made

    def settle(self) -> list[Airing]:
        """Bring the airings of the days that were filled in line, and record it; returns those that changed."""
        self._session.flush()
        changed: list[Airing] = []
        for (schedule_id, instant), day in self._days.items():
            if day.filled:
                frame = self._frames[schedule_id]
                changed += filling.apply(self._session, frame.schedule, instant, actor=self._actor, now=self._now)
                on = rule_of(frame.schedule).local_day(instant).isoformat()
                for one in day.filled:
                    facts = {"programme": one.programme_id, "cut": one.cut, "on": on}
                    filling.record(self._session, "filled", one, self._actor, self._now, **facts)
                day.filled = []
        return changed

    def _frame(self, schedule_id: str) -> _Frame:
        if schedule_id not in self._frames:
            schedule = sessions.lock(self._session, schedule_id)
            slots = sessions.slots_of(self._session, schedule_id)
            self._frames[schedule_id] = _Frame(self._session, schedule, slots)
        return self._frames[schedule_id]

    def _day(self, frame: _Frame, instant: datetime) -> _Day:
        key = frame.schedule.id, instant
        if key not in self._days:
            of_day = Filling.schedule_id == frame.schedule.id, Filling.original_start == instant
            held = self._session.scalars(select(Filling).where(*of_day, Filling.ended_at.is_(None)))
            rows = select(Airing).where(Airing.schedule_id == frame.schedule.id, Airing.original_start == instant)
            latest = {
                (row.slot_id, row.place_id or None): row
                for row in self._session.scalars(locked(rows.order_by(Airing.generation)))
            }
            decision = session_days.decision(self._session, frame.schedule, instant)
            self._days[key] = _Day(
                {(one.slot_id, one.place_id): one for one in held},
                {part for part, row in latest.items() if row.cancel_reason == "withdrawn"},
                cancelled=decision is not None and decision.starts_at is None,
                moved_to=decision.starts_at if decision is not None else None,
            )
        return self._days[key]

    def _require_place(self, frame: _Frame, slot: Slot, place_id: str | None, on: date) -> None:
        if not slot.each_commune:
            if place_id is not None:
                vi = "khung này chung cho mọi nơi nhận; hãy bỏ xã (place_id)"
                raise WrongPlace(title=slot.title, vi_why=vi, en_why="it is one for all targets; leave out place_id")
            return
        if place_id is None:
            vi = "mỗi xã tự xếp khung này; hãy nêu xã (place_id)"
            raise WrongPlace(title=slot.title, vi_why=vi, en_why="each commune fills its own; name one (place_id)")
        if on not in frame.places:
            frame.places[on] = set(parts.places(self._session, frame.schedule.targets, on=on))
        if place_id not in frame.places[on]:
            known = units.names(self._session, [place_id], on=on).get(place_id, place_id)
            vi = f"{known} không thuộc nơi nhận của buổi phát vào ngày đó; hãy chọn xã khác"
            en = f"{known} is not among the session's targets on that day; choose another commune"
            raise WrongPlace(title=slot.title, vi_why=vi, en_why=en)


class _Frame:
    """What is asked of one session again and again."""

    def __init__(self, session: Session, schedule: Schedule, slots: list[Slot]) -> None:
        self._session, self.schedule, self.slots = session, schedule, slots
        lengths = [slot.length_ms for slot in slots]
        self.begins = dict(zip((slot.id for slot in slots), offsets(lengths), strict=True))
        self.places: dict[date, set[str]] = {}
        self._found: dict[tuple[date, time | None], datetime] = {}

    def occurrence(self, on: date, at: time | None) -> datetime:
        if (on, at) not in self._found:
            self._found[on, at] = filling.occurrence(self._session, self.schedule, on, at)
        return self._found[on, at]


@dataclass(slots=True)
class _Day:
    """One day of a session: what its parts are filled with, which a hand withdrew, and what is new."""

    held: dict[tuple[str, str | None], Filling]
    withdrawn: set[tuple[str, str | None]]
    cancelled: bool  # all of it
    moved_to: datetime | None
    filled: list[Filling] = field(default_factory=list)

    def is_shut(self, slot: Slot, place_id: str | None, slots: Sequence[Slot]) -> bool:
        """A hand withdrew this part or the day, or an earlier slot closed the session at this place."""
        if self.cancelled:
            return True
        earlier = {one.id for one in slots if one.position < slot.position}
        return (slot.id, place_id) in self.withdrawn or any(
            one.source == "close" and one.slot_id in earlier and one.place_id in {None, place_id}
            for one in self.held.values()
        )
