"""Fetching chunk by chunk: resumed after a restart, damage asked about, silence asked about, the quota held."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.protocol import topics
from devices.protocol.plan import Manifest
from devices.receiver.cache import Cache
from devices.receiver.fetch import NEVER, Fetcher, Need
from devices.receiver.settings import AgentSettings
from devices.receiver.state import State
from tests.devices.receiver.station import Audio

SETTINGS = AgentSettings(fetch_jitter_s=0.0, chunk_timeout_s=10.0)


def audio(text: str, size: int = 10_000) -> Audio:
    return Audio(hashlib.shake_128(text.encode()).digest(size), 1_000)


class Rig:
    """A fetcher with a broker that holds what is published, no network, and hands for the clock."""

    def __init__(self, folder: Path, *, quota_bytes: int = 10**9) -> None:
        self.state = State(folder / "state.db")
        self.cache = Cache(folder / "objects", self.state, quota_bytes=quota_bytes)
        self.subscribed: list[str] = []
        self.wants: list[tuple[str, int]] = []
        self.complete: list[str] = []
        self.alarms: list[str] = []
        self.given: list[str] = []
        self.now_s = 1_000.0
        self.fetcher = Fetcher(
            self.cache,
            subscribe=self.subscribed.append,
            unsubscribe=self.subscribed.remove,
            want=lambda sha256, n: self.wants.append((sha256, n)),
            complete=self.complete.append,
            alarm=lambda name, _detail: self.alarms.append(name),
            settings=SETTINGS,
        )

    def need(self, *audios: Audio, keep: tuple[Audio, ...] = (), urgent: bool = False) -> None:
        needs = [Need(one.manifest, float(n), urgent=urgent) for n, one in enumerate(audios)]
        self.fetcher.need(needs, keep={one.sha256 for one in (*audios, *keep)}, now_s=self.now_s)

    def run(self, *published: Audio, only: int | None = None) -> None:
        """Give every chunk that is subscribed to and published, up to `only` many."""
        held = {
            topics.content(one.sha256, one.chunk_bytes, n): chunk
            for one in published
            for n, chunk in enumerate(one.chunks)
        }
        self.fetcher.tick(self.now_s, 0)
        while only != 0 and self.subscribed and self.subscribed[0] in held:
            topic = self.subscribed[0]
            self.given.append(topic)
            self.fetcher.chunk(topic, held[topic], self.now_s, 0)
            self.fetcher.tick(self.now_s, 0)
            only = None if only is None else only - 1


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.state.close()


def test_one_chunk_at_a_time_the_soonest_object_first(rig: Rig) -> None:
    first, second = audio("one"), audio("two")
    rig.need(first, second)
    rig.run(first, second)
    assert rig.complete == [first.sha256, second.sha256]
    assert rig.cache.path(first.sha256).read_bytes() == first.data
    assert len(rig.given) == len(first.chunks) + len(second.chunks)
    assert rig.subscribed == []
    assert rig.fetcher.tick(rig.now_s, 0) == NEVER


def test_after_a_restart_only_the_rest_is_fetched(rig: Rig, tmp_path: Path) -> None:
    one = audio("one")
    rig.need(one)
    rig.run(one, only=2)
    rig.state.close()
    again = Rig(tmp_path)
    try:
        again.need(one)
        again.run(one)
        assert again.given == [topics.content(one.sha256, one.chunk_bytes, 2)]
        assert again.cache.path(one.sha256).read_bytes() == one.data
    finally:
        again.state.close()


def test_a_part_that_was_damaged_on_the_disk_is_fetched_again_from_there(rig: Rig) -> None:
    one = audio("one")
    rig.need(one)
    rig.run(one, only=2)
    rig.fetcher.need([], keep=(), now_s=rig.now_s)
    part = rig.cache.path(one.sha256 + ".part")
    assert not part.exists()  # nothing needs it any more
    part.write_bytes(one.chunks[0] + b"x" + one.chunks[1][1:])
    rig.given.clear()
    rig.need(one)
    rig.run(one)
    assert rig.given[0].endswith("/1")
    assert rig.cache.path(one.sha256).read_bytes() == one.data


def test_a_wrong_chunk_is_asked_for_once_and_the_right_one_taken(rig: Rig) -> None:
    one = audio("one")
    rig.need(one)
    rig.fetcher.tick(rig.now_s, 0)
    topic = rig.subscribed[0]
    for wrong in (b"x" * 4_096, b"short", one.chunks[1], b""):
        rig.fetcher.chunk(topic, wrong, rig.now_s, 0)
    assert rig.wants == [(one.sha256, 0)]
    assert rig.subscribed == [topic]
    rig.run(one)
    assert rig.complete == [one.sha256]


def test_a_chunk_that_doesn_t_come_is_asked_for_ever_more_seldom(rig: Rig) -> None:
    one = audio("one")
    rig.need(one)
    asked = []
    while rig.now_s < 1_500.0:
        before = len(rig.wants)
        due = rig.fetcher.tick(rig.now_s, 0)
        if len(rig.wants) > before:
            asked.append(rig.now_s)
        rig.now_s = max(due, rig.now_s + 0.001)
    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert asked[0] == pytest.approx(1_010.0)
    assert 16 <= gaps[0] <= 24
    assert gaps == sorted(gaps)
    assert len(rig.subscribed) == 1


def test_an_object_that_doesn_t_come_keeps_no_other_waiting(rig: Rig) -> None:
    absent, there = audio("absent"), audio("there")
    rig.need(absent, there)
    rig.run(there)
    assert rig.complete == []
    rig.now_s += 10.0
    rig.run(there)
    assert rig.complete == [there.sha256]
    rig.run(there, absent)
    assert rig.complete == [there.sha256, absent.sha256]


def test_what_is_urgent_overtakes(rig: Rig) -> None:
    slow, fast = audio("slow"), audio("fast")
    rig.need(slow)
    rig.run(slow, only=1)
    needs = [Need(slow.manifest, 10.0), Need(fast.manifest, 0.0, urgent=True)]
    rig.fetcher.need(needs, keep={slow.sha256, fast.sha256}, now_s=rig.now_s)
    rig.run(slow, fast)
    assert rig.complete == [fast.sha256, slow.sha256]
    assert sum(slow.sha256 in topic for topic in rig.given) == len(slow.chunks)  # its first chunk was kept


def test_a_manifest_that_lies_is_set_aside_with_an_alarm(rig: Rig) -> None:
    one = audio("one")
    wrong_whole = Manifest(
        sha256="0" * 64, bytes=len(one.data), chunk_bytes=one.chunk_bytes, chunk_sha256=one.manifest.chunk_sha256
    )
    wrong_count = Manifest(sha256="1" * 64, bytes=10**6, chunk_sha256=["2" * 64])
    rig.fetcher.need([Need(wrong_whole, 0.0), Need(wrong_count, 1.0)], keep=(), now_s=rig.now_s)
    rig.fetcher.tick(rig.now_s, 0)
    for chunk in one.chunks:
        rig.fetcher.chunk(rig.subscribed[0], chunk, rig.now_s, 0)
    rig.fetcher.tick(rig.now_s, 0)
    assert sorted(rig.alarms) == ["bad-manifest", "object-mismatch"]
    assert rig.complete == []
    assert rig.subscribed == []
    assert list((rig.cache.path("x").parent).iterdir()) == []


def test_room_is_made_by_what_was_needed_longest_ago_never_by_what_is_kept(tmp_path: Path) -> None:
    rig = Rig(tmp_path, quota_bytes=35_000)
    try:
        pinned, old, recent, new = audio("pinned"), audio("old"), audio("recent"), audio("new")
        for one in (pinned, old, recent):
            rig.need(one)
            rig.run(one)
        rig.cache.touch([pinned.sha256], 1)
        rig.cache.touch([old.sha256], 2)
        rig.cache.touch([recent.sha256], 3)
        rig.need(new, keep=(pinned,))
        rig.run(new)
        assert [rig.cache.has(one.sha256) for one in (pinned, old, recent, new)] == [True, False, True, True]
        big = audio("big", 30_000)
        rig.need(big, keep=(pinned, recent, new))
        rig.run(big)
        assert rig.alarms == ["cache-full"]
        assert not rig.cache.has(big.sha256)
        assert rig.cache.has(recent.sha256)
    finally:
        rig.state.close()
