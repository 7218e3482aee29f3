"""The tree as of a date: a forest on every one, whatever was tried; names, successors and groups of their time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core import migrations, units
from core.database import Database
from core.errors import Conflict, Invalid
from core.units import FOREVER, KINDS, Unit, UnitLink

DAY = date(2025, 7, 1)
EVE = DAY - timedelta(days=1)


@pytest.fixture
def tree(db: Database) -> dict[str, str]:
    """Three tiers until July 2025, two after: the district ends, its communes move to the province."""
    with db.writing() as session:
        province = units.add(session, kind="province", name="Tỉnh")
        district = units.add(session, kind="district", name="Huyện", parent=province)
        communes = [units.add(session, kind="commune", name=name, parent=district) for name in ("Một", "Hai")]
        for commune in communes:
            units.move(session, commune, province, DAY)
        units.end(session, district, DAY, [province])
        return {unit.name: unit.id for unit in [province, district, *communes]}


def test_three_tiers_before_and_two_after(db: Database, tree: dict[str, str]) -> None:
    with db.reading() as session:
        assert units.above(session, tree["Một"], on=EVE) == [tree["Một"], tree["Huyện"], tree["Tỉnh"]]
        assert units.above(session, tree["Một"], on=DAY) == [tree["Một"], tree["Tỉnh"]]
        assert units.below(session, [tree["Huyện"]], on=EVE) == {tree["Huyện"], tree["Một"], tree["Hai"]}
        # The district is followed to what took over.
        assert units.followed(session, [tree["Huyện"]], on=DAY) == [tree["Tỉnh"]]
        assert units.below(session, [tree["Huyện"]], on=DAY) == set(tree.values())
        assert units.above(session, tree["Huyện"], on=DAY) == [tree["Tỉnh"]]
        assert [unit.name for unit in units.standing(session, on=DAY)] == ["Tỉnh", "Một", "Hai"]
        assert units.change_dates(session, EVE, DAY) == [DAY]
        assert units.change_dates(session, DAY, date(2026, 1, 1)) == []


def test_a_split_leads_to_all_parts_and_its_receivers_to_the_first(db: Database, tree: dict[str, str]) -> None:
    later = date(2026, 1, 1)
    with db.writing() as session:
        province = units.get(session, tree["Tỉnh"])
        parts = [units.add(session, kind="commune", name=n, parent=province, since=later) for n in ("Đông", "Đoài")]
        units.end(session, units.get(session, tree["Một"]), later, parts)
        ids = [part.id for part in parts]
        assert units.followed(session, [tree["Một"]], on=later) == ids
        assert units.above(session, tree["Một"], on=later) == [ids[0], province.id]
        assert tree["Một"] in units.below(session, [ids[0]], on=later)
        assert tree["Một"] not in units.below(session, [ids[1]], on=later)


def test_names_are_those_of_the_date(db: Database, tree: dict[str, str]) -> None:
    with db.writing() as session:
        one = units.get(session, tree["Một"])
        units.rename(session, one, "Một Mới", date(2026, 1, 1))
        units.rename(session, one, "Một Cũ", DAY)  # an earlier day, told later
        called = [units.name(session, one.id, on=day) for day in (EVE, DAY, date(2026, 1, 1))]
        assert called == ["Một", "Một Cũ", "Một Cũ"]


def test_groups_have_their_dates(db: Database, tree: dict[str, str]) -> None:
    with db.writing() as session:
        group = units.add_group(session, name="Khu vực 1", since=DAY, until=date(2026, 1, 1))
        one = units.get(session, tree["Một"])
        units.join(session, group, one, DAY)
        with pytest.raises(Invalid, match="is in the group “Khu vực 1” on those dates already"):
            units.join(session, group, one, date(2025, 9, 1))
        with pytest.raises(Invalid, match="must lie within those of the group"):
            units.join(session, group, units.get(session, tree["Hai"]), EVE)
        with pytest.raises(Conflict, match="there is a group “Khu vực 1” already"):
            units.add_group(session, name="Khu vực 1", since=date(2025, 12, 1))
        units.leave(session, group, one, date(2025, 10, 1))
        found = [units.members(session, [group.id], on=day) for day in (EVE, DAY, date(2025, 10, 1))]
        assert found == [[], [one.id], []]
        assert [group.name for group in units.groups(session, on=DAY)] == ["Khu vực 1"]
        assert units.groups(session, on=date(2026, 1, 1)) == []


def test_what_would_break_the_tree_is_refused_with_the_reason(db: Database, tree: dict[str, str]) -> None:
    with db.writing() as session:
        province, district = units.get(session, tree["Tỉnh"]), units.get(session, tree["Huyện"])
        one = units.get(session, tree["Một"])
        with pytest.raises(Invalid, match=r"“Một” has a place already \(“Huyện”\) from … to before 2025-07-01"):
            units.link(session, one, province, date(2025, 1, 1))
        with pytest.raises(Invalid, match="can't be below “Huyện” on 2025-07-01, when there is no “Huyện”"):
            units.add(session, kind="commune", name="Ba", parent=district, since=DAY)
        with pytest.raises(Invalid, match="“Một” stands below “Tỉnh” after 2026-01-01 still; move “Một” first"):
            units.end(session, province, date(2026, 1, 1))
        with pytest.raises(Invalid, match="there is no “Huyện” on 2025-07-01"):
            units.end(session, one, DAY, [district])
        with pytest.raises(Invalid, match="can't take over from itself"):
            units.end(session, one, DAY, [one])
        with pytest.raises(Invalid, match="is not before"):
            units.link(session, one, province, DAY, EVE)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "move", "end", "link"]), st.integers(0, 9), st.integers(0, 9), st.integers(0, 40)
    ),
    max_size=14,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_it_is_a_forest_on_every_date(sqlite_db: Database, steps: Sequence[tuple[str, int, int, int]]) -> None:
    with sqlite_db.writing() as session:
        province = units.add(session, kind="province", name="Tỉnh")
        made = [province, units.add(session, kind="district", name="Huyện", parent=province)]
        for step in steps:
            attempt = session.begin_nested()
            try:
                _take(session, made, *step)
            except Invalid:
                attempt.rollback()
        for day in (DAY + timedelta(days=number) for number in range(-1, 43, 2)):
            standing = {unit.id: unit for unit in units.standing(session, on=day)}
            links = select(UnitLink.unit_id).where(UnitLink.relation != "also", units.valid(UnitLink, day))
            placed = list(session.scalars(links))
            assert len(placed) == len(set(placed))
            for unit in standing.values():
                if unit.parent_id is not None:
                    over = standing[unit.parent_id]
                    assert KINDS.index(over.kind) < KINDS.index(unit.kind)
                assert unit.id in units.below(session, [units.above(session, unit.id, on=day)[-1]], on=day)
        session.rollback()


def _take(session: Session, made: list[Unit], what: str, one: int, other: int, after: int) -> None:
    unit, second, day = made[one % len(made)], made[other % len(made)], DAY + timedelta(days=after)
    if what == "add":
        kind = KINDS[1 + one % 3]
        made.append(units.add(session, kind=kind, name=f"{len(made)}", parent=second, since=day))
    elif what == "move":
        units.move(session, unit, second, day)
    elif what == "end":
        units.end(session, unit, day, [second])
    else:
        units.link(session, unit, second, day, min(day + timedelta(days=one + 1), FOREVER))


def test_a_filled_database_is_upgraded(empty_db: Database) -> None:
    """Where units stood before there were dates becomes a link without a beginning or an end, and back again."""
    migrations.upgrade(empty_db, "0003")
    with empty_db.engine.begin() as connection:
        for unit, parent, kind in (("P", None, "province"), ("C", "P", "commune"), ("V", "C", "village")):
            connection.execute(
                text("INSERT INTO units (id, parent_id, kind, name) VALUES (:unit, :parent, :kind, :name)"),
                {"unit": unit, "parent": parent, "kind": kind, "name": f"Đơn vị {unit}"},
            )
    migrations.upgrade(empty_db)
    with empty_db.writing() as session:
        for day in (date(1990, 1, 1), DAY, date(2100, 1, 1)):
            assert units.above(session, "V", on=day) == ["V", "C", "P"]
            assert units.name(session, "C", on=day) == "Đơn vị C"
    migrations.downgrade(empty_db, "0003")
    with empty_db.engine.connect() as connection:
        rows = connection.execute(text("SELECT id, parent_id FROM units ORDER BY id"))
        assert [tuple(row) for row in rows] == [("C", "P"), ("P", None), ("V", "C")]
