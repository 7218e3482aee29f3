"""Recordings made on the spot: speech of the offline voice, in any format, with any fault."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from audio.resampling import resample
from audio.voices.espeak import EspeakVoice

RATE = 48_000
TEXT = "Ủy ban nhân dân xã thông báo lịch tiêm phòng cho trẻ em. Mời bà con đưa trẻ đến trạm y tế xã."


@cache
def speech() -> NDArray[np.float32]:
    """Some seconds of speech, mono at 48 kHz, peak −3 dBFS."""
    said = EspeakVoice().say(TEXT)
    samples = resample(said.samples, said.sample_rate)
    return np.asarray(0.7 * samples / np.abs(samples).max(), dtype=np.float32)


def write(path: Path, form: str, codec: str, samples: NDArray[Any], rate: int = RATE, kbps: int | None = None) -> Path:
    """Encode samples at 48 kHz, of shape (n,) or (channels, n)."""
    planes = np.ascontiguousarray(np.atleast_2d(samples), dtype=np.float32)
    layout = "mono" if planes.shape[0] == 1 else "stereo"
    with av.open(path, "w", format=form) as container:
        stream: Any = container.add_stream(codec, rate=rate, options={"strict": "experimental"})
        stream.layout = layout
        if kbps:
            stream.bit_rate = kbps * 1000
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        frame.sample_rate = RATE
        resampler = av.AudioResampler(format=stream.format.name, layout=layout, rate=rate)
        fifo = av.AudioFifo()
        for one in [*resampler.resample(frame), *resampler.resample(None)]:
            one.pts = None
            fifo.write(one)
        while (piece := fifo.read(stream.codec_context.frame_size or 1024, partial=True)) is not None:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def wav(path: Path, samples: NDArray[Any]) -> Path:
    return write(path, "wav", "pcm_s16le", samples)


def video(path: Path, *, sound: bool) -> Path:
    """A second of a moving picture."""
    with av.open(path, "w", format="mp4") as container:
        pictures: Any = container.add_stream("mpeg4", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        tone: Any = container.add_stream("aac", rate=RATE) if sound else None
        for shade in range(10):
            still = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 20 * shade, np.uint8), format="rgb24")
            container.mux(pictures.encode(still))
        container.mux(pictures.encode(None))
        if tone is not None:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = RATE
            container.mux(tone.encode(frame))
            container.mux(tone.encode(None))
    return path
