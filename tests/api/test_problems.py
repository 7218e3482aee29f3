"""Everything that goes wrong comes as one shape, in the language asked for, and says nothing of our insides."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy.exc import OperationalError

from api.app import BODY_BYTES_MAX
from tests.api.site import Site


def test_a_problem_is_vietnamese_with_english_beside_it(site: Site) -> None:
    answer = site.as_("editor").get("/api/v1/bulletins/KHONG-CO")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == "/problems/not-found"
    assert body["title"] == "Không tìm thấy"
    assert body["detail"].startswith("Không tìm thấy bản tin “KHONG-CO”.")
    assert body["en"].startswith("No bulletin “KHONG-CO”")
    assert body["instance"] == "/api/v1/bulletins/KHONG-CO"
    assert body["status"] == 404


@pytest.mark.parametrize(
    ("asked", "given"),
    [("en", "en"), ("en-GB,vi;q=0.5", "en"), ("fr, vi;q=0.8, en;q=0.7", "vi"), ("", "vi"), ("en;q=x", "vi")],
)
def test_accept_language_turns_it_round(site: Site, asked: str, given: str) -> None:
    answer = site.client(**{"accept-language": asked}).get("/api/v1/me")
    body = answer.json()
    assert answer.headers["content-language"] == given
    assert body["detail"].startswith("You are not logged in" if given == "en" else "Chưa đăng nhập")
    assert ("vi" if given == "en" else "en") in body


def test_validation_names_each_field_in_vietnamese(site: Site) -> None:
    body = {"title": "", "rule": {"kind": "hourly", "first_date": "mai"}, "unit_ids": [], "colour": "red"}
    answer = site.as_("operator").post("/api/v1/schedules", json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")
    errors = {one["pointer"]: one["detail"] for one in answer.json()["errors"]}
    assert errors["/title"] == "cần ít nhất 1 ký tự"
    assert errors["/programme_id"] == "còn thiếu"
    assert errors["/rule/kind"] == "phải là một trong: 'once', 'daily', 'weekly' or 'rrule'"
    assert errors["/rule/first_date"] == "không phải ngày hợp lệ (năm-tháng-ngày)"
    assert errors["/colour"] == "không có trong mẫu"


def test_a_validation_error_never_repeats_a_password(site: Site) -> None:
    answer = site.client().post("/api/v1/login", json={"username": ["x"], "password": "mật khẩu bí mật"})
    assert answer.status_code == 422
    assert "bí mật" not in answer.text


def test_json_that_is_none_and_paths_that_are_not(site: Site) -> None:
    client = site.as_("editor")
    broken = client.post("/api/v1/bulletins", content=b"{", headers={"content-type": "application/json"})
    assert (broken.status_code, broken.json()["type"]) == (422, "/problems/invalid")
    assert client.get("/api/v1/nothing").json()["type"] == "/problems/not-found"
    method = client.put("/api/v1/me", json={})
    assert (method.status_code, method.json()["type"]) == (405, "/problems/method-not-allowed")


def test_a_body_over_the_limit_is_refused(site: Site) -> None:
    client = site.as_("editor")
    answer = client.post("/api/v1/dispatches", content=b"x" * (BODY_BYTES_MAX + 1))
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")

    def parts() -> object:
        for _ in range(20):
            yield b"x" * 100_000

    chunked = client.post("/api/v1/dispatches", content=parts())  # type: ignore[arg-type]
    assert chunked.status_code == 413


def test_the_unforeseen_is_a_500_with_an_id_that_stands_in_the_log(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: object) -> None:
        raise ZeroDivisionError("secret inside")

    monkeypatch.setattr("core.units.get", fail)
    with caplog.at_level(logging.ERROR):
        answer = site.as_("editor").get("/api/v1/units/x")
    body = answer.json()
    assert (answer.status_code, body["type"]) == (500, "/problems/internal")
    assert "secret inside" not in answer.text
    assert "ZeroDivision" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    records = [record for record in caplog.records if getattr(record, "error_id", None) == body["id"]]
    assert records
    assert records[0].exc_info


def test_the_same_on_a_page_is_a_page(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_more: object) -> None:
        raise OperationalError("select", {}, Exception("disk I/O error"))

    client = site.as_("operator")
    monkeypatch.setattr("api.pages.day.load", fail)
    answer = client.get("/")
    assert answer.status_code == 503
    assert "Cơ sở dữ liệu chưa trả lời" in answer.text
    assert "disk I/O" not in answer.text
    missing = client.get("/khong-co-trang-nay")
    assert missing.status_code == 404
    assert "Không có trang này" in missing.text


def test_a_reference_to_what_does_not_exist_is_told(site: Site) -> None:
    body = {"title": "Tin", "text": "Nội dung.", "campaign_id": "01K00000000000000000000000"}
    answer = site.as_("editor").post("/api/v1/bulletins", json=body)
    assert answer.status_code in {404, 409}
