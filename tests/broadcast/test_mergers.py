"""The merger assistant: what is shown is what is done; from the date on everything old leads to the new unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcast import facts, mergers, planning
from broadcast.mergers import Merger
from broadcast.tables import PlanRequest, Programme
from core import units
from core.clock import ManualClock, to_ms
from core.database import Database
from core.errors import Conflict, Invalid
from core.events import SYSTEM, Event
from core.units import Unit
from core.units.sheets import SheetWrong
from devices.protocol.plan import Area
from devices.tables import Receiver
from schedules.tables import Airing, Schedule

DAY = date(2026, 8, 1)
EVE = DAY - timedelta(days=1)


@dataclass
class Place:
    province: str
    communes: list[str]
    villages: list[str]
    receivers: list[str]
    schedule: str
    group: str


def receiver(session: Session, unit: Unit, name: str, clock: ManualClock) -> str:
    made = Receiver(unit_id=unit.id, name=name, public_key="00", broker_password="x", enrolled_at=clock.now())
    session.add(made)
    session.flush()
    return made.id


def build(session: Session, clock: ManualClock, communes: int = 3) -> Place:
    """A province with communes of one village and two receivers each; a schedule and a group of the first one."""
    province = units.add(session, kind="province", name="Tỉnh Sông Bùi")
    place = Place(province.id, [], [], [], "", "")
    for number in range(communes):
        commune = units.add(session, kind="commune", name=f"Xã {number}", parent=province, code=f"{number:05}")
        village = units.add(session, kind="village", name=f"Thôn {number}", parent=commune)
        place.communes.append(commune.id)
        place.villages.append(village.id)
        place.receivers += [receiver(session, at, f"Bộ thu {at.name}", clock) for at in (commune, village)]
    programme = Programme(title="Sáng", created_by="x", created_at=clock.now())
    session.add(programme)
    session.flush()
    schedule = Schedule(
        title="Buổi sáng",
        programme_id=programme.id,
        duration_ms=60_000,
        kind="daily",
        first_date=EVE,
        local_time=time(5),
        timezone="Asia/Ho_Chi_Minh",
        unit_ids=[place.communes[0]],
        created_by="x",
        created_at=clock.now(),
    )
    group = units.add_group(session, name="Cụm xã phía đông", since=date(2026, 1, 1))
    units.join(session, group, units.get(session, place.communes[0]), date(2026, 1, 1))
    session.add(schedule)
    session.flush()
    place.schedule, place.group = schedule.id, group.id
    return place


def at(day: date) -> datetime:
    return datetime.combine(day, time(5), units.ZONE).astimezone(UTC)


def test_the_preview_is_what_is_applied(db: Database, clock: ManualClock) -> None:
    with db.writing() as session:
        place = build(session, clock)
    plan = [Merger(DAY, tuple(place.communes[:2]), "Xã Mới", code="09999")]
    with db.writing() as session:
        shown = mergers.preview(session, plan, actor=SYSTEM, clock=clock)
    with db.reading() as session:  # and nothing is left of it
        assert units.above(session, place.villages[0], on=DAY)[1] == place.communes[0]
        assert list(session.scalars(select(Event))) == []
        assert list(session.scalars(select(PlanRequest))) == []
    with db.writing() as session:
        done = mergers.apply(session, plan, actor=SYSTEM, clock=clock, expected=shown.digest)
    assert done == shown
    assert (shown.ended, shown.created) == (("Xã 0", "Xã 1"), ("Xã Mới",))
    assert {one.kind for one in shown.moved} == {"receiver", "unit", "schedule", "group"}
    moved = {one.name: one for one in shown.moved}
    assert moved["Bộ thu Thôn 1"].before == ("Thôn 1", "Xã 1", "Tỉnh Sông Bùi")
    assert moved["Bộ thu Thôn 1"].after == ("Thôn 1", "Xã Mới", "Tỉnh Sông Bùi")
    assert (moved["Buổi sáng"].before, moved["Buổi sáng"].after) == (("Xã 0",), ("Xã Mới",))
    with db.reading() as session:
        kinds = sorted(session.scalars(select(Event.kind)))
        assert kinds == ["user:unit:created", "user:unit:merged", "user:unit:merged"]
        assert set(session.scalars(select(PlanRequest.receiver_id))) == set(place.receivers[:4])


def test_a_schedule_of_the_old_unit_follows_it_from_the_date_on(db: Database, clock: ManualClock) -> None:
    with db.writing() as session:
        place = build(session, clock)
        mergers.apply(session, [Merger(DAY, tuple(place.communes[:2]), "Xã Mới")], actor=SYSTEM, clock=clock)
        schedule = session.get_one(Schedule, place.schedule)
        for day in (EVE, DAY):
            session.add(
                Airing(
                    schedule_id=schedule.id,
                    programme_id=schedule.programme_id,
                    original_start=at(day),
                    starts_at=at(day),
                    duration_ms=60_000,
                    unit_ids=schedule.unit_ids,
                )
            )
    now = at(EVE) - timedelta(hours=1)
    with db.reading() as session:
        candidates = facts.candidates(session, now, now + timedelta(days=3))
        found = facts.receivers(session, place.receivers, now, now + timedelta(days=3))
        heard = {one: [airing.starts_at for airing in candidates.of(found[one])] for one in place.receivers}
        new = units.followed(session, [place.communes[0]], on=DAY)[0]
    both, only_after = sorted([to_ms(at(EVE)), to_ms(at(DAY))]), [to_ms(at(DAY))]
    assert [sorted(heard[one]) for one in place.receivers] == [both, both, only_after, only_after, [], []]
    # Area commands are obeyed from the old unit until the date, and from the new one from it on.
    midnight = to_ms(datetime.combine(DAY, time(), units.ZONE))
    areas = {area.unit: area for area in found[place.receivers[0]].areas}
    assert areas[place.communes[0]] == Area(unit=place.communes[0], until=midnight)
    assert areas[new] == Area(unit=new, from_=midnight)
    assert areas[place.province] == Area(unit=place.province)
    assert planning.concerns(candidates.airings[0], found[place.receivers[0]])


def test_history_stays_under_the_old_names_and_the_group_follows(db: Database, clock: ManualClock) -> None:
    with db.writing() as session:
        place = build(session, clock)
        plan = [Merger(DAY, tuple(place.communes[:2]), "Xã Chung", into=place.communes[1])]
        done = mergers.apply(session, plan, actor=SYSTEM, clock=clock)
    assert done.renamed == ("Xã 1 → Xã Chung",)
    with db.reading() as session:
        assert units.name(session, place.communes[1], on=EVE) == "Xã 1"
        assert units.name(session, place.communes[1], on=DAY) == "Xã Chung"
        assert units.members(session, [place.group], on=EVE) == [place.communes[0]]
        assert units.members(session, [place.group], on=DAY) == [place.communes[1]]
        assert {unit.name for unit in units.standing(session, on=EVE)} > {"Xã 0", "Xã 1", "Xã 2"}


def test_what_has_changed_since_it_was_shown_is_not_applied(sqlite_db: Database, clock: ManualClock) -> None:
    with sqlite_db.writing() as session:
        place = build(session, clock)
        plan = [Merger(DAY, tuple(place.communes[:2]), "Xã Mới")]
        shown = mergers.preview(session, plan, actor=SYSTEM, clock=clock)
        receiver(session, units.get(session, place.communes[0]), "Bộ thu mới", clock)
    with sqlite_db.writing() as session, pytest.raises(Conflict, match="changed since the preview"):
        mergers.apply(session, plan, actor=SYSTEM, clock=clock, expected=shown.digest)


def test_a_plan_is_read_and_its_wrong_rows_are_named(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> None:
    path = tmp_path / "ke-hoach.csv"
    path.write_text("on,old_name,new_name\n2026-08-01,Xã 0,Xã 1\n01/08/2026,Xã 1,Xã 1\n", encoding="utf-8")
    with sqlite_db.writing() as session:
        place = build(session, clock)
        (plan,) = mergers.read_plan(session, path)
        assert plan == Merger(DAY, tuple(place.communes[:2]), "Xã 1", into=place.communes[1])
        path.write_text("on,old_name,new_name\n2026-08-01,Xã 9,X\nmai,Xã 1,X\n,Xã 1,X\n", encoding="utf-8")
        with pytest.raises(
            SheetWrong, match=r"row 2: there is no unit “Xã 9”.*row 3: the date.*row 4: the date is mis"
        ):
            mergers.read_plan(session, path)
        wrong = Merger(DAY, (place.communes[0], place.villages[1]), "X")
        with pytest.raises(Invalid, match="of one kind"):
            mergers.preview(session, [wrong], actor=SYSTEM, clock=clock)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plans=st.lists(
        st.tuples(st.integers(0, 60), st.lists(st.integers(0, 4), min_size=2, max_size=3, unique=True), st.booleans()),
        max_size=4,
    )
)
def test_every_receiver_stays_below_the_province_by_one_way(
    sqlite_db: Database, clock: ManualClock, plans: Sequence[tuple[int, list[int], bool]]
) -> None:
    with sqlite_db.writing() as session:
        place = build(session, clock, communes=5)
        days = {DAY + timedelta(days=90)}
        for number, (after, chosen, keep) in enumerate(plans):
            day = DAY + timedelta(days=after)
            days |= {day, day - timedelta(days=1)}
            ids = tuple(place.communes[one] for one in chosen)
            into = ids[0] if keep else None
            attempt = session.begin_nested()
            try:
                mergers.apply(session, [Merger(day, ids, f"Xã mới {number}", into)], actor=SYSTEM, clock=clock)
            except Invalid:  # one of them is gone by then
                attempt.rollback()
        at_units = {one.id: one.unit_id for one in session.scalars(select(Receiver))}
        for day in days:
            standing = {unit.id: unit for unit in units.standing(session, on=day)}
            for unit in standing.values():  # a forest: whatever is above stands, and a root is reached
                assert unit.parent_id is None or unit.parent_id in standing
            below = units.below(session, [place.province], on=day)
            for unit_id in at_units.values():
                path = units.above(session, unit_id, on=day)
                assert path[-1] == place.province
                assert set(path) <= standing.keys()
                assert len([one for one in path if standing[one].kind == "commune"]) == 1
                assert unit_id in below
        session.rollback()


def test_a_unit_that_is_named_twice_is_refused(sqlite_db: Database, clock: ManualClock) -> None:
    with sqlite_db.writing() as session:
        place = build(session, clock)
        twice = Merger(DAY, (place.communes[0], place.communes[0]), "Xã Mới")
        with pytest.raises(Invalid, match="Xã 0"):
            mergers.preview(session, [twice], actor=SYSTEM, clock=clock)
