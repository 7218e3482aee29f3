"""The process that decodes one recording: untrusted bytes meet the codec library here and nowhere else.

A script, started once for each file with its path and three limits (seconds of sound, bytes of memory, seconds of
processor time). The system enforces the latter two, and the process can write no file. To standard output it
gives messages: kind (one byte), length (unsigned 32-bit), payload.

- `H`: JSON of what the header says: format, codec, sample_rate, channels (as given out: 1 or 2), claimed_s or null;
- `B`: the number of clipped places (unsigned 32-bit), then one second (the last: less) of interleaved 32-bit floats at
  48 kHz;
- `E`: JSON at the end: `damaged`, the number of packets that could not be decoded;
- `X`: JSON of why the file is refused: `slug` and facts.

A video is refused, a cover picture is not. The name of the file is never looked at; the content decides. Container
formats that refer to other files or addresses (playlists) are not among those that are opened.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
from typing import Any, Final

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

MESSAGE: Final = struct.Struct("=cI")
CLIPPED: Final = struct.Struct("=I")
SAMPLE_RATE: Final = 48_000
FORMATS: Final = "wav,w64,aiff,caf,mp3,aac,mov,matroska,ogg,flac,amr,asf,au"

_FULL_SCALE = 0.999
_RUN = 3  # samples at full scale one behind the other: one or two are a peak that just fits
_SURE = 2.0  # a header may be wrong about the length by less than this: some MP3s only let it be guessed
_DAMAGED_MOST = 0.5  # of the packets


class Refused(Exception):
    """Why the file is not taken."""

    def __init__(self, slug: str, **facts: Any) -> None:
        super().__init__(slug)
        self.message = {"slug": slug, **facts}


def main(path: str, seconds_max: float, memory_bytes: int, cpu_s: int) -> int:
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no message
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    av.logging.set_level(None)
    try:
        _decode(out, path, seconds_max)
    except Refused as refused:
        _send(out, b"X", json.dumps(refused.message).encode())
    except MemoryError:
        _send(out, b"X", json.dumps({"slug": "memory"}).encode())
    except (av.FFmpegError, ValueError, OSError) as error:
        _send(out, b"X", json.dumps({"slug": "malformed", "why": type(error).__name__}).encode())
    return 0


def _decode(out: int, path: str, seconds_max: float) -> None:
    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
    with av.open(path, options=options, metadata_errors="replace") as container:
        stream = _sound_of(container)
        claimed_s = container.duration / 1e6 if container.duration and container.duration > 0 else None
        if claimed_s is not None and claimed_s > _SURE * seconds_max:
            raise Refused("too-long", seconds=claimed_s)
        channels = 1 if stream.codec_context.channels == 1 else 2
        header = {
            "format": container.format.name,
            "codec": stream.codec_context.name,
            "sample_rate": stream.codec_context.sample_rate,
            "channels": channels,
            "claimed_s": claimed_s,
        }
        _send(out, b"H", json.dumps(header).encode())
        writer = _Writer(out, channels, seconds_max)
        packets, damaged = 0, 0
        for packet in container.demux(stream):
            packets += packet.size > 0
            try:
                for frame in packet.decode():
                    writer.take(frame)
            except av.FFmpegError:
                damaged += 1
        if not writer.samples or damaged > _DAMAGED_MOST * packets:
            raise Refused("malformed", why="no sound in it" if not damaged else f"{damaged}/{packets}")
        writer.finish()
        _send(out, b"E", json.dumps({"damaged": damaged}).encode())


def _sound_of(container: Any) -> Any:
    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if moving:
        raise Refused("video", sound=bool(container.streams.audio))
    if not container.streams.audio:
        raise Refused("malformed", why="no sound in it")
    return container.streams.audio[0]


class _Writer:
    """Brings frames to 48 kHz and one or two channels, and sends them second by second."""

    def __init__(self, out: int, channels: int, seconds_max: float) -> None:
        self._out = out
        self._channels = channels
        self._most = int(seconds_max * SAMPLE_RATE)
        self._resampler: av.AudioResampler | None = None
        self._shape: tuple[object, ...] = ()
        self._held: list[NDArray[np.float32]] = []
        self._held_samples = 0
        self._clipped = 0
        self.samples = 0

    def take(self, frame: av.AudioFrame) -> None:
        self._clipped += _clipped_places(frame)
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:  # some phones' files change in the middle
            self._flush()
            layout = "mono" if self._channels == 1 else "stereo"
            self._resampler, self._shape = av.AudioResampler(format="flt", layout=layout, rate=SAMPLE_RATE), shape
        frame.pts = None  # times in damaged files jump; what counts is the samples
        assert self._resampler is not None  # noqa: S101 - set above
        self._keep(self._resampler.resample(frame))

    def finish(self) -> None:
        self._flush()
        self._send_seconds(SAMPLE_RATE if self._held_samples > SAMPLE_RATE else 1)
        if self._held_samples:
            self._send_seconds(1)

    def _flush(self) -> None:
        if self._resampler is not None:
            self._keep(self._resampler.resample(None))

    def _keep(self, frames: list[av.AudioFrame]) -> None:
        for frame in frames:
            block = frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)
            self._held.append(block)
            count = block.size // self._channels
            self._held_samples += count
            self.samples += count
        if self.samples > self._most:
            raise Refused("too-long", seconds=None)
        if self._held_samples >= SAMPLE_RATE:
            self._send_seconds(SAMPLE_RATE)

    def _send_seconds(self, least: int) -> None:
        if not self._held:
            return
        whole = np.nan_to_num(np.concatenate(self._held), nan=0.0, posinf=1.0, neginf=-1.0)
        size = SAMPLE_RATE * self._channels
        while whole.size and whole.size >= least * self._channels:
            piece, whole = whole[:size], whole[size:]
            _send(self._out, b"B", CLIPPED.pack(self._clipped) + piece.tobytes())
            self._clipped = 0
        self._held, self._held_samples = [whole], whole.size // self._channels


def _clipped_places(frame: av.AudioFrame) -> int:
    """How many runs of samples at full scale the frame holds, before anything is resampled."""
    raw: NDArray[Any] = frame.to_ndarray()
    scale = 1.0 if raw.dtype.kind == "f" else float(np.iinfo(raw.dtype).max)
    if raw.dtype == np.uint8:
        raw, scale = raw.astype(np.int16) - 128, 127.0
    limit = _FULL_SCALE * scale
    if raw.max() < limit and raw.min() > -limit:
        return 0
    rows = raw if frame.format.is_planar else raw.reshape(-1, frame.layout.nb_channels).T
    full = np.abs(rows.astype(np.float32)) >= limit
    runs = full[:, :-2] & full[:, 1:-1] & full[:, 2:]
    return int((runs[:, 1:] & ~runs[:, :-1]).sum() + runs[:, :1].sum())


def _send(out: int, kind: bytes, payload: bytes) -> None:
    left = memoryview(MESSAGE.pack(kind, len(payload)) + payload)
    while left:
        left = left[os.write(out, left) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
