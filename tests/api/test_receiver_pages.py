"""The pages of receivers: each thing said is a fact of the tables, with its time; and the month as it was."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from broadcast.tables import CommandAnswer, IssuedCommand
from core.clock import ManualClock, to_ms
from devices.tables import Receiver
from tests.api.scene import Scene, add_airing, add_playout
from tests.api.site import Site


def test_what_cannot_be_heard_is_found(site: Site, scene: Scene, clock: ManualClock) -> None:
    heard, away, silent = (scene.receivers[commune][0] for commune in scene.communes[:3])
    with site.db.writing() as session:
        begun = clock.now() - timedelta(hours=3)
        airing = add_airing(session, scene, clock, "Tin sáng", begun, minutes=10, status="closed")
        add_playout(session, airing, heard, "finished", clock)
        add_playout(session, airing, silent, "unconfirmed", clock)
        session.get_one(Receiver, away).online = False
        session.get_one(Receiver, scene.receivers[scene.communes[4]][1]).status = "revoked"
    auditor = site.as_("auditor")
    whole = auditor.get("/bo-thu").text
    assert "Đang dùng <b>9</b>" in whole
    assert whole.count("3 ngày qua không có lần hẹn nào") == 7
    lost = auditor.get("/bo-thu", params={"loc": "mat"}).text
    assert away in lost
    assert heard not in lost
    mute = auditor.get("/bo-thu", params={"loc": "im"}).text
    assert silent in mute
    assert heard not in mute
    assert "1 lần hẹn trong 3 ngày, chưa lần nào có nhật ký phát" in mute
    assert "Đã thu hồi <b>1</b>" in whole
    assert silent in auditor.get("/bo-thu", params={"tim": "thon 1 xa thuong lam"}).text
    assert "Không có bộ thu nào như vậy" in auditor.get("/bo-thu", params={"tim": "không đâu cả"}).text
    assert "Cấp mã ghi danh" not in whole
    assert "Cấp mã ghi danh" in site.as_("admin").get("/bo-thu").text


def test_a_month_is_shown_by_the_worst_of_each_hour(site: Site, scene: Scene, clock: ManualClock) -> None:
    box = scene.receivers[scene.communes[0]][0]
    with site.db.writing() as session:
        receiver = session.get_one(Receiver, box)
        clock_facts = {"source": "signed", "error_ms": 14.2}
        receiver.last_status = {"online": True, "at": to_ms(clock.now()), "volume": 70, "clock": clock_facts}
        for minutes, state in ((180, "finished"), (170, "missed"), (24 * 60, "finished"), (40 * 24 * 60, "partial")):
            start = clock.now() - timedelta(minutes=minutes)
            airing = add_airing(session, scene, clock, f"Tin {minutes}", start, minutes=5, status="closed")
            add_playout(session, airing, box, state, clock)
        later = add_airing(session, scene, clock, "Tin sau", clock.now() + timedelta(hours=1))
        add_playout(session, later, box, "ready", clock)
    operator = site.as_("operator")
    july = operator.get(f"/bo-thu/{box}").text
    assert july.count('<td class="missed">') == 1  # 05:00 and 05:10 share their hour
    assert july.count('<td class="finished">') == 1
    assert '<td class="ready">' not in july  # what lies ahead is no part of what was
    assert "05:00 phát đủ; 05:10 không phát" in july
    assert "lệch không quá 15 ms" in july
    june = operator.get(f"/bo-thu/{box}", params={"thang": "2026-06"}).text
    assert june.count('<td class="partial">') == 1
    assert "chưa có lần hẹn phát nào" in operator.get(f"/bo-thu/{box}", params={"thang": "2026-01"}).text
    for wrong in ("2026-13", "mai", "0001-01"):
        assert operator.get(f"/bo-thu/{box}", params={"thang": wrong}).status_code == 422
    assert operator.get("/bo-thu/01K00000000000000000000000").status_code == 404


def test_a_box_is_told_by_hand_and_its_answer_is_shown(site: Site, scene: Scene, clock: ManualClock) -> None:
    box = scene.receivers[scene.communes[0]][0]
    operator, auditor = site.as_("operator"), site.as_("auditor")
    token = re.search(r'name="form" value="([^"]+)"', operator.get(f"/bo-thu/{box}").text)
    assert token
    for action, given in (("thu-loa", {}), ("am-luong", {"muc": 60}), ("tat-tieng", {"gio": 3})):
        told = operator.post(f"/bo-thu/{box}/{action}", data={"form": token[1], **given})
        assert told.status_code == 303, told.text
    assert operator.post(f"/bo-thu/{box}/am-luong", data={"form": token[1], "muc": 101}).status_code == 422
    with site.db.writing() as session:
        given_out = {one.name: one for one in session.scalars(select(IssuedCommand))}
        assert given_out["volume"].body["volume"] == 60
        assert given_out["mute"].body["until"] == to_ms(clock.now() + timedelta(hours=3))
        tone = given_out["test-tone"].id
        session.add(
            CommandAnswer(
                command_id=tone, receiver_id=box, result="refused", reason="quiet-hours", answered_at=clock.now()
            )
        )
    shown = operator.get(f"/bo-thu/{box}").text
    assert "bộ thu từ chối: trong giờ yên lặng" in shown
    assert "đặt âm lượng</b> 60 %" in shown
    assert "Thử loa 3 giây" not in auditor.get(f"/bo-thu/{box}").text


@pytest.mark.parametrize("hours", [-1, 24 * 8])
def test_nobody_is_silenced_for_longer_than_a_week(site: Site, scene: Scene, clock: ManualClock, hours: int) -> None:
    box = scene.receivers[scene.communes[0]][0]
    until = (clock.now() + timedelta(hours=hours)).isoformat()
    refused = site.as_("operator").post(f"/api/v1/receivers/{box}/mute", json={"until": until})
    assert refused.status_code == 422
    assert "trong 7 ngày tới" in refused.json()["detail"]
