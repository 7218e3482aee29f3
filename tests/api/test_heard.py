"""The day of a place: what was proven, what is on air, what is to come, and what won't be heard there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from broadcast.choice_tables import StandingAcceptance
from broadcast.tables import IssuedCommand, StoredRecord
from core.clock import ManualClock
from schedules.tables import Schedule, ScheduleTarget
from tests.api.scene import Scene, add_airing, add_day
from tests.api.site import Site
from tests.api.test_offers import made, priority


@pytest.fixture
def day(site: Site, scene: Scene, clock: ManualClock) -> Scene:
    clock.advance(timedelta(hours=8))  # 16:00
    with site.db.writing() as session:
        add_day(session, scene, clock)
    return scene


def heard(site: Site, **params: Any) -> Any:
    return made(site.as_("auditor").get("/api/v1/heard", params=params), 200)


def shown(found: Any) -> list[tuple[str, str]]:
    return [(item["title"], item["state"]) for item in found["items"]]


def test_the_day_of_a_receiver(site: Site, day: Scene) -> None:
    box = day.receivers[day.communes[0]][0]
    found = heard(site, receiver=box)
    assert shown(found) == [
        ("Chương trình sáng", "finished"),
        ("Nhắc lịch tiêm chủng", "cancelled"),
        ("Phòng, chống mua bán người", "playing"),
        ("Bản tin chiều", "ready"),
    ]
    assert [item["told"] for item in found["items"]] == [
        "05:00–05:45 “Chương trình sáng” (thông thường), 45 phút: đã phát đủ",
        "11:15–11:25 “Nhắc lịch tiêm chủng” (thông thường), 10 phút: đã hủy",
        "15:56–16:11 “Phòng, chống mua bán người” (thông thường), 15 phút: đang phát",
        "16:22–16:52 “Bản tin chiều” (thông thường), 30 phút: bộ thu đã sẵn sàng",
    ]
    assert (found["day"], found["planned_ms"], found["played_ms"]) == ("2026-07-28", 90 * 60_000, 45 * 60_000)
    away = heard(site, receiver=day.receivers[day.communes[1]][1])
    assert away["items"][-1]["warnings"] == ["bộ thu mất kết nối, nghe lần cuối 15:34"]
    other_day = heard(site, receiver=box, date="2026-07-29")
    assert shown(other_day) == []


def test_what_lies_ahead_is_settled_as_plans_are(site: Site, day: Scene, clock: ManualClock) -> None:
    commune = day.communes[0]
    box = day.receivers[commune][0]
    evening = clock.now() + timedelta(hours=3)
    priority(site, day, clock, "Thời sự", evening)
    with site.db.writing() as session:
        for row in session.scalars(select(StandingAcceptance).where(StandingAcceptance.unit_id == commune)):
            row.ended_at = clock.now()
        plain = add_airing(session, day, clock, "Bản tin xã", evening, minutes=5, unit_ids=[commune])
        offer = add_airing(session, day, clock, "Bản tin tỉnh", evening + timedelta(hours=1))
        night = add_airing(session, day, clock, "Đêm", evening + timedelta(hours=2, minutes=30), unit_ids=[box])
        night.unit_ids, night.receiver_ids = [], [box]
        schedule = session.get_one(Schedule, night.schedule_id)
        schedule.unit_ids, schedule.receiver_ids = [], [box]
        session.get_one(Schedule, offer.schedule_id).owner_id = day.province
        session.get_one(Schedule, plain.schedule_id).owner_id = commune
        session.flush()
        named = session.scalars(select(ScheduleTarget.target_id).where(ScheduleTarget.schedule_id == schedule.id))
        assert named.all() == [box]
    found = heard(site, receiver=box)["items"][-4:]
    assert [(item["title"], item["state"]) for item in found] == [
        ("Thời sự", "planned"),
        ("Bản tin xã", "planned"),
        ("Bản tin tỉnh", "unanswered"),
        ("Đêm", "against_rules"),
    ]
    assert found[1]["starts_at"] == "2026-07-28T12:15:00Z"
    assert found[1]["timetable_at"] == "2026-07-28T12:00:00Z"
    assert found[1]["warnings"] == ["19:00–19:15 đã có lịch “Thời sự” (ưu tiên); lần này sẽ phát lúc 19:15"]
    assert found[2]["told"] == ("20:00–20:15 “Bản tin tỉnh” (thông thường), 15 phút: xã chưa tiếp nhận, không phát")
    [why] = found[3]["warnings"]
    assert why.startswith("trái quy định phát: “Đêm” lúc 21:30 thứ Ba 28/07/2026 rơi vào giờ yên tĩnh 15 phút")
    assert found[3]["told"].endswith("trái quy định phát, không phát")
    neighbour = heard(site, receiver=day.receivers[commune][1])["items"]
    assert "Đêm" not in {item["title"] for item in neighbour}


def test_the_day_of_a_unit_puts_alike_receivers_together(site: Site, day: Scene) -> None:
    found = heard(site, unit=day.communes[1])
    assert found["receivers"] == 2
    onair = [(item["state"], item["receivers"]) for item in found["items"] if item["title"].startswith("Phòng")]
    assert sorted(onair) == [("delivered", 1), ("playing", 1)]
    everywhere = heard(site, unit=day.province)
    morning = [item for item in everywhere["items"] if item["title"] == "Chương trình sáng"]
    assert {item["state"]: item["receivers"] for item in morning} == {"finished": 8, "partial": 1, "unconfirmed": 1}


def test_what_a_command_played_was_heard_too(site: Site, day: Scene, clock: ManualClock) -> None:
    box = day.receivers[day.communes[0]][0]
    now = clock.now() - timedelta(hours=2)
    with site.db.writing() as session:
        command = IssuedCommand(
            audience=f"rx/{box}",
            name="play-now",
            body={"class": "emergency", "title": "Bão khẩn cấp"},
            expires_at=now,
            issued_by="x",
            issued_at=now,
        )
        session.add(command)
        session.flush()
        session.add(
            StoredRecord(
                receiver_id=box,
                log="L",
                seq=1,
                canonical_sha256="0",
                prev="0",
                airing_id=command.id,
                item_id="I",
                outcome="finished",
                planned_at=now,
                started_at=now,
                ended_at=now + timedelta(seconds=62),
                played_ms=62_000,
                body={"reason": ""},
                received_at=now,
            )
        )
    (item,) = [one for one in heard(site, receiver=box)["items"] if one["kind"] == "command"]
    assert item["told"] == "14:00–14:01:02 “Bão khẩn cấp” (khẩn cấp), 1 phút 2 giây: đã phát đủ"
    assert (item["class"], item["played_ms"]) == ("emergency", 62_000)


def test_questions_that_have_no_answer(site: Site, scene: Scene) -> None:
    reader = site.as_("auditor")
    assert reader.get("/api/v1/heard").status_code == 422
    assert reader.get("/api/v1/heard", params={"receiver": "x", "unit": "y"}).status_code == 422
    assert reader.get("/api/v1/heard", params={"receiver": "x"}).status_code == 404
    assert reader.get("/api/v1/heard", params={"unit": "x"}).status_code == 404


def test_a_day_that_is_not_made_yet_says_so(site: Site, scene: Scene) -> None:
    reader = site.as_("auditor")
    asked = {"unit": scene.communes[0]}
    near = made(reader.get("/api/v1/heard", params=asked | {"date": "2026-08-09"}), 200)
    far = made(reader.get("/api/v1/heard", params=asked | {"date": "2026-08-11"}), 200)
    assert near["warnings"] == []
    assert "lập chi tiết đến 08:00 ngày 11/08/2026" in far["warnings"][0]
