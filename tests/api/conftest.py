"""A web process over a database with the cast of accounts in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.database import Database
from tests.api.scene import Scene, add_cast, add_places
from tests.api.site import Site, make_context, running


@pytest.fixture
def scene(sqlite_db: Database, clock: ManualClock) -> Scene:
    """The cast and five communes with two receivers each."""
    with sqlite_db.writing() as session:
        add_cast(session, clock)
        return add_places(session, clock)


@pytest.fixture
def site(sqlite_db: Database, clock: ManualClock, tmp_path: Path, scene: Scene) -> Iterator[Site]:
    with running(make_context(sqlite_db, clock, tmp_path / "site")) as running_site:
        yield running_site


@pytest.fixture
def any_site(db: Database, clock: ManualClock, tmp_path: Path) -> Iterator[Site]:
    """A site with the cast alone, over each kind of database in turn."""
    with db.writing() as session:
        add_cast(session, clock)
    with running(make_context(db, clock, tmp_path / "site")) as running_site:
        yield running_site
