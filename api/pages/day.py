"""What the page of a day shows: airings × communes with what was planned beside what happened.

One pass of few queries, then plain values; nothing here knows of HTML. A receiver belongs to the commune that
it is in or below; one above the communes (a province's own box) stands under its own unit.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.guard import Principal
from api.pages.words import STATES, sort_key, state
from broadcast import offers
from broadcast.tables import CommandAnswer, IssuedCommand, Playout
from core import units as tree
from core.units import Unit
from devices.tables import Receiver
from schedules.reach import Resolver
from schedules.tables import Airing, Schedule
from schedules.targets import Reach

LONGEST_AIRING = timedelta(hours=6)  # one that began yesterday evening may still sound


@dataclass(frozen=True, slots=True)
class Share:
    """One receiver's part in an airing."""

    receiver: Receiver
    state: str
    reason: str | None
    started_at: datetime | None
    ended_at: datetime | None
    promised: bool = True  # a plan that holds the airing was issued to it
    planned_at: datetime | None = None  # at this receiver: a clash may have moved it


@dataclass(slots=True)
class Cell:
    """One airing in one commune."""

    airing: AiringView
    unit: Unit
    shares: list[Share] = field(default_factory=list)

    @property
    def counts(self) -> list[tuple[str, int]]:
        """(state, receivers), worst first."""
        counted = Counter(share.state for share in self.shares)
        return sorted(counted.items(), key=lambda one: state(one[0]).rank)

    @property
    def headline(self) -> str:
        """The one state that says most: trouble first, then what sounds, then the least advanced."""
        if self.airing.cancelled and not any(share.started_at for share in self.shares):
            return "cancelled"
        return self.counts[0][0] if self.shares else "planned"

    @property
    def started_at(self) -> datetime | None:
        return min((share.started_at for share in self.shares if share.started_at), default=None)

    @property
    def ended_at(self) -> datetime | None:
        """When the last one ended; None while one still sounds."""
        if any(share.started_at and not share.ended_at for share in self.shares):
            return None
        return max((share.ended_at for share in self.shares if share.ended_at), default=None)


@dataclass(frozen=True, slots=True)
class StopGiven:
    """A command to stop that was given for an airing, and how many receivers have answered."""

    at: datetime
    published: bool
    accepted: int


@dataclass(slots=True)
class AiringView:
    id: str
    title: str
    starts_at: datetime
    ends_at: datetime
    cancelled: bool
    cells: list[Cell] = field(default_factory=list)
    stop: StopGiven | None = None

    def in_progress(self, now: datetime) -> bool:
        return not self.cancelled and self.starts_at <= now < self.ends_at

    @property
    def receivers(self) -> int:
        return sum(len(cell.shares) for cell in self.cells)

    @property
    def counts(self) -> list[tuple[str, int]]:
        counted: Counter[str] = Counter()
        for cell in self.cells:
            counted.update(dict(cell.counts))
        return sorted(counted.items(), key=lambda one: state(one[0]).rank)


@dataclass(slots=True)
class Commune:
    """A place and its receivers."""

    unit: Unit
    receivers: list[Receiver] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)

    @property
    def online(self) -> int:
        return sum(receiver.online for receiver in self.receivers)

    @property
    def offline(self) -> list[Receiver]:
        return [receiver for receiver in self.receivers if not receiver.online]

    @property
    def heard_at(self) -> datetime | None:
        return max((receiver.heard_at for receiver in self.receivers if receiver.heard_at), default=None)

    @property
    def troubled(self) -> bool:
        return any(STATES[cell.headline].troubled for cell in self.cells if cell.headline in STATES)


@dataclass(frozen=True, slots=True)
class Day:
    now: datetime
    start: datetime
    end: datetime
    airings: list[AiringView]  # by start
    communes: list[Commune]  # by name; every one that has receivers or airings

    @property
    def playing(self) -> list[AiringView]:
        return [airing for airing in self.airings if airing.in_progress(self.now)]

    @property
    def following(self) -> AiringView | None:
        return next((a for a in self.airings if not a.cancelled and a.starts_at > self.now), None)


def day_bounds(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Local midnight to the next, as instants; a day of a clock change has 23 or 25 hours."""
    today = now.astimezone(zone).date()
    start = datetime.combine(today, time(), zone)
    return start, datetime.combine(today + timedelta(days=1), time(), zone)


class Places:
    """The tree of units, held for one page: which commune something belongs to, what lies below what."""

    def __init__(self, session: Session, on: date) -> None:
        self.units = {unit.id: unit for unit in session.scalars(select(Unit))}
        self._links = tree.links(session, on=on)

    def path(self, unit_id: str) -> list[Unit]:
        """The unit and what stands over it, nearest first."""
        return [self.units[unit] for unit in tree.path(unit_id, self._links)]

    def commune(self, unit_id: str) -> Unit:
        path = self.path(unit_id)
        return next((unit for unit in path if unit.kind == "commune"), path[0])

    def path_ids(self, unit_id: str) -> tuple[str, ...]:
        return tree.path(unit_id, self._links)


def load(session: Session, *, now: datetime, zone: ZoneInfo, who: Principal) -> Day:
    """Everything of the local day around `now` that a person sees, and what began before midnight and still sounds."""
    start, end = day_bounds(now, zone)
    places = Places(session, tree.date_of(now))
    receivers = list(session.scalars(select(Receiver).where(who.sees(session, "receiver")).order_by(Receiver.name)))
    airings = _airings(session, start, end, who)
    playouts: dict[str, dict[str, Playout]] = defaultdict(dict)
    ids = [airing.id for airing, _title in airings]
    for playout in session.scalars(select(Playout).where(Playout.airing_id.in_(ids))):
        playouts[playout.airing_id][playout.receiver_id] = playout
    stops = _stops(session, ids)

    communes: dict[str, Commune] = {}
    for receiver in receivers:
        if receiver.status == "active":
            unit = places.commune(receiver.unit_id)
            communes.setdefault(unit.id, Commune(unit)).receivers.append(receiver)
    views = []
    resolver = Resolver(session)
    untaken = offers.open_offers(session, ids, now)
    for airing, title in airings:
        view = AiringView(
            id=airing.id,
            title=title,
            starts_at=airing.starts_at,
            ends_at=airing.starts_at + timedelta(milliseconds=airing.duration_ms),
            cancelled=airing.status == "cancelled",
            stop=stops.get(airing.id),
        )
        reach = resolver.reach(airing.targets, on=tree.date_of(airing.starts_at))
        for cell in _cells(view, reach, playouts[airing.id], receivers, places, untaken):
            view.cells.append(cell)
            communes.setdefault(cell.unit.id, Commune(cell.unit)).cells.append(cell)
        views.append(view)
    ordered = sorted(communes.values(), key=lambda commune: (sort_key(commune.unit.name), commune.unit.id))
    return Day(now, start, end, views, ordered)


def _airings(session: Session, start: datetime, end: datetime, who: Principal) -> list[tuple[Airing, str]]:
    rows = session.execute(
        select(Airing, Schedule.title)
        .join(Schedule, Schedule.id == Airing.schedule_id)
        .where(
            Airing.status.in_(("scheduled", "closed", "cancelled")),
            Airing.starts_at > start - LONGEST_AIRING,
            Airing.starts_at < end,
            who.sees(session, "airing"),
        )
        .order_by(Airing.starts_at, Airing.id)
    ).all()
    replaced = {airing.replaces_id for airing, _ in rows}
    return [
        (airing, title)
        for airing, title in rows
        if airing.starts_at + timedelta(milliseconds=airing.duration_ms) > start
        # What took the place of a moved, changed or edited one is shown instead of it; so is what was brought back.
        and airing.cancel_reason not in {"moved", "edited", "changed"}
        and not (airing.cancel_reason in {"withdrawn", "occurrence"} and airing.id in replaced)
        and not (airing.cancel_reason == "local-day" and (airing.id in replaced or airing.local_day_id))
    ]


def _cells(
    view: AiringView,
    reach: Reach,
    playouts: dict[str, Playout],
    receivers: list[Receiver],
    places: Places,
    untaken: Callable[[str, str], bool],
) -> list[Cell]:
    """The airing per commune. A receiver is in it by its playout, or because it is among the targets, unless its
    commune has not taken what it was offered.
    """
    cells: dict[str, Cell] = {}
    for receiver in receivers:
        playout = playouts.get(receiver.id)
        expected = (
            receiver.status == "active"
            and receiver.enrolled_at <= view.ends_at
            and reach.holds(receiver.id, places.path_ids(receiver.unit_id))
            and not untaken(view.id, places.commune(receiver.unit_id).id)
        )
        if playout is None and not expected:
            continue
        unit = places.commune(playout.unit_id if playout else receiver.unit_id)
        cells.setdefault(unit.id, Cell(view, unit)).shares.append(_share(receiver, playout, cancelled=view.cancelled))
    return sorted(cells.values(), key=lambda cell: (sort_key(cell.unit.name), cell.unit.id))


def _share(receiver: Receiver, playout: Playout | None, *, cancelled: bool) -> Share:
    if playout is None:  # no plan with it was issued yet
        return Share(receiver, "cancelled" if cancelled else "planned", None, None, None, promised=False)
    silent = playout.cancelled and playout.started_at is None
    name = "cancelled" if silent else playout.state
    why = playout.reason or (playout.note if silent else None)
    return Share(receiver, name, why, playout.started_at, playout.ended_at, planned_at=playout.planned_at)


def _stops(session: Session, airing_ids: list[str]) -> dict[str, StopGiven]:
    """The first command to stop per airing, and how many receivers obeyed one."""
    commands = session.scalars(
        select(IssuedCommand)
        .where(IssuedCommand.airing_id.in_(airing_ids), IssuedCommand.name == "stop")
        .order_by(IssuedCommand.issued_at, IssuedCommand.id)
    ).all()
    obeyed: dict[str, set[str]] = defaultdict(set)
    airing_of = {command.id: command.airing_id for command in commands}
    answers = select(CommandAnswer).where(CommandAnswer.command_id.in_(airing_of), CommandAnswer.result == "accepted")
    for answer in session.scalars(answers):
        obeyed[airing_of[answer.command_id] or ""].add(answer.receiver_id)
    stops: dict[str, StopGiven] = {}
    for command in commands:
        airing = command.airing_id or ""
        given = StopGiven(command.issued_at, command.published_at is not None, len(obeyed[airing]))
        stops.setdefault(airing, given)
    return stops
