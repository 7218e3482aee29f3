"""A card that was copied into another machine: silent, known by what it says, and in nobody's way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devices.receiver import standing
from tests.devices.receiver.scene import Scene
from tests.devices.receiver.station import QUICK
from tests.devices.support import eventually


def test_a_cloned_card_says_what_it_is_and_leaves_the_place_to_the_true_box(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "CLONE_SAYS_S", 0.4)
    monkeypatch.setattr(standing, "CLONE_RESTS_S", 1.0)
    scene.identity = scene.station.enrol(machine="another machine")
    scene.receiver = scene.identity.receiver
    scene.run(settings=replace(QUICK, machine="this machine"))
    link = scene.stage.links[scene.receiver]
    eventually(lambda: not link.connected)
    hellos = len(scene.station.hellos)
    scene.station.wait(lambda: len(scene.station.hellos) > hellos)
