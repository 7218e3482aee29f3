"""Opus packets, mono, 48 kHz, and Ogg around them: the one format of stored sounds.

Encoding is bit-exact: the same samples at the same rate give the same bytes on one machine and library version, however
they are handed over in blocks. The decoder gives back exactly as many samples as went in (Opus's pre-skip and the end
trimming of RFC 7845 are written), so items can be played one behind the other without a gap.

An encoder answers some milliseconds late, and what it writes depends on what came before. Where a sound is to follow
another one's packets, its encoder is first given silence, whose packets are left out when they are joined; the decoder
has then heard the silence at the end of the sound before. That holds at any place where 60 ms are silent.

An hour at 32 kbit/s has 14 MB as Opus and 690 MB as samples: the former is kept in memory, the latter never.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import av
import numpy as np
import soundfile
from av.codec.context import Flags
from numpy.typing import NDArray

from audio import ogg, packets
from audio.errors import SoundUnusable

Samples = NDArray[np.float32]

SAMPLE_RATE = 48_000
FRAME: Final = ogg.FRAME
BIT_RATES_KBPS = (16, 24, 32)
BANDS_HZ: Final = (8_000, 12_000, 20_000)  # up to where a sound may be coded: Opus's wide, super-wide and full band
LEAD_FRAMES: Final = 3  # of silence before a sound whose packets are to follow another one's
LIBRARIES: Final = f"PyAV {av.__version__}"  # brings its own libopus: what the packets depend on beside the samples

_DECODED_TOGETHER: Final = 200  # packets of 20 ms
_TOGETHER_FROM_KBPS: Final = 24  # below it libopus may code longer frames, that can't be taken apart
_PRE_SKIP: Final = 312  # samples by which libopus is late


def band_hz(sample_rate: int) -> int:
    """The narrowest band that holds whatever a sound of that sample rate can."""
    return next((band for band in BANDS_HZ if sample_rate <= 2 * band), BANDS_HZ[-1])


@dataclass(frozen=True, slots=True)
class Encoded:
    """A sound as packets of 20 ms, the first `lead` of which are silence that the sound is heard without."""

    packets: Sequence[bytes]
    samples: int
    lead: int = 0
    band_hz: int = BANDS_HZ[-1]

    def ogg(self) -> bytes:
        """The file."""
        return joined([self])

    def blocks(self) -> Iterator[Samples]:
        """The samples that a receiver's decoder gives, four seconds at a time.

        Through libopus itself, in half the time that libsndfile takes; tests hold that both give the same.
        """
        decoder = av.CodecContext.create("libopus", "r")
        decoder.extradata = ogg.opus_head(0)  # it gives everything; what is thrown away is so here
        decoder.layout, decoder.sample_rate = "mono", SAMPLE_RATE
        decoder.options = {"request_sample_fmt": "flt"}  # 16 bits would cut off the peaks that are looked for
        skip, left = self.lead * FRAME + _PRE_SKIP, self.samples
        for at in range(0, len(self.packets), _DECODED_TOGETHER):
            held: list[NDArray[Any]] = []
            for packet in packets.together(self.packets[at : at + _DECODED_TOGETHER]):
                frames = decoder.decode(av.Packet(packet))
                held += [np.frombuffer(bytes(frame.planes[0]), np.float32, frame.samples) for frame in frames]
            block = np.concatenate(held)[skip:][:left]
            skip, left = 0, left - block.size
            if block.size:  # the last packets may hold nothing but what the encoder filled up
                yield block


def joined(sounds: Sequence[Encoded]) -> bytes:
    """One file of sounds one behind the other. All but the last hold whole packets of 20 ms and end in silence of at
    least as much as `LEAD_FRAMES`, and all but the first were encoded with such a lead or are `silence`.

    A packet holds the last 6.5 ms of what came before: at the end of a sound, silence, which the next one's first
    packet holds as well. So each but the last goes without the packet that only its own end would need.
    """
    together: list[bytes] = []
    for sound in sounds[:-1]:
        together += sound.packets[sound.lead : sound.lead + sound.samples // FRAME]
    last = sounds[-1]
    needed = -(-(_PRE_SKIP + last.samples) // FRAME)
    together += last.packets[last.lead : last.lead + needed]
    return ogg.wrapped(together, _PRE_SKIP, sum(sound.samples for sound in sounds))


class Encoder:
    """Takes mono samples at 48 kHz (−1…1) block by block; `end` gives Opus of about `kbps` kbit/s altogether, with
    `lead` packets of silence before it. Told the band that a sound has, it spends neither bits nor time above.
    """

    def __init__(self, kbps: int, lead: int = 0, band_hz: int = BANDS_HZ[-1]) -> None:
        if kbps not in BIT_RATES_KBPS:
            raise ValueError(f"kbps must be one of {BIT_RATES_KBPS}")
        if band_hz not in BANDS_HZ:
            raise ValueError(f"band_hz must be one of {BANDS_HZ}")
        self._context: av.AudioCodecContext = av.CodecContext.create("libopus", "w")
        self._context.sample_rate, self._context.layout, self._context.format = SAMPLE_RATE, "mono", "flt"
        self._context.bit_rate = kbps * 1000
        self._context.flags |= Flags.bitexact
        # Constrained variable bit rate, because SIM data is paid for. "audio" rather than "voip": the latter
        # high-passes and sharpens for headsets, which a horn does not need, and chimes go through here too. At a
        # complexity below 5 libopus leaves out its pitch filter: 1 dB more noise in speech.
        self._context.options = {
            "application": "audio",
            "vbr": "constrained",
            "compression_level": "5",
            "cutoff": str(band_hz),
            "frame_duration": str(20 * packets.FRAMES_MOST if kbps >= _TOGETHER_FROM_KBPS else 20),
        }
        self._lead, self._band_hz = lead, band_hz
        self._given = 0
        self._packets: list[bytes] = []
        if lead:
            self.take(np.zeros(lead * FRAME, np.float32))

    def take(self, samples: Samples) -> None:
        plane = np.ascontiguousarray(samples, dtype=np.float32)[np.newaxis, :]
        frame = av.AudioFrame.from_ndarray(plane, format="flt", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.pts = self._given
        self._given += samples.size
        self._keep(self._context.encode(frame))

    def end(self) -> Encoded:
        """Everything was taken, at least one sample."""
        self._keep(self._context.encode(None))
        return Encoded(self._packets, self._given - self._lead * FRAME, self._lead, self._band_hz)

    def _keep(self, encoded: Sequence[Any]) -> None:
        for packet in encoded:
            self._packets += packets.single(bytes(packet))


@cache
def _silent_packet(kbps: int, band_hz: int) -> bytes:
    encoder = Encoder(kbps, band_hz=band_hz)
    encoder.take(np.zeros(2 * LEAD_FRAMES * FRAME, np.float32))
    return encoder.end().packets[LEAD_FRAMES - 1]


def silence(frames: int, kbps: int, band_hz: int) -> Encoded:
    """So many packets of silence, to follow a sound that ends in some."""
    return Encoded([_silent_packet(kbps, band_hz)] * (frames + 1), frames * FRAME, 0, band_hz)


def encode(samples: Samples, kbps: int = 24) -> bytes:
    """Ogg Opus of mono samples at 48 kHz (−1…1), about `kbps` kbit/s with its container."""
    encoder = Encoder(kbps)
    if samples.ndim != 1 or not samples.size:
        raise ValueError("samples must be one channel and not empty")
    encoder.take(samples)
    return encoder.end().ogg()


def decode(data: bytes) -> Samples:
    """The samples of an encoded sound, mono at 48 kHz, through libsndfile, as a receiver decodes them."""
    try:
        samples: NDArray[Any]
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    except soundfile.LibsndfileError as error:
        raise SoundUnusable(reason_vi="tệp không phải Ogg Opus", reason_en="the file is not Ogg Opus") from error
    if rate != SAMPLE_RATE or samples.ndim != 1:
        raise SoundUnusable(reason_vi="tệp không phải một kênh 48 kHz", reason_en="the file is not mono at 48 kHz")
    return samples
