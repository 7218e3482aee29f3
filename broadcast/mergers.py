"""The merger assistant: communes become one on a date.

What is shown first and what is done is one computation: a preview does it all inside a savepoint, looks at what
became of receivers, schedules and groups, and takes it back. Applying does the same and keeps it, in one transaction.

Nothing is copied or rewritten. The old units end on the date and lead on to the new one, so that from then on their
receivers stand below it, and schedules, campaigns and groups that name them mean it. Before the date all stays.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broadcast import delivery, nearby, tree_changes
from broadcast.tables import Campaign
from core import events, units
from core.clock import Clock
from core.database import Base
from core.errors import Conflict, Invalid
from core.events import Actor
from core.units import Unit, UnitGroup, UnitGroupMember, UnitKind, sheets
from devices.tables import Receiver
from schedules.tables import Schedule

NEEDED, OPTIONAL = ("on", "old_name", "new_name"), ("old_code", "new_code")
CALLED = {
    "on": ("Ngày", "Từ ngày", "Ngày hiệu lực"),
    "old_name": ("Tên cũ", "Đơn vị cũ"),
    "old_code": ("Mã cũ",),
    "new_name": ("Tên mới", "Đơn vị mới", "Sáp nhập thành"),
    "new_code": ("Mã mới",),
}
# Looked at by name below, part of the tree itself, or history that stays where it was.
_KNOWN = {"receivers", "playouts", "units", "unit_links", "unit_names", "unit_group_members"}


@dataclass(frozen=True, slots=True)
class Merger:
    """These units become one on this date: `into`, one that stands (also one of them), or else a new one."""

    on: date
    unit_ids: tuple[str, ...]
    name: str
    into: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """Something that stands elsewhere from the date on, or that means something else. Places by name, nearest first."""

    kind: str  # receiver | unit | schedule | campaign | group, or the table of what else is kept for a unit
    id: str
    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a plan does, the same whether it is shown or done."""

    ended: tuple[str, ...]  # names
    created: tuple[str, ...]
    renamed: tuple[str, ...]
    moved: tuple[Moved, ...]

    @property
    def digest(self) -> str:
        """Names what was shown, so that it is this and nothing else that is applied."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def read_plan(session: Session, path: Path) -> list[Merger]:
    """A plan from CSV or XLSX, one row for each old unit. Raises `SheetWrong` with the rows."""
    return plan_of(session, sheets.read(path, needed=NEEDED, optional=OPTIONAL, called=CALLED), path.name)


def plan_of(session: Session, rows: Sequence[sheets.Row], name: str) -> list[Merger]:
    """The mergers that rows name: those with one date and one new unit are one."""
    problems: list[tuple[int, str]] = []
    old: dict[tuple[date, str, str], list[str]] = {}
    for row in rows:
        try:
            key, unit = _read_row(session, row)
            old.setdefault(key, []).append(unit.id)
        except Invalid as error:
            problems.append((row.number, error.facts["what"]))
        except ValueError:
            said = "ngày không đúng; hãy ghi 2025-07-01 / the date is wrong; write 2025-07-01"
            problems.append((row.number, said))
    if problems:
        raise sheets.wrong(name, problems)
    if not old:
        raise sheets.wrong(name, [(1, "không có dòng nào / there is no row")])
    mergers = []
    for (on, called, code), unit_ids in old.items():
        # The new one may be one of the old, kept under its name or another.
        kept = next((one for one in unit_ids if units.name(session, one, on=on) == called), None)
        mergers.append(Merger(on, tuple(unit_ids), called, kept, code or None))
    return mergers


def _read_row(session: Session, row: sheets.Row) -> tuple[tuple[date, str, str], units.Placed]:
    """(date, new name, new code) and the old unit."""
    on, name = row.day("on", units.ALWAYS), row.cells.get("new_name", "")
    if on == units.ALWAYS:
        raise Invalid(what="chưa có ngày / the date is missing")
    if not name:
        raise Invalid(what="chưa có tên mới / the new name is missing")
    unit = _named(session, row.cells.get("old_code", ""), row.cells.get("old_name", ""), on)
    return (on, name, row.cells.get("new_code", "")), unit


def _named(session: Session, code: str, name: str, on: date) -> units.Placed:
    standing = units.standing(session, on=on)
    found = [unit for unit in standing if unit.name == name and (not code or unit.official_code == code)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Invalid(
            what=f"không có đơn vị “{name}” {code} vào ngày {on}; hãy xem danh sách của ngày đó"
            f" / there is no unit “{name}” {code} on {on}; look at the list of that date"
        )
    raise Invalid(
        what=f"có {len(found)} đơn vị “{name}”; hãy thêm cột old_code"
        f" / there are {len(found)} units “{name}”; add the column old_code"
    )


def preview(session: Session, plan: Sequence[Merger], *, actor: Actor, clock: Clock) -> Outcome:
    """What the plan would do. Nothing is left of it. Raises what `apply` would."""
    attempt = session.begin_nested()
    try:
        return _perform(session, plan, actor, clock)
    finally:
        attempt.rollback()


def apply(
    session: Session, plan: Sequence[Merger], *, actor: Actor, clock: Clock, expected: str | None = None
) -> Outcome:
    """Do it. With `expected`, the digest of what was shown, `Conflict` where it would do anything else by now."""
    outcome = _perform(session, plan, actor, clock)
    if expected is not None and outcome.digest != expected:
        raise Conflict(
            what="dữ liệu đã thay đổi từ lúc xem trước; hãy xem trước lại rồi áp dụng"
            " / things have changed since the preview; look at it again, then apply"
        )
    return outcome


def _perform(session: Session, plan: Sequence[Merger], actor: Actor, clock: Clock) -> Outcome:
    if not plan:
        raise Invalid(what="kế hoạch đang trống / the plan is empty")
    ended: list[str] = []
    created: list[str] = []
    renamed: list[str] = []
    moved: list[Moved] = []
    for merger in plan:
        before = _Look(session, merger)
        new = _merge(session, merger, actor, clock, created, renamed)
        ended += [before.names[one] for one in merger.unit_ids if one != new.id]
        moved += before.moved()
        delivery.request(session, before.receivers, clock.now())
        tree_changes.follow(
            session,
            named=before.around | {new.id},
            places={new.id},
            since=merger.on,
            now=clock.now(),
            actor=actor,
        )
    return Outcome(tuple(ended), tuple(created), tuple(renamed), tuple(moved))


def _old(session: Session, merger: Merger) -> list[Unit]:
    """What becomes one. A unit named twice is a slip of whoever wrote the plan: another one was meant."""
    old: list[Unit] = []
    for unit_id in merger.unit_ids:
        unit = units.get(session, unit_id)
        if unit in old:
            name = units.name(session, unit.id, on=merger.on)
            raise Invalid(what=f"“{name}” được nêu hai lần; hãy bỏ bớt một / “{name}” is named twice; leave one out")
        old.append(unit)
    return old


def _merge(
    session: Session, merger: Merger, actor: Actor, clock: Clock, created: list[str], renamed: list[str]
) -> Unit:
    old = _old(session, merger)
    into = units.get(session, merger.into) if merger.into else None
    if not any(one is not into for one in old):
        raise Invalid(what="chưa nêu đơn vị cũ nào / no old unit is named")
    if len({one.kind for one in [*old, *([into] if into else [])]}) > 1:
        raise Invalid(
            what="các đơn vị phải cùng cấp; hãy tách kế hoạch / the units must be of one kind; split the plan"
        )
    parents = {one.id: units.above(session, one.id, on=merger.on)[1:2] for one in old}
    if len({tuple(parent) for parent in parents.values()}) > 1:
        raise Invalid(
            what="các đơn vị không cùng cấp trên vào ngày đó; hãy chuyển về một nơi trước"
            " / the units don't stand below one unit on that date; move them there first"
        )
    if into is None:
        above = parents[old[0].id]
        into = units.add(
            session,
            kind=cast("UnitKind", old[0].kind),
            name=merger.name,
            parent=units.get(session, above[0]) if above else None,
            code=merger.code,
            since=merger.on,
        )
        created.append(into.name)
        facts: dict[str, Any] = {"name": into.name, "unit_kind": into.kind, "on": merger.on.isoformat()}
        _record(session, "created", into, actor, clock, facts)
    elif units.name(session, into.id, on=merger.on) != merger.name.strip():
        renamed.append(f"{units.name(session, into.id, on=merger.on)} → {merger.name.strip()}")
        units.rename(session, into, merger.name, merger.on)
        _record(session, "renamed", into, actor, clock, {"name": into.name, "on": merger.on.isoformat()})
    for one in old:
        if one is into:
            continue
        for child in units.children(session, one.id, on=merger.on):
            units.move(session, units.get(session, child), into, merger.on)
        units.end(session, one, merger.on, [into])
        _record(session, "merged", one, actor, clock, {"into": into.id, "on": merger.on.isoformat()})
    return into


def _record(session: Session, action: str, unit: Unit, actor: Actor, clock: Clock, facts: dict[str, Any]) -> None:
    kind, subject = f"user:unit:{action}", ("unit", unit.id)
    events.record(session, kind, actor=actor, at=clock.now(), subject=subject, **facts)


class _Look:
    """What stands at the units of a merger before it, to be compared with what stands there after."""

    def __init__(self, session: Session, merger: Merger) -> None:
        self._session = session
        self._on = merger.on
        self._old = set(merger.unit_ids)
        self.names = units.names(session, merger.unit_ids, on=merger.on)
        self._places = units.below(session, [*merger.unit_ids, *([merger.into] if merger.into else [])], on=merger.on)
        found = session.scalars(
            select(Receiver).where(Receiver.unit_id.in_(self._places), Receiver.status != "revoked")
        ).all()
        self._receivers = sorted(found, key=lambda receiver: (receiver.name, receiver.id))
        self._before = self._ways()
        above = {one for unit in merger.unit_ids for one in units.above(session, unit, on=merger.on)}
        self.around = nearby.named_by(session, above, [merger.on])

    @property
    def receivers(self) -> list[str]:
        return [receiver.id for receiver in self._receivers]

    def _ways(self) -> dict[str, tuple[str, ...]]:
        """Each place with the names of what it is and is below, nearest first."""
        paths = units.paths(self._session, self._places, on=self._on)
        every = {one for path in paths.values() for one in path}
        names = units.names(self._session, every, on=self._on)
        return {place: tuple(names[one] for one in path) for place, path in paths.items()}

    def moved(self) -> list[Moved]:
        after = self._ways()
        found = [
            Moved("receiver", one.id, one.name, self._before[one.unit_id], after[one.unit_id])
            for one in self._receivers
            if self._before[one.unit_id] != after[one.unit_id]
        ]
        called = units.names(self._session, self._places, on=self._on)
        found += [
            Moved("unit", place, called[place], self._before[place], after[place])
            for place in sorted(self._places)
            if self._before[place] != after[place]
        ]
        schedules = select(Schedule).where(Schedule.status == "active").order_by(Schedule.id)
        campaigns = select(Campaign).where(Campaign.last_date >= self._on).order_by(Campaign.id)
        for schedule in self._session.scalars(schedules):
            if schedule.last_date is None or schedule.last_date >= self._on:
                named = [*schedule.targets.units, *schedule.targets.except_units]
                found += self._means("schedule", schedule.id, schedule.title, named)
        for campaign in self._session.scalars(campaigns):
            found += self._means("campaign", campaign.id, campaign.title, campaign.unit_ids)
        return [*found, *self._groups(), *self._others()]

    def _means(self, kind: str, id_: str, name: str, targets: Collection[str]) -> list[Moved]:
        """Something that names units: before, their old names, and after, what takes over."""
        touched = [one for one in targets if one in self._old]
        if not touched:
            return []
        after = units.followed(self._session, touched, on=self._on)
        names = units.names(self._session, after, on=self._on)
        return [Moved(kind, id_, name, tuple(self.names[one] for one in touched), tuple(names[one] for one in after))]

    def _groups(self) -> list[Moved]:
        rows = self._session.execute(
            select(UnitGroup, UnitGroupMember.unit_id)
            .join(UnitGroupMember, UnitGroupMember.group_id == UnitGroup.id)
            .where(UnitGroupMember.unit_id.in_(self._old), UnitGroupMember.valid_to > self._on)
            .order_by(UnitGroup.id, UnitGroupMember.id)
        ).all()
        members: dict[str, list[str]] = {}
        called = {group.id: group.name for group, _ in rows}
        for group, unit in rows:
            members.setdefault(group.id, []).append(unit)
        return [one for group, held in members.items() for one in self._means("group", group, called[group], held)]

    def _others(self) -> list[Moved]:
        """Rights, rules, slots and whatever else is kept for a unit: found by what points to units, row by row none."""
        found = []
        for table in Base.metadata.sorted_tables:
            if table.name in _KNOWN:
                continue
            for column in table.columns:
                if not any(key.column.table.name == "units" for key in column.foreign_keys):
                    continue
                counted = select(column, func.count()).where(column.in_(self._old)).group_by(column).order_by(column)
                for unit, count in self._session.execute(counted):
                    found += self._means(table.name, f"{table.name}.{column.name}", f"{count} ×", [unit])
        return found
