"""Sessions through the API: set up, filled for several communes at once, undone, copied, changed from a day on."""

from __future__ import annotations

from typing import Any

from tests.api.site import Site
from tests.api.test_loop import _airings, _approved, _enrolled, _made, _programme, _requested, _units

RULE = {"kind": "daily", "first_date": "2026-07-29", "local_time": "05:00"}
MINUTE = 60_000


def _session(site: Site, province: str, communes: list[str], **more: Any) -> dict[str, Any]:
    slots = [
        {"kind": "relay", "title": "Tiếp sóng", "length_ms": 10 * MINUTE, "source": "vov1"},
        {"kind": "programme", "title": "Huyện", "length_ms": 10 * MINUTE, "owner_id": province, "fill_by_min": 60},
        {"kind": "programme", "title": "Xã", "length_ms": 5 * MINUTE, "each_commune": True, "fallback": "close"},
    ]
    body = {"title": "Buổi sáng", "rule": RULE, "unit_ids": communes, "slots": slots} | more
    made: dict[str, Any] = _made(site.as_("operator").post("/api/v1/sessions", json=body))
    return made


def _is(airing: dict[str, Any], session: dict[str, Any], starts_at: str) -> bool:
    return (airing["schedule_id"], airing["starts_at"]) == (session["id"], starts_at)


def test_a_session_is_set_up_filled_and_undone(site: Site) -> None:
    province, commune, other = _units(site)
    one, _two = (_enrolled(site, unit)["receiver"]["id"] for unit in (commune, other))
    programme = _programme(site, _approved(site))["id"]
    operator = site.as_("operator")
    made = _session(site, province, [commune, other])
    assert (made["programme_id"], made["duration_ms"], made["owner_id"]) == (None, 25 * MINUTE, province)
    assert [slot["offset_ms"] for slot in made["slots"]] == [0, 10 * MINUTE, 20 * MINUTE]
    assert _made(operator.get(f"/api/v1/sessions/{made['id']}"), 200) == made
    waiting = _made(operator.get("/api/v1/slots/to-fill", params={"hours": 24}), 200)
    assert [(one["title"], one["owner_id"], one["why"]) for one in waiting if one["schedule_id"] == made["id"]] == [
        ("Huyện", province, "missing"),
        *(("Xã", place, "missing") for place in sorted([commune, other])),
    ]
    mine = _made(operator.get("/api/v1/slots/to-fill", params={"hours": 24, "unit_id": commune}), 200)
    assert [one["place_id"] for one in mine] == [commune]

    _requested(site)
    wish = {"schedule_id": made["id"], "slot_id": made["slots"][2]["id"], "on": "2026-07-29", "programme_id": programme}
    places = {"place_ids": [commune, other, province]}
    shown = _made(operator.post("/api/v1/fillings", json={"fillings": [wish | places], "dry_run": True}), 200)
    assert [slot["ok"] for slot in shown] == [True, True, False]
    assert _requested(site) == set()
    told = _made(operator.post("/api/v1/fillings", json={"fillings": [wish | places]}), 200)
    assert [(slot["place_id"], slot["ok"], slot["problem"]) for slot in told] == [
        (commune, True, None),
        (other, True, None),
        (province, False, "slot-wrong-place"),
    ]
    assert "không thuộc nơi nhận" in told[2]["refused"]
    assert one in _requested(site)
    airing = next(one for one in _airings(site) if one["place_id"] == commune and one["programme_id"])
    assert (airing["programme_id"], airing["starts_at"]) == (programme, "2026-07-28T22:20:00Z")
    listed = _made(
        operator.get(
            "/api/v1/fillings", params={"since": "2026-07-27", "until": "2026-08-03", "schedule_id": made["id"]}
        ),
        200,
    )
    assert {slot["id"] for slot in listed} == {slot["filling_id"] for slot in told if slot["ok"]}
    undone = _made(operator.post(f"/api/v1/fillings/{told[0]['filling_id']}/undo"), 200)
    assert undone["end_reason"] == "undone"
    assert operator.post(f"/api/v1/fillings/{told[0]['filling_id']}/undo").status_code == 404

    copy = {"week": "2026-07-29", "to": "2026-08-05", "schedule_ids": [made["id"]]}
    shown = _made(operator.post("/api/v1/weeks/copy", json=copy), 200)
    assert [(slot["place_id"], slot["on"], slot["ok"], slot["filling_id"]) for slot in shown] == [
        (other, "2026-08-05", True, None)
    ]
    copied = _made(operator.post("/api/v1/weeks/copy", json=copy | {"dry_run": False}), 200)
    assert copied[0]["filling_id"]
    kept = _made(
        operator.post(
            "/api/v1/week-templates", json={"name": "Tuần", "week": "2026-07-29", "schedule_ids": [made["id"]]}
        )
    )
    assert kept["entries"] == 1
    assert _made(operator.get("/api/v1/week-templates"), 200) == [kept]
    put = _made(operator.post(f"/api/v1/week-templates/{kept['id']}/apply", json={"to": "2026-08-10"}), 200)
    assert [(slot["on"], slot["ok"]) for slot in put] == [("2026-08-12", True)]


def test_slots_are_changed_for_all_days_or_from_one_on(site: Site) -> None:
    province, commune, other = _units(site)
    made = _session(site, province, [commune, other], without_receivers=True)
    operator = site.as_("operator")
    slots = [
        {name: value for name, value in slot.items() if name not in {"position", "offset_ms"}} for slot in made["slots"]
    ]
    slots[0]["length_ms"] = 5 * MINUTE
    changed = _made(operator.put(f"/api/v1/sessions/{made['id']}/slots", json={"slots": slots, "version": 1}), 200)
    assert [slot["id"] for slot in changed["slots"]] == [slot["id"] for slot in made["slots"]]
    assert [slot["offset_ms"] for slot in changed["slots"]] == [0, 5 * MINUTE, 15 * MINUTE]
    stale = operator.put(f"/api/v1/sessions/{made['id']}/slots", json={"slots": slots, "version": 1})
    assert stale.json()["type"] == "/problems/schedule-changed"
    second = next(one for one in _airings(site, 3) if _is(one, made, "2026-07-29T22:00:00Z"))
    body = {"slots": slots[:2], "since_airing_id": second["id"]}
    new = _made(operator.put(f"/api/v1/sessions/{made['id']}/slots", json=body), 200)
    assert (new["continues_id"], new["first_date"], len(new["slots"])) == (made["id"], "2026-07-30", 2)
    assert len(_made(operator.get(f"/api/v1/sessions/{made['id']}"), 200)["slots"]) == 3


def test_sessions_that_make_no_sense_are_refused(site: Site) -> None:
    province, commune, _other = _units(site)
    programme = _programme(site, _approved(site))["id"]
    operator = site.as_("operator")
    slot: dict[str, Any] = {"kind": "programme", "title": "Huyện", "length_ms": 10 * MINUTE}
    body: dict[str, Any] = {"title": "Sáng", "rule": RULE, "unit_ids": [commune], "without_receivers": True}
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"slots": []}, 422, "invalid"),
        ({"slots": [slot | {"length_ms": 0}]}, 422, "session-bad-slot"),
        ({"slots": [slot | {"kind": "relay"}]}, 422, "session-bad-slot"),
        ({"slots": [slot | {"length_ms": 1000, "programme_id": programme}]}, 422, "session-bad-slot"),
        ({"slots": [slot | {"programme_id": province}]}, 404, "not-found"),
        ({"slots": [slot | {"owner_id": programme}]}, 404, "not-found"),
        ({"slots": [slot], "rule": RULE | {"local_time": "22:00"}}, 422, "rules-broken"),
        (
            {"slots": [slot], "rule": RULE | {"kind": "rrule", "rrule": "FREQ=DAILY;BYHOUR=5;BYMINUTE=0,5"}},
            422,
            "session-overlaps-itself",
        ),
        ({"slots": [slot], "without_receivers": False}, 409, "schedule-nobody-hears"),
    ]
    for change, status, slug in cases:
        answer = operator.post("/api/v1/sessions", json=body | change)
        assert (answer.status_code, answer.json().get("type")) == (status, f"/problems/{slug}"), (change, answer.text)
    made = _made(operator.post("/api/v1/sessions", json=body | {"slots": [slot]}))
    refused = operator.patch(f"/api/v1/schedules/{made['id']}", json={"programme_id": programme})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/session-has-slots")
    assert site.as_("auditor").post("/api/v1/sessions", json=body | {"slots": [slot]}).status_code == 403
