"""The pictures of the console in the README: `python -m tests.api.picture docs`."""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy.orm import Session

from core import migrations
from core.clock import Clock, ShiftedClock
from core.database import Database
from tests.api.browsing import FLAGS
from tests.api.scene import PASSWORD, ZONE, Scene, add_airing, add_cast, add_day, add_leader, add_places
from tests.api.site import make_context, running
from tests.support.services import require

AT = datetime(2026, 7, 30, 17, 4, 10, tzinfo=ZONE)


TEXT = """Kính thưa bà con! Thực hiện Quyết định số 27/QĐ-UBND ngày 09/02/2026 của UBND tỉnh, UBND xã Suối Mơ thông \
báo lịch tiêm phòng đợt 2 cho đàn gia súc.

Thời gian: từ 7h30 đến 11h các ngày 3, 4 và 5/8 tại nhà văn hóa các thôn. Mỗi hộ nộp 15.000đ/con. Mọi thắc mắc xin gọi \
số 0204.3855.114 hoặc gặp cán bộ KNQZ của xã, bà con lưu ý lưu ý giữ trật tự."""


def take(folder: Path) -> None:
    """An afternoon in five made-up communes: the day, a bulletin while it is written, the week of one of them."""
    clock = ShiftedClock.starting_at(AT)
    with tempfile.TemporaryDirectory() as name:
        data = Path(name)
        db = Database(f"sqlite:///{data / 'picture.db'}")
        migrations.upgrade(db)
        with db.writing() as session:
            add_cast(session, clock)
            scene = add_places(session, clock)
            add_day(session, scene, clock)
            _add_week(session, scene, clock)
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
            today.goto(f"{site.url}/lich/bang?noi={scene.communes[1]}")
            today.screenshot(path=folder / "console-week.png")
            browser.close()
        db.close()


def _add_week(session: Session, scene: Scene, clock: Clock) -> None:
    """What the second commune airs on the days around today."""
    commune = [scene.communes[1]]
    for title, hour, minute, days in (
        ("Chương trình sáng", 5, 0, (-3, -2, -1, 1, 2, 3)),
        ("Bản tin xã", 11, 0, (-2, 0, 2)),
        ("Bản tin chiều", 17, 30, (-3, -1, 1, 2, 3)),
        ("An toàn giao thông", 18, 15, (1, 3)),
    ):
        for day in days:
            at = AT.replace(hour=hour, minute=minute, second=0) + timedelta(days=day)
            status = "closed" if at < clock.now() else "scheduled"
            add_airing(session, scene, clock, title, at, unit_ids=commune, status=status)


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
