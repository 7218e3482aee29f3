"""What load balancers and Prometheus ask."""

from __future__ import annotations

import re
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select

from core.clock import ManualClock
from core.database import Database
from schedules.tables import Lease
from tests.api.scene import Scene, add_airing, add_leader, add_playout
from tests.api.site import Site, make_context, running


def _metrics(site: Site) -> dict[tuple[str, ...], float]:
    text = site.client().get("/metrics").text
    return {
        (sample.name, *(value for _key, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_alive_and_ready(site: Site) -> None:
    client = site.client()
    assert client.get("/healthz").text == "ok\n"
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "database": {"ok": True},
        "disk": {"ok": True},
        "leader": {"present": False, "expired_s": None},
    }


def test_a_leader_is_told_with_its_age(any_site: Site) -> None:
    with any_site.db.writing() as session:
        add_leader(session, expires_at=time.time() + 6)
    assert any_site.client().get("/readyz").json()["leader"] == {"present": True, "expired_s": 0.0}
    with any_site.db.writing() as session:
        session.scalars(select(Lease)).one().expires_at = time.time() - 90
    told = any_site.client().get("/readyz").json()["leader"]
    assert told["present"] is False
    assert 90 <= told["expired_s"] < 100


def test_an_empty_database_is_alive_and_not_ready(clock: ManualClock, tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    try:
        with running(make_context(db, clock, tmp_path)) as site:
            assert site.client().get("/healthz").status_code == 200
            answer = site.client().get("/readyz")
            assert answer.status_code == 503
            assert "truyenthanh db upgrade" in answer.json()["database"]["detail"]
    finally:
        db.close()


def test_a_data_folder_that_cannot_be_written_is_told(site: Site, tmp_path: Path) -> None:
    # A file where the folder should be stops even root, which permissions don't.
    folder = site.context.settings.data_dir
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    folder.write_text("")
    answer = site.client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["disk"]["ok"] is False


def test_figures(site: Site, scene: Scene, clock: ManualClock) -> None:
    commune = scene.communes[0]
    with site.db.writing() as session:
        airing = add_airing(session, scene, clock, "Sáng", clock.now(), unit_ids=[commune])
        for box, state in zip(scene.receivers[commune], ("finished", "missed"), strict=True):
            add_playout(session, airing, box, state, clock)
    client = site.as_("editor")
    client.get("/api/v1/bulletins/a")
    client.get("/api/v1/bulletins/b")
    site.client().post("/api/v1/login", json={"username": "x", "password": "y"})
    site.client().request("BREW", "/api/v1/nothing-here")
    figures = _metrics(site)
    assert figures["truyenthanh_playouts", "finished"] == 1
    assert figures["truyenthanh_playouts", "missed"] == 1
    assert figures["truyenthanh_receivers", "online"] == 10
    assert figures["truyenthanh_http_requests_total", "GET", "/api/v1/bulletins/{bulletin_id}", "404"] == 2
    assert figures["truyenthanh_http_requests_total", "other", "unmatched", "404"] == 1
    assert figures["truyenthanh_logins_failed_total",] == 1
    assert figures["truyenthanh_http_request_seconds_count", "/api/v1/bulletins/{bulletin_id}"] == 2


def test_head_is_answered_like_get_without_a_body(site: Site) -> None:
    client = site.as_("operator")
    style = re.findall(r'href="(/static/[^"]+)"', client.get("/").text)[0]
    for path in ("/healthz", "/readyz", "/metrics", "/", "/hom-nay", "/gioi-thieu", style, "/static/none", "/none"):
        whole, head = client.get(path), client.head(path)
        assert head.status_code == whole.status_code, path
        assert head.headers["content-type"] == whole.headers["content-type"]
        assert head.headers["x-content-type-options"] == "nosniff"
        assert head.content == b""
    assert site.client().head("/").headers["location"] == "/dang-nhap?tiep=%2F"
    assert client.head("/dang-xuat").status_code == 405
    assert client.head("/api/v1/live").status_code == 405  # a stream has no end to wait for
