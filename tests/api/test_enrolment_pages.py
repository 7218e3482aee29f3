"""The desk's side of enrolling: places and codes over REST, the form, and the sheet on paper."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Browser
from sqlalchemy import func, select

from api.auth import throttle
from core.clock import ManualClock
from devices.keyring import Keyring
from devices.protocol.enrolment import Code
from devices.protocol.signing import SigningKey
from devices.receiver import office, tls
from devices.tables import EnrolmentCode, Receiver
from tests.api.scene import PASSWORD, Scene
from tests.api.site import Site


@pytest.fixture(autouse=True)
def keys(site: Site) -> Keyring:
    return Keyring.create(site.context.settings.keys, site.context.clock.now())


def places(scene: Scene, *names: str) -> dict[str, object]:
    return {"places": [{"unit_id": scene.communes[0], "name": name} for name in names]}


def counts(site: Site) -> tuple[int, int]:
    with site.db.reading() as session:
        rows = (select(func.count()).select_from(table) for table in (Receiver, EnrolmentCode))
        receivers, codes = (session.scalar(one) or 0 for one in rows)
        return receivers, codes


def test_codes_are_made_for_new_places_and_for_old_ones(site: Site, scene: Scene, keys: Keyring) -> None:
    admin = site.as_("admin")
    made = admin.post("/api/v1/receivers/codes", json=places(scene, "Chợ", "Đình")).json()
    assert made["fingerprint"] == keys.issuer
    codes = [Code.parse(one["code"]) for one in made["codes"]]
    assert len({code.secret for code in codes}) == 2
    assert {code.root for code in codes} == {keys.issuer}
    assert [one["receiver"]["status"] for one in made["codes"]] == ["waiting", "waiting"]
    waiting = admin.get("/api/v1/receivers", params={"status": "waiting"}).json()["items"]
    assert {one["name"] for one in waiting} == {"Chợ", "Đình"}
    standing = scene.receivers[scene.communes[0]][0]
    again = admin.post("/api/v1/receivers/codes", json={"receiver_ids": [standing]}).json()
    assert again["codes"][0]["receiver"]["status"] == "active"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"receiver_ids": ["01J0000000000000000000N0NE"]}, 404),
        ({"places": [{"unit_id": "01J0000000000000000000N0NE", "name": "x"}]}, 404),
        ({"places": [{"unit_id": "x", "name": " "}]}, 422),
        ({"places": [], "days": 181}, 422),
    ],
)
def test_what_is_wrong_makes_nothing(site: Site, body: dict[str, object], status: int) -> None:
    before = counts(site)
    assert site.as_("admin").post("/api/v1/receivers/codes", json=body).status_code == status
    assert counts(site) == before


@pytest.mark.parametrize("body", [{}, {"key": "x", "request": "y"}, {"key": "0" * 64, "request": "a.b.c"}, []])
def test_a_box_that_talks_nonsense_is_told(site: Site, body: object) -> None:
    answer = site.client().post("/api/v1/enrolment", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_a_process_that_lacks_the_key_says_what_to_do(site: Site) -> None:
    for name in ("enrol.key", "enrol.cert"):
        (site.context.settings.keys / name).unlink()
    answer = site.client().post("/api/v1/enrolment", json={"key": "0" * 64, "request": "a.b.c"})
    assert answer.status_code == 500
    assert "truyenthanh keys create" in answer.json()["detail"]


def submit(site: Site, client: httpx.Client, **fields: str) -> httpx.Response:
    shown = client.get("/bo-thu/ghi-danh").text
    token = re.search(r'name="form" value="([^"]+)"', shown)
    assert token
    return client.post("/bo-thu/ghi-danh", data={"form": token[1], **fields})


def test_only_who_manages_receivers_comes_in(site: Site) -> None:
    assert site.as_("operator").get("/bo-thu/ghi-danh").status_code == 403
    assert site.as_("operator").post("/api/v1/receivers/codes", json={}).status_code == 403


def test_the_sheet_has_what_each_box_needs(site: Site, scene: Scene, keys: Keyring) -> None:
    admin = site.as_("admin")
    sheet = submit(site, admin, noi_moi="xa dong bui; Đình làng; 3\nXã Suối Mơ; Chợ", ngay="7")
    assert sheet.status_code == 200
    text = sheet.text
    commands = re.findall(r"truyenthanh receiver enrol (\S+) ([0-9A-Z-]+)", text)
    assert [address for address, _ in commands] == [site.url, site.url]
    assert {Code.parse(code).root for _, code in commands} == {keys.issuer}
    assert text.count("<svg") - text.count('class="horn"') == 2
    assert "Đình làng" in text
    assert "Xã Đồng Bùi, Tỉnh Sông Bùi" in text
    for code in (Code.parse(code) for _, code in commands):
        assert code.text[:19] in text
    with site.db.reading() as session:
        made = session.scalars(select(Receiver).where(Receiver.status == "waiting").order_by(Receiver.name)).all()
        assert [(one.name, one.clusters, one.profile) for one in made] == [("Chợ", 1, "horn"), ("Đình làng", 3, "full")]
    # What waits can be chosen the next time, and then the code before is void.
    again = submit(site, admin, cho=made[0].id)
    assert again.text.count("receiver enrol") == 1
    with site.db.reading() as session:
        void = session.scalars(select(EnrolmentCode).where(EnrolmentCode.void_at.is_not(None))).all()
    assert [one.receiver_id for one in void] == [made[0].id]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"noi_moi": "Xã Đồng Bùi; Chợ\nXã Không Có; Đình"}, "dòng 2, “Xã Không Có”: không có đơn vị này"),
        ({"noi_moi": "Xã Đồng Bùi"}, "tên bộ thu đang để trống"),
        ({"noi_moi": "Xã Đồng Bùi; Chợ; ba"}, "số cụm loa “ba” không phải số"),
        ({"thay_may": "Nhà văn hóa thôn 1"}, "có nhiều bộ thu tên này"),
        ({"thay_may": "Nhà văn hóa thôn 9"}, "không có bộ thu này"),
        ({}, "chưa chọn bộ thu nào"),
    ],
)
def test_what_is_wrong_stands_there_with_what_was_typed(site: Site, fields: dict[str, str], said: str) -> None:
    before = counts(site)
    answer = submit(site, site.as_("admin"), **fields)
    assert answer.status_code == 422
    assert said in answer.text
    for typed in fields.values():
        assert typed in answer.text
    assert counts(site) == before


@pytest.mark.service("chromium")
def test_the_sheet_prints_eight_on_a_page(browser: Browser, site: Site, scene: Scene) -> None:
    context = browser.new_context(base_url=site.url)
    page = context.new_page()
    page.goto("/bo-thu/ghi-danh")
    page.fill("#username", "admin")
    page.fill("#password", PASSWORD)
    page.click("button.main")
    page.fill("#noi-moi", "\n".join(f"Xã Đồng Bùi; Nhà văn hóa thôn Đồng Bùi Thượng {n}" for n in range(1, 9)))
    page.get_by_role("button", name="Cấp mã").click()
    page.set_viewport_size({"width": 718, "height": 1047})  # A4 within its margins
    page.emulate_media(media="print")
    assert page.locator(".code-card").count() == 8
    assert page.evaluate("document.documentElement.scrollWidth") <= 718
    spilt = page.evaluate(
        "[...document.querySelectorAll('.code-card')].filter(one => one.scrollHeight > one.clientHeight + 1).length"
    )
    assert spilt == 0
    assert b"/Count 1" in page.pdf(prefer_css_page_size=True)
    context.close()


def test_an_address_from_which_boxes_are_refused_again_and_again_waits(
    site: Site, scene: Scene, clock: ManualClock
) -> None:
    """Both doors count together; a box with a good code gets in when the wait is over, and counts for nothing."""
    made = site.as_("admin").post("/api/v1/receivers/codes", json=places(scene, "Chợ")).json()
    code = made["codes"][0]["code"]
    client = site.client()
    doors = (
        ("/api/v1/enrolment", {"key": "0" * 64, "request": "whatever"}),
        ("/api/v1/renewal", {"receiver": scene.receivers[scene.communes[0]][0], "request": "whatever"}),
    )
    for number in range(throttle.FREE_PER_ADDRESS):
        path, body = doors[number % 2]
        assert client.post(path, json=body).status_code in {403, 422}
    for path, body in doors:
        answer = client.post(path, json=body)
        assert (answer.status_code, answer.json()["type"]) == (429, "/problems/too-many-refused")
        assert int(answer.headers["Retry-After"]) == throttle.FIRST_WAIT.seconds
        assert "Hãy chờ 15 giây" in answer.json()["detail"]

    def post(url: str, body: bytes) -> bytes:
        answer = client.post(url.removeprefix("http://box"), content=body, headers={"Content-Type": "application/json"})
        if answer.status_code == 429:
            raise ConnectionError
        return answer.raise_for_status().content

    pending = office.Pending(code=Code.parse(code).tag, key=SigningKey.generate().seed.hex(), tls_key=tls.new_key())

    def enrol() -> str:
        return office.enrol("http://box", Code.parse(code), pending, post=post, this_machine="").receiver

    with pytest.raises(ConnectionError):
        enrol()
    clock.advance(throttle.FIRST_WAIT)
    assert enrol() == made["codes"][0]["receiver"]["id"]
    assert enrol() == made["codes"][0]["receiver"]["id"]
