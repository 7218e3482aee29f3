"""Programs of the system that some tests need. Without REQUIRE_SERVICES=1 a missing one leaves its tests out, by name;
with it, a missing one is a failure.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Literal

import pytest

Service = Literal["mosquitto", "postgres", "chromium"]

MEND: dict[Service, str] = {
    "mosquitto": "apt-get install mosquitto",
    "postgres": "apt-get install postgresql",
    "chromium": "apt-get install chromium",
}


def find(service: Service) -> Path | None:
    """The program of a service, or None where it isn't installed."""
    if service == "postgres":
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        return found[-1] if found else None
    path = shutil.which(service) or shutil.which(service, path="/usr/sbin:/sbin:/usr/local/sbin")
    return Path(path) if path else None


def require(service: Service) -> Path:
    """The program of a service; leaves the test out, or fails it under REQUIRE_SERVICES=1, where it is missing."""
    path = find(service)
    if path is not None:
        return path
    message = f"{service} is not installed: {MEND[service]}"
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(message)
    pytest.skip(message)
