"""Opus packets taken apart and put together, also such as our own encoder doesn't make."""

from __future__ import annotations

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.codec import encode
from audio.packets import FRAMES_MOST, single, together
from tests.audio.test_ogg import packets_of

_FRAMES = st.lists(st.sampled_from([0, 1, 60, 251, 252, 253, 255, 256, 700, 1275]), min_size=1, max_size=15)


@given(_FRAMES)
def test_what_was_put_together_comes_apart_again(lengths: list[int]) -> None:
    packets = [b"\xf8" + bytes([number]) * length for number, length in enumerate(lengths)]
    merged = list(together(packets))
    assert len(merged) == -(-len(packets) // FRAMES_MOST)
    assert [one for packet in merged for one in single(packet)] == packets


def test_frames_that_are_coded_differently_stay_apart() -> None:
    packets = [b"\xf8a", b"\xf8b", b"\xb8c", b"\xf8d"]
    merged = list(together(packets))
    assert merged[1:] == packets[2:]
    assert [one for packet in merged for one in single(packet)] == packets


@pytest.mark.parametrize(
    ("packet", "frames"),
    [
        (b"\xf8abc", [b"abc"]),
        (b"\xf9abcd", [b"ab", b"cd"]),
        (b"\xfa\x01abc", [b"a", b"bc"]),
        (b"\xfb\x03abcdef", [b"ab", b"cd", b"ef"]),
        (b"\xfb\x83\x01\x02abcdef", [b"a", b"bc", b"def"]),
        (b"\xfb\xc2\x02\x01abcd\0\0", [b"a", b"bcd"]),
        (b"\xfb\x42\xff\x01abcd" + bytes(255), [b"ab", b"cd"]),
    ],
)
def test_every_kind_of_packet_is_taken_apart(packet: bytes, frames: list[bytes]) -> None:
    assert single(packet) == [b"\xf8" + frame for frame in frames]


def test_packets_put_together_decode_to_the_same_samples() -> None:
    noise = (np.random.default_rng(1).standard_normal(48_000) * 0.1).astype(np.float32)
    packets = packets_of(encode(noise))

    def decoded(some: list[bytes]) -> list[float]:
        decoder = av.CodecContext.create("libopus", "r")
        decoder.layout, decoder.sample_rate = "mono", 48_000
        return [
            float(value) for one in some for frame in decoder.decode(av.Packet(one)) for value in frame.to_ndarray()[0]
        ]

    assert decoded(list(together(packets))) == decoded(packets)
