"""Local days, single occurrences and calendars by the API, and the week's sheet."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import httpx
import pytest
from icalendar import Calendar

from core.clock import ManualClock
from core.events import Event
from tests.api.scene import ZONE, Scene
from tests.api.site import Site

TUESDAY = datetime(2026, 7, 28, 6, 0, tzinfo=ZONE)
FAIR = {
    "name": "Chợ phiên",
    "reason": "Chợ phiên của xã, đường đông",
    "days": "dates",
    "first_date": "2026-07-29",
    "last_date": "2026-07-29",
}


@pytest.fixture
def desk(site: Site, scene: Scene, clock: ManualClock) -> httpx.Client:
    """An operator on a Tuesday, with a schedule in the whole province at 17:00."""
    clock.advance(TUESDAY - clock.now())
    client = site.as_("operator")
    body = {
        "title": "Bản tin chiều",
        "programme_id": scene.programme,
        "rule": {"kind": "daily", "first_date": "2026-07-28", "local_time": "17:00"},
        "unit_ids": [scene.province],
    }
    with site.db.writing() as session:
        from broadcast.tables import ProgrammeItem

        session.add(
            ProgrammeItem(programme_id=scene.programme, position=0, kind="chime", sha256="0" * 64, duration_ms=60_000)
        )
    answer = client.post("/api/v1/schedules", json=body)
    assert answer.status_code == 201, answer.text
    client.headers["x-schedule"] = answer.json()["id"]
    return client


def set_day(client: httpx.Client, unit_id: str, **given: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/local-days", json={**FAIR, "unit_id": unit_id, "effect": "skip", **given})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def airings(client: httpx.Client, unit_id: str) -> list[tuple[str, str]]:
    span = {"since": "2026-07-29T00:00:00+07:00", "until": "2026-07-30T00:00:00+07:00", "unit_id": unit_id}
    found = client.get("/api/v1/airings", params=span).json()
    return [(one["starts_at"], one["status"]) for one in found]


def test_a_day_is_set_changed_and_taken_back(desk: httpx.Client, scene: Scene) -> None:
    here, there = scene.communes[:2]
    made = set_day(desk, here)
    assert (made["airings_cancelled"], made["airings_made"]) == (1, 1)
    assert [status for _, status in airings(desk, here)] == []
    assert airings(desk, there) == [("2026-07-29T10:00:00Z", "scheduled")]
    local_day = made["local_day"]
    later = {**FAIR, "unit_id": here, "effect": "move", "move_by_ms": 1_800_000, "version": local_day["version"]}
    answer = desk.put(f"/api/v1/local-days/{local_day['id']}", json=later)
    assert answer.status_code == 200, answer.text
    assert airings(desk, here) == [("2026-07-29T10:30:00Z", "scheduled")]
    assert desk.put(f"/api/v1/local-days/{local_day['id']}", json=later).status_code == 409
    held = desk.get("/api/v1/local-days", params={"since": "2026-07-01", "until": "2026-08-01"}).json()
    assert [(one["local_day"]["move_by_ms"], one["dates"]) for one in held] == [(1_800_000, ["2026-07-29"])]
    assert desk.post(f"/api/v1/local-days/{local_day['id']}/cancel").status_code == 200
    assert airings(desk, here) == [("2026-07-29T10:00:00Z", "scheduled")]
    assert desk.post(f"/api/v1/local-days/{local_day['id']}/cancel").status_code == 404


def test_who_only_reads_sets_none_and_what_is_wrong_is_told(desk: httpx.Client, site: Site, scene: Scene) -> None:
    body = {**FAIR, "unit_id": scene.communes[0], "effect": "skip"}
    assert site.as_("auditor").post("/api/v1/local-days", json=body).status_code == 403
    for wrong in ({"effect": "move"}, {"last_date": None}, {"unit_id": "01K0Q3V5K8E2Z6W7RBN4T9XYSD"}):
        answer = desk.post("/api/v1/local-days", json={**body, **wrong})
        assert answer.status_code == 422, (wrong, answer.text)
    # Moved into the quiet hours it would not be heard: refused, and nothing is left of it.
    answer = desk.post("/api/v1/local-days", json={**body, "effect": "move", "move_by_ms": 5 * 3_600_000})
    assert answer.status_code in {409, 422}
    assert "rules-broken" in answer.json()["type"]
    assert airings(desk, scene.communes[0]) == [("2026-07-29T10:00:00Z", "scheduled")]


def test_one_occurrence_long_before_it_is_made(desk: httpx.Client) -> None:
    path = f"/api/v1/schedules/{desk.headers['x-schedule']}/occurrences"
    at = "2026-10-01T17:00:00+07:00"
    moved = desk.post(f"{path}/move", json={"original_start": at, "starts_at": "2026-10-01T18:00:00+07:00"})
    assert (moved.status_code, [one["starts_at"] for one in moved.json()["made"]]) == (200, ["2026-10-01T11:00:00Z"])
    gone = desk.post(f"{path}/cancel", json={"original_start": "2026-10-02T17:00:00+07:00"})
    assert (gone.status_code, [one["cancel_reason"] for one in gone.json()["cancelled"]]) == (200, ["withdrawn"])
    assert desk.post(f"{path}/cancel", json={"original_start": "2026-10-02T17:30:00+07:00"}).status_code == 422


def test_a_calendar_at_a_secret_address(desk: httpx.Client, site: Site, scene: Scene) -> None:
    unit = scene.communes[0]
    assert site.as_("auditor").post("/api/v1/feeds", json={"unit_id": unit, "name": "x"}).status_code == 403
    made = desk.post("/api/v1/feeds", json={"unit_id": unit, "name": "Điện thoại chị Hà"}).json()
    anybody = site.client()
    answer = anybody.get(made["path"])
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    held = Calendar.from_ical(answer.text).events
    assert len(held) == 14
    assert str(held[0]["SUMMARY"]) == "Bản tin chiều"
    assert anybody.get(made["path"], headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    (feed,) = desk.get(f"/api/v1/units/{unit}/feeds").json()
    assert feed["used_at"] is not None
    secret = re.search(r"/lich/(.+)\.ics", made["path"])
    assert secret is not None
    with site.db.reading() as session:
        told = [str(event.data) + event.subject_id for event in session.query(Event)]
    assert not any(secret.group(1) in one for one in told)
    assert secret.group(1) not in desk.get(f"/api/v1/units/{unit}/feeds").text
    assert desk.post(f"/api/v1/feeds/{feed['id']}/revoke").status_code == 200
    assert anybody.get(made["path"]).status_code == 404
    assert anybody.get("/lich/nothing.ics").status_code == 404
    assert desk.get(f"/api/v1/units/{unit}/feeds").json() == []


def test_the_week_s_sheet(desk: httpx.Client, scene: Scene) -> None:
    set_day(desk, scene.communes[0])
    assert scene.communes[0] in desk.get("/tuan").text
    page = desk.get(f"/tuan/{scene.communes[0]}").text
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "Lịch phát thanh tuần – Xã Đồng Bùi" in plain
    assert "Từ Thứ Hai 27/7/2026 đến Chủ Nhật 2/8/2026" in plain
    assert "17:00 – 17:01 Bản tin chiều ○ Thông thường 1 phút" in plain
    assert "15/6 âm lịch rằm" in plain
    assert "Thứ Tư 29/7 16/6 âm lịch Chợ phiên" in plain
    assert "Cả tuần: 5 phút" in plain  # Monday is over, and Wednesday is the market
    before = desk.get(f"/tuan/{scene.communes[0]}", params={"tu": "2026-07-20"}).text
    assert "Không có lần phát nào." in before
    later = desk.get(f"/tuan/{scene.communes[0]}", params={"tu": "2026-09-20"}).text
    assert "Lịch của ngày này chưa lập." in later
    assert desk.get("/tuan/khong-co").status_code == 404
