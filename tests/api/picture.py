"""The picture of the console in the README: `python -m tests.api.picture docs/console-today.png`."""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from playwright.sync_api import sync_playwright

from core import migrations
from core.clock import ShiftedClock
from core.database import Database
from tests.api.browsing import FLAGS
from tests.api.scene import PASSWORD, ZONE, add_cast, add_day, add_leader, add_places
from tests.api.site import make_context, running
from tests.support.services import require

AT = datetime(2026, 7, 30, 17, 4, 10, tzinfo=ZONE)


def take(target: Path) -> None:
    """An afternoon in five made-up communes."""
    clock = ShiftedClock.starting_at(AT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        db = Database(f"sqlite:///{folder / 'picture.db'}")
        migrations.upgrade(db)
        with db.writing() as session:
            add_cast(session, clock)
            add_day(session, add_places(session, clock), clock)
            add_leader(session, expires_at=time.time() + 3600)
        with running(make_context(db, clock, folder)) as site, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=str(require("chromium")), args=FLAGS)
            page = browser.new_page(viewport={"width": 1366, "height": 980}, color_scheme="light")
            page.goto(site.url)
            page.fill("#username", "operator")
            page.fill("#password", PASSWORD)
            page.click("button.main")
            page.wait_for_selector(".link.on")
            page.screenshot(path=target)
            browser.close()
        db.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]))
