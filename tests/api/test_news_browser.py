"""A bulletin's way in a real browser: written with its reading beside it, spoken, given back, mended, approved."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api.browsing import log_in
from tests.api.site import Site

pytestmark = pytest.mark.service("chromium")


def test_from_the_first_word_to_the_approval(page: Page, browser: Browser, site: Site) -> None:
    log_in(page, "editor")
    page.get_by_role("link", name="Bản tin").click()
    page.get_by_role("link", name="Viết bản tin mới").click()
    page.get_by_label("Tiêu đề").fill("Tiêm phòng đợt 2")
    page.get_by_label("Nội dung").fill("Họp ngày 30/7 với KNQZ.")
    reading = page.locator("#doc")
    expect(reading).to_contain_text("ba mươi tháng bảy")
    page.get_by_role("button", name="viết thành").click()
    expect(page.get_by_label("Nội dung")).to_have_value(re.compile("^Họp ngày 30/7 với ca en quy dét.$"))
    expect(reading.locator(".doubts")).to_have_count(0)

    page.goto("/ban-tin")  # away before saving: what was typed is still there
    page.goto("/ban-tin/moi")
    page.get_by_role("button", name="Lấy lại").click()
    expect(page.get_by_label("Tiêu đề")).to_have_value("Tiêm phòng đợt 2")
    page.get_by_role("button", name="Lưu bản tin").click()
    page.get_by_role("button", name="Tạo âm thanh").click()
    expect(page.locator("audio")).to_have_count(2)
    page.get_by_role("button", name="Gửi duyệt").click()
    expect(page.locator(".facts")).to_contain_text("chờ duyệt")

    context = browser.new_context(base_url=site.url, viewport={"width": 390, "height": 844})
    other = context.new_page()
    log_in(other, "approver")
    other.goto(page.url)
    sound = other.locator("audio").first
    sound.evaluate("audio => audio.play()")
    expect(sound).to_have_js_property("error", None)
    approve = other.get_by_role("button", name="Duyệt cho phát")
    approve.click()
    expect(other.locator(".facts")).to_contain_text("chờ duyệt")  # not before it is said that both were heard
    other.get_by_label("Tôi đã nghe cả hai bản").check()
    approve.click()
    expect(other.locator(".facts")).to_contain_text("đã duyệt")
    assert other.evaluate("document.documentElement.scrollWidth <= window.innerWidth")  # nothing to be pushed aside
    context.close()
    page.goto("/ban-tin/moi")
    expect(page.locator("#con-nhap")).to_be_hidden()  # saved, so no longer kept
