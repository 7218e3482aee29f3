"""Offers through the API: who takes them, who is told why not, and what comes first where two clash."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from broadcast.choice_tables import StandingAcceptance
from broadcast.tables import Bulletin, BulletinVersion, PlanRequest, Programme, ProgrammeItem
from core.clock import ManualClock
from schedules.tables import Airing, Schedule
from tests.api.scene import Scene, add_airing
from tests.api.site import Site


def made(answer: Any, status: int = 201) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture
def offered(site: Site, scene: Scene, clock: ManualClock) -> str:
    """An ordinary airing of the province's, tonight, at all communes; none of them has a standing acceptance."""
    with site.db.writing() as session:
        for row in session.scalars(select(StandingAcceptance)):
            row.ended_at = clock.now()
        airing = add_airing(session, scene, clock, "Bản tin tỉnh", clock.now() + timedelta(hours=9))
        session.get_one(Schedule, airing.schedule_id).owner_id = scene.province
        return airing.id


def offers(site: Site, **params: Any) -> list[Any]:
    found: list[Any] = made(site.as_("auditor").get("/api/v1/offers", params=params), 200)
    return found


def test_the_sender_sees_who_takes_it_and_the_commune_what_it_is_offered(
    site: Site, scene: Scene, offered: str
) -> None:
    with site.db.reading() as session:
        schedule = session.get_one(Airing, offered).schedule_id
    sent = offers(site, schedule_id=schedule)
    assert {one["unit_id"] for one in sent} == set(scene.communes)
    assert {one["unanswered"] for one in sent} == {1}
    assert "Xã Đồng Bùi chưa trả lời nên 1 lần phát “Bản tin tỉnh” không phát ở đó" in {one["told"] for one in sent}
    first = scene.communes[0]
    operator = site.as_("operator")
    answer = made(
        operator.post(
            "/api/v1/offers/answers", json={"unit_id": first, "airing_id": offered, "accepted": True, "note": "Được"}
        )
    )
    assert (answer["accepted"], answer["decided_by_name"], answer["note"]) == (True, "Phạm Thu Hà", "Được")
    with site.db.reading() as session:
        assert set(session.scalars(select(PlanRequest.receiver_id))) == set(scene.receivers[first])
    (mine,) = offers(site, unit_id=first)
    assert (mine["owner"], mine["accepted"], mine["unanswered"]) == ("Tỉnh Sông Bùi", 1, 0)
    assert mine["told"] == "Xã Đồng Bùi tiếp nhận “Bản tin tỉnh”"

    no = made(
        operator.post("/api/v1/offers/answers", json={"unit_id": first, "schedule_id": schedule, "accepted": False})
    )
    (mine,) = offers(site, unit_id=first)
    assert mine["accepted"] == 1  # the answer for the one airing goes first
    made(operator.post(f"/api/v1/offers/answers/{answer['id']}/revoke"), 200)
    (mine,) = offers(site, unit_id=first)
    assert (mine["declined"], mine["told"]) == (1, "Xã Đồng Bùi không tiếp nhận 1 lần phát “Bản tin tỉnh”")
    assert operator.post(f"/api/v1/offers/answers/{answer['id']}/revoke").status_code == 409
    made(operator.post(f"/api/v1/offers/answers/{no['id']}/revoke"), 200)
    assert made(operator.get("/api/v1/offers/answers", params={"unit_id": first}), 200) == []
    assert len(made(operator.get("/api/v1/offers/answers", params={"unit_id": first, "ended": True}), 200)) == 2


def test_standing_acceptance_is_given_and_revoked(site: Site, scene: Scene, offered: str) -> None:
    operator, commune = site.as_("operator"), scene.communes[1]
    body = {"unit_id": commune, "from_unit_id": scene.province}
    given = made(operator.post("/api/v1/acceptances", json=body))
    assert made(operator.post("/api/v1/acceptances", json=body))["id"] == given["id"]
    assert offers(site, unit_id=commune)[0]["accepted"] == 1
    assert [one["id"] for one in made(operator.get("/api/v1/acceptances", params={"unit_id": commune}), 200)] == [
        given["id"]
    ]
    made(operator.post(f"/api/v1/acceptances/{given['id']}/revoke"), 200)
    assert offers(site, unit_id=commune)[0]["unanswered"] == 1
    beside = operator.post("/api/v1/acceptances", json={"unit_id": commune, "from_unit_id": scene.communes[0]})
    assert (beside.status_code, beside.json()["type"]) == (422, "/problems/not-above-the-commune")
    above = operator.post("/api/v1/acceptances", json={"unit_id": scene.province})
    assert (above.status_code, above.json()["type"]) == (422, "/problems/not-a-commune")
    assert site.as_("editor").post("/api/v1/acceptances", json=body).status_code == 403


def test_what_is_no_offer_is_refused_with_the_way_out(
    site: Site, scene: Scene, offered: str, clock: ManualClock
) -> None:
    operator, commune = site.as_("operator"), scene.communes[0]
    with site.db.writing() as session:
        own = add_airing(session, scene, clock, "Của xã", clock.now() + timedelta(hours=9), unit_ids=[commune])
        session.get_one(Schedule, own.schedule_id).owner_id = commune
        elsewhere = add_airing(
            session, scene, clock, "Nơi khác", clock.now() + timedelta(hours=9), unit_ids=[scene.communes[2]]
        )
        session.get_one(Schedule, elsewhere.schedule_id).owner_id = scene.province
        ids = {"own": own.id, "elsewhere": elsewhere.id}
    for name, said in (("own", "lịch của chính địa phương"), ("elsewhere", "không phát ở đó")):
        refused = operator.post(
            "/api/v1/offers/answers", json={"unit_id": commune, "airing_id": ids[name], "accepted": False}
        )
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-an-offer"), refused.text
        assert said in refused.json()["detail"]
    both = {"unit_id": commune, "airing_id": offered, "schedule_id": offered, "accepted": True}
    assert operator.post("/api/v1/offers/answers", json=both).status_code == 422
    assert operator.get("/api/v1/offers").status_code == 422
    clock.advance(timedelta(hours=9))
    late = site.as_("operator").post(
        "/api/v1/offers/answers", json={"unit_id": commune, "airing_id": offered, "accepted": True}
    )
    assert (late.status_code, late.json()["type"]) == (409, "/problems/airing-begun")


def priority(site: Site, scene: Scene, clock: ManualClock, title: str, starts_at: datetime) -> str:
    """A priority airing in the whole province."""
    with site.db.writing() as session:
        now = clock.now()
        programme = Programme(title=title, created_by="x", created_at=now)
        session.add(programme)
        session.flush()
        airing = add_airing(session, scene, clock, title, starts_at)
        airing.programme_id = session.get_one(Schedule, airing.schedule_id).programme_id = programme.id
        bulletin = Bulletin(title=title, class_="priority", created_by="x", created_at=now)
        session.add(bulletin)
        session.flush()
        version = BulletinVersion(bulletin_id=bulletin.id, text="…", status="approved", written_by="x", written_at=now)
        session.add(version)
        session.flush()
        session.add(
            ProgrammeItem(
                programme_id=programme.id,
                position=0,
                kind="bulletin",
                version_id=version.id,
                sha256="0" * 64,
                duration_ms=1000,
            )
        )
        return airing.id


def test_the_commune_puts_one_before_the_other_until_it_begins(site: Site, scene: Scene, clock: ManualClock) -> None:
    operator, commune = site.as_("operator"), scene.communes[0]
    evening = clock.now() + timedelta(hours=9)
    first, second = (priority(site, scene, clock, title, evening) for title in ("Một", "Hai"))
    later = priority(site, scene, clock, "Ba", evening + timedelta(hours=2))
    body = {"unit_id": commune, "first_airing_id": second, "second_airing_id": first}
    chosen = made(operator.post("/api/v1/clash-orders", json=body))
    turned = made(
        operator.post("/api/v1/clash-orders", json=body | {"first_airing_id": first, "second_airing_id": second})
    )
    listed = made(operator.get("/api/v1/clash-orders", params={"unit_id": commune}), 200)
    assert [one["id"] for one in listed] == [turned["id"]]  # the other one is ended
    assert chosen["first_schedule_id"] == turned["second_schedule_id"]
    apart = operator.post("/api/v1/clash-orders", json=body | {"second_airing_id": later})
    assert (apart.status_code, apart.json()["type"]) == (409, "/problems/no-clash")
    always = made(operator.post("/api/v1/clash-orders", json=body | {"always": True}))
    assert always["first_start"] is None
    clock.advance(timedelta(hours=9))
    operator = site.as_("operator")
    assert operator.post(f"/api/v1/clash-orders/{turned['id']}/revoke").status_code == 409
    made(operator.post(f"/api/v1/clash-orders/{always['id']}/revoke"), 200)
