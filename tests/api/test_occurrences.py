"""Single occurrences through the API: another programme, cancelled, moved, brought back, and a series from one on."""

from __future__ import annotations

from typing import Any

from broadcast import weeks
from core.clock import ManualClock
from tests.api.site import Site
from tests.api.test_loop import _airings, _approved, _enrolled, _made, _programme, _requested, _scheduled, _units
from tests.api.test_sessions import _session
from tests.schedules.support import local


def _decide(site: Site, schedule: str, what: str, status: int = 200, **body: Any) -> Any:
    return _made(site.as_("operator").post(f"/api/v1/schedules/{schedule}/occurrences/{what}", json=body), status)


def _heard(site: Site, receiver: str, day: str) -> list[list[str]]:
    """What is said beside each thing that is heard there on a day."""
    found = site.as_("auditor").get("/api/v1/heard", params={"receiver": receiver, "date": day})
    return [one["warnings"] for one in _made(found, 200)["items"]]


def _of(site: Site, schedule: str, days: int = 3) -> list[tuple[str, str, str | None]]:
    found = [one for one in _airings(site, days) if one["schedule_id"] == schedule]
    return [(one["starts_at"][5:16], one["status"], one["cancel_reason"]) for one in found]


def test_one_occurrence_of_a_series(any_site: Site) -> None:
    site = any_site
    _province, commune, _other = _units(site)
    receiver = _enrolled(site, commune)["receiver"]["id"]
    version = _approved(site)
    one, two = (_programme(site, version) for _ in range(2))
    schedule = _scheduled(site, one["id"], commune)["id"]
    operator = site.as_("operator")
    first, second = [airing for airing in _airings(site, 2) if airing["schedule_id"] == schedule]
    _requested(site)

    short = {"programme_id": two["id"], "duration_ms": 2_000}
    changed = _made(operator.post(f"/api/v1/airings/{first['id']}/edit", json=short), 200)
    assert (changed["programme_id"], changed["duration_ms"]) == (two["id"], 2_000)
    assert (changed["replaces_id"], changed["starts_at"]) == (first["id"], first["starts_at"])
    assert _requested(site) == {receiver}
    assert _made(operator.get(f"/api/v1/airings/{first['id']}"), 200)["cancel_reason"] == "changed"
    assert _made(operator.get(f"/api/v1/airings/{second['id']}"), 200)["programme_id"] == one["id"]
    with site.db.reading() as session:
        (entry,) = weeks.entries(session, commune, local(28, 0), local(29, 0))
    assert (entry.changed, entry.cancelled, entry.moved_from) == (True, False, None)
    assert _heard(site, receiver, "2026-07-28") == [["có chương trình riêng cho lần phát này"]]
    back = _made(operator.post(f"/api/v1/airings/{changed['id']}/restore"), 200)
    assert _heard(site, receiver, "2026-07-28") == [[]]
    assert (back["programme_id"], back["replaces_id"]) == (one["id"], changed["id"])

    for body, slug in (
        ({}, "airing-nothing-to-change"),
        ({"duration_ms": one["duration_ms"] + 1}, "airing-longer-than-programme"),
        ({"programme_id": "nichts"}, "not-found"),
    ):
        refused = operator.post(f"/api/v1/airings/{back['id']}/edit", json=body)
        assert refused.json()["type"] == f"/problems/{slug}", refused.text

    far = "2026-09-20T10:00:00Z"  # beyond the horizon
    told = _decide(site, schedule, "edit", original_start=far, **short)
    assert [airing["starts_at"] for airing in told["made"]] == [far]
    assert _decide(site, schedule, "restore", original_start=far)["made"][0]["programme_id"] == one["id"]
    assert len(_decide(site, schedule, "cancel", original_start="2026-09-21T10:00:00Z")["cancelled"]) == 1
    new = _decide(site, schedule, "edit-following", 201, original_start="2026-09-10T10:00:00Z", title="Từ tháng chín")
    assert (new["continues_id"], new["first_date"], new["exdates"]) == (
        schedule,
        "2026-09-10",
        ["2026-09-21T17:00:00"],
    )
    assert site.as_("auditor").post(f"/api/v1/airings/{back['id']}/restore").status_code == 403


def test_a_whole_session_of_one_day(any_site: Site, clock: ManualClock) -> None:
    site = any_site
    province, commune, other = _units(site)
    receiver = _enrolled(site, commune)["receiver"]["id"]
    session = _session(site, province, [commune, other])["id"]
    start = "2026-07-28T22:00:00Z"
    planned = _of(site, session, 1)
    assert [row[0] for row in planned] == ["07-28T22:00", "07-28T22:10", "07-28T22:20", "07-28T22:20"]
    _requested(site)
    told = _decide(site, session, "move", original_start=start, starts_at="2026-07-29T00:00:00Z")
    assert len(told["cancelled"]) == len(told["made"]) == 4
    assert {one["replaces_id"] for one in told["made"]} == {one["id"] for one in told["cancelled"]}
    assert _requested(site) == {receiver}
    with site.db.reading() as reading:
        entries = weeks.entries(reading, commune, local(29, 0), local(30, 0))
    standing = [one for one in entries if not one.cancelled]
    assert [(one.starts_at, one.moved_from) for one in standing[:2]] == [
        (local(29, 7), local(29, 5)),
        (local(29, 7, 10), local(29, 5, 10)),
    ]
    assert _heard(site, receiver, "2026-07-29")[0] == ["dời từ 05:00 ngày 29/07/2026"]
    quiet = site.as_("operator").post(
        f"/api/v1/schedules/{session}/occurrences/move",
        json={"original_start": start, "starts_at": "2026-07-29T16:00:00Z"},
    )
    assert quiet.json()["type"] == "/problems/rules-broken"  # 23:00
    assert {one["cancel_reason"] for one in _decide(site, session, "cancel", original_start=start)["cancelled"]} == {
        "occurrence"
    }
    with site.db.reading() as reading:
        gone = [one for one in weeks.entries(reading, commune, local(29, 0), local(30, 0)) if one.cancelled]
    assert {one.because for one in gone} == {"cả buổi phát đã hủy"}
    back = _decide(site, session, "restore", original_start=start)["made"]
    assert sorted(one["starts_at"][5:16] for one in back) == [row[0] for row in planned]
    relay = next(one for one in back if one["starts_at"] == start)
    refused = site.as_("operator").post(f"/api/v1/airings/{relay['id']}/edit", json={"duration_ms": 1000})
    assert refused.json()["type"] == "/problems/session-has-slots"
