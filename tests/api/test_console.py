"""The pages without a browser: what they say, what they refuse, and what they never contain."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import select

from api.pages import words
from broadcast.tables import (
    Bulletin,
    BulletinVersion,
    CommandAnswer,
    IssuedCommand,
    IssuedPlan,
    Playout,
    ProgrammeItem,
    RecordFork,
)
from core.clock import ManualClock
from core.events import SYSTEM, record
from core.ids import new_id
from devices.tables import Receiver
from schedules.tables import Airing, Lease
from tests.api.scene import PASSWORD, ZONE, Scene, add_airing, add_day, add_leader, add_playout
from tests.api.site import Site
from tests.support.statements import statements

PAGE_BYTES_MAX = 100_000


def _form(page: str) -> str:
    found = re.search(r'name="form" value="([0-9a-f]{64})"', page)
    assert found
    return found.group(1)


def _text(page: str) -> str:
    """What a person reads, in one line."""
    plain = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", plain))


def _desk(site: Site, scene: Scene, clock: ManualClock) -> None:
    """17:04 on a full day, with a leader."""
    clock.advance(datetime(2026, 7, 28, 17, 4, 10, tzinfo=ZONE) - clock.now())
    with site.db.writing() as session:
        add_leader(session, expires_at=time.time() + 3600)
        add_day(session, scene, clock)


def _airing(site: Site, scene: Scene, title: str) -> Airing:
    with site.db.reading() as session:
        return session.get_one(Airing, scene.airings[title])


# --- login -----------------------------------------------------------------------------------------


def test_login_by_form_comes_back_to_where_one_was_going(site: Site) -> None:
    client = site.client()
    first = client.get("/gioi-thieu?x=1")
    assert first.headers["location"] == "/dang-nhap?tiep=%2Fgioi-thieu%3Fx%3D1"
    page = client.get(first.headers["location"])
    assert "SameSite=strict" in page.headers["set-cookie"]
    fields = {"form": _form(page.text), "tiep": "/gioi-thieu?x=1", "username": "operator", "password": PASSWORD}
    answer = client.post("/dang-nhap", data=fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/gioi-thieu?x=1")
    assert client.get("/").status_code == 200
    assert client.get("/dang-nhap").headers["location"] == "/"


@pytest.mark.parametrize("path", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere", "x", "/a\nb"])
def test_login_never_sends_anyone_elsewhere(site: Site, path: str) -> None:
    client = site.client()
    form = _form(client.get("/dang-nhap").text)
    fields = {"form": form, "tiep": path, "username": "operator", "password": PASSWORD}
    assert client.post("/dang-nhap", data=fields).headers["location"] == "/"


def test_a_failed_login_keeps_the_name_and_not_the_password(site: Site) -> None:
    client = site.client()
    form = _form(client.get("/dang-nhap").text)
    answer = client.post("/dang-nhap", data={"form": form, "username": "ai<đó>", "password": "mật khẩu sai"})
    assert answer.status_code == 401
    assert 'value="ai&lt;đó&gt;"' in answer.text
    assert "mật khẩu sai" not in answer.text
    assert "Tên đăng nhập hoặc mật khẩu không đúng" in answer.text


def test_the_login_form_needs_its_own_token(site: Site) -> None:
    answer = site.client().post("/dang-nhap", data={"username": "operator", "password": PASSWORD})
    assert answer.status_code == 403
    assert "Hãy tải lại trang" in answer.text
    assert "truyenthanh=" not in answer.headers.get("set-cookie", "")


def test_logging_out_needs_the_form_and_ends_the_session(site: Site) -> None:
    client = site.as_("operator")
    assert client.post("/dang-xuat").status_code == 403
    form = _form(client.get("/").text)
    assert site.as_("auditor").post("/dang-xuat", data={"form": form}).status_code == 403  # another login's
    assert client.post("/dang-xuat", data={"form": form}).headers["location"] == "/dang-nhap"
    assert client.get("/").status_code == 303


# --- the day ---------------------------------------------------------------------------------------


def test_the_day_answers_its_question(site: Site, scene: Scene, clock: ManualClock) -> None:
    _desk(site, scene, clock)
    text = _text(site.as_("operator").get("/").text)
    assert "Hôm nay phát gì, ở đâu, có ổn không?" in text
    assert "Thứ Ba, ngày 28 tháng 7 năm 2026" in text
    assert "Đang phát 1 chương trình." in text
    assert "05:00 Chương trình sáng: 1 bộ thu phát một phần, 1 bộ thu chưa xác nhận" in text
    assert "Xã Thượng Lâm: Nhà văn hóa thôn 1 (mất điện)" in text
    assert "17:26 Bản tin chiều: 2 bộ thu chưa sẵn sàng, còn 22 phút" in text
    assert "Xã Suối Mơ: Nhà văn hóa thôn 2 (chưa tải đủ âm thanh, mất kết nối)" in text
    assert "Phòng, chống mua bán người: 1 bộ thu chưa báo phát" in text
    assert "2 bộ thu mất kết nối" in text
    assert "3 xã, 6 bộ thu" in text
    assert "5 đang phát" in text
    assert "05:00:00 – 05:45:00" in text
    assert "đã hủy" in text
    assert "Dừng phát" in text
    assert "device" not in text.lower()
    # Communes in the order of the Vietnamese alphabet.
    communes = re.findall(r'scope="rowgroup">\s*([^\n<]+)', site.as_("operator").get("/").text)
    names = [name.strip() for name in communes]
    assert names == ["Xã Cầu Gạch", "Xã Đồng Bùi", "Xã Suối Mơ", "Xã Tân Hòa", "Xã Thượng Lâm"]


def test_the_time_line_says_in_words_what_it_draws(site: Site, scene: Scene, clock: ManualClock) -> None:
    _desk(site, scene, clock)
    page = site.as_("operator").get("/").text
    label = re.search(r'role="img" aria-label="(Xã Suối Mơ: [^"]+)"', page)
    assert label
    assert label.group(1) == (
        "Xã Suối Mơ: 05:00 Chương trình sáng: phát đủ; 11:15 Nhắc lịch tiêm chủng: đã hủy; "
        "17:00 Phòng, chống mua bán người: đang phát; 17:26 Bản tin chiều: đã gửi"
    )
    now = re.findall(r'class="now" x1="([\d.]+)%"', page)
    assert len(set(now)) == 1
    assert 80 < float(now[0]) < 100


def test_a_quiet_day_says_so(site: Site, scene: Scene, clock: ManualClock) -> None:
    with site.db.writing() as session:
        add_leader(session, expires_at=time.time() + 3600)
        add_airing(session, scene, clock, "Bản tin chiều", clock.now() + timedelta(hours=9))
    text = _text(site.as_("operator").get("/").text)
    assert "Chưa có gì đang phát. Lần tới 17:00, còn 9 giờ: Bản tin chiều, 5 xã. Mọi việc đều ổn." in text


def test_an_empty_house_teaches(site: Site, scene: Scene) -> None:
    with site.db.writing() as session:
        for receiver in session.scalars(select(Receiver)):
            receiver.status = "revoked"
    text = _text(site.as_("operator").get("/").text)
    assert "Chưa có bộ thu và lịch phát thanh" in text


def test_what_began_before_midnight_is_still_there(site: Site, scene: Scene, clock: ManualClock) -> None:
    clock.advance(datetime(2026, 7, 29, 0, 5, tzinfo=ZONE) - clock.now())
    with site.db.writing() as session:
        add_airing(session, scene, clock, "Đêm giao thừa", clock.now() - timedelta(minutes=20), minutes=60)
        add_airing(session, scene, clock, "Hôm qua", clock.now() - timedelta(hours=3), minutes=60)
    text = _text(site.as_("operator").get("/").text)
    assert "Đêm giao thừa" in text
    assert "Hôm qua" not in text


def test_a_lost_leader_forks_and_refused_plans_are_seen(site: Site, scene: Scene, clock: ManualClock) -> None:
    box, other = scene.receivers[scene.communes[0]]
    client = site.as_("operator")
    assert "Bộ lập lịch chưa từng chạy" in _text(client.get("/").text)
    with site.db.writing() as session:
        add_leader(session, expires_at=time.time() - 40)
        facts = {"log": new_id(), "seq": 7, "canonical_sha256": "a" * 64, "body": {}, "received_at": clock.now()}
        session.add(RecordFork(receiver_id=box, **facts))
        session.add(
            IssuedPlan(
                receiver_id=other,
                revision=5,
                issued_at=clock.now(),
                valid_until=clock.now() + timedelta(hours=72),
                digest="d",
                token="t",
                fence=1,
                refused_reason="cap-day",
            )
        )
    text = _text(client.get("/").text)
    assert re.search(r"Bộ lập lịch ngừng từ 4\d giây trước", text)
    assert "Nhật ký phát mâu thuẫn" in text
    assert "1 bộ thu từ chối lịch mới nhất" in text
    assert "đã phát đủ số phút của ngày" in text
    with site.db.writing() as session:
        session.scalars(select(Lease)).one().expires_at = time.time() + 60
    assert "Bộ lập lịch" not in _text(client.get("/").text)


def test_a_plan_too_large_to_send_is_seen_until_one_is_issued(site: Site, scene: Scene, clock: ManualClock) -> None:
    box, other = scene.receivers[scene.communes[0]]
    client = site.as_("operator")

    def too_large(receiver: str, at: datetime) -> None:
        with site.db.writing() as session:
            record(session, "system:plan:too-large", actor=SYSTEM, at=at, subject=("receiver", receiver), bytes=300_000)

    too_large(other, clock.now() - timedelta(hours=25))
    assert "lịch dài quá mức" not in client.get("/").text
    too_large(box, clock.now() - timedelta(hours=2))
    too_large(box, clock.now() - timedelta(hours=1))
    assert "1 bộ thu chưa nhận được lịch mới: lịch dài quá mức gửi được" in _text(client.get("/").text)
    with site.db.writing() as session:
        plan = {"revision": 6, "valid_until": clock.now() + timedelta(hours=72), "digest": "d", "token": "t"}
        session.add(IssuedPlan(receiver_id=box, issued_at=clock.now(), fence=1, **plan))
    assert "lịch dài quá mức" not in client.get("/").text


def test_an_airing_with_a_withdrawn_bulletin_needs_a_hand(site: Site, scene: Scene, clock: ManualClock) -> None:
    now, client = clock.now(), site.as_("operator")
    with site.db.writing() as session:
        facts = {"created_by": "x", "created_at": now}
        bulletin = Bulletin(title="Bếp ga", **facts)
        session.add(bulletin)
        session.flush()
        version = BulletinVersion(
            bulletin_id=bulletin.id, text="Nội dung.", status="approved", written_by="x", written_at=now
        )
        session.add(version)
        session.flush()
        session.add(
            ProgrammeItem(
                programme_id=scene.programme,
                position=0,
                kind="bulletin",
                version_id=version.id,
                sha256="0" * 64,
                duration_ms=1,
            )
        )
        add_airing(session, scene, clock, "Sắp phát", now + timedelta(hours=2))
        add_airing(session, scene, clock, "Sáng mai", now + timedelta(hours=23))
        add_airing(session, scene, clock, "Còn xa", now + timedelta(hours=25))
        add_airing(session, scene, clock, "Đã hủy", now + timedelta(hours=3), status="cancelled")
    assert "sẽ không phát" not in client.get("/").text
    with site.db.writing() as session:
        session.get_one(BulletinVersion, version.id).status = "withdrawn"
    text = _text(client.get("/").text)
    assert "Sắp phát: sẽ không phát" in text
    assert "ngày mai Sáng mai: sẽ không phát" in text
    assert "Trong chương trình có bản tin “Bếp ga” đã thu hồi." in text
    assert "Còn xa: sẽ không phát" not in text
    assert "Đã hủy: sẽ không phát" not in text


def test_what_was_edited_or_moved_gives_way_to_what_replaced_it(site: Site, scene: Scene, clock: ManualClock) -> None:
    with site.db.writing() as session:
        airing = add_airing(session, scene, clock, "Bản cũ", clock.now() + timedelta(hours=1), status="cancelled")
        airing.cancel_reason = "moved"
    assert "Bản cũ" not in _text(site.as_("operator").get("/").text)


# --- stopping --------------------------------------------------------------------------------------


def test_stopping_says_what_it_will_do_and_then_does_it(site: Site, scene: Scene, clock: ManualClock) -> None:
    _desk(site, scene, clock)
    airing = scene.airings["Phòng, chống mua bán người"]
    client = site.as_("operator")
    page = client.get(f"/lan-phat/{airing}/dung")
    assert "Dừng ở 3 xã , 6 bộ thu" in _text(page.text)
    assert client.post(f"/lan-phat/{airing}/dung").status_code == 403  # without the form nothing happens
    with site.db.reading() as session:
        assert not session.scalars(select(IssuedCommand)).all()
    answer = client.post(f"/lan-phat/{airing}/dung", data={"form": _form(page.text), "reason": "Nhầm bản tin"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    with site.db.writing() as session:
        commands = session.scalars(select(IssuedCommand)).all()
        assert {command.audience for command in commands} == {f"area/{unit}" for unit in scene.communes[:3]}
        assert {command.reason for command in commands} == {"Nhầm bản tin"}
    assert "Đã ra lệnh dừng lúc 17:04:10; lệnh đang chờ gửi" in _text(client.get("/").text)
    with site.db.writing() as session:
        for command in session.scalars(select(IssuedCommand)):
            command.published_at = clock.now()
        box = scene.receivers[scene.communes[0]][0]
        session.add(CommandAnswer(command_id=command.id, receiver_id=box, result="accepted", answered_at=clock.now()))
    text = _text(client.get("/").text)
    assert "1/6 bộ thu đã dừng" in text
    assert "Dừng phát" not in text
    assert "Đã ra lệnh dừng" in _text(client.get(f"/lan-phat/{airing}/dung").text)


def test_what_is_over_cannot_be_stopped(site: Site, scene: Scene, clock: ManualClock) -> None:
    _desk(site, scene, clock)
    client = site.as_("operator")
    airing = scene.airings["Chương trình sáng"]
    assert "Không có gì để dừng" in _text(client.get(f"/lan-phat/{airing}/dung").text)
    answer = client.post(f"/lan-phat/{airing}/dung", data={"form": _form(client.get("/").text)})
    assert answer.status_code == 409
    assert "lần phát đã kết thúc" in answer.text
    assert client.get(f"/lan-phat/{new_id()}/dung").status_code == 404


def test_an_auditor_sees_the_day_and_no_button(site: Site, scene: Scene, clock: ManualClock) -> None:
    _desk(site, scene, clock)
    client = site.as_("auditor")
    assert "Dừng phát" not in _text(client.get("/").text)
    refused = client.get(f"/lan-phat/{scene.airings['Phòng, chống mua bán người']}/dung")
    assert refused.status_code == 403
    assert "không có quyền dừng phát" in refused.text


# --- what every page keeps to ----------------------------------------------------------------------


def test_pages_are_small_strict_and_from_here(site: Site, scene: Scene, clock: ManualClock) -> None:
    _desk(site, scene, clock)
    client = site.as_("operator")
    for path in ("/", "/hom-nay", "/gioi-thieu", "/dang-nhap", "/khong-co"):
        answer = client.get(path, follow_redirects=True)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        page = answer.text
        assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:", page), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", page), path
        linked = re.findall(r'(?:src|href|action)="([^"]*)"', page)
        assert all(link.startswith(("/", "#")) for link in linked), linked
    whole = client.get("/")
    total = len(whole.content)
    for path in set(re.findall(r'"(/static/[^"]+)"', whole.text)):
        held = client.get(path)
        assert "immutable" in held.headers["cache-control"]
        assert client.get(path, headers={"if-none-match": held.headers["etag"]}).status_code == 304
        total += len(held.content)
    assert total <= PAGE_BYTES_MAX
    assert client.get("/static/../app.py").status_code == 404
    assert "no-cache" in client.get("/static/console.css").headers["cache-control"]


def test_a_hundred_communes_stay_under_the_limit(site: Site, clock: ManualClock) -> None:
    from tests.api.scene import add_places

    with site.db.writing() as session:
        for receiver in session.scalars(select(Receiver)):
            receiver.status = "revoked"
        big = add_places(session, clock, [f"Xã Thử Nghiệm Số {number:02d}" for number in range(99)], receivers=4)
        for hour in (-4, -2, 0, 2):
            airing = add_airing(session, big, clock, "Chương trình của tỉnh", clock.now() + timedelta(hours=hour))
            for commune in big.communes:
                for box in big.receivers[commune]:
                    add_playout(session, airing, box, "finished" if hour < 0 else "ready", clock)
        session.scalars(select(Playout).where(Playout.receiver_id == big.receivers[big.communes[97]][0])).all()[
            0
        ].state = "missed"
    client = site.as_("operator")
    with statements(site.db) as asked:
        page = client.get("/")
    assert len(page.content) + 20_000 <= PAGE_BYTES_MAX
    assert 1 < len(asked) <= 40, len(asked)  # however many communes there are
    assert "Xã Thử Nghiệm Số 97" in page.text  # in trouble: on the first page
    last = client.get("/?trang=7").text
    assert "Xã Thử Nghiệm Số 98" in last
    assert client.get("/?trang=999").status_code == 200
    assert client.get("/?trang=x").status_code == 422


def test_secure_cookies_bind_to_the_host(site: Site) -> None:
    from api.auth.guard import cookie_name
    from tests.api.site import make_context

    folder = site.context.settings.data_dir
    secure = make_context(site.db, site.context.clock, folder, secure_cookies=True)
    assert cookie_name(secure) == "__Host-truyenthanh"


def test_a_stranger_gets_no_cookie_and_no_page(site: Site) -> None:
    answer: httpx.Response = site.client().get("/hom-nay")
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers


# --- words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ms", "said"),
    [(0, "0 giây"), (5_400, "5 giây"), (60_000, "1 phút"), (125_000, "2 phút 5 giây"), (3_900_000, "1 giờ 5 phút")],
)
def test_durations_are_said_as_people_say_them(ms: int, said: str) -> None:
    assert words.duration(ms) == said


def test_instants_are_said_as_people_say_them() -> None:
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    now = datetime(2026, 7, 30, 17, 0, tzinfo=zone)
    ago = {
        words.ago(now - gap, now, zone)
        for gap in (
            timedelta(seconds=20),
            timedelta(minutes=12),
            timedelta(hours=3),
            timedelta(hours=20),
            timedelta(days=3),
        )
    }
    assert ago == {"vừa xong", "12 phút trước", "lúc 14:00", "hôm qua 21:00", "Thứ Hai 27/7"}
    assert words.number(1_234_567) == "1.234.567"
    assert sorted(["Xã Tiên", "Xã Đông", "Xã Dương", "Xã Ân", "Xã Anh"], key=words.sort_key) == [
        "Xã Ân",
        "Xã Anh",
        "Xã Dương",
        "Xã Đông",
        "Xã Tiên",
    ]
