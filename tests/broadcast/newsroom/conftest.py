"""A store and a quick speaker for the newsroom's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from audio.store import ObjectStore
from tests.broadcast.newsroom.support import QuickSpeaker


@pytest.fixture
def speaker(tmp_path: Path) -> QuickSpeaker:
    return QuickSpeaker(ObjectStore(tmp_path / "objects"))
