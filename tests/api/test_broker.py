"""A broker that asks who may connect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from core.clock import ManualClock
from core.database import Database
from devices import passwords
from devices.tables import Receiver
from tests.api.scene import Scene
from tests.api.site import Site, make_context, running

SECRET = "only the broker knows this"
PASSWORD = "the box's own"


@pytest.fixture
def receiver(sqlite_db: Database, scene: Scene) -> str:
    """An enrolled receiver whose password is known here."""
    with sqlite_db.writing() as session:
        receiver = session.scalars(select(Receiver.id)).first()
        assert receiver is not None
        stored = passwords.hashed(PASSWORD)
        session.execute(update(Receiver).where(Receiver.id == receiver).values(broker_password=stored))
    return receiver


@pytest.fixture
def asked(sqlite_db: Database, clock: ManualClock, tmp_path: Path, receiver: str) -> Iterator[Site]:
    with running(make_context(sqlite_db, clock, tmp_path / "site", broker_hook_secret=SECRET)) as site:
        yield site


def ask(site: Site, username: str, password: str, secret: str = SECRET) -> object:
    headers = {"x-broker-secret": secret} if secret else {}
    body = {"username": username, "password": password}
    answer = site.client().post("/internal/broker/login", json=body, headers=headers)
    return answer.json() if answer.status_code == 200 else answer.status_code


def test_a_receiver_with_its_password_may_connect(asked: Site, receiver: str) -> None:
    assert ask(asked, receiver, PASSWORD, SECRET) == {"result": "allow", "is_superuser": False}


def test_nobody_else_may(asked: Site, receiver: str) -> None:
    for username, password in ((receiver, "wrong"), ("server", PASSWORD), ("", "")):
        assert ask(asked, username, password) == {"result": "deny", "is_superuser": False}


def test_a_revoked_receiver_may_not(asked: Site, receiver: str) -> None:
    with asked.db.writing() as session:
        session.execute(update(Receiver).where(Receiver.id == receiver).values(status="revoked"))
    assert ask(asked, receiver, PASSWORD) == {"result": "deny", "is_superuser": False}


def test_without_the_secret_nothing_is_there(asked: Site, receiver: str) -> None:
    assert ask(asked, receiver, PASSWORD, "") == 404
    assert ask(asked, receiver, PASSWORD, "a guess") == 404


def test_where_no_secret_is_set_nobody_may_ask(site: Site, receiver: str) -> None:
    assert ask(site, receiver, PASSWORD, "") == 404
