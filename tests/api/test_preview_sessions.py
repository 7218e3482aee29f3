"""The look before saving a session: what each of its slots brings at each place, and that this is what comes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from broadcast.choice_tables import StandingAcceptance
from core.clock import ManualClock
from schedules.tables import Schedule
from tests.api.scene import Scene
from tests.api.site import Site
from tests.api.test_offers import made
from tests.api.test_preview import draft, programme, save, usable
from tests.api.test_rules import put

MINUTE = 60_000
__all__ = ["usable"]  # a fixture


def frame(units: list[str], *slots: Any, at: str = "17:00", **more: Any) -> dict[str, Any]:
    rule = {"kind": "daily", "first_date": "2026-07-28", "local_time": at}
    return {"title": "Buổi chiều", "unit_ids": units, "rule": rule, "slots": list(slots)} | more


def relay(minutes: int = 15) -> dict[str, Any]:
    return {"kind": "relay", "title": "Tiếp sóng", "length_ms": minutes * MINUTE, "source": "vov1"}


def slot(title: str, minutes: int = 10, **more: Any) -> dict[str, Any]:
    return {"kind": "programme", "title": title, "length_ms": minutes * MINUTE} | more


def look(site: Site, body: Any) -> Any:
    return made(site.as_("operator").post("/api/v1/sessions/preview", json=body), 200)


def revoke(site: Site, units: list[str], clock: ManualClock) -> None:
    with site.db.writing() as session:
        for row in session.scalars(select(StandingAcceptance).where(StandingAcceptance.unit_id.in_(units))):
            row.ended_at = clock.now()


def test_every_slot_is_told_of_at_every_place(site: Site, scene: Scene, clock: ManualClock) -> None:
    here, there = scene.communes[:2]
    revoke(site, [there], clock)
    save(site, draft(programme(site, 12, "priority"), [here], "17:12", title="Thời sự khu vực"))
    body = frame(
        scene.communes[:2],
        relay(),
        slot("Tin tỉnh", 15, programme_id=programme(site, 4)),
        slot("Tin xã", 5, each_commune=True, fill_by_min=30, fallback="previous"),
    )
    found = look(site, body)
    assert (found["occurrences"], found["receivers"], found["clashes"]) == (14, 4, True)
    told = [(one["slot"], one["fate"], one["told"]) for one in found["outcomes"]]
    news = "17:12–17:24 tại xã Đồng Bùi đã có lịch “Thời sự khu vực” (ưu tiên)"
    waits = "“Tin xã” chưa xếp chương trình, hạn 17:00; quá hạn thì phát lại chương trình xếp lần trước"
    assert told == [
        (0, "cut", f"{news}; “Tiếp sóng” chỉ phát 17:00–17:12"),
        (0, "as_planned", "17:00–17:15 tại xã Suối Mơ: “Tiếp sóng” tiếp sóng “vov1”, không cần xã tiếp nhận"),
        (1, "not_aired", "xã Suối Mơ chưa tiếp nhận nên “Tin tỉnh” không phát ở đó"),
        (1, "shifted", f"{news}; “Tin tỉnh” sẽ phát lúc 17:24"),
        (
            2,
            "open",
            f"17:30–17:35 tại 2 xã, phường: {waits}",
        ),
    ]
    assert found["violations"] == []
    with site.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Schedule)) == 1  # nothing was saved
    # The whole session is moved, and then nothing clashes.
    way = next(one for one in found["options"] if one["kind"] == "before")
    assert way["local_time"] == "16:37"
    assert {one["kind"] for one in found["options"]} == {"after", "before", "another_slot"}
    moved = look(site, body | {"rule": body["rule"] | {"local_time": way["local_time"]}})
    assert {one["fate"] for one in moved["outcomes"] if one["units"] == [here]} == {"as_planned"}

    # What was looked at is what comes, at both places.
    made(site.as_("operator").post("/api/v1/sessions", json=body))
    states = {}
    for place in (here, there):
        params = {"receiver": scene.receivers[place][0], "date": "2026-07-29"}
        day = made(site.as_("auditor").get("/api/v1/heard", params=params), 200)
        states[place] = [(one["title"], one["starts_at"][11:16], one["state"]) for one in day["items"]]
    assert states[here] == [
        ("Buổi chiều: Tiếp sóng", "10:00", "planned"),
        ("Thời sự khu vực", "10:12", "planned"),
        ("Buổi chiều: Tin tỉnh", "10:24", "planned"),
    ]
    assert states[there] == [
        ("Buổi chiều: Tiếp sóng", "10:00", "planned"),
        ("Buổi chiều: Tin tỉnh", "10:15", "unanswered"),
    ]


def test_a_relay_is_no_offer_and_the_programmes_of_its_session_are(
    site: Site, scene: Scene, clock: ManualClock
) -> None:
    here = scene.communes[0]
    revoke(site, [here], clock)
    body = frame([scene.province], relay(), slot("Tin tỉnh", programme_id=programme(site, 4)))
    saved = made(site.as_("operator").post("/api/v1/sessions", json=body))
    operator = site.as_("operator")
    offered = made(operator.get("/api/v1/offers", params={"unit_id": here}), 200)
    assert [one["title"] for one in offered if one["schedule_id"] == saved["id"]] == ["Buổi chiều: Tin tỉnh"]
    # The session is answered as a whole, though a relay comes first in it.
    answer = operator.post(
        "/api/v1/offers/answers", json={"unit_id": here, "schedule_id": saved["id"], "accepted": True}
    )
    assert answer.status_code == 201, answer.text
    day = made(operator.get("/api/v1/heard", params={"unit": here, "date": "2026-07-29"}), 200)
    assert [one["state"] for one in day["items"]] == ["planned", "planned"]
    only = made(operator.post("/api/v1/sessions", json=frame([scene.province], relay(5), at="06:00")))
    refused = operator.post(
        "/api/v1/offers/answers", json={"unit_id": here, "schedule_id": only["id"], "accepted": False}
    )
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-an-offer")
    assert "nhiệm vụ thường xuyên" in refused.json()["detail"]


def test_a_change_is_looked_at_with_what_its_slots_are_filled_with(site: Site, scene: Scene) -> None:
    here = scene.communes[0]
    operator = site.as_("operator")
    saved = made(operator.post("/api/v1/sessions", json=frame([here], slot("Một"), slot("Hai"))))
    first, second = (one["id"] for one in saved["slots"])
    wish = {"schedule_id": saved["id"], "slot_id": first, "on": "2026-07-29", "programme_id": programme(site, 9)}
    made(operator.post("/api/v1/fillings", json={"fillings": [wish]}), 200)
    body = frame([here], slot("Hai", id=second), slot("Một", id=first), schedule_id=saved["id"])
    found = look(site, body)
    assert [(one["slot"], one["fate"], one["local_time"], len(one["days"])) for one in found["outcomes"]] == [
        (0, "open", "17:00", 14),
        (1, "open", "17:10", 13),
        (1, "as_planned", "17:10", 1),
    ]
    put(site.as_("admin"), here, {"kind": "item_ms", "value": 5 * MINUTE})
    (broken,) = look(site, body)["violations"]
    assert (broken["kind"], broken["starts"]) == ("item_ms", ["2026-07-29T10:10:00Z"])
    for wrong, status in (
        ({"slots": []}, 422),
        ({"slots": [slot("Một", id="x")]}, 404),
        ({"schedule_id": "x"}, 404),
        ({"unit_ids": []}, 422),
    ):
        assert operator.post("/api/v1/sessions/preview", json=body | wrong).status_code == status, wrong
