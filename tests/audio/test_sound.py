"""Codec, levels, mastering, chimes: measured on real Opus decoded by libsndfile."""

from __future__ import annotations

import io

import numpy as np
import pyloudnorm
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from audio import chime
from audio.codec import BIT_RATES_KBPS, SAMPLE_RATE, Encoder, Samples, decode, encode
from audio.cutting import Part, cut
from audio.errors import SoundUnusable
from audio.levels import LoudnessMeter, PeakMeter, amplitude, db, loudness_lufs, true_peak_dbtp
from audio.limiter import Limiter
from audio.mastering import Mastered, master
from audio.resampling import resample


def tone(seconds: float, hz: float = 440, level_dbfs: float = -20, rate: int = SAMPLE_RATE) -> Samples:
    t = np.arange(round(seconds * rate)) / rate
    wave: Samples = (amplitude(level_dbfs) * np.sin(2 * np.pi * hz * t)).astype(np.float32)
    return wave


def pulses(seconds: float) -> Samples:
    """A peaky sound, as speech is: 120 clicks a second that ring at 700 Hz, with gaps."""
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    phase = np.mod(t, 1 / 120)
    ring = np.exp(-phase * 300) * np.sin(2 * np.pi * 700 * phase) * (np.mod(t, 1.0) < 0.8)
    peaky: Samples = (0.3 * ring).astype(np.float32)
    return peaky


def independent_measure(mastered: Mastered) -> tuple[float, float, int]:
    """Loudness, true peak and length by other means than the product's."""
    samples, rate = soundfile.read(io.BytesIO(mastered.data))
    assert rate == SAMPLE_RATE
    padded = np.pad(samples, (0, max(0, round(0.4 * rate) - samples.size)))
    peak = 20 * np.log10(np.abs(resample_poly(samples, 4, 1)).max())
    return pyloudnorm.Meter(rate).integrated_loudness(padded), peak, samples.size


@pytest.mark.parametrize("count", [1, 100, 959, 960, 961, 47_777, 48_001, 144_013])
def test_the_decoder_gives_back_as_many_samples_as_went_in(count: int) -> None:
    assert decode(encode(tone(4)[:count])).size == count


@pytest.mark.parametrize("kbps", BIT_RATES_KBPS)
def test_encoding_is_bit_exact_and_keeps_its_rate(kbps: int) -> None:
    sound = pulses(10)
    data = encode(sound, kbps)
    assert encode(sound.copy(), kbps) == data
    assert 0.6 * kbps < len(data) * 8 / 10_000 < 1.15 * kbps


@pytest.mark.parametrize("kbps", BIT_RATES_KBPS)
def test_encoding_in_blocks_gives_the_same_bytes_and_decoding_in_blocks_the_same_samples(kbps: int) -> None:
    sound = pulses(9.3)
    data = encode(sound, kbps)
    encoder = Encoder(kbps)
    for at in range(0, sound.size, 37_777):
        encoder.take(sound[at : at + 37_777])
    encoded = encoder.end()
    assert encoded.ogg() == data
    blocks = list(encoded.blocks())
    assert len(blocks) > 1
    np.testing.assert_allclose(np.concatenate(blocks), decode(data), atol=1e-6)  # two libraries


def test_what_is_not_our_format_is_refused() -> None:
    with pytest.raises(SoundUnusable):
        decode(b"not a sound")
    file = io.BytesIO()
    soundfile.write(file, np.zeros((100, 2)), 44_100, format="WAV")
    with pytest.raises(SoundUnusable):
        decode(file.getvalue())
    with pytest.raises(ValueError, match="kbps"):
        encode(tone(1), 20)


def test_loudness_agrees_with_the_standard_tone() -> None:
    """EBU Tech 3341, case 1, in one channel: a 1 kHz tone at −20 dBFS measures −23 LUFS."""
    assert loudness_lufs(tone(5, 1000, -20)) == pytest.approx(-23.0, abs=0.1)


def test_a_short_sound_is_measured_as_a_running_meter_would_show_it() -> None:
    """A fifth of a second fills half a gating block: 3 dB below the same tone held."""
    assert loudness_lufs(tone(0.2, 1000, -20)) == pytest.approx(-26.0, abs=0.2)
    assert loudness_lufs(np.zeros(100, np.float32)) < -100


def test_the_true_peak_between_samples_is_found() -> None:
    """A tone at a quarter of the rate, 45° off: its samples stand at 0.707 of its peak."""
    sound = np.sin(np.pi / 2 * np.arange(4800) + np.pi / 4).astype(np.float32)
    sound *= np.hanning(4800).astype(np.float32)
    assert db(float(np.abs(sound).max())) == pytest.approx(-3.0, abs=0.05)
    assert true_peak_dbtp(sound) == pytest.approx(0.0, abs=0.1)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5000), st.floats(0.05, 3))
def test_leaving_quiet_pieces_out_changes_no_true_peak(seed: int, length: int, power: float) -> None:
    noise = np.random.default_rng(seed).standard_normal(length)
    sound = (np.sign(noise) * np.abs(noise) ** power).astype(np.float32)
    whole = db(float(np.abs(resample_poly(np.pad(sound, 64), 4, 1)).max()))
    assert true_peak_dbtp(sound) == pytest.approx(whole, abs=0.35)  # two filters of different length


@pytest.mark.parametrize("block", [100, 480, 1000, 20_000])
@pytest.mark.parametrize("power", [0.1, 1, 3])
def test_meters_show_the_same_in_blocks_of_any_size(block: int, power: float) -> None:
    noise = np.random.default_rng(block).standard_normal(24_000)
    sound = (0.1 * np.sign(noise) * np.abs(noise) ** power).astype(np.float32)
    loudness, peaks, at_once = LoudnessMeter(), PeakMeter(0.15), PeakMeter(0.15)
    for at in range(0, sound.size, block):
        loudness.take(sound[at : at + block])
        peaks.take(sound[at : at + block])
    at_once.take(sound)
    assert loudness.lufs() == pytest.approx(loudness_lufs(sound), abs=0.001)
    assert peaks.end() == pytest.approx(true_peak_dbtp(sound), abs=0.001)
    at_once.end()
    assert sorted(peaks.above) == sorted(at_once.above)
    places = {at // 128 for at, _ in peaks.above}
    assert {int(at) // 128 for at in np.flatnonzero(np.abs(sound) > 0.15)} <= places


def limited(sound: Samples, gain: float, ceiling: float, block: int = SAMPLE_RATE) -> Samples:
    limiter = Limiter(sound.size, ceiling)
    blocks = [sound[at : at + block] for at in range(0, sound.size, block)]
    for one in blocks:
        limiter.measure(one)
    return np.concatenate([limiter.apply(one, n * block, gain) for n, one in enumerate(blocks)])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.5, 30), st.floats(0.05, 0.9))
def test_the_limiter_never_lets_a_sample_through(seed: int, gain: float, ceiling: float) -> None:
    noise = np.random.default_rng(seed).standard_normal(4992).astype(np.float32) * 0.2
    assert np.abs(limited(noise, gain, ceiling)).max() <= ceiling + 1e-6
    limiter = Limiter(noise.size, ceiling)
    limiter.measure(noise)
    gains = np.repeat(limiter.gains(gain, 0, noise.size // 48), 48)
    assert np.abs(noise * gains).max() <= ceiling * 1.0001  # by its gains, not by clipping


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([48, 480, 960, 4800]))
def test_the_limiter_gives_the_same_in_blocks_of_any_size(seed: int, block: int) -> None:
    noise = np.random.default_rng(seed).standard_normal(9600).astype(np.float32) * 0.2
    np.testing.assert_allclose(limited(noise, 5, 0.5, block), limited(noise, 5, 0.5, 9600), atol=1e-5)


def test_the_ceiling_can_be_lowered_at_a_place() -> None:
    sound = tone(1, level_dbfs=-6)
    limiter = Limiter(sound.size, 0.4)
    limiter.measure(sound)
    limiter.lower([(24_000, 24_480, 0.5), (24_240, 25_440, 0.8)])
    limiter.lower([(24_000, 24_100, 0.9)])
    held = limiter.apply(sound, 0, 1.0)
    assert np.abs(held[24_000:24_096]).max() <= 0.4 * 0.5 * 0.9 + 1e-6
    assert np.abs(held[24_000:24_480]).max() <= 0.4 * 0.5 + 1e-6
    assert 0.31 < np.abs(held[24_960:25_440]).max() <= 0.4 * 0.8 + 1e-6
    assert 0.39 < np.abs(held[:12_000]).max() <= 0.4 + 1e-6
    assert 0.39 < np.abs(held[36_000:]).max() <= 0.4 + 1e-6


def test_a_sound_below_the_ceiling_only_takes_the_gain() -> None:
    sound = tone(1)
    np.testing.assert_allclose(limited(sound, 2.0, 0.9), sound * 2, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kbps", BIT_RATES_KBPS)
@pytest.mark.parametrize(
    ("name", "sound"),
    [
        ("steady tone", tone(3, 500, -30)),
        ("peaky", pulses(6)),
        ("very quiet", pulses(6) * np.float32(0.005)),
        ("too loud", np.clip(pulses(6) * 20, -1, 1).astype(np.float32)),
        ("short", tone(0.25, 600, -12)),
        ("noise", (np.random.default_rng(3).standard_normal(96_000) * 0.1).astype(np.float32)),
    ],
)
def test_what_a_receiver_decodes_is_at_loudness_and_below_the_peak(name: str, sound: Samples, kbps: int) -> None:
    mastered = master(sound, SAMPLE_RATE, kbps=kbps)
    loudness, peak, count = independent_measure(mastered)
    assert abs(loudness + 16) <= 0.5, name
    assert peak <= -1.5 + 0.05, name  # the measure of this test uses another filter
    assert mastered.loudness_lufs == pytest.approx(loudness, abs=0.02)
    assert mastered.duration_ms * 48 == count


def test_silence_can_not_be_mastered() -> None:
    with pytest.raises(SoundUnusable, match="silent"):
        master(np.zeros(48_000, np.float32), SAMPLE_RATE)
    clicks = np.zeros(48_000, np.float32)
    clicks[::12_000] = 0.5
    with pytest.raises(SoundUnusable, match=r"clicks|out of reach"):
        master(clicks, SAMPLE_RATE)
    with pytest.raises(SoundUnusable):
        cut([Part(np.zeros(22_050, np.float32), 400)], 22_050)


def test_cutting_takes_silence_off_and_puts_pauses_in() -> None:
    rate = 22_050
    quiet = np.zeros(rate, np.float32)
    word = tone(0.5, 300, -12, rate)
    padded = np.concatenate([quiet, word, quiet])
    joined = cut([Part(padded, 400), Part(padded, 900)], rate, lead_ms=150, tail_ms=500)
    # Lead, word, pause, word, tail; each word keeps 15 ms of silence on both sides; the last pause gives way.
    assert joined.size / rate == pytest.approx(0.15 + 0.53 + 0.4 + 0.53 + 0.5, abs=0.02)
    assert np.abs(joined[: round(0.15 * rate)]).max() == 0
    assert np.abs(joined[-round(0.5 * rate) :]).max() == 0
    middle = joined[round(0.75 * rate) : round(1.0 * rate)]
    assert np.abs(middle).max() == 0


def test_edges_are_faded_so_that_nothing_clicks() -> None:
    joined = cut([Part(np.full(22_050, 0.5, np.float32), 0)], 22_050)
    assert np.abs(np.diff(joined)).max() < 0.02


def test_resampling_keeps_pitch_and_length() -> None:
    sound = resample(tone(1, 1000, -6, 22_050), 22_050)
    assert sound.size == SAMPLE_RATE
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
    assert int(spectrum.argmax()) == 1000


@pytest.mark.parametrize("name", [chime.OPENING, chime.CLOSING])
def test_chimes_last_three_seconds_and_follow_the_same_rules(name: str) -> None:
    mastered = master(chime.synthesise(name), SAMPLE_RATE)
    loudness, peak, _ = independent_measure(mastered)
    assert 2500 <= mastered.duration_ms <= 3500
    assert abs(loudness + 16) <= 0.5
    assert peak <= -1.45
    sound = decode(mastered.data)
    assert np.abs(sound[:480]).max() < 0.01  # begins and ends in silence
    assert np.abs(sound[-480:]).max() < 0.01


def test_the_opening_rises_and_the_closing_falls() -> None:
    def first_pitch(name: str) -> float:
        strike = chime.synthesise(name)[round(0.15 * SAMPLE_RATE) : round(0.5 * SAMPLE_RATE)]
        spectrum = np.abs(np.fft.rfft(strike * np.hanning(strike.size)))
        return float(spectrum.argmax()) * SAMPLE_RATE / strike.size

    assert first_pitch(chime.OPENING) == pytest.approx(392, abs=4)
    assert first_pitch(chime.CLOSING) == pytest.approx(784, abs=4)
