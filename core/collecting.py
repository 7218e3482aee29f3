"""Python's collector of cycles, kept away from work that makes many thousands of objects at once and keeps them all.

The collector is started by the number of new objects and looks at old ones again: where none of them can go before
the work is over, a quarter of the time and more is spent on finding that out. What is garbage by then is found by the
first collection after.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_pausing = 0


@contextmanager
def collecting_paused() -> Iterator[None]:
    """No collection of cycles in this process until the block ends; of several at once, until the last one does."""
    global _pausing  # noqa: PLW0603 - the collector is the process's
    with _lock:
        _pausing += 1
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _pausing -= 1
            if not _pausing:
                gc.enable()
