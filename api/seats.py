"""Which of several processes of one kind on this machine this is: 1, 2, 3 …

The number makes the name of a session at the broker that outlives the process, so it has to be the same again after a
restart and never that of two at once. A process holds the lowest free number by a lock on a file; the system lets go of
it whatever ends the process.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

SEATS_MAX = 64


class Seat:
    """A context manager; `number` is held while it is open. Raises `OSError` where the folder can't be written."""

    def __init__(self, folder: Path, name: str = "ingest") -> None:
        self._folder, self._name = folder, name
        self._file = -1
        self.number = 0

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, SEATS_MAX + 1):
            file = os.open(self._folder / f"{self._name}-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                continue
            self._file, self.number = file, number
            return self
        raise OSError(f"{SEATS_MAX} processes hold a number in {self._folder} already")

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        os.close(self._file)
