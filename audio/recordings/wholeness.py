"""Is a file whole? A decoder is content with what is there, so what was cut off is looked for in the bytes.

- WAV and CAF: by the size that their samples are said to have.
- Other containers that say their length (AIFF, M4A, 3GP, FLAC, Matroska, WMA): by it, against what was decoded.
- MP3 with a Xing or VBRI header: by the number of frames that it says. Any other MP3, and AAC without a container: the
  last frame must be whole; a cut that falls exactly between two frames can't be seen.
- Ogg: the last page must be whole and be marked as the last.

Only a few kilobytes at both ends are read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

UNKNOWN = 0  # of how much is lost
_SAID_WRONG_MS = 300  # padding of codecs, and rounding
_WITH_LENGTH = frozenset({"aiff", "mov", "flac", "matroska", "asf"})
_END_BYTES = 64 * 1024
_UNKNOWN_LENGTH = 0x7FFFFF00  # recorders that stream write some size near the greatest there is
_FRAMES_SURE = 3  # frames one behind the other: by chance three don't stand so
_ID3V1_BYTES = 128


def lost_ms(path: Path, form: str, claimed_ms: int | None, decoded_ms: int) -> int | None:
    """How much of the end is gone, `UNKNOWN` where that can't be said; None: the file is whole as far as it tells.

    `form` and `claimed_ms` are the decoder's word on the file.
    """
    form = form.partition(",")[0]
    if form in _WITH_LENGTH:
        return _short_of(claimed_ms, decoded_ms)
    size = path.stat().st_size
    if form in {"wav", "caf"}:
        return _samples_lacking(path, form, size, decoded_ms)
    with path.open("rb") as file:
        begin = file.read(_END_BYTES)
        file.seek(max(size - _END_BYTES, 0))
        end = file.read(_END_BYTES)
    said = _mp3_frames_said(begin) if form == "mp3" else None
    if said is not None:
        return _short_of(said, decoded_ms)
    return UNKNOWN if form in _CUT and _CUT[form](end) else None


def lacks_index(path: Path) -> bool:
    """An M4A, MP4 or 3GP whose index never came: it is written last, and without it nothing can be decoded."""
    size, at = path.stat().st_size, 0
    with path.open("rb") as file:
        for _ in range(64):  # boxes one behind the other
            file.seek(at)
            head = file.read(16)
            if len(head) < 8 or (at == 0 and head[4:8] != b"ftyp"):
                return at > 0
            length, kind = struct.unpack(">I4s", head[:8])
            if kind == b"moov":
                return bool(at + length > size)
            if length == 1 and len(head) == 16:
                (length,) = struct.unpack(">Q", head[8:])
            if length < 8:  # to the end of the file
                return True
            at += length
    return False


def _short_of(said_ms: int | None, decoded_ms: int) -> int | None:
    return said_ms - decoded_ms if said_ms is not None and said_ms - decoded_ms > _SAID_WRONG_MS else None


def _samples_lacking(path: Path, form: str, size: int, decoded_ms: int) -> int | None:
    """Of the samples that the chunk `data` announces."""
    at, head = (12, struct.Struct("<4sI")) if form == "wav" else (8, struct.Struct(">4sq"))
    with path.open("rb") as file:
        for _ in range(64):  # chunks one behind the other
            file.seek(at)
            found = file.read(head.size)
            if len(found) < head.size:
                return None
            kind, length = head.unpack(found)
            at += head.size
            if kind == b"data":
                there = size - at
                known = 0 < length < _UNKNOWN_LENGTH or (form == "caf" and length > 0)
                return decoded_ms * (length - there) // there if known and length > there > 0 else None
            if length < 0:
                return None
            at += length + (length % 2 if form == "wav" else 0)
    return None


# --- MPEG audio: frames with a header of four bytes ----------------------------------------------------------------

_BITRATES = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44_100, 48_000, 32_000)


def _mpeg(head: bytes) -> tuple[int, int, int] | None:
    """Bytes of the frame, samples in it, samples a second; None where this is no head of a frame."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = (head[1] >> 3) & 3, 4 - ((head[1] >> 1) & 3)
    bits, rate = head[2] >> 4, (head[2] >> 2) & 3
    if version == 1 or layer == 4 or bits in {0, 15} or rate == 3:
        return None
    first = version == 3
    kbps = _BITRATES[(1, layer) if first else (2, 1 if layer == 1 else 2)][bits]
    hz = _RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    padding = (head[2] >> 1) & 1
    if layer == 1:
        return (12_000 * kbps // hz + padding) * 4, 384, hz
    samples = 1152 if first or layer == 2 else 576
    return samples // 8 * kbps * 1000 // hz + padding, samples, hz


def _mp3_frame_bytes(head: bytes) -> int | None:
    frame = _mpeg(head)
    return frame[0] if frame else None


def _mp3_frames_said(begin: bytes) -> int | None:
    """The length in ms that the header frame of an MP3 says, where there is one."""
    at = 0
    if begin[:3] == b"ID3" and len(begin) >= 10:
        at = 10 + ((begin[6] & 127) << 21 | (begin[7] & 127) << 14 | (begin[8] & 127) << 7 | begin[9] & 127)
    while at < len(begin) - 4 and _mpeg(begin[at : at + 4]) is None:
        at += 1
    frame = _mpeg(begin[at : at + 4])
    if frame is None:
        return None
    length, samples, hz = frame
    first = begin[at : at + length]
    frames = 0
    for tag in (b"Xing", b"Info"):
        place = first.find(tag)
        if place > 0 and len(first) >= place + 12 and first[place + 7] & 1:
            (frames,) = struct.unpack_from(">I", first, place + 8)
    place = first.find(b"VBRI")
    if place > 0 and len(first) >= place + 18:
        (frames,) = struct.unpack_from(">I", first, place + 14)
    return frames * samples * 1000 // hz if frames else None


def _adts_frame_bytes(head: bytes) -> int | None:
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return None
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > 7 else None


def _last_frame_cut(end: bytes, frame_bytes: Callable[[bytes], int | None]) -> bool:
    """Frames stand one behind the other up to the end, and the last one reaches beyond it."""
    if end[-_ID3V1_BYTES : -_ID3V1_BYTES + 3] == b"TAG":
        end = end[:-_ID3V1_BYTES]
    for start in range(len(end)):
        at = start
        frames = 0
        while (length := frame_bytes(end[at : at + 7])) is not None and at + length < len(end):
            at += length
            frames += 1
        if frames >= _FRAMES_SURE:
            length = frame_bytes(end[at : at + 7])
            # Less than a frame's head may be left, too.
            return at + length > len(end) if length is not None else 0 < len(end) - at < 7
    return False


def _ogg_cut(end: bytes) -> bool:
    """The last page isn't whole, or isn't marked as the last of its stream."""
    at = end.rfind(b"OggS")
    if at < 0 or len(end) < at + 27:
        return True
    segments = end[at + 26]
    table = end[at + 27 : at + 27 + segments]
    whole = len(table) == segments and at + 27 + segments + sum(table) <= len(end)
    return not whole or not end[at + 5] & 4


_CUT: Final[dict[str, Callable[[bytes], bool]]] = {
    "mp3": lambda end: _last_frame_cut(end, _mp3_frame_bytes),
    "aac": lambda end: _last_frame_cut(end, _adts_frame_bytes),
    "ogg": _ogg_cut,
}
