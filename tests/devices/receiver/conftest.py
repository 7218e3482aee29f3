from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.devices.receiver.scene import Scene
from tests.devices.receiver.station import Bench, bench


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Bench]:
    """A broker and a station; agents are stopped at the end, and none may have made a mistake."""
    with bench(tmp_path) as made:
        yield made


@pytest.fixture
def scene(stage: Bench, tmp_path: Path) -> Scene:
    return Scene(stage, tmp_path)
