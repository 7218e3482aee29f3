"""A circuit breaker: a voice that failed several times in a row, or hung once, rests a while and is then tried once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

FAILURES = 3
REST_S = 60.0


class Breaker:
    """`ready` before each use, then `succeeded` or `failed`. Safe to use from several threads."""

    def __init__(
        self, failures: int = FAILURES, rest_s: float = REST_S, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = failures
        self._rest_s = rest_s
        self._now_s = now_s
        self._lock = threading.Lock()
        self._failures = 0
        self._until_s = 0.0

    @property
    def rests_for_s(self) -> float:
        """How long it still rests; 0 where it doesn't."""
        with self._lock:
            return max(self._until_s - self._now_s(), 0.0) if self._failures >= self._most else 0.0

    def ready(self) -> bool:
        """It may be used. After the rest one caller is told so, the others only when that trial went well."""
        with self._lock:
            if self._failures < self._most:
                return True
            if self._now_s() < self._until_s:
                return False
            self._until_s = self._now_s() + self._rest_s
            return True

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0

    def failed(self, *, dearly: bool = False) -> None:
        """`dearly`: somebody waited so long for it that nobody should wait for it again; it rests at once."""
        with self._lock:
            self._failures = max(self._failures + 1, self._most if dearly else 0)
            if self._failures >= self._most:
                self._until_s = self._now_s() + self._rest_s
