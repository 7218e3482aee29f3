"""What will be, or was, heard at a place on a local day.

1. What has begun is told by the receiver's playouts, with their true states, and by its records of what commands let
   it play at once: what is proven, not what was wanted.
2. What lies ahead is settled by the same function as the plans, from the timetable as it stands now.
3. What is meant for the place and won't be heard there is told too, with why: it gives way, or it is an offer that the
   commune has not taken.

The day of a unit is that of all its receivers, alike ones together with how many they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcast import facts, nearby, offers
from broadcast.choices import Choices
from broadcast.facts import LONGEST_AIRING
from broadcast.planning import AiringFacts, ReceiverFacts, highest
from broadcast.rule_checks import PlanRules
from broadcast.settling import Promised, Settled, settle
from broadcast.tables import IssuedCommand, Playout, StoredRecord
from core import units
from core.clock import from_ms, to_ms
from core.errors import Invalid, NotFound
from core.settings import Settings
from devices.tables import Receiver
from schedules.conflicts import CLASS_NAMES, Class, clock_time
from schedules.tables import Airing, Schedule

RECEIVERS_MOST = 500  # of one unit: more places than a person reads about at once
SOON = timedelta(minutes=30)

State = Literal[
    "planned",
    "delivered",
    "ready",
    "playing",
    "finished",
    "partial",
    "missed",
    "refused",
    "unconfirmed",
    "cancelled",
    "gives_way",
    "against_rules",
    "declined",
    "unanswered",
]
WORDS: dict[State, str] = {
    "planned": "đã lên lịch",
    "delivered": "đã gửi tới bộ thu",
    "ready": "bộ thu đã sẵn sàng",
    "playing": "đang phát",
    "finished": "đã phát đủ",
    "partial": "đã phát một phần",
    "missed": "không phát",
    "refused": "bộ thu từ chối",
    "unconfirmed": "chưa xác nhận",
    "cancelled": "đã hủy",
    "gives_way": "không phát",
    "against_rules": "trái quy định phát, không phát",
    "declined": "xã không tiếp nhận, không phát",
    "unanswered": "xã chưa tiếp nhận, không phát",
}
SILENT: frozenset[State] = frozenset(
    {"missed", "refused", "cancelled", "gives_way", "against_rules", "declined", "unanswered"}
)


class TooManyReceivers(Invalid):
    slug = "heard-too-many-receivers"
    vi = "“{name}” có {count} bộ thu, nhiều hơn {most}. Hãy chọn một xã, phường hoặc một bộ thu."
    en = "“{name}” has {count} receivers, more than {most}. Choose a commune or a receiver."


@dataclass(frozen=True, slots=True)
class Item:
    """One programme at a place. `starts_at` … `ends_at` is when it is planned there; `timetable_at` its own time."""

    kind: Literal["airing", "command"]
    id: str
    schedule_id: str | None
    title: str
    class_: Class
    starts_at: datetime
    ends_at: datetime
    timetable_at: datetime | None
    state: State
    told: str
    warnings: tuple[str, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    played_ms: int = 0
    receivers: int = 1

    @property
    def planned_ms(self) -> int:
        """What is or was to sound of it there."""
        return 0 if self.state in SILENT else round((self.ends_at - self.starts_at) / timedelta(milliseconds=1))


@dataclass(frozen=True, slots=True)
class Day:
    """A local day at a receiver or a unit, by the time at which things are heard."""

    day: date
    receivers: int
    items: Sequence[Item]

    @property
    def planned_ms(self) -> int:
        return sum(item.planned_ms for item in self.items)

    @property
    def played_ms(self) -> int:
        return sum(item.played_ms for item in self.items)


def at_receiver(session: Session, receiver_id: str, day: date, *, now: datetime, settings: Settings) -> Day:
    """The day at one receiver. Raises NotFound."""
    reading = _Reading(session, [receiver_id], day, now, settings)
    if receiver_id not in reading.seen:
        raise NotFound(what="bộ thu / receiver", id=receiver_id)
    return Day(day, 1, sorted(reading.items()[receiver_id], key=_order))


def at_unit(session: Session, unit_id: str, day: date, *, now: datetime, settings: Settings) -> Day:
    """The day at all receivers at or below a unit, by the tree of that day. Raises NotFound, TooManyReceivers."""
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
    """What to say of days up to `last` of which not all airings are made: an empty day would be taken for silence."""
    made = (now + timedelta(days=settings.airing_days)).astimezone(settings.zone)
    if datetime.combine(last + timedelta(days=1), time(), settings.zone) <= made:
        return []
    until = f"{made:%H:%M ngày %d/%m/%Y}"
    return [
        f"Lịch mới được lập chi tiết đến {until}. Lần phát nào sau đó chưa hiện ở đây: hãy xem lại khi gần đến ngày."
    ]


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
        self.seen = {
            row.id: row
            for row in session.execute(
                select(Receiver.id, Receiver.online, Receiver.heard_at).where(Receiver.id.in_(ids))
            )
        }

    def items(self) -> dict[str, list[Item]]:
        promised = self._playouts()
        items = self._commands()
        for receiver, rows in promised.items():
            items[receiver] += self._begun(rows)
        if self._end > self._now:
            for receiver, coming in self._coming(promised).items():
                items[receiver] += coming
        return items

    def _playouts(self) -> dict[str, list[Any]]:
        rows = self._session.execute(
            select(
                Playout,
                Airing.starts_at,
                Airing.programme_id,
                Airing.schedule_id,
                Airing.cancel_reason,
                Schedule.title,
            )
            .join(Airing, Airing.id == Playout.airing_id)
            .join(Schedule, Schedule.id == Airing.schedule_id)
            .where(Playout.receiver_id.in_(self._ids))
            .where(Playout.planned_at > self._start - LONGEST_AIRING, Playout.planned_at < self._end)
        )
        found: dict[str, list[Any]] = {receiver: [] for receiver in self._ids}
        for row in rows:
            found[row.Playout.receiver_id].append(row)
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
            # What was moved or edited is told by what replaced it.
            gave_way = row.cancel_reason is None and row.Playout.note is not None
            return row.cancel_reason in {"withdrawn", "schedule"} or (gave_way and row.Playout.planned_at <= self._now)
        return bool(row.Playout.planned_at <= self._now)

    def _from_playout(self, row: Any, class_: Class) -> Item:
        playout = row.Playout
        state: State = playout.state
        if playout.cancelled and playout.started_at is None:
            state = "cancelled" if row.cancel_reason else "gives_way"
        ends_at = playout.planned_at + timedelta(milliseconds=playout.planned_ms)
        warnings = [said for said in (playout.note, playout.reason) if said]
        return Item(
            kind="airing",
            id=row.Playout.airing_id,
            schedule_id=row.schedule_id,
            title=row.title,
            class_=class_,
            starts_at=playout.planned_at,
            ends_at=ends_at,
            timetable_at=row.starts_at,
            state=state,
            told=self._told(row.title, class_, playout.planned_at, ends_at, state, playout.played_ms),
            warnings=tuple(dict.fromkeys(warnings)),
            started_at=playout.started_at,
            ended_at=playout.ended_at,
            played_ms=playout.played_ms,
        )

    def _commands(self) -> dict[str, list[Item]]:
        """What commands let these receivers play, by their records."""
        rows = self._session.execute(
            select(IssuedCommand.id, IssuedCommand.body, IssuedCommand.name, StoredRecord)
            .join(StoredRecord, StoredRecord.airing_id == IssuedCommand.id)
            .where(IssuedCommand.name.in_(("play-now", "test-tone")), IssuedCommand.issued_at < self._end)
            .where(IssuedCommand.issued_at > self._start - LONGEST_AIRING, StoredRecord.receiver_id.in_(self._ids))
            .where(StoredRecord.planned_at >= self._start, StoredRecord.planned_at < self._end)
        )
        records: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for row in rows:
            records[row.StoredRecord.receiver_id, row.id].append(row)
        found: dict[str, list[Item]] = defaultdict(list)
        for (receiver, _), of_command in records.items():
            found[receiver].append(self._from_records(of_command))
        return {receiver: found[receiver] for receiver in self._ids}

    def _from_records(self, rows: Sequence[Any]) -> Item:
        told = [row.StoredRecord for row in rows]
        body = rows[0].body
        class_: Class = body.get("class", "ordinary")
        title = body.get("title") or ("Phát ngay" if rows[0].name == "play-now" else "Thử loa")
        outcomes = {record.outcome for record in told}
        played_ms = sum(record.played_ms for record in told)
        state: State = "finished" if outcomes == {"finished"} else "partial" if played_ms else "missed"
        if outcomes == {"refused"}:
            state = "refused"
        begins = min(record.planned_at for record in told)
        ends = max((record.ended_at for record in told if record.ended_at), default=begins)
        reasons = [str(record.body["reason"]) for record in told if record.body.get("reason")]
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
            told=self._told(title, class_, begins, ends, state, played_ms),
            warnings=tuple(dict.fromkeys(reasons)),
            started_at=min((record.started_at for record in told if record.started_at), default=None),
            ended_at=ends if played_ms else None,
            played_ms=played_ms,
        )

    def _coming(self, playouts: Mapping[str, Sequence[Any]]) -> dict[str, list[Item]]:
        since = max(self._start, self._now)
        there = facts.receivers(self._session, self._ids, since, self._end)
        places = {unit for one in there.values() for path in (one.path, *(to for _, to in one.ahead)) for unit in path}
        days = {units.date_of(since), units.date_of(self._end - timedelta(seconds=1))}
        names = nearby.named_by(self._session, {*self._ids, *places}, days)
        communes = frozenset[str]().union(*(one.communes for one in there.values()))
        choices = offers.load(self._session, communes, self._now, self._end)
        rules = PlanRules(self._session, self._settings, there, self._now, max(self._end, self._now), choices)
        airings = nearby.airings(
            self._session,
            names,
            self._now,
            [(since, self._end)],
            reach_back=True,
            with_items=rules.book.limits_items,
        )
        return {
            receiver: self._ahead(one, [a for a in airings if _concerns(a, one)], playouts[receiver], choices, rules)
            for receiver, one in there.items()
        }

    def _ahead(
        self,
        receiver: ReceiverFacts,
        airings: Sequence[AiringFacts],
        rows: Sequence[Any],
        choices: Choices,
        rules: PlanRules,
    ) -> list[Item]:
        playouts = {row.Playout.airing_id: row.Playout for row in rows}
        decide = partial(
            settle,
            receiver,
            choices=choices,
            zone=self._zone,
            now=to_ms(self._now),
            rules=rules.of(receiver),
            promised=_promised(playouts.values()),
            withdrawn=[],
        )
        settled = rules.settle(receiver, airings, decide)
        own_time = {airing.id: airing.starts_at for airing in airings}
        items = [
            self._from_settled(airing, own_time[airing.id], settled, playouts.get(airing.id), receiver)
            for airing in settled.airings
            if self._is_ahead(airing, playouts)
        ]
        items += [
            self._silent(airing, "against_rules" if airing.id in settled.barred else "gives_way", why)
            for airing, why in settled.silent
            if self._is_ahead(airing, playouts) and airing.id not in {one.id for one in items}
        ]
        for airing in airings:
            answer = choices.answer(airing, receiver.commune_at(airing.starts_at))
            if answer not in {"declined", "unanswered"} or airing.id in {one.id for one in items}:
                continue
            if self._is_ahead(airing, playouts):
                items.append(self._silent(airing, answer, ""))
        return items

    def _is_ahead(self, airing: AiringFacts, playouts: Mapping[str, Playout]) -> bool:
        """Of this day, and not told of by what has begun."""
        begun = airing.id in playouts and airing.starts_at <= to_ms(self._now)
        return (
            not begun
            and airing.ends_at > max(to_ms(self._start), to_ms(self._now))
            and (airing.starts_at < to_ms(self._end))
        )

    def _from_settled(
        self, airing: AiringFacts, own_time: int, settled: Settled, playout: Playout | None, receiver: ReceiverFacts
    ) -> Item:
        held = playout is not None and not playout.cancelled and playout.first_revision > 0
        state: State = playout.state if playout is not None and held else "planned"  # type: ignore[assignment]
        begins, ends = from_ms(airing.starts_at), from_ms(airing.ends_at)
        warnings = [settled.notes.get(airing.id), self._unready(receiver.id, state, begins)]
        return Item(
            kind="airing",
            id=airing.id,
            schedule_id=airing.schedule_id,
            title=airing.title,
            class_=airing.class_,
            starts_at=begins,
            ends_at=ends,
            timetable_at=from_ms(own_time),
            state=state,
            told=self._told(airing.title, airing.class_, begins, ends, state),
            warnings=tuple(said for said in warnings if said),
        )

    def _unready(self, receiver: str, state: State, begins: datetime) -> str | None:
        if state == "ready" or begins > self._now + SOON:
            return None
        seen = self.seen[receiver]
        if not seen.online and seen.heard_at is not None:
            return f"bộ thu mất kết nối, nghe lần cuối {clock_time(to_ms(seen.heard_at), self._zone)}"
        return "bộ thu chưa sẵn sàng"

    def _silent(self, airing: AiringFacts, state: State, why: str) -> Item:
        begins, ends = from_ms(airing.starts_at), from_ms(airing.ends_at)
        return Item(
            kind="airing",
            id=airing.id,
            schedule_id=airing.schedule_id,
            title=airing.title,
            class_=airing.class_,
            starts_at=begins,
            ends_at=ends,
            timetable_at=begins,
            state=state,
            told=self._told(airing.title, airing.class_, begins, ends, state),
            warnings=(why,) if why else (),
        )

    def _told(
        self, title: str, class_: Class, begins: datetime, ends: datetime, state: State, played_ms: int = 0
    ) -> str:
        span = f"{clock_time(to_ms(begins), self._zone)}–{clock_time(to_ms(ends), self._zone)}"
        length = duration((ends - begins) // timedelta(milliseconds=1))
        proven = f" {duration(played_ms)}" if state == "partial" else ""
        return f"{span} “{title}” ({CLASS_NAMES[class_]}), {length}: {WORDS[state]}{proven}"


def duration(ms: int) -> str:
    """As people say it: “12 phút 5 giây”."""
    minutes, seconds = divmod(round(ms / 1000), 60)
    return (
        " ".join(said for said in (f"{minutes} phút" if minutes else "", f"{seconds} giây" if seconds else "") if said)
        or "0 giây"
    )


def _concerns(airing: AiringFacts, receiver: ReceiverFacts) -> bool:
    return airing.reach.holds(receiver.id, receiver.path_at(airing.starts_at))


def _promised(playouts: Iterable[Playout]) -> dict[str, Promised]:
    return {
        one.airing_id: Promised(to_ms(one.planned_at), one.planned_ms)
        for one in playouts
        if one.first_revision > 0 and one.dropped_revision is None
    }
