"""The trail speaks: every kind of event that the code writes has words, and what it is about has its name."""

from __future__ import annotations

import re
from pathlib import Path

from api.pages.trail_words import sentence, subjects
from core.clock import ManualClock
from core.database import Database
from core.events import SYSTEM, Event, record
from tests.api.scene import Scene, add_airing

ROOT = Path(__file__).parents[2]
KIND = re.compile(r'"((?:user|system|receiver):[a-z-]+:[a-z-]+)"')


def test_every_kind_that_is_written_has_words() -> None:
    rooms = ("api", "broadcast", "schedules", "devices", "core")
    files = [path for room in rooms for path in (ROOT / room).rglob("*.py") if path.name != "trail_words.py"]
    written = {kind for path in files for kind in KIND.findall(path.read_text())}
    assert len(written) > 30
    assert {kind for kind in written if sentence(kind) == kind} == set()
    assert sentence("user:bulletin:approved") == "duyệt bản tin"
    assert sentence("somebody:else:did") == "somebody:else:did"


def test_what_an_event_is_about_has_its_name_and_page(sqlite_db: Database, scene: Scene, clock: ManualClock) -> None:
    with sqlite_db.writing() as session:
        airing = add_airing(session, scene, clock, "Tin sáng", clock.now())
        for subject in (("airing", airing.id), ("unit", scene.communes[0]), ("lease", "engine"), ("unit", "gone")):
            record(session, "user:airing:moved", actor=SYSTEM, at=clock.now(), subject=subject)
        found = subjects(session, session.query(Event).all())
        assert found[("airing", airing.id)] == ("Tin sáng", f"/lich/{airing.schedule_id}")
        assert found[("unit", scene.communes[0])] == ("Xã Đồng Bùi", f"/noi-nay/{scene.communes[0]}")
        assert ("lease", "engine") not in found
        assert ("unit", "gone") not in found
