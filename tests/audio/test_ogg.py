"""The container, read by another's hand: packets come back whole, and a page that is damaged is noticed."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.codec import FRAME, LEAD_FRAMES, Encoder, encode
from audio.ogg import wrapped

_TOC = b"\xf8"  # CELT, full band, 20 ms, one frame


def packets_of(data: bytes) -> list[bytes]:
    with av.open(io.BytesIO(data), "r") as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 60, 253, 254, 255, 509, 510, 1274]), min_size=1, max_size=120))
def test_packets_of_any_length_come_back(lengths: list[int]) -> None:
    packets = [_TOC + bytes([number % 256]) * length for number, length in enumerate(lengths)]
    data = wrapped(packets, 312, 960 * len(packets) - 312)
    assert packets_of(data) == packets
    assert wrapped(packets, 312, 960 * len(packets) - 312) == data


@pytest.mark.parametrize("at", [30, 60, 400])
def test_a_changed_byte_does_not_pass_the_checksum(at: int) -> None:
    noise = (np.random.default_rng(1).standard_normal(48_000) * 0.1).astype(np.float32)
    data = bytearray(encode(noise))
    before = packets_of(bytes(data))
    data[at] ^= 1
    try:
        after = packets_of(bytes(data))
    except av.FFmpegError:
        return
    assert after != before


def test_the_last_page_says_where_the_sound_ends() -> None:
    data = wrapped([_TOC + b"x"] * 60, 312, 56_000)
    pages = [at for at in range(len(data)) if data.startswith(b"OggS", at)]
    granules = [int.from_bytes(data[at + 6 : at + 14], "little") for at in pages]
    assert granules == [0, 0, 50 * 960, 56_312]
    assert [data[at + 5] for at in pages] == [2, 0, 0, 4]


@pytest.mark.parametrize("frames", range(8))
def test_a_block_of_samples_is_never_empty(frames: int) -> None:
    """Around four seconds, where the packets that the encoder fills up may be decoded by themselves."""
    samples = 188_808 - frames * FRAME
    encoder = Encoder(24, LEAD_FRAMES)
    encoder.take(np.zeros(samples, np.float32))
    sizes = [block.size for block in encoder.end().blocks()]
    assert all(sizes)
    assert sum(sizes) == samples
