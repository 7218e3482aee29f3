"""Before saving, the operator sees what will be heard: sentences, what else is moved, and ways out that hold."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from broadcast.choice_tables import StandingAcceptance
from broadcast.tables import Bulletin, BulletinVersion, Programme, ProgrammeItem
from core.clock import ManualClock
from schedules.tables import Airing, Schedule
from tests.api.scene import Scene
from tests.api.site import Site
from tests.api.test_offers import made


def programme(site: Site, minutes: float, class_: str = "ordinary") -> str:
    with site.db.writing() as session:
        now = site.context.clock.now()
        bulletin = Bulletin(title="Tin", class_=class_, created_by="x", created_at=now)
        row = Programme(title="Tin", created_by="x", created_at=now)
        session.add_all([bulletin, row])
        session.flush()
        sha = site.context.store.put(row.id.encode())
        version = BulletinVersion(bulletin_id=bulletin.id, text="…", status="approved", written_by="x", written_at=now)
        session.add(version)
        session.flush()
        session.add(
            ProgrammeItem(
                programme_id=row.id,
                position=0,
                kind="chime",
                sha256=sha,
                duration_ms=int(minutes * 60_000) - 1000,
            )
        )
        session.add(
            ProgrammeItem(
                programme_id=row.id, position=1, kind="bulletin", version_id=version.id, sha256=sha, duration_ms=1000
            )
        )
        return row.id


def draft(programme_id: str, units: list[str], at: str = "17:00", title: str = "Bản tin chiều", **more: Any) -> Any:
    rule = {"kind": "daily", "first_date": "2026-07-28", "local_time": at}
    return {"title": title, "programme_id": programme_id, "rule": rule, "unit_ids": units} | more


@pytest.fixture(autouse=True)
def usable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programmes here have no mastered sound."""
    monkeypatch.setattr("broadcast.programmes.problems", lambda _session, _id: [])


def save(site: Site, body: Any) -> str:
    saved: str = made(site.as_("operator").post("/api/v1/schedules", json=body))["id"]
    return saved


def look(site: Site, body: Any) -> Any:
    return made(site.as_("operator").post("/api/v1/schedules/preview", json=body), 200)


def test_what_clashes_is_told_with_the_ways_out(site: Site, scene: Scene) -> None:
    here, there = scene.communes[:2]
    news = save(site, draft(programme(site, 12, "priority"), [here], title="Thời sự khu vực"))
    plain = draft(programme(site, 5), [here, there])
    found = look(site, plain)
    assert (found["occurrences"], found["receivers"], found["clashes"]) == (14, 4, True)
    shifted, on_time = found["outcomes"]
    assert shifted["told"] == (
        "17:00–17:12 tại xã Đồng Bùi đã có lịch “Thời sự khu vực” (ưu tiên); bản tin này sẽ phát lúc 17:12"
    )
    assert (shifted["fate"], shifted["local_time"], shifted["heard_from"]) == ("shifted", "17:00", "17:12")
    assert (shifted["units"], shifted["clashes_with"], len(shifted["days"])) == ([here], news, 14)
    assert (on_time["fate"], on_time["units"], on_time["receivers"]) == ("as_planned", [there], 2)
    assert on_time["told"] == "17:00–17:05 tại xã Suối Mơ: phát đúng giờ"
    ways = {option["kind"]: option for option in found["options"]}
    assert set(ways) == {"after", "before", "another_slot"}
    assert (ways["after"]["told"], ways["before"]["told"]) == ("phát sau, lúc 17:12", "phát trước, lúc 16:55")
    assert ways["another_slot"]["local_time"] == "16:55"
    # What is suggested holds: nothing clashes any more.
    for way in ways.values():
        moved = look(site, draft(plain["programme_id"], [here, there], way["local_time"]))
        assert (moved["clashes"], moved["options"]) == (False, [])
    with site.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Schedule)) == 1


def test_what_is_saved_is_what_was_looked_at(site: Site, scene: Scene) -> None:
    """The preview of a schedule and the day as it is heard after saving come to the same."""
    here = scene.communes[0]
    save(site, draft(programme(site, 12, "priority"), [here], title="Thời sự"))
    plain = draft(programme(site, 5), [here])
    (outcome,) = look(site, plain)["outcomes"]
    saved = save(site, plain)
    box = scene.receivers[here][0]
    day = made(site.as_("auditor").get("/api/v1/heard", params={"receiver": box, "date": "2026-07-29"}), 200)
    (item,) = [one for one in day["items"] if one["schedule_id"] == saved]
    assert (outcome["heard_from"], item["starts_at"]) == ("17:12", "2026-07-29T10:12:00Z")
    # And looked at as a change of itself it doesn't clash with itself.
    (again,) = look(site, plain | {"schedule_id": saved})["outcomes"]
    assert again["told"] == outcome["told"]


def test_what_it_does_to_others_is_told_too(site: Site, scene: Scene) -> None:
    here = scene.communes[0]
    own = save(site, draft(programme(site, 5), [here], "17:05", title="Tin xã"))
    found = look(site, draft(programme(site, 12, "priority"), [here], title="Thời sự"))
    assert [one["fate"] for one in found["outcomes"]] == ["as_planned"]
    (moved,) = found["displaced"]
    assert (moved["schedule_id"], moved["heard_from"]) == (own, "17:12")
    assert moved["told"] == ("17:00–17:12 tại xã Đồng Bùi đã có lịch “Thời sự” (ưu tiên); “Tin xã” sẽ phát lúc 17:12")
    ways = {option["kind"]: option for option in found["options"]}
    assert ways["shorten"]["told"] == "rút ngắn 7 phút, còn 5 phút, thì xong trước lịch kia"
    assert ways["shorten"]["duration_ms"] == 5 * 60_000


def test_equals_may_be_put_in_another_order_by_the_commune(site: Site, scene: Scene) -> None:
    here = scene.communes[0]
    first = save(site, draft(programme(site, 12, "priority"), [here], title="Một"))
    found = look(site, draft(programme(site, 12, "priority"), [here], title="Hai"))
    order = next(option for option in found["options"] if option["kind"] == "order")
    assert (order["clashes_with"], order["told"]) == (first, "xã, phường có thể xếp bản tin này trước “Một”")


def test_offers_that_nobody_has_taken_are_told_by_place(site: Site, scene: Scene, clock: ManualClock) -> None:
    with site.db.writing() as session:
        for row in session.scalars(
            select(StandingAcceptance).where(StandingAcceptance.unit_id.in_(scene.communes[:2]))
        ):
            row.ended_at = clock.now()
    found = look(site, draft(programme(site, 5), [scene.province]))
    silent, airs = found["outcomes"]
    assert (silent["fate"], silent["why"]) == ("not_aired", "not_accepted")
    assert set(silent["units"]) == set(scene.communes[:2])
    assert silent["told"] == "2 xã, phường chưa tiếp nhận nên bản tin này không phát ở đó"
    assert (airs["fate"], len(airs["units"]), found["options"]) == ("as_planned", 3, [])


def test_the_way_out_is_none_that_the_rules_forbid(site: Site, scene: Scene) -> None:
    here = scene.communes[0]
    save(site, draft(programme(site, 55, "priority"), [here], "20:00", title="Trực tiếp"))
    found = look(site, draft(programme(site, 10), [here], "20:00"))
    (outcome,) = found["outcomes"]
    assert outcome["fate"] == "not_aired"
    assert outcome["told"] == (
        "20:00–20:55 tại xã Đồng Bùi đã có lịch “Trực tiếp” (ưu tiên); "
        "sau đó vướng “giờ yên tĩnh: 21:00–05:00” nên bản tin này không phát"
    )
    assert {option["kind"]: option["local_time"] for option in found["options"]} == {
        "before": "19:50",
        "another_slot": "19:50",
    }


def test_bad_drafts_are_refused_as_they_would_be(site: Site, scene: Scene) -> None:
    operator, good = site.as_("operator"), draft(programme(site, 5), [scene.communes[0]])
    for wrong, status in (
        ({"unit_ids": ["x"]}, 422),
        ({"unit_ids": []}, 422),
        ({"programme_id": "x"}, 404),
        ({"schedule_id": "x"}, 404),
        ({"rule": {"kind": "weekly", "first_date": "2026-07-28", "local_time": "17:00"}}, 422),
    ):
        assert operator.post("/api/v1/schedules/preview", json=good | wrong).status_code == status, wrong
    assert site.as_("editor").post("/api/v1/schedules/preview", json=good).status_code == 403
    past = look(site, good | {"rule": {"kind": "once", "first_date": "2026-07-27", "local_time": "17:00"}})
    assert (past["occurrences"], past["outcomes"]) == (0, [])
    with site.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Airing)) == 0


def test_what_lies_beyond_the_horizon_is_told(site: Site, scene: Scene) -> None:
    body = draft(programme(site, 5), [scene.communes[0]])
    assert look(site, body | {"rule": body["rule"] | {"kind": "once"}})["warnings"] == []
    assert "lập chi tiết đến" in look(site, body | {"rule": body["rule"] | {"first_date": "2027-01-10"}})["warnings"][0]
