"""Whoever joins or leaves a group hears what is for it at once, as of the date from which on it does."""

from __future__ import annotations

from tests.api.site import Site
from tests.api.test_loop import _airings, _enrolled, _made, _requested, _units
from tests.api.test_sessions import _session


def _open_days(site: Site, session: str, place: str) -> list[str]:
    """The days on which the commune has a slot of its own to fill."""
    found = [one for one in _airings(site, 5) if (one["schedule_id"], one["place_id"]) == (session, place)]
    return [one["starts_at"][5:10] for one in found if one["status"] == "open"]


def test_joining_and_leaving_a_group(any_site: Site) -> None:
    site = any_site
    province, commune, other = _units(site)
    one, two = (_enrolled(site, unit)["receiver"]["id"] for unit in (commune, other))
    admin = site.as_("admin")
    body = {"name": "Cụm phía đông", "valid_from": "2026-07-01", "unit_ids": [commune]}
    group = _made(admin.post("/api/v1/unit-groups", json=body))["id"]
    session = _session(site, province, [], group_ids=[group])["id"]
    days = ["07-28", "07-29", "07-30", "07-31", "08-01"]
    assert _open_days(site, session, commune) == days
    assert _open_days(site, session, other) == []
    assert one in _requested(site)

    joined = {"unit_id": other, "valid_from": "2026-07-30"}
    _made(admin.post(f"/api/v1/unit-groups/{group}/join", json=joined), 200)
    assert two in _requested(site)
    assert _open_days(site, session, other) == days[1:]  # 05:00 of 30 July is 22:00 of the 29th in UTC
    twice = admin.post(f"/api/v1/unit-groups/{group}/join", json=joined | {"valid_from": "2026-08-01"})
    assert (twice.status_code, "đã ở trong nhóm" in twice.text) == (422, True)

    _made(admin.post(f"/api/v1/unit-groups/{group}/leave", json={"unit_id": commune, "on": "2026-07-31"}), 200)
    assert one in _requested(site)
    assert _open_days(site, session, commune) == days[:2]
    assert _open_days(site, session, other) == days[1:]


def test_a_commune_that_is_merged_fills_no_more(any_site: Site) -> None:
    site = any_site
    province, commune, other = _units(site)
    _enrolled(site, commune)
    session = _session(site, province, [commune, other])["id"]
    admin = site.as_("admin")
    plan = {"mergers": [{"on": "2026-07-31", "unit_ids": [commune, other], "name": "Xã Đồng Bùi", "into": commune}]}
    shown = _made(admin.post("/api/v1/mergers/preview", json=plan), 200)
    assert len(_open_days(site, session, other)) == 5  # nothing is changed by looking
    stale = admin.post("/api/v1/mergers", json=plan | {"digest": "0" * 64})
    assert (stale.status_code, len(_open_days(site, session, other))) == (409, 5)
    _made(admin.post("/api/v1/mergers", json=plan | {"digest": shown["digest"]}))
    assert _open_days(site, session, other) == ["07-28", "07-29"]
    assert len(_open_days(site, session, commune)) == 5
