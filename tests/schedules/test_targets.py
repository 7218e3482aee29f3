"""Targets: units, groups and receivers minus exceptions, as of a date; whose a schedule is; filled databases."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core import migrations, units
from core.clock import ManualClock
from core.database import Database
from core.units import Unit, UnitKind
from devices.tables import Receiver
from schedules.reach import NearBy, Resolver, default_owner, receivers_of, receivers_touched, silent_parts
from schedules.targets import Reach, Targets
from tests.support.statements import statements

EVE, DAY = date(2026, 7, 31), date(2026, 8, 1)


@dataclass
class Place:
    """Ids by short names: a province p, communes a, b, c, a village v in a; a receiver at each but p, named alike."""

    at: dict[str, str] = field(default_factory=dict)
    box: dict[str, str] = field(default_factory=dict)
    group: str = ""


@pytest.fixture
def place(db: Database, clock: ManualClock) -> Place:
    held = Place()
    with db.writing() as session:

        def unit(name: str, kind: UnitKind, parent: str | None) -> None:
            above = session.get_one(Unit, held.at[parent]) if parent else None
            held.at[name] = units.add(session, kind=kind, name=name, parent=above).id

        unit("p", "province", None)
        for name in "abc":
            unit(name, "commune", "p")
        unit("v", "village", "a")
        group = units.add_group(session, name="Cụm xã", since=date(2026, 1, 1))
        held.group = group.id
        units.join(session, group, session.get_one(Unit, held.at["a"]), date(2026, 1, 1), DAY)
        units.join(session, group, session.get_one(Unit, held.at["c"]), DAY)
        for name in "abcv":
            row = Receiver(
                unit_id=held.at[name], name=name, public_key="0", broker_password="-", enrolled_at=clock.now()
            )
            session.add(row)
            session.flush()
            held.box[name] = row.id
    return held


def heard(session: Session, place: Place, targets: Targets, on: date) -> str:
    """The short names of the receivers that are meant, asked in all ways there are."""
    found = receivers_of(session, targets, on=on)
    boxes = [session.get_one(Receiver, box) for box in place.box.values()]
    paths = units.paths(session, {box.unit_id for box in boxes}, on=on)
    meant = Resolver(session).reach(targets, on=on)
    assert found == sorted(
        box.id for box in boxes if box.status == "active" and meant.holds(box.id, paths[box.unit_id])
    )
    assert set(found) <= set(receivers_touched(session, [targets], on=on))
    return "".join(sorted(name for name, box in place.box.items() if box in found))


def test_units_groups_and_receivers_minus_exceptions(db: Database, place: Place) -> None:
    at, box = place.at, place.box
    cases = [
        (Targets(units=(at["p"],)), "abcv"),
        (Targets(units=(at["a"],)), "av"),
        (Targets(groups=(place.group,)), "av"),
        (Targets(receivers=(box["b"], box["v"])), "bv"),
        (Targets(units=(at["p"],), except_units=(at["a"],)), "bc"),
        (Targets(units=(at["p"],), except_receivers=(box["v"], box["b"])), "ac"),
        (Targets(units=(at["p"],), receivers=(box["a"],), except_units=(at["a"],)), "bc"),  # an exception wins
        (Targets(units=(at["b"],), groups=(place.group,), except_units=(at["v"],)), "ab"),
    ]
    with db.reading() as session:
        for targets, names in cases:
            assert heard(session, place, targets, EVE) == names


def test_they_follow_groups_and_mergers_as_of_the_date(db: Database, place: Place) -> None:
    at = place.at
    group, single = Targets(groups=(place.group,)), Targets(units=(at["p"],), except_units=(at["b"],))
    with db.writing() as session:
        assert [heard(session, place, group, day) for day in (EVE, DAY)] == ["av", "c"]
        assert heard(session, place, group, date(2025, 12, 31)) == ""
        units.end(session, session.get_one(Unit, at["b"]), DAY, [session.get_one(Unit, at["c"])])
        # Xã b is now a part of xã c: what names b means all of c from then on, and so does an exception.
        assert [heard(session, place, Targets(units=(at["b"],)), day) for day in (EVE, DAY)] == ["b", "bc"]
        assert [heard(session, place, single, day) for day in (EVE, DAY)] == ["acv", "av"]
        assert heard(session, place, group, DAY) == "bc"


def test_a_revoked_receiver_is_not_meant(db: Database, place: Place) -> None:
    with db.writing() as session:
        session.get_one(Receiver, place.box["b"]).status = "revoked"
        targets = Targets(units=(place.at["b"],), receivers=(place.box["b"],), groups=(place.group,))
        assert heard(session, place, targets, EVE) == "av"
        silent = silent_parts(session, targets, on=EVE)
        assert silent == Targets(units=(place.at["b"],), receivers=(place.box["b"],))
        excepted = Targets(units=(place.at["a"], place.at["c"]), except_units=(place.at["a"],))
        assert silent_parts(session, excepted, on=EVE).units == (place.at["a"],)


def test_whose_schedule_it_is(db: Database, place: Place) -> None:
    at, box = place.at, place.box
    with db.writing() as session:

        def owner(targets: Targets) -> str | None:
            found = default_owner(session, targets, on=EVE)
            return {unit: name for name, unit in at.items()}.get(found or "")

        assert owner(Targets(units=(at["a"],))) == "a"
        assert owner(Targets(units=(at["v"],))) == "a"  # a village has no timetable of its own
        assert owner(Targets(units=(at["v"],), receivers=(box["a"],))) == "a"
        assert owner(Targets(units=(at["a"], at["b"]))) == "p"
        assert owner(Targets(units=(at["b"],), groups=(place.group,))) == "p"
        assert owner(Targets(receivers=(box["v"],))) == "a"
        assert owner(Targets(receivers=(box["v"], box["c"]))) == "p"
        other = units.add(session, kind="commune", name="d")  # it stands below nothing
        assert owner(Targets(units=(at["a"], other.id))) is None


def test_what_is_near_a_unit(db: Database, place: Place) -> None:
    at, box = place.at, place.box
    with db.reading() as session:

        def near(unit: str, targets: Targets) -> bool:
            return NearBy(session, [at[unit]], {EVE}).meant(targets, on=EVE)

        assert near("p", Targets(receivers=(box["v"],)))
        assert near("a", Targets(groups=(place.group,)))
        assert not near("b", Targets(groups=(place.group,)))
        assert near("v", Targets(units=(at["p"],), except_units=(at["b"],)))
        assert not near("v", Targets(units=(at["p"],), except_units=(at["a"],)))
        assert near("p", Targets(units=(at["p"],), except_units=(at["a"],)))
        assert not near("a", Targets(receivers=(box["v"],), except_receivers=(box["v"],)))


def test_mergers_and_groups_of_all_days_are_asked_for_once(db: Database, place: Place) -> None:
    with db.reading() as session, statements(db) as seen:
        resolver = Resolver(session)
        for name in "abc":
            for day in (EVE, DAY):
                assert resolver.reach(Targets(units=(place.at[name],)), on=day) == Reach(frozenset([place.at[name]]))
        first = len(seen)
        assert first >= 1
        assert Resolver(session).reach(Targets(units=(place.at["a"],)), on=DAY) == Reach(frozenset([place.at["a"]]))
        assert len(seen) == first


def test_schedules_of_a_filled_database_get_their_owners(empty_db: Database) -> None:
    migrations.upgrade(empty_db, "0007")
    schedules = {"ONE": '["V"]', "TWO": '["C", "D"]', "NONE": '["C", "Q"]', "OVER": '["OLD", "V"]'}
    with empty_db.engine.begin() as connection:
        links: dict[str, str | None] = {"P": None, "Q": None, "C": "P", "D": "P", "V": "C", "OLD": "C"}
        kinds = {"P": "province", "Q": "province", "V": "village"}
        for unit in links:
            row = {"id": unit, "kind": kinds.get(unit, "commune"), "name": unit}
            connection.execute(text("INSERT INTO units (id, kind, name) VALUES (:id, :kind, :name)"), row)
        for unit, parent in links.items():
            relation = "successor" if unit == "OLD" else "below"
            link = {"id": unit, "unit": unit, "parent": parent, "relation": relation}
            connection.execute(
                text(
                    "INSERT INTO unit_links (id, unit_id, parent_id, relation, valid_from, valid_to)"
                    " VALUES (:id, :unit, :parent, :relation, '0001-01-01', '9999-12-31')"
                ),
                link,
            )
        connection.execute(
            text("INSERT INTO programmes VALUES ('PROGRAMME', 'Sáng', 'x', :now)"), {"now": "2026-01-01 00:00:00"}
        )
        for schedule, unit_ids in schedules.items():
            connection.execute(
                text(
                    "INSERT INTO schedules (id, title, programme_id, duration_ms, kind, first_date, local_time,"
                    " timezone, unit_ids, status, version, created_by, created_at) VALUES (:id, 'Sáng', 'PROGRAMME',"
                    " 1000, 'daily', '2026-07-28', '05:00:00', 'Asia/Ho_Chi_Minh', :units, 'active',"
                    " 1, 'x', '2026-01-01 00:00:00')"
                ),
                {"id": schedule, "units": unit_ids},
            )
    migrations.upgrade(empty_db)
    with empty_db.engine.connect() as connection:
        owners = {row.id: row.owner_id for row in connection.execute(text("SELECT id, owner_id FROM schedules"))}
    assert owners == {"ONE": "C", "TWO": "P", "NONE": None, "OVER": "C"}
