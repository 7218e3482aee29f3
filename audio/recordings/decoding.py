"""Any recording as blocks of samples, decoded in a process of its own.

Codecs are large C libraries, and recordings come from anywhere. A file that makes the decoder crash, loop or eat
memory costs that process, which the system bounds in memory and time, and not the server. Starting one takes about a
third of a second, against the seconds that an upload takes anyway.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from audio.recordings import _decode_worker as worker
from audio.recordings.errors import RecordingEmpty, RecordingIsVideo, RecordingMalformed, RecordingTooLong
from audio.recordings.wholeness import lacks_index, lost_ms
from core.errors import TruyenThanhError

MINUTES_MAX = 60
MEMORY_BYTES = 1 << 30  # address space: the libraries alone map about 400 MB
CPU_S = 300

KINDS = {"mov": "M4A/3GP", "matroska": "WebM", "asf": "WMA"}  # other formats are called as the decoder calls them

TOLERANCE_MS = 1000  # an hour that runs a second over is an hour


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself. `claimed_ms` is its own word on its length, where it has one."""

    format: str
    codec: str
    sample_rate: int
    channels: int
    claimed_ms: int | None

    @property
    def kind(self) -> str:
        """What people call such a file."""
        form = self.format.partition(",")[0]
        return "Opus" if (form, self.codec) == ("ogg", "opus") else KINDS.get(form, form.upper())


@dataclass(frozen=True, slots=True)
class Block:
    """A second (the last: less) at 48 kHz: `samples` of shape (n, channels), −1…1; `clipped` places at full scale."""

    samples: NDArray[np.float32]
    clipped: int


class Decoder:
    """One file being decoded, used in a `with`: `header`, then the `blocks` once, then `damaged` and `lost_ms`.

    Raises `RecordingEmpty`, `RecordingMalformed`, `RecordingIsVideo`, `RecordingTooLong`, at the start or from
    `blocks`.
    """

    def __init__(self, path: Path, *, minutes_max: int = MINUTES_MAX) -> None:
        self._minutes_max = minutes_max
        if not path.stat().st_size:
            raise RecordingEmpty
        self._path = path
        self.damaged = 0  # packets that could not be decoded
        self.lost_ms: int | None = None  # of the end, as `wholeness.lost_ms` says
        limits = [str(minutes_max * 60 + TOLERANCE_MS / 1000), str(MEMORY_BYTES), str(CPU_S)]
        self._process = subprocess.Popen(  # noqa: S603 - our own script; the path is ours too
            [sys.executable, "-I", worker.__file__, str(path.absolute()), *limits],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # One thread of the array library is enough, and each more maps memory.
            env={"OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"},
            process_group=0,
        )
        assert self._process.stdout is not None  # noqa: S101 - for mypy: it is a pipe
        self._pipe: IO[bytes] = self._process.stdout
        try:
            said: dict[str, Any] = json.loads(self._message()[1])  # the first is the header, or a refusal
        except BaseException:
            self.close()
            raise
        claimed = said["claimed_s"]
        self.header = Header(
            said["format"],
            said["codec"],
            said["sample_rate"],
            said["channels"],
            None if claimed is None else round(claimed * 1000),
        )

    def blocks(self) -> Iterator[Block]:
        """The samples in order."""
        samples_done = 0
        while True:
            kind, payload = self._message()
            if kind == b"E":
                self.damaged = int(json.loads(payload)["damaged"])
                decoded_ms = samples_done * 1000 // worker.SAMPLE_RATE
                self.lost_ms = lost_ms(self._path, self.header.format, self.header.claimed_ms, decoded_ms)
                return
            (clipped,) = worker.CLIPPED.unpack_from(payload)
            samples = np.frombuffer(payload, np.float32, offset=worker.CLIPPED.size)
            block = Block(samples.reshape(-1, self.header.channels), clipped)
            samples_done += len(block.samples)
            yield block

    def close(self) -> None:
        """End the process, wherever it is."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._pipe.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _message(self) -> tuple[bytes, bytes]:
        head = self._pipe.read(worker.MESSAGE.size)
        if len(head) == worker.MESSAGE.size:
            kind, length = worker.MESSAGE.unpack(head)
            payload = self._pipe.read(length)
            if len(payload) == length:
                if kind == b"X":
                    raise self._error(json.loads(payload))
                return kind, payload
        raise RecordingMalformed(why="bộ giải mã dừng giữa chừng / the decoder broke off")

    def _error(self, refusal: dict[str, Any]) -> TruyenThanhError:
        if refusal["slug"] == "video":
            sound = "có tiếng / with sound" if refusal["sound"] else "không có tiếng / without sound"
            return RecordingIsVideo(sound=sound)
        if refusal["slug"] == "too-long":
            return RecordingTooLong(limit=self._minutes_max)
        if refusal["slug"] == "memory":
            return RecordingMalformed(why="giải mã cần quá nhiều bộ nhớ / decoding it takes too much memory")
        if lacks_index(self._path):
            return RecordingMalformed(why="tệp bị cụt, phần cuối chưa chép xong / it is cut short, its end is missing")
        return RecordingMalformed(why="dữ liệu hỏng hoặc không có tiếng / damaged data, or no sound in it")
