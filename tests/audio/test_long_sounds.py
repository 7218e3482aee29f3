"""Sounds longer than what is kept in memory: the same limits, the same bytes, in blocks."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from audio import take
from audio.codec import FRAME, SAMPLE_RATE, Samples, decode
from audio.errors import SoundUnusable
from audio.levels import loudness_lufs, true_peak_dbtp
from audio.mastering import master_all, master_blocks
from audio.profiles import PROFILES, Profile
from audio.take import Take
from core.errors import DiskFull

KBPS: dict[Profile, int] = {"full": 32, "horn": 24}
SECONDS = 12


@pytest.fixture(autouse=True)
def short_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes minutes with the real limit goes the same way with this one."""
    monkeypatch.setattr(take, "_IN_MEMORY", 5 * SAMPLE_RATE)


def voice() -> Samples:
    """A buzz in syllables whose strength changes, a little louder towards the end."""
    t = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    chance = np.random.default_rng(4)
    phase = np.mod(t, 1 / 130)
    syllables = np.repeat(chance.uniform(0.05, 1, SECONDS * 5), SAMPLE_RATE // 5) * np.sin(np.pi * t / 0.2) ** 2
    buzz = np.exp(-phase * 300) * (np.sin(2 * np.pi * 700 * phase) + 0.4 * np.sin(2 * np.pi * 1800 * phase))
    sound: Samples = (0.1 * (1 + t / SECONDS) * syllables * buzz).astype(np.float32)
    return sound


def in_blocks(sound: Samples, size: int) -> Iterator[Samples]:
    for at in range(0, sound.size, size):
        yield sound[at : at + size]


def test_a_take_gives_back_what_it_was_given_as_often_as_asked(tmp_path: Path) -> None:
    sound = voice()[: -SAMPLE_RATE // 3]
    with Take(tmp_path) as one:
        one.fill(in_blocks(sound, 12_345), clean=True)
        for _ in range(2):
            blocks = list(one.blocks())
            whole = np.concatenate(blocks)
            assert {block.size for block in blocks[:-1]} == {take.BLOCK}
            assert whole.size == one.samples == -(-sound.size // FRAME) * FRAME
            assert (whole[: sound.size] == sound).all()
            assert not whole[sound.size :].any()
        assert one.lufs == pytest.approx(loudness_lufs(sound), abs=0.01)
        assert one.loudest == np.abs(sound).max()
        assert list(tmp_path.iterdir()) == []  # its file has no name: a killed process leaves nothing


def test_a_long_sound_is_within_the_limits_and_the_same_bytes_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = voice()
    told: list[float] = []
    made = master_blocks(in_blocks(sound, 48_000), kbps=KBPS, folder=tmp_path, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    for profile in PROFILES:
        decoded = decode(made[profile].data)
        assert decoded.size == sound.size
        assert made[profile].duration_ms == SECONDS * 1000
        assert abs(loudness_lufs(decoded) + 16) <= 0.5
        assert true_peak_dbtp(decoded) <= -1.5
    again = master_blocks(in_blocks(sound, 31_000), kbps=KBPS, folder=tmp_path)
    monkeypatch.setattr(take, "_IN_MEMORY", 60 * SAMPLE_RATE)
    at_once = master_all(sound, SAMPLE_RATE, kbps=KBPS)
    for profile in PROFILES:
        assert made[profile].data == again[profile].data == at_once[profile].data


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __init__(self, **_given: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("audio.take.tempfile.TemporaryFile", Full)
    with pytest.raises(DiskFull):
        master_blocks(in_blocks(voice(), 48_000), kbps=KBPS, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_goes_wrong_in_the_source_or_the_listener_ends_it(tmp_path: Path) -> None:
    def broken() -> Iterator[Samples]:
        yield voice()
        raise SoundUnusable(reason_vi="hỏng", reason_en="broken")

    with pytest.raises(SoundUnusable, match="broken"):
        master_blocks(broken(), kbps=KBPS, folder=tmp_path)

    def impatient(share: float) -> None:
        if share > 0.2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        master_blocks(in_blocks(np.tile(voice(), 3), 48_000), kbps=KBPS, folder=tmp_path, progress=impatient)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spoiled", [0, 9])
def test_what_is_no_number_anywhere_is_refused(tmp_path: Path, spoiled: int) -> None:
    sound = voice()
    sound[spoiled * SAMPLE_RATE] = np.nan
    with pytest.raises(SoundUnusable):
        master_blocks(in_blocks(sound, 48_000), kbps=KBPS, folder=tmp_path)
