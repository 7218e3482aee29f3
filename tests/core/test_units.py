"""The tree of units."""

from __future__ import annotations

import pytest

from core import units
from core.database import Database
from core.errors import Invalid, NotFound
from core.units import Unit


@pytest.fixture
def tree(db: Database) -> dict[str, str]:
    """Names to ids: a province with two communes, one of which has two villages; and another province."""
    with db.writing() as session:
        province = units.add(session, kind="province", name="Tỉnh", code="24")
        communes = [units.add(session, kind="commune", name=name, parent=province) for name in ("Xã Một", "Xã Hai")]
        villages = [units.add(session, kind="village", name=name, parent=communes[0]) for name in ("Đông", "Đoài")]
        other = units.add(session, kind="province", name="Tỉnh khác")
        return {unit.name: unit.id for unit in [province, *communes, *villages, other]}


def test_below_is_the_unit_and_all_under_it(db: Database, tree: dict[str, str]) -> None:
    def below(*wanted: str) -> set[str]:
        with db.reading() as session:
            found = units.below(session, [tree[name] for name in wanted])
        return {name for name, unit in tree.items() if unit in found}

    assert below("Tỉnh") == {"Tỉnh", "Xã Một", "Xã Hai", "Đông", "Đoài"}
    assert below("Xã Một") == {"Xã Một", "Đông", "Đoài"}
    assert below("Đông") == {"Đông"}
    assert below("Xã Hai", "Đông", "Xã Hai") == {"Xã Hai", "Đông"}
    assert below("Tỉnh khác") == {"Tỉnh khác"}
    assert below() == set()


def test_below_of_what_is_not_there_is_nothing(db: Database) -> None:
    with db.reading() as session:
        assert units.below(session, ["01NONE"]) == set()


def test_above_is_the_way_to_the_root(db: Database, tree: dict[str, str]) -> None:
    with db.reading() as session:
        assert units.above(session, tree["Đông"]) == [tree["Đông"], tree["Xã Một"], tree["Tỉnh"]]
        assert units.above(session, tree["Tỉnh"]) == [tree["Tỉnh"]]


def test_a_loop_in_the_tree_ends(db: Database, tree: dict[str, str]) -> None:
    """Nobody should make one; if someone did, the pages still come."""
    with db.writing() as session:
        session.get_one(Unit, tree["Tỉnh"]).parent_id = tree["Đông"]
    with db.reading() as session:
        assert units.above(session, tree["Đông"]) == [tree["Đông"], tree["Xã Một"], tree["Tỉnh"]]
        assert len(units.below(session, [tree["Đông"]])) == 5


def test_getting_one(db: Database, tree: dict[str, str]) -> None:
    with db.reading() as session:
        found = units.get(session, tree["Tỉnh"])
        assert (found.name, found.kind, found.official_code, found.parent_id) == ("Tỉnh", "province", "24", None)
        with pytest.raises(NotFound, match="01NONE"):
            units.get(session, "01NONE")


def test_a_name_is_needed(db: Database) -> None:
    def add(name: str) -> Unit:
        with db.writing() as session:
            return units.add(session, kind="commune", name=name)

    with pytest.raises(Invalid):
        add("  ")
    assert add("  Xã Một ").name == "Xã Một"
