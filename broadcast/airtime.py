"""Airtime that can be proved, per commune. Every number here can be recomputed from play records.

Two quantities, never mixed: *programme time* (what a listener of the commune could hear: an airing counts once, by
the longest proven playout there) and *cluster time* (what loudspeakers sounded: the sum over receivers, one proven
cluster each). Clusters behind a station's amplifier are not proven one by one: their time is estimated, apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise

from sqlalchemy import ColumnElement, Select, and_, case, func, select, union_all
from sqlalchemy.orm import Session

from broadcast.tables import Playout
from core import units
from core.units import Unit, UnitLink
from devices.tables import Receiver
from schedules.tables import Airing


@dataclass(frozen=True, slots=True)
class UnitAirtime:
    """One commune between two instants (of planned starts). Times in milliseconds.

    `airings` and `playouts` count what sounded; `…_planned` what was wanted (cancelled ones apart). `cancelled_sounded`
    of the playouts were cancelled and sounded all the same: they count, and are flagged.
    """

    unit_id: str
    name: str
    airings: int
    airings_planned: int
    playouts: int
    playouts_planned: int
    finished: int
    programme_ms: int
    cluster_ms: int
    estimated_cluster_ms: int
    cancelled_sounded: int


def report(
    session: Session, start: datetime, end: datetime, unit_ids: Sequence[str] | None = None
) -> list[UnitAirtime]:
    """Airtime of what was planned in [start, end), one row a commune, by name; None: everywhere.

    A receiver at a village counts for its commune, one at a district or province for that.
    """
    days = units.change_dates(session, units.date_of(start), units.date_of(end))
    bounds = [start, *(datetime.combine(day, time(), units.ZONE) for day in days), end]
    stretches = [
        _per_airing(session, max(since, start), min(until, end), unit_ids)
        for since, until in pairwise(bounds)
        if since < end
    ]
    per_airing = union_all(*stretches).subquery()
    columns = per_airing.c
    rows = session.execute(
        select(
            columns.unit_id,
            func.sum(case((columns.sounded > 0, 1), else_=0)),
            func.sum(case((columns.wanted > 0, 1), else_=0)),
            func.sum(columns.sounded),
            func.sum(columns.wanted),
            func.sum(columns.finished),
            func.sum(columns.programme_ms),
            func.sum(columns.cluster_ms),
            func.sum(columns.estimated_ms),
            func.sum(columns.cancelled_sounded),
        ).group_by(columns.unit_id)
    ).all()
    # By the names of the last day: who ended before it has its last one.
    called = units.names(session, [row[0] for row in rows], on=units.date_of(end - timedelta(milliseconds=1)))
    found = [UnitAirtime(unit, called[unit], *(int(number) for number in numbers)) for unit, *numbers in rows]
    return sorted(found, key=lambda unit: (unit.name, unit.unit_id))


def _per_airing(
    session: Session, start: datetime, end: datetime, unit_ids: Sequence[str] | None
) -> Select[str, str, int, int, int, int, int, int, int]:
    """One row for each airing in each commune, where the tree stays as it is between the two instants."""
    day = units.date_of(start)
    commune: ColumnElement[str] = func.coalesce(UnitLink.parent_id, Unit.id)
    above = and_(
        UnitLink.unit_id == Unit.id, Unit.kind == "village", UnitLink.relation == "below", units.valid(UnitLink, day)
    )
    sounded = Playout.played_ms > 0
    statement = (
        select(
            commune.label("unit_id"),
            Playout.airing_id,
            _count(sounded).label("sounded"),
            _count(~Playout.cancelled).label("wanted"),
            _count(Playout.state == "finished").label("finished"),
            func.max(Playout.played_ms).label("programme_ms"),
            func.sum(Playout.played_ms).label("cluster_ms"),
            func.sum(Playout.played_ms * (Receiver.clusters - 1)).label("estimated_ms"),
            _count(Playout.cancelled & sounded).label("cancelled_sounded"),
        )
        .join(Unit, Unit.id == Playout.unit_id)
        .outerjoin(UnitLink, above)
        .join(Receiver, Receiver.id == Playout.receiver_id)
        .join(Airing, Airing.id == Playout.airing_id)
        # A relay is not our programme: it is no airtime of ours, nor is what sounds in its place.
        .where(Playout.planned_at >= start, Playout.planned_at < end, Airing.programme_id.is_not(None))
        .group_by(commune, Playout.airing_id)
    )
    if unit_ids is not None:
        statement = statement.where(Playout.unit_id.in_(units.below_query(session, unit_ids, on=day)))
    return statement


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))
