"""The page of sessions: a slot is filled at many communes at once, each told by itself, taken back, a week copied."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.api.browsing import log_in
from tests.api.scene import Scene, add_places
from tests.api.site import Site
from tests.api.test_programme_pages import approved

MINUTE = 60_000
TWELVE = tuple(f"Xã Số {number}" for number in range(1, 13))


@pytest.fixture
def programme(site: Site) -> str:
    items = [{"chime": "mở đầu"}, {"version_id": approved(site, "Họp thôn")}]
    made = site.as_("editor").post("/api/v1/programmes", json={"title": "Tin thôn", "items": items})
    return str(made.json()["id"])


@pytest.fixture
def twelve(site: Site, scene: Scene) -> list[str]:
    """A session this evening at twelve communes, each of which fills five minutes for itself."""
    with site.db.writing() as session:
        communes = add_places(session, site.context.clock, TWELVE, receivers=1).communes
    _session(site, scene, communes)
    return communes


def _session(site: Site, scene: Scene, communes: list[str], title: str = "Buổi chiều", at: str = "17:00") -> None:
    slots = [
        {"kind": "relay", "title": "Tiếp sóng", "length_ms": 10 * MINUTE, "source": "vov1"},
        {"kind": "programme", "title": "Xã", "length_ms": 5 * MINUTE, "each_commune": True, "fill_by_min": 30},
    ]
    rule = {"kind": "daily", "first_date": "2026-07-28", "local_time": at}
    body = {"title": title, "rule": rule, "unit_ids": communes, "slots": slots, "owner_id": scene.province}
    made = site.as_("operator").post("/api/v1/sessions", json=body)
    assert made.status_code == 201, made.text


def _hidden(page: str, action: str) -> dict[str, list[str]]:
    form = re.search(rf'<form[^>]*action="{action}".*?</form>', page, re.DOTALL)
    assert form, page
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0]):
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.service("chromium")
def test_this_evening_is_filled_for_twelve_communes_at_once(
    page: Page, site: Site, twelve: list[str], programme: str
) -> None:
    log_in(page)
    page.goto("/buoi-phat")
    expect(page.locator(".lead")).to_have_text("12 chỗ chưa xếp.")
    page.get_by_label("Xã Số 12", exact=True).uncheck(force=True)
    page.get_by_role("button", name="Chỉ nơi chưa xếp").click()
    page.get_by_label("Chương trình").select_option("Tin thôn")
    page.get_by_role("button", name="Xếp", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Đã xếp 12/12 chỗ")
    expect(page.locator(".told li")).to_have_count(12)
    page.get_by_role("link", name="Xong").click()
    expect(page.locator(".lead")).to_have_text("Mọi khung đã có chương trình.")
    page.get_by_role("button", name="Bỏ xếp 12 xã").click()
    expect(page.locator(".lead")).to_have_text("12 chỗ chưa xếp.")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def _filled(operator: httpx.Client, twelve: list[str], programme: str) -> httpx.Response:
    given = _hidden(operator.get("/buoi-phat").text, "/buoi-phat/xep")
    return operator.post("/buoi-phat/xep", data=given | {"place_ids": twelve, "programme_id": programme})


def test_each_commune_is_told_by_itself(site: Site, scene: Scene, twelve: list[str], programme: str) -> None:
    operator = site.as_("operator")
    told = _filled(operator, [*twelve[:2], scene.communes[0]], programme)
    assert "Đã xếp 2/3 chỗ" in told.text
    assert "không thuộc nơi nhận" in told.text
    back = _hidden(told.text, "/buoi-phat/bo-xep")
    assert len(back["filling"]) == 2
    undone = operator.post("/buoi-phat/bo-xep", data=back)
    assert "12 chỗ chưa xếp" in undone.text
    again = operator.post("/buoi-phat/bo-xep", data=back)
    assert again.status_code == 404
    assert "12 chỗ chưa xếp" in again.text


def test_what_was_not_chosen_is_asked_for(site: Site, twelve: list[str], programme: str) -> None:
    operator = site.as_("operator")
    given = _hidden(operator.get("/buoi-phat").text, "/buoi-phat/xep")
    for more, said in (
        ({"place_ids": twelve[0]}, "chưa chọn chương trình"),
        ({"programme_id": programme}, "chưa đánh dấu xã nào"),
    ):
        refused = operator.post("/buoi-phat/xep", data=given | more)
        assert refused.status_code == 422
        assert said in refused.text
    assert operator.get("/buoi-phat", params={"ngay": "1850-01-01"}).status_code == 422


def test_a_week_is_copied_after_a_look(site: Site, twelve: list[str], programme: str) -> None:
    operator = site.as_("operator")
    _filled(operator, twelve[:3], programme)
    looked = operator.get("/buoi-phat/chep-tuan", params={"tu": "2026-07-27", "sang": "2026-08-03"})
    assert "sẽ xếp 3/3 chỗ" in looked.text
    assert "12 chỗ chưa xếp" in operator.get("/buoi-phat", params={"ngay": "2026-08-04"}).text
    done = operator.post("/buoi-phat/chep-tuan", data=_hidden(looked.text, "/buoi-phat/chep-tuan"))
    assert "đã xếp 3/3 chỗ" in done.text
    assert "9 chỗ chưa xếp" in operator.get("/buoi-phat", params={"ngay": "2026-08-04"}).text
    auditor = site.as_("auditor").get("/buoi-phat").text
    assert "Bỏ xếp" not in auditor
    assert "Chép tuần" not in auditor
