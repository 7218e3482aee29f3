"""Targets and owners through the API: groups, receivers and exceptions get plans and commands; silence is told."""

from __future__ import annotations

from typing import Any

from tests.api.site import Site
from tests.api.test_loop import _airings, _approved, _enrolled, _made, _programme, _requested, _units


def _rule(at: str = "17:00") -> dict[str, str]:
    return {"kind": "daily", "first_date": "2026-07-28", "local_time": at}


def test_groups_receivers_and_exceptions(site: Site) -> None:
    province, commune, other = _units(site)
    one, two, three = (_enrolled(site, unit)["receiver"]["id"] for unit in (commune, commune, other))
    named = {"name": "Cụm xã 1", "valid_from": "2026-07-01", "unit_ids": [other]}
    group = _made(site.as_("admin").post("/api/v1/unit-groups", json=named))["id"]
    programme = _programme(site, _approved(site))["id"]
    operator = site.as_("operator")
    _requested(site)

    given: dict[str, Any] = {"group_ids": [group], "receiver_ids": [one], "except_receiver_ids": [two]}
    shown = _made(operator.post("/api/v1/schedules/targets", json=given), 200)
    assert (shown["receivers"], shown["owner_id"], shown["silent_unit_ids"]) == (2, province, [])
    body = {"title": "Chiều", "programme_id": programme, "rule": _rule(), **given}
    schedule = _made(operator.post("/api/v1/schedules", json=body))
    assert {name: schedule[name] for name in given} == given
    assert (schedule["unit_ids"], schedule["owner_id"]) == ([], province)
    assert _requested(site) == {one, three}
    airing = _airings(site)[0]
    assert {name: airing[name] for name in given} == given

    stopped = _made(operator.post(f"/api/v1/airings/{airing['id']}/stop", json={}), 200)
    assert {command["audience"] for command in stopped} == {f"area/{other}", f"rx/{one}"}
    refused = operator.post(f"/api/v1/airings/{airing['id']}/stop", json={"unit_id": province})
    assert refused.status_code == 200

    # What is left out stays; the owner that nobody chose goes with the targets.
    change = {"group_ids": [], "unit_ids": [commune], "except_receiver_ids": []}
    changed = _made(operator.patch(f"/api/v1/schedules/{schedule['id']}", json=change), 200)
    assert (changed["unit_ids"], changed["receiver_ids"], changed["owner_id"]) == ([commune], [one], commune)
    assert _requested(site) == {one, two, three}
    chosen = _made(operator.patch(f"/api/v1/schedules/{schedule['id']}", json={"owner_id": province}), 200)
    assert chosen["owner_id"] == province


def test_targets_without_receivers_are_told_and_have_to_be_meant(site: Site) -> None:
    _province, commune, other = _units(site)
    _enrolled(site, commune)
    programme = _programme(site, _approved(site))["id"]
    operator = site.as_("operator")
    shown = _made(operator.post("/api/v1/schedules/targets", json={"unit_ids": [commune, other]}), 200)
    assert (shown["receivers"], shown["silent_unit_ids"]) == (1, [other])
    body = {"title": "Chiều", "programme_id": programme, "rule": _rule(), "unit_ids": [other]}
    refused = operator.post("/api/v1/schedules", json=body)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/schedule-nobody-hears")
    assert "Xã Suối Mơ" in refused.json()["detail"]
    schedule = _made(operator.post("/api/v1/schedules", json=body | {"without_receivers": True}))
    _made(operator.post("/api/v1/schedules", json=body | {"unit_ids": [commune, other]}))
    change = {"unit_ids": [commune], "except_unit_ids": [commune]}
    refused = operator.patch(f"/api/v1/schedules/{schedule['id']}", json=change)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/schedule-nobody-hears")
    cases: list[dict[str, Any]] = [{"unit_ids": []}, {"group_ids": ["X"]}, {"receiver_ids": ["X"]}, {"owner_id": "X"}]
    for wrong in cases:
        assert operator.post("/api/v1/schedules", json=body | wrong).status_code == 422
