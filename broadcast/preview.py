"""What will be heard, looked at before a schedule or a session is saved: what clashes where, what comes of it, and
the ways out.

The draft is put among the airings of the coming days as if it were saved, and `schedules.conflicts.hear` decides for
every place what is heard with it and without it (`preview_places`); the difference is what the draft does to others.
Of a session every slot is told of, with what it brings: a relay, a programme, or that it waits for one and what its
fallback makes of it. What comes out alike for many is told once, with the places and days that it holds for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy.orm import Session

from broadcast import drafts
from broadcast.drafts import Waiting
from broadcast.preview_options import Option, Options
from broadcast.preview_places import Group, Places
from core import units
from core.clock import to_ms
from core.settings import Settings
from schedules.conflicts import Fate, Heard, Why, clock_time, told
from schedules.slot_tables import Slot
from schedules.tables import Schedule

LOOKED_AT = timedelta(days=14)
OCCURRENCES_MOST = 120
UNITS_NAMED = 20

SlotFate = Fate | Literal["open"]
_WORST: dict[SlotFate, int] = {"not_aired": 0, "cut": 1, "shifted": 2, "open": 3, "as_planned": 4}
_FALLBACKS = {
    "previous": "phát lại chương trình xếp lần trước",
    "music": "phát nhạc",
    "silence": "im lặng",
    "close": "kết thúc buổi phát ở đó",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comes of a schedule at some places at one local time, alike on all these days.

    `schedule_id` None: of the draft, and `slot` is which of its slots (from 0), None where it is no session; else of
    another one that the draft changes. "open": the slot waits for its programme. `told` says it in Vietnamese.
    """

    schedule_id: str | None
    slot: int | None
    title: str
    fate: SlotFate
    why: Why | None
    local_time: str
    heard_from: str | None
    heard_until: str | None
    clashes_with: str | None  # schedule
    clashes_title: str | None
    told: str
    units: tuple[str, ...]
    unit_names: tuple[str, ...]
    receivers: int
    days: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    occurrences: int
    first: datetime | None
    last: datetime | None
    receivers: int
    outcomes: Sequence[Outcome]  # of the draft, slot by slot, the worst first
    displaced: Sequence[Outcome]  # of others, because of it
    options: Sequence[Option]

    @property
    def clashes(self) -> bool:
        return bool(self.displaced) or any(one.fate not in {"as_planned", "open"} for one in self.outcomes)


def look(
    session: Session, schedule: Schedule, slots: Sequence[Slot] = (), *, now: datetime, settings: Settings
) -> Preview:
    """What would be heard of a `schedules.foresight.drafted` schedule in the two weeks from its first airing on.

    Nothing is changed.
    """
    draft = drafts.drafted(session, schedule, now, LOOKED_AT, OCCURRENCES_MOST, slots=slots or None)
    starts = draft.starts
    if not draft.frame:
        first, last = (starts[0], starts[-1]) if starts else (None, None)
        return Preview(len(starts), first, last, 0, (), (), ())
    there = drafts.receivers_meant(session, draft.frame, starts[0], starts[-1])
    places = Places(session, draft, there, None if schedule.id == drafts.NEW else schedule.id, now, settings)
    places.hear()
    telling = _Telling(session, schedule.id, {slot.id: slot for slot in slots}, settings)
    return Preview(
        len(starts),
        starts[0],
        starts[-1],
        len(places.receivers),
        telling.outcomes([*places.own.values(), *places.waiting.values()]),
        telling.displaced(places.others.values()),
        Options(places, draft.frame, now, settings.zone).found(),
    )


class _Telling:
    """Groups of what comes out alike, as outcomes with their sentences."""

    def __init__(self, session: Session, draft_id: str, slots: Mapping[str, Slot], settings: Settings) -> None:
        self._session, self._draft_id, self._slots, self._zone = session, draft_id, slots, settings.zone

    def outcomes(self, groups: Sequence[Group]) -> list[Outcome]:
        found = [self._outcome(group, own=True) for group in groups]
        return sorted(
            found, key=lambda one: (one.slot or 0, _WORST[one.fate], one.local_time, -one.receivers, one.told)
        )

    def displaced(self, groups: Iterable[Group]) -> list[Outcome]:
        found = [self._outcome(group, own=False) for group in groups]
        return sorted(found, key=lambda one: (one.local_time, one.title, -one.receivers, one.told))

    def _outcome(self, group: Group, *, own: bool) -> Outcome:
        called = units.names(self._session, group.units, on=min(group.days))
        ordered = sorted(group.units, key=lambda unit: (called.get(unit, ""), unit))
        place = _place_of([called[unit] for unit in ordered if unit in called])
        slot = self._slots.get(group.airing.slot_id) if own else None
        heard = group.sample if isinstance(group.sample, Heard) else None
        other = heard.because if heard is not None else None
        sounds = heard is not None and heard.sounds
        return Outcome(
            schedule_id=None if own else group.airing.schedule_id,
            slot=None if slot is None else slot.position,
            title=group.airing.title,
            fate="open" if heard is None else heard.fate,
            why=heard.why if heard is not None else None,
            local_time=clock_time(group.airing.starts_at, self._zone),
            heard_from=clock_time(heard.starts_at, self._zone) if sounds and heard else None,
            heard_until=clock_time(heard.ends_at, self._zone) if sounds and heard else None,
            clashes_with=None if other is None or other.entry.made == self._draft_id else other.entry.made,
            clashes_title=None if other is None else other.entry.title,
            told=self._told(group, place, slot, own=own),
            units=tuple(ordered),
            unit_names=tuple(called[unit] for unit in ordered[:UNITS_NAMED] if unit in called),
            receivers=len(group.receivers),
            days=tuple(sorted(group.days)),
        )

    def _told(self, group: Group, place: str, slot: Slot | None, *, own: bool) -> str:
        heard = group.sample
        if isinstance(heard, Waiting):
            return self._waits(heard, place)
        subject = "bản tin này" if own else f"“{group.airing.title}”"
        if slot is not None:
            subject = f"“{slot.title}”"
        begins = clock_time(heard.entry.starts_at, self._zone)
        span = f"{begins}–{clock_time(heard.entry.ends_at, self._zone)} tại {place}"
        if heard.fate == "as_planned":
            if slot is None:
                return f"{span}: phát đúng giờ"
            if slot.kind == "relay":
                owner = group.airing.owner
                duty = ", không cần xã tiếp nhận" if owner is not None and owner.commune is None else ""
                return f"{span}: {subject} tiếp sóng “{slot.source}”{duty}"
            return f"{span}: {subject} phát đúng giờ"
        if heard.because is None and heard.why == "may_not_sound":
            return f"{span}: {heard.reason} nên {subject} không phát"
        return told(heard, self._zone, place=place, subject=subject)

    def _waits(self, waiting: Waiting, place: str) -> str:
        airing, slot = waiting.airing, waiting.slot
        begins, ends = clock_time(airing.starts_at, self._zone), clock_time(airing.ends_at, self._zone)
        by = clock_time(to_ms(waiting.fill_by), self._zone)
        return (
            f"{begins}–{ends} tại {place}: “{slot.title}” chưa xếp chương trình, hạn {by};"
            f" quá hạn thì {_FALLBACKS[slot.fallback]}"
        )


def _place_of(names: Sequence[str]) -> str:
    """“xã Đại Sơn”, or how many places they are."""
    if len(names) == 1:
        return names[0][:1].lower() + names[0][1:]
    return f"{len(names)} xã, phường"
