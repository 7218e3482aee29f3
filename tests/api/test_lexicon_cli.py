"""`truyenthanh lexicon …`."""

from __future__ import annotations

from pathlib import Path

import pytest

from audio.store import ObjectStore
from broadcast import bulletins
from core import units
from core.clock import SystemClock
from core.database import Database
from tests.api.test_cli import Command, command, migrated
from tests.broadcast.newsroom.support import APPROVER, WRITER, QuickSpeaker

__all__ = ["command", "migrated"]  # fixtures


@pytest.fixture
def province(migrated: Command, tmp_path: Path) -> str:
    """A province with one approved bulletin."""
    db = Database(f"sqlite:///{tmp_path}/var/truyenthanh.db")
    clock = SystemClock()
    with db.writing() as session:
        unit = units.add(session, kind="province", name="Tỉnh Sông Bùi").id
        version = bulletins.create(session, title="Họp", text="Thôn Đồng Bùi họp.", actor=WRITER, clock=clock).id
    bulletins.render(db, version, studio=QuickSpeaker(ObjectStore(tmp_path / "o")), actor=WRITER, clock=clock)
    with db.writing() as session:
        bulletins.submit(session, version, actor=WRITER, clock=clock)
        heard = bulletins.current_sha256s(session, version)
        bulletins.approve(session, version, sha256s=heard, actor=APPROVER, clock=clock)
    db.close()
    return unit


def test_entries_are_set_listed_removed_and_restored(command: Command, province: str) -> None:
    done = command("lexicon", "set", province, "Đồng Bùi", "đồng bụi", "--note", "hỏi trưởng thôn")
    assert done.status == 0
    assert "“Đồng Bùi” đọc là “đồng bụi” (bản 1)." in done.out
    assert "thôn đồng bùi họp." in done.out
    assert "thôn đồng bụi họp." in done.out
    listed = command("lexicon", "list", "Tỉnh Sông Bùi").out
    assert listed == "Đồng Bùi\tđồng bụi\tTỉnh Sông Bùi\tbản 1\thỏi trưởng thôn\n"
    assert command("lexicon", "list", "sông bùi").out == listed  # as people say it
    assert command("lexicon", "list", "Bùi").status == 1  # only part of a name
    late = command("lexicon", "set", province, "Đồng Bùi", "đồng bùi", "--version", "0")
    assert late.status == 1
    assert "bạn sửa bản 0, nay là bản 1" in late.err
    assert "you edit version 0, it is at version 1" in late.err
    assert command("lexicon", "remove", province, "Đồng Bùi").status == 0
    assert command("lexicon", "list", province, "--own").out == ""
    restored = command("lexicon", "restore", province, "Đồng Bùi", "1")
    assert "(bản 3)" in restored.out
    assert "sẽ đọc khác" in restored.out
    told = command("lexicon", "history", province, "Đồng Bùi").out.splitlines()
    assert [line.split("\t")[3] for line in told] == ["đồng bụi", "(bỏ)", "đồng bụi"]


def test_a_file_is_shown_first_and_written_when_told(command: Command, province: str, tmp_path: Path) -> None:
    file = tmp_path / "từ điển.tsv"
    file.write_text("viết\tđọc\nĐồng Bùi\tđồng bụi\nQL37\tquốc lộ ba bảy\n", "utf-8")
    shown = command("lexicon", "import", province, str(file))
    assert "Sẽ ghi 2 mục" in shown.out
    assert "1 bản tin đã duyệt" in shown.out
    assert command("lexicon", "list", province).out == ""
    assert "Đã ghi 2 mục" in command("lexicon", "import", province, str(file), "--apply").out
    assert len(command("lexicon", "list", province).out.splitlines()) == 2
    again = command("lexicon", "import", province, str(file), "--apply").out
    assert "Đã ghi 0 mục" in again
    assert "Không bản tin đã duyệt" in again


def test_a_faulty_file_is_taken_in_not_at_all(command: Command, province: str, tmp_path: Path) -> None:
    file = tmp_path / "sai.csv"
    file.write_text("Đồng Bùi,đồng bụi\nQL37,quốc lộ 37\n", "utf-8")
    done = command("lexicon", "import", province, str(file), "--apply")
    assert done.status == 1
    assert "dòng 2:" in done.err
    assert "row 2:" in done.err
    assert command("lexicon", "list", province).out == ""
    for missing in (tmp_path / "không có.tsv", tmp_path):
        assert command("lexicon", "import", province, str(missing)).status == 1


def test_read_and_say_take_the_lexicon_of_a_unit(command: Command, province: str, tmp_path: Path) -> None:
    assert command("lexicon", "set", province, "QL37", "quốc lộ ba bảy").status == 0
    text = "Đường QL37.".encode()
    assert command("read", "-", "--unit", province, stdin=text).out == "đường quốc lộ ba bảy.\n"
    assert command("read", "-", stdin=text).out == "đường quốc lộ ba mươi bảy.\n"
    assert command("read", "--lines", "--unit", province, stdin=text).out == "đường quốc lộ ba bảy.\n"
    assert command("say", "-", "-o", "ra.ogg", "--unit", province, stdin=text).status == 0
    assert (tmp_path / "ra.ogg").stat().st_size > 1000
    assert command("say", "-", "-o", "ra.ogg", "--unit", "Không có", stdin=text).status == 1


def test_an_unknown_unit_is_named(command: Command, province: str) -> None:
    done = command("lexicon", "set", "01J0000000000000000000NONE", "An", "an")
    assert done.status == 1
    assert "01J0000000000000000000NONE" in done.err
