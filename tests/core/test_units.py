"""The tree of units."""

from __future__ import annotations

from datetime import date

import pytest

from core import units
from core.database import Database
from core.errors import Invalid, NotFound
from core.units import Unit, UnitKind

TODAY = date(2026, 7, 28)


@pytest.fixture
def tree(db: Database) -> dict[str, str]:
    """Names to ids: a province with two communes, one of which has two villages; and a commune on its own."""
    with db.writing() as session:
        province = units.add(session, kind="province", name="Tỉnh", code="24")
        communes = [units.add(session, kind="commune", name=name, parent=province) for name in ("Xã Một", "Xã Hai")]
        villages = [units.add(session, kind="village", name=name, parent=communes[0]) for name in ("Đông", "Đoài")]
        other = units.add(session, kind="commune", name="Xã lẻ")
        return {unit.name: unit.id for unit in [province, *communes, *villages, other]}


def test_below_is_the_unit_and_all_under_it(db: Database, tree: dict[str, str]) -> None:
    def below(*wanted: str) -> set[str]:
        with db.reading() as session:
            found = units.below(session, [tree[name] for name in wanted], on=TODAY)
        return {name for name, unit in tree.items() if unit in found}

    assert below("Tỉnh") == {"Tỉnh", "Xã Một", "Xã Hai", "Đông", "Đoài"}
    assert below("Xã Một") == {"Xã Một", "Đông", "Đoài"}
    assert below("Đông") == {"Đông"}
    assert below("Xã Hai", "Đông", "Xã Hai") == {"Xã Hai", "Đông"}
    assert below("Xã lẻ") == {"Xã lẻ"}
    assert below() == set()


def test_below_of_what_is_not_there_is_nothing(db: Database) -> None:
    with db.reading() as session:
        assert units.below(session, ["01NONE"], on=TODAY) == set()


def test_above_is_the_way_to_the_root(db: Database, tree: dict[str, str]) -> None:
    with db.reading() as session:
        assert units.above(session, tree["Đông"], on=TODAY) == [tree["Đông"], tree["Xã Một"], tree["Tỉnh"]]
        assert units.above(session, tree["Tỉnh"], on=TODAY) == [tree["Tỉnh"]]


def test_getting_one(db: Database, tree: dict[str, str]) -> None:
    with db.reading() as session:
        found = units.get(session, tree["Tỉnh"])
        assert (found.name, found.kind, found.official_code) == ("Tỉnh", "province", "24")
        with pytest.raises(NotFound, match="01NONE"):
            units.get(session, "01NONE")


def test_a_name_is_needed(db: Database) -> None:
    def add(name: str) -> Unit:
        with db.writing() as session:
            return units.add(session, kind="commune", name=name)

    with pytest.raises(Invalid):
        add("  ")
    assert add("  Xã Một ").name == "Xã Một"


@pytest.mark.parametrize(
    ("kind", "above"),
    [("province", "Xã Một"), ("district", "Xã Một"), ("commune", "Xã Một"), ("commune", "Đông"), ("village", "Đông")],
)
def test_a_unit_stands_below_a_higher_one(db: Database, tree: dict[str, str], kind: UnitKind, above: str) -> None:
    with db.writing() as session, pytest.raises(Invalid, match=f"a {kind} can't be below the"):
        units.add(session, kind=kind, name="Sai chỗ", parent=units.get(session, tree[above]))


def test_one_installation_serves_one_province(db: Database, tree: dict[str, str]) -> None:
    with db.writing() as session:
        with pytest.raises(Invalid, match="one installation serves one province, this one “Tỉnh”"):
            units.add(session, kind="province", name="Tỉnh khác")
        # A district of before July 2025, and a village of the province itself, have their places.
        district = units.add(session, kind="district", name="Huyện", parent=units.get(session, tree["Tỉnh"]))
        village = units.add(session, kind="village", name="Thôn", parent=district)
        assert units.above(session, village.id, on=TODAY) == [village.id, district.id, tree["Tỉnh"]]
