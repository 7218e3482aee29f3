"""What came of a campaign (đợt tuyên truyền) in each commune on each day of its window, proven or still ahead.

Counted are airings whose programme holds a bulletin of the campaign. At a commune such an airing is, by what its
receivers there proved of the campaign's own items (another item of the same programme doesn't matter):

- *everywhere*: every receiver that was to play it sounded them whole;
- *some*: one at least did, another one did not;
- *unconfirmed*: none did as far as is known, but one at least hasn't told yet;
- *none*: none did;
- *ahead*: its receivers still have to play it, or no plan holds it yet and its schedule alone promises it.

A playout that finished sounded everything; of a partial one the signed records of its items decide. What was cancelled
is not owed and not counted. Days are local; a commune is that of the tree on the day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, func, select, tuple_
from sqlalchemy.orm import Session

from broadcast.tables import Bulletin, BulletinVersion, Campaign, Playout, ProgrammeItem, StoredRecord
from core import units
from core.units import Unit
from schedules import reach
from schedules.tables import Airing, Schedule

Verdict = Literal["everywhere", "some", "unconfirmed", "none", "ahead"]
OPEN = frozenset({"planned", "delivered", "ready", "playing"})


@dataclass(slots=True)
class Heard:
    """One airing of the campaign in one commune: its receivers there by what they proved."""

    commune: str
    airing_id: str
    title: str
    starts_at: datetime
    whole: int = 0
    ahead: int = 0
    unconfirmed: int = 0
    lost: int = 0
    reasons: dict[tuple[str, str], int] = field(default_factory=dict)  # (state, reason) → receivers without it

    @property
    def receivers(self) -> int:
        return self.whole + self.ahead + self.unconfirmed + self.lost

    @property
    def verdict(self) -> Verdict:
        if self.whole:
            return "everywhere" if self.whole == self.receivers else "ahead" if self.ahead else "some"
        return "ahead" if self.ahead or not self.receivers else "unconfirmed" if self.unconfirmed else "none"


@dataclass(slots=True)
class Cell:
    """One commune on one day: how many airings came to what."""

    counts: dict[Verdict, int] = field(default_factory=dict)

    def add(self, verdict: Verdict) -> None:
        self.counts[verdict] = self.counts.get(verdict, 0) + 1

    def of(self, *verdicts: Verdict) -> int:
        return sum(self.counts.get(one, 0) for one in verdicts)

    @property
    def owed(self) -> int:
        """Airings that are over."""
        return self.of("everywhere", "some", "unconfirmed", "none")

    @property
    def sounded(self) -> int:
        """Airings that one receiver at least sounded whole."""
        return self.of("everywhere", "some")

    @property
    def verdict(self) -> Verdict:
        """What the cell shows: the worst of what is over, else that something is ahead."""
        if not self.owed:
            return "ahead"
        if not self.sounded:
            return "unconfirmed" if self.of("unconfirmed") else "none"
        return "everywhere" if self.of("everywhere") == self.owed else "some"


@dataclass(frozen=True, slots=True)
class Commune:
    """A commune of the campaign, or one outside of it where it sounded all the same."""

    unit_id: str
    name: str
    meant: bool
    cells: Mapping[date, Cell]

    def of(self, *verdicts: Verdict) -> int:
        return sum(cell.of(*verdicts) for cell in self.cells.values())

    @property
    def owed(self) -> int:
        return sum(cell.owed for cell in self.cells.values())

    @property
    def sounded(self) -> int:
        return sum(cell.sounded for cell in self.cells.values())

    @property
    def empty(self) -> bool:
        """Nothing was, and nothing is to come."""
        return not self.cells


@dataclass(frozen=True, slots=True)
class Plays:
    """`gaps`: airings that are over and did not sound whole at every receiver, newest first."""

    days: tuple[date, ...]
    communes: tuple[Commune, ...]
    gaps: tuple[Heard, ...]


def plays(
    session: Session,
    campaign: Campaign,
    *,
    now: datetime,
    zone: ZoneInfo = units.ZONE,
    within: Collection[str] | None = None,
) -> Plays:
    """The campaign's plays by commune and day, communes by their name as of today or of the window's last day.

    `within`: of these units alone.
    """
    days = tuple(
        campaign.first_date + timedelta(days=day) for day in range((campaign.last_date - campaign.first_date).days + 1)
    )
    since = datetime.combine(days[0], time(), zone)
    until = datetime.combine(days[-1] + timedelta(days=1), time(), zone)
    communes = _Communes(session)
    found = _judged(session, campaign.id, since, until, communes)
    _promised(session, campaign.id, max(since, now), until, communes, found)
    told = [one for one in found.values() if within is None or one.commune in within]
    cells: dict[str, dict[date, Cell]] = defaultdict(dict)
    for one in told:
        cells[one.commune].setdefault(one.starts_at.astimezone(zone).date(), Cell()).add(one.verdict)
    seen_on = min(max(now.astimezone(zone).date(), days[0]), days[-1])
    meant = {one for one in _meant(session, campaign.unit_ids, seen_on) if within is None or one in within}
    names = units.names(session, {*meant, *cells}, on=seen_on)
    rows = tuple(Commune(unit, name, unit in meant, cells.get(unit, {})) for unit, name in names.items())
    gaps = [one for one in told if one.verdict in {"some", "unconfirmed", "none"}]
    return Plays(days, rows, tuple(sorted(gaps, key=lambda one: (one.starts_at, one.airing_id), reverse=True)))


def _programmes(campaign_id: str) -> Select[str]:
    return (
        select(ProgrammeItem.programme_id)
        .join(BulletinVersion, BulletinVersion.id == ProgrammeItem.version_id)
        .join(Bulletin, Bulletin.id == BulletinVersion.bulletin_id)
        .where(Bulletin.campaign_id == campaign_id)
    )


class _Communes:
    """The commune of a unit on a day; of one above communes, or of none, that unit itself."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._days: dict[date, dict[str, str]] = {}
        self._kinds: dict[str, str] = {}

    def of(self, unit_ids: Iterable[str], on: date) -> Mapping[str, str]:
        known = self._days.setdefault(on, {})
        if wanted := set(unit_ids) - known.keys():
            paths = units.paths(self._session, wanted, on=on)
            above = {one for path in paths.values() for one in path} - self._kinds.keys()
            kinds = self._session.execute(select(Unit.id, Unit.kind).where(Unit.id.in_(above)))
            self._kinds |= {row.id: row.kind for row in kinds}
            for unit, path in paths.items():
                known[unit] = next((one for one in path if self._kinds.get(one) == "commune"), unit)
        return known


def _judged(
    session: Session, campaign_id: str, since: datetime, until: datetime, communes: _Communes
) -> dict[tuple[str, str], Heard]:
    """By commune and airing, what receivers whose playouts there are came to."""
    theirs = (
        Airing.programme_id.in_(_programmes(campaign_id)), Airing.starts_at >= since, Airing.starts_at < until,
        Playout.cancelled.is_(False),
    )  # fmt: skip
    rows = session.execute(
        select(Playout.unit_id, Playout.airing_id, Playout.state, Playout.reason, Airing.starts_at, Schedule.title)
        .add_columns(func.count().label("held"))
        .join(Airing, Airing.id == Playout.airing_id)
        .join(Schedule, Schedule.id == Airing.schedule_id)
        .where(*theirs)
        .group_by(
            Playout.unit_id, Playout.airing_id, Playout.state, Playout.reason, Airing.starts_at, Schedule.title
        )
    ).all()  # fmt: skip
    carried = _carried(session, campaign_id, theirs)
    at: dict[date, set[str]] = defaultdict(set)
    for row in rows:
        at[units.date_of(row.starts_at)].add(row.unit_id)
    place = {day: communes.of(there, day) for day, there in at.items()}
    found: dict[tuple[str, str], Heard] = {}
    for row in rows:
        commune = place[units.date_of(row.starts_at)][row.unit_id]
        heard = found.setdefault((commune, row.airing_id), Heard(commune, row.airing_id, row.title, row.starts_at))
        whole = row.held if row.state == "finished" else 0
        if row.state == "partial":
            whole = carried.get((row.unit_id, row.airing_id, row.reason), 0)
        heard.whole += whole
        left = row.held - whole
        if row.state in OPEN:
            heard.ahead += left
        elif row.state == "unconfirmed":
            heard.unconfirmed += left
        else:
            heard.lost += left
        if left and row.state not in OPEN:
            why = (row.state, row.reason or "")
            heard.reasons[why] = heard.reasons.get(why, 0) + left
    return found


def _carried(session: Session, campaign_id: str, theirs: tuple[object, ...]) -> dict[tuple[str, str, str | None], int]:
    """By unit, airing and reason: partial playouts whose records prove each item of the campaign whole."""
    partial = session.execute(
        select(Playout.unit_id, Playout.airing_id, Playout.receiver_id, Playout.reason, Airing.programme_id)
        .join(Airing, Airing.id == Playout.airing_id)
        .where(*theirs, Playout.state == "partial")  # type: ignore[arg-type]
    ).all()
    if not partial:
        return {}
    items: dict[str, set[str]] = defaultdict(set)
    for programme, item in session.execute(
        select(ProgrammeItem.programme_id, ProgrammeItem.id)
        .join(BulletinVersion, BulletinVersion.id == ProgrammeItem.version_id)
        .join(Bulletin, Bulletin.id == BulletinVersion.bulletin_id)
        .where(Bulletin.campaign_id == campaign_id)
    ):
        items[programme].add(item)
    proven: dict[tuple[str, str], set[str]] = defaultdict(set)
    pairs = [(row.airing_id, row.receiver_id) for row in partial]
    for at in range(0, len(pairs), 400):
        for airing, receiver, item in session.execute(
            select(StoredRecord.airing_id, StoredRecord.receiver_id, StoredRecord.item_id).where(
                tuple_(StoredRecord.airing_id, StoredRecord.receiver_id).in_(pairs[at : at + 400]),
                StoredRecord.outcome == "finished",
            )
        ):
            proven[airing, receiver].add(item)
    counts: dict[tuple[str, str, str | None], int] = defaultdict(int)
    for row in partial:
        if items[row.programme_id] <= proven[row.airing_id, row.receiver_id]:
            counts[row.unit_id, row.airing_id, row.reason] += 1
    return counts


def _promised(
    session: Session,
    campaign_id: str,
    since: datetime,
    until: datetime,
    communes: _Communes,
    found: dict[tuple[str, str], Heard],
) -> None:
    """Add scheduled airings that no plan holds yet, at the communes where a receiver is meant."""
    planned = select(Playout.airing_id).where(Playout.airing_id == Airing.id).exists()
    coming = session.execute(
        select(Airing, Schedule.title)
        .join(Schedule, Schedule.id == Airing.schedule_id)
        .where(
            and_(Airing.programme_id.in_(_programmes(campaign_id)), Airing.status == "scheduled", ~planned),
            Airing.starts_at >= since,
            Airing.starts_at < until,
        )
    ).all()
    places: dict[tuple[object, date], set[str]] = {}
    for airing, title in coming:
        day = units.date_of(airing.starts_at)
        key = (airing.targets, day)
        if key not in places:
            there = reach.receivers_of(session, airing.targets, on=day)
            at = _units_of(session, there)
            by_unit = communes.of(at, day)
            places[key] = {by_unit[unit] for unit in at}
        for commune in places[key]:
            found.setdefault((commune, airing.id), Heard(commune, airing.id, title, airing.starts_at))


def _units_of(session: Session, receiver_ids: list[str]) -> set[str]:
    column = reach.receivers.c
    at: set[str] = set()
    for start in range(0, len(receiver_ids), 500):
        wanted = receiver_ids[start : start + 500]
        at.update(session.scalars(select(column.unit_id).where(column.id.in_(wanted)).distinct()))
    return at


def _meant(session: Session, unit_ids: Iterable[str], on: date) -> set[str]:
    """The communes at and below the campaign's units, after mergers."""
    there = units.below(session, units.followed(session, unit_ids, on=on), on=on)
    return {one.id for one in units.standing(session, on=on, unit_ids=there) if one.kind == "commune"}
