"""The pages of programmes: put together by plain forms in the order given, with what stands in the way told."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from api.pages.programmes import _moved
from tests.api.browsing import log_in
from tests.api.site import Site


def approved(site: Site, title: str) -> str:
    """The id of an approved version, made through the REST API."""
    editor, approver = site.as_("editor"), site.as_("approver")
    version = editor.post("/api/v1/bulletins", json={"title": title, "text": "Mời bà con họp."}).json()["versions"][0]
    path = f"/api/v1/versions/{version['id']}"
    sounds = [one["sha256"] for one in editor.post(f"{path}/render").json()["renditions"]]
    editor.post(f"{path}/submit")
    assert approver.post(f"{path}/approve", json={"sha256s": sounds}).status_code == 200
    return str(version["id"])


def _press(client: httpx.Client, keys: list[str], what: str, title: str = "Sáng") -> httpx.Response:
    token = re.search(r'name="form" value="([^"]+)"', client.get("/chuong-trinh/moi").text)
    assert token
    return client.post("/chuong-trinh/moi", data={"form": token[1], "title": title, "muc": keys, "viec": what})


def _keys(page: httpx.Response) -> list[str]:
    return re.findall(r'name="muc" value="([^"]+)"', page.text)


def test_a_programme_is_put_together_by_plain_forms(site: Site) -> None:
    version = approved(site, "Họp thôn")
    editor = site.as_("editor")
    begun = editor.get("/chuong-trinh/moi")
    assert _keys(begun) == ["chime:mở đầu", "chime:kết thúc"]
    more = _press(editor, _keys(begun), f"them:bulletin:{version}")
    assert _keys(more) == ["chime:mở đầu", f"bulletin:{version}", "chime:kết thúc"]
    kept = _press(editor, _keys(more), "luu")
    assert kept.status_code == 303
    shown = editor.get(kept.headers["location"]).text
    assert "Họp thôn" in shown
    assert "Chưa có lần phát nào sắp tới" in shown
    again = editor.get("/chuong-trinh/moi", params={"tu": kept.headers["location"].rpartition("/")[2]})
    assert _keys(again) == _keys(more)
    assert "Sáng" in editor.get("/chuong-trinh", params={"tim": "SANG"}).text
    assert "Không có chương trình nào như vậy" in editor.get("/chuong-trinh", params={"tim": "trưa"}).text


def test_what_cannot_be_kept_is_told_with_everything_as_it_was(site: Site) -> None:
    editor = site.as_("editor")
    draft = editor.post("/api/v1/bulletins", json={"title": "Họp", "text": "Mời họp."}).json()["versions"][0]["id"]
    keys = ["chime:mở đầu", f"bulletin:{draft}"]
    refused = _press(editor, keys, "luu")
    assert (refused.status_code, "chưa gửi duyệt" in refused.text) == (409, True)
    assert _keys(refused) == keys
    for wrong, status in ((["chime:không có"], 422), (["bulletin:01K00000000000000000000000"], 404), ([], 422)):
        answer = _press(editor, wrong, "luu")
        assert (answer.status_code, 'role="alert"' in answer.text) == (status, True), wrong
    assert "1 chương trình" in editor.get("/chuong-trinh").text  # the scene's own
    assert site.as_("auditor").get("/chuong-trinh/moi").status_code == 403


@pytest.mark.parametrize(
    ("what", "order"),
    [
        ("len:1", "bac"), ("len:0", "abc"), ("xuong:0", "bac"), ("xuong:2", "abc"), ("bo:1", "ac"), ("bo:9", "abc"),
        ("them:d", "abcd"), ("gì đó", "abc"), ("len:x", "abc"),
    ],
)  # fmt: skip
def test_each_button_does_one_thing(what: str, order: str) -> None:
    assert "".join(_moved(list("abc"), what)) == order


@pytest.mark.service("chromium")
def test_on_the_spot_in_a_browser(page: Page, site: Site) -> None:
    for title in ("Tin một", "Tin hai"):
        approved(site, title)
    log_in(page, "editor")
    page.goto("/chuong-trinh/moi")
    page.get_by_label("Tên chương trình").fill("Chiều")
    add = page.locator(".offered").first.get_by_role("button")
    add.nth(0).click()
    add.nth(1).click()
    order = page.locator("#thu-tu .what")
    expect(order).to_have_text(["mở đầu nhạc hiệu", "Tin hai bản tin", "Tin một bản tin", "kết thúc nhạc hiệu"])
    page.get_by_role("button", name="Đưa lên: Tin một").press("Enter")
    expect(order.nth(1)).to_have_text("Tin một bản tin")
    rows = page.locator("#thu-tu > li")
    rows.nth(1).drag_to(rows.nth(2), source_position={"x": 60, "y": 20}, target_position={"x": 60, "y": 45})
    expect(order.nth(2)).to_have_text("Tin một bản tin")
    page.get_by_role("button", name="Bỏ ra: Tin hai").click()
    expect(order).to_have_count(3)
    page.get_by_role("button", name="Lưu chương trình").click()
    expect(page.locator(".running.fixed .what")).to_have_text(
        ["mở đầu nhạc hiệu", "Tin một bản tin", "kết thúc nhạc hiệu"]
    )
