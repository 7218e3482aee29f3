"""The three brokers, each test with all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.devices.support import KINDS, Kind, Site, site


@pytest.fixture(params=KINDS)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    kind: Kind = request.param
    with site(kind, tmp_path / "broker") as made:
        yield made


@pytest.fixture(params=["embedded", "mosquitto"])
def networked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """The two with passwords and a port."""
    kind: Kind = request.param
    with site(kind, tmp_path / "broker") as made:
        yield made


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Site]:
    with site("mosquitto", tmp_path / "broker") as made:
        yield made


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Site]:
    with site("embedded", tmp_path / "broker") as made:
        yield made
