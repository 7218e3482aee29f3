"""Grants: dated, at a unit or a group, below it, by the tree of the day; what accounts held before is a grant now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from api.auth import grants
from api.auth.rights import Right
from api.auth.scope import Reach, Scope
from core import migrations, units
from core.clock import ManualClock
from core.database import Database
from core.errors import Conflict, Invalid
from core.events import SYSTEM
from tests.api.scene import Scene, add_person, add_places

TODAY = date(2026, 7, 28)
Look = Callable[..., Reach]


@pytest.fixture
def place(sqlite_db: Database, clock: ManualClock) -> Scene:
    with sqlite_db.writing() as session:
        return add_places(session, clock, communes=("Xã Đồng Bùi", "Xã Suối Mơ", "Xã Cầu Gạch"), receivers=0)


def reach(db: Database, user: str, on: date = TODAY, right: Right = Right.WRITE_NEWS) -> Reach:
    with db.reading() as session:
        return Scope(grants.held_by(session, user, on=on), on, db).reach(right)


def person(session: Session, clock: ManualClock, name: str = "hoa") -> str:
    return add_person(session, clock, name, name.title()).id


def test_a_grant_holds_at_its_place_and_below_on_its_days(
    sqlite_db: Database, clock: ManualClock, place: Scene
) -> None:
    with sqlite_db.writing() as session:
        user, commune = person(session, clock), units.get(session, place.communes[0])
        village = units.add(session, kind="village", name="Thôn Một", parent=commune)
        until = TODAY + timedelta(days=7)
        grants.give(session, user, "editor", unit_id=commune.id, until=until, actor=SYSTEM, clock=clock)
    found = reach(sqlite_db, user)
    assert found.units == {commune.id, village.id}
    assert found.over == {place.province}
    assert found.covers(village.id)
    assert not found.covers(place.communes[1])
    assert not found.covers(None)  # the root
    assert not reach(sqlite_db, user, right=Right.APPROVE_NEWS)
    assert not reach(sqlite_db, user, on=until)
    assert not reach(sqlite_db, user, on=TODAY - timedelta(days=1))


def test_a_merged_commune_leads_on_and_a_group_to_its_members(
    sqlite_db: Database, clock: ManualClock, place: Scene
) -> None:
    first, second, third = place.communes
    later = TODAY + timedelta(days=30)
    with sqlite_db.writing() as session:
        officer, area = person(session, clock), person(session, clock, "lan")
        group = units.add_group(session, name="Khu vực 1", since=TODAY)
        units.join(session, group, units.get(session, third), TODAY)
        grants.give(session, officer, "officer", unit_id=first, actor=SYSTEM, clock=clock)
        grants.give(session, area, "editor", group_id=group.id, actor=SYSTEM, clock=clock)
        units.end(session, units.get(session, first), later, [units.get(session, second)])
        units.leave(session, group, units.get(session, third), later)
    assert reach(sqlite_db, officer).units == {first}
    assert reach(sqlite_db, officer, on=later).units == {first, second}  # what was at the old one too
    assert reach(sqlite_db, area).units == {third}
    assert not reach(sqlite_db, area, on=later)


def test_at_the_root_it_holds_everywhere_and_asks_nothing_of_the_tree(
    sqlite_db: Database, clock: ManualClock, place: Scene
) -> None:
    with sqlite_db.writing() as session:
        user = person(session, clock)
        given = grants.give(session, user, "editor", unit_id=place.province, actor=SYSTEM, clock=clock)
    assert given.unit_id is None
    found = reach(sqlite_db, user)
    assert found.everywhere
    assert not found.units
    assert found.covers(None, place.communes[0])


def test_what_makes_no_sense_is_refused(sqlite_db: Database, clock: ManualClock, place: Scene) -> None:
    with sqlite_db.writing() as session:
        user = person(session, clock)
        give: dict[str, Any] = {"unit_id": place.communes[0], "actor": SYSTEM, "clock": clock}
        grants.give(session, user, "approver", **give)
        with pytest.raises(Conflict, match="already"):
            grants.give(session, user, "approver", **give)
        with pytest.raises(Invalid, match="emperor"):
            grants.give(session, user, "emperor", **give)
        with pytest.raises(Invalid, match="today"):
            grants.give(session, user, "editor", since=TODAY - timedelta(days=9), until=TODAY, **give)
        root = grants.give(session, user, "admin", actor=SYSTEM, clock=clock)
        with pytest.raises(Conflict, match="administrator"):
            grants.end(session, root, actor=SYSTEM, clock=clock)


def test_a_substitute_holds_no_longer_than_whom_they_stand_in_for(
    sqlite_db: Database, clock: ManualClock, place: Scene
) -> None:
    right = Right.APPROVE_NEWS
    with sqlite_db.writing() as session:
        chief, other = person(session, clock), person(session, clock, "lan")
        own = grants.give(session, chief, "approver", unit_id=place.communes[0], actor=SYSTEM, clock=clock)
        until = TODAY + timedelta(days=3)
        grants.substitute(session, own.id, other, since=None, until=until, actor=SYSTEM, clock=clock)
    with sqlite_db.reading() as session:
        scope = Scope(grants.held_by(session, other, on=TODAY), TODAY, sqlite_db)
    assert scope.reach(right).units == {place.communes[0]}
    assert scope.stands_for(right, place.communes[0]) == "Hoa"
    assert not reach(sqlite_db, other, on=until, right=right)
    with sqlite_db.writing() as session:
        grants.end(session, grants.get(session, own.id), actor=SYSTEM, clock=clock)
    assert not reach(sqlite_db, other, right=right)


def test_what_accounts_held_before_they_hold_everywhere(empty_db: Database) -> None:
    migrations.upgrade(empty_db, "0020")
    person = (
        "INSERT INTO users (id, username, full_name, roles, password_hash, active, created_at, password_changed_at)"
        " VALUES (:id, :id, 'Hoa', '[\"admin\", \"editor\"]', '-', TRUE, :at, :at)"
    )
    with empty_db.writing() as session:
        session.execute(text(person), {"id": "01K00000000000000000000001", "at": "2026-07-01 00:00:00.000000"})
    migrations.upgrade(empty_db)
    with empty_db.reading() as session:
        held = grants.held_by(session, "01K00000000000000000000001", on=TODAY)
    assert sorted((one.role, one.unit_id, one.group_id) for one in held) == [
        ("admin", None, None),
        ("editor", None, None),
    ]
    migrations.downgrade(empty_db, "0020")
    with empty_db.reading() as session:
        assert "admin" in str(session.scalar(text("SELECT roles FROM users")))
