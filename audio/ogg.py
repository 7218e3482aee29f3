"""The container of a stored sound: Opus packets in one logical Ogg stream, as RFC 3533 and RFC 7845 have it.

Two pages of headers, then pages of about a second. Each page says up to which sample it leads (the granule position,
which counts what the decoder throws away at the beginning, too); that of the last page cuts the end off to the sample.
Serial number and encoder's name are always the same, so the same packets give the same bytes.

Packets can come from several encoders, as long as each begins where the one before it was silent (`audio/speech.py`).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Final

RATE_HZ: Final = 48_000
FRAME: Final = RATE_HZ // 50  # samples of a packet: 20 ms

_SERIAL = 0
_FIRST, _LAST = 2, 4  # flags of a page
_PACKETS_A_PAGE = 50
_SEGMENTS_A_PAGE = 255  # a packet has one for each 255 bytes and one for the rest
_PAGE = struct.Struct("<4sBBqIIIB")
_CRC_AT = 22

_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def opus_head(pre_skip: int) -> bytes:
    """What a decoder is set up with: mono, and how many samples it throws away at the beginning."""
    return struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, pre_skip, RATE_HZ, 0, 0)


def wrapped(packets: Sequence[bytes], pre_skip: int, samples: int) -> bytes:
    """The file whose decoder gives back `samples` samples; the packets hold at least as many beyond the pre-skip."""
    tags = struct.pack("<8sI", b"OpusTags", 5) + b"audio" + struct.pack("<I", 0)
    pages = [_page([opus_head(pre_skip)], 0, 0, _FIRST), _page([tags], 1, 0, 0)]
    at = 0
    while at < len(packets):
        count, segments = 0, 0
        while at + count < len(packets) and count < _PACKETS_A_PAGE:
            segments += len(packets[at + count]) // 255 + 1
            if segments > _SEGMENTS_A_PAGE:
                break
            count += 1
        together = packets[at : at + count]
        at += count
        last = at == len(packets)
        granule = pre_skip + samples if last else at * FRAME
        pages.append(_page(together, len(pages), granule, _LAST if last else 0))
    return b"".join(pages)


def _page(packets: Sequence[bytes], number: int, granule: int, flags: int) -> bytes:
    lacing = bytearray()
    for packet in packets:
        lacing += b"\xff" * (len(packet) // 255)
        lacing.append(len(packet) % 255)
    page = bytearray(_PAGE.pack(b"OggS", 0, flags, granule, _SERIAL, number, 0, len(lacing)))
    page += lacing
    page += b"".join(packets)
    page[_CRC_AT : _CRC_AT + 4] = _crc(page).to_bytes(4, "little")
    return bytes(page)


def _crc(data: bytes | bytearray) -> int:
    """Ogg's checksum. It has zlib's polynomial, but takes bits in the other order and inverts nothing."""
    mirrored = zlib.crc32(data.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
