"""What is heard at a place, as a page: the same as `/heard` says, one thing once, found without marks."""

from __future__ import annotations

from datetime import timedelta

from core.clock import ManualClock
from tests.api.scene import Scene, add_airing, add_day, add_playout
from tests.api.site import Site


def test_a_place_is_found_and_its_day_is_told(site: Site, scene: Scene, clock: ManualClock) -> None:
    with site.db.writing() as session:
        add_day(session, scene, clock)
    auditor = site.as_("auditor")
    found = auditor.get("/noi-nay", params={"tim": "suoi mo"}).text
    assert "Xã Suối Mơ" in found
    assert "Xã Tân Hòa" not in found
    assert "Gõ không dấu cũng được" in auditor.get("/noi-nay", params={"tim": "hanoi"}).text
    commune = scene.communes[1]
    shown = auditor.get(f"/noi-nay/{commune}").text
    told = auditor.get("/api/v1/heard", params={"unit": commune}).json()["items"]
    assert {item["title"] for item in told} >= {"Phòng, chống mua bán người", "Nhắc lịch tiêm chủng"}
    for item in told:
        assert item["title"] in shown
    assert shown.count("<h2>") == len({(item["id"], item["starts_at"]) for item in told})
    assert "bộ thu mất kết nối" in shown


def test_what_two_receivers_sound_at_once_counts_once(site: Site, scene: Scene, clock: ManualClock) -> None:
    commune = scene.communes[0]
    with site.db.writing() as session:
        start = clock.now() - timedelta(minutes=5)
        airing = add_airing(session, scene, clock, "Bản tin", start, minutes=20, unit_ids=[commune])
        for box, state in zip(scene.receivers[commune], ("playing", "delivered"), strict=True):
            add_playout(session, airing, box, state, clock)
    operator = site.as_("operator")
    shown = operator.get(f"/noi-nay/{commune}").text
    assert "Phát 20 phút" in shown
    assert operator.get("/api/v1/heard", params={"unit": commune}).json()["planned_ms"] == 20 * 60_000
    assert shown.count("<h2>") == 1


def test_other_days_and_wrong_ones(site: Site, scene: Scene) -> None:
    operator = site.as_("operator")
    path = f"/noi-nay/{scene.communes[0]}"
    assert "Cả ngày loa ở đây im lặng" in operator.get(path, params={"ngay": "2026-07-20"}).text
    assert "Hôm nay</a>" in operator.get(path, params={"ngay": "2026-07-20"}).text
    assert operator.get(path, params={"ngay": "1850-01-01"}).status_code == 422
    assert operator.get(path, params={"ngay": "mai"}).status_code == 422
    assert operator.get("/noi-nay/01K00000000000000000000000").status_code == 404
