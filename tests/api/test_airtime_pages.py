"""The pages of airtime: the numbers of the report, what is still to come not among what was owed."""

from __future__ import annotations

import re
from datetime import timedelta

from core.clock import ManualClock
from tests.api.scene import Scene, add_airing, add_playout
from tests.api.site import Site


def test_what_was_proven_stands_beside_what_was_owed(site: Site, scene: Scene, clock: ManualClock) -> None:
    commune = scene.communes[0]
    one, two = scene.receivers[commune]
    with site.db.writing() as session:
        past = add_airing(session, scene, clock, "Tin sáng", clock.now() - timedelta(hours=2), minutes=10)
        add_playout(session, past, one, "finished", clock)
        add_playout(session, past, two, "missed", clock, reason="power-off")
        coming = add_airing(session, scene, clock, "Tin chiều", clock.now() + timedelta(hours=2), minutes=10)
        add_playout(session, coming, one, "ready", clock)
    auditor = site.as_("auditor")
    shown = re.sub(r"\s+", " ", auditor.get("/thoi-luong").text)
    assert "1 / 1</td>" in shown
    assert "1 / 2</td>" in shown
    told = auditor.get("/api/v1/airtime").json()["rows"]
    assert [row["programme_ms"] for row in told] == [600_000]
    assert "10 phút</td>" in shown
    plays = auditor.get(f"/thoi-luong/{commune}").text
    assert "Tin chiều" not in plays
    assert "mất điện" in plays
    missed = auditor.get(f"/thoi-luong/{commune}", params={"tt": "missed"}).text
    assert "mất điện" in missed
    assert missed.count("<b>06:00</b>") == 1
    assert plays.count("<b>06:00</b>") == 2


def test_an_empty_or_a_wrong_period_is_told(site: Site, scene: Scene) -> None:
    auditor = site.as_("auditor")
    assert "chưa có lượt phát nào" in auditor.get("/thoi-luong", params={"tu": "2027-01-01", "den": "2027-01-31"}).text
    wrong = auditor.get("/thoi-luong", params={"tu": "2026-07-28", "den": "2026-07-01"})
    assert (wrong.status_code, "ngày cuối ở trước ngày đầu" in wrong.text) == (422, True)
    assert auditor.get("/thoi-luong", params={"tu": "mai"}).status_code == 422
    assert "Không có lượt phát nào" in auditor.get(f"/thoi-luong/{scene.communes[0]}").text
    assert auditor.get("/thoi-luong/01K00000000000000000000000").status_code == 404
