"""The pages of bulletins: found without marks, refused with everything kept, in the right hands."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.pages import newsdesk, spoken
from audio.reading import read
from tests.api.site import Site

TEXT = "UBND xã họp ngày 30/7.\n\nMời bà con gặp KNQZ, lưu ý lưu ý."


def _form(client: httpx.Client, path: str) -> str:
    found = re.search(r'name="form" value="([^"]+)"', client.get(path).text)
    assert found
    return found[1]


def _write(client: httpx.Client, title: str, text: str = TEXT) -> str:
    """The address of a bulletin written through the page."""
    given_in = {"form": _form(client, "/ban-tin/moi"), "title": title, "text": text}
    answer = client.post("/ban-tin/moi", data=given_in)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def _act(client: httpx.Client, address: str, action: str, **given_in: str) -> httpx.Response:
    whole = client.get(address).text
    version = re.search(r'name="ban" value="([^"]+)"', whole) or re.search(r"\?ban=([0-9A-Z]+)", whole)
    assert version
    path = address.partition("?")[0]
    return client.post(f"{path}/{action}", data={"form": _form(client, "/ban-tin"), "ban": version[1], **given_in})


def test_a_list_is_searched_without_marks_and_filtered(site: Site) -> None:
    editor = site.as_("editor")
    assert "Chưa có bản tin nào" in editor.get("/ban-tin").text
    _write(editor, "Đại hội xã Sơn Động")
    _write(editor, "Tiêm phòng")
    found = editor.get("/ban-tin", params={"tim": "dai HOI"}).text
    assert "Đại hội xã Sơn Động" in found
    assert "Tiêm phòng" not in found
    assert "Không có bản tin nào như vậy" in editor.get("/ban-tin", params={"loc": "da-duyet"}).text
    assert editor.get("/ban-tin", params={"trang": 99}).status_code == 200


def test_what_is_refused_comes_back_as_it_was_typed(site: Site) -> None:
    editor = site.as_("editor")
    token = _form(editor, "/ban-tin/moi")
    answer = editor.post("/ban-tin/moi", data={"form": token, "title": "  ", "text": TEXT.replace("\n", "\r\n")})
    assert answer.status_code == 422
    assert "bản tin chưa có tiêu đề" in answer.text
    box = re.search(r"<textarea[^>]*>(.*?)</textarea>", answer.text, re.DOTALL)
    assert box
    assert unescape(box[1]) == TEXT  # with its blank line
    kept = {"form": token, "title": "Họp", "text": TEXT, "rate": "999"}
    refused = editor.post("/ban-tin/moi", data=kept)
    assert refused.status_code == 422
    assert "tốc độ" in refused.text.lower()
    assert 'value="Họp"' in refused.text
    assert "Họp" not in editor.get("/ban-tin").text  # nothing half-written


def test_without_scripts_the_reading_is_shown_on_asking(site: Site) -> None:
    editor = site.as_("editor")
    asked = {"form": _form(editor, "/ban-tin/moi"), "title": "Họp", "text": TEXT, "viec": "doc"}
    shown = editor.post("/ban-tin/moi", data=asked)
    assert shown.status_code == 200
    assert "ba mươi tháng bảy" in shown.text
    assert "chữ viết tắt chưa biết" in shown.text
    assert "Họp" not in editor.get("/ban-tin").text


def test_a_login_that_has_ended_brings_back_to_the_form(site: Site) -> None:
    editor = site.as_("editor")
    token = _form(editor, "/ban-tin/moi")
    editor.cookies.clear()
    answer = editor.post(
        "/ban-tin/moi", data={"form": token, "title": "x", "text": "y"}, headers={"referer": f"{site.url}/ban-tin/moi"}
    )
    assert answer.headers["location"] == "/dang-nhap?tiep=%2Fban-tin%2Fmoi"


def test_a_lexicon_entry_mends_the_reading_in_place(site: Site) -> None:
    editor = site.as_("editor")
    address = _write(editor, "Khuyến nông")
    assert "chữ viết tắt chưa biết" in editor.get(address).text
    refused = _act(editor, address, "tu-dien", written="KNQZ", other="K.N.")
    assert refused.status_code == 422
    assert _act(editor, address, "tu-dien", written="KNQZ", other="khuyến nông quốc gia").status_code == 303
    mended = editor.get(address).text
    assert "khuyến nông quốc gia" in mended
    assert "chữ viết tắt chưa biết" not in mended
    assert _act(editor, address, "tu-dien", written="KNQZ", other="khuyến nông").status_code == 303  # and once more


def test_each_sees_what_is_theirs_to_do(site: Site) -> None:
    editor, approver, auditor = site.as_("editor"), site.as_("approver"), site.as_("auditor")
    address = _write(editor, "Tiêm phòng", "Mời bà con tiêm phòng.")
    refused = _act(editor, address, "gui-duyet")
    assert (refused.status_code, "chưa có bản âm thanh" in refused.text) == (409, True)
    assert _act(editor, address, "tao-tieng").status_code == 303
    assert _act(editor, address, "gui-duyet").status_code == 303
    for client, sees in ((editor, False), (auditor, False), (approver, True)):
        assert ("Duyệt cho phát" in client.get(address).text) == sees
    forbidden = _act(editor, address, "duyet", sha256="0" * 64)
    assert forbidden.status_code == 403
    stale = _act(approver, address, "duyet", sha256="0" * 64)
    assert (stale.status_code, "Hãy nghe lại bản mới" in stale.text) == (409, True)
    assert _act(approver, address, "tra-lai", note="Thêm tên thôn").status_code == 303
    assert "Thêm tên thôn" in editor.get(address).text


def test_an_older_version_says_so_and_can_no_longer_be_decided(site: Site) -> None:
    editor = site.as_("editor")
    address = _write(editor, "Tiêm phòng", "Mời bà con tiêm phòng ngày mai.")
    changed = _act(editor, address, "sua", text="Mời bà con tiêm phòng ngày kia.")
    newest = editor.get(changed.headers["location"]).text
    assert "<del>mai." in newest
    assert "<ins>kia." in newest
    first = re.findall(r"\?ban=([0-9A-Z]{26})\"><b>Bản 1", newest)[0]
    old = editor.get(f"{address}?ban={first}").text
    assert "Đây là bản cũ" in old
    assert "Tạo âm thanh" not in old
    assert editor.get(f"{address}?ban=01K00000000000000000000000").status_code == 404


@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from(["30/7 ", "UBND ", "KNQZ ", "xã xã ", "\n\n", "- ", "12%"])).map("".join)
)
def test_pieces_leave_nothing_out(text: str) -> None:
    found = spoken.pieces(text, read(text))
    assert "".join(piece.written for piece in found) == text
    assert all(piece.written for piece in found)


def test_every_doubt_has_its_place() -> None:
    reading = read(TEXT)
    assert len(reading.warnings) == 2
    assert [piece.doubt for piece in spoken.pieces(TEXT, reading) if piece.doubt] == [1, 2]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("họp ngày mai", "họp ngày kia", [("same", "họp ngày "), ("out", "mai"), ("in", "kia")]),
        ("a b", "a b c", [("same", "a "), ("out", "b"), ("in", "b c")]),
        ("x", "x", [("same", "x")]),
    ],
)
def test_differences_are_told_word_by_word(before: str, after: str, told: list[tuple[str, str]]) -> None:
    assert newsdesk.differences(before, after) == told


def test_a_long_part_that_stays_is_cut() -> None:
    long = "từ " * 400
    told = newsdesk.differences(f"đầu {long}cuối", f"khác {long}cuối")
    assert [kind for kind, _ in told] == ["out", "in", "same"]
    assert len(told[2][1]) < 60
