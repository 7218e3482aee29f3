"""A commune's own page on a phone: what each thing takes, counted in taps, and what comes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import select

from broadcast import commands
from broadcast.choice_tables import ClashChoice, OfferAnswer, StandingAcceptance
from broadcast.tables import BulletinVersion, CommandAnswer, IssuedCommand
from core.clock import ManualClock, to_ms
from core.events import SYSTEM
from schedules.tables import Airing, Schedule
from tests.api.browsing import log_in
from tests.api.scene import Scene, add_airing, add_playout
from tests.api.site import Site
from tests.api.test_programme_pages import approved

MOST_TAPS = 4


@pytest.fixture
def offered(site: Site, scene: Scene, clock: ManualClock) -> str:
    """The province offers something for tonight, and nobody has taken anything yet."""
    with site.db.writing() as session:
        for row in session.scalars(select(StandingAcceptance)):
            row.ended_at = clock.now()
    return _from_province(site, scene, clock, "Bản tin tỉnh", timedelta(hours=9))


def _from_province(site: Site, scene: Scene, clock: ManualClock, title: str, after: timedelta) -> str:
    with site.db.writing() as session:
        airing = add_airing(session, scene, clock, title, clock.now() + after)
        session.get_one(Schedule, airing.schedule_id).owner_id = scene.province
        return airing.id


class Taps:
    """A finger that counts."""

    def __init__(self) -> None:
        self.count = 0

    def on(self, what: Locator) -> None:
        box = what.bounding_box()
        assert box
        assert box["height"] >= 38, f"too small for a finger: {what}"
        what.tap()
        self.count += 1


@pytest.fixture
def phone(browser: Browser, site: Site) -> Iterator[Page]:
    context = browser.new_context(
        base_url=site.url, locale="vi-VN", viewport={"width": 390, "height": 844}, has_touch=True
    )
    yield context.new_page()
    context.close()


def _at_home(phone: Page, scene: Scene, username: str = "operator") -> str:
    log_in(phone, username)
    path = f"/xa-toi/{scene.communes[0]}"
    phone.goto(path)
    expect(phone.get_by_role("heading", level=1)).to_have_text("Xã Đồng Bùi")
    return path


@pytest.mark.service("chromium")
def test_pausing_and_taking_it_back(phone: Page, site: Site, scene: Scene, clock: ManualClock) -> None:
    commune = scene.communes[0]
    with site.db.writing() as session:
        airing = add_airing(session, scene, clock, "Bản tin sáng", clock.now(), unit_ids=[commune])
        for box in scene.receivers[commune]:
            add_playout(session, airing, box, "playing", clock)
    _at_home(phone, scene)
    expect(phone.get_by_text("Đang phát: Bản tin sáng")).to_be_visible()
    taps = Taps()
    taps.on(phone.get_by_role("link", name="Tạm dừng"))
    expect(phone.get_by_text("2 bộ thu im ngay, cắt ngang “Bản tin sáng”")).to_be_visible()
    taps.on(phone.get_by_role("button", name="1 giờ"))
    expect(phone.get_by_text("Đang tạm dừng đến hôm nay 09:00")).to_be_visible()
    with site.db.writing() as session:
        (sent,) = session.scalars(select(IssuedCommand))
        assert (sent.name, sent.audience) == ("mute", f"area/{commune}")
        assert sent.body["until"] == to_ms(clock.now() + timedelta(hours=1))
        box = scene.receivers[commune][0]
        session.add(CommandAnswer(command_id=sent.id, receiver_id=box, result="accepted", answered_at=clock.now()))
    phone.reload()
    expect(phone.get_by_text("1/2 bộ thu đã im; bộ thu mất kết nối im khi kết nối lại")).to_be_visible()
    taps.on(phone.get_by_role("button", name="Phát lại"))
    expect(phone.get_by_text("Đang tạm dừng")).to_have_count(0)
    taps.on(phone.get_by_role("button", name="Dừng lần phát này"))
    expect(phone.get_by_role("heading", level=1)).to_have_text("Xã Đồng Bùi")
    assert taps.count <= MOST_TAPS
    with site.db.reading() as session:
        sent_names = [
            (one.name, one.body.get("until"), one.audience)
            for one in session.scalars(select(IssuedCommand).order_by(IssuedCommand.id))
        ]
    assert sent_names[1:] == [("mute", 0, f"area/{commune}"), ("stop", None, f"area/{commune}")]


@pytest.mark.service("chromium")
def test_offers_orders_and_volume_take_a_tap_each(
    phone: Page, site: Site, scene: Scene, clock: ManualClock, offered: str
) -> None:
    commune = scene.communes[0]
    own = add_own(site, scene, clock)
    _at_home(phone, scene)
    offers = phone.locator("#de-nghi")
    expect(offers).to_contain_text("chưa trả lời, không phát")
    taps = Taps()
    taps.on(offers.get_by_role("button", name="Không nhận", exact=True))
    expect(offers).to_contain_text("không nhận")
    taps.on(offers.get_by_role("button", name="Nhận", exact=True))
    expect(offers.locator(".chip")).to_have_text(re.compile("nhận"))
    order = phone.locator("#thu-tu")
    taps.on(order.get_by_role("button", name="Bản tin xã trước"))
    expect(order.locator(".chosen")).to_have_text(re.compile("Bản tin xã phát trước"))
    taps.on(phone.get_by_role("button", name="Lớn 80 %"))
    expect(phone.get_by_role("heading", level=1)).to_have_text("Xã Đồng Bùi")
    assert taps.count <= MOST_TAPS  # all four of them together
    offers.get_by_text("Từng lần, hoặc luôn nhận").tap()
    offers.get_by_role("button", name="Luôn nhận của Tỉnh Sông Bùi").tap()
    expect(offers).to_contain_text("Luôn nhận của Tỉnh Sông Bùi Phạm Thu Hà")
    with site.db.reading() as session:
        held = [one.accepted for one in session.scalars(select(OfferAnswer).where(OfferAnswer.ended_at.is_(None)))]
        (chosen,) = session.scalars(select(ClashChoice))
        volumes = session.scalars(select(IssuedCommand).where(IssuedCommand.name == "volume")).all()
        assert held == [True]
        assert chosen.first_schedule_id == session.get_one(Airing, own).schedule_id
        assert {one.audience for one in volumes} == {f"rx/{box}" for box in scene.receivers[commune]}
        assert {one.body["volume"] for one in volumes} == {80}
    offers.get_by_role("button", name="Thôi").tap()
    expect(offers.get_by_role("button", name="Thôi")).to_have_count(0)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def add_own(site: Site, scene: Scene, clock: ManualClock) -> str:
    commune = scene.communes[0]
    with site.db.writing() as session:
        start = clock.now() + timedelta(hours=9, minutes=5)
        airing = add_airing(session, scene, clock, "Bản tin xã", start, unit_ids=[commune])
        session.get_one(Schedule, airing.schedule_id).owner_id = commune
        return airing.id


@pytest.mark.service("chromium")
def test_a_notice_from_a_template_to_the_air(phone: Page, browser: Browser, site: Site, scene: Scene) -> None:
    path = _at_home(phone, scene, "editor")
    taps = Taps()
    taps.on(phone.get_by_role("link", name="Thông báo nhanh"))
    taps.on(phone.get_by_role("link", name="Tạm ngừng cấp điện"))
    phone.get_by_label("Từ", exact=True).fill("07:30")
    phone.get_by_label("Đến", exact=True).fill("11:00")
    phone.get_by_label("Ở đâu").fill("thôn Đông")
    expect(phone.locator("#doc")).to_contain_text("tạm ngừng cấp điện tại thôn Đông")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    taps.on(phone.get_by_role("button", name="Gửi duyệt"))
    expect(phone.locator("#thong-bao")).to_contain_text("chờ duyệt")
    assert taps.count <= MOST_TAPS
    assert phone.evaluate("localStorage.length") == 0
    with site.db.reading() as session:
        (version,) = session.scalars(select(BulletinVersion))
    approver = site.as_("approver")
    held = approver.get(f"/api/v1/versions/{version.id}").json()
    sounds = [one["sha256"] for one in held["renditions"]]
    assert approver.post(f"/api/v1/versions/{version.id}/approve", json={"sha256s": sounds}).status_code == 200
    phone.context.clear_cookies()
    assert _at_home(phone, scene) == path
    taps = Taps()
    taps.on(phone.get_by_role("link", name="Phát", exact=True))
    taps.on(phone.get_by_role("button", name="Ngay, hôm nay 08:04"))
    expect(phone.locator("#hom-nay")).to_contain_text("Tạm ngừng cấp điện, Xã Đồng Bùi")
    expect(phone.locator("#thong-bao")).to_have_count(0)
    assert taps.count <= MOST_TAPS


def _form_of(page: str) -> str:
    token = re.search(r'name="form" value="([^"]+)"', page)
    assert token
    return token[1]


def test_a_notice_that_is_not_complete_keeps_what_was_typed(site: Site, scene: Scene) -> None:
    editor = site.as_("editor")
    path = f"/xa-toi/{scene.communes[0]}/thong-bao/moi-hop"
    token = _form_of(editor.get(path).text)
    given = {"form": token, "ai": "bà con", "ngay": "2026-07-30", "tu": "19:00", "dia_diem": "", "viec": "gui"}
    refused = editor.post(path, data=given)
    assert refused.status_code == 422
    assert "Còn thiếu: ở đâu" in refused.text
    assert 'value="bà con"' in refused.text
    looked = editor.post(path, data=given | {"viec": "xem", "ngay": "mai"})
    assert "“Ngày” chưa đúng" in looked.text
    assert editor.get(f"/xa-toi/{scene.communes[0]}/thong-bao/khong-co").status_code == 404
    with site.db.reading() as session:
        assert session.scalars(select(BulletinVersion)).all() == []


def test_what_may_not_air_then_leaves_nothing_behind(site: Site, scene: Scene) -> None:
    commune = scene.communes[0]
    version = approved(site, "Họp thôn")
    elsewhere = site.as_("operator").get(f"/xa-toi/{commune}/phat/{version}")
    assert elsewhere.status_code == 404  # it is no notice of this commune
    with site.db.writing() as session:
        from broadcast.tables import Bulletin, Programme

        session.scalars(select(Bulletin)).one().unit_id = commune
        before = len(session.scalars(select(Programme)).all())
    operator = site.as_("operator")
    path = f"/xa-toi/{commune}/phat/{version}"
    token = _form_of(operator.get(path).text)
    for at, said in (
        ("2026-07-28T22:00", "giờ yên tĩnh"),
        ("2026-07-28T07:00", "giờ đó đã qua"),
        ("", "chưa chọn giờ phát"),
    ):
        refused = operator.post(path, data={"form": token, "luc": at})
        assert (refused.status_code in {409, 422}, said in refused.text) == (True, True), refused.text
    with site.db.reading() as session:
        assert len(session.scalars(select(Programme)).all()) == before
    made = operator.post(path, data={"form": token, "luc": "2026-07-28T17:00"})
    assert made.status_code == 303
    with site.db.reading() as session:
        (airing,) = session.scalars(select(Airing))
        assert f"{airing.starts_at:%H:%M}" == "10:00"  # UTC


def test_one_finds_ones_commune_again(site: Site, scene: Scene) -> None:
    operator = site.as_("operator")
    assert "Xã Suối Mơ" in operator.get("/xa-toi", params={"tim": "suoi mo"}).text
    operator.get(f"/xa-toi/{scene.communes[1]}")
    again = operator.get("/xa-toi")
    assert (again.status_code, again.headers["location"]) == (303, f"/xa-toi/{scene.communes[1]}")
    assert "Xã Tân Hòa" in operator.get("/xa-toi", params={"doi": "1"}).text
    assert operator.get("/xa-toi/01K00000000000000000000000").status_code == 404
    auditor = site.as_("auditor").get(f"/xa-toi/{scene.communes[1]}").text
    assert "Tạm dừng" not in auditor
    assert "Thông báo nhanh" not in auditor


def test_pause_and_volume_by_rest(site: Site, scene: Scene, clock: ManualClock) -> None:
    operator, commune = site.as_("operator"), scene.communes[0]
    path = f"/api/v1/units/{commune}/pause"
    assert operator.get(path).json() is None
    until = (clock.now() + timedelta(hours=2)).isoformat()
    assert operator.post(path, json={"until": until}).status_code == 201
    found = operator.get(path).json()
    assert (found["receivers"], found["obeyed"], found["command"]["name"]) == (2, 0, "mute")
    with site.db.writing() as session:  # the province speaks after it: the newest counts
        commands.mute(session, until=None, actor=SYSTEM, now=clock.now(), unit_id=scene.province)
    assert operator.get(path).json() is None
    assert operator.post(path, json={"until": until}).status_code == 201
    clock.advance(timedelta(hours=3))
    assert site.as_("operator").get(path).json() is None
    late = site.as_("operator").post(path, json={"until": until})
    assert late.status_code == 422
    volume = site.as_("operator").post(f"/api/v1/units/{commune}/volume", json={"volume": 60})
    assert (volume.status_code, len(volume.json())) == (201, 2)
    assert site.as_("auditor").post(path, json={"until": None}).status_code == 403


def test_clashes_by_rest(site: Site, scene: Scene, clock: ManualClock, offered: str) -> None:
    commune = scene.communes[0]
    own = add_own(site, scene, clock)
    operator = site.as_("operator")
    clashes = f"/api/v1/clashes?unit_id={commune}"
    assert operator.get(clashes).json() == []  # what isn't taken clashes with nothing
    body = {"unit_id": commune, "airing_id": offered, "accepted": True}
    assert operator.post("/api/v1/offers/answers", json=body).status_code == 201
    (clash,) = operator.get(clashes).json()
    assert (clash["class"], clash["first_id"]) == ("ordinary", None)
    assert [one["airing_id"] for one in clash["airings"]] == [offered, own]
    body = {"unit_id": commune, "first_airing_id": own, "second_airing_id": offered}
    assert operator.post("/api/v1/clash-orders", json=body).status_code == 201
    assert operator.get(clashes).json()[0]["first_id"] == own
