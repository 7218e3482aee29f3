"""From reel through mixer to an output: sample for sample, with the clock in our hands."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clock import ManualClock
from core.ids import new_id
from devices.protocol.plan import Item
from devices.receiver.evidence import RATE, Level, Samples, milliseconds
from devices.receiver.jobs import Slot
from devices.receiver.mixer import Event, Mixer, Performance
from devices.receiver.outputs import WavOutput
from devices.receiver.reel import BLOCK, Piece, Reel, Source, ToneReel
from tests.devices.receiver.station import opus, tone

START = datetime(2026, 7, 30, 5, 0, tzinfo=UTC)
SLOWLY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class ReadyReel(Reel):
    """Samples that are there already: item n is all n+1 hundredths, so that each sample says where it is from."""

    def __init__(self, *frames: int) -> None:
        super().__init__([Source(str(n), milliseconds(count), path=Path()) for n, count in enumerate(frames)])
        for n, count in enumerate(frames):
            self._put(n, np.full(count, (n + 1) / 100, dtype=np.float32))
        self._all_read = True


def stage(reel: Reel, *, start_ms: float, cut: tuple[float, str] = (float("inf"), "")) -> tuple[Mixer, list[Event]]:
    events: list[Event] = []
    performance = Performance(reel, events.append, fade_ms=100)
    performance.place(start_ms, cut)
    mixer = Mixer()
    mixer.add(performance)
    return mixer, events


def pull(mixer: Mixer, blocks: list[int], *, from_ms: float = 0.0) -> Samples:
    """Ask for blocks of these sizes, one after another."""
    parts, at = [], 0
    for frames in blocks:
        parts.append(mixer.render(frames, from_ms + at * 1000 / RATE))
        at += frames
    return np.concatenate(parts)


@SLOWLY
@given(
    st.lists(st.integers(1, 4_000), min_size=1, max_size=4),
    st.integers(0, 6_000),
    st.lists(st.integers(1, 3_000), min_size=1, max_size=30),
)
def test_items_are_contiguous_from_exactly_the_start_whatever_the_blocks(
    items: list[int], start: int, blocks: list[int]
) -> None:
    mixer, events = stage(ReadyReel(*items), start_ms=start * 1000 / RATE)
    total = start + sum(items) + 10
    sound = pull(mixer, [*blocks, max(1, total - sum(blocks))])
    expected = np.concatenate(
        [np.zeros(start), *(np.full(n, (i + 1) / 100) for i, n in enumerate(items)), np.zeros(10)]
    )
    np.testing.assert_allclose(sound[: len(expected)], expected.astype(np.float32), atol=1e-6)
    starts = [event.mono_ms for event in events if event.kind == "item-started"]
    begins = start + np.cumsum([0, *items[:-1]])
    np.testing.assert_allclose(starts, begins * 1000 / RATE, atol=0.02)
    ended = [event for event in events if event.kind == "item-ended"]
    assert [event.frames for event in ended] == items
    assert all(event.whole for event in ended)
    assert events[-1].kind == "ended"
    assert events[-1].whole


@SLOWLY
@given(st.integers(1, 40_000), st.lists(st.integers(1, 5_000), min_size=1, max_size=20))
def test_after_a_cut_nothing_sounds_and_before_it_a_fade(cut: int, blocks: list[int]) -> None:
    mixer, events = stage(ReadyReel(48_000), start_ms=0.0, cut=(cut * 1000 / RATE, "quiet-hours"))
    sound = pull(mixer, [*blocks, 50_000])
    assert not np.any(sound[cut:])
    assert np.all(np.diff(sound[:cut]) <= 1e-7)  # only ever softer
    assert (events[-1].kind, events[-1].whole, events[-1].reason) == ("ended", False, "quiet-hours")
    assert events[-1].mono_ms == pytest.approx(cut * 1000 / RATE, abs=0.05)


@pytest.mark.parametrize(
    ("played_ms", "sound_ms", "whole"),
    [
        (1_000, None, True),  # its own length is not known: what was stated counts
        (960, 1_000, True),
        (900, 1_000, False),
        (1_000, 1_250, True),  # a codec's last frames
        (1_000, 1_251, False),
        (1_000, 6_000, False),
        (800, 800, True),  # cut after its last sample
        (0, 0, False),
    ],
)
def test_what_was_cut_is_whole_by_its_stated_and_by_its_own_length(
    played_ms: int, sound_ms: int | None, *, whole: bool
) -> None:
    slot = Slot(Item(item=new_id(), duration_ms=1_000), 0, frames=played_ms * 48)
    slot.sound_frames = None if sound_ms is None else sound_ms * 48
    assert slot.whole is whole


def test_a_stop_fades_from_the_next_block_on() -> None:
    reel = ReadyReel(48_000)
    events: list[Event] = []
    performance = Performance(reel, events.append, fade_ms=100)
    performance.place(0.0, (float("inf"), ""))
    mixer = Mixer()
    mixer.add(performance)
    before = mixer.render(4_800, 0.0)
    performance.stop(50.0, "stopped")
    after = pull(mixer, [2_400] * 4, from_ms=100.0)
    assert np.all(before == np.float32(0.01))
    assert after[0] == pytest.approx(0.01)
    assert after[2_400] == pytest.approx(0.005, abs=1e-4)
    assert not np.any(after[4_800:])
    assert events[-1].reason == "stopped"


def test_what_was_cut_goes_on_from_the_same_sample() -> None:
    reel = ReadyReel(24_000)
    events: list[Event] = []
    performance = Performance(reel, events.append, fade_ms=10)
    performance.place(0.0, (100.0, "preempted"))
    mixer = Mixer()
    mixer.add(performance)
    pull(mixer, [4_800, 4_800])
    performance.place(1_000.0, (float("inf"), ""))
    rest = pull(mixer, [4_800] * 5, from_ms=1_000.0)
    assert int(np.count_nonzero(rest)) == pytest.approx(24_000 - 4_800, abs=2)
    ended = [event for event in events if event.kind == "item-ended"]
    assert [(event.frames, event.whole) for event in ended] == [(24_000, True)]


def test_a_reader_that_is_behind_leaves_silence_and_loses_nothing() -> None:
    reel = Reel([Source("0", 1_000, path=Path())])
    mixer, events = stage(reel, start_ms=0.0)
    assert not np.any(mixer.render(480, 0.0))
    reel._put(0, np.full(960, 0.5, dtype=np.float32))
    assert np.count_nonzero(mixer.render(480, 10.0)) == 480
    assert np.count_nonzero(mixer.render(480, 20.0)) == 480
    reel._all_read = True
    mixer.render(480, 30.0)
    assert events[0].mono_ms == 10.0  # it began when it did, not when it should have
    assert (events[-1].whole, events[-2].frames) == (True, 960)


def test_a_mixer_that_fails_gives_silence() -> None:
    mixer, _ = stage(ReadyReel(480), start_ms=0.0)

    def broken(frames: int) -> list[Piece]:
        raise RuntimeError(frames)

    mixer._performances[0].reel.take = broken  # type: ignore[method-assign]
    assert not np.any(mixer.render(480, 0.0))
    assert mixer.failures == 1


def test_level() -> None:
    level = Level()
    assert level.dbfs is None
    level.add(tone(1.0, level=0.5))
    assert level.dbfs == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.1)
    silent = Level()
    silent.add(np.zeros(10, dtype=np.float32))
    assert silent.dbfs == -120.0


# Decoding.


def drain(reel: Reel) -> dict[int, Samples]:
    reel.start()
    parts: dict[int, list[Samples]] = {}
    while not reel.ended:
        for index, samples in reel.take(RATE):
            parts.setdefault(index, []).append(samples)
    reel.join(5.0)
    return {index: np.concatenate(pieces) for index, pieces in parts.items()}


def source(path: Path, ms: int) -> Source:
    return Source(path.stem, ms, hashlib.sha256(path.read_bytes()).hexdigest(), path)


def test_every_sample_of_an_opus_file_is_decoded(tmp_path: Path) -> None:
    opus(tone(6.0), tmp_path / "six")
    expected, _ = soundfile.read(tmp_path / "six", dtype="float32")
    got = drain(Reel([source(tmp_path / "six", 6_000)]))
    np.testing.assert_array_equal(got[0], expected)


def test_what_is_missing_or_damaged_leaves_its_time_silent(tmp_path: Path) -> None:
    for name in ("good", "damaged", "last"):
        opus(tone(0.5), tmp_path / name)
    damaged = source(tmp_path / "damaged", 500)
    (tmp_path / "damaged").write_bytes(b"rotten")
    told: list[str] = []
    reel = Reel(
        [Source("gone", 250), damaged, source(tmp_path / "good", 500), Source("too", 100)], on_damaged=told.append
    )
    got = drain(reel)
    assert (len(got[0]), np.any(got[0])) == (12_000, np.False_)
    assert (len(got[1]), np.any(got[1])) == (24_000, np.False_)
    assert np.any(got[2])
    assert 3 not in got  # silence after the last sound needs no playing
    assert reel.failed == {0: "no-audio", 1: "damaged-audio", 3: "no-audio"}
    assert told == [damaged.sha256]


def test_another_sample_rate_is_not_played_at_the_wrong_pitch(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "slow.wav", tone(0.1), 44_100)
    reel = Reel([source(tmp_path / "slow.wav", 100)])
    assert not np.any(drain(reel)[0])
    assert reel.failed == {0: "unsupported-format"}


def test_memory_holds_a_few_seconds_only(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.zeros(60 * RATE, dtype=np.float32), RATE)
    reel = Reel([source(tmp_path / "long.wav", 60_000)])
    reel.start()
    total = 0
    while not reel.ended:
        assert reel._produced - reel._consumed <= 6 * RATE
        total += sum(len(samples) for _, samples in reel.take(RATE // 2))
    assert total == 60 * RATE
    reel.join(5.0)


def test_a_tone_has_soft_ends_and_its_length() -> None:
    got = drain(ToneReel("tone", 500))[0]
    assert len(got) == 24_000
    assert abs(got[0]) < 1e-3
    assert abs(got[-1]) < 1e-3
    assert np.max(np.abs(got)) == pytest.approx(0.1 * np.sqrt(2), abs=0.01)


# The virtual sound card.


def counting() -> Callable[[int, float], Samples]:
    """A callback whose samples are their own instants: ten seconds are full scale."""
    return lambda frames, dac_ms: ((dac_ms + np.arange(frames) * 1000 / RATE - zero) / 10_000).astype(np.float32)


zero = 0.0


def test_a_recording_is_true_to_time_from_start_to_stop(tmp_path: Path) -> None:
    clock = ManualClock(START)
    output = WavOutput(tmp_path / "a" / "loa.wav", clock, ahead_ms=200)
    output.open(counting())
    for ms in (40, 90, 50, 200, 20):
        clock.advance(timedelta(milliseconds=ms))
        output.advance()
    output.stop()
    sound, rate = soundfile.read(output.path, dtype="float32")
    assert rate == RATE
    assert len(sound) == 19_200  # 400 ms: what was rendered ahead never sounded
    np.testing.assert_allclose(sound, np.arange(19_200) / RATE / 10, atol=1e-4)
    assert output.underruns == 0


def test_a_card_that_is_served_late_makes_good_what_was_due_sample_for_sample(tmp_path: Path) -> None:
    clock = ManualClock(START)
    output = WavOutput(tmp_path / "loa.wav", clock, ahead_ms=200)
    output.open(counting())
    for ms in (700, 2_200, 100):
        clock.advance(timedelta(milliseconds=ms))
        output.advance()
    clock.advance(timedelta(milliseconds=500))
    output.stop()
    sound, _ = soundfile.read(output.path, dtype="float32")
    assert (output.underruns, output.caught_up) == (0, 3)
    np.testing.assert_allclose(sound, np.arange(3_500 * 48) / RATE / 10, atol=1e-4)


def test_a_card_that_is_served_far_too_late_plays_silence_and_counts_it(tmp_path: Path) -> None:
    clock = ManualClock(START)
    output = WavOutput(tmp_path / "loa.wav", clock, ahead_ms=200)
    asked: list[float] = []

    def callback(frames: int, dac_ms: float) -> Samples:
        asked.append(dac_ms)
        return np.full(frames, 0.5, dtype=np.float32)

    output.open(callback)
    clock.advance(timedelta(milliseconds=2_201))
    output.advance()
    clock.advance(timedelta(milliseconds=99))
    output.stop()
    sound, _ = soundfile.read(output.path, dtype="float32")
    assert (output.underruns, output.caught_up) == (1, 0)
    assert len(sound) == 2_300 * 48
    assert np.all(sound[: 200 * 48] > 0.4)
    assert not np.any(sound[200 * 48 : 2_201 * 48])
    assert np.all(sound[2_201 * 48 :] > 0.4)
    assert 2_201.0 in asked


def test_what_was_decided_while_the_card_stalled_holds(tmp_path: Path) -> None:
    clock = ManualClock(START)
    output = WavOutput(tmp_path / "loa.wav", clock, ahead_ms=200)
    mixer, events = Mixer(), list[Event]()
    cut = Performance(ReadyReel(3 * RATE), events.append, fade_ms=100)
    output.open(mixer.render)
    zero_ms = clock.monotonic() * 1000
    cut.place(zero_ms + 300, (float("inf"), ""))
    mixer.add(cut)
    clock.advance(timedelta(milliseconds=1_000))  # nobody serves the card
    cut.stop(clock.monotonic() * 1000, "stopped")
    after = Performance(ReadyReel(RATE // 10), events.append, fade_ms=100)
    after.place(zero_ms + 1_100, (float("inf"), ""))
    mixer.add(after)
    clock.advance(timedelta(milliseconds=500))
    output.advance()
    output.stop()
    sound, _ = soundfile.read(output.path, dtype="float32")
    assert not np.any(sound[: 300 * 48])
    assert np.all(sound[300 * 48 : 900 * 48] == sound[300 * 48])
    assert np.all(sound[300 * 48 : 999 * 48] > 0)
    assert not np.any(sound[1_000 * 48 : 1_100 * 48])
    assert np.all(sound[1_100 * 48 : 1_200 * 48] > 0)
    assert not np.any(sound[1_200 * 48 :])
    told = [(event.kind, round(event.mono_ms - zero_ms), event.reason) for event in events]
    assert told == [
        ("item-started", 300, ""),
        ("ended", 1_000, "stopped"),
        ("item-started", 1_100, ""),
        ("item-ended", 1_200, ""),
        ("ended", 1_200, ""),
    ]


def test_a_recording_that_is_there_is_left_alone_and_one_cut_off_can_be_read(tmp_path: Path) -> None:
    clock = ManualClock(START)
    first = WavOutput(tmp_path / "loa.wav", clock)
    first.open(lambda frames, _: np.full(frames, 0.25, dtype=np.float32))
    for _ in range(40):
        clock.advance(timedelta(milliseconds=100))
        first.advance()
    held, _ = soundfile.read(first.path, dtype="float32")  # as after a kill -9: never stopped
    assert 3.0 <= len(held) / RATE <= 4.3
    second = WavOutput(tmp_path / "loa.wav", clock)
    second.open(lambda frames, _: np.zeros(frames, dtype=np.float32))
    assert second.path == tmp_path / "loa-2.wav"
    second.stop()
    first.stop()


def test_what_a_stuck_card_left_out_is_lost_and_the_rest_stays_in_its_place() -> None:
    """Three items of a second; the card asks for nothing from 0.5 s to 1.5 s."""
    reel = ReadyReel(RATE, RATE, RATE)
    mixer, events = stage(reel, start_ms=0.0)
    before = pull(mixer, [BLOCK] * 5)
    after = pull(mixer, [BLOCK] * 15, from_ms=1_500.0)
    assert np.allclose(before, 0.01)
    assert np.allclose(after[: RATE // 2], 0.02)
    assert np.allclose(after[RATE // 2 :], 0.03)
    ended = [event for event in events if event.kind == "item-ended"]
    assert [(event.whole, event.reason, event.frames) for event in ended] == [
        (False, "output-lost", RATE // 2),
        (False, "output-lost", RATE // 2),
        (True, "", RATE),
    ]
