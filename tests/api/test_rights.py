"""Every route is open by declaration or asks for a right; nothing is open by oversight."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from api.app import create_app
from api.auth.guard import Needs, public
from api.auth.rights import RIGHT_NAMES, RIGHTS, ROLE_NAMES, ROLES, Right, rights_of
from core.clock import ManualClock
from core.database import Database
from tests.api.site import Site, make_context

# What anyone may reach. A new entry here is a decision.
OPEN = {
    "POST /api/v1/enrolment",
    "POST /api/v1/renewal",
    "POST /api/v1/login",
    "GET /api/v1/openapi.json",
    "GET /healthz",
    "POST /internal/broker/login",  # asks for a secret of its own
    "GET /readyz",
    "GET /metrics",
    "GET /lich/{secret}.ics",  # the address is the key
    "GET /dang-nhap",
    "POST /dang-nhap",
    "GET /static/{name}",
    "GET /favicon.ico",
}


@dataclass(frozen=True, slots=True)
class Door:
    method: str
    path: str
    calls: tuple[Any, ...]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def needs(self) -> list[Right]:
        return [call.right for call in self.calls if isinstance(call, Needs)]

    @property
    def url(self) -> str:
        return re.sub(r"\{[^}]+\}", "01K00000000000000000000000", self.path)


def _calls(dependant: Dependant) -> Iterator[Any]:
    for one in dependant.dependencies:
        yield one.call
        yield from _calls(one)


def _doors(app: FastAPI) -> list[Door]:
    doors = []
    for context in iter_route_contexts(app.routes):
        calls = tuple(_calls(context.dependant)) if hasattr(context, "dependant") else ()
        doors += [Door(method, str(context.path), calls) for method in sorted(context.methods or {"?"})]
    return [door for door in doors if door.method != "HEAD"]


@pytest.fixture
def doors(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> list[Door]:
    return _doors(create_app(make_context(sqlite_db, clock, tmp_path)))


def test_every_route_says_who_may(doors: list[Door]) -> None:
    assert len(doors) > 60
    for door in doors:
        if door.name in OPEN:
            assert public in door.calls, f"{door.name} is meant to be open and doesn't say so"
            assert not door.needs
        else:
            assert len(door.needs) == 1, f"{door.name} asks for no right"
    assert {door.name for door in doors} >= OPEN


def test_no_door_opens_without_a_login(site: Site) -> None:
    doors = _doors(create_app(site.context))
    stranger = site.client()
    for door in doors:
        if door.name in OPEN:
            continue
        answer = stranger.request(door.method, door.url)
        if door.path.startswith("/api/"):
            assert answer.status_code == 401, door.name
            assert answer.json()["type"] == "/problems/not-logged-in"
        else:
            assert answer.status_code == 303, door.name
            assert answer.headers["location"].startswith("/dang-nhap?tiep=%2F")


def test_a_role_without_the_right_is_refused_everywhere(site: Site) -> None:
    """Each role at each door that isn't for it: refused with 403. The first role that a door is for is let in."""
    doors = [door for door in _doors(create_app(site.context)) if door.name not in OPEN]
    let_in = {"POST /api/v1/logout", "POST /dang-xuat", "GET /api/v1/live"}  # asking there would end the asking
    for role in ROLES:
        client = site.as_(role)
        for door in doors:
            if door.needs[0] not in RIGHTS[role]:
                answer = client.request(door.method, door.url)
                assert answer.status_code == 403, f"{role} at {door.name}: {answer.status_code}"
                assert _problem(answer) in {"/problems/forbidden", None}
            elif door.name not in let_in:
                let_in.add(door.name)
                answer = client.request(door.method, door.url)
                assert _problem(answer) != "/problems/forbidden", f"{role} at {door.name}"


def _problem(answer: httpx.Response) -> str | None:
    if "problem+json" in answer.headers.get("content-type", ""):
        return str(answer.json()["type"])
    return None


def test_writing_approving_and_managing_are_in_different_hands() -> None:
    for role in ROLES:
        assert not {Right.WRITE_NEWS, Right.APPROVE_NEWS} <= RIGHTS[role]
    assert Right.APPROVE_NEWS not in RIGHTS["admin"]
    changing = {Right.MANAGE_USERS, Right.WRITE_UNITS, Right.MANAGE_RECEIVERS, Right.WRITE_NEWS, Right.STOP_SOUND}
    assert not RIGHTS["auditor"] & changing


def test_rights_add_up_and_unknown_roles_give_none() -> None:
    assert rights_of(["editor", "approver"]) == RIGHTS["editor"] | RIGHTS["approver"]
    assert rights_of(["emperor"]) == frozenset()
    assert set(ROLE_NAMES) == set(ROLES)
    assert set(RIGHT_NAMES) == set(Right)
    assert all(name.count(" / ") == 1 for name in RIGHT_NAMES.values())
