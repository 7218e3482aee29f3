"""Speaking goes a few at a time, and nobody waits without an end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.turns import StudioBusy, Turns
from tests.api.site import Site


def test_so_many_at_once_and_the_next_when_one_is_done() -> None:
    turns, inside, go_on = Turns(2, waiting=4, wait_s=20), threading.Semaphore(0), threading.Event()
    most, count, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal most, count
        with turns.taken():
            with lock:
                count += 1
                most = max(most, count)
            inside.release()
            assert go_on.wait(20)
            with lock:
                count -= 1

    with ThreadPoolExecutor(6) as pool:
        done = [pool.submit(work) for _ in range(6)]
        assert inside.acquire(timeout=20)
        assert inside.acquire(timeout=20)
        assert not inside.acquire(timeout=0.1)
        go_on.set()
        for one in done:
            one.result(20)
    assert most == 2


def test_who_waits_too_long_or_finds_too_many_waiting_is_told_when_to_come_again() -> None:
    patient = Turns(1, waiting=1, wait_s=0.05)
    with patient.taken(), pytest.raises(StudioBusy), patient.taken():
        pass
    full = Turns(1, waiting=0, wait_s=30)
    with full.taken(), pytest.raises(StudioBusy) as refused, full.taken():  # at once
        pass
    assert refused.value.facts == {"seconds": 30}
    with full.taken():  # and given back
        pass


def test_a_busy_studio_is_a_503_with_its_time(site: Site) -> None:
    editor = site.as_("editor")
    body = {"title": "Tin", "text": "Nội dung."}
    version = editor.post("/api/v1/bulletins", json=body).json()["versions"][0]["id"]
    site.app.state.renders = turns = Turns(1, waiting=0, wait_s=7)
    with turns.taken():
        answer = editor.post(f"/api/v1/versions/{version}/render")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/studio-busy")
    assert answer.headers["retry-after"] == "7"
    assert "7 giây" in answer.json()["detail"]
    assert editor.post(f"/api/v1/versions/{version}/render").status_code == 200


@pytest.mark.parametrize(("text", "slug"), [("7" * 8000, "sound-too-long"), ("★ ♥ —", "not-readable")])
def test_what_cannot_be_spoken_is_a_422(site: Site, text: str, slug: str) -> None:
    editor = site.as_("editor")
    version = editor.post("/api/v1/bulletins", json={"title": "Tin", "text": text}).json()["versions"][0]["id"]
    answer = editor.post(f"/api/v1/versions/{version}/render")
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}")
