"""Who schedules into the quiet hours is refused, however far ahead."""

from __future__ import annotations

from typing import Any

from tests.api.site import Site
from tests.api.test_loop import _approved, _programme, _scheduled, _units


def test_a_schedule_at_night_is_refused_when_made_and_when_edited(site: Site) -> None:
    _province, commune, _other = _units(site)
    programme = _programme(site, _approved(site))["id"]
    operator = site.as_("operator")

    def rule(at: str) -> dict[str, Any]:
        return {"kind": "daily", "first_date": "2027-03-01", "local_time": at}

    body = {"title": "Đêm", "programme_id": programme, "rule": rule("22:30"), "unit_ids": [commune]}
    refused = operator.post("/api/v1/schedules", json=body)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/in-quiet-hours")
    assert operator.get("/api/v1/schedules").json()["items"] == []

    schedule = _scheduled(site, programme, commune, first_date="2027-03-01")
    change = operator.patch(f"/api/v1/schedules/{schedule['id']}", json={"rule": rule("22:30")})
    assert (change.status_code, change.json()["type"]) == (422, "/problems/in-quiet-hours")
    assert operator.get(f"/api/v1/schedules/{schedule['id']}").json()["local_time"] == "17:00:00"
    assert operator.patch(f"/api/v1/schedules/{schedule['id']}", json={"rule": rule("18:00")}).status_code == 200
