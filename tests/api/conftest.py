"""A web process over a database with the cast of accounts in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from core.clock import ManualClock
from core.database import Database
from tests.api.browsing import FLAGS
from tests.api.scene import Scene, add_cast, add_places
from tests.api.site import Site, make_context, running
from tests.support.services import require


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = require("chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(path), args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A page that must not complain: neither of our own policy nor of a script that fails."""
    context = browser.new_context(base_url=site.url, locale="vi-VN")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    # What a test itself cuts off is no complaint.
    assert [complaint for complaint in complaints if "net::ERR_FAILED" not in complaint] == []
