"""The week board: what airs when at a commune or a receiver, quiet hours, and moving what airs with a look before."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from core.clock import ManualClock
from schedules.tables import Airing, Schedule
from tests.api.browsing import log_in
from tests.api.scene import ZONE, Scene
from tests.api.site import Site
from tests.api.test_programme_pages import approved
from tests.api.test_slot_pages import _session


@pytest.fixture
def programme(site: Site) -> str:
    items = [{"chime": "mở đầu"}, {"version_id": approved(site, "Họp thôn")}]
    made = site.as_("editor").post("/api/v1/programmes", json={"title": "Tin thôn", "items": items})
    return str(made.json()["id"])


def _schedule(site: Site, programme: str, unit: str, rule: dict[str, Any], title: str = "Tin thôn") -> str:
    body = {"title": title, "programme_id": programme, "rule": rule, "unit_ids": [unit]}
    made = site.as_("operator").post("/api/v1/schedules", json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


WEEKLY = {"kind": "weekly", "first_date": "2026-07-28", "local_time": "17:00", "weekdays": [2, 4]}
DAILY = {"kind": "daily", "first_date": "2026-07-28", "local_time": "17:00"}


def _starts(site: Site) -> list[str]:
    """When what stands this week airs, in local time."""
    with site.db.reading() as session:
        rows = session.scalars(select(Airing).where(Airing.status != "cancelled").order_by(Airing.starts_at)).all()
    return [f"{row.starts_at.astimezone(ZONE):%d %H:%M}" for row in rows][:3]


def _airing(site: Site, schedule: str, position: int = 0) -> str:
    with site.db.reading() as session:
        rows = session.scalars(
            select(Airing)
            .where(Airing.schedule_id == schedule, Airing.status != "cancelled")
            .order_by(Airing.starts_at)
        ).all()
        return rows[position].id


def _move(operator: httpx.Client, airing: str, **wanted: str) -> httpx.Response:
    token = re.search(r'name="form" value="([^"]+)"', operator.get(f"/lich/doi/{airing}").text)
    assert token
    return operator.post(f"/lich/doi/{airing}", data={"form": token[1]} | wanted)


def _undo(operator: httpx.Client, address: str) -> None:
    page = operator.get(address).text
    form = re.search(r'<form method="post" action="(/lich/tra-lai/[^"]+)">(.*?)</form>', page, re.DOTALL)
    assert form, page
    given = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form[2]))
    answer = operator.post(form[1], data=given)
    assert answer.status_code == 303, answer.text
    assert "Hoàn tác" not in operator.get(answer.headers["location"]).text


@pytest.mark.service("chromium")
def test_a_card_is_dragged_looked_at_moved_and_taken_back(page: Page, site: Site, scene: Scene, programme: str) -> None:
    commune = scene.communes[0]
    schedule = _schedule(site, programme, commune, WEEKLY)
    log_in(page)
    page.goto(f"/lich/bang?noi={commune}")
    card = page.locator(".card.movable").first
    expect(card).to_contain_text("17:00")
    card.drag_to(page.locator("td[data-day='2026-07-29'][data-hour='18']"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Dời “Tin thôn” sang lúc nào?")
    expect(page.locator("#truoc")).to_contain_text("Không vướng gì.")
    page.get_by_label("Giờ", exact=True).fill("22:00")  # quiet hours: told before anything is saved
    expect(page.locator("#truoc")).to_contain_text("giờ yên tĩnh")
    page.get_by_label("Giờ", exact=True).fill("18:00")
    expect(page.locator("#truoc")).to_contain_text("Không vướng gì.")
    page.get_by_role("button", name="Dời sang ngày mai 18:00").click()
    expect(page.get_by_role("status").first).to_contain_text("Đã dời từ hôm nay 17:00 sang ngày mai 18:00")
    assert _starts(site)[:2] == ["29 18:00", "30 17:00"]
    page.get_by_role("button", name="Hoàn tác").click()
    expect(page.get_by_role("button", name="Hoàn tác")).to_have_count(0)
    assert _starts(site)[:2] == ["28 17:00", "30 17:00"]
    # The same by the keyboard alone.
    page.locator(".card.movable").first.focus()
    page.keyboard.press("d")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#noi-ra")).to_contain_text("Thứ Tư")
    page.keyboard.press("Enter")
    page.wait_for_url("**/lich/doi/**")
    expect(page.get_by_label("Ngày", exact=True)).to_have_value("2026-07-29")
    expect(page.get_by_label("Giờ", exact=True)).to_have_value("18:00")
    assert _starts(site)[0] == "28 17:00"
    assert schedule


@pytest.mark.parametrize(
    ("rule", "scope", "day", "at", "after"),
    [
        (WEEKLY, "tat-ca", "2026-07-29", "17:30", ["29 17:30", "30 17:30", "05 17:30"]),
        (DAILY, "tat-ca", "2026-07-28", "18:00", ["28 18:00", "29 18:00", "30 18:00"]),
        (DAILY, "lan-nay", "2026-07-29", "11:00", ["29 11:00", "29 17:00", "30 17:00"]),
    ],
)
def test_one_or_all_are_moved_and_taken_back(
    site: Site, scene: Scene, programme: str, rule: dict[str, Any], scope: str, day: str, at: str, after: list[str]
) -> None:
    schedule = _schedule(site, programme, scene.communes[0], rule)
    before = _starts(site)
    operator = site.as_("operator")
    done = _move(operator, _airing(site, schedule), ngay=day, gio=at, pham_vi=scope)
    assert done.status_code == 303, done.text
    assert _starts(site) == after
    _undo(operator, done.headers["location"])
    assert _starts(site) == before


def test_this_and_the_following_leave_what_was_before(site: Site, scene: Scene, programme: str) -> None:
    schedule = _schedule(site, programme, scene.communes[0], DAILY)
    operator = site.as_("operator")
    done = _move(operator, _airing(site, schedule, 1), ngay="2026-07-29", gio="18:15", pham_vi="tu-day")
    assert done.status_code == 303, done.text
    assert _starts(site) == ["28 17:00", "29 18:15", "30 18:15"]
    with site.db.reading() as session:
        assert len(session.scalars(select(Schedule)).all()) == 2
    _undo(operator, done.headers["location"])
    assert _starts(site) == ["28 17:00", "29 17:00", "30 17:00"]


def test_what_cannot_be_moved_says_why(site: Site, scene: Scene, programme: str) -> None:
    schedule = _schedule(site, programme, scene.communes[0], DAILY)
    operator, airing = site.as_("operator"), _airing(site, schedule)
    for wanted, said in (
        ({"ngay": "2026-07-30", "gio": "17:00", "pham_vi": "tat-ca"}, "chỉ dời được giờ"),
        ({"ngay": "2026-07-28", "gio": "17:00"}, "không có gì để dời"),
        ({"ngay": "2026-07-28", "gio": "22:00"}, "giờ yên tĩnh"),
        ({"ngay": "mai", "gio": "22:00"}, "ngày chưa đúng"),
        ({"ngay": "2026-07-27", "gio": "17:00"}, "đã qua"),
    ):
        refused = _move(operator, airing, **wanted)
        assert refused.status_code in {409, 422}
        assert said in refused.text
    assert _starts(site)[0] == "28 17:00"
    assert operator.get("/lich/doi/01K00000000000000000000000").status_code == 404
    away = _move(operator, airing, ngay="2026-07-28", gio="18:00", ve="https://example.org/lich/bang")
    assert away.headers["location"].startswith("/lich/bang?tu=2026-07-28&doi=")


def test_a_session_is_one_card_and_moves_as_a_whole(site: Site, scene: Scene, clock: ManualClock) -> None:
    commune = scene.communes[0]
    _session(site, scene, [commune])
    operator = site.as_("operator")
    shown = operator.get("/lich/bang", params={"noi": commune}).text
    assert len(re.findall(r'class="card', shown)) == 6  # Tuesday to Sunday
    assert "1 chờ xếp" in shown
    with site.db.reading() as session:
        airing = session.scalars(select(Airing).order_by(Airing.starts_at.desc())).first()
        assert airing is not None
        last = airing.id
    looked = operator.get(f"/lich/doi/{last}", params={"gio": "18:00", "pham-vi": "tat-ca"})
    assert looked.status_code == 200
    assert "Các lần phát tới" in looked.text
    done = _move(operator, last, gio="18:00", pham_vi="lan-nay")
    assert done.status_code == 303, done.text
    with site.db.reading() as session:
        standing = session.scalars(select(Airing).where(Airing.status != "cancelled")).all()
        latest = sorted(one.starts_at.astimezone(ZONE) for one in standing)[-2:]
    assert [f"{at:%H:%M}" for at in latest] == ["18:00", "18:10"]
    assert clock.now() + timedelta(days=1) < latest[0]


def test_the_board_of_a_receiver_and_of_who_only_looks(site: Site, scene: Scene, programme: str) -> None:
    commune = scene.communes[0]
    _schedule(site, programme, commune, DAILY)
    body = {"title": "Riêng một hộp", "programme_id": programme, "rule": DAILY | {"local_time": "11:00"}}
    body |= {"receiver_ids": scene.receivers[commune][:1]}
    assert site.as_("operator").post("/api/v1/schedules", json=body).status_code == 201
    auditor = site.as_("auditor")
    for box, expected in zip(scene.receivers[commune], (True, False), strict=True):
        shown = auditor.get("/lich/bang", params={"cho": box}).text
        assert ("Riêng một hộp" in shown) is expected
        assert "Tin thôn" in shown
        assert "movable" not in shown
    assert "giờ yên tĩnh" in auditor.get("/lich/bang").text
    assert auditor.get("/lich/bang", params={"tu": "1850-01-01"}).status_code == 422
    assert auditor.get("/lich/bang", params={"noi": "01K00000000000000000000000"}).status_code == 404
