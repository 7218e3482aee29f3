"""Rules through the API: who may set them, what holds where and from whom, and their history."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from broadcast.tables import PlanRequest
from core.clock import ManualClock
from tests.api.scene import Scene
from tests.api.site import Site

NIGHT = {"kind": "quiet", "spans": [{"begins": "20:30", "ends": "05:30"}]}


def put(client: httpx.Client, unit: str, body: dict[str, Any], status: int = 201) -> Any:
    answer = client.post(f"/api/v1/units/{unit}/rules", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def held(client: httpx.Client, unit: str, **query: str) -> Any:
    answer = client.get(f"/api/v1/units/{unit}/rules", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_rules_are_set_inherited_and_shown_with_whose_they_are(site: Site, scene: Scene) -> None:
    admin, commune = site.as_("admin"), scene.communes[0]
    at_first = held(admin, commune)
    assert [(one["kind"], one["default"], one["unit_name"]) for one in at_first["holds"]] == [
        ("quiet", True, "Tỉnh Sông Bùi"),
        ("emergency_ms", True, "Tỉnh Sông Bùi"),
    ]
    made = put(admin, scene.province, NIGHT | {"note": "Quyết định 12/QĐ-UBND", "valid_from": "2026-07-30"})
    assert made["text"] == "giờ yên tĩnh: 20:30–05:30"
    assert (made["text_en"], made["valid_from"], made["valid_to"]) == ("quiet hours: 20:30–05:30", "2026-07-30", None)
    put(admin, commune, {"kind": "session_ms", "value": 900_000, "classes": ["ordinary"]})
    today, later = held(admin, commune), held(admin, commune, on="2026-08-01")
    assert [one["text"] for one in today["holds"]] == [
        "giờ yên tĩnh: 21:00–05:00",
        "mỗi buổi dài nhất: 15 phút (thông thường)",
        "tin khẩn cấp dài nhất: 10 phút",
    ]
    assert later["holds"][0]["text"] == "giờ yên tĩnh: 20:30–05:30"
    assert [one["own"] for one in later["holds"]] == [False, True, False]
    assert [one["kind"] for one in held(admin, scene.communes[1])["holds"]] == ["quiet", "emergency_ms"]
    [told] = admin.get(f"/api/v1/units/{scene.province}/rules/history").json()
    assert (told["note"], told["set_by_name"]) == ("Quyết định 12/QĐ-UBND", "Trần Văn Bình")


def test_a_rule_is_ended_and_its_history_stays(site: Site, scene: Scene, clock: ManualClock) -> None:
    admin, commune = site.as_("admin"), scene.communes[0]
    made = put(admin, commune, {"kind": "volume", "value": 60})
    ended = admin.post(f"/api/v1/rules/{made['id']}/end", json={"on": "2026-08-02"})
    assert (ended.status_code, ended.json()["valid_to"]) == (200, "2026-08-02")
    assert "volume" in {one["kind"] for one in held(admin, commune, on="2026-08-01")["holds"]}
    assert "volume" not in {one["kind"] for one in held(admin, commune, on="2026-08-02")["holds"]}
    again = admin.post(f"/api/v1/rules/{made['id']}/end", json={"on": "2026-08-05"})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/rule-over")
    events = site.as_("auditor").get("/api/v1/events", params={"subject_id": commune}).json()["items"]
    assert {"user:rule:set", "user:rule:ended"} <= {one["kind"] for one in events}


def test_only_the_administrator_sets_rules_and_everyone_sees_them(site: Site, scene: Scene) -> None:
    for name in ("editor", "approver", "operator", "auditor"):
        assert site.as_(name).post(f"/api/v1/units/{scene.province}/rules", json=NIGHT).status_code == 403
        assert held(site.as_(name), scene.province)["holds"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"kind": "quiet"}, "khung giờ"),
        ({"kind": "session_ms", "value": 10}, "giá trị phải từ"),
        ({"kind": "repeats", "value": 3}, "số ngày"),
        ({"kind": "quiet", "spans": [{"begins": "22:00", "ends": "04:00"}]}, "Tỉnh Sông Bùi đã quy định chặt hơn"),
        ({"kind": "volume", "value": 50, "valid_from": "2026-07-01"}, "đã qua"),
        ({"kind": "emergency_ms", "value": 3_600_000}, "10 phút"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(
    site: Site, scene: Scene, body: dict[str, Any], said: str
) -> None:
    problem = put(site.as_("admin"), scene.communes[0], body, 422)
    assert said in problem["detail"]
    assert problem["en"]
    assert site.as_("admin").get(f"/api/v1/units/{scene.communes[0]}/rules/history").json() == []


@pytest.mark.parametrize("body", [{"kind": "loud", "value": 1}, {"kind": "volume", "value": 5, "loud": True}])
def test_what_is_no_rule_at_all(site: Site, scene: Scene, body: dict[str, Any]) -> None:
    assert put(site.as_("admin"), scene.communes[0], body, 422)["errors"]


def test_plans_below_are_made_anew_where_they_reach_so_far(site: Site, scene: Scene) -> None:
    commune = scene.communes[0]
    put(site.as_("admin"), commune, {"kind": "volume", "value": 60, "valid_from": "2026-09-01"})
    with site.db.reading() as session:
        assert session.scalars(select(PlanRequest)).all() == []
    put(site.as_("admin"), commune, {"kind": "day_ms", "value": 3_600_000, "valid_from": "2026-07-30"})
    with site.db.reading() as session:
        assert set(session.scalars(select(PlanRequest.receiver_id))) == set(scene.receivers[commune])
