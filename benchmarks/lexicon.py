"""What a lexicon costs: in the reading, and in telling what a change of it would alter.

    python -m benchmarks.lexicon

Prints the figures and exits with 1 when one misses its target:

- a text of a dispatch read with a lexicon of 5,000 entries takes at most a quarter longer than without one;
- of 2,000 approved bulletins, a tenth of which hold the name, those that a change alters are told within 5 seconds of
  processor time (SQLite).
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable

from audio.lexicon import Lexicon, key_of
from audio.reading import read
from benchmarks.speech import BULLETIN
from broadcast.lexicon_impact import Change, impact
from broadcast.tables import Bulletin, BulletinVersion
from core import units
from core.clock import SystemClock
from core.database import Database
from core.migrations import upgrade

ENTRIES = 5_000
SHARE_MOST = 0.25
BULLETINS = 2_000
IMPACT_S_MOST = 5.0
ROUNDS = 7


def reading() -> bool:
    names = (f"Thôn {kind} {number}" for number in range(ENTRIES // 5) for kind in ("Bùi", "Mơ", "Hạ", "Chùa", "Tây"))
    entries = {key_of(name): "thôn một" for name in names}
    made_s = _best_s(lambda: Lexicon(entries))
    book = Lexicon(entries)
    text = BULLETIN + "Thôn Bùi 7 và thôn Chùa họp ở QL37. "
    read(text, book)
    without_s, with_s = _best_s(lambda: read(text)), _best_s(lambda: read(text, book))
    share = with_s / without_s - 1
    reached = share <= SHARE_MOST
    print(f"{len(entries):,} entries: made ready in {made_s * 1000:.1f} ms; {len(text):,} characters read in")
    print(
        f"{with_s * 1000:.2f} ms instead of {without_s * 1000:.2f} ms: {share:+.0%} (at most {SHARE_MOST:+.0%})"
        f" {_verdict(reached=reached)}"
    )
    return reached


def altered() -> bool:
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{folder}/lexicon.db")
        upgrade(db)
        with db.writing() as session:
            province = units.add(session, kind="province", name="Tỉnh Sông Bùi").id
            for number in range(BULLETINS):
                bulletin = Bulletin(title=f"Bản tin {number}", created_by="system:bench", created_at=clock.now())
                session.add(bulletin)
                session.flush()
                named = "\nThôn Đồng Bùi họp." if number % 10 == 0 else ""
                version = BulletinVersion(
                    bulletin_id=bulletin.id,
                    text=f"Bản tin số {number}.{BULLETIN}{named}",
                    spoken="đã đọc",
                    status="approved",
                    written_by="system:bench",
                    written_at=clock.now(),
                )
                session.add(version)
        started = time.process_time()
        with db.reading() as session:
            found = impact(session, province, [Change("Đồng Bùi", "đồng bụi")], on=units.date_of(clock.now()))
        took_s = time.process_time() - started
        db.close()
    assert len(found) == BULLETINS // 10
    reached = took_s <= IMPACT_S_MOST
    print(
        f"{len(found)} of {BULLETINS:,} approved bulletins would be read otherwise: told in {took_s:.2f} s"
        f" of processor time (at most {IMPACT_S_MOST:.0f} s) {_verdict(reached=reached)}"
    )
    return reached


def _best_s(what: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        what()
        taken.append(time.perf_counter() - started)
    return min(taken)


def _verdict(*, reached: bool) -> str:
    return "reached" if reached else "MISSED"


if __name__ == "__main__":
    sys.exit(0 if all([reading(), altered()]) else 1)
