"""The machine under the agent: which one it is, which of its boots this is, how warm it is."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path


def digest() -> str:
    """A digest of what names this machine; empty where nothing does."""
    named = _read(Path("/etc/machine-id"))
    return hashlib.sha256(b"truyenthanh:" + named.encode()).hexdigest() if named else ""


def boot() -> str:
    """The kernel's name for this boot; empty where it gives none."""
    return _read(Path("/proc/sys/kernel/random/boot_id"))


def temperature_c() -> float | None:
    text = _read(Path("/sys/class/thermal/thermal_zone0/temp"))
    try:
        return int(text) / 1000.0
    except ValueError:
        return None


def software() -> str:
    try:
        return f"truyenthanh {importlib.metadata.version('truyenthanh')}"
    except importlib.metadata.PackageNotFoundError:
        return "truyenthanh"


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeError):
        return ""
