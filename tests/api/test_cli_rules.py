"""`truyenthanh rules`: what holds at a unit on a date, and whose it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from core import units
from core.clock import SystemClock
from core.database import Database
from core.settings import Settings
from schedules import rule_store
from schedules.rules import SoundRule
from tests.api.test_cli import Command, command, migrated
from tests.schedules.support import OPERATOR

__all__ = ["command", "migrated"]  # fixtures


def test_it_tells_what_holds_there_on_a_date_and_whose_it_is(migrated: Command, tmp_path: Path) -> None:
    clock = SystemClock()
    today = units.date_of(clock.now())
    soon = today + timedelta(days=3)
    db = Database(f"sqlite:///{tmp_path}/var/truyenthanh.db")
    with db.writing() as session:
        province = units.add(session, kind="province", name="Tỉnh Sông Bùi")
        commune = units.add(session, kind="commune", name="Xã Suối Mơ", parent=province)
        settings = Settings(_env_file=None)  # type: ignore[call-arg]
        for unit, minutes, since in ((province, 15, today), (commune, 10, soon)):
            rule = SoundRule("", unit.id, "session_ms", minutes * 60_000, valid_from=since)
            rule_store.put(session, rule, settings=settings, actor=OPERATOR, clock=clock)
    db.close()
    now = migrated("rules", "Xã Suối Mơ").out
    assert "giờ yên tĩnh: 21:00–05:00" in now
    assert "mặc định, Tỉnh Sông Bùi chưa quy định" in now
    assert f"mỗi buổi dài nhất: 15 phút\tlongest session: 15 min\t(Tỉnh Sông Bùi, từ {today:%d/%m/%Y})" in now
    assert "10 phút (" not in now
    later = migrated("rules", "Xã Suối Mơ", "--on", soon.isoformat()).out
    held, idle = later.split("Không có tác dụng ở đây")
    assert "mỗi buổi dài nhất: 10 phút" in held
    assert "mỗi buổi dài nhất: 15 phút" in idle
    assert migrated("rules", "Xã Không Có").status == 1
