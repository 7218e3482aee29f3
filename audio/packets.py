"""Opus packets of one frame and of several (RFC 6716, section 3).

A packet begins with a byte that says how its frames are coded and, in two bits, how many there are. Encoder and decoder
are called once for each packet, which takes about as long as a third of the work in it: so they are given packets of up
to six frames, while what is stored has one frame in each packet, so that it can be cut and joined at any 20 ms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

FRAMES_MOST: Final = 6  # of 20 ms: a packet lasts 120 ms at most

_ONE, _TWO_OF_A_SIZE, _TWO, _SOME = range(4)  # the two bits
_CODE = 0b11
_VARIABLE, _PADDED, _COUNT = 0x80, 0x40, 0x3F  # the byte after the first one of `_SOME`
_LONG = 252  # a length from here on has a second byte, that counts fours


def single(packet: bytes) -> list[bytes]:
    """The packet taken apart into packets of one frame."""
    toc = bytes([packet[0] & ~_CODE])
    return [toc + frame for frame in _frames(packet)]


def _frames(packet: bytes) -> list[bytes]:
    code = packet[0] & _CODE
    if code == _ONE:
        return [packet[1:]]
    count, at, end = 2, 1, len(packet)
    if code == _SOME:
        flags, at = packet[1], 2
        count = flags & _COUNT
        if flags & _PADDED:
            while (more := packet[at]) == 255:  # 254 bytes of padding, and another such byte follows
                end, at = end - 254, at + 1
            end, at = end - more, at + 1
    lengths = []
    if code == _TWO or (code == _SOME and packet[1] & _VARIABLE):
        for _ in range(count - 1):
            length, at = packet[at], at + 1
            if length >= _LONG:
                length, at = length + 4 * packet[at], at + 1
            lengths.append(length)
    else:
        lengths = [(end - at) // count] * (count - 1)
    frames = []
    for length in lengths:
        frames.append(packet[at : at + length])
        at += length
    return [*frames, packet[at:end]]


def together(packets: Sequence[bytes]) -> Iterator[bytes]:
    """Packets of one frame of 20 ms put together, as many as may be; those that are coded differently stay apart."""
    held: list[bytes] = []
    for packet in packets:
        if held and (packet[0] != held[0][0] or len(held) == FRAMES_MOST):
            yield _merged(held)
            held = []
        held.append(packet)
    if held:
        yield _merged(held)


def _merged(packets: list[bytes]) -> bytes:
    if len(packets) == 1:
        return packets[0]
    head = bytearray([packets[0][0] | _SOME, _VARIABLE | len(packets)])
    for packet in packets[:-1]:
        length = len(packet) - 1
        if length < _LONG:
            head.append(length)
        else:
            first = _LONG + length % 4
            head += bytes([first, (length - first) // 4])
    return bytes(head) + b"".join([packet[1:] for packet in packets])
