"""A full disk costs audio before it costs a record."""

from __future__ import annotations

import hashlib
from pathlib import Path

from core.ids import new_id
from devices.protocol.plan import Manifest
from devices.protocol.reports import ClockFacts
from devices.receiver.cache import Cache
from devices.receiver.ledger import Ledger
from devices.receiver.outbox import Draft, Outbox
from devices.receiver.state import State


def draft() -> Draft:
    return Draft(
        airing=new_id(),
        item=new_id(),
        outcome="missed",
        planned_at=0,
        plan_revision=1,
        clock=ClockFacts(),
        reason="x" * 400,
    )


def store(cache: Cache, name: bytes, needed_at: int) -> str:
    sha256 = hashlib.sha256(name).hexdigest()
    manifest = Manifest(sha256=sha256, bytes=len(name), chunk_sha256=[sha256])
    cache.append(manifest, 0, name)
    assert cache.finish(manifest, needed_at)
    return sha256


def test_audio_goes_in_order_of_its_use_and_every_record_is_written(tmp_path: Path) -> None:
    """The database is really full: SQLite is given no more pages, until an object was dropped for them."""
    state = State(tmp_path / "state.db")
    cache, outbox = Cache(tmp_path / "objects", state, quota_bytes=10_000), Outbox(state)
    old, newer, today, soon = (
        store(cache, name, at) for name, at in ((b"old", 1), (b"newer", 2), (b"t", 3), (b"s", 4))
    )
    needed_in, dropped = {today: 60_000.0, soon: 1_000.0}, list[str]()
    pages = state.rows("PRAGMA page_count")[0][0]
    state.run(f"PRAGMA max_page_count = {pages}")

    def disk_full() -> bool:
        worst = cache.least_useful(needed_in)
        if worst is None:
            return False
        cache.drop(worst)
        dropped.append(worst)
        state.run(f"PRAGMA max_page_count = {pages + 2 * len(dropped)}")
        return True

    ledger = Ledger(state, outbox, None, disk_full=disk_full)  # type: ignore[arg-type]  # it writes no clock here
    written = [draft() for _ in range(12)]
    for one in written:
        ledger.write(one)
    assert dropped == [old, newer, today, soon][: len(dropped)]
    assert len(dropped) >= 2
    assert not ledger.holding
    assert [record.item for record in outbox.after(0, 100)] == [one.item for one in written]


def test_without_audio_left_records_wait_in_memory_for_room(tmp_path: Path) -> None:
    state = State(tmp_path / "state.db")
    outbox = Outbox(state)
    state.run(f"PRAGMA max_page_count = {state.rows('PRAGMA page_count')[0][0]}")
    ledger = Ledger(state, outbox, None)  # type: ignore[arg-type]  # as above
    written = [draft() for _ in range(12)]
    for one in written:
        ledger.write(one)
    assert ledger.holding
    state.run("PRAGMA max_page_count = 10000")
    ledger.flush()
    assert not ledger.holding
    assert [record.item for record in outbox.after(0, 100)] == [one.item for one in written]
