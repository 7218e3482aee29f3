from __future__ import annotations

from pathlib import Path

import pytest

from core.clock import ManualClock
from core.database import Database
from tests.broadcast.transmission.world import World


@pytest.fixture
def world(db: Database, clock: ManualClock, tmp_path: Path) -> World:
    """The small province in a fresh database of each kind in turn."""
    return World(db, clock, tmp_path)
