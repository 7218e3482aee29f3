"""Ogg Opus, mono, 48 kHz: the one format of stored sounds.

Encoding is bit-exact: the same samples at the same rate give the same bytes on one machine and library version,
because the container's random serial number and the encoder's version string are left out. The decoder gives
back exactly as many samples as went in (Opus's pre-skip and the end trimming of RFC 7845 are written), so items
can be played one behind the other without a gap.
"""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np
import soundfile
from av.codec.context import Flags
from numpy.typing import NDArray

from audio.errors import SoundUnusable

Samples = NDArray[np.float32]

SAMPLE_RATE = 48_000
BIT_RATES_KBPS = (16, 24, 32)


def encode(samples: Samples, kbps: int = 24) -> bytes:
    """Ogg Opus of mono samples at 48 kHz (−1…1), about `kbps` kbit/s with its container."""
    if kbps not in BIT_RATES_KBPS:
        raise ValueError(f"kbps must be one of {BIT_RATES_KBPS}")
    if samples.ndim != 1 or not samples.size:
        raise ValueError("samples must be one channel and not empty")
    file = io.BytesIO()
    with av.open(file, "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        # Constrained variable bit rate, because SIM data is paid for. "audio" rather than "voip": the latter
        # high-passes and sharpens for headsets, which a horn does not need, and chimes go through here too.
        stream = container.add_stream(
            "libopus",
            rate=SAMPLE_RATE,
            options={"application": "audio", "vbr": "constrained", "compression_level": "5"},
        )
        stream.layout = "mono"
        stream.format = "flt"
        stream.bit_rate = kbps * 1000
        stream.codec_context.flags |= Flags.bitexact
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples, dtype=np.float32)[np.newaxis, :], format="flt", layout="mono"
        )
        frame.sample_rate = SAMPLE_RATE
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def decode(data: bytes) -> Samples:
    """The samples of an encoded sound, mono at 48 kHz, through libsndfile: not the library that encoded them."""
    try:
        samples: NDArray[Any]
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    except soundfile.LibsndfileError as error:
        raise SoundUnusable(reason_vi="tệp không phải Ogg Opus", reason_en="the file is not Ogg Opus") from error
    if rate != SAMPLE_RATE or samples.ndim != 1:
        raise SoundUnusable(reason_vi="tệp không phải một kênh 48 kHz", reason_en="the file is not mono at 48 kHz")
    return samples
