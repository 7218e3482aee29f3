"""What will be, or was, heard at a place on a local day.

1. What has begun is told by the receiver's playouts, with their true states, and by its records of what commands let
   it play at once: what is proven, not what was wanted.
2. What lies ahead is settled by the same function as the plans, from the timetable as it stands now, also where its
   airings aren't made yet, up to a year ahead.
3. What is meant for the place and won't be heard there is told too, with why: it gives way, or it is an offer that the
   commune has not taken.

The day of a unit is that of all its receivers, alike ones together with how many they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from broadcast import facts
from broadcast.facts import LONGEST_AIRING
from broadcast.heard_ahead import Ahead
from broadcast.heard_items import Item, State, told
from broadcast.nearby import FURTHEST
from broadcast.planning import highest
from broadcast.tables import IssuedCommand, Playout, StoredRecord
from core import units
from core.database import one_of, plain_rows
from core.errors import Invalid, NotFound
from core.settings import Settings
from devices.tables import Receiver
from schedules.conflicts import Class
from schedules.slot_tables import Slot
from schedules.tables import Airing, Schedule

RECEIVERS_MOST = 500  # of one unit: more places than a person reads about at once

# The reasons for which an airing is cancelled and nothing airs instead, unless a hand brought it back.
_FOR_GOOD = {"withdrawn", "schedule", "occurrence"}
_SEEN = select(Receiver.id, Receiver.online, Receiver.heard_at).where(one_of(Receiver.id, "ids"))
_PLAYOUTS = (
    select(
        Playout,
        Airing.starts_at,
        Airing.programme_id,
        Airing.schedule_id,
        Airing.cancel_reason,
        Schedule.title,
        Slot.title.label("slot_title"),
    )
    .join(Airing, Airing.id == Playout.airing_id)
    .join(Schedule, Schedule.id == Airing.schedule_id)
    .outerjoin(Slot, Slot.id == Airing.slot_id)
    .where(one_of(Playout.receiver_id, "ids"))
    .where(Playout.planned_at > bindparam("since"), Playout.planned_at < bindparam("until"))
)
_REPLACED = select(Airing.replaces_id).where(one_of(Airing.schedule_id, "schedules"), one_of(Airing.replaces_id, "ids"))
_COMMANDS = (
    select(IssuedCommand.id)
    .where(IssuedCommand.name.in_(("play-now", "test-tone")))
    .where(IssuedCommand.issued_at > bindparam("issued"), IssuedCommand.issued_at < bindparam("until"))
)
_OF_COMMANDS = (
    select(IssuedCommand.id, IssuedCommand.body, IssuedCommand.name, StoredRecord)
    .join(StoredRecord, StoredRecord.airing_id == IssuedCommand.id)
    .where(one_of(IssuedCommand.id, "commands"), one_of(StoredRecord.receiver_id, "ids"))
    .where(StoredRecord.planned_at >= bindparam("since"), StoredRecord.planned_at < bindparam("until"))
)


class TooManyReceivers(Invalid):
    slug = "heard-too-many-receivers"
    vi = "“{name}” có {count} bộ thu, nhiều hơn {most}. Hãy chọn một xã, phường hoặc một bộ thu."
    en = "“{name}” has {count} receivers, more than {most}. Choose a commune or a receiver."


class TooFarAhead(Invalid):
    slug = "heard-too-far-ahead"
    vi = "Ngày {day} còn quá xa: lịch của một nơi xem trước được đến {until}. Hãy chọn ngày gần hơn."
    en = "{day} is too far ahead: the day of a place can be looked at up to {until}. Choose an earlier one."


@dataclass(frozen=True, slots=True)
class Day:
    """A local day at a receiver or a unit, by the time at which things are heard."""

    day: date
    receivers: int
    items: Sequence[Item]

    @property
    def planned_ms(self) -> int:
        """What is or was to sound at the place: what several receivers sound at once counts once, by the longest."""
        return _once((item, item.planned_ms) for item in self.items)

    @property
    def played_ms(self) -> int:
        """What is proven of it, counted alike."""
        return _once((item, item.played_ms) for item in self.items)


def _once(lengths_ms: Iterable[tuple[Item, int]]) -> int:
    longest: dict[str, int] = {}
    for item, length_ms in lengths_ms:
        longest[item.id] = max(longest.get(item.id, 0), length_ms)
    return sum(longest.values())


def at_receiver(session: Session, receiver_id: str, day: date, *, now: datetime, settings: Settings) -> Day:
    """The day at one receiver. Raises NotFound, TooFarAhead."""
    reading = _Reading(session, [receiver_id], day, now, settings)
    if receiver_id not in reading.seen:
        raise NotFound(what="bộ thu / receiver", id=receiver_id)
    return Day(day, 1, sorted(reading.items()[receiver_id], key=_order))


def at_unit(session: Session, unit_id: str, day: date, *, now: datetime, settings: Settings) -> Day:
    """The day at all receivers at or below a unit, by the tree of that day.

    Raises NotFound, TooFarAhead, TooManyReceivers.
    """
    units.get(session, unit_id)
    below = units.below_query(session, [unit_id], on=day)
    ids = list(session.scalars(select(Receiver.id).where(Receiver.unit_id.in_(below), Receiver.status == "active")))
    if len(ids) > RECEIVERS_MOST:
        raise TooManyReceivers(name=units.name(session, unit_id, on=day), count=len(ids), most=RECEIVERS_MOST)
    alike: dict[Item, list[Item]] = defaultdict(list)
    for items in _Reading(session, ids, day, now, settings).items().values():
        for item in items:
            alike[replace(item, started_at=None, ended_at=None, played_ms=0)].append(item)
    together = [_together(same) for same in alike.values()]
    return Day(day, len(ids), sorted(together, key=_order))


def beyond_horizon(last: date, now: datetime, settings: Settings) -> list[str]:
    """What to say of days up to `last` of which not all airings are made: they are foreseen, and may still change."""
    made = (now + timedelta(days=settings.airing_days)).astimezone(settings.zone)
    if datetime.combine(last + timedelta(days=1), time(), settings.zone) <= made:
        return []
    until = f"{made:%H:%M ngày %d/%m/%Y}"
    return [f"Lịch mới được lập chi tiết đến {until}. Sau đó là dự kiến theo lịch lặp và những gì đã quyết định."]


def _together(same: Sequence[Item]) -> Item:
    """What is alike at several receivers: the first start, the last end, and the longest that is proven."""
    return replace(
        same[0],
        started_at=min((one.started_at for one in same if one.started_at), default=None),
        ended_at=max((one.ended_at for one in same if one.ended_at), default=None),
        played_ms=max(one.played_ms for one in same),
        receivers=len(same),
    )


def _order(item: Item) -> tuple[datetime, datetime, str, str]:
    return item.starts_at, item.ends_at, item.id, item.state


class _Reading:
    """One day at some receivers, read in a handful of queries."""

    def __init__(self, session: Session, ids: Sequence[str], day: date, now: datetime, settings: Settings) -> None:
        self._session, self._ids, self._now = session, ids, now
        self._zone: ZoneInfo = settings.zone
        self._start = datetime.combine(day, time(), self._zone)
        self._end = datetime.combine(day + timedelta(days=1), time(), self._zone)
        self._settings = settings
        self._replaced: set[str | None] = set()
        furthest = (now + FURTHEST).astimezone(self._zone).date()
        if day >= furthest:
            raise TooFarAhead(day=f"{day:%d/%m/%Y}", until=f"{furthest - timedelta(days=1):%d/%m/%Y}")
        self.seen = {row.id: row for row in plain_rows(session, _SEEN, {"ids": ids})}

    def items(self) -> dict[str, list[Item]]:
        promised = self._playouts()
        items = self._commands()
        for receiver, rows in promised.items():
            items[receiver] += self._begun(rows)
        if self._end > self._now:
            ahead = Ahead(self._session, self.seen, self._start, self._end, self._now, self._settings)
            for receiver, coming in ahead.items(promised).items():
                items[receiver] += coming
        return items

    def _playouts(self) -> dict[str, list[Any]]:
        values = {"ids": self._ids, "since": self._start - LONGEST_AIRING, "until": self._end}
        rows = self._session.execute(_PLAYOUTS, values)
        found: dict[str, list[Any]] = {receiver: [] for receiver in self._ids}
        cancelled: dict[str, str] = {}
        for row in rows:
            found[row.Playout.receiver_id].append(row)
            if row.cancel_reason in _FOR_GOOD:
                cancelled[row.Playout.airing_id] = row.schedule_id
        if cancelled:
            values = {"ids": cancelled.keys(), "schedules": set(cancelled.values())}
            self._replaced = {row[0] for row in plain_rows(self._session, _REPLACED, values)}
        return found

    def _begun(self, rows: Sequence[Any]) -> list[Item]:
        """What has begun by now, and what was withdrawn."""
        shown = [row for row in rows if self._is_of_the_day(row.Playout) and self._is_told(row)]
        if not shown:
            return []
        classes = facts.programme_classes(self._session, {row.programme_id for row in shown})
        return [self._from_playout(row, highest(classes[row.programme_id])) for row in shown]

    def _is_of_the_day(self, playout: Playout) -> bool:
        return playout.planned_at + timedelta(milliseconds=playout.planned_ms) > self._start

    def _is_told(self, row: Any) -> bool:
        if row.Playout.cancelled and row.Playout.started_at is None:
            # What was moved, edited or brought back is told by what replaced it.
            gave_way = row.cancel_reason is None and row.Playout.note is not None
            for_good = row.cancel_reason in _FOR_GOOD and row.Playout.airing_id not in self._replaced
            return for_good or (gave_way and row.Playout.planned_at <= self._now)
        return bool(row.Playout.planned_at <= self._now)

    def _from_playout(self, row: Any, class_: Class) -> Item:
        playout = row.Playout
        state: State = playout.state
        if playout.cancelled and playout.started_at is None:
            state = "cancelled" if row.cancel_reason else "gives_way"
        ends_at = playout.planned_at + timedelta(milliseconds=playout.planned_ms)
        title = row.title if row.slot_title is None else f"{row.title}: {row.slot_title}"
        warnings = [said for said in (playout.note, playout.reason) if said]
        return Item(
            kind="airing",
            id=row.Playout.airing_id,
            schedule_id=row.schedule_id,
            title=title,
            class_=class_,
            starts_at=playout.planned_at,
            ends_at=ends_at,
            timetable_at=row.starts_at,
            state=state,
            told=told(title, class_, playout.planned_at, ends_at, state, self._zone, playout.played_ms),
            warnings=tuple(dict.fromkeys(warnings)),
            started_at=playout.started_at,
            ended_at=playout.ended_at,
            played_ms=playout.played_ms,
        )

    def _commands(self) -> dict[str, list[Item]]:
        """What commands let these receivers play, by their records."""
        # First the commands, of which there are few or none: records lie in a part for each month, all to be looked at.
        issued = {"issued": self._start - LONGEST_AIRING, "until": self._end}
        commands = {row[0] for row in plain_rows(self._session, _COMMANDS, issued)}
        if not commands:
            return {receiver: [] for receiver in self._ids}
        values = {"commands": commands, "ids": self._ids, "since": self._start, "until": self._end}
        records: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for row in self._session.execute(_OF_COMMANDS, values):
            records[row.StoredRecord.receiver_id, row.id].append(row)
        found: dict[str, list[Item]] = defaultdict(list)
        for (receiver, _), of_command in records.items():
            found[receiver].append(self._from_records(of_command))
        return {receiver: found[receiver] for receiver in self._ids}

    def _from_records(self, rows: Sequence[Any]) -> Item:
        records = [row.StoredRecord for row in rows]
        body = rows[0].body
        class_: Class = body.get("class", "ordinary")
        title = body.get("title") or ("Phát ngay" if rows[0].name == "play-now" else "Thử loa")
        outcomes = {record.outcome for record in records}
        played_ms = sum(record.played_ms for record in records)
        state: State = "finished" if outcomes == {"finished"} else "partial" if played_ms else "missed"
        if outcomes == {"refused"}:
            state = "refused"
        begins = min(record.planned_at for record in records)
        ends = max((record.ended_at for record in records if record.ended_at), default=begins)
        reasons = [str(record.body["reason"]) for record in records if record.body.get("reason")]
        return Item(
            kind="command",
            id=rows[0].id,
            schedule_id=None,
            title=title,
            class_=class_,
            starts_at=begins,
            ends_at=ends,
            timetable_at=None,
            state=state,
            told=told(title, class_, begins, ends, state, self._zone, played_ms),
            warnings=tuple(dict.fromkeys(reasons)),
            started_at=min((record.started_at for record in records if record.started_at), default=None),
            ended_at=ends if played_ms else None,
            played_ms=played_ms,
        )
