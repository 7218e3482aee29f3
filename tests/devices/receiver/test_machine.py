"""Which machine this is: by what a copied card doesn't bring along."""

from __future__ import annotations

from pathlib import Path

from devices.receiver import machine


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def card(root: Path, name: str, address: str, *, bus: str = "pci0000:00/0000:00:19.0", assigned: str = "0") -> None:
    device = root / "sys/devices" / bus
    device.mkdir(parents=True, exist_ok=True)
    folder = root / "sys/class/net" / name
    write(folder / "address", address + "\n")
    write(folder / "addr_assign_type", assigned + "\n")
    (folder / "device").symlink_to(device)


def test_two_boards_with_the_same_card_are_two_machines(tmp_path: Path) -> None:
    digests = set()
    for number in ("one", "two"):
        write(tmp_path / number / "etc/machine-id", "the same")
        write(tmp_path / number / "proc/device-tree/serial-number", f"10000000{number}\0")
        digests.add(machine.digest(tmp_path / number))
    assert len(digests) == 2


def test_built_in_network_cards_name_a_machine_and_others_do_not(tmp_path: Path) -> None:
    write(tmp_path / "etc/machine-id", "the same")
    only_card = machine.digest(tmp_path)
    card(tmp_path, "eth0", "02:00:00:00:00:01")
    named = machine.digest(tmp_path)
    assert named != only_card
    card(tmp_path, "usb0", "02:00:00:00:00:02", bus="pci0000:00/usb1/1-1")  # a modem that is exchanged
    card(tmp_path, "wlan0", "02:00:00:00:00:03", assigned="3")  # an address that changes by itself
    write(tmp_path / "sys/class/net/lo/address", "00:00:00:00:00:00")
    assert machine.digest(tmp_path) == named
    write(tmp_path / "etc/machine-id", "another card")
    assert machine.digest(tmp_path) == named


def test_a_machine_that_nothing_names_is_bound_to_nothing(tmp_path: Path) -> None:
    assert machine.digest(tmp_path) == ""
