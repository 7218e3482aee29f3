"""What the tests in a real browser share: how Chromium is started, and logging in."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.api.scene import PASSWORD

# Without these Chromium looks for Google's hosts at every start.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def log_in(page: Page, username: str = "operator") -> None:
    page.goto("/")
    page.get_by_label("Tên đăng nhập").fill(username)
    page.get_by_label("Mật khẩu").fill(PASSWORD)
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hôm nay phát gì, ở đâu, có ổn không?")
