"""The pictures of the console in the README: `python -m tests.api.picture docs`."""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from core import migrations
from core.clock import ShiftedClock
from core.database import Database
from tests.api.browsing import FLAGS
from tests.api.scene import PASSWORD, ZONE, add_cast, add_day, add_leader, add_places
from tests.api.site import make_context, running
from tests.support.services import require

AT = datetime(2026, 7, 30, 17, 4, 10, tzinfo=ZONE)


TEXT = """Kính thưa bà con! Thực hiện Quyết định số 27/QĐ-UBND ngày 09/02/2026 của UBND tỉnh, UBND xã Suối Mơ thông \
báo lịch tiêm phòng đợt 2 cho đàn gia súc.

Thời gian: từ 7h30 đến 11h các ngày 3, 4 và 5/8 tại nhà văn hóa các thôn. Mỗi hộ nộp 15.000đ/con. Mọi thắc mắc xin gọi \
số 0204.3855.114 hoặc gặp cán bộ KNQZ của xã, bà con lưu ý lưu ý giữ trật tự."""


def take(folder: Path) -> None:
    """An afternoon in five made-up communes: the day, and a bulletin while it is written."""
    clock = ShiftedClock.starting_at(AT)
    with tempfile.TemporaryDirectory() as name:
        data = Path(name)
        db = Database(f"sqlite:///{data / 'picture.db'}")
        migrations.upgrade(db)
        with db.writing() as session:
            add_cast(session, clock)
            add_day(session, add_places(session, clock), clock)
            add_leader(session, expires_at=time.time() + 3600)
        with running(make_context(db, clock, data)) as site, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=str(require("chromium")), args=FLAGS)
            today = _logged_in(browser, site.url, "operator")
            today.wait_for_selector(".link.on")
            today.screenshot(path=folder / "console-today.png")
            writing = _logged_in(browser, site.url, "editor")
            writing.goto(f"{site.url}/ban-tin/moi")
            writing.fill("#title", "Tiêm phòng gia súc đợt 2")
            writing.fill("#text", TEXT)
            writing.wait_for_selector(".doubts")
            writing.screenshot(path=folder / "console-writing.png")
            browser.close()
        db.close()


def _logged_in(browser: Browser, url: str, username: str) -> Page:
    page = browser.new_page(viewport={"width": 1366, "height": 980}, color_scheme="light")
    page.goto(url)
    page.fill("#username", username)
    page.fill("#password", PASSWORD)
    page.click("button.main")
    page.wait_for_selector(".clock")
    return page


if __name__ == "__main__":
    take(Path(sys.argv[1]))
