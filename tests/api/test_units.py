"""Units, groups and mergers over REST and at the command line: the tree of a date, and who may change it."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import delete, select

from api.cli import main
from broadcast.tables import PlanRequest
from core.events import Event
from core.units import Unit
from tests.api.scene import Scene
from tests.api.site import Site


def test_the_tree_of_a_date_and_its_changes(site: Site, scene: Scene) -> None:
    admin, auditor = site.as_("admin"), site.as_("auditor")
    one = scene.communes[0]
    body = {"on": "2026-08-01", "name": "Xã Đồng Bùi Mới"}
    assert auditor.post(f"/api/v1/units/{one}/change", json=body).status_code == 403
    assert admin.post(f"/api/v1/units/{one}/change", json=body).json()["name"] == "Xã Đồng Bùi Mới"
    names = [
        auditor.get(f"/api/v1/units/{one}", params={"on": on}).json()["name"] for on in ("2026-07-31", "2026-08-01")
    ]
    assert names == ["Xã Đồng Bùi", "Xã Đồng Bùi Mới"]
    ended = admin.post(f"/api/v1/units/{one}/end", json={"on": "2026-09-01", "successors": [scene.communes[1]]})
    assert (ended.status_code, ended.json()["valid_to"]) == (200, "2026-09-01")
    listed = [
        {unit["id"] for unit in auditor.get("/api/v1/units", params={"on": on}).json()["items"]}
        for on in ("2026-08-31", "2026-09-01")
    ]
    assert listed[0] - listed[1] == {one}
    history = auditor.get(f"/api/v1/units/{one}/history").json()
    assert [name["name"] for name in history["names"]] == ["Xã Đồng Bùi", "Xã Đồng Bùi Mới"]
    assert [link["relation"] for link in history["links"]] == ["below", "successor"]
    nothing = admin.post(f"/api/v1/units/{one}/change", json={"on": "2026-08-01"})
    assert (nothing.status_code, "give a new name" in nothing.text) == (422, True)


def test_groups_of_a_date(site: Site, scene: Scene) -> None:
    admin = site.as_("admin")
    body = {"name": "Cụm xã 1", "valid_from": "2026-07-01", "unit_ids": scene.communes[:2]}
    made = admin.post("/api/v1/unit-groups", json=body)
    assert (made.status_code, made.json()["unit_ids"]) == (201, scene.communes[:2])
    at = f"/api/v1/unit-groups/{made.json()['id']}"
    assert admin.post(f"{at}/leave", json={"unit_id": scene.communes[0], "on": "2026-08-01"}).status_code == 200
    joined = admin.post(f"{at}/join", json={"unit_id": scene.communes[2], "valid_from": "2026-08-01"})
    assert joined.json()["unit_ids"] == scene.communes[1:3]
    (before,) = admin.get("/api/v1/unit-groups", params={"on": "2026-07-31"}).json()
    assert before["unit_ids"] == scene.communes[:2]
    assert admin.get("/api/v1/unit-groups", params={"on": "2026-06-30"}).json() == []
    assert admin.post("/api/v1/unit-groups", json=body).status_code == 409


def test_a_file_of_units_is_looked_at_then_loaded(site: Site, scene: Scene) -> None:
    """As CSV or XLSX; whoever hears something else by it gets a new plan."""
    admin, operator = site.as_("admin"), site.as_("operator")
    with site.context.db.reading() as session:
        code = session.get_one(Unit, scene.province).official_code or scene.province
    head = ["Tên đơn vị", "Cấp", "Mã", "Cấp trên", "Từ ngày"]
    rows = [["Xã Tân Sơn", "xã", "09998", code, "2026-09-01"], ["Thôn Bến", "thôn", "", "09998", "2026-09-01"]]
    book = openpyxl.Workbook()
    for row in (head, *rows):
        book.worksheets[0].append(row)
    xlsx = io.BytesIO()
    book.save(xlsx)
    csv = "\n".join(",".join(row) for row in (head, *rows)).encode()
    at = "/api/v1/units/import"
    assert operator.post(at, content=csv).status_code == 403
    for content in (csv, xlsx.getvalue()):
        shown = admin.post(at, content=content)
        assert shown.json() == {"dry_run": True, "added": ["Xã Tân Sơn", "Thôn Bến"], "extended": [], "unchanged": 0}
    with site.context.db.writing() as session:
        session.execute(delete(PlanRequest))
    loaded = admin.post(at, content=xlsx.getvalue(), params={"dry_run": False})
    assert (loaded.status_code, loaded.json()["added"]) == (200, ["Xã Tân Sơn", "Thôn Bến"])
    with site.context.db.reading() as session:
        asked = set(session.scalars(select(PlanRequest.receiver_id)))
        (told,) = session.scalars(select(Event).where(Event.kind == "user:units:imported"))
        assert told.data == {"added": 2, "extended": 0}
    assert asked >= {one for boxes in scene.receivers.values() for one in boxes}
    again = admin.post(at, content=csv, params={"dry_run": False}).json()
    assert (again["added"], again["unchanged"]) == ([], 2)
    wrong = admin.post(at, content=b"Ten,Cap trn\nX,xa\n")
    assert (wrong.status_code, "dòng 1" in wrong.json()["detail"], "Cấp" in wrong.json()["detail"]) == (422, True, True)
    broken = admin.post(at, content=b"PK nothing of a ZIP")
    assert (broken.status_code, "XLSX" in broken.text) == (422, True)


def test_a_merger_is_shown_then_applied(site: Site, scene: Scene) -> None:
    admin, operator = site.as_("admin"), site.as_("operator")
    plan = {"mergers": [{"on": "2026-08-01", "unit_ids": scene.communes[:2], "name": "Xã Bùi Mơ", "code": "09999"}]}
    assert operator.post("/api/v1/mergers/preview", json=plan).status_code == 403
    shown = admin.post("/api/v1/mergers/preview", json=plan).json()
    assert (shown["ended"], shown["created"]) == (["Xã Đồng Bùi", "Xã Suối Mơ"], ["Xã Bùi Mơ"])
    receivers = {one["id"] for one in shown["moved"] if one["kind"] == "receiver"}
    assert receivers == {*scene.receivers[scene.communes[0]], *scene.receivers[scene.communes[1]]}
    assert admin.post("/api/v1/mergers", json=plan | {"digest": "0" * 64}).status_code == 409
    done = admin.post("/api/v1/mergers", json=plan | {"digest": shown["digest"]})
    assert (done.status_code, done.json()) == (201, shown)
    names = {unit["name"] for unit in admin.get("/api/v1/units", params={"on": "2026-08-01"}).json()["items"]}
    assert "Xã Bùi Mơ" in names
    assert not {"Xã Đồng Bùi", "Xã Suối Mơ"} & names


def test_the_command_line_imports_lists_and_merges(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("TRUYENTHANH_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["truyenthanh", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    run("db", "upgrade")
    assert "Sẽ thêm 100," in run("units", "import", "--province", "Bắc Ninh", "--dry-run")[1]
    assert run("units", "list")[1] == ""
    assert "Đã thêm 100, bổ sung 0, giữ nguyên 0." in run("units", "import", "--province", "Bắc Ninh")[1]
    assert "Đã thêm 0, bổ sung 0, giữ nguyên 100." in run("units", "import", "--province", "Bắc Ninh")[1]
    assert run("units", "list", "--on", "2025-06-30")[1] == ""
    plan = tmp_path / "plan.csv"
    plan.write_text("on,old_name,new_name\n2027-01-01,Xã Đại Sơn,Xã Sơn Động\n2027-01-01,Xã Sơn Động,Xã Sơn Động\n")
    assert "Chỉ xem trước" in run("units", "merge", str(plan))[1]
    assert "Xã Đại Sơn" in run("units", "list", "--on", "2027-01-01")[1]
    assert "- Xã Đại Sơn" in run("units", "merge", str(plan), "--apply")[1]
    assert "Xã Đại Sơn" not in run("units", "list", "--on", "2027-01-01")[1]
    assert "Xã Đại Sơn" in run("units", "list", "--on", "31/12/2026")[1]
    status, _, err = run("units", "import")
    assert (status, "name a file or --province" in err) == (1, True)
