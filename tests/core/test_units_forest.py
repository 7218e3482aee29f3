"""The tree in memory is the tree in the database, whoever changed it, in whatever way, and whatever was taken back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date

import pytest
from sqlalchemy import insert, text, update

from core import units
from core.database import Database
from core.units import FOREVER, UnitLink, UnitName
from tests.support.statements import statements

DAY, LATER = date(2026, 7, 1), date(2026, 8, 1)


@pytest.fixture
def tree(db: Database) -> dict[str, str]:
    with db.writing() as session:
        province = units.add(session, kind="province", name="Tỉnh")
        first = units.add(session, kind="commune", name="Xã Một", parent=province)
        second = units.add(session, kind="commune", name="Xã Hai", parent=province)
        village = units.add(session, kind="village", name="Thôn", parent=first)
        return {"province": province.id, "first": first.id, "second": second.id, "village": village.id}


@pytest.fixture
def elsewhere(db: Database) -> Iterator[Database]:
    """The same database as another process has it."""
    other = Database(db.engine.url.render_as_string(hide_password=False))
    yield other
    other.close()


def seen(db: Database, village: str, on: date = LATER) -> list[str]:
    with db.reading() as session:
        return units.above(session, village, on=on)


def test_what_is_known_costs_one_statement(db: Database, tree: dict[str, str]) -> None:
    seen(db, tree["village"])
    with db.reading() as session, statements(db) as asked:
        assert units.above(session, tree["village"], on=DAY)[1] == tree["first"]
        assert units.names(session, list(tree.values()), on=DAY)[tree["second"]] == "Xã Hai"
        assert units.below(session, [tree["province"]], on=DAY) == set(tree.values())
        assert units.kinds(session, [tree["village"], "none"]) == {tree["village"]: "village"}
        assert units.memberships(session, on=DAY) == {}
    assert len([one for one in asked if "unit" in one]) == 1


def test_a_change_elsewhere_is_seen_at_once(db: Database, elsewhere: Database, tree: dict[str, str]) -> None:
    village = tree["village"]
    assert seen(db, village) == [village, tree["first"], tree["province"]]
    with elsewhere.writing() as session:
        unit, second = units.get(session, village), units.get(session, tree["second"])
        units.move(session, unit, second, LATER)
    assert seen(db, village) == [village, tree["second"], tree["province"]]
    assert seen(db, village, DAY) == [village, tree["first"], tree["province"]]


def test_however_it_is_changed(db: Database, elsewhere: Database, tree: dict[str, str]) -> None:
    """Past every function of ours too: by a statement for many rows, or by hand."""

    def called() -> str:
        with db.reading() as session:
            return units.name(session, tree["second"], on=DAY)

    assert called() == "Xã Hai"
    with elsewhere.writing() as session:
        session.execute(update(UnitName).where(UnitName.unit_id == tree["second"]).values(name="Xã Ba"))
    assert called() == "Xã Ba"
    with elsewhere.engine.begin() as connection:
        connection.execute(text("UPDATE unit_names SET name = 'Xã Tư' WHERE name = 'Xã Ba'"))
    assert called() == "Xã Tư"
    with elsewhere.engine.begin() as connection:
        connection.execute(text("DELETE FROM unit_names WHERE name = 'Xã Tư'"))
    assert called() == "Xã Hai"  # what the unit itself has
    with elsewhere.writing() as session:
        group = units.add_group(session, name="Cụm", since=DAY)
        units.join(session, group, units.get(session, tree["first"]), DAY)
    with db.reading() as session:
        assert units.memberships(session, on=DAY) == {group.id: [tree["first"]]}


def test_what_is_taken_back_was_never_there(db: Database, elsewhere: Database, tree: dict[str, str]) -> None:
    """Two transactions do different things from the same beginning; the first one looked at its own and was undone."""
    village = tree["village"]

    class Undone(Exception):
        pass

    def move_and_fail() -> None:
        with db.writing() as session:
            units.move(session, units.get(session, village), units.get(session, tree["second"]), LATER)
            assert units.above(session, village, on=LATER)[1] == tree["second"]
            raise Undone

    with pytest.raises(Undone):
        move_and_fail()
    assert seen(db, village)[1] == tree["first"]
    with elsewhere.writing() as session:
        units.rename(session, units.get(session, village), "Thôn Mới", LATER)
    assert seen(db, village)[1] == tree["first"]
    with db.reading() as session:
        assert units.name(session, village, on=LATER) == "Thôn Mới"


def test_a_session_sees_what_it_changes_itself(db: Database, tree: dict[str, str]) -> None:
    with db.writing() as session:
        assert units.below(session, [tree["second"]], on=DAY) == {tree["second"]}
        with session.begin_nested() as point:
            dates = {"valid_from": DAY, "valid_to": FOREVER}
            session.execute(update(UnitLink).where(UnitLink.unit_id == tree["village"]).values(valid_to=DAY))
            row = {"unit_id": tree["village"], "parent_id": tree["second"], "relation": "below", **dates}
            session.execute(insert(UnitLink), [row])
            assert units.below(session, [tree["second"]], on=DAY) == {tree["second"], tree["village"]}
            point.rollback()
        assert units.below(session, [tree["second"]], on=DAY) == {tree["second"]}


def test_two_who_change_the_tree_at_once_go_one_after_the_other(
    db: Database, elsewhere: Database, tree: dict[str, str]
) -> None:
    """One changes a commune and then the other one; meanwhile somebody else changes that one first."""
    began = threading.Event()

    def other() -> None:
        with elsewhere.writing() as session:
            began.set()
            units.rename(session, units.get(session, tree["second"]), "Xã Hai Mới", DAY)

    with db.writing() as session, ThreadPoolExecutor(1) as beside:
        units.rename(session, units.get(session, tree["first"]), "Xã Một Mới", DAY)
        waiting = beside.submit(other)
        assert began.wait(10) or db.is_sqlite
        wait([waiting], timeout=0.2)
        units.rename(session, units.get(session, tree["second"]), "Xã Hai Khác", DAY)
        session.commit()
        waiting.result(timeout=20)
    with db.reading() as session:
        assert units.name(session, tree["second"], on=DAY) == "Xã Hai Mới"
