"""Heavy work goes a few at a time, so that the rest of the web process stays answerable."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.errors import TruyenThanhError

RENDERS_AT_ONCE = 2
RENDERS_WAITING = 8  # each holds one of the forty threads that answer everybody
WAIT_S = 30.0


class StudioBusy(TruyenThanhError):
    """`seconds` after which to try again."""

    slug = "studio-busy"
    status = 503
    vi = "Đang tạo giọng đọc cho các bản tin khác. Hãy thử lại sau {seconds} giây; bản tin này vẫn còn nguyên."
    en = "Other bulletins are being spoken. Try again in {seconds} seconds; this one is unchanged."


class Turns:
    """So many at once, so many who wait for a while; who comes later is told to come again."""

    def __init__(self, at_once: int = RENDERS_AT_ONCE, waiting: int = RENDERS_WAITING, wait_s: float = WAIT_S) -> None:
        self._working = threading.BoundedSemaphore(at_once)
        self._inside = threading.BoundedSemaphore(at_once + waiting)
        self._wait_s = wait_s

    @contextmanager
    def taken(self) -> Iterator[None]:
        """A turn, for as long as the block lasts. Raises `StudioBusy`."""
        if not self._inside.acquire(blocking=False):
            raise StudioBusy(seconds=round(self._wait_s))
        try:
            if not self._working.acquire(timeout=self._wait_s):
                raise StudioBusy(seconds=round(self._wait_s))
            try:
                yield
            finally:
                self._working.release()
        finally:
            self._inside.release()


class Renderings:
    """How far the renderings that go on in this process are, by version."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shares: dict[str, list[list[float]]] = {}

    @contextmanager
    def told(self, version_id: str) -> Iterator[Callable[[float], None]]:
        """A place to tell the share of the whole, for as long as the block lasts."""
        going = [0.0]
        with self._lock:
            self._shares.setdefault(version_id, []).append(going)

        def tell(value: float) -> None:
            going[0] = value

        try:
            yield tell
        finally:
            with self._lock:
                # By identity: two that are as far as each other are two.
                left = [one for one in self._shares[version_id] if one is not going]
                if left:
                    self._shares[version_id] = left
                else:
                    del self._shares[version_id]

    def share(self, version_id: str) -> float | None:
        """0 to 1, of the one that began last; None where nothing goes on."""
        with self._lock:
            going = self._shares.get(version_id)
            return going[-1][0] if going else None
