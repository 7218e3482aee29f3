"""The pages of rules and of local days: what holds and from where, set and ended by plain forms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx
from sqlalchemy import select

from api.auth import grants
from api.tables import User
from core.clock import ManualClock
from core.events import SYSTEM
from schedules.tables import Airing
from tests.api.scene import Scene, add_airing
from tests.api.site import Site


def _post(client: httpx.Client, path: str, given: Mapping[str, Any], page: str | None = None) -> httpx.Response:
    token = re.search(r'name="form" value="([^"]+)"', client.get(page or path).text)
    assert token
    return client.post(path, data={"form": token[1], **given})


def test_a_rule_is_set_seen_below_and_ended(site: Site, scene: Scene) -> None:
    admin, province, commune = site.as_("admin"), scene.province, scene.communes[0]
    first = admin.get("/quy-dinh")
    assert first.headers["location"] == f"/quy-dinh/{province}"
    assert "mặc định của hệ thống" in admin.get(f"/quy-dinh/{commune}").text
    for kind, given, said in (
        ("session_ms", {"gia_tri": "2,5", "lop": ["ordinary"]}, "mỗi buổi dài nhất: 2 phút 30 giây (thông thường)"),
        ("repeats", {"gia_tri": "4", "so_ngay": "7", "lop": ["ordinary", "priority"]}, "4 lần trong 7 ngày"),
        ("volume", {"gia_tri": "70"}, "âm lượng cao nhất: 70 %"),
        (
            "quiet",
            {"bat_dau": ["20h", "12:00", ""], "ket_thuc": ["5h30", "13:30", ""], "thu": ["1", "7"]},
            "giờ yên tĩnh: 20:00–05:30 T2, CN; 12:00–13:30 T2, CN",
        ),
        (
            "curve",
            {"bat_dau": ["05:00", "18:00", "", ""], "am_luong": ["50", "70", "", ""]},
            "05:00 50 %; 18:00 70 %",
        ),
    ):
        set_ = _post(admin, f"/quy-dinh/{province}/them/{kind}", {"tu_ngay": "2026-07-28", **given})
        assert set_.status_code == 303, set_.text
        shown = admin.get(f"/quy-dinh/{commune}").text
        assert said in shown
        assert f'theo <a href="/quy-dinh/{province}">Tỉnh Sông Bùi</a>' in shown
    own = admin.get(f"/quy-dinh/{province}").text
    end = re.search(r'action="(/quy-dinh/[^"]+/thoi/[^"]+)"', own)
    assert end
    before = own.count("Thôi áp dụng")
    ended = _post(admin, end[1], {"thoi_ngay": "2026-07-28"}, f"/quy-dinh/{province}")
    assert ended.status_code == 303
    assert admin.get(f"/quy-dinh/{province}").text.count("Thôi áp dụng") == before - 1


def test_what_is_wrong_with_a_rule_is_told_and_nothing_typed_is_lost(site: Site, scene: Scene) -> None:
    admin, commune = site.as_("admin"), scene.communes[0]
    for kind, given, said in (
        ("session_ms", {"gia_tri": "dài", "note": "Quyết định 12"}, "số phút phải là một số"),
        ("quiet", {"bat_dau": ["29h"], "ket_thuc": ["05:00"], "thu": ["1"], "note": "Quyết định 12"}, "giờ phát chưa"),
        ("volume", {"gia_tri": "50", "tu_ngay": "mai", "note": "Quyết định 12"}, "ngày bắt đầu chưa đúng"),
    ):  # fmt: skip
        refused = _post(admin, f"/quy-dinh/{commune}/them/{kind}", given)
        assert refused.status_code == 422, refused.text
        assert said in refused.text
        assert 'value="Quyết định 12"' in refused.text
    assert admin.get(f"/quy-dinh/{commune}/them/khong-co").status_code == 422
    operator = site.as_("operator")
    assert "Đặt quy định cho" not in operator.get(f"/quy-dinh/{commune}").text
    assert operator.get(f"/quy-dinh/{commune}/them/quiet").status_code == 403


def _standing(site: Site, airing: str) -> list[str]:
    with site.db.reading() as session:
        schedule = session.get_one(Airing, airing).schedule_id
        rows = session.scalars(select(Airing).where(Airing.schedule_id == schedule, Airing.status == "scheduled"))
        return [f"{row.starts_at:%d %H:%M}" for row in rows]


def test_a_local_day_is_set_and_taken_back(site: Site, scene: Scene, clock: ManualClock) -> None:
    commune = scene.communes[0]
    with site.db.writing() as session:
        start = clock.now().replace(hour=10)  # 17:00 of today
        airing = add_airing(session, scene, clock, "Bản tin chiều", start, unit_ids=[commune]).id
    operator = site.as_("operator")
    given: dict[str, Any] = {
        "unit_id": commune,
        "name": "Chợ Bưởi",
        "reason": "Ồn",
        "kieu": "dates",
        "tu_ngay": "2026-07-28",
        "viec": "skip",
    }
    made = _post(operator, "/ngay-rieng/moi", given)
    assert made.status_code == 303, made.text
    assert _standing(site, airing) == []
    shown = operator.get("/ngay-rieng", params={"noi": commune}).text
    assert "Chợ Bưởi" in shown
    assert "28/7/2026" in shown
    back = re.search(r'action="(/ngay-rieng/[^"]+/bo)"', shown)
    assert back
    assert _post(operator, back[1], {}, "/ngay-rieng").status_code == 303
    assert _standing(site, airing) == ["28 10:00"]
    assert "Chợ Bưởi" not in operator.get("/ngay-rieng").text
    moved = _post(operator, "/ngay-rieng/moi", given | {"viec": "move", "phut": "-30"})
    assert moved.status_code == 303, moved.text
    assert _standing(site, airing) == ["28 09:30"]
    assert "sớm hơn 30 phút" in operator.get("/ngay-rieng").text


def test_what_a_local_day_lacks_is_told(site: Site, scene: Scene) -> None:
    operator = site.as_("operator")
    given: dict[str, Any] = {"unit_id": scene.communes[0], "name": "Chợ", "reason": "Ồn", "tu_ngay": "2026-07-29"}
    for more, said in (
        ({"unit_id": ""}, "chưa chọn nơi nào"),
        ({"name": " "}, "chưa ghi tên"),
        ({"viec": "move", "phut": "lâu"}, "số phút dời"),
        ({"kieu": "lunar-yearly", "ngay": "40", "thang": "1"}, "ngày trong tháng"),
        ({"viec": "replace"}, "thay lịch thì cần lịch của ngày"),
        ({"kieu": "dates", "tu_ngay": "2026-07-20"}, "không có ngày nào từ hôm nay"),
        ({"kieu": "holiday", "le": "Ngày lạ", "den_ngay": "2027-01-01"}, "Ngày lạ"),
    ):
        refused = _post(operator, "/ngay-rieng/moi", {"kieu": "dates", "viec": "skip"} | given | more)
        assert refused.status_code in {404, 409, 422}, refused.text
        assert said in refused.text
    lunar = {"kieu": "lunar-monthly", "ngay": "15", "viec": "skip"} | given
    assert _post(operator, "/ngay-rieng/moi", lunar).status_code == 303
    assert "Mỗi tháng âm lịch" in operator.get("/ngay-rieng").text


def test_who_looks_after_one_commune_sets_nothing_elsewhere(site: Site, scene: Scene, clock: ManualClock) -> None:
    here, there = scene.communes[:2]
    with site.db.writing() as session:
        user = session.scalars(select(User).where(User.username == "auditor")).one()
        for grant in grants.of_user(session, user.id):
            grants.end(session, grant, actor=SYSTEM, clock=clock)
        grants.give(session, user.id, "officer", unit_id=here, actor=SYSTEM, clock=clock)
    officer = site.as_("auditor")
    assert officer.get("/xa-toi").headers["location"] == f"/xa-toi/{here}"
    assert officer.get(f"/xa-toi/{here}").status_code == 200
    assert officer.get(f"/xa-toi/{there}").status_code == 404
    assert officer.get("/lich/bang").status_code == 200
    assert officer.get("/buoi-phat").status_code == 200
    assert officer.get(f"/quy-dinh/{there}").status_code == 404
    token = re.search(r'name="form" value="([^"]+)"', officer.get("/ngay-rieng/moi").text)
    assert token
    given = {"form": token[1], "unit_id": there, "name": "Chợ", "reason": "Ồn", "kieu": "dates", "viec": "skip"}
    assert officer.post("/ngay-rieng/moi", data=given | {"tu_ngay": "2026-07-29"}).status_code == 404
    assert officer.post(f"/xa-toi/{there}/tam-dung", data={"form": token[1]}).status_code == 404
    assert officer.post(f"/xa-toi/{here}/tam-dung", data={"form": token[1]}).status_code == 303
