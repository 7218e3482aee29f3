"""Lists of playouts and the airtime report, in figures that were put in."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

from core.clock import ManualClock
from tests.api.scene import add_airing, add_places, add_playout
from tests.api.site import Site


def test_playouts_are_filtered_and_paged(any_site: Site, clock: ManualClock) -> None:
    with any_site.db.writing() as session:
        scene = add_places(session, clock)
        morning = add_airing(session, scene, clock, "Sáng", clock.now() - timedelta(hours=3))
        evening = add_airing(session, scene, clock, "Chiều", clock.now() + timedelta(hours=9))
        for commune in scene.communes:
            for index, box in enumerate(scene.receivers[commune]):
                add_playout(session, morning, box, "finished" if index else "missed", clock)
                add_playout(session, evening, box, "ready", clock)
        ids = morning.id, evening.id
    client = any_site.as_("auditor")

    def count(**params: str | list[str]) -> int:
        return len(client.get("/api/v1/playouts", params=params).json()["items"])

    assert count() == 20
    assert count(airing_id=ids[0]) == 10
    assert count(airing_id=ids[0], state="missed") == 5
    assert count(state=["missed", "ready"]) == 15
    assert count(unit_id=scene.communes[0]) == 4
    assert count(unit_id=scene.province, until=clock.now().isoformat()) == 10
    assert count(receiver_id=scene.receivers[scene.communes[1]][0]) == 2
    assert client.get("/api/v1/playouts", params={"state": "sent"}).status_code == 422

    seen: list[tuple[str, str]] = []
    after: str | None = None
    while True:
        params = {"limit": "3"} | ({"after": after} if after else {})
        page = client.get("/api/v1/playouts", params=params).json()
        seen += [(one["airing_id"], one["receiver_id"]) for one in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 20


def test_airtime_as_json_and_as_a_sheet(any_site: Site, clock: ManualClock) -> None:
    with any_site.db.writing() as session:
        scene = add_places(session, clock, ("Xã Đồng Bùi", "=Xã lạ"))
        airing = add_airing(session, scene, clock, "Sáng", clock.now() - timedelta(hours=3), minutes=10)
        first, second = scene.receivers[scene.communes[0]]
        add_playout(session, airing, first, "finished", clock)
        add_playout(session, airing, second, "partial", clock, played=0.5)
        add_playout(session, airing, scene.receivers[scene.communes[1]][0], "missed", clock)
    client = any_site.as_("auditor")
    report = client.get("/api/v1/airtime").json()
    assert (report["first_date"], report["last_date"]) == ("2026-06-29", "2026-07-28")
    row = next(one for one in report["rows"] if one["unit_id"] == scene.communes[0])
    assert (row["airings"], row["playouts"]) == (1, 2)
    assert (row["programme_ms"], row["cluster_ms"]) == (600_000, 900_000)
    sheet = client.get("/api/v1/airtime.csv", params={"first_date": "2026-07-28"})
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert sheet.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig"))))
    line = next(one for one in rows if one["unit"] == scene.communes[0])
    assert (line["name"], line["programme_s"], line["cluster_s"]) == ("Xã Đồng Bùi", "600.0", "900.0")
    assert "'=Xã lạ" in {one["name"] for one in rows}  # no formula
    backwards = {"first_date": "2026-07-28", "last_date": "2026-07-27"}
    assert client.get("/api/v1/airtime", params=backwards).status_code == 422
