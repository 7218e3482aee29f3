"""The pages of campaigns: from a pasted dispatch to the table of communes and days."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx

from broadcast.tables import Bulletin, BulletinVersion, ProgrammeItem
from core.clock import ManualClock
from tests.api.scene import Scene, add_airing, add_playout
from tests.api.site import Site

DISPATCH = """ỦY BAN NHÂN DÂN TỈNH SÔNG BÙI
Số: 412/UBND-KGVX
Sông Bùi, ngày 20 tháng 7 năm 2026
V/v tuyên truyền phòng, chống đuối nước trẻ em

Kính gửi: Ủy ban nhân dân các xã, phường.

1. Tuyên truyền trên hệ thống truyền thanh từ ngày 28/7/2026 đến ngày 5/8/2026.
"""


def _form(client: httpx.Client, path: str) -> str:
    found = re.search(r'name="form" value="([^"]+)"', client.get(path).text)
    assert found
    return found[1]


def _campaign(client: httpx.Client, **given: object) -> httpx.Response:
    body = {"form": _form(client, "/dot/moi"), "title": "Đuối nước", "first": "2026-07-27", "last": "2026-08-05"}
    return client.post("/dot/moi", data=body | given)


def test_a_dispatch_fills_the_form_and_the_campaign_its_table(site: Site, scene: Scene, clock: ManualClock) -> None:
    editor = site.as_("editor")
    assert "Chưa có đợt tuyên truyền nào" in editor.get("/dot").text
    taken = editor.post("/van-ban", data={"form": _form(editor, "/dot/moi"), "text": DISPATCH})
    assert taken.status_code == 303, taken.text
    filled = editor.get(taken.headers["location"]).text
    assert "412/UBND-KGVX" in filled
    assert 'value="2026-07-28"' in filled
    assert 'value="2026-08-05"' in filled
    made = _campaign(editor, unit=scene.communes[:2], van_ban=taken.headers["location"].partition("=")[2])
    assert made.status_code == 303, made.text
    address = made.headers["location"]
    assert "2 xã chưa phát và chưa có lịch" in editor.get(address).text
    write = f"/ban-tin/moi?dot={address.rpartition('/')[2]}"
    text = {"form": _form(editor, write), "title": "Dạy trẻ bơi", "text": "Tin.", "dot": address.rpartition("/")[2]}
    assert editor.post("/ban-tin/moi", data=text).status_code == 303
    with site.db.writing() as session:
        version = session.query(BulletinVersion).join(Bulletin).filter(Bulletin.title == "Dạy trẻ bơi").one()
        session.add(
            ProgrammeItem(
                programme_id=scene.programme, position=1, kind="bulletin", version_id=version.id, sha256="0" * 64,
                duration_ms=1000,
            )
        )  # fmt: skip
        past = add_airing(session, scene, clock, "Tin sáng", clock.now() - timedelta(hours=2))
        first, second = scene.receivers[scene.communes[0]]
        add_playout(session, past, first, "finished", clock)
        add_playout(session, past, second, "missed", clock, reason="power-off")
    shown = re.sub(r"\s+", " ", editor.get(address).text)
    assert '<td class="partial"><svg class="shape" aria-hidden="true"><use href="#s-partial"/></svg>1/1</td>' in shown
    assert "mất điện" in shown
    assert "Dạy trẻ bơi" in shown
    assert "Xã Suối Mơ." in shown  # the other one, which has nothing
    assert "412/UBND-KGVX" in editor.get("/dot").text
    told = editor.get(f"/api/v1/campaigns/{address.rpartition('/')[2]}/plays").json()
    assert [(row["owed"], row["sounded"]) for row in told["communes"] if row["days"]] == [(1, 1)]
    assert [(gap["whole"], gap["lost"]) for gap in told["gaps"]] == [(1, 1)]


def test_what_is_refused_comes_back_as_it_was_typed(site: Site, scene: Scene) -> None:
    editor = site.as_("editor")
    nowhere = _campaign(editor)
    assert (nowhere.status_code, "chưa chọn đơn vị hành chính nào" in nowhere.text) == (422, True)
    assert 'value="Đuối nước"' in nowhere.text
    backwards = _campaign(editor, unit=[scene.communes[0]], first="2026-09-05")
    assert (backwards.status_code, "trước ngày đầu" in backwards.text) == (422, True)
    assert f'value="{scene.communes[0]}" checked' in backwards.text
    assert _campaign(editor, unit=[scene.communes[0]], first="mai").status_code == 422
    empty = editor.post("/van-ban", data={"form": _form(editor, "/dot/moi"), "text": "  "})
    assert empty.status_code in {400, 422}
    assert "Dán văn bản" in empty.text
    scan = ("cv.pdf", b"%PDF-1.7\n\x80\x81\xff\xfe", "application/pdf")
    old = editor.post("/van-ban", data={"form": _form(editor, "/dot/moi")}, files={"tep": scan})
    assert old.status_code >= 400
    assert 'role="alert"' in old.text
    assert site.as_("auditor").post("/dot/moi", data={"form": "x"}).status_code == 403
    assert editor.get("/dot/01K00000000000000000000000").status_code == 404


def test_a_long_campaign_is_shown_a_month_at_a_time(site: Site, scene: Scene) -> None:
    editor = site.as_("editor")
    made = _campaign(editor, unit=[scene.province], last="2026-10-30").headers["location"]
    now = editor.get(made).text
    assert now.count('<th scope="col"') == 1 + 31 + 1
    assert "từ 27/8" in now
    assert editor.get(made, params={"tu": "2026-10-30"}).text.count('<th scope="col"') == 1 + 3 + 1
