"""The machine under the agent: which one it is, which of its boots this is, how warm it is.

What names the machine is what a copied card doesn't bring along: the serial number that the board states, or else the
addresses that were burnt into its built-in network cards. (`/etc/machine-id` is on the card; it serves where there is
nothing else, in virtual machines and containers.) All of it can be read without being root, so that enrolling as root
and running as another user see the same machine.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path

RELEASE_FILE = "RELEASE"


def digest(root: Path = Path("/")) -> str:
    """A digest of what names this machine; empty where nothing does."""
    serial = _read(root / "proc/device-tree/serial-number").strip("\0")
    cards = sorted(filter(None, map(_burnt_in, sorted((root / "sys/class/net").glob("*")))))
    named = serial or ",".join(cards) or _read(root / "etc/machine-id")
    return hashlib.sha256(b"truyenthanh:" + named.encode()).hexdigest() if named else ""


def _burnt_in(card: Path) -> str:
    """The address of a network card that is part of the machine; empty for virtual ones, and what hangs on USB."""
    device = card / "device"
    if not device.exists() or "/usb" in str(device.resolve()) or _read(card / "addr_assign_type") != "0":
        return ""
    return _read(card / "address")


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
    """Name and version of what runs: of the release that this module is part of, else of what is installed."""
    released = _read(Path(__file__).resolve().parents[2] / RELEASE_FILE)
    if released:
        return f"truyenthanh {released}"
    try:
        return f"truyenthanh {importlib.metadata.version('truyenthanh')}"
    except importlib.metadata.PackageNotFoundError:
        return "truyenthanh"


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeError):
        return ""
