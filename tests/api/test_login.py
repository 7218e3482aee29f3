"""Logging in, staying in, getting out; and what keeps others out."""

from __future__ import annotations

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Literal

import httpx
import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters
from sqlalchemy import select

from api.auth import passwords, sessions, throttle, users
from api.auth.errors import PasswordTooEasy, PasswordTooShort, TooManyAttempts
from api.tables import ApiToken, LoginSession, User
from core.clock import ManualClock
from core.database import Database
from core.errors import Conflict, Invalid
from core.events import SYSTEM, Event
from tests.api.scene import PASSWORD, Scene
from tests.api.site import Site, make_context, running


def _login(client: httpx.Client, username: str, password: str) -> httpx.Response:
    return client.post("/api/v1/login", json={"username": username, "password": password})


def test_login_me_logout(site: Site) -> None:
    client = site.client()
    answer = _login(client, "  Editor ", PASSWORD)
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie  # by setting
    me = client.get("/api/v1/me").json()
    assert (me["username"], me["roles"]) == ("editor", ["editor"])
    assert "news:write" in me["rights"]
    assert client.post("/api/v1/logout").status_code == 204
    assert client.get("/api/v1/me").status_code == 401


def test_a_session_that_ended_stays_ended_for_whoever_kept_the_cookie(site: Site) -> None:
    client = site.as_("editor")
    kept = dict(client.cookies)
    client.post("/api/v1/logout")
    thief = site.client()
    thief.cookies.update(kept)
    assert thief.get("/api/v1/me").status_code == 401


def test_only_hashes_are_stored(site: Site) -> None:
    client = site.as_("editor")
    token = client.post("/api/v1/me/tokens", json={"name": "báo cáo"}).json()["secret"]
    cookie = client.cookies["truyenthanh"]
    with site.db.reading() as session:
        login = session.scalars(select(LoginSession)).one()
        held = session.scalars(select(ApiToken)).one()
        user = session.get_one(User, login.user_id)
    assert login.token_sha256 == hashlib.sha256(cookie.encode()).hexdigest()
    assert held.token_sha256 == hashlib.sha256(token.encode()).hexdigest()
    assert user.password_hash.startswith("$argon2id$")


@pytest.mark.parametrize(("username", "password"), [("editor", "sai mật khẩu rồi"), ("nobody", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_look_the_same(site: Site, username: str, password: str) -> None:
    answer = _login(site.client(), username, password)
    assert answer.status_code == 401
    body = answer.json()
    assert body["type"] == "/problems/login-failed"
    assert body["detail"].startswith("Tên đăng nhập hoặc mật khẩu không đúng.")
    assert "set-cookie" not in answer.headers


def test_an_unknown_name_is_as_much_work_as_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """One hash of the same cost is checked either way, so that a clock tells nobody which names there are."""
    worked: list[Parameters] = []

    class Watched(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - argon2's name
            worked.append(extract_parameters(str(hash)))
            return super().verify(hash, password)

    stored = passwords.hash_password(PASSWORD)
    monkeypatch.setattr(passwords, "_hasher", Watched())
    assert not passwords.verify("một mật khẩu khác", stored)
    assert not passwords.verify("một mật khẩu khác", None)
    assert worked == [extract_parameters(stored)] * 2


def test_guessing_gets_slow_and_patience_helps(site: Site, clock: ManualClock) -> None:
    client = site.client()
    for _ in range(throttle.FREE):
        assert _login(client, "editor", "đoán mò đoán mò").status_code == 401
    answer = _login(client, "editor", PASSWORD)
    assert answer.status_code == 429
    assert answer.json()["detail"].startswith("Đã nhập sai nhiều lần. Hãy chờ 15 giây")
    assert answer.headers["retry-after"] == "15"
    assert _login(client, "approver", PASSWORD).status_code == 200  # a colleague at the same address
    clock.advance(timedelta(seconds=15))
    assert _login(client, "editor", PASSWORD).status_code == 200


def test_one_right_user_logs_in_everywhere_at_once(site: Site) -> None:
    """As a desk does that opens all of its pages again; but as many wrong guesses at once stay as many."""
    many = 2 * throttle.FREE
    with ThreadPoolExecutor(many) as pool:
        right = list(pool.map(lambda _: _login(site.client(), "editor", PASSWORD).status_code, range(many)))
        wrong = list(pool.map(lambda _: _login(site.client(), "editor", "đoán mò đoán mò").status_code, range(many)))
    assert right == [200] * many
    assert Counter(wrong) == {401: throttle.FREE, 429: many - throttle.FREE}


def test_waits_double_up_to_a_quarter_of_an_hour(sqlite_db: Database, clock: ManualClock) -> None:
    waits = []
    for _ in range(throttle.FREE + 8):
        try:
            with sqlite_db.writing() as session:
                throttle.attempt(session, username="x", address="a", clock=clock)
        except TooManyAttempts as error:
            waits.append(error.facts["seconds"])
            clock.advance(timedelta(seconds=error.facts["seconds"]))
            with sqlite_db.writing() as session:
                throttle.attempt(session, username="x", address="a", clock=clock)
    assert waits == [15, 30, 60, 120, 240, 480, 900, 900]


def test_a_name_is_guarded_whatever_the_address(sqlite_db: Database, clock: ManualClock) -> None:
    def attempt(number: int) -> None:
        with sqlite_db.writing() as session:
            throttle.attempt(session, username="x", address=f"10.0.0.{number}", clock=clock)

    for number in range(throttle.FREE_PER_NAME):
        attempt(number)
    waits = []
    for number in range(100, 104):
        with pytest.raises(TooManyAttempts) as refused:
            attempt(number)
        waits.append(refused.value.facts["seconds"])
        clock.advance(timedelta(seconds=waits[-1]))
        attempt(number)
    assert waits == [15, 30, 60, 60]  # never so long that a stranger could lock somebody out
    with sqlite_db.writing() as session:
        throttle.succeeded(session, username="x", address="10.0.0.200")
    attempt(201)


@pytest.mark.parametrize("trusted", [False, True])
def test_a_forwarded_address_counts_only_where_a_proxy_is_trusted(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path, scene: Scene, *, trusted: bool
) -> None:
    with running(make_context(sqlite_db, clock, tmp_path / "site", trusted_proxy=trusted)) as site:
        for number in range(throttle.FREE):
            client = site.client(**{"x-forwarded-for": f"203.0.113.{number}"})
            assert _login(client, "editor", "đoán mò đoán mò").status_code == 401
        assert _login(site.client(**{"x-forwarded-for": "203.0.113.99"}), "editor", PASSWORD).status_code == (
            200 if trusted else 429
        )


def test_one_known_password_does_not_open_the_way_to_guess_others(sqlite_db: Database, clock: ManualClock) -> None:
    with sqlite_db.writing() as session:
        for number in range(throttle.FREE_PER_ADDRESS):
            throttle.attempt(session, username=f"user{number}", address="a", clock=clock)
        throttle.attempt(session, username="own", address="b", clock=clock)
        throttle.succeeded(session, username="own", address="b")
    with sqlite_db.writing() as session, pytest.raises(TooManyAttempts):
        throttle.attempt(session, username="fresh", address="a", clock=clock)


def test_a_session_ends_when_idle_and_when_old(site: Site, clock: ManualClock) -> None:
    idle = site.as_("editor")
    clock.advance(sessions.IDLE)
    assert idle.get("/api/v1/me").status_code == 401

    busy = site.as_("editor")
    for _ in range(int(sessions.ABSOLUTE / timedelta(hours=6)) - 1):
        clock.advance(timedelta(hours=6))
        assert busy.get("/api/v1/me").status_code == 200
    clock.advance(timedelta(hours=6))
    assert busy.get("/api/v1/me").status_code == 401


def test_own_sessions_are_listed_and_ended(site: Site) -> None:
    here, there = site.as_("editor"), site.as_("editor")
    listed = here.get("/api/v1/me/sessions").json()
    assert [one["current"] for one in listed].count(True) == 1
    other = next(one["id"] for one in listed if not one["current"])
    assert site.as_("auditor").delete(f"/api/v1/me/sessions/{other}").status_code == 404
    assert here.delete(f"/api/v1/me/sessions/{other}").status_code == 204
    assert there.get("/api/v1/me").status_code == 401
    assert here.get("/api/v1/me").status_code == 200


def test_tokens_act_for_their_owner_until_they_end(site: Site, clock: ManualClock) -> None:
    client = site.as_("auditor")
    until = (clock.now() + timedelta(days=1)).isoformat()
    made = client.post("/api/v1/me/tokens", json={"name": "Báo cáo", "expires_at": until}).json()
    assert made["secret"].startswith("tt_")
    assert made["secret"].startswith(made["hint"])
    program = site.client(authorization=f"Bearer {made['secret']}")
    assert program.get("/api/v1/events").status_code == 200
    assert program.get("/api/v1/users").status_code == 403
    assert program.post("/api/v1/me/tokens", json={"name": "con"}).status_code == 403  # no token makes tokens
    assert program.put("/api/v1/me/password", json={"current": PASSWORD, "new": "x" * 20}).status_code == 403
    clock.advance(timedelta(days=1))
    assert program.get("/api/v1/me").status_code == 401


def test_a_revoked_token_is_dead(site: Site) -> None:
    client = site.as_("auditor")
    made = client.post("/api/v1/me/tokens", json={"name": "Báo cáo"}).json()
    program = site.client(authorization=f"Bearer {made['secret']}")
    assert program.get("/api/v1/me").status_code == 200
    assert site.as_("editor").delete(f"/api/v1/me/tokens/{made['id']}").status_code == 404
    assert client.delete(f"/api/v1/me/tokens/{made['id']}").status_code == 204
    assert program.get("/api/v1/me").status_code == 401
    assert client.get("/api/v1/me/tokens").json() == []


def test_a_bad_token_is_not_mended_by_a_good_cookie(site: Site) -> None:
    client = site.as_("editor")
    assert client.get("/api/v1/me", headers={"authorization": "Bearer tt_wrong"}).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "null"},
    ],
)
def test_another_sites_page_changes_nothing(site: Site, headers: dict[str, str]) -> None:
    client = site.as_("editor")
    body = {"title": "Tin", "text": "Nội dung bản tin."}
    answer = client.post("/api/v1/bulletins", json=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/cross-site-request")
    assert _login(site.client(**headers), "editor", PASSWORD).status_code == 403
    own = {"origin": site.url, "sec-fetch-site": "same-origin"}
    assert client.post("/api/v1/bulletins", json=body, headers=own).status_code == 201


def test_closing_an_account_shuts_it_out_at_once(site: Site) -> None:
    editor = site.as_("editor")
    secret = editor.post("/api/v1/me/tokens", json={"name": "máy"}).json()["secret"]
    user_id = editor.get("/api/v1/me").json()["id"]
    admin = site.as_("admin")
    assert admin.patch(f"/api/v1/users/{user_id}", json={"active": False}).json()["active"] is False
    assert editor.get("/api/v1/me").status_code == 401
    assert site.client(authorization=f"Bearer {secret}").get("/api/v1/me").status_code == 401
    assert _login(site.client(), "editor", PASSWORD).status_code == 401
    admin.patch(f"/api/v1/users/{user_id}", json={"active": True})
    assert editor.get("/api/v1/me").status_code == 401  # what was ended stays ended
    assert _login(site.client(), "editor", PASSWORD).status_code == 200


def test_an_administrator_always_remains(site: Site) -> None:
    admin = site.as_("admin")
    own = admin.get("/api/v1/me").json()["id"]
    assert admin.patch(f"/api/v1/users/{own}", json={"active": False}).status_code == 409
    held = admin.get("/api/v1/me/grants").json()[0]["id"]
    assert admin.post(f"/api/v1/grants/{held}/end").status_code == 409
    assert admin.get("/api/v1/users").status_code == 200


def test_changing_the_password_ends_the_sessions(site: Site) -> None:
    client, other = site.as_("editor"), site.as_("editor")
    fresh = "mười hai con giáp"
    wrong = client.put("/api/v1/me/password", json={"current": "không phải", "new": fresh})
    assert wrong.status_code == 401
    assert client.put("/api/v1/me/password", json={"current": PASSWORD, "new": "ngắn"}).status_code == 422
    assert client.put("/api/v1/me/password", json={"current": PASSWORD, "new": fresh}).status_code == 204
    assert client.get("/api/v1/me").status_code == other.get("/api/v1/me").status_code == 401
    assert _login(site.client(), "editor", fresh).status_code == 200


def test_accounts_are_made_with_care(sqlite_db: Database, clock: ManualClock, scene: Scene) -> None:
    def add(username: str = "moi", name: str = "Mới", password: str = PASSWORD, *roles: str) -> None:
        with sqlite_db.writing() as session:
            users.add_user(session, username, name, roles or ["editor"], password, SYSTEM, clock)

    with pytest.raises(PasswordTooShort):
        add(password="mười một ch")
    with pytest.raises(PasswordTooEasy):
        add(password="a" * 30)
    with pytest.raises(PasswordTooEasy):
        add(username="phamthihongnhung", password="phamthihongnhung12")
    with pytest.raises(Conflict):
        add(username="Editor")
    with pytest.raises(Invalid, match="emperor"):
        add("moi", "Mới", PASSWORD, "emperor")
    with pytest.raises(Invalid):
        add(username="tên có dấu")
    add()


def test_the_same_vietnamese_letters_typed_otherwise_are_the_same_password() -> None:
    stored = passwords.hash_password("một hai ba bốn")
    assert passwords.verify("mo\u0323\u0302t hai ba bo\u0302\u0301n", stored)


def test_logins_stand_in_the_audit_trail_and_passwords_nowhere(site: Site) -> None:
    _login(site.client(), "editor", "sai mật khẩu rồi")
    site.as_("editor")
    with site.db.reading() as session:
        events = session.scalars(select(Event).where(Event.kind.like("user:login:%")).order_by(Event.seq)).all()
    assert [event.kind for event in events] == ["user:login:failed", "user:login:opened"]
    assert "sai mật khẩu rồi" not in str([event.data for event in events])
