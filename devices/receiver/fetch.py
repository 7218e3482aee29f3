"""Fetching audio: one chunk at a time, so that a command never waits behind a file.

Of all objects that are needed, the one needed soonest is fetched: subscribe to the topic of its next chunk, check the
chunk against the signed manifest, write it, go on to the next. A chunk that doesn't come, or is not what the manifest
says, is asked for (`want`), each time after a longer wait; meanwhile the other objects have their turn. Nothing here
waits: `tick` says when it wants to be called.
"""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from devices.protocol import topics
from devices.protocol.plan import Manifest
from devices.receiver.cache import Cache, chunk_count, chunk_size, is_sound
from devices.receiver.settings import AgentSettings

log = logging.getLogger(__name__)

NEVER = float("inf")
SET_ASIDE_S = 600.0  # an object that can't be had (no room, wrong whole) is not tried again sooner


@dataclass(frozen=True, slots=True)
class Need:
    """An object, and in how many seconds it is needed (0: now). `urgent`: no waiting for a random moment."""

    manifest: Manifest
    in_s: float
    urgent: bool = False


@dataclass(slots=True)
class _Current:
    manifest: Manifest
    n: int
    deadline_s: float
    wrong: bool = False  # something came that isn't it, and was asked about

    @property
    def topic(self) -> str:
        return topics.content(self.manifest.sha256, self.manifest.chunk_bytes, self.n)


class Fetcher:
    """Brings the objects that are needed. Times are monotonic seconds; used by the working thread only."""

    def __init__(
        self,
        cache: Cache,
        *,
        subscribe: Callable[[str], None],
        unsubscribe: Callable[[str], None],
        want: Callable[[str, int], None],
        complete: Callable[[str], None],
        alarm: Callable[[str, str], None],
        settings: AgentSettings,
    ) -> None:
        self._cache = cache
        self._subscribe = subscribe
        self._unsubscribe = unsubscribe
        self._want = want
        self._complete = complete
        self._alarm = alarm
        self._settings = settings
        self._needs: list[Need] = []
        self._keep: set[str] = set()
        self._not_before = 0.0
        self._aside: dict[str, float] = {}
        self._silences: dict[str, int] = {}  # how often the next chunk of an object was waited for in vain
        self._retry: dict[str, float] = {}  # when an object has its turn again
        self._current: _Current | None = None
        self._random = random.Random()  # noqa: S311 - spreads the load, hides nothing

    @property
    def topic(self) -> str | None:
        """The chunk that is waited for."""
        return self._current.topic if self._current else None

    def need(self, needs: Sequence[Need], *, keep: Collection[str], now_s: float) -> None:
        """These objects are needed (soonest first wins); `keep` are all that must not be dropped for room."""
        missing = [need for need in needs if not self._cache.has(need.manifest.sha256)]
        known = {need.manifest.sha256 for need in self._needs}
        self._needs = sorted(missing, key=lambda need: (not need.urgent, need.in_s))
        self._keep = set(keep) | {need.manifest.sha256 for need in missing}
        self._cache.drop_parts({need.manifest.sha256 for need in missing})
        if not missing:
            self._leave()
            return
        if any(need.urgent for need in missing):
            self._not_before = now_s
        elif any(need.manifest.sha256 not in known for need in missing):
            soonest = min(need.in_s for need in missing)
            span = min(self._settings.fetch_jitter_s, max(0.0, soonest / 20))
            self._not_before = now_s + self._random.uniform(0.0, span)
        current = self._current
        if current is None:
            return
        first = self._needs[0]
        overtaken = first.urgent and first.manifest.sha256 != current.manifest.sha256
        if overtaken or current.manifest.sha256 not in self._keep:
            self._leave()

    def connected(self, now_s: float) -> None:
        """The link is (back) up: what was asked for may have been lost."""
        self._silences.clear()
        self._retry.clear()
        if self._current:
            self._current.deadline_s = now_s + self._settings.chunk_timeout_s

    def tick(self, now_s: float, now_ms: int) -> float:
        """Do what is due; the monotonic second of the next call."""
        if self._current is None:
            self._begin(now_s, now_ms)
        current = self._current
        if current is None:
            waits = [self._not_before] if self._needs and self._not_before > now_s else []
            return min([*waits, *(at for at in self._aside.values() if at > now_s)], default=NEVER)
        if now_s >= current.deadline_s:
            self._ask_again(current, now_s, now_ms)
        return self._current.deadline_s if self._current else now_s

    def chunk(self, topic: str, payload: bytes, now_s: float, now_ms: int) -> None:
        """A chunk came. What isn't waited for is dropped; an empty one only says that it was cleared."""
        current = self._current
        if current is None or topic != current.topic or not payload:
            return
        manifest = current.manifest
        wrong = len(payload) != chunk_size(manifest, current.n)
        if wrong or hashlib.sha256(payload).hexdigest() != manifest.chunk_sha256[current.n]:
            if not current.wrong:
                current.wrong = True
                self._want(manifest.sha256, current.n)
                self._renew(current)
            return
        try:
            self._cache.append(manifest, current.n, payload)
        except OSError as error:
            self._set_aside(manifest.sha256, now_s, "disk", str(error))
            return
        self._unsubscribe(topic)
        self._silences.pop(manifest.sha256, None)
        self._retry.pop(manifest.sha256, None)
        self._next(manifest, current.n + 1, now_s, now_ms)

    def _begin(self, now_s: float, now_ms: int) -> None:
        if now_s < self._not_before:
            return
        # Objects that keep silent come after the others; where all do, the next one to be asked for is listened to.
        for need in sorted(self._needs, key=lambda need: max(0.0, self._retry.get(need.manifest.sha256, 0.0) - now_s)):
            manifest = need.manifest
            if self._aside.get(manifest.sha256, 0.0) > now_s or self._cache.has(manifest.sha256):
                continue
            self._aside.pop(manifest.sha256, None)
            if not is_sound(manifest):
                self._set_aside(manifest.sha256, now_s, "bad-manifest", "chunk count")
                continue
            have = self._cache.resume(manifest)
            left = manifest.bytes - min(have * manifest.chunk_bytes, manifest.bytes)
            if not self._cache.make_room(left, self._keep):
                self._set_aside(manifest.sha256, now_s, "cache-full", f"{left} bytes")
                continue
            self._next(manifest, have, now_s, now_ms)
            if self._current is not None:
                return

    def _next(self, manifest: Manifest, n: int, now_s: float, now_ms: int) -> None:
        """Go on with chunk `n`, or end the object where there is none such."""
        self._current = None
        if n < chunk_count(manifest):
            retry_s = self._retry.get(manifest.sha256, 0.0)
            self._current = _Current(manifest, n, max(retry_s, now_s + self._settings.chunk_timeout_s))
            self._subscribe(self._current.topic)
            return
        try:
            whole = self._cache.finish(manifest, now_ms)
        except OSError as error:
            self._set_aside(manifest.sha256, now_s, "disk", str(error))
            return
        if not whole:
            self._set_aside(manifest.sha256, now_s, "object-mismatch", manifest.sha256)
            return
        self._needs = [need for need in self._needs if need.manifest.sha256 != manifest.sha256]
        self._complete(manifest.sha256)
        self._begin(now_s, now_ms)

    def _ask_again(self, current: _Current, now_s: float, now_ms: int) -> None:
        sha256 = current.manifest.sha256
        silences = self._silences[sha256] = self._silences.get(sha256, 0) + 1
        wait = min(self._settings.chunk_timeout_s * 2.0**silences, self._settings.chunk_timeout_max_s)
        self._retry[sha256] = now_s + wait * self._random.uniform(0.8, 1.2)
        self._want(sha256, current.n)
        self._leave()
        self._begin(now_s, now_ms)

    def _renew(self, current: _Current) -> None:
        """A subscription made anew has the broker give what it holds: what came may have been damaged under way."""
        self._unsubscribe(current.topic)
        self._subscribe(current.topic)

    def _set_aside(self, sha256: str, now_s: float, name: str, detail: str) -> None:
        self._aside[sha256] = now_s + SET_ASIDE_S
        log.warning("An audio object can't be had now", extra={"sha256": sha256, "why": name})
        self._alarm(name, detail)
        if self._current and self._current.manifest.sha256 == sha256:
            self._leave()

    def _leave(self) -> None:
        if self._current is not None:
            self._unsubscribe(self._current.topic)
            self._current = None
