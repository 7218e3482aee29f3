"""A recording on a full disk: it ends with what it holds, and the simulated card goes on."""

from __future__ import annotations

import logging
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.clock import SystemClock
from devices.receiver.outputs import WavOutput


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """The system refuses to let any file grow beyond `size` bytes, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_recording_keeps_what_it_holds_and_says_so_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    output = WavOutput(tmp_path / "heard.wav", SystemClock())
    sound = np.full(480, 0.5, dtype=np.float32)
    output._begin()
    with files_at_most(44 + 2 * 1_000), caplog.at_level(logging.ERROR):
        for _ in range(20):
            output._write(sound)
    output._end(20 * 480)
    samples, rate = soundfile.read(tmp_path / "heard.wav", dtype="float32")
    assert rate == 48_000
    assert len(samples) == 1_000
    assert np.allclose(samples, 0.5, atol=1e-4)
    assert len(caplog.records) == 1
