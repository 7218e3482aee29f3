"""The pages of the timetable: a schedule is set up by a plain form, with what will be heard beside it, and ended."""

from __future__ import annotations

import re
from datetime import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from api.pages.scheduling import _by_the_minute, read_time
from core.errors import Invalid
from tests.api.browsing import log_in
from tests.api.scene import Scene
from tests.api.site import Site
from tests.api.test_programme_pages import approved


def _programme(site: Site) -> str:
    items = [{"chime": "mở đầu"}, {"version_id": approved(site, "Họp thôn")}]
    made = site.as_("editor").post("/api/v1/programmes", json={"title": "Tin thôn", "items": items})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def _set(client: httpx.Client, given: dict[str, Any], what: str = "luu") -> httpx.Response:
    token = re.search(r'name="form" value="([^"]+)"', client.get("/lich/moi").text)
    assert token
    fields = {"form": token[1], "kind": "once", "first": "2026-07-29", "at": "17:00", "title": "", "viec": what}
    return client.post("/lich/moi", data=fields | given)


def test_a_schedule_is_set_up_looked_at_and_ended(site: Site, scene: Scene) -> None:
    programme = _programme(site)
    operator = site.as_("operator")
    given = {
        "programme_id": programme,
        "kind": "weekly",
        "weekday": ["1", "5"],
        "unit": scene.communes[:2],
        "at": "5h30",
    }
    looked = _set(operator, given, "xem")
    assert looked.status_code == 200
    assert "Không vướng gì" in looked.text
    assert "4 bộ thu" in looked.text
    assert looked.text.count("<b>05:30</b>") == 10
    saved = _set(operator, given)
    assert saved.status_code == 303, saved.text
    address = saved.headers["location"]
    shown = operator.get(address).text
    assert "05:30 Thứ Hai, Thứ Sáu, từ 29/7/2026" in shown
    assert "Hủy <b>4 lần phát</b>" in shown
    token = re.search(r'name="form" value="([^"]+)"', shown)
    first = re.search(r'action="(/lich/[^"]+/huy-lan/[^"]+)"', shown)
    assert token
    assert first
    assert operator.post(first[1], data={"form": token[1]}).status_code == 303
    assert "Hủy <b>3 lần phát</b>" in operator.get(address).text
    assert "Tin thôn" in operator.get("/lich", params={"tim": "TIN thon"}).text
    assert operator.post(f"{address}/huy", data={"form": token[1]}).status_code == 303
    assert "Tin thôn" not in operator.get("/lich").text
    assert "Tin thôn" in operator.get("/lich", params={"het": "1"}).text


def test_quiet_hours_are_told_with_a_way_out_and_refused(site: Site, scene: Scene) -> None:
    programme = _programme(site)
    operator = site.as_("operator")
    given = {"programme_id": programme, "unit": scene.communes[:1], "at": "22:00"}
    refused = _set(operator, given)
    assert refused.status_code == 422
    assert "giờ yên tĩnh" in refused.text
    mend = re.search(r'value="gio:(20:5\d)"', refused.text)
    assert mend
    mended = _set(operator, given, f"gio:{mend[1]}")
    assert f'value="{mend[1]}"' in mended.text
    assert "Không vướng gì" in mended.text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"programme_id": ""}, "chưa chọn chương trình"),
        ({"unit": []}, "chưa chọn nơi phát"),
        ({"kind": "weekly"}, "chưa chọn thứ nào"),
        ({"kind": "mãi"}, "hãy chọn một lần"),
        ({"first": "mai"}, "ngày phát đầu tiên chưa đúng"),
        ({"kind": "daily", "last": "2026-07-01"}, "ngày"),
        ({"at": "25:00"}, "giờ phát chưa đúng"),
        ({"at": ""}, "giờ phát chưa đúng"),
        ({"first": "2020-01-01"}, ""),
    ],
)
def test_what_is_missing_or_wrong_is_said(site: Site, scene: Scene, given: dict[str, Any], said: str) -> None:
    right = {"programme_id": scene.programme, "unit": scene.communes[:1]}
    refused = _set(site.as_("operator"), right | given)
    assert 400 <= refused.status_code < 500
    alert = re.search(r'role="alert" id="loi"><p>([^<]+)', refused.text)
    assert alert
    assert said in alert[1]


@pytest.mark.parametrize(
    ("text", "at"),
    [("5h30", time(5, 30)), ("17:00", time(17)), ("17h", time(17)), (" 6.15 ", time(6, 15)), ("5 giờ", time(5))],
)
def test_a_time_is_read_as_people_write_it(text: str, at: time) -> None:
    assert read_time(text) == at


@pytest.mark.parametrize("text", ["", "25:00", "năm giờ", "5:75", "-1:00", "5:3:1"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_time(text)


def test_a_mend_is_offered_by_the_minute_on_its_safe_side() -> None:
    assert _by_the_minute(time(20, 58, 26), later=False) == "20:58"
    assert _by_the_minute(time(17, 12, 1), later=True) == "17:13"
    assert _by_the_minute(time(17, 12), later=True) == "17:12"


@pytest.mark.service("chromium")
def test_it_is_seen_while_it_is_chosen(page: Page, site: Site, scene: Scene) -> None:
    programme = _programme(site)
    log_in(page, "operator")
    page.goto(f"/lich/moi?chuong-trinh={programme}")
    expect(page.get_by_label("Tên lịch")).to_have_value("Tin thôn")
    page.get_by_label("Hằng ngày").check()
    page.get_by_role("button", name="17:30").click()
    page.get_by_label("Xã Suối Mơ").check()
    shown = page.locator("#truoc")
    expect(shown).to_contain_text("2 bộ thu")
    page.get_by_label("Tỉnh Sông Bùi").check()  # covers what is below it
    expect(page.get_by_label("Xã Suối Mơ")).to_be_disabled()
    expect(shown).to_contain_text("10 bộ thu")
    page.get_by_label("Giờ phát, ví dụ 17:00").fill("22:00")
    expect(shown).to_contain_text("giờ yên tĩnh")
    shown.get_by_role("button", name="Đổi sang 20:5").click()
    expect(shown).to_contain_text("Không vướng gì")
    page.get_by_role("button", name="Lưu lịch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tin thôn")
    expect(page.locator(".airings")).to_contain_text("20:5")
